"""A run as it was asked for (it never changes), and as it stands (computed from its journal)."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from core.approvals import Subject, Tally
from core.fleet import Selection
from core.people import Account, Person
from core.pnr import Findings
from core.resolve import ResolvedPlan
from core.state import RunState
from core.target import place


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What was asked for, frozen. What has become of it is in its journal."""

    id: str  #: "R-17"
    target: str
    plan: ResolvedPlan
    digest: str  #: of the plan; 64 hexadecimal digits
    verdict_digest: str  #: of the findings people are shown when they are asked to approve
    requester: str  #: id of the person
    reason: str
    channel: str = ""  #: where its board stands: the chat service's id of the channel
    incident: str = ""
    created_at: datetime
    accepted: Mapping[str, str] = field(default_factory=dict)  #: point of no return -> words
    parameters: Mapping[str, str] = field(default_factory=dict)  #: as the requester gave them; the rest are facts
    selection: Selection | None = None  #: of a fleet: what was chosen, with its facts as they were found

    @property
    def token(self) -> str:
        """Tells this run from another one that was given its number by a database that had lost this one."""
        text = f"{self.id} {self.digest} {self.requester} {self.created_at.isoformat()}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def subject(self) -> Subject:
        """What approvers agree to."""
        return Subject(
            run=self.id,
            target=self.target,
            plan_digest=self.digest,
            verdict_digest=self.verdict_digest,
            barred=frozenset({self.requester}),
            asked_at=self.created_at,
            policy=self.plan.policy,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A run at one moment: what every front-end and command shows."""

    run: Run
    state: RunState
    tally: Tally
    people: Mapping[str, Person] = field(default_factory=dict)  #: id -> person, for names and mentions


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who does something, through which account, by which way ("reaction", "button", "command", "cli", "api")."""

    person: Person
    account: Account
    way: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """How one preflight check went on one host, for one item."""

    check: str
    title: str
    host: str
    item: str = ""
    ok: bool
    blocker: bool
    found: str

    @property
    def where(self) -> str:
        return place(self.host, self.item)

    @property
    def sentence(self) -> str:
        return f"{self.title or self.check} on {self.where}: {self.found}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What would happen, and whether it may."""

    plan: ResolvedPlan
    digest: str
    findings: Findings
    checks: tuple[CheckResult, ...]
    refusals: tuple[str, ...]  #: why a run would be refused now; empty: it would be put up for approval

    @property
    def allowed(self) -> bool:
        return not self.refusals
