"""`belay lint`: read every plan and configuration file as the bot would. `belay audit verify`: check the hash chain."""

import argparse
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from bot.cli import OK, REFUSED, Verbs
from commands.text import count
from core.errors import PlanError
from core.lint import lint
from core.lint_finding import Level

_HEAD = re.compile(r"([0-9]+):([0-9a-f]{64})")


def add(verbs: Verbs) -> None:
    """Add this file's verbs."""
    lint = verbs.add(
        "lint", "Check plans (files or folders); without a path, all that the bot would load.", _lint, epilog=_LINT
    )
    lint.add_argument("paths", nargs="*", type=Path, metavar="PATH")
    audit = verbs.add(
        "audit", "Check that no line of the audit was altered, taken out or put in.", _audit, epilog=_AUDIT
    )
    audit.add_argument("what", choices=("verify",), help="walk the whole chain")
    audit.add_argument(
        "--expect", type=_head, metavar="N:HASH", help="a head noted earlier; the chain has to pass through it"
    )


_LINT = "Each finding is one line: file:line: where in the file: what is wrong; what to do. Exit status 1: errors."
_AUDIT = """\
The head it prints, noted where nobody can rewrite it, proves later that nothing before it changed: pass it as
--expect. Boards and reports carry heads too."""


async def _lint(args: argparse.Namespace) -> int:
    if args.paths:
        plans = [file for path in args.paths for file in _files(path)]
        return _tell(len(plans), _missing(args.paths), _read(plans))
    from bot.settings import load_settings  # noqa: PLC0415  # reads the environment; a path needs none of it
    from store.config_files import load_roster, load_targets  # noqa: PLC0415
    from store.plan_files import load_plans  # noqa: PLC0415

    settings = load_settings()
    plans = [path for folder in settings.plan_folders for path in _files(folder)]
    _, errors = load_plans(*settings.plan_folders)
    unread = {error.file for error in errors}
    problems = list(map(str, errors))
    for path, load in ((settings.targets_file, load_targets), (settings.roster_file, load_roster)):
        if path.exists():
            try:
                load(path)
            except PlanError as error:
                problems.append(str(error))
    return _tell(len(plans), problems, _read([path for path in plans if str(path) not in unread]))


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted((*path.rglob("*.yaml"), *path.rglob("*.yml")))
    elif path.exists():
        yield path


def _missing(paths: list[Path]) -> list[str]:
    return [f"{path}: there is no such file or folder" for path in paths if not path.exists()]


def _read(paths: list[Path]) -> Iterator[tuple[Level, str]]:
    """What cannot be read, and what the linter finds in what can; each with its file and line."""
    from store.plan_files import read_plan  # noqa: PLC0415

    for path in paths:
        try:
            file = read_plan(path)
        except PlanError as error:
            yield Level.ERROR, str(error)
            continue
        for finding in lint(file.plan):
            line = file.document.line(finding.where)
            yield finding.level, f"{path}:{line}: {finding}" if line else f"{path}: {finding}"


def _tell(files: int, problems: Iterable[str], found: Iterable[tuple[Level, str]]) -> int:
    """Errors make the exit status 1; a warning may be meant."""
    errors, warnings = list(problems), list[str]()
    for level, text in found:
        (errors if level is Level.ERROR else warnings).append(text)
    for text in (*errors, *warnings):
        print(text, file=sys.stderr)
    said = f"{count(len(errors), 'problem')}" if errors else "no problem"
    said += f", {count(len(warnings), 'warning')}" if warnings else ""
    print(f"{count(files, 'plan')} read, {said}")
    return REFUSED if errors else OK


def _head(text: str) -> tuple[int, str]:
    match = _HEAD.fullmatch(text.lower())
    if match is None:
        raise argparse.ArgumentTypeError(f"should be N:HASH with 64 hexadecimal digits, is '{text[:80]}'")
    return int(match.group(1)), match.group(2)


async def _audit(args: argparse.Namespace) -> int:
    from bot.settings import load_settings  # noqa: PLC0415
    from store.database import Store  # noqa: PLC0415
    from store.records import AuditHead  # noqa: PLC0415

    expected = AuditHead(n=args.expect[0], hash=args.expect[1]) if args.expect else None
    store = await Store.open(load_settings().url, readonly=True)
    try:
        async with store.look() as tx:
            head = await tx.verify_audit(expected=expected)
    finally:
        await store.close()
    print(f"the audit is whole: {head.n} lines, head {head.n}:{head.hash}")
    return OK
