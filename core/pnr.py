"""
Points of no return: is it still safe to go back, and who says so?

Two sources are joined: what was recorded, and what the live system answers now. Either one saying "crossed"
is enough; silence is never "reversible".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from core.conditions import Condition
from core.digest import digest
from core.ledger import Checkpoint
from core.target import place


class Verdict(StrEnum):
    REVERSIBLE = "reversible"
    UNKNOWN = "unknown"
    CROSSED = "crossed"


_RANK = {Verdict.REVERSIBLE: 0, Verdict.UNKNOWN: 1, Verdict.CROSSED: 2}

#: How far the clock that took the evidence may be ahead of ours before the evidence counts as expired.
CLOCK_TOLERANCE = timedelta(seconds=5)


def join(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst: crossed beats unknown beats reversible. Of nothing at all, nothing is known."""
    return max(verdicts, key=_RANK.__getitem__, default=Verdict.UNKNOWN)


def read(reversible: Condition, crossed: Condition, exit_code: int, stdout: str) -> Verdict:
    """Read one answer. Both conditions hold: crossed; neither: unknown."""
    if crossed.holds(exit_code, stdout):
        return Verdict.CROSSED
    return Verdict.REVERSIBLE if reversible.holds(exit_code, stdout) else Verdict.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What has to be answered about one point of no return: one probe (by its index) on one host, for one item."""

    point: str
    probe: int
    host: str
    item: str = ""
    ttl_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One answer of the live system, or the lack of one."""

    point: str
    probe: int
    host: str
    item: str = ""
    verdict: Verdict
    found: str  #: what was seen, in words, redacted
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a point of no return got its verdict: what was found, where, when."""

    verdict: Verdict
    where: str  #: a host, an item on it ("mgmt-1[cust-a]"), or "ledger"
    found: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The verdict on one point of no return, worst reasons first."""

    point: str
    verdict: Verdict
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The verdicts on all points of no return of a plan on a target, at one moment."""

    at: datetime
    points: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        return join(finding.verdict for finding in self.points)

    def blocking(self, accepted: Mapping[str, str]) -> tuple[Finding, ...]:
        """
        Return what forbids going back.

        *accepted* maps points whose `unknown` the quorum took on itself to its words; nothing makes `crossed`
        acceptable. Without any point at all nothing was looked at, and that blocks too.
        """
        if not self.points:
            return (Finding(point="(none)", verdict=Verdict.UNKNOWN, reasons=()),)
        return tuple(
            finding
            for finding in self.points
            if finding.verdict is Verdict.CROSSED
            or (finding.verdict is Verdict.UNKNOWN and finding.point not in accepted)
        )

    @property
    def digest(self) -> str:
        """What approvers agree to: each point's verdict, not when or how often it was looked at."""
        return digest({finding.point: finding.verdict for finding in self.points})


def evaluate(
    points: Mapping[str, tuple[str, ...]],
    questions: Iterable[Question],
    checkpoints: Iterable[Checkpoint],
    evidence: Iterable[Evidence],
    now: datetime,
) -> Findings:
    """
    Judge each of *points* (its id -> the names of checkpoints that mean it was crossed).

    Every question without an answer, or with one older than its time to live, is `unknown`. A point about which
    there is no question is `unknown` too, for nothing looked.
    """
    asked = list(questions)
    answers = {(e.point, e.probe, e.host, e.item): e for e in sorted(evidence, key=_weight)}
    recorded = list(checkpoints)
    findings = []
    for point, names in points.items():
        reasons = [_recorded(c) for c in recorded if c.name in names]
        mine = [q for q in asked if q.point == point]
        reasons += [_answered(q, answers.get((q.point, q.probe, q.host, q.item)), now) for q in mine]
        # A crossing seen on a host nobody asked about (it left the target meanwhile) is a crossing all the same.
        known = {(q.probe, q.host, q.item) for q in mine}
        reasons += [
            Reason(verdict=e.verdict, where=place(e.host, e.item), found=e.found, at=e.at)
            for e in answers.values()
            if e.point == point and e.verdict is Verdict.CROSSED and (e.probe, e.host, e.item) not in known
        ]
        reasons.sort(key=lambda reason: -_RANK[reason.verdict])
        verdict = join(reason.verdict for reason in reasons)
        if not known and verdict is Verdict.REVERSIBLE:
            verdict = Verdict.UNKNOWN
        findings.append(Finding(point=point, verdict=verdict, reasons=tuple(reasons)))
    return Findings(at=now, points=tuple(findings))


def _weight(answer: Evidence) -> tuple[bool, datetime, int]:
    """Order answers to one question so that the one that counts comes last: a crossing, else the newest, the worst."""
    return (answer.verdict is Verdict.CROSSED, answer.at, _RANK[answer.verdict])


def _recorded(checkpoint: Checkpoint) -> Reason:
    found = f"checkpoint '{checkpoint.name}' recorded by {checkpoint.by}"
    if checkpoint.evidence:
        found += f": {checkpoint.evidence}"
    return Reason(verdict=Verdict.CROSSED, where="ledger", found=found, at=checkpoint.at)


def _answered(question: Question, answer: Evidence | None, now: datetime) -> Reason:
    where = place(question.host, question.item)
    if answer is None:
        return Reason(verdict=Verdict.UNKNOWN, where=where, found="was not asked", at=None)
    age = now - answer.at
    stale = age > timedelta(seconds=question.ttl_s) or age < -CLOCK_TOLERANCE
    if stale and answer.verdict is not Verdict.CROSSED:
        found = f"last answer is {age.total_seconds():.0f} s old, {question.ttl_s:.0f} s are allowed: {answer.found}"
        return Reason(verdict=Verdict.UNKNOWN, where=where, found=found, at=answer.at)
    return Reason(verdict=answer.verdict, where=where, found=answer.found, at=answer.at)
