"""What an upgrade's automation records while it runs: into a bot's ledger, or here, into a ledger in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

from core.ledger import Checkpoint, Hop, Ledger, Snapshot, Upgrade

AUTOMATION = "upgrade-job"


class Recorder(Protocol):
    """The bot's door for the automation, as far as a practice upgrade uses it."""

    async def begin(self, origin: str, destination: str) -> None: ...

    async def mark(self, checkpoint: str, evidence: str = "") -> None: ...

    async def snapshot(self, snapshot: Snapshot) -> None: ...

    async def baseline(self, facts: Mapping[str, str]) -> None: ...

    async def capture(self) -> None:
        """Capture the baselines of the plan that is practised, as `belay baseline capture` does."""
        ...

    async def hop(self, origin: str, destination: str, snapshot: str = "") -> None: ...

    async def hop_done(self, destination: str) -> None: ...


@dataclass
class Notebook:
    """A ledger in memory, for worlds without a bot."""

    target: str
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = Ledger(target=self.target)

    async def begin(self, origin: str, destination: str) -> None:
        upgrade = Upgrade(origin=origin, destination=destination, started_at=datetime.now(UTC), by=AUTOMATION)
        self.ledger = replace(self.ledger, upgrade=upgrade)

    async def mark(self, checkpoint: str, evidence: str = "") -> None:
        marked = Checkpoint(name=checkpoint, at=datetime.now(UTC), by=AUTOMATION, evidence=evidence)
        self.ledger = replace(self.ledger, checkpoints=(*self.ledger.checkpoints, marked))

    async def snapshot(self, snapshot: Snapshot) -> None:
        self.ledger = replace(self.ledger, snapshots={**self.ledger.snapshots, snapshot.name: snapshot})

    async def baseline(self, facts: Mapping[str, str]) -> None:
        self.ledger = replace(self.ledger, baseline={**self.ledger.baseline, **facts})

    async def capture(self) -> None:
        """Without a bot there is no plan, and nobody who asks the hosts."""

    async def hop(self, origin: str, destination: str, snapshot: str = "") -> None:
        hop = Hop(
            origin=origin,
            destination=destination,
            began_at=datetime.now(UTC),
            ended_at=None,
            by=AUTOMATION,
            snapshot=snapshot,
        )
        self.ledger = replace(self.ledger, hops=(*self.ledger.hops, hop))

    async def hop_done(self, destination: str) -> None:
        *before, last = self.ledger.hops
        self.ledger = replace(self.ledger, hops=(*before, replace(last, ended_at=datetime.now(UTC))))
