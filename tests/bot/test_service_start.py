"""Attacks on the request: what may not even be put up for approval, and what a look leaves behind."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.views_board import board
from commands import answer
from core.errors import PlanError, RefusedError
from core.journal import Kind
from core.people import Account, May, Person, Roster
from core.plan import Policy
from core.reader import build_plan
from core.run import Actor
from core.run_states import RunStatus
from tests.bot.service_world import (
    QUESTION,
    WatchedHosts,
    assert_ended_untouched,
    assert_not_claimed,
    kinds,
    restarted,
    roster_without,
)
from tests.bot.world import REQUEST, ROSTER, Bot, actor, bot, memory_hosts, plan_data
from tests.practice_executor import printed


async def nothing_was_recorded(b: Bot) -> None:
    assert await b.service.runs() == []
    assert not b.hosts.effects
    async with b.store.look() as tx:
        assert await tx.lock_of("prod") is None
        assert (await tx.audit_head()).n == 0


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown target": ({"target": "prd", "typed": "prd"}, "no target 'prd'; did you mean 'prod'"),
    "an unknown plan": ({"plan": "newtn"}, "no plan 'newtn' for prod; did you mean 'newton'"),
    "no reason": ({"reason": ""}, "a reason is needed"),
    "a blank reason": ({"reason": " \n\t "}, "a reason is needed"),
    "nothing typed": ({"typed": ""}, "type the target's name: 'prod'; what came was ''"),
    "another name typed": ({"typed": "Prod"}, "what came was 'Prod'"),
    "a name that only looks alike": ({"typed": "prоd"}, "type the target's name"),  # a Cyrillic letter
    "an unknown parameter": ({"parameters": {"x": "1"}}, "has no parameter 'x'"),
    "an unknown point": ({"accepted": {"x": "why"}}, "does not let anyone accept 'x'"),
}


@pytest.mark.parametrize("bad", BAD)
async def test_a_bad_request_is_refused_and_nothing_recorded(tmp_path: Path, bad: str) -> None:
    changes, why = BAD[bad]
    async with bot(tmp_path, memory_hosts()) as b:
        with pytest.raises(RefusedError, match=why):
            await b.ask(**changes)

        await nothing_was_recorded(b)
        assert await b.ask() == "R-1"


async def test_who_may_not_ask_is_refused(tmp_path: Path) -> None:
    async with bot(tmp_path, memory_hosts()) as b:
        with pytest.raises(RefusedError, match="Cy may not request"):
            await b.service.start(REQUEST, actor("cy"))

        assert not b.hosts.looks
        await nothing_was_recorded(b)


@pytest.mark.parametrize("needed", [2, 3, 50])
async def test_a_quorum_nobody_could_reach_is_refused_at_the_start(tmp_path: Path, needed: int) -> None:
    """Two approvers beside the requester, less one: said when it is asked, not after half an hour."""
    async with bot(tmp_path, memory_hosts()) as first:
        b = restarted(first, roster=roster_without("cy"), plan=plan_data(approvals={"needed": needed}))
        with pytest.raises(RefusedError, match=f"{needed} approvers are needed beside the requester .* has 1"):
            await b.ask()

        await nothing_was_recorded(b)


@pytest.mark.parametrize("needed", [0, -1, True, 1.5, "2"])
def test_a_policy_of_nobody_is_no_policy(needed: object) -> None:
    with pytest.raises(PlanError, match="approvals/needed"):
        build_plan(plan_data(approvals={"needed": needed}))
    if isinstance(needed, int) and not isinstance(needed, bool):
        with pytest.raises(ValueError, match="at least 1 person"):
            Policy(needed=needed)


async def test_a_failed_preflight_blocks_and_says_what_was_found(tmp_path: Path) -> None:
    check = {"id": "quorum", "title": "the cluster has its quorum", "role": "controller", "argv": ["check"]}
    plan = plan_data(preflight=[{**check, "timeout_s": 5, "expect": {"exit": 0}}])
    hosts = memory_hosts()
    hosts.answers["quorum@b"] = printed("1 of 3", exit_code=2)
    async with bot(tmp_path, hosts, plan=plan) as b:
        with pytest.raises(RefusedError, match=r"R-1 was refused and nothing ran: preflight .*on b: .*1 of"):
            await b.ask()

        await assert_ended_untouched(b, "R-1", "preflight 'the cluster has its quorum' on b", "1 of 3")
        with pytest.raises(RefusedError, match="it is refused"):
            await b.service.approve("R-1", actor("bo"))
        assert await kinds(b, "R-1") == [Kind.DRAFTED, Kind.PROBED, Kind.REFUSED]


async def test_a_warning_of_the_preflight_is_shown_to_approvers(tmp_path: Path) -> None:
    """Who asked has seen it in the preview; who agrees sees the board, and the report keeps it."""
    check = {"id": "quorum", "title": "the cluster has its quorum", "role": "controller", "argv": ["check"]}
    plan = plan_data(preflight=[{**check, "timeout_s": 5, "expect": {"exit": 0}, "severity": "warning"}])
    hosts = memory_hosts()
    hosts.answers["quorum@b"] = printed("1 of 3", exit_code=2)
    async with bot(tmp_path, hosts, plan=plan) as b:
        view = await b.service.start(REQUEST, actor("ana"))

        (warning,) = view.state.warnings
        assert warning.startswith("the cluster has its quorum on b: ")
        shown = str(board(view, b.clock.now()).blocks)
        assert f":warning: {warning}" in shown
        assert warning in await b.service.report(view.run.id)


async def test_a_second_start_on_the_same_target_is_refused_and_names_the_holder(tmp_path: Path) -> None:
    async with bot(tmp_path, memory_hosts()) as b:
        run_id = await b.ask()
        asked = len(b.hosts.looks)
        with pytest.raises(RefusedError, match=r"prod is taken by R-1, asked for by ana at .* withdraw or abort R-1"):
            await b.service.start(REQUEST, actor("bo"))
        assert len(b.hosts.looks) == asked, "no host is troubled for what cannot be"
        preview = await b.service.preview(REQUEST)

        assert preview.refusals == ("'prod' is locked by R-1; see `/rollback status R-1`",)
        assert [view.run.id for view in await b.service.runs()] == [run_id]
        await b.service.withdraw(run_id, actor("ana"))
        assert (await b.service.start(REQUEST, actor("bo"))).run.requester == "bo"


async def test_twenty_starts_at_once_on_one_target_make_one_run(tmp_path: Path) -> None:
    async with bot(tmp_path, memory_hosts()) as b:
        answers = await asyncio.gather(
            *(b.service.start(REQUEST, actor(name)) for name in ("ana", "bo") * 10), return_exceptions=True
        )

        refused = [str(each) for each in answers if isinstance(each, RefusedError)]
        assert len(refused) == 19
        assert all("prod is taken by R-1" in each for each in refused)
        views = await b.service.runs()
        assert [view.run.id for view in views] == ["R-1"]
        await assert_not_claimed(b, "R-1")


async def test_a_run_under_way_keeps_its_target(tmp_path: Path) -> None:
    hosts = memory_hosts()
    hosts.hold["stop@a"] = asyncio.Event()
    async with bot(tmp_path, hosts) as b:
        run_id = await b.asked_and_agreed()
        await b.until(run_id, RunStatus.RUNNING)
        with pytest.raises(RefusedError, match="prod is taken by R-1"):
            await b.ask()
        hosts.hold["stop@a"].set()
        await b.until(run_id, RunStatus.SUCCEEDED)

        assert await b.ask() == "R-2"


async def test_approvals_of_one_run_are_of_no_use_to_the_next(tmp_path: Path) -> None:
    async with bot(tmp_path, memory_hosts()) as b:
        first = await b.ask()
        await b.service.approve(first, actor("bo"))
        await b.service.withdraw(first, actor("ana"))
        second = await b.ask()
        await b.service.approve(second, actor("cy"))

        assert (await assert_not_claimed(b, second)).tally.counted == ("cy",)


async def test_a_preview_changes_nothing(tmp_path: Path) -> None:
    """No run, no lock, no entry, no audit line, and nothing but looks on the hosts."""
    hosts = memory_hosts()
    async with bot(tmp_path, hosts) as b:
        preview = await b.service.preview(REQUEST)
        assert preview.allowed
        hosts.answers[QUESTION] = printed("yes")
        refused = await b.service.preview(replace(REQUEST, reason="", typed=""))
        assert "computes-converted is CROSSED (c: yes)" in refused.refusals[0]
        status = await b.service.target_status("prod")
        assert status.findings["old"].verdict == "crossed"

        await nothing_was_recorded(b)
        hosts.answers[QUESTION] = printed("no")
        run_id = await b.ask()
        assert (await b.service.run(run_id)).run.digest == preview.digest


@pytest.mark.parametrize("status", ["refused", "vetoed", "withdrawn", "expired"])
async def test_every_view_of_a_run_that_never_ran_works(tmp_path: Path, status: str) -> None:
    hosts = WatchedHosts()
    async with bot(tmp_path, hosts) as b:
        run_id = await b.ask()
        await b.service.approve(run_id, actor("bo"))
        match status:
            case "refused":
                await b.service.mark("prod", "compute-upgraded", actor("dee"), "<!channel> *job* `17`")
            case "vetoed":
                await b.service.deny(run_id, actor("cy"))
            case "withdrawn":
                await b.service.withdraw(run_id, actor("ana"))
            case _:
                b.clock.shift = timedelta(minutes=30)
                await b.service.sweep()

        await assert_ended_untouched(b, run_id, status=RunStatus(status))
        for line in (f"status {run_id}", "status prod", "history", "history prod", f"report {run_id}"):
            reply = await answer(line, actor("dee", "command"), b.service, channel="C1")
            assert status in (reply.text + reply.document).lower()


@pytest.mark.parametrize("verb", ["pause", "resume", "abort", "retry", "skip", "settle", "approve", "deny", "withdraw"])
async def test_a_run_that_ended_takes_no_more_decisions(tmp_path: Path, verb: str) -> None:
    """Its journal is closed: nothing is appended, whatever anybody asks."""
    hosts = memory_hosts()
    hosts.lose = {"restore@a"}
    async with bot(tmp_path, hosts) as b:
        run_id = await b.asked_and_agreed()
        await b.until(run_id, RunStatus.NEEDS_PERSON)
        await b.service.abort(run_id, actor("bo"), "by hand", leave=True)
        await b.until(run_id, RunStatus.FAILED)
        before = await kinds(b, run_id)
        by = actor("ana" if verb == "withdraw" else "bo")
        extra: dict[str, tuple[Any, dict[str, Any]]] = {
            "skip": ((), {"reason": "why"}),
            "settle": (("restore@a", "done"), {"reason": "why"}),
        }
        words, options = extra.get(verb, ((), {}))
        with pytest.raises(RefusedError):
            await getattr(b.service, verb)(run_id, by, *words, **options)

        assert await kinds(b, run_id) == before


OPERATING = ("pause", "resume", "abort", "retry", "skip", "settle", "freeze", "thaw", "mark")


@pytest.mark.parametrize("verb", OPERATING)
async def test_who_may_not_operate_operates_nothing(tmp_path: Path, verb: str) -> None:
    only = Person(id="eve", name="Eve", accounts=("T1/U-eve",), may=frozenset({May.APPROVE, May.REQUEST}))
    eve = Actor(person=only, account=Account(id="T1/U-eve"), way="command")
    async with bot(tmp_path, memory_hosts()) as first:
        b = restarted(first, roster=Roster({**ROSTER.people, "eve": only}))
        run_id = await b.ask()
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "skip": lambda: b.service.skip(run_id, eve, reason="why"),
            "settle": lambda: b.service.settle(run_id, eve, "stop@a", "done", reason="why"),
            "freeze": lambda: b.service.freeze("why", eve),
            "thaw": lambda: b.service.thaw(eve),
            "mark": lambda: b.service.mark("prod", "compute-upgraded", eve),
        }
        calls |= {name: partial(getattr(b.service, name), run_id, eve) for name in OPERATING if name not in calls}
        with pytest.raises(RefusedError, match="Eve may not operate"):
            await calls[verb]()

        await assert_not_claimed(b, run_id)
