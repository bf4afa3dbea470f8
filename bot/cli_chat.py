"""The verbs that chat and the command line share: the same handlers, against a service beside the running bot."""

import argparse
import re
import sys
from pathlib import Path

from bot import cli_who
from bot.cli import OK, USAGE, Handler, Parser, Verbs
from commands import find
from commands.base import Command, Option, Reply, Request
from commands.grammar import assignment, check_clean
from core.errors import RefusedError

#: Looks, and the one act that automation needs.
SHARED = ("targets", "plans", "preview", "status", "history", "report", "mark")

_CALLED = re.compile(rf"/rollback (?={'|'.join(SHARED)}\b)")
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"


def add(verbs: Verbs) -> None:
    """Add this file's verbs."""
    for name in SHARED:
        _add(verbs, find(name))


def _add(verbs: Verbs, command: Command) -> None:
    given = ("preview prod-east newton",) if command.name == "preview" else command.examples
    examples = "\n".join(f"  belay {example}" for example in given)
    usage = _usage(command)
    parser = verbs.add(
        command.name, command.summary, _handler(command), usage=usage, epilog=f"for example:\n{examples}"
    )
    parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    for option in command.options:
        _add_option(parser, option)
    if command.name in ("preview", "report"):
        parser.add_argument("--out", type=Path, metavar="FILE", help="write the document there")
    if not command.offline:
        parser.add_argument("--as", dest="person", default="", metavar="PERSON", help=cli_who.HELP)


def _usage(command: Command) -> str:
    if command.name == "preview":
        return "belay preview TARGET PLAN [NAME=VALUE …] [--accept-unknown POINT=WHY] [--out FILE]"
    return f"belay {command.usage}{'' if command.offline else ' [--as PERSON]'}"


def _add_option(parser: Parser, option: Option) -> None:
    kind = "append" if option.repeats else "store"
    metavar = option.value.replace('"', "")
    parser.add_argument(
        f"--{option.name}", action=kind, dest=f"option_{option.name}", metavar=metavar, help=option.what
    )


def _handler(command: Command) -> Handler:
    async def handle(args: argparse.Namespace) -> int:
        words, options = _words(command, args), _options(command, args)
        if len(words) > command.max_words:
            print(f"belay {command.name}: '{words[command.max_words]}' is one word too many", file=sys.stderr)
            return USAGE
        from bot.settings import load_settings  # noqa: PLC0415  # with the store and SSH: not for `belay --help`
        from bot.wiring import offline_service, read_config  # noqa: PLC0415

        settings = load_settings()
        actor = cli_who.onlooker()
        if not command.offline:
            actor = cli_who.someone(read_config(settings).roster, args.person)
        async with offline_service(settings) as service:
            reply = await command.handle(Request(actor=actor, words=words, options=options), service)
        return show(reply, getattr(args, "out", None))

    return handle


def _words(command: Command, args: argparse.Namespace) -> tuple[str, ...]:
    words = tuple(args.words)
    for word in words:
        check_clean(word)
    if command.name == "preview" and len(words) > 1 and assignment(words[1]) is None and not args.option_to:
        args.option_to = words[1]
        return (words[0], *words[2:])
    return words


def _options(command: Command, args: argparse.Namespace) -> dict[str, str]:
    options = {}
    for option in command.options:
        value = getattr(args, f"option_{option.name}")
        if value is None:
            continue
        for each in [value] if isinstance(value, str) else value:
            check_clean(each)
        options[option.name] = value if isinstance(value, str) else "\n".join(value)
    return options


def show(reply: Reply, out: Path | None) -> int:
    """
    Print the reply; a document is printed whole, or written to *out*.

    Raises:
        RefusedError: *out* cannot be written.
    """
    if reply.document and out is not None:
        try:
            out.write_text(reply.document, encoding="utf-8")
        except OSError as error:
            raise RefusedError(f"cannot write {out}: {error.strerror}") from error
        print(f"written to {out}")
        return OK
    print(reply.document.rstrip() if reply.document else in_terminal(reply.text, colour=sys.stdout.isatty()))
    return OK


def in_terminal(text: str, *, colour: bool) -> str:
    """Light Markdown as a terminal shows it. What others wrote holds no marks any more, so all marks are ours."""
    text = _CALLED.sub("belay ", text).replace("`", "")
    return re.sub(r"\*([^*\n]+)\*", rf"{_BOLD}\1{_PLAIN}" if colour else r"\1", text)
