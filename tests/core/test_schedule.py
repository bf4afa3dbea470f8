"""What is to be done next, as stories: a journal in, a decision out."""

from typing import Any

import pytest

from core.pnr import Verdict
from core.schedule import decide, describe
from tests.core.making import BEGUN, findings, later, look, make_target, resolved, say, state_after

STOPPED = BEGUN + "stop@c1:started stop@c2:started stop@c1:done stop@c2:done "
RESTORED = STOPPED + "probed/restore restore@c1:started restore@c1:done "
STARTED = RESTORED + "start@c1:started start@c1:done start@c2:started start@c2:done "
STOP_FAILED = BEGUN + "stop@c1:started stop@c2:started stop@c1:unit_failed stop@c2:done "
STOP_LOST = BEGUN + "stop@c1:started stop@c2:started stop@c1:lost stop@c2:done "


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        # nothing is under way yet, or not any more
        ("drafted", "rest"),
        ("drafted submitted", "rest"),
        ("drafted submitted claimed", "rest"),
        (BEGUN + "paused", "rest"),
        (BEGUN + "asked", "rest"),
        (BEGUN + "paused failed", "rest"),
        # forward, step by step
        (BEGUN, "do stop@c1 stop@c2"),
        (STOPPED, "probe restore"),
        (STOPPED + "probed/restore", "do restore@c1"),
        (RESTORED, "do start@c1"),
        (RESTORED + "start@c1:started start@c1:done", "do start@c2"),
        (STARTED, "do answers@c1"),
        (STARTED + "answers@c1:started answers@c1:done", "finish succeeded"),
        (STARTED + "answers@c1:started answers@c1:unit_failed", "ask retry,skip,leave answers@c1"),
        # a look holds for its step and its wave only
        (STOPPED + "probed", "probe restore"),
        (STOPPED + "probed/stop", "probe restore"),
        (STOPPED + "probed/restore restore@c1:started restore@c1:never_ran", "probe restore"),
        (STOPPED + "probed/restore restore@c1:started restore@c1:unit_failed restore@c1:retried", "probe restore"),
        (STOPPED + "probed/restore/crossed", "ask retry,abort restore"),
        (STOPPED + "probed/restore/unknown", "ask retry,abort restore"),
        (STOPPED + "probed/restore paused resumed", "probe restore"),
        # after a crash: found running, the host is asked first
        (BEGUN + "stop@c1:started", "recover stop@c1"),
        (BEGUN + "stop@c1:started stop@c2:started stop@c1:acted", "recover stop@c1 stop@c2"),
        (BEGUN + "stop@c1:started stop@c2:started stop@c1:done", "recover stop@c2"),
        (BEGUN + "stop@c1:started paused", "recover stop@c1"),
        (BEGUN + "stop@c1:started asked", "recover stop@c1"),
        (BEGUN + "stop@c1:started stop@c1:never_ran", "do stop@c1 stop@c2"),
        # failed: a person decides
        (STOP_FAILED, "ask retry,skip,abort stop@c1"),
        (STOP_FAILED + "asked//stop@c1 stop@c1:retried resumed", "probe stop"),
        (STOP_FAILED + "asked//stop@c1 stop@c1:retried resumed probed/stop", "do stop@c1"),
        (STOP_FAILED + "asked//stop@c1 stop@c1:retried resumed probed/stop/crossed", "ask retry,abort stop"),
        (STOP_FAILED + "asked//stop@c1 stop@c1:skipped resumed", "probe restore"),
        (STOP_FAILED + "stop@c1:settled_done", "probe restore"),
        # unknown: looked into once by itself, then a person decides; never started again
        (STOP_LOST, "recover stop@c1"),
        (STOP_LOST + "stop@c1:recheck", "recover stop@c1"),
        (STOP_LOST + "stop@c1:recheck stop@c1:lost", "ask retry,settle,abort stop@c1"),
        (STOP_LOST + "stop@c1:recheck stop@c1:done", "probe restore"),
        (STOP_LOST + "stop@c1:settled_failed", "ask retry,skip,abort stop@c1"),
        # resumed: look before anything else, but not when everything is destroyed and the step has no guard
        (BEGUN + "paused resumed", "probe stop"),
        (BEGUN + "paused resumed probed/stop", "do stop@c1 stop@c2"),
        (BEGUN + "paused resumed probed/stop/unknown", "ask retry,abort stop"),
        (RESTORED + "paused resumed", "do start@c1"),
        # backwards: what was begun, last first; only what has an undo
        (BEGUN + "aborted", "finish unwound"),
        (STOPPED + "aborted", "undo stop@c2 stop@c1"),
        (STOP_FAILED + "aborted", "undo stop@c1 stop@c2"),
        (STOP_FAILED + "stop@c1:skipped aborted", "undo stop@c1 stop@c2"),
        (STOP_FAILED + "stop@c1:retried aborted", "undo stop@c1 stop@c2"),
        (BEGUN + "stop@c1:started aborted", "recover stop@c1"),
        (BEGUN + "stop@c1:started aborted stop@c1:done", "undo stop@c1"),
        (BEGUN + "stop@c1:started aborted stop@c1:never_ran", "finish unwound"),
        (STOPPED + "aborted stop@c1:undo_started", "recover stop@c1"),
        (STOPPED + "aborted stop@c1:undo_started stop@c1:undone", "undo stop@c2"),
        (STOPPED + "aborted stop@c1:undo_started stop@c1:undo_failed", "ask retry,settle stop@c1"),
        (STOPPED + "aborted stop@c1:undo_started stop@c1:undo_lost", "ask retry,settle stop@c1"),
        (STOPPED + "aborted stop@c1:undo_started stop@c1:undo_never_ran", "undo stop@c1 stop@c2"),
        (STOP_LOST + "aborted", "ask retry,settle stop@c1"),
        (
            STOPPED + "aborted stop@c1:undo_started stop@c2:undo_started stop@c1:undone stop@c2:undone",
            "finish unwound",
        ),
        (STOPPED + "aborted stop@c1:undo_started stop@c1:undo_failed asked", "rest"),
    ],
)
def test_next(words: str, answer: str) -> None:
    state = state_after(words)

    assert say(decide(resolved(), state, later(state.seq))) == answer


