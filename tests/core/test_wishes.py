"""What people may wish of a run under way: the entries it gives, or the refusal they read."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from core import wishes
from core.codec import to_data
from core.errors import RefusedError
from core.journal import Entry, Kind
from core.progress import measure
from core.run_states import RunStatus
from core.schedule import AskPerson, decide
from core.state import RunState, Stopped, apply
from core.wishes import Draft
from tests.core.making import BEGUN, later, resolved, say, state_after

PLAN = resolved()
CONFIRMED_PLAN = resolved({"restore": {"confirm": "destroy it"}})
STOPPED = BEGUN + "stop@c1:started stop@c2:started stop@c1:done stop@c2:done "
DESTROYED = STOPPED + "probed/restore restore@c1:started restore@c1:unit_failed "
FAILED = BEGUN + "stop@c1:started stop@c2:started stop@c1:unit_failed stop@c2:unit_failed asked//stop@c1,stop@c2"
LOST = BEGUN + "stop@c1:started stop@c1:lost stop@c1:recheck stop@c1:lost asked/retry,settle,abort/stop@c1"
STUCK = STOPPED + "aborted stop@c1:undo_started stop@c1:undo_failed asked/retry,settle/stop@c1"
STUCK_TWICE = (
    STOPPED + "aborted stop@c2:undo_started stop@c1:undo_started stop@c1:undo_lost stop@c2:undo_lost "
    "asked/retry,settle/stop@c1,stop@c2 stop@c1:undo_retried"
)
BLOCKED = STOPPED + "probed/restore/crossed asked/retry,abort/"


def words(drafts: Sequence[Draft]) -> str:
    return " ".join(f"{d.unit}:{d.kind}" if d.unit else d.kind for d in drafts)


def after(journal: str, drafts: Sequence[Draft]) -> RunState:
    """The state after the drafts: which proves each of them legal."""
    state = state_after(journal)
    for draft in drafts:
        at = later(state.seq + 1)
        state = apply(state, Entry(seq=state.seq + 1, kind=draft.kind, at=at, unit=draft.unit, data=draft.data))
    return state


@pytest.mark.parametrize(
    ("journal", "wish", "entries", "then"),
    [
        (BEGUN, lambda s: wishes.pause(s, "wait"), "paused", "rest"),
        (BEGUN + "paused", wishes.resume, "resumed", "probe stop"),
        (BLOCKED, wishes.resume, "resumed", "probe restore"),
        (BLOCKED, lambda s: wishes.retry(PLAN, s, []), "resumed", "probe restore"),
        (BLOCKED, lambda s: wishes.abort(PLAN, s, "enough"), "aborted", "undo stop@c2 stop@c1"),
        (STOPPED, lambda s: wishes.abort(PLAN, s, "enough"), "aborted", "undo stop@c2 stop@c1"),
        (
            FAILED,
            lambda s: wishes.retry(PLAN, s, []),
            "stop@c1:retried stop@c2:retried resumed",
            "probe stop",
        ),
        (FAILED, lambda s: wishes.retry(PLAN, s, ["stop@c1"]), "stop@c1:retried", "rest"),
        (FAILED, lambda s: wishes.retry(PLAN, s, ["stop@c1", "stop@c1"]), "stop@c1:retried", "rest"),
        (
            FAILED,
            lambda s: wishes.skip(PLAN, s, [], "not needed"),
            "stop@c1:skipped stop@c2:skipped resumed",
            "probe restore",
        ),
        (FAILED, lambda s: wishes.settle(PLAN, s, "stop@c1", "done", "looked"), "stop@c1:settled_done", "rest"),
        # an unknown is asked about again, never started again
        (LOST, lambda s: wishes.retry(PLAN, s, []), "stop@c1:recheck resumed", "recover stop@c1"),
        (LOST, lambda s: wishes.settle(PLAN, s, "stop@c1", "done", "looked"), "stop@c1:settled_done resumed", None),
        (LOST, lambda s: wishes.settle(PLAN, s, "stop@c1", "failed", "looked"), "stop@c1:settled_failed resumed", None),
        (STUCK, lambda s: wishes.retry(PLAN, s, []), "stop@c1:undo_retried resumed", "undo stop@c1 stop@c2"),
        (
            STUCK_TWICE,
            lambda s: wishes.retry(PLAN, s, ["stop@c2"]),
            "stop@c2:undo_retried resumed",
            "undo stop@c2 stop@c1",
        ),
        (
            STUCK,
            lambda s: wishes.settle(PLAN, s, "stop@c1", "undone", "looked"),
            "stop@c1:settled_undone resumed",
            "undo stop@c2",
        ),
        (STUCK, lambda s: wishes.abort(PLAN, s, "by hand", leave=True), "failed", "rest"),
        (BEGUN + "paused", lambda s: wishes.abort(PLAN, s, "by hand", leave=True), "failed", "rest"),
        (DESTROYED + "paused", lambda s: wishes.abort(PLAN, s, "by hand", leave=True), "failed", "rest"),
    ],
)
def test_granted(journal: str, wish: Callable[[RunState], list[Draft]], entries: str, then: str | None) -> None:
    drafts = wish(state_after(journal))
    state = after(journal, drafts)

    assert words(drafts) == entries
    if then is not None:
        assert say(decide(PLAN, state, later(state.seq))) == then


@pytest.mark.parametrize(
    ("journal", "wish", "text"),
    [
        (
            "drafted submitted",
            lambda s: wishes.pause(s, ""),
            "only a running run can be paused; it is waiting for appr",
        ),
        (BEGUN + "paused", lambda s: wishes.pause(s, ""), "paused already"),
        (BEGUN, wishes.resume, "nothing to resume: the run is running"),
        (FAILED, wishes.resume, r"needs a decision first \(retry, skip, abort\)"),
        (STUCK, wishes.resume, "needs a decision first"),
        ("drafted submitted", lambda s: wishes.abort(PLAN, s, ""), "`withdraw` takes the request back"),
        (STOPPED + "aborted", lambda s: wishes.abort(PLAN, s, ""), "it is unwinding"),
        (BEGUN + "succeeded", lambda s: wishes.abort(PLAN, s, ""), "it is succeeded"),
        (DESTROYED, lambda s: wishes.abort(PLAN, s, ""), "'restore' has begun .restore@c1., and it loses all writes"),
        (DESTROYED + "paused", lambda s: wishes.abort(PLAN, s, ""), "from here only forward"),
        (BEGUN, lambda s: wishes.abort(PLAN, s, "x", leave=True), "only a run that is paused or waits"),
        (BEGUN + "paused", lambda s: wishes.abort(PLAN, s, "", leave=True), "wants a reason"),
        (
            BEGUN + "stop@c1:started paused",
            lambda s: wishes.abort(PLAN, s, "x", leave=True),
            "'stop@c1' still runs on its host",
        ),
        (BEGUN, lambda s: wishes.retry(PLAN, s, []), "nothing to retry: the run is running"),
        (BEGUN + "paused", lambda s: wishes.skip(PLAN, s, [], "x"), "nothing to skip: the run is paused"),
        (FAILED, lambda s: wishes.retry(PLAN, s, ["stop@c3"]), "no unit 'stop@c3'; did you mean 'stop@c"),
        (FAILED, lambda s: wishes.retry(PLAN, s, ["start@c1"]), "'start@c1' is pending; to retry: stop@c1, stop@c2"),
        (FAILED, lambda s: wishes.skip(PLAN, s, [], ""), "wants a reason"),
        (LOST, lambda s: wishes.skip(PLAN, s, [], "x"), "skip is no answer to what is asked .retry, settle, abort."),
        (STUCK, lambda s: wishes.skip(PLAN, s, [], "x"), "skip is no answer"),
        (BLOCKED, lambda s: wishes.skip(PLAN, s, [], "x"), "skip is no answer"),
        (LOST, lambda s: wishes.settle(PLAN, s, "stop@c1", "done", ""), "wants what you saw"),
        (LOST, lambda s: wishes.settle(PLAN, s, "stop@c1", "fine", "x"), "no outcome 'fine'"),
        (LOST, lambda s: wishes.settle(PLAN, s, "stop@c9", "done", "x"), "no unit 'stop@c9'"),
        (
            LOST,
            lambda s: wishes.settle(PLAN, s, "stop@c1", "undone", "x"),
            "is unknown; it can be settled as done or f",
        ),
        (LOST, lambda s: wishes.settle(PLAN, s, "stop@c2", "done", "x"), "is pending; there is nothing to settle"),
        (STUCK, lambda s: wishes.settle(PLAN, s, "stop@c1", "done", "x"), "is stuck; it can be settled as undone"),
    ],
)
def test_refused(journal: str, wish: Callable[[RunState], Any], text: str) -> None:
    with pytest.raises(RefusedError, match=text):
        wish(state_after(journal))


def _asked_to_confirm() -> RunState:
    state = state_after(STOPPED)
    decision = decide(CONFIRMED_PLAN, state, later(state.seq))
    assert isinstance(decision, AskPerson)
    return apply(state, Entry(seq=state.seq + 1, kind=Kind.ASKED, at=later(99), data=to_data(decision.ask)))


@pytest.mark.parametrize("phrase", ["", "destroy", "Destroy it", " destroy it", "destroy it "])
def test_a_phrase_is_typed_exactly(phrase: str) -> None:
    with pytest.raises(RefusedError, match="type the phrase exactly: 'destroy it'"):
        wishes.resume(_asked_to_confirm(), phrase)


def test_the_right_phrase_confirms_that_step() -> None:
    drafts = wishes.resume(_asked_to_confirm(), "destroy it")

    assert words(drafts) == "confirmed"
    assert drafts[0].data == {"step": "restore"}


def test_a_phrase_cannot_be_skipped_around() -> None:
    state = _asked_to_confirm()
    with pytest.raises(RefusedError, match="retry is no answer to what is asked"):
        wishes.retry(CONFIRMED_PLAN, state, [])
    with pytest.raises(RefusedError, match="skip is no answer to what is asked"):
        wishes.skip(CONFIRMED_PLAN, state, [], "x")


STOP_PLAN = resolved({"start": {"confirm": "start it", "abort_point": "the data is whole", "on": "one_reachable"}})
RESTORED = STOPPED + "probed/restore restore@c1:started restore@c1:done "


def _at_the_abort_point() -> RunState:
    state = state_after(RESTORED)
    decision = decide(STOP_PLAN, state, later(state.seq))
    assert isinstance(decision, AskPerson)
    assert decision.ask.choices == ("confirm", "skip", "leave")
    assert "stopping here instead is safe: the data is whole" in decision.ask.reason
    return apply(state, Entry(seq=state.seq + 1, kind=Kind.ASKED, at=later(99), data=to_data(decision.ask)))


def _after(state: RunState, drafts: list[wishes.Draft]) -> RunState:
    for draft in drafts:
        entry = Entry(seq=state.seq + 1, kind=draft.kind, at=later(100), unit=draft.unit, by="bo", data=draft.data)
        state = apply(state, entry)
    return state


def test_to_skip_at_an_abort_point_is_to_stop_there() -> None:
    """The step and all later ones are passed over, whichever host it would have chosen; the validations run."""
    state = _at_the_abort_point()

    drafts = wishes.skip(STOP_PLAN, state, [], "the source is enough")
    after = _after(state, drafts)

    assert words(drafts) == "stopped start@c1:skipped start@c2:skipped"
    assert after.stopped == Stopped(step="start", by="bo", reason="the source is enough")
    assert after.ask is None
    assert say(decide(STOP_PLAN, after, later(101))) == "do answers@c1"
    done = _after(after, [wishes.Draft(kind=kind, unit="answers@c1") for kind in (Kind.STARTED, Kind.DONE)])
    assert say(decide(STOP_PLAN, done, later(102))) == "finish succeeded"


def test_stopping_names_no_unit_and_wants_a_reason() -> None:
    state = _at_the_abort_point()

    with pytest.raises(RefusedError, match="wants a reason"):
        wishes.skip(STOP_PLAN, state, [], "")
    with pytest.raises(RefusedError, match="name no unit"):
        wishes.skip(STOP_PLAN, state, ["start@c1"], "x")


def test_an_abort_point_can_be_passed_by_its_phrase() -> None:
    after = _after(_at_the_abort_point(), wishes.resume(_at_the_abort_point(), "start it"))

    assert after.stopped is None
    assert say(decide(STOP_PLAN, after, later(101))) == "elect start"


def test_what_was_not_started_did_not_come_up() -> None:
    """Passing over a failed start says that it is up; stopping before it does not."""
    state = _at_the_abort_point()
    stopped = measure(STOP_PLAN, _after(state, wishes.skip(STOP_PLAN, state, [], "x")), later(200))

    assert stopped.down_since is not None


def test_abort_is_open_again_once_it_is_proved_that_nothing_was_destroyed() -> None:
    begun = STOPPED + "probed/restore restore@c1:started restore@c1:never_ran"

    assert words(wishes.abort(PLAN, state_after(begun), "enough")) == "aborted"


def test_every_status_can_be_said() -> None:
    assert all(wishes.say(status) for status in RunStatus)
    assert wishes.say(RunStatus.NEEDS_PERSON) == "waiting for a person's decision"
