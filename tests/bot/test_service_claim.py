"""Attacks on the claim: what changed between people's "yes" and the first step, and who else wants to claim."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.writing import LedgerMovedError
from core.action import Action, Ended
from core.errors import AccessDeniedError, RefusedError
from core.journal import Kind
from core.ledger import Checkpoint, Snapshot
from core.people import Account
from core.run_states import RunStatus
from core.target import Host, Target
from store.database import Store
from tests.bot.service_world import (
    QUESTION,
    WatchedHosts,
    assert_ended_untouched,
    assert_not_claimed,
    kinds,
    restarted,
    succeeded,
)
from tests.bot.world import Bot, Vouching, actor, bot, memory_hosts, plan_data, target
from tests.practice_executor import printed, refuses

# -- the plan, the inventory, the ledger -----------------------------------------------------------------------


def _first(plan: dict[str, Any]) -> dict[str, Any]:
    step: dict[str, Any] = plan["steps"][0]
    return step


#: What somebody edits in the plan's file while people agree.
CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "a command": lambda plan: _first(plan)["do"].update(argv=["svc", "stop", "--now"]),
    "an undo": lambda plan: _first(plan)["undo"].update(timeout_s=31),
    "a verification": lambda plan: _first(plan).update(verify={**_first(plan)["verify"], "argv": ["true"]}),
    "a guard": lambda plan: plan["steps"][1].update(guard=[]),
    "the order of steps": lambda plan: plan["steps"].reverse(),
    "a step less": lambda plan: plan["steps"].pop(),
    "the policy": lambda plan: plan.update(approvals={"needed": 1}),
    "a probe": lambda plan: plan["points_of_no_return"][0]["probes"][0].update(reversible={"exit": 0}),
    "a checkpoint's name": lambda plan: plan["points_of_no_return"][0].update(checkpoints=[]),
    "a validation": lambda plan: plan.update(validations=[]),
}


def other_plan(change: str) -> dict[str, Any]:
    plan = plan_data()
    CHANGES[change](plan)
    return plan


@pytest.mark.parametrize("change", CHANGES)
async def test_a_plan_that_changed_after_people_agreed_is_refused(tmp_path: Path, change: str) -> None:
    async with bot(tmp_path, memory_hosts()) as first:
        run_id = await first.ask()
        await first.service.approve(run_id, actor("bo"))
        b = restarted(first, plan=other_plan(change))
        await b.service.approve(run_id, actor("cy"))

        await assert_ended_untouched(b, run_id, "the plan changed since people agreed", "start it again")


async def test_an_identical_plan_keeps_its_approvals(tmp_path: Path) -> None:
    """Other words for people, another version, another order of keys: what happens on hosts is the same."""
    plan = plan_data(version="2", title="The old one, better explained")
    plan["steps"] = [dict(reversed(step.items())) for step in plan["steps"]]
    plan["steps"][0]["title"] = "Stop everything"
    async with bot(tmp_path, memory_hosts()) as first:
        run_id = await first.ask()
        await first.service.approve(run_id, actor("bo"))
        b = restarted(first, plan=plan)
        await b.service.approve(run_id, actor("cy"))

        await b.until(run_id, RunStatus.SUCCEEDED)


async def test_a_plan_that_is_gone_is_refused(tmp_path: Path) -> None:
    async with bot(tmp_path, memory_hosts()) as first:
        run_id = await first.ask()
        b = restarted(first)
        b.service._starter._plans = {}
        await b.service.approve(run_id, actor("bo"))

        await assert_ended_untouched(b, run_id, "the plan 'old' is no longer there")


async def test_the_plan_file_may_change_once_the_run_is_claimed(tmp_path: Path) -> None:
    """What people agreed to is frozen into the run; a file edited meanwhile changes nothing under way."""
    hosts = memory_hosts()
    hosts.hold["stop@a"] = asyncio.Event()
    async with bot(tmp_path, hosts) as first:
        run_id = await first.asked_and_agreed()
        await first.until(run_id, RunStatus.RUNNING)
        await first.engine.close()
    hosts.hold["stop@a"].set()
    async with bot(tmp_path, hosts, plan=other_plan("a step less")) as second:
        await second.until(run_id, RunStatus.SUCCEEDED)

        assert hosts.effects["c", "start@c", "do"] == 1


def moved(name: str, **changes: Any) -> Target:
    hosts = tuple(replace(host, **changes) if host.name == name else host for host in target().hosts)
    return replace(target(), hosts=hosts)


@pytest.mark.parametrize("name", ["a", "c"], ids=["only acted on", "also probed"])
@pytest.mark.parametrize(
    "changes",
    [{"address": "elsewhere.test"}, {"host_key": "ssh-ed25519 AAAA"}, {"port": 2222}, {"user": "root"}],
    ids=["address", "key", "port", "user"],
)
async def test_a_host_that_is_another_one_now_is_refused(tmp_path: Path, name: str, changes: dict[str, Any]) -> None:
    """Named, with what it was and what it is; and the target is free for a new request."""
    async with bot(tmp_path, memory_hosts()) as first:
        run_id = await first.ask()
        await first.service.approve(run_id, actor("bo"))
        b = restarted(first, inventory=[moved(name, **changes)])
        b.hosts.looks.clear()
        await b.service.approve(run_id, actor("cy"))

        host = moved(name, **changes).host(name)
        await assert_ended_untouched(b, run_id, f"host '{name}'", host.identity, target().host(name).identity)
        if name == "c":
            assert not b.hosts.looks, "a host that is another one now is not even asked"


@pytest.mark.parametrize("name", ["b", "c"])
async def test_a_host_that_left_the_target_is_refused(tmp_path: Path, name: str) -> None:
    less = tuple(host for host in target().hosts if host.name != name)
    roles = {role: tuple(h for h in names if h != name) or ("a",) for role, names in target().roles.items()}
    async with bot(tmp_path, memory_hosts()) as first:
        run_id = await first.ask()
        b = restarted(first, inventory=[replace(target(), hosts=less, roles=roles)])
        await b.service.approve(run_id, actor("bo"))

        await assert_ended_untouched(b, run_id)


async def test_a_target_that_is_gone_is_refused(tmp_path: Path) -> None:
    async with bot(tmp_path, memory_hosts()) as first:
        run_id = await first.ask()
        b = restarted(first, inventory=[replace(target(), id="another")])
        await b.service.approve(run_id, actor("bo"))

        await assert_ended_untouched(b, run_id, "no target 'prod'")


def snapshot(sha256: str, place: str = "/backup/db.sql") -> Snapshot:
    return Snapshot(name="db", kind="sql-dump", place=place, sha256=sha256, taken_at=datetime(2026, 11, 1, tzinfo=UTC))


def restoring() -> dict[str, Any]:
    plan = plan_data(snapshots={"db": {"kind": "sql-dump"}})
    plan["steps"][1]["do"]["argv"] = ["restore", "{snapshot.db.place}", "{snapshot.db.sha256}"]
    return plan


@pytest.mark.parametrize("again", [snapshot("b" * 64), snapshot("a" * 64, place="/tmp/db.sql")], ids=["sum", "place"])
@pytest.mark.parametrize("when", ["before the last approval", "during the last look"])
async def test_a_snapshot_recorded_again_with_other_content_is_refused(
    tmp_path: Path, again: Snapshot, when: str
) -> None:
    hosts = WatchedHosts()
    async with bot(tmp_path, hosts, plan=restoring()) as b:
        await b.service.record_snapshot("prod", snapshot("a" * 64), actor("dee"))
        run_id = await b.ask()
        await b.service.approve(run_id, actor("bo"))
        if when == "during the last look":
            hosts.meanwhile = lambda: b.service.record_snapshot("prod", again, actor("dee"))
        else:
            await b.service.record_snapshot("prod", again, actor("dee"))
        await b.service.approve(run_id, actor("cy"))

        words = ("snapshot 'db'", "b" * 64) if again.sha256.startswith("b") else ()
        await assert_ended_untouched(b, run_id, "changed since people agreed", *words)


async def test_the_same_snapshot_recorded_again_stops_nothing(tmp_path: Path) -> None:
    hosts = WatchedHosts()
    async with bot(tmp_path, hosts, plan=restoring()) as b:
        await b.service.record_snapshot("prod", snapshot("a" * 64), actor("dee"))
        run_id = await b.ask()
        await b.service.approve(run_id, actor("bo"))
        hosts.meanwhile = lambda: b.service.record_snapshot("prod", snapshot("a" * 64), actor("dee"))
        await b.service.approve(run_id, actor("cy"))

        await b.until(run_id, RunStatus.SUCCEEDED)


def with_parameter() -> dict[str, Any]:
    plan = plan_data(parameters={"database": {"pattern": "[a-z-]+", "fact": "db"}})
    plan["steps"][1]["do"]["argv"] = ["restore", "{database}"]
    return plan


@pytest.mark.parametrize("given", [{}, {"database": "nova-copy"}], ids=["a fact", "given by the requester"])
async def test_a_fact_that_changed_is_refused_where_it_was_used(tmp_path: Path, given: dict[str, str]) -> None:
    def inventory(db: str) -> list[Target]:
        return [replace(target(), facts={"db": db})]

    async with bot(tmp_path, memory_hosts()) as first:
        before = restarted(first, plan=with_parameter(), inventory=inventory("nova"))
        run_id = await before.ask(parameters=given)
        await before.service.approve(run_id, actor("bo"))
        after = restarted(first, plan=with_parameter(), inventory=inventory("keystone"))
        await after.service.approve(run_id, actor("cy"))

        if given:
            await after.until(run_id, RunStatus.SUCCEEDED)
        else:
            await assert_ended_untouched(after, run_id, "parameter 'database' (nova, now keystone)")


@pytest.mark.parametrize("when", ["before the last approval", "during the last look"])
async def test_a_new_upgrade_that_began_meanwhile_is_refused(tmp_path: Path, when: str) -> None:
    """It hides the checkpoints of the one people agreed to take back."""
    hosts = WatchedHosts()
    async with bot(tmp_path, hosts) as b:
        run_id = await b.ask()
        await b.service.approve(run_id, actor("bo"))
        if when == "during the last look":
            hosts.meanwhile = lambda: b.service.begin_upgrade("prod", "ocata", "pike", actor("dee"))
        else:
            await b.service.begin_upgrade("prod", "ocata", "pike", actor("dee"))
        await b.service.approve(run_id, actor("cy"))

        await assert_ended_untouched(b, run_id, "a new upgrade began since people were asked (ocata to pike, by dee)")


# -- points of no return ---------------------------------------------------------------------------------------


async def mark(b: Bot) -> None:
    await b.service.mark("prod", "compute-upgraded", actor("dee"), "job 17 on c")


async def test_crossed_by_a_recorded_checkpoint_before_the_start(tmp_path: Path) -> None:
    async with bot(tmp_path, memory_hosts()) as b:
        await mark(b)
        with pytest.raises(RefusedError, match=r"computes-converted is CROSSED .ledger: .*recorded by dee: job 17"):
            await b.ask()

        await assert_ended_untouched(b, "R-1", "computes-converted is CROSSED", "job 17 on c")


async def test_crossed_by_a_checkpoint_while_it_waits(tmp_path: Path) -> None:
    """Refused by the very transaction that records it, although the live system still says no."""
    async with bot(tmp_path, memory_hosts()) as b:
        run_id = await b.ask()
        await b.service.approve(run_id, actor("bo"))
        await mark(b)

        await assert_ended_untouched(b, run_id, "computes-converted is CROSSED", "'compute-upgraded' recorded by dee")
        with pytest.raises(RefusedError, match="it is refused"):
            await b.service.approve(run_id, actor("cy"))


async def test_crossed_by_a_checkpoint_during_the_last_look(tmp_path: Path) -> None:
    hosts = WatchedHosts()
    async with bot(tmp_path, hosts) as b:
        run_id = await b.ask()
        await b.service.approve(run_id, actor("bo"))
        hosts.meanwhile = lambda: mark(b)
        await b.service.approve(run_id, actor("cy"))

        await assert_ended_untouched(b, run_id, "computes-converted is CROSSED")


async def test_crossed_by_a_checkpoint_another_program_recorded_during_the_last_look(tmp_path: Path) -> None:
    """Without a word to this process: the claim's own transaction compares the ledger."""
    hosts = WatchedHosts()
    async with bot(tmp_path, hosts) as b:
        run_id = await b.ask()
        await b.service.approve(run_id, actor("bo"))

        async def record() -> None:
            async with b.store.begin() as tx:
                await tx.add_checkpoint("prod", checkpoint())

        hosts.meanwhile = record
        await b.service.approve(run_id, actor("cy"))

        await assert_ended_untouched(b, run_id, "ledger: checkpoint 'compute-upgraded' recorded by pipeline")


