"""
Approvals: how many different people agree to exactly this, now.

One function judges one approval, on every path (reaction, button, command) and again at the claim.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.errors import RefusedError
from core.people import May, Person, Roster
from core.plan import Policy

#: How far the clock of the chat service may be ahead of ours before an approval counts as made in the future.
CLOCK_TOLERANCE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What exactly is agreed to. Another digest is another subject: approvals do not carry over."""

    run: str
    target: str
    plan_digest: str
    verdict_digest: str
    barred: frozenset[str]  #: ids of people who never count: the requester and whoever edited the request
    asked_at: datetime
    policy: Policy

    @property
    def expires_at(self) -> datetime:
        return self.asked_at + timedelta(minutes=self.policy.expires_min)


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One agreement of one person, through one account, to one subject."""

    person: str
    account: str
    plan_digest: str
    verdict_digest: str
    at: datetime
    way: str = ""  #: "reaction", "button", "command": how it was given; for the record


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    counted: tuple[str, ...]  #: ids of the people who count, in the order they agreed
    missing: int
    ignored: tuple[tuple[Approval, str], ...]  #: with the reason in words

    @property
    def reached(self) -> bool:
        return self.missing == 0


def check_approver(person: Person, subject: Subject, now: datetime) -> None:
    """
    Raises:
        RefusedError: *person* cannot approve *subject* now; the text says why.
    """
    if person.id in subject.barred:
        raise RefusedError(f"{person.name} asked for {subject.run} or changed it; somebody else has to approve")
    if May.APPROVE not in person.may:
        raise RefusedError(f"{person.name} is on the roster but not as an approver")
    if now >= subject.expires_at:
        raise RefusedError(f"{subject.run} expired at {subject.expires_at:%H:%M} UTC; start it again")


def why_ignored(approval: Approval, subject: Subject, roster: Roster, now: datetime) -> str:
    """Return why *approval* does not count for *subject*, or "" if it does."""
    person = roster.people.get(approval.person)
    if person is None or approval.account not in person.accounts:
        return "no longer on the roster"
    if subject.barred - roster.people.keys():
        # Whoever asked may be on the roster under a new name now, and would not be recognised as barred.
        return "whoever asked is no longer on the roster under the same name; start it again"
    if approval.plan_digest != subject.plan_digest:
        return "given to another plan"
    if approval.verdict_digest != subject.verdict_digest:
        return "given before the points of no return changed"
    if approval.at < subject.asked_at - CLOCK_TOLERANCE or approval.at > now + CLOCK_TOLERANCE:
        return "dated outside the time of the request"
    try:
        check_approver(person, subject, now)
    except RefusedError as refusal:
        return str(refusal)
    return ""


def tally(approvals: Iterable[Approval], subject: Subject, roster: Roster, now: datetime) -> Tally:
    """Count the different people whose approvals hold. Accounts, repeats and barred people add nothing."""
    counted: dict[str, None] = {}
    ignored = []
    for approval in approvals:
        if why := why_ignored(approval, subject, roster, now):
            ignored.append((approval, why))
        else:
            counted.setdefault(approval.person)
    needed = max(1, subject.policy.needed)
    return Tally(counted=tuple(counted), missing=max(0, needed - len(counted)), ignored=tuple(ignored))


def check_quorum_possible(policy: Policy, roster: Roster, barred: Collection[str]) -> None:
    """
    Raises:
        RefusedError: there are not enough approvers for anyone ever to reach the quorum.
    """
    able = [person for person in roster.approvers() if person.id not in barred]
    if len(able) < max(1, policy.needed):
        raise RefusedError(
            f"{max(1, policy.needed)} approvers are needed beside the requester and the roster has {len(able)}; "
            "add approvers to the roster file"
        )
