"""The journal: written once, in order, together with its audit lines; replayed the same on both databases."""

import asyncio
from typing import Any

import pytest
from sqlmodel import SQLModel

from core.errors import ConflictError, FencedError, TransitionError, UnknownNameError
from core.journal import Kind
from core.run_states import RunStatus
from core.state import NewerJournalError, RunState, replay
from core.unit_states import UnitStatus
from store import engines
from store.database import Store
from store.parts import Part
from store.tables import JournalRow
from tests.store.samples import (
    BEGUN,
    CLAIMED,
    DONE,
    DRAFTED,
    PAUSED,
    PROBED,
    REFUSED,
    RESUMED,
    STARTED,
    SUBMITTED,
    SUCCEEDED,
    T0,
    UNIT,
    CrashError,
    approved,
    at,
    begun_run,
    run_of,
    submit,
    waiting_run,
)


async def test_a_run_comes_back_as_it_was_frozen(store: Store) -> None:
    run_id = await waiting_run(store)
    async with store.look() as look:
        assert await look.run(run_id) == run_of(run_id)


async def test_a_run_comes_back_after_a_restart(url: str) -> None:
    """Nothing of it lives in memory alone."""
    first = await Store.open(url)
    run_id = await begun_run(first)
    async with first.begin() as transaction:
        told = await transaction.append(run_id, [STARTED, DONE], seq=5, at=at(40))
    await first.close()

    second = await Store.open(url)
    async with second.look() as look:
        assert await look.run(run_id) == run_of(run_id)
        assert await look.state(run_id) == told
        assert replay(await look.entries(run_id)) == told
    await second.close()


async def test_run_ids_count_up_and_are_not_used_again(store: Store) -> None:
    assert [await waiting_run(store, target=f"t{i}") for i in range(3)] == ["R-1", "R-2", "R-3"]


async def test_runs_newest_first_by_target_and_activity(store: Store) -> None:
    for i in range(12):
        await waiting_run(store, target=f"t{i % 6}") if i < 6 else await _refused_run(store, f"t{i % 6}")
    async with store.look() as look:
        assert [run.id for run in await look.runs(limit=3)] == ["R-12", "R-11", "R-10"]
        assert [run.id for run in await look.runs(target="t2")] == ["R-9", "R-3"]
        assert [run.id for run in await look.runs(target="t2", active=True)] == ["R-3"]
        assert len(await look.runs(active=True, limit=50)) == 6


async def _refused_run(store: Store, target: str) -> str:
    async with store.begin() as transaction:
        run_id = await transaction.new_run_id()
        refused = [DRAFTED, PROBED, REFUSED]
        await transaction.add_run(run_of(run_id, target=target), refused, at=T0, by="ana")
    return run_id


async def test_an_unknown_run_offers_near_ones(store: Store) -> None:
    for i in range(12):
        await waiting_run(store, target=f"t{i}")
    async with store.look() as look:
        with pytest.raises(UnknownNameError, match=r"no run 'R-111'; did you mean 'R-11'\?"):
            await look.run("R-111")
        with pytest.raises(UnknownNameError):
            await look.state("R-99")


async def test_append_returns_what_replay_says(store: Store) -> None:
    run_id = await waiting_run(store)
    seq = 3
    for drafts in ([approved("bo")], [approved("cy"), PROBED], [CLAIMED], [BEGUN], [STARTED], [DONE], [SUCCEEDED]):
        async with store.begin() as transaction:
            state = await transaction.append(run_id, drafts, seq=seq, at=at(seq), by="bo")
        seq += len(drafts)
        async with store.look() as look:
            entries = await look.entries(run_id)
            assert state == replay(entries) == await look.state(run_id)
            assert [entry.seq for entry in entries] == list(range(1, seq + 1))
    assert state.status is RunStatus.SUCCEEDED
    assert state.unit(UNIT).status is UnitStatus.DONE


async def test_entries_after(store: Store) -> None:
    run_id = await begun_run(store)
    async with store.look() as look:
        later = await look.entries(run_id, after=3)
        assert [(e.seq, e.kind, e.by, e.at) for e in later] == [
            (4, Kind.CLAIMED, "bo", at(30)),
            (5, Kind.BEGUN, "bo", at(30)),
        ]


async def test_an_entry_that_cannot_happen_writes_nothing(store: Store) -> None:
    run_id = await waiting_run(store)
    before = await _everything(store, run_id)
    with pytest.raises(TransitionError):
        async with store.begin() as transaction:
            await transaction.append(run_id, [approved("bo"), SUCCEEDED], seq=3, at=at(9))
    assert await _everything(store, run_id) == before


