"""The state is what the journal says: any prefix of it is a legal state, and nothing illegal changes anything."""

import json
from copy import deepcopy
from dataclasses import replace

import pytest
from hypothesis import given

from core import run_states, unit_states
from core.codec import from_data, to_data
from core.errors import TransitionError
from core.journal import VERSION, Entry, Kind
from core.run_states import RUN_KINDS, RunStatus
from core.state import NewerJournalError, RunState, UnitState, apply, replay
from core.unit_states import UnitStatus
from tests.core.making import BEGUN, later, state_after, story
from tests.core.walks import UNIT_KINDS, UNITS, legal, walks


@given(walks())
def test_any_prefix_of_any_journal_is_a_legal_state(journal: list[Entry]) -> None:
    for length in range(len(journal) + 1):
        state = replay(journal[:length])

        assert state.seq == length
        assert (state.ended_at is not None) == state.status.ended
        assert not (state.status.ended and state.status.driven)
        if state.units:
            assert state.begun_at is not None
        assert len({a.person for a in state.approvals}) == len(state.approvals)
        assert (state.ask is None) or state.status in (RunStatus.NEEDS_PERSON, RunStatus.STUCK)
        for unit in state.units.values():
            _check_unit(unit)


def _check_unit(unit: UnitState) -> None:
    assert unit.status in set(UnitStatus)
    assert unit.ever_started or not unit.began_before
    assert (unit.first_started_at is not None) == unit.ever_started
    if unit.status in (UnitStatus.RUNNING, UnitStatus.UNKNOWN):
        assert unit.attempt >= 1
    if unit.status is UnitStatus.DONE:  # done, or settled as done after an undo that never ran
        assert unit.attempt >= 1 or unit.undo_attempt >= 1
    if unit.status is UnitStatus.UNKNOWN:
        assert unit.ever_unknown


@given(walks())
def test_replaying_twice_or_in_pieces_gives_the_same(journal: list[Entry]) -> None:
    state = RunState()
    for entry in journal:
        state = apply(state, entry)

    assert state == replay(journal) == replay(journal)


@given(walks())
def test_a_journal_survives_its_journey_through_json(journal: list[Entry]) -> None:
    read = [from_data(Entry, json.loads(json.dumps(to_data(entry)))) for entry in journal]

    assert read == journal
    assert replay(read) == replay(journal)


@given(walks())
def test_whatever_is_not_legal_raises_and_changes_nothing(journal: list[Entry]) -> None:
    state = replay(journal)
    before = deepcopy(state)
    everything = [(kind, "") for kind in RUN_KINDS] + [(kind, unit) for kind in UNIT_KINDS for unit in UNITS]
    illegal = sorted(set(everything) - set(legal(state)))

    for kind, unit in illegal:
        with pytest.raises(TransitionError):
            apply(state, Entry(seq=state.seq + 1, kind=kind, at=later(99), unit=unit))

    assert state == before


@pytest.mark.parametrize("seq", [0, 1, 3, 99])
def test_a_gap_or_a_repeat_is_refused(seq: int) -> None:
    state = state_after("drafted")

    with pytest.raises(TransitionError, match="entry"):
        apply(state, Entry(seq=seq, kind=Kind.SUBMITTED, at=later(2)))


def test_who_agrees_twice_agrees_once_and_who_takes_it_back_not_at_all() -> None:
    twice = "drafted submitted approved/bo approved/cy approved/bo "

    assert [a.person for a in state_after(twice).approvals] == ["cy", "bo"]
    assert [a.person for a in state_after(twice + "approval_removed/bo").approvals] == ["cy"]


def test_a_newer_journal_is_not_guessed_at() -> None:
    entry = replace(story("drafted")[0], version=VERSION + 1)

    with pytest.raises(NewerJournalError, match="upgrade"):
        replay([entry])


def test_a_unit_s_entry_without_a_unit_is_refused() -> None:
    with pytest.raises(TransitionError, match="without a unit"):
        apply(state_after(BEGUN), Entry(seq=5, kind=Kind.STARTED, at=later(5)))


