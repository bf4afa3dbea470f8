"""Points of no return on boards and in dialogs: the verdict, what was found, where and when."""

from collections.abc import Mapping

from bot.mrkdwn import code, date, escape, lines_within
from commands.text import count
from core.pnr import Finding, Findings, Reason, Verdict

#: Pieces of evidence named for one point; the others are counted.
MOST_REASONS = 3


def verdicts(findings: Findings, accepted: Mapping[str, str], limit: int) -> str:
    """Return a headline and one line a point, as mrkdwn of at most *limit* characters."""
    title = f"*Point of no return: {findings.verdict.upper()}*, looked at {date(findings.at)}"
    lines = [_line(finding, accepted.get(finding.point, "")) for finding in findings.points]
    return lines_within([title, *(lines or ["The plan names none, so nothing was looked at."])], limit)


def _line(finding: Finding, words: str) -> str:
    worst = [reason for reason in finding.reasons if reason.verdict is finding.verdict]
    places = len({reason.where for reason in finding.reasons})
    looked = f", {count(places, 'place')} looked at" if finding.verdict is Verdict.REVERSIBLE else ""
    evidence = "; ".join(map(_evidence, worst[:MOST_REASONS])) or "nothing looked"
    more = f" and {len(worst) - MOST_REASONS} more" if len(worst) > MOST_REASONS else ""
    taken = f" (unknown taken on: {escape(words, 200)})" if words and finding.verdict is Verdict.UNKNOWN else ""
    return f"{code(finding.point, 80)}: *{finding.verdict.upper()}*{looked}: {evidence}{more}{taken}"


def _evidence(reason: Reason) -> str:
    when = f" ({date(reason.at)})" if reason.at else ""
    return f"{escape(reason.where, 64)}: {escape(reason.found, 160)}{when}"