def checkpoint() -> Checkpoint:
    return Checkpoint(name="compute-upgraded", at=datetime.now(UTC), by="pipeline")


async def test_a_checkpoint_recorded_while_the_request_is_looked_at_is_not_overlooked(tmp_path: Path) -> None:
    """People are never asked to agree to verdicts that were wrong when they were written down."""
    hosts = WatchedHosts()
    async with bot(tmp_path, hosts) as b:
        hosts.meanwhile = lambda: mark(b)
        with pytest.raises(LedgerMovedError, match="something was recorded about 'prod' just now"):
            await b.ask()

        assert await b.service.runs() == []
        async with b.store.look() as tx:
            assert await tx.lock_of("prod") is None


async def test_crossed_between_the_claim_and_the_first_step(tmp_path: Path) -> None:
    """The approvals are spent, nothing has begun: a checkpoint still ends it."""
    async with bot(tmp_path, memory_hosts()) as b:
        run_id = await b.ask()
        await b.service.approve(run_id, actor("bo"))
        b.service._engine = Sleeping()
        await b.service.approve(run_id, actor("cy"))
        assert (await b.service.run(run_id)).state.status is RunStatus.CLAIMED
        await mark(b)
        b.engine.wake(run_id)

        await assert_ended_untouched(b, run_id, "computes-converted is CROSSED", claimed=True)


