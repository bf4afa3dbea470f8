"""
What is to be done next? A pure question with a closed set of answers; the engine only performs them.

It is asked when nothing is in flight: a unit met as `running` here was started by somebody who is gone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.fleet_truth import passed_over, too_many
from core.pnr import Finding, Findings
from core.resolve import ResolvedPlan, ResolvedStep, Unit
from core.run_states import RunStatus
from core.state import Ask, RunState
from core.unit_states import UnitStatus


@dataclass(frozen=True, slots=True)
class Do:
    """Start these units, together; they are one wave of one step."""

    step: ResolvedStep
    units: tuple[Unit, ...]


@dataclass(frozen=True, slots=True)
class Undo:
    units: tuple[Unit, ...]


@dataclass(frozen=True, slots=True)
class Recover:
    """Find out what became of these: attach to the host, then look. Start nothing."""

    units: tuple[Unit, ...]


@dataclass(frozen=True, slots=True)
class Retry:
    """Give these failed units another attempt by themselves, after the step's waiting time."""

    step: ResolvedStep
    units: tuple[Unit, ...]


@dataclass(frozen=True, slots=True)
class PassOver:
    """Leave these out: the item they are about failed earlier. Unit -> reason; nothing is started."""

    units: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Probe:
    """Look at all points of no return, for this step."""

    step: ResolvedStep


@dataclass(frozen=True, slots=True)
class Elect:
    """Choose the host of this step: the first candidate that answers, or whose look says yes."""

    step: ResolvedStep


@dataclass(frozen=True, slots=True)
class AskPerson:
    ask: Ask


@dataclass(frozen=True, slots=True)
class Finish:
    status: RunStatus  #: SUCCEEDED or UNWOUND


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing to do until a person acts."""


Decision = Do | Undo | Recover | Retry | PassOver | Probe | Elect | AskPerson | Finish | Rest

#: Where there is nothing to ask, looking again would find nothing new: the finding ("unknown") holds this long.
_NO_QUESTION_TTL_S = 60.0

#: A unit of unknown outcome is looked into by itself this often before a person is asked.
RECHECKS = 1


def decide(plan: ResolvedPlan, state: RunState, now: datetime) -> Decision:
    """What the run needs next, at *now*. Nothing may be in flight."""
    lost = [unit for unit in _units(plan) if state.unit(unit.key).status is UnitStatus.RUNNING]
    lost += [unit for unit in _units(plan) if state.unit(unit.key).status is UnitStatus.UNDOING]
    if lost and state.status.driven:
        return Recover(tuple(lost))
    if state.status is RunStatus.RUNNING:
        return _forward(plan, state, now)
    if state.status is RunStatus.UNWINDING:
        return _backward(plan, state)
    return Rest()


def _units(plan: ResolvedPlan) -> Iterable[Unit]:
    return (unit for step in plan.steps for unit in step.units)


def _forward(plan: ResolvedPlan, state: RunState, now: datetime) -> Decision:
    for step in plan.steps:
        units = units_of(step, state)
        if units is None:
            over = passed_over(plan, state, step)
            return PassOver(over) if over else _before(plan, state, step, now) or Elect(step)
        decision = _within(plan, state, step, units, now)
        if decision is not None:
            return decision
    return Finish(RunStatus.SUCCEEDED)


def units_of(step: ResolvedStep, state: RunState) -> tuple[Unit, ...] | None:
    """The units the step really has: of the chosen host only, where one is chosen; None while it is not yet."""
    if not step.chooses_one:
        return step.units
    host = state.elected.get(step.id)
    if host is None:
        passed_over = all(state.unit(unit.key).status is UnitStatus.SKIPPED for unit in step.units)
        return step.units if passed_over else None
    return tuple(unit for unit in step.units if unit.host == host)


def _within(
    plan: ResolvedPlan, state: RunState, step: ResolvedStep, units: tuple[Unit, ...], now: datetime
) -> Decision | None:
    """Return what the step needs, or None if it is over."""
    by = {status: [u for u in units if state.unit(u.key).status is status] for status in UnitStatus}
    if by[UnitStatus.UNKNOWN]:
        return _unknown(plan, step, by[UnitStatus.UNKNOWN], state)
    failed = by[UnitStatus.FAILED]
    if failed and (again := _retryable(step, failed, state)):
        return Retry(step, again)
    if too_many(plan, state, step, len(failed)):
        return AskPerson(_ask_failed(plan, step, failed, state))
    if over := passed_over(plan, state, step):
        return PassOver(over)
    pending = by[UnitStatus.PENDING]
    if not pending:
        return None
    return _before(plan, state, step, now) or Do(step, tuple(pending[: step.batch]))


def _retryable(step: ResolvedStep, failed: list[Unit], state: RunState) -> tuple[Unit, ...]:
    if not step.idempotent:
        return ()
    return tuple(unit for unit in failed if state.unit(unit.key).attempt <= step.retries)


def _way_out(plan: ResolvedPlan, state: RunState) -> str:
    """Back where that is still possible; else to stop where it stands."""
    return "leave" if destroyed(plan, state) else "abort"


def _unknown(plan: ResolvedPlan, step: ResolvedStep, unknown: list[Unit], state: RunState) -> Decision:
    open_ = tuple(unit for unit in unknown if state.unit(unit.key).rechecks < RECHECKS)
    if open_:
        return Recover(open_)
    first = unknown[0]
    reason = (
        f"'{first.key}' was started and its end was not seen ({state.unit(first.key).reason}); "
        "look at the host, then settle it"
    )
    choices = ("retry", "settle", _way_out(plan, state))
    return AskPerson(Ask(reason=reason, units=_keys(unknown), choices=choices, step=step.id))


def _ask_failed(plan: ResolvedPlan, step: ResolvedStep, failed: list[Unit], state: RunState) -> Ask:
    first = failed[0]
    others = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    reason = f"'{first.key}' failed{others}: {state.unit(first.key).reason}"
    choices = ("retry", "skip", _way_out(plan, state))
    return Ask(reason=reason, units=_keys(failed), choices=choices, step=step.id)


def _before(plan: ResolvedPlan, state: RunState, step: ResolvedStep, now: datetime) -> Decision | None:
    """Return what stands between now and the step's next wave, or None if nothing does."""
    if step.confirm and step.id not in state.confirmed:
        loses = f"; it loses {step.loses}" if step.loses else ""
        stop = f"; stopping here instead is safe: {step.abort_point}" if step.abort_point else ""
        reason = f"the step '{step.title}' wants a typed confirmation{loses}{stop}"
        choices = ("confirm", *(["skip"] if step.abort_point else []), _way_out(plan, state))
        return AskPerson(Ask(reason=reason, choices=choices, step=step.id, confirm=step.confirm))
    if not _looks_first(plan, state, step):
        return None
    if state.probed_for != step.id or state.findings is None or too_old(plan, state.findings, now):
        return Probe(step)
    if blocking := _blocking(plan, state, step, state.findings):
        reason = f"cannot go on before '{step.title}': {describe(blocking)}"
        return AskPerson(Ask(reason=reason, choices=("retry", _way_out(plan, state)), step=step.id))
    return None


