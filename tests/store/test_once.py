"""What may happen once: the lock of a target, the claim of a run, an event, a message."""

import asyncio

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel

from core.errors import ConflictError, RefusedError
from core.journal import Kind
from store.database import Store
from store.records import Claim, Outgoing
from store.tables import ClaimRow, InboxRow, JournalRow, OutboxRow, TargetLockRow
from tests.store.samples import (
    CLAIMED,
    DRAFTED,
    PLAN,
    T0,
    WITHDRAWN,
    approved,
    at,
    begun_run,
    run_of,
    submit,
    waiting_run,
)


async def _claim(store: Store, run_id: str) -> bool:
    try:
        async with store.begin() as transaction:
            state = await transaction.state(run_id)
            await transaction.claim(
                run_id, digest=PLAN.digest, verdict_digest="v", people=["cy", "bo", "bo"], at=at(30)
            )
            await transaction.append(run_id, [CLAIMED], seq=state.seq, at=at(30), by="bo")
    except ConflictError:
        return False
    return True


async def test_of_fifty_claims_at_once_one_is_made(store: Store) -> None:
    run_id = await waiting_run(store)
    made = await asyncio.gather(*(_claim(store, run_id) for _ in range(50)))
    assert made.count(True) == 1
    async with store.look() as look:
        assert await look.claim_of(run_id) == Claim(
            run_id=run_id, digest=PLAN.digest, verdict_digest="v", people=("bo", "cy"), at=at(30)
        )
        assert [entry.kind for entry in await look.entries(run_id)].count(Kind.CLAIMED) == 1


@pytest.mark.postgres
async def test_of_claims_of_several_replicas_one_is_made(postgres_url: str) -> None:
    replicas = [await Store.open(postgres_url) for _ in range(3)]
    run_id = await waiting_run(replicas[0])
    made = await asyncio.gather(*(_claim(replica, run_id) for replica in replicas for _ in range(10)))
    assert made.count(True) == 1
    for replica in replicas:
        async with replica.look() as look:
            assert (await look.state(run_id)).seq == 4
            await look.verify_audit()
        await replica.close()


@pytest.mark.postgres
async def test_runs_of_several_replicas_get_numbers_of_their_own(postgres_url: str) -> None:
    replicas = [await Store.open(postgres_url) for _ in range(3)]
    targets = [(replica, f"t{i}-{n}") for n, replica in enumerate(replicas) for i in range(8)]
    ids = await asyncio.gather(*(waiting_run(replica, target=target) for replica, target in targets))
    assert sorted(ids, key=lambda i: int(i[2:])) == [f"R-{n}" for n in range(1, 25)]
    for replica in replicas:
        await replica.close()


async def test_one_of_many_who_ask_gets_the_target(store: Store) -> None:
    async def ask() -> str | None:
        try:
            async with store.begin() as transaction:
                return await submit(transaction)
        except RefusedError:
            return None

    got = [run_id for run_id in await asyncio.gather(*(ask() for _ in range(15))) if run_id]
    assert len(got) == 1
    async with store.look() as look:
        lock = await look.lock_of("prod-east")
        assert lock is not None
        assert (lock.run_id, lock.requester, lock.at) == (got[0], "ana", T0)
        assert [run.id for run in await look.runs()] == got, "a refused request left its run behind"


async def test_a_taken_target_says_by_whom_since_when_and_what_to_do(store: Store) -> None:
    await waiting_run(store)
    with pytest.raises(RefusedError) as refusal:
        await waiting_run(store)
    assert str(refusal.value) == (
        "prod-east is taken by R-1, asked for by ana at 2026-04-12 12:40 UTC; "
        "wait for its end, or withdraw or abort R-1"
    )


async def test_locking_again_for_the_same_run_is_fine(store: Store) -> None:
    run_id = await waiting_run(store)
    async with store.begin() as transaction:
        await transaction.lock_target("prod-east", run_id, at(99))
        lock = await transaction.lock_of("prod-east")
    assert lock is not None
    assert lock.at == T0


async def test_only_the_holder_unlocks(store: Store) -> None:
    run_id = await waiting_run(store)
    async with store.begin() as transaction:
        await transaction.unlock_target("prod-east", "R-99")
        assert await transaction.lock_of("prod-east") is not None
        await transaction.unlock_target("prod-east", run_id)
        assert await transaction.lock_of("prod-east") is None
        await transaction.unlock_target("prod-east", run_id)


async def test_an_ended_run_leaves_the_lock_of_another_alone(store: Store) -> None:
    """A run that waits holds no lock if its target was given to another meanwhile."""
    first = await waiting_run(store)
    async with store.begin() as transaction:
        await transaction.unlock_target("prod-east", first)
        second = await submit(transaction)
        await transaction.append(first, [WITHDRAWN], seq=3, at=at(9), by="ana")
        lock = await transaction.lock_of("prod-east")
    assert lock is not None
    assert lock.run_id == second


@pytest.mark.parametrize(
    "row",
    [
        JournalRow(run_id="R-1", seq=4, kind="approved", unit="", at=T0, who="", data={}, version=1),
        ClaimRow(run_id="R-1", digest="", verdict_digest="", people=[], at=T0),
        TargetLockRow(target="prod-east", run_id="R-2", at=T0),
        TargetLockRow(target="elsewhere", run_id="R-1", at=T0),
        InboxRow(event_id="Ev1", kind="", payload={}, at=T0),
        OutboxRow(key="step:1", run_id="", kind="", payload={}, at=T0),
        JournalRow(run_id="R-77", seq=1, kind="drafted", unit="", at=T0, who="", data={}, version=1),
    ],
    ids=lambda row: f"{row.__tablename__}",
)
async def test_the_database_itself_refuses_a_second(store: Store, row: SQLModel) -> None:
    """The last line of defence, should the code above it be wrong: constraints."""
    run_id = await begun_run(store)
    async with store.begin() as transaction:
        await transaction.claim(run_id, digest="", verdict_digest="", people=[], at=T0)
        await transaction.add_run(run_of("R-2", target="other"), [DRAFTED], at=T0, by="")
        await transaction.receive("Ev1", "", {}, T0)
        await transaction.send(Outgoing(key="step:1", kind="", payload={}, at=T0))

    again = row.__class__(**row.model_dump())
    with pytest.raises((ConflictError, IntegrityError)):
        async with store.begin() as transaction:
            await transaction._add(again)


async def test_a_number_taken_behind_our_back_is_a_conflict(store: Store) -> None:
    """Another writer (an older Belay, a person with SQL) who got past the locks meets the constraint, and so do we."""
    run_id = await waiting_run(store)
    stolen = JournalRow(run_id=run_id, seq=4, kind="approved", unit="", at=T0, who="", data={}, version=1)
    with pytest.raises(ConflictError, match="has an entry 4 already"):
        await _append_after(store, run_id, stolen)


async def _append_after(store: Store, run_id: str, stolen: JournalRow) -> None:
    async with store.begin() as transaction:
        assert (await transaction.state(run_id)).seq == 3
        await transaction._add(stolen)
        transaction._session.expunge_all()
        await transaction.append(run_id, [approved("bo")], seq=3, at=at(9))