async def test_an_entry_that_cannot_happen_writes_nothing_even_if_it_is_caught(store: Store) -> None:
    run_id = await waiting_run(store)
    before = await _everything(store, run_id)
    async with store.begin() as transaction:
        with pytest.raises(TransitionError):
            await transaction.append(run_id, [approved("bo"), SUCCEEDED], seq=3, at=at(9))
    assert await _everything(store, run_id) == before


@pytest.mark.parametrize("seq", [0, 2, 4])
async def test_append_behind_or_ahead_of_the_journal_conflicts(store: Store, seq: int) -> None:
    run_id = await waiting_run(store)
    before = await _everything(store, run_id)
    with pytest.raises(ConflictError, match=f"at entry 3, not at {seq}"):
        async with store.begin() as transaction:
            await transaction.append(run_id, [approved("bo")], seq=seq, at=at(9))
    assert await _everything(store, run_id) == before


async def test_appending_nothing_is_a_mistake(store: Store) -> None:
    run_id = await waiting_run(store)
    with pytest.raises(TransitionError):
        async with store.begin() as transaction:
            await transaction.append(run_id, [], seq=3, at=at(9))


async def test_the_same_run_twice_conflicts(store: Store) -> None:
    run_id = await waiting_run(store)
    with pytest.raises(ConflictError, match="there is a run R-1 already"):
        async with store.begin() as transaction:
            await transaction.add_run(run_of(run_id), [DRAFTED, SUBMITTED], at=T0, by="ana")


@pytest.mark.parametrize("after_writes", range(1, 12))
async def test_a_failure_in_the_middle_leaves_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch, after_writes: int
) -> None:
    """Fact, journal entry and audit line: interrupted before any of its writes, nothing of the transaction stays."""
    run_id = await waiting_run(store)
    before = await _everything(store, run_id)
    writes, add, write = 0, Part._add, Part._write

    def count() -> None:
        nonlocal writes
        writes += 1
        if writes > after_writes:
            raise CrashError

    async def counted_add(self: Part, *rows: SQLModel) -> None:
        count()
        await add(self, *rows)

    async def counted_write(self: Part, *what: Any) -> int:
        count()
        return await write(self, *what)

    monkeypatch.setattr(Part, "_add", counted_add)
    monkeypatch.setattr(Part, "_write", counted_write)
    with pytest.raises(CrashError):
        await _much_at_once(store, run_id)
    monkeypatch.undo()
    assert await _everything(store, run_id) == before
    async with store.look() as look:
        assert await look.lock_of("other") is None
        assert await look.claim_of(run_id) is None


async def _much_at_once(store: Store, run_id: str) -> None:
    async with store.begin() as transaction:
        await transaction.claim(run_id, digest="d", verdict_digest="v", people=["bo", "cy"], at=at(9))
        await transaction.append(run_id, [approved("bo"), CLAIMED, BEGUN], seq=3, at=at(9))
        await submit(transaction, target="other")
        raise CrashError


async def test_a_state_of_a_transaction_that_was_undone_is_forgotten(store: Store) -> None:
    run_id = await begun_run(store)
    with pytest.raises(CrashError):
        await _append_and_crash(store, run_id)
    async with store.begin() as transaction:
        assert (await transaction.state(run_id)).status is RunStatus.RUNNING
        assert (await transaction.append(run_id, [STARTED], seq=5, at=at(41))).seq == 6


async def _append_and_crash(store: Store, run_id: str) -> None:
    async with store.begin() as transaction:
        await transaction.append(run_id, [PAUSED], seq=5, at=at(40))
        raise CrashError


async def test_a_transaction_sees_what_it_wrote(store: Store) -> None:
    async with store.begin() as transaction:
        run_id = await submit(transaction)
        assert await transaction.run(run_id) == run_of(run_id)
        await transaction.append(run_id, [approved("bo")], seq=3, at=at(9))
        assert (await transaction.state(run_id)).seq == 4
        assert len(await transaction.entries(run_id)) == 4


async def test_a_look_is_a_snapshot_and_does_not_wait(store: Store) -> None:
    run_id = await begun_run(store)
    async with store.look() as look:
        assert (await look.state(run_id)).seq == 5
        async with store.begin() as transaction:
            await transaction.append(run_id, [STARTED], seq=5, at=at(40))
            async with store.look() as other:
                assert (await other.state(run_id)).seq == 5
        assert len(await look.entries(run_id)) == 5
    async with store.look() as look:
        assert (await look.state(run_id)).seq == 6


async def test_a_look_cannot_write(store: Store) -> None:
    run_id = await begun_run(store)
    with pytest.raises(RuntimeError, match="only reads"):
        async with store.look() as look:
            await look.append(run_id, [STARTED], seq=5, at=at(40))


async def test_one_of_many_concurrent_appends_wins_each_number(store: Store) -> None:
    run_id = await begun_run(store)
    await asyncio.gather(*(_pause_or_resume(store, run_id, times=5) for _ in range(8)))
    async with store.look() as look:
        entries = await look.entries(run_id)
        assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
        assert len(entries) == 5 + 8 * 5
        assert replay(entries) == await look.state(run_id)
        await look.verify_audit()