class Sleeping:
    """Nobody drives yet."""

    def wake(self, run_id: str) -> None:
        return None


async def test_a_checkpoint_that_means_nothing_to_the_plan_stops_nothing(tmp_path: Path) -> None:
    hosts = WatchedHosts()
    async with bot(tmp_path, hosts) as b:
        run_id = await b.ask()
        await b.service.approve(run_id, actor("bo"))
        hosts.meanwhile = lambda: b.service.mark("prod", "dns-switched", actor("dee"))
        await b.service.approve(run_id, actor("cy"))

        await b.until(run_id, RunStatus.SUCCEEDED)


@pytest.mark.parametrize("says", ["yes", "", "maybe"], ids=["crossed", "nothing", "neither"])
@pytest.mark.parametrize("approval", [1, 2], ids=["at the first approval", "at the claim"])
async def test_what_the_live_system_says_now_decides(tmp_path: Path, says: str, approval: int) -> None:
    hosts = memory_hosts()
    async with bot(tmp_path, hosts) as b:
        run_id = await b.ask()
        if approval == 2:
            await b.service.approve(run_id, actor("bo"))
        hosts.answers[QUESTION] = printed(says)
        await b.service.approve(run_id, actor("cy"))

        verdict = "CROSSED" if says == "yes" else "UNKNOWN"
        await assert_ended_untouched(b, run_id, "not safe to go back now", f"computes-converted is {verdict}", "(c: ")


