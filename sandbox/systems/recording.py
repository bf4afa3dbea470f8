"""What an upgrade's automation records while it runs: into a bot's ledger, or here, into a ledger in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

from core.ledger import Checkpoint, Ledger, Snapshot, Upgrade

AUTOMATION = "upgrade-job"


class Recorder(Protocol):
    """The bot's door for the automation, as far as a practice upgrade uses it."""

    async def begin(self, origin: str, destination: str) -> None: ...

    async def mark(self, checkpoint: str, evidence: str = "") -> None: ...

    async def snapshot(self, snapshot: Snapshot) -> None: ...

    async def baseline(self, facts: Mapping[str, str]) -> None: ...


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
