"""
Which messages new journal entries cause: facts only, in the same transaction as the entries.

How they read is `bot.views_thread`'s business, at the time they are posted. A key is the run, the journal entry and
what is told, so that the same entries cause the same message once, however often they are looked at.

Kinds: "thread" (a message under the board) and "file" (the report, attached there). The payload of "thread" has
`what`, the facts of it, and `broadcast` where the whole channel has to see it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from core.fleet_truth import too_many
from core.journal import Entry, Kind
from core.progress import OVER
from core.resolve import ResolvedPlan, ResolvedStep
from core.run import Run
from core.run_states import RunStatus
from core.schedule import units_of
from core.state import RunState, apply
from core.unit_states import UnitStatus
from store.records import Outgoing

Facts = dict[str, Any]

#: A person's decision about the run, and one about units.
_RUN_DECISIONS = (Kind.PAUSED, Kind.RESUMED, Kind.CONFIRMED, Kind.STOPPED, Kind.ABORTED)
_UNIT_DECISIONS = (
    Kind.RETRIED,
    Kind.RECHECK,
    Kind.SKIPPED,
    Kind.UNDO_RETRIED,
    Kind.SETTLED_DONE,
    Kind.SETTLED_FAILED,
    Kind.SETTLED_UNDONE,
)
_FAILURES = (Kind.UNIT_FAILED, Kind.LOST, Kind.UNDO_FAILED, Kind.UNDO_LOST)
#: Ended without anything having run.
_NEVER_RAN = (RunStatus.VETOED, RunStatus.EXPIRED, RunStatus.WITHDRAWN, RunStatus.REFUSED)
#: A unit that needs nothing more, where its step lets failures pass.
_PASSED = (*OVER, UnitStatus.FAILED)


def announcements(run: Run, before: RunState, after: RunState, entries: Sequence[Entry]) -> list[Outgoing]:
    """Return the messages that *entries*, which led from *before* to *after*, cause; in order."""
    messages: list[Outgoing] = []
    state = before
    for entry in entries:
        previous, state = state, apply(state, entry)
        messages += _of(run, previous, state, entry)
    messages += _decisions(run, entries)
    if after.status.ended and not before.status.ended:
        messages += _endings(run, after, entries[-1])
    return messages


def _of(run: Run, before: RunState, after: RunState, entry: Entry) -> Iterator[Outgoing]:
    if entry.kind is Kind.CLAIMED:
        yield _thread(run, entry, "claimed", {"people": [a.person for a in after.approvals]})
    if entry.kind is Kind.APPROVAL_REMOVED and (reason := entry.data.get("reason")):
        yield _thread(run, entry, "approval_dropped", {"person": entry.data["person"], "reason": str(reason)})
    if entry.kind is Kind.ASKED:
        yield _thread(run, entry, "person_needed", dict(entry.data), broadcast=True)
    if not entry.unit:
        return
    step = run.plan.step_of(entry.unit)
    if entry.kind in _FAILURES and not _already_failed(step, before):
        yield _thread(run, entry, "unit_failed", _failure(step, after, entry))
    for what, is_over in _STEP_ENDS.items():
        if is_over(run.plan, step, after) and not is_over(run.plan, step, before):
            yield _thread(run, entry, what, _step_facts(step, after))


def _already_failed(step: ResolvedStep, state: RunState) -> bool:
    """One message a step, not one a host: the others stand on the board and in the report."""
    bad = (UnitStatus.FAILED, UnitStatus.UNKNOWN, UnitStatus.STUCK)
    return any(state.unit(unit.key).status in bad for unit in step.units)


def _failure(step: ResolvedStep, state: RunState, entry: Entry) -> Facts:
    unit = state.unit(entry.unit)
    undoing = entry.kind in (Kind.UNDO_FAILED, Kind.UNDO_LOST)
    return {
        "step": step.id,
        "unit": entry.unit,
        "verb": "undo" if undoing else "do",
        "attempt": unit.undo_attempt if undoing else unit.attempt,
        "seen": entry.kind in (Kind.UNIT_FAILED, Kind.UNDO_FAILED),
        "reason": str(entry.data.get("reason", "")),
        "again": step.idempotent and not undoing and entry.kind is Kind.UNIT_FAILED and unit.attempt <= step.retries,
    }


def _done(plan: ResolvedPlan, step: ResolvedStep, state: RunState) -> bool:
    units = units_of(step, state)
    if not units or state.status is RunStatus.UNWINDING:
        return False
    statuses = [state.unit(unit.key).status for unit in units]
    if state.stopped is not None and set(statuses) == {UnitStatus.SKIPPED}:
        return False  # that a person stopped here was said once
    failed = statuses.count(UnitStatus.FAILED)
    forgiven = not too_many(plan, state, step, failed)
    return all(status in _PASSED for status in statuses) and (not failed or forgiven)


def _undone(_plan: ResolvedPlan, step: ResolvedStep, state: RunState) -> bool:
    touched = [unit for unit in step.units if state.unit(unit.key).ever_started and unit.undo is not None]
    return bool(touched) and all(state.unit(unit.key).status is UnitStatus.UNDONE for unit in touched)


_STEP_ENDS: Mapping[str, Callable[[ResolvedPlan, ResolvedStep, RunState], bool]] = {
    "step_done": _done,
    "step_undone": _undone,
}


def _step_facts(step: ResolvedStep, state: RunState) -> Facts:
    units = [state.unit(unit.key) for unit in units_of(step, state) or step.units]
    starts = [unit.started_at for unit in units if unit.started_at]
    ends = [unit.ended_at for unit in units if unit.ended_at]
    counts = {status.value: sum(unit.status is status for unit in units) for status in UnitStatus}
    return {
        "step": step.id,
        "units": len(units),
        "counts": {word: number for word, number in counts.items() if number},
        "hosts": list(dict.fromkeys(unit.host for unit in units_of(step, state) or step.units)),
        "took_s": (max(ends) - min(starts)).total_seconds() if starts and ends else 0.0,
    }


def _decisions(run: Run, entries: Sequence[Entry]) -> Iterator[Outgoing]:
    """What people decided: one message for all units decided together. The resuming that follows is no decision."""
    mine = [entry for entry in entries if entry.by]
    stops = any(entry.kind is Kind.STOPPED for entry in mine)
    about_units = [] if stops else [entry for entry in mine if entry.kind in _UNIT_DECISIONS]
    for kind in dict.fromkeys(entry.kind for entry in about_units):
        of_kind = [entry for entry in about_units if entry.kind is kind]
        facts = {
            "decision": kind.value,
            "by": of_kind[0].by,
            "units": [entry.unit for entry in of_kind],
            "reason": str(of_kind[0].data.get("reason", "")),
        }
        yield _thread(run, of_kind[0], "decision", facts)
    for entry in mine:
        if entry.kind in _RUN_DECISIONS and not (entry.kind is Kind.RESUMED and about_units):
            facts = {"decision": entry.kind.value, "by": entry.by, "reason": str(entry.data.get("reason", ""))}
            yield _thread(run, entry, "decision", facts | {"step": str(entry.data.get("step", ""))})


def _endings(run: Run, after: RunState, last: Entry) -> Iterator[Outgoing]:
    """The requester is told once; the channel too where something ran or was found."""
    ran = after.status not in _NEVER_RAN
    broadcast = ran or after.status is RunStatus.REFUSED
    facts = {"status": after.status.value, "by": after.by, "reason": after.reason, "person": run.requester}
    yield _thread(run, last, "ended", facts, broadcast=broadcast)
    if ran:
        yield Outgoing(key=f"{run.id}/{last.seq}/report", run_id=run.id, kind="file", payload={}, at=last.at)


def _thread(run: Run, entry: Entry, what: str, facts: Facts, *, broadcast: bool = False) -> Outgoing:
    payload = {"what": what, "broadcast": broadcast, **facts}
    key = f"{run.id}/{entry.seq}/{what.replace('_', '-')}"
    return Outgoing(key=key, run_id=run.id, kind="thread", payload=payload, at=entry.at)
