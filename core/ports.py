"""
What commands and front-ends need of the program, without knowing how it is made.

Every method either did what it says, durably, or raised. `RefusedError` and its kin are shown to the person as they
are; `StoreUnavailableError` means nothing happened; anything else is a bug.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from core.ledger import Ledger, Snapshot
from core.people import Account, Person
from core.plan import Plan
from core.pnr import Findings
from core.run import Actor, Preview, RunView
from core.target import Target


class Clock(Protocol):
    def now(self) -> datetime:
        """Return the time now, aware, in UTC."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRequest:
    """What a person asks for. Nothing of it is trusted until the service has looked at it."""

    target: str
    plan: str = ""  #: "" where the target has one plan only
    reason: str
    typed: str  #: the target's name, typed again
    incident: str = ""
    channel: str = ""  #: where the board goes; "" for the target's own channel
    parameters: Mapping[str, str] = field(default_factory=dict)
    accepted: Mapping[str, str] = field(default_factory=dict)  #: point of no return -> why its unknown is taken on


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetStatus:
    """What `/rollback status prod-east` answers: is it reversible, until when, and who works on it."""

    target: Target
    ledger: Ledger
    plans: tuple[Plan, ...]
    findings: Mapping[str, Findings]  #: plan id -> what a look just now found
    active: RunView | None


class Service(Protocol):
    """Everything a person can ask of Belay."""

    # looking: anyone who reached the front-end may
    async def targets(self) -> Sequence[Target]: ...

    async def plans(self, target: str = "") -> Sequence[Plan]:
        """All plans, or those that fit *target*."""
        ...

    async def target_status(self, target: str) -> TargetStatus:
        """Look at the live system now; takes as long as the slowest probe."""
        ...

    async def preview(self, request: StartRequest) -> Preview:
        """What would run, where, and why it would be refused. Looks at the live system; changes nothing."""
        ...

    async def run(self, run_id: str) -> RunView: ...

    async def runs(self, *, target: str = "", limit: int = 10, active: bool = False) -> Sequence[RunView]:
        """The newest runs first."""
        ...

    async def report(self, run_id: str) -> str:
        """The run as a Markdown document: timeline, downtime, who approved what, outputs, audit head."""
        ...

    async def identify(self, account: Account) -> Person:
        """
        Raises:
            RefusedError: nobody on the roster speaks through this account.
        """
        ...

    # acting: each checks the actor's rights by itself
    async def start(self, request: StartRequest, by: Actor) -> RunView:
        """
        Put a run up for approval: resolve, check, look, freeze, lock the target, post the board.

        Raises:
            RefusedError: a checkpoint or the live system says no, or the target is locked; nothing was recorded
                but the refusal.
        """
        ...

    async def approve(self, run_id: str, by: Actor, *, digest: str = "") -> RunView:
        """Record one person's approval; at quorum claim the run. *digest*, if given, has to begin the plan's."""
        ...

    async def remove_approval(self, run_id: str, by: Actor) -> RunView: ...

    async def deny(self, run_id: str, by: Actor, reason: str = "") -> RunView:
        """One person's veto ends a waiting run."""
        ...

    async def withdraw(self, run_id: str, by: Actor, reason: str = "") -> RunView: ...

    async def pause(self, run_id: str, by: Actor, reason: str = "") -> RunView: ...

    async def resume(self, run_id: str, by: Actor, phrase: str = "") -> RunView: ...

    async def abort(self, run_id: str, by: Actor, reason: str = "", *, leave: bool = False) -> RunView: ...

    async def retry(self, run_id: str, by: Actor, units: Sequence[str] = ()) -> RunView: ...

    async def skip(self, run_id: str, by: Actor, units: Sequence[str] = (), *, reason: str) -> RunView: ...

    async def settle(self, run_id: str, by: Actor, unit: str, outcome: str, *, reason: str) -> RunView: ...

    async def mark(self, target: str, checkpoint: str, by: Actor, evidence: str = "") -> Ledger: ...

    async def record_snapshot(self, target: str, snapshot: Snapshot, by: Actor) -> Ledger: ...

    async def record_baseline(self, target: str, facts: Mapping[str, str], by: Actor) -> Ledger: ...

    async def begin_upgrade(self, target: str, origin: str, destination: str, by: Actor) -> Ledger: ...