async def _pause_or_resume(store: Store, run_id: str, *, times: int) -> None:
    done = 0
    while done < times:
        async with store.look() as look:
            state = await look.state(run_id)
        await asyncio.sleep(0)
        draft = PAUSED if state.status is RunStatus.RUNNING else RESUMED
        try:
            async with store.begin() as transaction:
                await transaction.append(run_id, [draft], seq=state.seq, at=at(50))
            done += 1
        except ConflictError:
            continue


async def test_twenty_runs_at_once(store: Store) -> None:
    """No "database is locked", and nobody's entry is lost."""
    runs = [await begun_run(store, target=f"t{i}") for i in range(20)]

    async def work(run_id: str) -> RunState:
        for seq in range(5, 15):
            async with store.begin() as transaction:
                state = await transaction.append(run_id, [PAUSED if seq % 2 else RESUMED], seq=seq, at=at(seq))
            async with store.look() as look:
                assert (await look.state(run_id)).seq == seq + 1
        return state

    assert {state.seq for state in await asyncio.gather(*map(work, runs))} == {15}
    async with store.look() as look:
        head = await look.verify_audit()
        assert head.n == 20 * 15


async def test_cancelled_writers_leave_a_whole_journal_and_a_usable_store(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever moment a task is cancelled at, the next writer finds everything in order, and no lock left behind."""
    monkeypatch.setattr(engines, "BUSY_MS", 0)
    store = await Store.open(url)
    run_id = await begun_run(store)
    for step in range(60):
        task = asyncio.create_task(_pause_or_resume(store, run_id, times=1))
        await asyncio.wait({task}, timeout=step % 30 * 0.0005)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled() or task.exception() is None
    async with store.begin() as transaction:
        state = await transaction.state(run_id)
        assert replay(await transaction.entries(run_id)) == state
        head = await transaction.verify_audit()
        assert head.n == state.seq
    await store.close()


async def test_a_stale_epoch_writes_nothing(store: Store) -> None:
    run_id = await begun_run(store)
    async with store.begin() as transaction:
        mine = await transaction.raise_epoch(run_id)
        await transaction.append(run_id, [STARTED], seq=5, at=at(40), epoch=mine)
    async with store.begin() as transaction:
        theirs = await transaction.raise_epoch(run_id)
    assert theirs > mine
    before = await _everything(store, run_id)

    with pytest.raises(FencedError, match=f"epoch {theirs} now, this driver has epoch {mine}"):
        async with store.begin() as transaction:
            await transaction.append(run_id, [DONE], seq=6, at=at(41), epoch=mine)
    async with store.look() as look:
        await look.check_epoch(run_id, theirs)
        with pytest.raises(FencedError):
            await look.check_epoch(run_id, mine)
    assert await _everything(store, run_id) == before


async def test_raised_by_many_each_has_an_epoch_of_its_own(store: Store) -> None:
    run_id = await begun_run(store)

    async def raise_() -> int:
        async with store.begin() as transaction:
            return await transaction.raise_epoch(run_id)

    assert sorted(await asyncio.gather(*(raise_() for _ in range(10)))) == list(range(1, 11))


async def test_the_end_unlocks_the_target(store: Store) -> None:
    run_id = await begun_run(store)
    async with store.begin() as transaction:
        await transaction.append(run_id, [STARTED, DONE], seq=5, at=at(40))
        assert await transaction.lock_of("prod-east") is not None
        await transaction.append(run_id, [SUCCEEDED], seq=7, at=at(41))
    async with store.look() as look:
        assert await look.lock_of("prod-east") is None
        assert await look.runs(active=True) == []


async def test_a_newer_journal_is_refused(store: Store) -> None:
    run_id = await waiting_run(store)
    async with store.begin() as transaction:
        newer = JournalRow(run_id=run_id, seq=4, kind="approved", unit="", at=T0, who="", data={}, version=99)
        await transaction._add(newer)
    async with store.look() as look:
        with pytest.raises(NewerJournalError, match="entry 4 has version 99"):
            await look.state(run_id)


async def test_times_without_a_zone_are_refused(store: Store) -> None:
    run_id = await waiting_run(store)
    with pytest.raises(ValueError, match="a time with a zone"):
        async with store.begin() as transaction:
            await transaction.append(run_id, [SUBMITTED], seq=3, at=T0.replace(tzinfo=None))


async def _everything(store: Store, run_id: str) -> tuple[object, ...]:
    async with store.look() as look:
        head = await look.verify_audit()
        runs = [run.id for run in await look.runs(limit=100)]
        return head, runs, await look.entries(run_id), await look.state(run_id), await look.board(run_id)