async def test_crossed_at_the_claim_after_a_look_that_said_reversible(tmp_path: Path) -> None:
    """The answer changes between the look at the approval and a look that was started over."""
    hosts = WatchedHosts()
    async with bot(tmp_path, hosts) as b:
        run_id = await b.ask()
        await b.service.approve(run_id, actor("bo"))

        async def meanwhile() -> None:
            await b.service.mark("prod", "dns-switched", actor("dee"))
            hosts.meanwhile = then

        async def then() -> None:
            hosts.answers[QUESTION] = printed("yes")

        hosts.meanwhile = meanwhile
        await b.service.approve(run_id, actor("cy"))

        await assert_ended_untouched(b, run_id, "computes-converted is CROSSED (c: yes)")


@pytest.mark.parametrize("how", ["switched off", "access denied"])
async def test_a_host_that_does_not_answer_at_the_claim_is_refused(tmp_path: Path, how: str) -> None:
    """A transport error is never a command's answer; the reason names the host."""
    hosts = memory_hosts()
    async with bot(tmp_path, hosts) as b:
        run_id = await b.ask()
        await b.service.approve(run_id, actor("bo"))
        if how == "switched off":
            hosts.unreachable = {"c"}
        else:
            hosts.answers[QUESTION] = refuses(AccessDeniedError("the key of 'c' is another one"))
        await b.service.approve(run_id, actor("cy"))

        said = "cannot reach 'c'" if how == "switched off" else "the key of 'c' is another one"
        await assert_ended_untouched(b, run_id, "computes-converted is UNKNOWN", said)


async def test_answers_that_grew_too_old_before_the_write_are_asked_for_again(tmp_path: Path) -> None:
    """The look is over, the claim's write waits for the database: the answers outlive their time meanwhile."""
    hosts = memory_hosts()
    async with bot(tmp_path, hosts) as b:
        run_id = await b.ask()
        await b.service.approve(run_id, actor("bo"))
        hosts.looks.clear()
        real = b.service._rule
        waited: list[bool] = []

        async def rule(*args: Any) -> Any:
            if not waited:
                waited.append(True)
                b.clock.shift += timedelta(seconds=121)
                hosts.answers[QUESTION] = printed("yes")
            return await real(*args)

        b.service._rule = rule  # type: ignore[method-assign,assignment]
        await b.service.approve(run_id, actor("cy"))

        assert len(hosts.looks) == 2
        await assert_ended_untouched(b, run_id, "computes-converted is CROSSED (c: yes)")


