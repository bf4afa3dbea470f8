"""Runs from the claim to their end: what is done, in which order, how often, and what is asked of people."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bot import unit_work
from core.action import Action, Ended, Sink, Verdict
from core.errors import RefusedError, UnknownNameError, UnreachableError
from core.journal import Kind
from core.run_states import RunStatus
from core.target import Host
from core.unit_states import UnitStatus
from store.database import Store
from tests.bot.world import LOOK, actor, bot, memory_hosts, plan_data, target
from tests.practice_executor import MemoryExecutor, printed

EXPECTED = [
    "do stop@a",
    "do stop@b",
    "do stop@c",
    "do restore@a",
    "do start@a",
    "do start@b",
    "do start@c",
]


async def test_a_run_does_every_step_once_in_order(tmp_path: Path) -> None:
    """Parallel steps together, serial ones in the order of the role, each unit once."""
    hosts = memory_hosts()
    async with bot(tmp_path, hosts) as b:
        run_id = await b.asked_and_agreed()

        view = await b.until(run_id, RunStatus.SUCCEEDED)

        assert sorted(hosts.order[:3]) + hosts.order[3:] == EXPECTED
        assert set(hosts.effects.values()) == {1}
        assert view.state.status is RunStatus.SUCCEEDED
        async with b.store.look() as tx:
            assert await tx.lock_of("prod") is None


class CrashError(Exception):
    """The process dies here."""


@asynccontextmanager
async def dying(store: Store, *, before: int, after_commit: bool) -> AsyncIterator[asyncio.Event]:
    """Let the *before*-th writing transaction be the last: it dies before, or right after, its commit."""
    real, count, died = store.begin, 0, asyncio.Event()

    @asynccontextmanager
    async def begin(**kwargs: bool) -> AsyncIterator[object]:
        nonlocal count
        count += 1
        if died.is_set() or (count >= before and not after_commit):
            died.set()
            raise CrashError
        async with real(**kwargs) as tx:
            yield tx
        if count >= before:
            died.set()
            raise CrashError

    monkey = pytest.MonkeyPatch()
    monkey.setattr(store, "begin", begin)
    try:
        yield died
    finally:
        monkey.undo()


@pytest.mark.parametrize("after_commit", [False, True], ids=["before-commit", "after-commit"])
@pytest.mark.parametrize("transaction", range(1, 22))
async def test_dying_at_any_entry_repeats_nothing_and_forgets_nothing(
    tmp_path: Path, transaction: int, after_commit: bool
) -> None:
    """Die at the n-th write of the run, start again: every action took effect once and the run succeeds."""
    hosts = memory_hosts()
    async with bot(tmp_path, hosts) as first:
        run_id = await first.ask()
        await first.service.approve(run_id, actor("bo"))
        async with dying(first.store, before=transaction, after_commit=after_commit) as died:
            with contextlib.suppress(CrashError):
                await first.service.approve(run_id, actor("cy"))
            async with asyncio.timeout(10):
                await died.wait()
            await first.engine.close()

    async with bot(tmp_path, hosts) as second:
        state = (await second.service.run(run_id)).state
        if state.status is RunStatus.WAITING:
            await second.service.approve(run_id, actor("cy"))
            await second.service.sweep()
        await second.until(run_id, RunStatus.SUCCEEDED)

        assert sorted(hosts.order[:3]) + hosts.order[3:] == EXPECTED
        assert set(hosts.effects.values()) == {1}


async def test_a_dropped_link_is_attached_to_and_not_run_again(tmp_path: Path) -> None:
    hosts = memory_hosts()
    hosts.drop_link_once = {"stop@b", "restore@a"}
    async with bot(tmp_path, hosts) as b:
        await b.until(await b.asked_and_agreed(), RunStatus.SUCCEEDED)

    assert hosts.effects["b", "stop@b", "do"] == 1
    assert hosts.effects["a", "restore@a", "do"] == 1


async def test_a_lost_outcome_asks_a_person_who_settles_it(tmp_path: Path) -> None:
    """Its supervisor died: neither run again nor taken for done; a person says how it ended."""
    hosts = memory_hosts()
    hosts.lose = {"restore@a"}
    async with bot(tmp_path, hosts) as b:
        run_id = await b.asked_and_agreed()
        view = await b.until(run_id, RunStatus.NEEDS_PERSON)

        assert view.state.unit("restore@a").status is UnitStatus.UNKNOWN
        assert view.state.ask is not None
        assert view.state.ask.choices == ("retry", "settle", "leave")
        with pytest.raises(RefusedError, match="wants what you saw"):
            await b.service.settle(run_id, actor("bo"), "restore@a", "done", reason="")
        await b.service.settle(run_id, actor("bo"), "restore@a", "done", reason="the rows are the old ones")
        view = await b.until(run_id, RunStatus.SUCCEEDED)

        assert hosts.effects["a", "restore@a", "do"] == 1


async def test_a_failed_step_asks_and_a_retry_is_another_attempt(tmp_path: Path) -> None:
    hosts = memory_hosts()
    hosts.answers["start@b.do"] = printed("masked by dana", exit_code=1)
    async with bot(tmp_path, hosts) as b:
        run_id = await b.asked_and_agreed()
        view = await b.until(run_id, RunStatus.NEEDS_PERSON)
        assert view.state.ask is not None
        assert "exit 1: masked by dana" in view.state.ask.reason
        assert "do start@c" not in hosts.order

        del hosts.answers["start@b.do"]
        await b.service.retry(run_id, actor("bo"))
        view = await b.until(run_id, RunStatus.SUCCEEDED)

        assert view.state.unit("start@b").attempt == 2
        assert hosts.effects["a", "start@a", "do"] == 1


async def test_exit_0_is_not_done_when_the_verification_says_no(tmp_path: Path) -> None:
    hosts = memory_hosts()
    hosts.answers["stop@b.verify"] = printed("active", exit_code=1)
    async with bot(tmp_path, hosts) as b:
        view = await b.until(await b.asked_and_agreed(), RunStatus.NEEDS_PERSON)

    assert view.state.unit("stop@b").status is UnitStatus.FAILED
    assert "not as it should be" in view.state.unit("stop@b").reason


async def test_abort_unwinds_while_nothing_was_destroyed(tmp_path: Path) -> None:
    """What runs is ended on its host, what was done is undone, last first."""
    hosts = memory_hosts()
    hosts.hold["stop@b"] = asyncio.Event()
    async with bot(tmp_path, hosts) as b:
        run_id = await b.asked_and_agreed()
        await hosts.started["stop@b"].wait()

        await b.service.abort(run_id, actor("bo"), "wrong target")
        view = await b.until(run_id, RunStatus.UNWOUND)

        assert view.state.unit("stop@b").status is UnitStatus.UNDONE
        assert "do restore@a" not in hosts.order
        undone = {line for line in hosts.order if line.startswith("undo")}
        assert undone == {"undo stop@a", "undo stop@b", "undo stop@c"}
        async with b.store.look() as tx:
            entries = await tx.entries(run_id)
        reasons = [e.data.get("reason", "") for e in entries if e.kind is Kind.UNIT_FAILED and e.unit == "stop@b"]
        assert reasons == ["ended by a person's abort; the host says its processes are gone"]


async def test_abort_is_refused_once_something_was_destroyed(tmp_path: Path) -> None:
    hosts = memory_hosts()
    hosts.hold["restore@a"] = asyncio.Event()
    async with bot(tmp_path, hosts) as b:
        run_id = await b.asked_and_agreed()
        await hosts.started["restore@a"].wait()

        with pytest.raises(RefusedError, match="from here only forward"):
            await b.service.abort(run_id, actor("bo"), "second thoughts")
        hosts.hold["restore@a"].set()
        await b.until(run_id, RunStatus.SUCCEEDED)


async def test_pause_lets_what_runs_end_and_starts_nothing(tmp_path: Path) -> None:
    hosts = memory_hosts()
    hosts.hold["stop@b"] = asyncio.Event()
    async with bot(tmp_path, hosts) as b:
        run_id = await b.asked_and_agreed()
        await hosts.started["stop@b"].wait()
        await b.service.pause(run_id, actor("bo"), "let me look")
        hosts.hold["stop@b"].set()
        await b.when(run_id, lambda state: state.unit("stop@b").status is UnitStatus.DONE)

        assert "do restore@a" not in hosts.order
        await b.service.resume(run_id, actor("cy"))
        await b.until(run_id, RunStatus.SUCCEEDED)


async def test_the_guarded_step_does_not_start_once_the_point_is_crossed(tmp_path: Path) -> None:
    """Crossed while the run stood before it: nothing is restored, and the question says what was found where."""
    hosts = memory_hosts()
    hosts.hold["stop@b"] = asyncio.Event()
    async with bot(tmp_path, hosts) as b:
        run_id = await b.asked_and_agreed()
        await hosts.started["stop@b"].wait()
        hosts.answers["computes-converted.0@c"] = printed("yes")
        hosts.hold["stop@b"].set()
        view = await b.until(run_id, RunStatus.NEEDS_PERSON)

        assert view.state.ask is not None
        assert "computes-converted is CROSSED (c: yes)" in view.state.ask.reason
        assert "do restore@a" not in hosts.order
        await b.service.retry(run_id, actor("bo"))
        await b.when(run_id, lambda state: state.seq > view.state.seq + 2)
        await b.until(run_id, RunStatus.NEEDS_PERSON)
        await b.service.abort(run_id, actor("bo"), "it is crossed")
        await b.until(run_id, RunStatus.UNWOUND)
        assert "do restore@a" not in hosts.order


async def test_a_host_that_cannot_be_reached_fails_its_unit_without_a_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from executors import retry

    monkeypatch.setattr(retry.run_when_reachable.retry, "stop", lambda _state: True)
    hosts = memory_hosts()
    async with bot(tmp_path, hosts) as b:
        run_id = await b.ask()
        await b.service.approve(run_id, actor("bo"))
        hosts.unreachable = {"b"}
        await b.service.approve(run_id, actor("cy"))
        view = await b.until(run_id, RunStatus.NEEDS_PERSON)

        assert view.state.unit("stop@b").status is UnitStatus.FAILED
        assert "nothing was started" in view.state.unit("stop@b").reason
        assert hosts.effects["b", "stop@b", "do"] == 0


async def test_a_second_driver_fences_the_first(tmp_path: Path) -> None:
    """Whoever raised the epoch last drives; the other one writes and starts nothing more."""
    hosts = memory_hosts()
    hosts.hold["stop@b"] = asyncio.Event()
    async with bot(tmp_path, hosts) as first:
        run_id = await first.asked_and_agreed()
        await hosts.started["stop@b"].wait()
        async with bot(tmp_path, hosts, store=first.store) as second:
            async with asyncio.timeout(10):
                while second.engine.driving == 0:
                    await asyncio.sleep(0)
            hosts.hold["stop@b"].set()
            await second.until(run_id, RunStatus.SUCCEEDED)
            assert first.engine.driving == 0
            assert set(hosts.effects.values()) == {1}


async def test_frozen_nothing_starts_until_thawed(tmp_path: Path) -> None:
    hosts = memory_hosts()
    async with bot(tmp_path, hosts) as b:
        run_id = await b.ask()
        await b.service.approve(run_id, actor("bo"))
        await b.service.freeze("suspicious", actor("dee"))
        with pytest.raises(RefusedError, match="frozen by dee"):
            await b.service.approve(run_id, actor("cy"))
        assert hosts.order == []
    async with bot(tmp_path, hosts) as b:
        await b.service.sweep()
        assert hosts.order == []
        await b.service.thaw(actor("dee"))
        await b.service.sweep()
        await b.until(run_id, RunStatus.SUCCEEDED)


async def test_a_step_on_the_first_reachable_host_is_elected_when_its_turn_comes(tmp_path: Path) -> None:
    data = plan_data()
    data["steps"][1]["on"] = "one_reachable"
    hosts = memory_hosts()
    hosts.hold["stop@b"] = asyncio.Event()
    async with bot(tmp_path, hosts, plan=data) as b:
        run_id = await b.asked_and_agreed()
        await hosts.started["stop@b"].wait()
        await b.when(run_id, lambda state: state.unit("stop@a").status is UnitStatus.DONE)
        hosts.unreachable = {"a"}
        hosts.hold["stop@b"].set()
        await hosts.started["restore@b"].wait()
        hosts.unreachable = set()
        view = await b.until(run_id, RunStatus.SUCCEEDED)

        assert view.state.elected == {"restore": "b"}
        assert "do restore@b" in hosts.order
        assert "do restore@a" not in hosts.order


async def test_unknown_runs_are_refused_by_name(tmp_path: Path) -> None:
    async with bot(tmp_path, MemoryExecutor()) as b:
        with pytest.raises(UnknownNameError, match="no run 'R-99'"):
            await b.service.run("R-99")


async def test_the_claim_rests_on_a_look_begun_after_the_last_approval(tmp_path: Path) -> None:
    """Both agree at once: a look that began before the second one must not be spent with it."""
    hosts = memory_hosts()
    looks: list[int] = []
    async with bot(tmp_path, hosts) as b:
        run_id = await b.ask()
        started = len(hosts.looks)

        def crossed_by_the_second_look(_action: Action, _host: Host) -> Ended:
            looks.append(len(hosts.looks) - started)
            return printed("no" if len(looks) == 1 else "yes")(_action, _host)

        hosts.answers["computes-converted.0@c"] = crossed_by_the_second_look
        await asyncio.gather(b.service.approve(run_id, actor("bo")), b.service.approve(run_id, actor("cy")))
        view = await b.service.run(run_id)

        assert len(looks) == 2
        assert view.state.status is RunStatus.REFUSED
        assert hosts.order == []


async def test_a_failure_during_a_freeze_asks_at_once_and_starts_nothing(tmp_path: Path) -> None:
    """The freeze holds back what touches hosts, not the question; and the driver rests instead of spinning."""
    hosts = memory_hosts()
    hosts.hold["stop@b"] = asyncio.Event()
    hosts.answers["stop@b.do"] = printed("it will not stop", exit_code=1)
    async with bot(tmp_path, hosts) as b:
        run_id = await b.asked_and_agreed()
        await hosts.started["stop@b"].wait()
        await b.service.freeze("suspicious", actor("dee"))
        hosts.hold["stop@b"].set()
        view = await b.until(run_id, RunStatus.NEEDS_PERSON)

        assert view.state.ask is not None
        assert "it will not stop" in view.state.ask.reason
        before = list(hosts.order)
        await b.service.retry(run_id, actor("bo"))
        await b.until(run_id, RunStatus.RUNNING)
        assert hosts.order == before
        del hosts.answers["stop@b.do"]
        await b.service.thaw(actor("dee"))
        await b.service.sweep()
        await b.until(run_id, RunStatus.SUCCEEDED)


async def test_a_host_that_became_another_one_in_mid_run_is_asked_about(tmp_path: Path) -> None:
    """The look before the guarded step cannot be made: a person is asked, and the driver does not break."""
    hosts = memory_hosts()
    hosts.hold["stop@b"] = asyncio.Event()
    async with bot(tmp_path, hosts) as b:
        run_id = await b.asked_and_agreed()
        await hosts.started["stop@b"].wait()
        moved = tuple(replace(host, address="elsewhere.test") if host.name == "c" else host for host in target().hosts)
        b.hands.targets = {"prod": replace(target(), hosts=moved)}
        hosts.hold["stop@b"].set()
        view = await b.until(run_id, RunStatus.NEEDS_PERSON)

        assert view.state.ask is not None
        assert "host 'c' is now memory://@elsewhere.test" in view.state.ask.reason
        assert "do restore@a" not in hosts.order
        b.hands.targets = {"prod": target()}
        await b.service.retry(run_id, actor("bo"))
        await b.until(run_id, RunStatus.SUCCEEDED)


async def test_silence_of_a_host_is_not_taken_for_no_effect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The link dropped and the host stayed away: what may still be at work is unknown, whatever a probe says now."""
    monkeypatch.setattr(unit_work, "GRACE_S", -29.5)  # the action's 30 s and this: half a second of patience
    data = plan_data()
    data["steps"][0]["probe"] = LOOK
    data["steps"][0] |= {"idempotent": True, "retries": 3}
    hosts = memory_hosts()
    hosts.drop_link_once = {"stop@b"}
    async with bot(tmp_path, hosts, plan=data) as b:
        run_id = await b.ask()
        await b.service.approve(run_id, actor("bo"))
        real = hosts.attach

        async def away(action: Action, host: Host, sink: Sink) -> Verdict:
            if action.unit == "stop@b":
                raise UnreachableError("cannot reach 'b'")
            return await real(action, host, sink)

        monkeypatch.setattr(hosts, "attach", away)
        hosts.answers["stop@b.verify"] = printed("still at it", exit_code=1)
        await b.service.approve(run_id, actor("cy"))
        view = await b.until(run_id, RunStatus.NEEDS_PERSON)

        assert view.state.unit("stop@b").status is UnitStatus.UNKNOWN
        assert hosts.effects["b", "stop@b", "do"] == 1