def _next(words: str, target: Any = None, after_s: float = 0, **steps: Any) -> str:
    state = state_after(words)
    return say(decide(resolved(steps, target=target), state, later(state.seq + after_s)))


def test_the_last_step_is_undone_first() -> None:
    both = {"destructive": False, "undo": {"argv": ["db", "back"], "timeout_s": 5}}

    assert _next(RESTORED + "aborted", restore=both) == "undo restore@c1"
    undone = RESTORED + "aborted restore@c1:undo_started restore@c1:undone"
    assert _next(undone, restore=both) == "undo stop@c2 stop@c1"


def test_a_look_grows_old() -> None:
    """The answer held 120 s; a second later nothing may start on it."""
    assert _next(STOPPED + "probed/restore", after_s=120) == "do restore@c1"
    assert _next(STOPPED + "probed/restore", after_s=121) == "probe restore"


def test_a_look_from_the_future_is_none() -> None:
    assert _next(STOPPED + "probed/restore", after_s=-1) == "probe restore"


def test_the_first_destructive_step_is_looked_at_without_a_guard_too() -> None:
    assert _next(STOPPED, restore={"guard": []}) == "probe restore"
    assert _next(STOPPED + "probed/restore/crossed", restore={"guard": []}) == "ask retry,abort restore"


def test_every_wave_of_a_guarded_step_is_looked_at() -> None:
    guarded = {"on": "all", "order": "serial"}
    first = STOPPED + "probed/restore restore@c1:started restore@c1:done "

    assert _next(STOPPED, restore=guarded) == "probe restore"
    assert _next(first, restore=guarded) == "probe restore"
    assert _next(first + "probed/restore", restore=guarded) == "do restore@c2"
    assert _next(first + "probed/restore/crossed", restore=guarded) == "ask retry,leave restore"


def test_after_the_destruction_only_the_step_s_own_points_stop_it() -> None:
    assert _next(RESTORED, start={"guard": ["converted"]}) == "probe start"
    assert _next(RESTORED + "probed/start/crossed", start={"guard": ["converted"]}) == "ask retry,leave start"
    assert _next(RESTORED + "paused resumed probed/start/crossed") == "do start@c1"


def test_a_phrase_is_asked_for_before_the_look() -> None:
    confirm = {"confirm": "restore"}

    assert _next(STOPPED, restore=confirm) == "ask confirm,abort restore"
    assert _next(STOPPED + "asked/confirm confirmed/restore", restore=confirm) == "probe restore"
    assert _next(STOPPED + "asked/confirm confirmed/stop", restore=confirm) == "ask confirm,abort restore"


