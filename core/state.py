"""The state of a run, computed from its journal. Any prefix of a journal gives a legal state."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from core import run_states, unit_states
from core.approvals import Approval
from core.codec import from_data
from core.errors import BelayError, TransitionError
from core.journal import VERSION, Entry, Kind
from core.pnr import Findings
from core.run_states import RUN_KINDS, RunStatus
from core.unit_states import UnitStatus


class NewerJournalError(BelayError):
    """The journal was written by a newer version of Belay; reading it would be guessing. Upgrade this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitState:
    status: UnitStatus = UnitStatus.PENDING
    attempt: int = 0  #: of the action that was started last; 0: none was
    undo_attempt: int = 0
    acted: bool = False  #: the command of this attempt ended well; only its verification is open
    ever_started: bool = False  #: some attempt ran, or may have; a proof that it never ran takes its attempt back
    began_before: bool = False  #: `ever_started` as it was before this attempt
    ever_unknown: bool = False
    unseen: tuple[int, ...] = ()  #: attempts whose end nobody saw, and no later one has begun since
    unseen_undos: tuple[int, ...] = ()  #: the same of undoing
    rechecks: int = 0
    reason: str = ""  #: why it failed, was skipped or is unknown, in words
    first_started_at: datetime | None = None  #: of the first attempt that ran, or may have
    started_at: datetime | None = None  #: of the last attempt
    undo_started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a person has to decide, and what they may choose."""

    reason: str
    units: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    step: str = ""
    confirm: str = ""  #: the phrase to type, for a step that wants one

    @property
    def may_stop(self) -> bool:
        """True at an abort point: to skip is to stop here, with all later steps passed over."""
        return bool(self.confirm) and "skip" in self.choices


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """Where a person stopped, and why; that step and all later ones are passed over."""

    step: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    seq: int = 0  #: of the last entry
    status: RunStatus = RunStatus.DRAFTED
    units: Mapping[str, UnitState] = field(default_factory=dict)
    approvals: tuple[Approval, ...] = ()
    elected: Mapping[str, str] = field(default_factory=dict)  #: step -> host
    accepted: Mapping[str, str] = field(default_factory=dict)  #: point -> words: unknowns the quorum takes on itself
    warnings: tuple[str, ...] = ()  #: of the preflight, at the request: what speaks against it and does not forbid it
    confirmed: frozenset[str] = frozenset()  #: steps whose phrase was typed
    stopped: Stopped | None = None  #: a person stopped at an abort point
    findings: Findings | None = None  #: the last look at the points of no return
    probed_for: str = ""  #: the step the last look was for, while nothing has happened since; "" after
    look_again: bool = False  #: somebody resumed: look before anything else starts
    ask: Ask | None = None
    asked_seq: int = 0  #: number of the entry that asked last: which question a click answers
    reason: str = ""  #: of the last change of status: why paused, vetoed, refused, aborted
    by: str = ""  #: who caused the last change of status
    drafted_at: datetime | None = None
    begun_at: datetime | None = None
    ended_at: datetime | None = None
    changed_at: datetime | None = None

    def unit(self, key: str) -> UnitState:
        return self.units.get(key, _FRESH)


_FRESH = UnitState()


def replay(entries: Iterable[Entry]) -> RunState:
    """
    Raises:
        TransitionError: the entries do not follow one another; the journal is damaged.
        NewerJournalError: an entry is newer than this code.
    """
    state = RunState()
    for entry in entries:
        state = apply(state, entry)
    return state


def check_version(seq: int, version: int) -> None:
    """
    Raises:
        NewerJournalError: entry *seq* is newer than this code. Ask before anything else of it is read.
    """
    if version > VERSION:
        raise NewerJournalError(
            f"journal entry {seq} has version {version}, this Belay reads up to {VERSION}; upgrade it"
        )


def apply(state: RunState, entry: Entry) -> RunState:
    """
    Return the state after *entry*. The argument is left as it was.

    Raises:
        TransitionError: *entry* cannot happen now.
        NewerJournalError: *entry* is newer than this code.
    """
    check_version(entry.seq, entry.version)
    if entry.seq != state.seq + 1:
        raise TransitionError("the journal", f"at entry {state.seq}", f"entry {entry.seq}")
    after = _apply_run(state, entry) if entry.kind in RUN_KINDS else _apply_unit(state, entry)
    return replace(after, seq=entry.seq)


def _apply_run(state: RunState, entry: Entry) -> RunState:
    if entry.kind is Kind.DRAFTED:
        if state.seq:
            raise TransitionError("the run", state.status, entry.kind)
        accepted = {str(point): str(words) for point, words in entry.data.get("accepted", {}).items()}
        warnings = tuple(str(words) for words in entry.data.get("warnings", ()))
        drafted = replace(state, drafted_at=entry.at, changed_at=entry.at, by=entry.by)
        return replace(drafted, accepted=accepted, warnings=warnings)
    status = run_states.after(state.status, entry.kind)
    state = _RUN_EFFECTS.get(entry.kind, _no_effect)(state, entry)
    if status is state.status:
        return state
    return replace(
        state,
        status=status,
        reason=str(entry.data.get("reason", "")),
        by=entry.by,
        changed_at=entry.at,
        ended_at=entry.at if status.ended else None,
        begun_at=entry.at if entry.kind is Kind.BEGUN else state.begun_at,
    )


def _no_effect(state: RunState, _entry: Entry) -> RunState:
    return state


def _approved(state: RunState, entry: Entry) -> RunState:
    approval = from_data(Approval, dict(entry.data))
    others = tuple(a for a in state.approvals if a.person != approval.person)
    return replace(state, approvals=(*others, approval))


def _approval_removed(state: RunState, entry: Entry) -> RunState:
    person = entry.data["person"]
    return replace(state, approvals=tuple(a for a in state.approvals if a.person != person))


def _probed(state: RunState, entry: Entry) -> RunState:
    findings = from_data(Findings, entry.data["findings"])
    return replace(state, findings=findings, probed_for=str(entry.data.get("step", "")), look_again=False)


def _elected(state: RunState, entry: Entry) -> RunState:
    return replace(state, elected={**state.elected, str(entry.data["step"]): str(entry.data["host"])})


def _asked(state: RunState, entry: Entry) -> RunState:
    return replace(state, ask=from_data(Ask, dict(entry.data)), asked_seq=entry.seq, probed_for="")


def _confirmed(state: RunState, entry: Entry) -> RunState:
    confirmed = state.confirmed | {str(entry.data["step"])}
    return replace(state, confirmed=confirmed, ask=None, look_again=True, probed_for="")


def _resumed(state: RunState, _entry: Entry) -> RunState:
    return replace(state, ask=None, look_again=True, probed_for="")


def _stopped(state: RunState, entry: Entry) -> RunState:
    stopped = Stopped(step=str(entry.data["step"]), by=entry.by, reason=str(entry.data.get("reason", "")))
    return replace(_resumed(state, entry), stopped=stopped)


def _left_waiting(state: RunState, _entry: Entry) -> RunState:
    return replace(state, ask=None)


_RUN_EFFECTS = {
    Kind.APPROVED: _approved,
    Kind.APPROVAL_REMOVED: _approval_removed,
    Kind.PROBED: _probed,
    Kind.ELECTED: _elected,
    Kind.ASKED: _asked,
    Kind.CONFIRMED: _confirmed,
    Kind.RESUMED: _resumed,
    Kind.STOPPED: _stopped,
    Kind.ABORTED: _left_waiting,
    Kind.FAILED: _left_waiting,
}


def _apply_unit(state: RunState, entry: Entry) -> RunState:
    if not entry.unit:
        raise TransitionError("a unit's entry without a unit", state.status, entry.kind)
    if state.status in (RunStatus.DRAFTED, RunStatus.WAITING) or state.begun_at is None:
        raise TransitionError(entry.unit, f"part of a run that is {state.status}", entry.kind)
    before = state.unit(entry.unit)
    status = unit_states.after(entry.unit, before.status, entry.kind)
    unit = replace(
        before,
        status=status,
        unseen=_unseen(before, entry),
        unseen_undos=_unseen_undos(before, entry),
        **_unit_changes(before, entry, status),
    )
    # A look at the points of no return holds for one wave: once a unit starts or is decided about, look again.
    probed_for = "" if entry.kind in _SPENDS_THE_LOOK else state.probed_for
    return replace(state, units={**state.units, entry.unit: unit}, probed_for=probed_for)


#: DONE and the like end the wave, so the next one is looked at anew. STARTED does not: it belongs to the wave.
_SPENDS_THE_LOOK = frozenset(Kind) - RUN_KINDS - {Kind.STARTED}


def _unseen(before: UnitState, entry: Entry) -> tuple[int, ...]:
    """Before an attempt begins, those before it are ended on the host; so its own end settles them too."""
    if entry.kind is Kind.LOST and not before.acted:
        return tuple(sorted({*before.unseen, before.attempt}))
    if entry.kind is Kind.ACTED or (entry.kind is Kind.UNIT_FAILED and _began(entry)):
        return ()
    return before.unseen


def _unseen_undos(before: UnitState, entry: Entry) -> tuple[int, ...]:
    if entry.kind is Kind.UNDO_LOST:
        return tuple(sorted({*before.unseen_undos, before.undo_attempt}))
    if entry.kind is Kind.UNDONE or (entry.kind is Kind.UNDO_FAILED and _began(entry)):
        return ()
    return before.unseen_undos


def _began(entry: Entry) -> bool:
    """Return whether this attempt began, or found out what became of those before it."""
    return entry.data.get("began") is not False or entry.data.get("spent") is True


def _unit_changes(before: UnitState, entry: Entry, status: UnitStatus) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if reason := entry.data.get("reason"):
        changes["reason"] = str(reason)
    if entry.kind is Kind.STARTED:
        attempt = int(entry.data.get("attempt", before.attempt + 1))
        return {
            "attempt": attempt,
            "acted": False,
            "began_before": before.ever_started,
            "ever_started": True,
            "reason": "",
            "first_started_at": before.first_started_at or entry.at,
            "started_at": entry.at,
            "ended_at": None,
        }
    if entry.kind is Kind.UNDO_STARTED:
        return {"undo_attempt": before.undo_attempt + 1, "undo_started_at": entry.at, "ended_at": None}
    if entry.kind is Kind.ACTED:
        return {"acted": True}
    if entry.kind is Kind.NEVER_RAN or (entry.kind is Kind.UNIT_FAILED and entry.data.get("began") is False):
        changes["ever_started"] = before.began_before
        changes["first_started_at"] = before.first_started_at if before.began_before else None
    if entry.kind is Kind.LOST:
        changes["ever_unknown"] = True
    if entry.kind is Kind.RECHECK:
        changes["rechecks"] = before.rechecks + 1
    if status not in (UnitStatus.RUNNING, UnitStatus.UNDOING, UnitStatus.PENDING):
        changes["ended_at"] = entry.at
    return changes
