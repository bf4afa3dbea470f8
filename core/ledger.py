"""What was recorded of an upgrade: hops, checkpoints, baseline facts, snapshots. Facts are never taken back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """What is being undone: one upgrade of a target, from the first release to the last over its hops."""

    origin: str
    destination: str
    started_at: datetime
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A recorded fact "this happened"."""

    name: str
    at: datetime
    by: str
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A backup a plan may restore."""

    name: str
    kind: str
    place: str  #: where it lies, as the restoring step needs it: a path on the host
    sha256: str
    taken_at: datetime
    host: str = ""  #: the host it lies on; "" where it is not bound to one
    engine_version: str = ""
    covers: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Everything recorded of one target's last upgrade, oldest first."""

    target: str
    upgrade: Upgrade | None = None
    checkpoints: tuple[Checkpoint, ...] = ()
    snapshots: Mapping[str, Snapshot] = field(default_factory=dict)  #: by name; the newest of each
    baseline: Mapping[str, str] = field(default_factory=dict)  #: fact -> value; "fact@host" for a host's own
