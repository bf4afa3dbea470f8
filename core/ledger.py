"""What was recorded of an upgrade: hops, checkpoints, baseline facts, snapshots. Facts are never taken back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from core.errors import RefusedError
from core.names import pick


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
    release: str = ""  #: what it holds: the release a restore goes back to


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One release to the next, within an upgrade. One that began and did not end failed in its middle, or runs."""

    origin: str
    destination: str
    began_at: datetime
    ended_at: datetime | None = None
    by: str
    snapshot: str = ""  #: name of the snapshot taken before it


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Everything recorded of one target's last upgrade, oldest first."""

    target: str
    upgrade: Upgrade | None = None
    hops: tuple[Hop, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    snapshots: Mapping[str, Snapshot] = field(default_factory=dict)  #: by name; the newest of each
    baseline: Mapping[str, str] = field(default_factory=dict)  #: fact -> value; "fact@host" for a host's own

    @property
    def open_hop(self) -> Hop | None:
        return self.hops[-1] if self.hops and self.hops[-1].ended_at is None else None

    @property
    def release(self) -> str:
        """Where the chain of hops stands: the destination of the last that ended, else the upgrade's origin; or ""."""
        ended = [hop.destination for hop in self.hops if hop.ended_at is not None]
        return ended[-1] if ended else (self.upgrade.origin if self.upgrade else "")


def check_hop(ledger: Ledger, origin: str, destination: str, snapshot: str = "") -> None:
    """
    Raises:
        RefusedError: a hop from *origin* to *destination* cannot begin now.
    """
    if ledger.upgrade is None:
        raise RefusedError(
            f"no upgrade of '{ledger.target}' is recorded; record it first: "
            f"`belay upgrade begin {ledger.target} --from RELEASE --to RELEASE`"
        )
    if (hop := ledger.open_hop) is not None:
        raise RefusedError(
            f"the hop {hop.origin} → {hop.destination} of '{ledger.target}' is open; when it has ended, "
            f"`belay upgrade hop-done {ledger.target} --to {hop.destination}`"
        )
    if origin != ledger.release:
        last = "the last hop ended at" if ledger.hops else "the upgrade began at"
        raise RefusedError(f"a hop begins where the chain stands: {last} '{ledger.release}', not at '{origin}'")
    if destination == origin:
        raise RefusedError(f"a hop goes to another release; both are '{origin}'")
    if snapshot:
        pick("snapshot", snapshot, ledger.snapshots, context=f"is recorded for '{ledger.target}'")


def check_hop_done(ledger: Ledger, destination: str) -> Hop:
    """
    Return the open hop, which ends now.

    Raises:
        RefusedError: none is open, or it goes elsewhere.
    """
    hop = ledger.open_hop
    if hop is None:
        raise RefusedError(f"no hop of '{ledger.target}' is open, so none can have ended")
    if hop.destination != destination:
        raise RefusedError(f"the open hop of '{ledger.target}' goes to '{hop.destination}', not to '{destination}'")
    return hop