def _looks_first(plan: ResolvedPlan, state: RunState, step: ResolvedStep) -> bool:
    """
    Return whether the points of no return have to be looked at before the step's next wave.

    Always where the step says so, and where it was looked at for this very wave. While nothing was destroyed also
    after every resume, and before the step that destroys first, whether its author thought of a guard or not. Not
    before validations: they change nothing, and what they say is wanted whatever has been crossed.
    """
    if step.guard or state.probed_for == step.id:
        return True
    return (state.look_again or step.destructive) and not step.validation and not destroyed(plan, state)


def _blocking(plan: ResolvedPlan, state: RunState, step: ResolvedStep, findings: Findings) -> tuple[Finding, ...]:
    """
    Return the points of no return that forbid the step's next wave.

    While nothing was destroyed every point does. Afterwards there is no way back to what was, and only the points
    the step itself names can stop it.
    """
    blocking = findings.blocking(state.accepted)
    if not destroyed(plan, state):
        return blocking
    return tuple(finding for finding in blocking if finding.point in step.guard)


def describe(findings: Iterable[Finding]) -> str:
    """Say in one line what was found and where: "computes-touched is CROSSED (compute-2: converted)"."""
    parts = []
    for finding in findings:
        worst = [f"{r.where}: {r.found}" for r in finding.reasons if r.verdict is finding.verdict]
        more = f" and {len(worst) - 3} more" if len(worst) > 3 else ""
        parts.append(f"{finding.point} is {finding.verdict.upper()} ({'; '.join(worst[:3]) or 'nothing looked'}{more})")
    return "; ".join(parts)


def too_old(plan: ResolvedPlan, findings: Findings, now: datetime) -> bool:
    """Return whether *findings* were made longer ago than the shortest-lived answer in them holds."""
    shortest = min((question.ttl_s for question in plan.questions()), default=_NO_QUESTION_TTL_S)
    return not timedelta(0) <= now - findings.at <= timedelta(seconds=shortest)


def look_expired(plan: ResolvedPlan, state: RunState, step: ResolvedStep, now: datetime) -> bool:
    """
    Return whether the look that a wave of *step* was decided on no longer holds at *now*.

    Whoever acts asks again in the last moment: between the decision and the act a machine may have stood still.
    """
    return _looks_first(plan, state, step) and (state.findings is None or too_old(plan, state.findings, now))


def destroyed(plan: ResolvedPlan, state: RunState) -> tuple[Unit, ...]:
    """The units of destructive steps that were ever started: once there is one, only forward is left."""
    return tuple(
        unit for step in plan.steps if step.destructive for unit in step.units if state.unit(unit.key).ever_started
    )


def _backward(plan: ResolvedPlan, state: RunState) -> Decision:
    for step in reversed(plan.steps):
        touched = [unit for unit in step.units if state.unit(unit.key).ever_started]
        by = {status: [u for u in touched if state.unit(u.key).status is status] for status in UnitStatus}
        if by[UnitStatus.UNKNOWN] or by[UnitStatus.STUCK]:
            return _ask_stuck(step, by[UnitStatus.UNKNOWN] + by[UnitStatus.STUCK], state)
        left = [unit for unit in _to_undo(by) if unit.undo is not None]
        if left:
            return Undo(tuple(reversed(left))[: step.batch])
    return Finish(RunStatus.UNWOUND)


def _to_undo(by: dict[UnitStatus, list[Unit]]) -> list[Unit]:
    """
    Failed and skipped ones too: a failed command may have done half of its work. And those that wait for another
    attempt, for the same reason.
    """
    return by[UnitStatus.DONE] + by[UnitStatus.FAILED] + by[UnitStatus.SKIPPED] + by[UnitStatus.PENDING]


def _ask_stuck(step: ResolvedStep, units: list[Unit], state: RunState) -> Decision:
    first = units[0]
    reason = f"cannot undo '{first.key}': {state.unit(first.key).reason or 'its outcome is not known'}"
    return AskPerson(Ask(reason=reason, units=_keys(units), choices=("retry", "settle"), step=step.id))


def _keys(units: Iterable[Unit]) -> tuple[str, ...]:
    return tuple(unit.key for unit in units)
