"""`belay doctor`: everything the bot needs, looked at before it is needed."""

import argparse
from typing import TYPE_CHECKING

from bot.cli import OK, REFUSED, Verbs
from core.names import pick

if TYPE_CHECKING:
    from bot.doctor import Finding

PARTS = ("files", "database", "hosts", "slack")

_EPILOG = """\
parts: files (targets, roster, plans), database (takes a write), hosts (reachable over SSH, host key, state folder,
clock), slack (tokens, scopes). Nothing is changed anywhere. exit status: 1 if anything is wrong."""


def add(verbs: Verbs) -> None:
    """Add this file's verb."""
    doctor = verbs.add(
        "doctor", "Look at everything the bot needs, and say how to mend what is wrong.", _doctor, epilog=_EPILOG
    )
    doctor.add_argument("parts", nargs="*", metavar="PART", help="only these parts [all]")


async def _doctor(args: argparse.Namespace) -> int:
    parts = _parts(args.parts)
    from bot import doctor  # noqa: PLC0415  # loads SSH and the store: not for `belay --help`
    from bot.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    well = True
    files = doctor.read_files(settings)
    if "files" in parts:
        well &= _tell(files.findings)
    if "database" in parts:
        well &= _tell([await doctor.look_at_database(settings)])
    if "hosts" in parts:
        if files.config is None:
            print("✗ hosts: not looked at, for the files above cannot be read")
            well = False
        else:
            async for findings in doctor.look_at_hosts(settings, files.config.targets.values()):
                well &= _tell(findings)
    if "slack" in parts:
        from bot.slack_doctor import look_at_slack  # noqa: PLC0415

        well &= _tell(await look_at_slack(settings))
    print("All is well." if well else "Something is wrong; the lines with ✗ say what, and how to mend it.")
    return OK if well else REFUSED


def _parts(words: list[str]) -> list[str]:
    return [pick("part", word, PARTS) for word in words] or list(PARTS)


def _tell(findings: "list[Finding]") -> bool:
    for finding in findings:
        print(finding, flush=True)
    return all(finding.ok for finding in findings)
