"""
What people may wish of a run under way, as entries for its journal, or a refusal with the reason.

Each function is pure: the plan and the state in, the entries to append out. Nothing is done here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.errors import RefusedError
from core.journal import Kind
from core.names import pick
from core.resolve import ResolvedPlan
from core.run_states import RunStatus
from core.schedule import destroyed
from core.state import RunState
from core.unit_states import UnitStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An entry that is not in the journal yet: it has no number and no time."""

    kind: Kind
    unit: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


#: The words `settle` takes, for a unit whose doing and for one whose undoing is in doubt.
SETTLE_WORDS = ("done", "failed", "undone")


def pause(state: RunState, reason: str) -> list[Draft]:
    if state.status is RunStatus.PAUSED:
        raise RefusedError("it is paused already; `resume` lets it go on")
    if state.status is not RunStatus.RUNNING:
        raise RefusedError(f"only a running run can be paused; it is {say(state.status)}")
    return [Draft(kind=Kind.PAUSED, data={"reason": reason})]


def resume(state: RunState, phrase: str = "") -> list[Draft]:
    if state.ask is not None and state.ask.confirm:
        if phrase != state.ask.confirm:
            raise RefusedError(f"type the phrase exactly: '{state.ask.confirm}'; what came was '{phrase}'")
        return [Draft(kind=Kind.CONFIRMED, data={"step": state.ask.step})]
    if state.status is RunStatus.PAUSED:
        return [Draft(kind=Kind.RESUMED)]
    if state.status is RunStatus.NEEDS_PERSON and (state.ask is None or not _open_units(state)):
        return [Draft(kind=Kind.RESUMED)]
    if state.status in (RunStatus.NEEDS_PERSON, RunStatus.STUCK) and state.ask is not None:
        raise RefusedError(f"it needs a decision first ({', '.join(state.ask.choices)}): {state.ask.reason}")
    raise RefusedError(f"there is nothing to resume: the run is {say(state.status)}")


def _open_units(state: RunState) -> list[str]:
    """What was asked about and is not decided yet. Where an undo got stuck, `failed` is what another try made of it."""
    open_ = {UnitStatus.UNKNOWN, UnitStatus.STUCK}
    if state.status is not RunStatus.STUCK:
        open_.add(UnitStatus.FAILED)
    return [key for key in (state.ask.units if state.ask else ()) if state.unit(key).status in open_]


def abort(plan: ResolvedPlan, state: RunState, reason: str, *, leave: bool = False) -> list[Draft]:
    """
    Go back (unwind), or with `leave` stop for good where it stands.

    Raises:
        RefusedError: a destructive step has begun, so unwinding is no longer possible; or the run is not under way.
    """
    if leave:
        return _leave(state, reason)
    if state.status not in (RunStatus.RUNNING, RunStatus.PAUSED, RunStatus.NEEDS_PERSON):
        hint = "; `withdraw` takes the request back" if state.status is RunStatus.WAITING else ""
        raise RefusedError(f"only a run under way can be aborted; it is {say(state.status)}{hint}")
    if gone := destroyed(plan, state):
        step = plan.step_of(gone[0].key)
        raise RefusedError(
            f"'{step.title}' has begun ({gone[0].key}), and it loses {step.loses or 'what was there'}: from here only "
            "forward. Retry, skip with a reason, or `abort --leave` to stop here and leave the target as it is"
        )
    return [Draft(kind=Kind.ABORTED, data={"reason": reason})]


def _leave(state: RunState, reason: str) -> list[Draft]:
    if state.status not in (RunStatus.PAUSED, RunStatus.NEEDS_PERSON, RunStatus.STUCK):
        raise RefusedError(
            f"only a run that is paused or waits for a person can be left as it is; it is {say(state.status)}"
        )
    running = [key for key, unit in state.units.items() if unit.status in (UnitStatus.RUNNING, UnitStatus.UNDOING)]
    if running:
        raise RefusedError(f"'{running[0]}' still runs on its host; wait for its end, or it would go on unwatched")
    if not reason:
        raise RefusedError("leaving a target half rolled back wants a reason: abort --leave --reason '...'")
    return [Draft(kind=Kind.FAILED, data={"reason": reason})]


def retry(plan: ResolvedPlan, state: RunState, units: Sequence[str]) -> list[Draft]:
    """An unknown unit is not started again: the host is asked once more."""
    chosen = _asked_units(plan, state, units, "retry")
    kinds = {
        UnitStatus.FAILED: Kind.RETRIED,
        UnitStatus.UNKNOWN: Kind.RECHECK,
        UnitStatus.STUCK: Kind.UNDO_RETRIED,
    }
    drafts = [Draft(kind=kinds[state.unit(key).status], unit=key) for key in chosen]
    return [*drafts, *_go_on(state, drafts)]


