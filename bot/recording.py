"""What is recorded about a target: checkpoints, snapshots, baselines, the upgrade. The ledger's half of the service."""

from collections.abc import Callable, Mapping
from typing import Protocol

from bot.hands import Hands
from bot.looker import Looker
from bot.recorder import append
from bot.starting import choose_plan
from bot.survey import Comparison, Survey, Tell
from core.baselines import MAX_BYTES
from core.errors import RefusedError
from core.journal import Kind
from core.ledger import Checkpoint, Hop, Ledger, Snapshot, Upgrade, check_hop, check_hop_done
from core.names import is_name, pick
from core.people import May, check_may
from core.plan import Plan
from core.ports import Clock
from core.run import Actor
from core.run_states import RunStatus
from core.wishes import Draft
from store.database import Store
from store.transaction import Transaction


def _quietly(_line: str) -> None:
    """For a caller who shows no progress."""


class Recording:
    """Each verb checks who records, and writes the fact and its audit line in one transaction."""

    def __init__(
        self,
        *,
        store: Store,
        plans: Mapping[str, Plan],
        hands: Hands,
        looker: Looker,
        clock: Clock,
        changed: Callable[[str], None],
    ) -> None:
        self._store = store
        self._plans = plans
        self._hands = hands
        self._looker = looker
        self._clock = clock
        self._changed = changed
        self._survey = Survey(looker)

    async def mark(self, target: str, checkpoint: str, by: Actor, evidence: str = "") -> Ledger:
        check_may(by.person, May.OPERATE)
        if not is_name(checkpoint):
            raise RefusedError(f"a checkpoint's name has letters, digits, '.', '_' and '-' only; '{checkpoint}' came")
        fact = Checkpoint(name=checkpoint, at=self._clock.now(), by=by.person.id, evidence=evidence)
        async with self._store.begin() as tx:
            await tx.add_checkpoint(self._hands.target(target).id, fact)
            refused = await self._refuse_waiting(tx, target, fact)
            ledger = await tx.ledger(target)
        for run_id in refused:
            self._changed(run_id)
        return ledger

    async def _refuse_waiting(self, tx: Transaction, target: str, fact: Checkpoint) -> list[str]:
        """What has not begun and just became irreversible is refused in the transaction that says so."""
        refused = []
        for run in await tx.runs(target=target, active=True):
            state = await tx.state(run.id)
            crossed = [point.id for point in run.plan.points if fact.name in point.checkpoints]
            if crossed and state.status in (RunStatus.WAITING, RunStatus.CLAIMED):
                evidence = f" ({fact.evidence})" if fact.evidence else ""
                reason = f"{', '.join(crossed)} is CROSSED: checkpoint '{fact.name}' recorded by {fact.by}{evidence}"
                await append(tx, self._clock, run, [Draft(kind=Kind.REFUSED, data={"reason": reason})], seq=state.seq)
                refused.append(run.id)
        return refused

    async def record_snapshot(self, target: str, snapshot: Snapshot, by: Actor) -> Ledger:
        async def write(tx: Transaction) -> None:
            await tx.add_snapshot(target, snapshot, by.person.id, self._clock.now())

        return await self._record(target, by, write)

    async def record_baseline(self, target: str, facts: Mapping[str, str], by: Actor) -> Ledger:
        for fact, value in facts.items():
            if len(value.encode()) > MAX_BYTES:
                raise RefusedError(f"'{fact}' has {len(value.encode())} bytes; a baseline fact has at most {MAX_BYTES}")

        async def write(tx: Transaction) -> None:
            await tx.add_baseline(target, facts, by.person.id, self._clock.now())

        return await self._record(target, by, write)

    async def capture_baseline(self, target: str, plan: str, by: Actor, tell: Tell = _quietly) -> Mapping[str, str]:
        """
        Ask the hosts for every baseline of the plan, and record them all. Returns them by fact.

        Raises:
            RefusedError: one cannot be captured; nothing was recorded.
        """
        check_may(by.person, May.OPERATE)
        found = self._hands.target(target)
        facts = await self._survey.capture(choose_plan(self._plans, plan, found), found, tell)
        await self.record_baseline(target, facts, by)
        return facts

    async def compare_baseline(self, target: str, plan: str, tell: Tell = _quietly) -> Comparison:
        """Hold the live system against what was recorded. Changes nothing."""
        found = self._hands.target(target)
        return await self._survey.compare(choose_plan(self._plans, plan, found), found, await self.ledger(target), tell)

    async def ledger(self, target: str) -> Ledger:
        async with self._store.look() as tx:
            return await tx.ledger(self._hands.target(target).id)

    async def begin_upgrade(self, target: str, origin: str, destination: str, by: Actor) -> Ledger:
        async def write(tx: Transaction) -> None:
            await tx.begin_upgrade(target, upgrade)

        upgrade = Upgrade(origin=origin, destination=destination, started_at=self._clock.now(), by=by.person.id)
        return await self._record(target, by, write)

    async def begin_hop(self, target: str, origin: str, destination: str, by: Actor, *, snapshot: str = "") -> Ledger:
        """
        Record that the next hop of the upgrade begins.

        Raises:
            RefusedError: the chain does not go on like that; see `core.ledger.check_hop`.
        """

        async def write(tx: Transaction) -> None:
            check_hop(await tx.ledger(target), origin, destination, snapshot)
            await tx.begin_hop(target, hop)

        hop = Hop(
            origin=origin, destination=destination, began_at=self._clock.now(), by=by.person.id, snapshot=snapshot
        )
        return await self._record(target, by, write)

    async def end_hop(self, target: str, destination: str, by: Actor) -> Ledger:
        """
        Record that the open hop has ended well.

        Raises:
            RefusedError: no hop is open, or it goes elsewhere.
        """

        async def write(tx: Transaction) -> None:
            await tx.end_hop(target, check_hop_done(await tx.ledger(target), destination), by.person.id, now)

        now = self._clock.now()
        return await self._record(target, by, write)

    async def _record(self, target: str, by: Actor, write: "Write") -> Ledger:
        check_may(by.person, May.OPERATE)
        pick("target", target, self._hands.targets)
        async with self._store.begin() as tx:
            await write(tx)
            return await tx.ledger(target)


class Write(Protocol):
    async def __call__(self, tx: Transaction, /) -> None: ...
