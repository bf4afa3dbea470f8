"""What is true of a practice system, seen from outside: never by the bot's word."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    what: str  #: what was looked at: "nova-api on controller-1"
    right: bool  #: it is as it has to be once the rollback has succeeded
    found: str = ""  #: in words: "500 from ocata"


def all_right(findings: Iterable[Finding]) -> bool:
    """True if there is something that was looked at, and all of it is right."""
    found = list(findings)
    return bool(found) and all(finding.right for finding in found)


def describe(findings: Iterable[Finding]) -> str:
    """Return the findings on one line, what is wrong first: "wrong: nova-api on controller-1: 500 from ocata"."""
    alike: dict[tuple[bool, str], list[str]] = {}
    for finding in findings:
        alike.setdefault((finding.right, finding.found), []).append(finding.what)
    parts = []
    for right in (False, True):
        same = [f"{', '.join(names)}: {said}" for (good, said), names in alike.items() if good is right]
        if same:
            parts.append(f"{'right' if right else 'wrong'}: {'; '.join(same)}")
    return " – ".join(parts) or "nothing was looked at"