def skip(plan: ResolvedPlan, state: RunState, units: Sequence[str], reason: str) -> list[Draft]:
    """
    Pass over what failed: the units named, or all that did. What is unknown or stuck has to be settled.

    At an abort point: stop there.
    """
    if not reason:
        raise RefusedError("skipping wants a reason, for the record: skip RUN [UNIT] --reason '...'")
    if state.status is RunStatus.NEEDS_PERSON and state.ask is not None and state.ask.may_stop:
        return _stop(plan, state, state.ask.step, units, reason)
    chosen = _asked_units(plan, state, units, "skip")
    failed = [key for key in chosen if state.unit(key).status is UnitStatus.FAILED]
    doubtful = [key for key in chosen if key not in failed]
    if doubtful and (units or not failed):
        status = state.unit(doubtful[0]).status
        raise RefusedError(f"'{doubtful[0]}' is {status} and cannot be skipped; look at the host and settle it")
    chosen = failed
    drafts = [Draft(kind=Kind.SKIPPED, unit=key, data={"reason": reason}) for key in chosen]
    return [*drafts, *_go_on(state, drafts)]


def _stop(plan: ResolvedPlan, state: RunState, step_id: str, units: Sequence[str], reason: str) -> list[Draft]:
    """Pass over the step that was asked about and all later ones; the validations still run."""
    if units:
        raise RefusedError("to skip here is to stop before the step: name no unit")
    at = next(i for i, step in enumerate(plan.steps) if step.id == step_id)
    later = [unit for step in plan.steps[at:] if not step.validation for unit in step.units]
    open_ = [unit.key for unit in later if state.unit(unit.key).status is UnitStatus.PENDING]
    return [
        Draft(kind=Kind.STOPPED, data={"step": step_id, "reason": reason}),
        *(Draft(kind=Kind.SKIPPED, unit=key, data={"reason": reason}) for key in open_),
    ]


def settle(plan: ResolvedPlan, state: RunState, unit: str, outcome: str, reason: str) -> list[Draft]:
    """A person who looked at the host says how a unit ended."""
    pick("outcome", outcome, SETTLE_WORDS)
    if not reason:
        raise RefusedError("settling wants what you saw on the host: settle RUN UNIT OUTCOME --reason '...'")
    pick("unit", unit, _all_units(plan))
    if state.status.ended:
        raise RefusedError(f"there is nothing to settle: the run is {say(state.status)}")
    status = state.unit(unit).status
    kinds = {
        (UnitStatus.UNKNOWN, "done"): Kind.SETTLED_DONE,
        (UnitStatus.UNKNOWN, "failed"): Kind.SETTLED_FAILED,
        (UnitStatus.FAILED, "done"): Kind.SETTLED_DONE,
        (UnitStatus.STUCK, "undone"): Kind.SETTLED_UNDONE,
    }
    kind = kinds.get((status, outcome))
    if kind is None:
        fits = sorted({word for (s, word) in kinds if s is status})
        hint = f"it can be settled as {' or '.join(fits)}" if fits else "there is nothing to settle about it"
        raise RefusedError(f"'{unit}' is {status}; {hint}")
    drafts = [Draft(kind=kind, unit=unit, data={"reason": reason})]
    return [*drafts, *_go_on(state, drafts)]


def _go_on(state: RunState, decided: list[Draft]) -> list[Draft]:
    """Resume once every unit that was asked about is decided."""
    left = set(_open_units(state)) - {draft.unit for draft in decided}
    waiting = state.status in (RunStatus.NEEDS_PERSON, RunStatus.STUCK)
    return [Draft(kind=Kind.RESUMED)] if waiting and not left else []


def _asked_units(plan: ResolvedPlan, state: RunState, units: Sequence[str], verb: str) -> list[str]:
    if state.status not in (RunStatus.NEEDS_PERSON, RunStatus.STUCK):
        raise RefusedError(f"there is nothing to {verb}: the run is {say(state.status)}")
    if state.ask is not None and verb not in state.ask.choices:
        choices = ", ".join(state.ask.choices)
        raise RefusedError(f"to {verb} is no answer to what is asked ({choices}): {state.ask.reason}")
    open_ = _open_units(state)
    if not units:
        return open_
    for key in units:
        pick("unit", key, _all_units(plan))
        if key not in open_:
            raise RefusedError(f"'{key}' is {state.unit(key).status}; to {verb}: {', '.join(open_) or 'nothing'}")
    return list(dict.fromkeys(units))


def _all_units(plan: ResolvedPlan) -> list[str]:
    return [unit.key for step in plan.steps for unit in step.units]


def say(status: RunStatus) -> str:
    """Return the status in words: "waiting for a person" rather than needs_person."""
    return {
        RunStatus.WAITING: "waiting for approvals",
        RunStatus.NEEDS_PERSON: "waiting for a person's decision",
    }.get(status, status.value)
