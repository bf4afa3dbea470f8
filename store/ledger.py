"""The ledger: what was recorded of an upgrade. Rows are added and never changed or taken away."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from sqlmodel import col, select

from core.codec import from_data, to_data
from core.ledger import Checkpoint, Hop, Ledger, Snapshot, Upgrade
from store.audit import AuditPart
from store.columns import utc
from store.tables import BaselineRow, CheckpointRow, HopRow, SnapshotRow, UpgradeRow

#: Characters of a baseline fact that stand in the audit as they are.
_LONGEST_NOTED = 300

Fact = TypeVar("Fact", HopRow, CheckpointRow, SnapshotRow, BaselineRow)


class LedgerPart(AuditPart):
    async def begin_upgrade(self, target: str, upgrade: Upgrade) -> None:
        """From now on facts of *target* belong to this upgrade. Those of earlier ones are kept, and not shown."""
        await self._add(
            UpgradeRow(
                target=target,
                begun=True,
                origin=upgrade.origin,
                destination=upgrade.destination,
                started_at=upgrade.started_at,
                who=upgrade.by,
            )
        )
        await self._note("upgrade", target, upgrade, who=upgrade.by, at=upgrade.started_at)

    async def begin_hop(self, target: str, hop: Hop) -> None:
        await self._add_hop(target, hop, ended=False, who=hop.by, at=hop.began_at)

    async def end_hop(self, target: str, hop: Hop, by: str, at: datetime) -> None:
        """The hop that was begun last has ended well."""
        await self._add_hop(target, hop, ended=True, who=by, at=at)

    async def _add_hop(self, target: str, hop: Hop, *, ended: bool, who: str, at: datetime) -> None:
        await self._add(
            HopRow(
                upgrade=await self._open_upgrade(target, by=who, at=at),
                origin=hop.origin,
                destination=hop.destination,
                ended=ended,
                snapshot=hop.snapshot,
                at=at,
                who=who,
            )
        )
        await self._note("hop_done" if ended else "hop", target, hop, who=who, at=at)

    async def add_checkpoint(self, target: str, checkpoint: Checkpoint) -> None:
        upgrade = await self._open_upgrade(target, by=checkpoint.by, at=checkpoint.at)
        await self._add(
            CheckpointRow(
                upgrade=upgrade,
                name=checkpoint.name,
                at=checkpoint.at,
                who=checkpoint.by,
                evidence=checkpoint.evidence,
            )
        )
        await self._note("checkpoint", target, checkpoint, who=checkpoint.by, at=checkpoint.at)

    async def add_snapshot(self, target: str, snapshot: Snapshot, by: str, at: datetime) -> None:
        """Record a backup. One of the same name replaces it in what `ledger` shows."""
        upgrade = await self._open_upgrade(target, by=by, at=at)
        await self._add(
            SnapshotRow(upgrade=upgrade, name=snapshot.name, who=by, recorded_at=at, facts=to_data(snapshot))
        )
        await self._note("snapshot", target, snapshot, who=by, at=at)

    async def add_baseline(self, target: str, facts: Mapping[str, str], by: str, at: datetime) -> None:
        """Record facts of before the upgrade. A later value of the same fact is the one `ledger` shows."""
        upgrade = await self._open_upgrade(target, by=by, at=at)
        await self._add(BaselineRow(upgrade=upgrade, who=by, at=at, facts=dict(facts)))
        await self._note("baseline", target, {name: _noted(value) for name, value in facts.items()}, who=by, at=at)

    async def ledger(self, target: str) -> Ledger:
        """
        Everything of the newest upgrade, in the order it was recorded.

        What was recorded before anybody said that an upgrade began stands under one that has no name
        (`Ledger.upgrade` is None).
        """
        row = await self._newest(target)
        if row is None or row.number is None:
            return Ledger(target=target)
        snapshots = [from_data(Snapshot, s.facts, where="snapshot") for s in await self._facts(SnapshotRow, row.number)]
        baseline: dict[str, str] = {}
        for recorded in await self._facts(BaselineRow, row.number):
            baseline.update(recorded.facts)
        return Ledger(
            target=target,
            upgrade=_upgrade(row) if row.begun else None,
            hops=_chain(await self._facts(HopRow, row.number)),
            checkpoints=tuple(
                Checkpoint(name=c.name, at=c.at, by=c.who, evidence=c.evidence)
                for c in await self._facts(CheckpointRow, row.number)
            ),
            snapshots={snapshot.name: snapshot for snapshot in snapshots},
            baseline=baseline,
        )

    async def _newest(self, target: str) -> UpgradeRow | None:
        query = select(UpgradeRow).where(UpgradeRow.target == target).order_by(col(UpgradeRow.number).desc())
        found: UpgradeRow | None = (await self._session.exec(query.limit(1))).first()
        return found

    async def _open_upgrade(self, target: str, *, by: str, at: datetime) -> int:
        row = await self._newest(target)
        if row is None:
            row = UpgradeRow(target=target, begun=False, origin="", destination="", started_at=at, who=by)
            await self._add(row)
        if row.number is None:
            raise AssertionError("an upgrade was written and has no number")
        return row.number

    async def _facts(self, kind: type[Fact], upgrade: int) -> list[Fact]:
        query = select(kind).where(col(kind.upgrade) == upgrade).order_by(col(kind.number))
        return list((await self._session.exec(query)).all())

    async def _note(self, what: str, target: str, fact: object, *, who: str, at: datetime) -> None:
        await self.audit(f"ledger.{what}", who=who, data={"target": target, what: fact}, at=utc(at))


def _noted(value: str) -> str:
    """The audit keeps a long fact's digest: the fact itself stands in its row."""
    if len(value) <= _LONGEST_NOTED:
        return value
    return f"{len(value.encode())} bytes, sha256 {hashlib.sha256(value.encode()).hexdigest()}"


def _upgrade(row: UpgradeRow) -> Upgrade:
    return Upgrade(origin=row.origin, destination=row.destination, started_at=row.started_at, by=row.who)


def _chain(rows: Sequence[HopRow]) -> tuple[Hop, ...]:
    hops: list[Hop] = []
    for row in rows:
        if row.ended:
            hops[-1] = replace(hops[-1], ended_at=row.at)
            continue
        hop = Hop(origin=row.origin, destination=row.destination, began_at=row.at, by=row.who, snapshot=row.snapshot)
        hops.append(hop)
    return tuple(hops)
