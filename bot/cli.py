"""
The `belay` command line: its verbs, options and help. What a verb does stands in `bot.cli_*`.

Exit statuses: 0 done, 1 refused or failed, 2 the line was not understood.
"""

import argparse
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import NoReturn

from core.names import did_you_mean

OK, REFUSED, USAGE = 0, 1, 2

Handler = Callable[[argparse.Namespace], Awaitable[int]]

DESCRIPTION = """\
Belay takes a failed upgrade of a control plane back, together and safely.
It lives in chat (/rollback); this command line serves it, tries it, and works on the day chat is down."""

EXAMPLES = """\
examples:
  belay demo                                   a practice cloud and a local chat workspace; no account needed
  belay doctor                                 what is missing before the bot can serve, and how to mend it
  belay serve                                  the bot, until SIGTERM
  belay status prod-east                       can it still go back, and who says so
  belay preview prod-east newton               what would run where; changes nothing
  belay mark prod-east edpm-started --as ana   record a checkpoint, for example from the upgrade's automation

exit status: 0 done; 1 refused or failed (the reason is on stderr); 2 the line was not understood"""


class _Help(argparse.RawDescriptionHelpFormatter):
    """Wide enough for a verb and its summary on one line, whatever the terminal says."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=118)


class Parser(argparse.ArgumentParser):
    """An argparse parser that offers the nearest verb, and takes no abbreviations."""

    def __init__(self, **settings: object) -> None:
        settings.setdefault("formatter_class", _Help)
        super().__init__(allow_abbrev=False, **settings)  # type: ignore[arg-type]  # argparse's own keywords, passed on

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}\n`{self.prog} --help` shows how it is used.\n")


class Verbs:
    """The verbs of the command line, each with its parser. Files of verbs add theirs through `add`."""

    def __init__(self, into: "argparse._SubParsersAction[Parser]") -> None:
        self._into = into

    def add(self, name: str, summary: str, handle: Handler, *, epilog: str = "", usage: str = "") -> Parser:
        parser = self._into.add_parser(
            name, help=summary, description=summary, epilog=epilog or None, usage=usage or None
        )
        parser.set_defaults(handle=handle, log_level=logging.ERROR)
        return parser


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """
    Read a line. The result has `handle`, `verbose` and `log_level` besides the verb's own words.

    Raises:
        SystemExit: with 0 after help was shown, with 2 where the line was not understood.
    """
    # Imported here: these files use `Verbs`.
    from bot import cli_baseline, cli_chat, cli_doctor, cli_explain, cli_lint, cli_record, cli_serve  # noqa: PLC0415

    parser = Parser(prog="belay", description=DESCRIPTION, epilog=EXAMPLES + "\n\n" + environment())
    parser.add_argument("-v", "--verbose", action="store_true", help="log what happens, to stderr")
    # The list argparse would print in braces is too long to read; the verbs are listed below it.
    into = parser.add_subparsers(title="verbs", metavar="VERB", parser_class=Parser, dest="verb")
    verbs = Verbs(into)
    for module in (cli_serve, cli_chat, cli_record, cli_baseline, cli_explain, cli_lint, cli_doctor):
        module.add(verbs)
    if list(argv[:1]) == ["help"]:
        argv = [*argv[1:], "--help"]
    _check_verb(parser, argv, list(into.choices))
    args = parser.parse_args(argv)
    if args.verb is None:
        parser.print_help()
        parser.exit(USAGE)
    return args


def _check_verb(parser: Parser, argv: Sequence[str], known: Sequence[str]) -> None:
    word = next((word for word in argv if not word.startswith("-")), "")
    if not word or word in known:
        return
    from commands import ALL  # noqa: PLC0415  # only on the way out: most lines do not need it

    if word in {command.name for command in ALL}:
        parser.error(f"'{word}' is done in chat, where people are known: /rollback {word}")
    parser.error(f"no verb '{word[:60]}'{did_you_mean(word, known)}")


def environment() -> str:
    """The variables Belay reads, from the settings themselves, so that this list cannot be out of date."""
    from bot.settings import Settings  # noqa: PLC0415  # pydantic is slow to load, and help alone needs it here

    lines = ["environment:"]
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        choices = getattr(alias, "choices", None)
        variable = str(choices[0]) if choices else f"BELAY_{name.upper()}"
        default = field.get_default(call_default_factory=True)
        shown = "" if not default or "SecretStr" in repr(default) else f" [{default}]"
        lines.append(f"  {variable:<24} {field.description or ''}{shown}".rstrip())
    return "\n".join(lines)