# -- unknowns that people took on themselves -------------------------------------------------------------------


def accepting() -> dict[str, Any]:
    plan = plan_data()
    plan["points_of_no_return"][0]["may_accept_unknown"] = True
    return plan


WHY = {"computes-converted": "compute c is powered off for weeks"}


def silent(_action: Action, _host: Host) -> Ended:
    return Ended(exit_code=0, stdout="cannot say")


async def test_an_unknown_is_taken_on_in_words_where_the_plan_allows_it(tmp_path: Path) -> None:
    hosts = memory_hosts()
    hosts.answers[QUESTION] = silent
    async with bot(tmp_path, hosts, plan=accepting()) as b:
        run_id = await b.ask(accepted=WHY)
        await b.service.approve(run_id, actor("bo"))
        await b.service.approve(run_id, actor("cy"))
        await b.until(run_id, RunStatus.SUCCEEDED)

        assert WHY["computes-converted"] in await b.service.report(run_id)


@pytest.mark.parametrize(
    ("accepted", "why"),
    [
        ({}, "computes-converted is UNKNOWN"),
        ({"computes-converted": "  "}, "wants a reason"),
        ({"other": "why"}, "does not let anyone accept 'other'"),
    ],
)
async def test_an_unknown_nobody_took_on_is_refused(tmp_path: Path, accepted: dict[str, str], why: str) -> None:
    hosts = memory_hosts()
    hosts.answers[QUESTION] = silent
    async with bot(tmp_path, hosts, plan=accepting()) as b:
        with pytest.raises(RefusedError, match=why):
            await b.ask(accepted=accepted)

        assert not hosts.effects


async def test_an_unknown_is_not_to_be_taken_on_where_the_plan_does_not_allow_it(tmp_path: Path) -> None:
    hosts = memory_hosts()
    hosts.answers[QUESTION] = silent
    async with bot(tmp_path, hosts) as b:
        with pytest.raises(RefusedError, match="does not let anyone accept"):
            await b.ask(accepted=WHY)

        assert await b.service.runs() == []


@pytest.mark.parametrize("when", ["at the start", "at the claim", "by a checkpoint"])
async def test_nothing_makes_a_crossing_acceptable(tmp_path: Path, when: str) -> None:
    hosts = memory_hosts()
    hosts.answers[QUESTION] = printed("yes") if when == "at the start" else silent
    async with bot(tmp_path, hosts, plan=accepting()) as b:
        if when == "at the start":
            with pytest.raises(RefusedError, match="computes-converted is CROSSED"):
                await b.ask(accepted=WHY)
        else:
            run_id = await b.ask(accepted=WHY)
            await b.service.approve(run_id, actor("bo"))
            if when == "at the claim":
                hosts.answers[QUESTION] = printed("yes")
                await b.service.approve(run_id, actor("cy"))
            else:
                await mark(b)

        await assert_ended_untouched(b, "R-1", "computes-converted is CROSSED")


@pytest.mark.parametrize("better", [True, False], ids=["unknown, then reversible", "reversible, then unknown"])
async def test_verdicts_that_changed_since_people_were_asked_are_refused(tmp_path: Path, better: bool) -> None:
    """Even for the better, and even where the unknown was taken on beforehand: it is not what they agreed to."""
    hosts = memory_hosts()
    answers = [silent, printed("no")] if better else [printed("no"), silent]
    hosts.answers[QUESTION] = answers[0]
    async with bot(tmp_path, hosts, plan=accepting()) as b:
        run_id = await b.ask(accepted=WHY)
        await b.service.approve(run_id, actor("bo"))
        hosts.answers[QUESTION] = answers[1]
        await b.service.approve(run_id, actor("cy"))

        await assert_ended_untouched(b, run_id, "has changed since people were asked")


# -- two at once -----------------------------------------------------------------------------------------------


