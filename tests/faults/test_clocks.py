"""
Clocks that are wrong, or jump: what counts as agreed, and as proof that going back is safe, stays what it was.

Times come from the bot's clock alone; hosts and Slack are never asked what time it is. The tolerance between two
clocks (two replicas, or one clock that was set back) is stated in `core.approvals` and `core.pnr`.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.approvals import CLOCK_TOLERANCE, Approval, Subject, tally
from core.errors import RefusedError
from core.plan import Policy
from core.pnr import CLOCK_TOLERANCE as EVIDENCE_TOLERANCE
from core.pnr import Evidence, Question, Verdict, evaluate
from core.run_states import RunStatus
from tests.bot.world import ROSTER, actor, bot, memory_hosts

NOW = datetime(2026, 4, 12, 12, 40, tzinfo=UTC)
MOMENT = timedelta(milliseconds=1)
EXPIRES = timedelta(minutes=30)
SUBJECT = Subject(
    run="R-1",
    target="prod",
    plan_digest="p",
    verdict_digest="v",
    barred=frozenset({"ana"}),
    asked_at=NOW,
    policy=Policy(needed=1, expires_min=30),
)


@pytest.mark.parametrize(
    ("given", "counted_at", "counts"),
    [
        pytest.param(timedelta(0), timedelta(0), True, id="at the very moment it was asked for"),
        pytest.param(-CLOCK_TOLERANCE, timedelta(0), True, id="clock behind by the tolerance"),
        pytest.param(-CLOCK_TOLERANCE - MOMENT, timedelta(0), False, id="clock behind by more"),
        pytest.param(CLOCK_TOLERANCE, timedelta(0), True, id="clock ahead by the tolerance"),
        pytest.param(CLOCK_TOLERANCE + MOMENT, timedelta(0), False, id="clock ahead by more"),
        pytest.param(CLOCK_TOLERANCE + MOMENT, MOMENT, True, id="until the other clock has caught up"),
        pytest.param(timedelta(0), EXPIRES - MOMENT, True, id="a moment before it expires"),
        pytest.param(timedelta(0), EXPIRES, False, id="expired to the moment: no tolerance there"),
        pytest.param(timedelta(0), timedelta(days=365), False, id="the clock jumps ahead by a year"),
        pytest.param(timedelta(0), timedelta(days=-365), False, id="the clock jumps back by a year"),
    ],
)
def test_an_approval_on_another_clock(given: timedelta, counted_at: timedelta, counts: bool) -> None:
    approval = Approval(person="bo", account="T1/U-bo", plan_digest="p", verdict_digest="v", at=NOW + given)
    assert tally([approval], SUBJECT, ROSTER, NOW + counted_at).reached is counts


@pytest.mark.parametrize(
    ("seen", "verdict", "expected"),
    [
        pytest.param(-60.0, Verdict.REVERSIBLE, Verdict.REVERSIBLE, id="as old as it may be"),
        pytest.param(-60.001, Verdict.REVERSIBLE, Verdict.UNKNOWN, id="a moment older"),
        pytest.param(EVIDENCE_TOLERANCE.total_seconds(), Verdict.REVERSIBLE, Verdict.REVERSIBLE, id="ahead, tolerated"),
        pytest.param(EVIDENCE_TOLERANCE.total_seconds() + 1, Verdict.REVERSIBLE, Verdict.UNKNOWN, id="too far ahead"),
        pytest.param(-86_400.0, Verdict.CROSSED, Verdict.CROSSED, id="a crossing of yesterday is one"),
        pytest.param(86_400.0, Verdict.CROSSED, Verdict.CROSSED, id="a crossing of tomorrow is one"),
    ],
)
def test_evidence_on_another_clock(seen: float, verdict: Verdict, expected: Verdict) -> None:
    question = Question(point="converted", probe=0, host="c", ttl_s=60)
    at = NOW + timedelta(seconds=seen)
    evidence = Evidence(point="converted", probe=0, host="c", verdict=verdict, found="", at=at)
    assert evaluate({"converted": ()}, [question], [], [evidence], NOW).verdict is expected


@pytest.mark.parametrize("jump_s", [-86_400.0, -60.0, 1_799.0])
async def test_a_jump_between_two_approvals_never_makes_a_quorum_of_one(tmp_path: Path, jump_s: float) -> None:
    """One person agrees again and again while the clock jumps about: it is one person."""
    async with bot(tmp_path, memory_hosts()) as b:
        run_id = await b.ask()
        for shift_s in (0.0, jump_s, 0.0, jump_s / 2):
            b.clock.shift = timedelta(seconds=shift_s)
            await b.service.approve(run_id, actor("bo"))
        await b.service.sweep()
        assert (await b.service.run(run_id)).state.status is RunStatus.WAITING
        assert not b.hosts.effects


async def test_a_clock_that_leaps_over_the_end_of_a_request_ends_it(tmp_path: Path) -> None:
    """And a clock that is set back afterwards does not bring it back."""
    async with bot(tmp_path, memory_hosts()) as b:
        run_id = await b.ask()
        await b.service.approve(run_id, actor("bo"))
        b.clock.shift = timedelta(minutes=30)
        await b.service.sweep()
        b.clock.shift = timedelta(0)
        with pytest.raises(RefusedError, match="does not wait for approvals; it is expired"):
            await b.service.approve(run_id, actor("cy"))
        assert not b.hosts.effects


async def test_a_clock_set_back_after_a_look_at_the_live_system_asks_again(tmp_path: Path) -> None:
    """Evidence from a future that is too far is no evidence: the run is judged by a look of now."""
    async with bot(tmp_path, memory_hosts()) as b:
        b.clock.shift = timedelta(minutes=10)
        run_id = await b.ask()
        looks = len(b.hosts.looks)
        b.clock.shift = timedelta(minutes=10, seconds=-4)  # within the tolerance
        await b.service.approve(run_id, actor("bo"))
        await b.service.approve(run_id, actor("cy"))
        await b.until(run_id, RunStatus.SUCCEEDED)
        assert len(b.hosts.looks) > looks


@pytest.mark.parametrize("minutes", [-60 * 24, -10, 10, 60 * 24])
async def test_a_jump_in_the_middle_of_a_run_changes_nothing_of_what_was_agreed(tmp_path: Path, minutes: int) -> None:
    """Approvals are spent at the claim; what follows asks the journal, not the clock."""
    async with bot(tmp_path, memory_hosts()) as b:
        hold = b.hosts.hold["stop@a"] = asyncio.Event()
        run_id = await b.asked_and_agreed()
        await b.hosts.started["stop@a"].wait()
        b.clock.shift = timedelta(minutes=minutes)
        hold.set()
        await b.service.sweep()
        await b.until(run_id, RunStatus.SUCCEEDED)
        assert set(b.hosts.effects.values()) == {1}