@pytest.mark.parametrize("words", ["drafted", "drafted submitted", "drafted submitted claimed"])
def test_no_unit_moves_before_the_run_has_begun(words: str) -> None:
    state = state_after(words)

    with pytest.raises(TransitionError, match="part of a run"):
        apply(state, Entry(seq=state.seq + 1, kind=Kind.STARTED, at=later(9), unit="stop@c1"))


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("drafted", "drafted"),
        ("drafted refused", "refused"),
        ("drafted submitted", "waiting"),
        ("drafted submitted approved/bo approval_removed/bo", "waiting"),
        ("drafted submitted vetoed", "vetoed"),
        ("drafted submitted expired", "expired"),
        ("drafted submitted withdrawn", "withdrawn"),
        ("drafted submitted refused", "refused"),
        ("drafted submitted claimed", "claimed"),
        ("drafted submitted claimed refused", "refused"),
        (BEGUN, "running"),
        (BEGUN + "paused", "paused"),
        (BEGUN + "paused resumed", "running"),
        (BEGUN + "asked", "needs_person"),
        (BEGUN + "asked failed", "failed"),
        (BEGUN + "asked confirmed/restore", "running"),
        (BEGUN + "aborted", "unwinding"),
        (BEGUN + "aborted asked", "stuck"),
        (BEGUN + "aborted asked resumed", "unwinding"),
        (BEGUN + "aborted unwound", "unwound"),
        (BEGUN + "succeeded", "succeeded"),
    ],
)
def test_the_run_is(words: str, status: str) -> None:
    assert state_after(words).status == status


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("", "pending"),
        ("started", "running"),
        ("started acted", "running"),
        ("started acted done", "done"),
        ("started lost", "unknown"),
        ("started lost recheck", "running"),
        ("started never_ran", "pending"),
        ("started lost settled_done", "done"),
        ("started lost settled_failed", "failed"),
        ("started unit_failed", "failed"),
        ("started unit_failed retried", "pending"),
        ("started unit_failed skipped", "skipped"),
        ("started unit_failed settled_done", "done"),
        ("started done undo_started", "undoing"),
        ("started done undo_started undone", "undone"),
        ("started done undo_started undo_failed", "stuck"),
        ("started done undo_started undo_lost", "stuck"),
        ("started done undo_started undo_never_ran", "failed"),
        ("started done undo_started undo_failed undo_retried", "failed"),
        ("started done undo_started undo_failed settled_undone", "undone"),
    ],
)
def test_the_unit_is(words: str, status: str) -> None:
    state = state_after(BEGUN + " ".join(f"stop@c1:{word}" for word in words.split()))

    assert state.unit("stop@c1").status == status


@pytest.mark.parametrize("status", [UnitStatus.RUNNING, UnitStatus.UNKNOWN, UnitStatus.DONE, UnitStatus.SKIPPED])
def test_nothing_starts_what_may_have_run(status: UnitStatus) -> None:
    """Only a pending unit may start: it never ran, was proved never to have run, or failed and a person said so."""
    assert (status, Kind.STARTED) not in unit_states.NEXT
    to_pending = {kind for (before, kind), after in unit_states.NEXT.items() if before is status and after == "pending"}
    assert to_pending <= {Kind.NEVER_RAN}


def test_every_state_that_has_not_ended_has_a_way_out() -> None:
    for status in RunStatus:
        assert status.ended == (not [s for s, _ in run_states.NEXT if s is status]), status


def test_a_state_knows_when_and_why() -> None:
    words = BEGUN + "stop@c1:started stop@c1:unit_failed/exit-1 stop@c1:retried stop@c1:started"
    unit = state_after(words).unit("stop@c1")

    assert (unit.attempt, unit.first_started_at, unit.started_at) == (2, later(5), later(8))
    assert unit.reason == ""
    assert state_after(words + " stop@c1:unit_failed/exit-2").unit("stop@c1").reason == "exit-2"


@pytest.mark.parametrize(
    ("words", "unseen", "undos"),
    [
        ("started lost", (1,), ()),
        ("started lost recheck lost", (1,), ()),
        ("started lost settled_failed retried started", (1,), ()),
        ("started lost settled_failed retried started lost", (1, 2), ()),
        ("started lost settled_failed retried started acted", (), ()),
        ("started lost settled_failed retried started unit_failed", (), ()),
        ("started acted lost", (), ()),
        ("started done undo_started undo_lost", (), (1,)),
        ("started done undo_started undo_lost undo_retried undo_started undo_lost", (), (1, 2)),
        ("started done undo_started undo_lost undo_retried undo_started undo_failed", (), ()),
        ("started done undo_started undo_lost undo_retried undo_started undone", (), ()),
    ],
)
def test_attempts_whose_end_nobody_saw_are_kept_until_a_later_one_has_begun(
    words: str, unseen: tuple[int, ...], undos: tuple[int, ...]
) -> None:
    """Before a later one begins they are ended on the host, so what it says of its own end settles them."""
    unit = state_after(BEGUN + " ".join(f"stop@c1:{word}" for word in words.split())).unit("stop@c1")

    assert (unit.unseen, unit.unseen_undos) == (unseen, undos)


@pytest.mark.parametrize(("spent", "unseen"), [(False, (1,)), (True, ())])
@pytest.mark.parametrize("kind", [Kind.UNIT_FAILED, Kind.UNDO_FAILED])
def test_one_that_did_not_begin_settles_them_only_if_they_were_ended(
    kind: Kind, spent: bool, unseen: tuple[int, ...]
) -> None:
    undoing = kind is Kind.UNDO_FAILED
    words = (
        "started done undo_started undo_lost undo_retried undo_started"
        if undoing
        else ("started lost settled_failed retried started")
    )
    before = state_after(BEGUN + " ".join(f"stop@c1:{word}" for word in words.split()))
    data = {"reason": "nothing was started", "began": False, "spent": spent}
    entry = Entry(seq=before.seq + 1, kind=kind, at=later(99), unit="stop@c1", data=data)

    unit = apply(before, entry).unit("stop@c1")

    assert (unit.unseen_undos if undoing else unit.unseen) == unseen