def test_a_look_that_stands_between_elections() -> None:
    """First the look, then the choice, then the deed; a look that aged meanwhile is repeated."""
    elected = {"on": "one_reachable"}

    assert _next(STOPPED, restore=elected) == "probe restore"
    assert _next(STOPPED + "probed/restore", restore=elected) == "elect restore"
    assert _next(STOPPED + "probed/restore elected/restore/c2", restore=elected) == "do restore@c2"
    assert _next(STOPPED + "probed/restore elected/restore/c2", after_s=300, restore=elected) == "probe restore"
    done = STOPPED + "probed/restore elected/restore/c2 restore@c2:started restore@c2:done"
    assert _next(done, restore=elected) == "do start@c1"


def test_an_elected_host_is_looked_for_with_its_look() -> None:
    elected = {"on": "elected", "elect": look("leader")}

    assert _next(BEGUN, stop=elected) == "elect stop"
    assert _next(BEGUN + "elected/stop/c2", stop=elected) == "do stop@c2"


def test_retries_by_itself_only_where_idempotent_and_only_so_often() -> None:
    twice = {"retries": 2, "idempotent": True}
    again = "stop@c1:retried stop@c1:started stop@c1:unit_failed "

    assert _next(STOP_FAILED, stop={"retries": 2}) == "ask retry,skip,abort stop@c1"
    assert _next(STOP_FAILED, stop=twice) == "retry stop@c1"
    assert _next(STOP_FAILED + again, stop=twice) == "retry stop@c1"
    assert _next(STOP_FAILED + again + again, stop=twice) == "ask retry,skip,abort stop@c1"


def test_failures_up_to_the_ceiling_are_passed_over() -> None:
    assert _next(STOP_FAILED, stop={"max_failures": 1}) == "probe restore"
    both = BEGUN + "stop@c1:started stop@c2:started stop@c1:unit_failed stop@c2:unit_failed"
    assert _next(both, stop={"max_failures": 1}) == "ask retry,skip,abort stop@c1 stop@c2"
    assert _next(both, stop={"on_failure": "continue"}) == "probe restore"


def test_an_unknown_is_never_passed_over() -> None:
    lost = STOP_LOST + "stop@c1:recheck stop@c1:lost"

    assert _next(lost, stop={"on_failure": "continue", "max_failures": 9}) == "ask retry,settle,abort stop@c1"


@pytest.mark.parametrize(
    ("order", "wave"),
    [
        ("parallel", 5),
        ("serial", 1),
        ({"batch": 2}, 2),
        ({"batch": 9}, 5),
        ({"percent": 50}, 2),
        ({"percent": 10}, 1),
        ({"percent": 100}, 5),
    ],
)
def test_waves(order: Any, wave: int) -> None:
    five = make_target(controllers=5)

    assert _next(BEGUN, target=five, stop={"order": order}).split()[1:] == [f"stop@c{n}" for n in range(1, wave + 1)]


def test_what_was_not_seen_of_a_destructive_step_leaves_only_forward() -> None:
    from core.schedule import destroyed

    begun = STOPPED + "probed/restore restore@c1:started "
    plan = resolved()

    assert not destroyed(plan, state_after(STOPPED))
    for outcome in ("", "restore@c1:lost", "restore@c1:unit_failed", "restore@c1:done", "restore@c1:acted"):
        assert destroyed(plan, state_after(begun + outcome)), outcome


def test_a_proof_that_it_never_ran_leaves_the_way_back_open() -> None:
    from core.schedule import destroyed

    begun = STOPPED + "probed/restore restore@c1:started "
    plan = resolved()

    assert not destroyed(plan, state_after(begun + "restore@c1:never_ran"))
    ran_before = begun + "restore@c1:unit_failed restore@c1:retried restore@c1:started restore@c1:never_ran"
    assert destroyed(plan, state_after(ran_before)), "its first attempt did run"
    never = begun + "restore@c1:never_ran restore@c1:started restore@c1:never_ran"
    assert not destroyed(plan, state_after(never))


def test_a_plan_with_nothing_to_look_at_asks_a_person_and_does_not_look_for_ever() -> None:
    from dataclasses import replace

    plan = resolved()
    blind = replace(plan, points=tuple(replace(point, probes=()) for point in plan.points))
    state = state_after(STOPPED + "probed/restore/unknown")

    assert say(decide(blind, state, later(state.seq))) == "ask retry,abort restore"


def test_a_finding_is_described_by_its_worst_reasons() -> None:
    assert describe(findings(Verdict.CROSSED).points) == "converted is CROSSED (k1: looked)"


def test_validations_wait_for_no_look_at_the_points_of_no_return() -> None:
    """They change nothing, and what they say is wanted whatever has been crossed meanwhile."""
    undo = {"argv": ["db", "new"], "timeout_s": 5}
    kept = {"destructive": False, "undo": undo, "guard": []}

    assert _next(STARTED + "paused resumed", restore=kept) == "do answers@c1"