async def test_two_services_claiming_at_once_make_one_claim(tmp_path: Path) -> None:
    """Both have looked and found the quorum before either writes; each approver hears that it went well."""
    store = await Store.open(f"sqlite:///{tmp_path / 'belay.db'}")
    hosts = memory_hosts()
    try:
        async with bot(tmp_path, hosts, store=store) as one, bot(tmp_path, hosts, store=store) as two:
            run_id = await one.ask()
            await claim_together(run_id, one, two)
            await succeeded((one, two), run_id)

            assert (await kinds(one, run_id)).count(Kind.CLAIMED) == 1
            assert (await kinds(one, run_id)).count(Kind.BEGUN) == 1
            assert set(hosts.effects.values()) == {1}
            async with store.look() as tx:
                claim = await tx.claim_of(run_id)
                assert (await tx._run_row(run_id)).epoch == 1, "one of them became the driver, and only once"
            assert claim is not None
            assert claim.people == ("bo", "cy")
    finally:
        await store.close()


async def claim_together(run_id: str, one: Bot, two: Bot) -> None:
    """Let both services meet right before the write that claims."""
    met = asyncio.Barrier(2)

    def meeting(b: Bot) -> Callable[..., Awaitable[Any]]:
        real = b.service._rule

        async def rule(*args: Any) -> Any:
            await met.wait()
            return await real(*args)

        return rule

    await one.service.freeze("until both are ready", actor("dee"))
    await one.service.approve(run_id, actor("bo"))
    with pytest.raises(RefusedError, match="frozen"):
        await one.service.approve(run_id, actor("cy"))
    await one.service.thaw(actor("dee"))
    one.service._rule = meeting(one)  # type: ignore[method-assign,assignment]
    two.service._rule = meeting(two)  # type: ignore[method-assign,assignment]
    async with asyncio.timeout(20):
        views = await asyncio.gather(one.service._judge(run_id), two.service._judge(run_id))
    assert all(view.state.status is not RunStatus.WAITING for view in views)


@pytest.mark.parametrize("when", ["during the look", "after everybody was asked about"])
async def test_an_approval_that_came_during_the_claim_is_vouched_for_before_it_counts(
    tmp_path: Path, when: str
) -> None:
    """Another approval's claim would find a quorum nobody has asked the chat service about."""
    hosts = WatchedHosts()
    async with bot(tmp_path, hosts) as b:
        calls: list[asyncio.Task[Any]] = []

        async def cy_approves() -> None:
            calls.append(asyncio.create_task(b.service.approve(run_id, actor("cy"))))
            async with asyncio.timeout(5):
                while "cy" not in {each.person for each in (await b.service.run(run_id)).state.approvals}:
                    b.changed.clear()
                    await b.changed.wait()

        class Deactivated(Vouching):
            """Says that cy is; and lets cy approve once more right after it was asked about everybody."""

            async def account(self, account_id: str) -> Account:
                if account_id == "T1/U-bo" and when == "after everybody was asked about" and not calls:
                    await cy_approves()
                return Account(id=account_id, deleted=account_id == "T1/U-cy")

        b.service.witness = Deactivated()
        run_id = await b.ask()
        if when == "during the look":
            hosts.meanwhile = cy_approves
        else:
            await b.service.approve(run_id, actor("cy"))
        await b.service.approve(run_id, actor("bo"))
        await asyncio.gather(*calls)

        view = await assert_not_claimed(b, run_id)
        assert [approval.person for approval in view.state.approvals] == ["bo"]


async def test_a_claim_is_spent_once_whoever_asks_again(tmp_path: Path) -> None:
    hosts = memory_hosts()
    async with bot(tmp_path, hosts) as b:
        run_id = await b.asked_and_agreed()
        await asyncio.gather(*(b.service._judge(run_id) for _ in range(20)), *(b.service.sweep() for _ in range(5)))
        await b.until(run_id, RunStatus.SUCCEEDED)
        await b.service.sweep()

        assert (await kinds(b, run_id)).count(Kind.CLAIMED) == 1
        assert set(hosts.effects.values()) == {1}


async def test_a_freeze_during_the_last_look_stops_the_claim_and_survives_a_restart(tmp_path: Path) -> None:
    hosts = WatchedHosts()
    async with bot(tmp_path, hosts) as first:
        run_id = await first.ask()
        await first.service.approve(run_id, actor("bo"))
        hosts.meanwhile = lambda: first.service.freeze("suspicious", actor("dee"))
        with pytest.raises(RefusedError, match="frozen by dee: suspicious"):
            await first.service.approve(run_id, actor("cy"))
        await assert_not_claimed(first, run_id)

    async with bot(tmp_path, hosts) as second:
        await second.service.sweep()
        await assert_not_claimed(second, run_id)
        await second.service.thaw(actor("dee"))
        await second.service.sweep()
        await second.until(run_id, RunStatus.SUCCEEDED)
