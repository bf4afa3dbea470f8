"""How far a run is: counts, times and what is left."""

import pytest

from core.progress import Progress, measure, what_is_left
from core.resolve import ResolvedPlan
from tests.core.making import BEGUN, later, resolved, state_after

STOPPED = BEGUN + "stop@c1:started stop@c2:started stop@c1:done stop@c2:done "  # entries 5 to 8
RESTORED = STOPPED + "probed/restore restore@c1:started restore@c1:done "  # 9 to 11
STARTED = RESTORED + "start@c1:started start@c1:done start@c2:started start@c2:done "  # 12 to 15
PLAN = resolved()


def at(words: str, second: float | None = None, plan: ResolvedPlan = PLAN) -> Progress:
    state = state_after(words)
    return measure(plan, state, later(state.seq if second is None else second))


@pytest.mark.parametrize(
    ("words", "percent", "said"),
    [
        ("drafted", 0, ["waiting", "waiting", "waiting", "waiting"]),
        (BEGUN, 0, ["waiting", "waiting", "waiting", "waiting"]),
        (BEGUN + "stop@c1:started", 0, ["running", "waiting", "waiting", "waiting"]),
        (BEGUN + "stop@c1:started stop@c1:done", 16, ["running", "waiting", "waiting", "waiting"]),
        (STOPPED, 33, ["done", "waiting", "waiting", "waiting"]),
        (RESTORED, 50, ["done", "done", "waiting", "waiting"]),
        (STARTED, 83, ["done", "done", "done", "waiting"]),
        (STARTED + "answers@c1:started answers@c1:done", 99, ["done", "done", "done", "done"]),
        (STARTED + "answers@c1:started answers@c1:done succeeded", 100, ["done", "done", "done", "done"]),
        (BEGUN + "stop@c1:started stop@c1:unit_failed", 0, ["failed", "waiting", "waiting", "waiting"]),
        (BEGUN + "stop@c1:started stop@c1:lost stop@c2:started", 0, ["unknown", "waiting", "waiting", "waiting"]),
        (BEGUN + "stop@c1:skipped stop@c2:skipped", 33, ["skipped", "waiting", "waiting", "waiting"]),
        (BEGUN + "stop@c1:skipped stop@c2:started stop@c2:done", 33, ["done", "waiting", "waiting", "waiting"]),
        (STOPPED + "aborted stop@c1:undo_started", 16, ["undoing", "waiting", "waiting", "waiting"]),
        (
            STOPPED + "aborted stop@c1:undo_started stop@c1:undo_failed",
            16,
            ["stuck", "waiting", "waiting", "waiting"],
        ),
        (
            STOPPED + "aborted stop@c1:undo_started stop@c1:undone stop@c2:undo_started stop@c2:undone",
            33,
            ["undone", "waiting", "waiting", "waiting"],
        ),
    ],
)
def test_words_and_percent(words: str, percent: int, said: list[str]) -> None:
    progress = at(words)

    assert [step.word for step in progress.steps] == said
    assert progress.percent == percent


def test_never_a_hundred_before_the_end() -> None:
    assert at(STARTED + "answers@c1:started answers@c1:done").percent == 99


def test_which_step_is_the_current_one() -> None:
    assert [at(words).current for words in (BEGUN, STOPPED, RESTORED, STARTED)] == [1, 2, 3, 4]
    assert at(STARTED + "answers@c1:started answers@c1:done succeeded").current == 4


def test_counts_of_units() -> None:
    stop = at(BEGUN + "stop@c1:started stop@c1:done").steps[0]

    assert (stop.over, stop.units) == (1, 2)


def test_times() -> None:
    progress = at(RESTORED + "start@c1:started", 20)

    assert progress.elapsed_s == 16  # since `begun`, at 4
    assert [step.elapsed_s for step in progress.steps] == [3, 1, 8, 0]
    assert progress.left_s == 2  # "start" usually takes 10, and 8 of them are over
    assert at("drafted", 99).elapsed_s == 0


def test_times_stand_still_at_the_end() -> None:
    done = STARTED + "answers@c1:started answers@c1:done succeeded"

    assert at(done, 9999).elapsed_s == at(done).elapsed_s == 14
    assert at(done, 9999).left_s is None


def test_what_a_plan_does_not_say_is_not_made_up() -> None:
    silent = resolved({step: {"usual_s": 0} for step in ("stop", "restore", "start")})

    assert at(BEGUN, plan=silent).left_s is None
    told = resolved({step: {"usual_s": 0} for step in ("stop", "restore", "start")}, impact={"minutes": 3})
    assert told.usual_s == 180


def test_downtime_counts_from_the_first_stop_to_the_last_start() -> None:
    assert (at(BEGUN).down_since, at(BEGUN).down_s) == (None, 0)
    assert (at(STOPPED, 30).down_since, at(STOPPED, 30).down_s) == (later(5), 25)
    assert (at(RESTORED + "start@c1:started start@c1:done", 30).down_since) == later(5)
    assert (at(STARTED, 30).down_since, at(STARTED, 30).down_s) == (None, 10)


def test_downtime_counts_from_the_first_attempt() -> None:
    again = BEGUN + "stop@c1:started stop@c1:unit_failed stop@c1:retried stop@c1:started"

    assert at(again, 30).down_since == later(5)


def test_what_never_ran_took_nothing_down() -> None:
    assert at(BEGUN + "stop@c1:started stop@c1:never_ran", 30).down_since is None


def test_downtime_ends_when_all_that_caused_it_is_undone() -> None:
    one = STOPPED + "aborted stop@c2:undo_started stop@c2:undone "  # 9 to 11
    both = one + "stop@c1:undo_started stop@c1:undone"

    assert (at(one, 30).down_since, at(one, 30).down_s) == (later(5), 25)
    assert (at(both, 30).down_since, at(both, 30).down_s) == (None, 8)


def test_only_forward() -> None:
    assert at(STOPPED).only_forward is False
    assert at(STOPPED + "restore@c1:started").only_forward is True
    assert at(STOPPED).forward_from == 2
    safe = resolved({"restore": {"destructive": False}})
    assert at(STOPPED, plan=safe).forward_from is None


def test_a_step_whose_host_is_not_chosen_yet_counts_as_one() -> None:
    plan = resolved({"stop": {"on": "one_reachable"}})
    chosen = at(BEGUN + "elected/stop/c2 stop@c2:started stop@c2:done", plan=plan).steps[0]

    assert (at(BEGUN, plan=plan).steps[0].units, at(BEGUN, plan=plan).steps[0].word) == (1, "waiting")
    assert (chosen.units, chosen.word) == (1, "done")


def test_what_is_left_for_whoever_takes_over() -> None:
    state = state_after(STOPPED + "restore@c1:started restore@c1:lost start@c1:skipped")

    assert what_is_left(PLAN, state) == ("restore@c1: unknown", "start@c2: pending", "answers@c1: pending")
