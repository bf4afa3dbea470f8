"""How far a run is: counts, times and what is left, for boards, status and reports."""

from dataclasses import dataclass
from datetime import datetime

from core.resolve import ResolvedPlan, ResolvedStep
from core.run_states import RunStatus
from core.schedule import destroyed, units_of
from core.state import RunState, UnitState
from core.unit_states import UnitStatus

OVER = (UnitStatus.DONE, UnitStatus.SKIPPED, UnitStatus.UNDONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepProgress:
    step: ResolvedStep
    word: str  #: "waiting", "running", "done", "failed", "unknown", "skipped", "undoing", "undone", "stuck"
    over: int  #: units that need nothing more
    units: int
    elapsed_s: float  #: from its first start to its last end, or to now


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    steps: tuple[StepProgress, ...]
    percent: int
    current: int  #: number of the step under way, from 1; len(steps) once over
    elapsed_s: float
    left_s: float | None  #: expected; None where the plan does not say how long its steps take
    down_since: datetime | None  #: the control plane, by what the steps' `control_plane` says
    down_s: float
    only_forward: bool  #: a destructive step has begun
    forward_from: int | None  #: number of the first destructive step


def measure(plan: ResolvedPlan, state: RunState, now: datetime) -> Progress:
    steps = tuple(_step(step, state, now) for step in plan.steps)
    end = state.ended_at or now
    down_since, down_s = _downtime(plan, state, end)
    current = next((i for i, s in enumerate(steps, 1) if not _is_over(s, steps[i:])), len(steps))
    forward = next((i for i, s in enumerate(plan.steps, 1) if s.destructive), None)
    return Progress(
        steps=steps,
        percent=_percent(steps, state),
        current=current,
        elapsed_s=(end - state.begun_at).total_seconds() if state.begun_at else 0.0,
        left_s=_left(steps) if plan.usual_s and not state.status.ended else None,
        down_since=down_since,
        down_s=down_s,
        only_forward=bool(destroyed(plan, state)),
        forward_from=forward,
    )


_WORST = (
    UnitStatus.STUCK,
    UnitStatus.UNKNOWN,
    UnitStatus.FAILED,
    UnitStatus.UNDOING,
    UnitStatus.RUNNING,
)


def _step(step: ResolvedStep, state: RunState, now: datetime) -> StepProgress:
    units = units_of(step, state) or step.units[:1]
    states = [state.unit(unit.key) for unit in units]
    statuses = [s.status for s in states]
    over = sum(status in OVER for status in statuses)
    starts = [s.undo_started_at or s.started_at for s in states if s.started_at]
    ends = [s.ended_at or (now if not state.status.ended else state.ended_at) for s in states if s.started_at]
    elapsed = (max(e for e in ends if e) - min(starts)).total_seconds() if starts else 0.0
    return StepProgress(step=step, word=_word(statuses, over), over=over, units=len(units), elapsed_s=max(0.0, elapsed))


def _is_over(step: StepProgress, later: tuple[StepProgress, ...]) -> bool:
    """A step with failures is over too, once the run let them pass and went on."""
    passed = step.word == "failed" and any(each.word != "waiting" for each in later)
    return passed or step.word in ("done", "skipped", "undone")


def _word(statuses: list[UnitStatus], over: int) -> str:
    for status in _WORST:
        if status in statuses:
            return status.value
    if over == len(statuses):
        for status in (UnitStatus.UNDONE, UnitStatus.SKIPPED):
            if all(s is status for s in statuses):
                return status.value
        return "undone" if UnitStatus.UNDONE in statuses else "done"
    return "running" if over else "waiting"


def _percent(steps: tuple[StepProgress, ...], state: RunState) -> int:
    if state.status is RunStatus.SUCCEEDED:
        return 100
    total = sum(s.units for s in steps)
    return min(99, 100 * sum(s.over for s in steps) // total) if total else 0


def _left(steps: tuple[StepProgress, ...]) -> float:
    left = 0.0
    for s in steps:
        if s.word not in ("done", "skipped", "undone"):
            left += max(0.0, s.step.usual_s - s.elapsed_s)
    return left


def _downtime(plan: ResolvedPlan, state: RunState, end: datetime) -> tuple[datetime | None, float]:
    """
    Return since when the control plane is down (None: it is up) and how many seconds it was or is.

    It goes down when the first unit of a "down" step starts. It is up when all units of an "up" step are over, or
    when everything that took it down is undone.
    """
    down: datetime | None = None
    undone: list[UnitState] = []
    for step in plan.steps:
        states = [state.unit(unit.key) for unit in units_of(step, state) or ()]
        if step.control_plane == "down":
            began = [s for s in states if s.first_started_at]
            down = min(
                [s.first_started_at for s in began if s.first_started_at] + ([down] if down else []), default=None
            )
            undone += began
        if step.control_plane == "up" and down and _brought_up(states, state):
            return None, (_last_end(states, end) - down).total_seconds()
    if down and all(s.status is UnitStatus.UNDONE for s in undone):
        return None, (_last_end(undone, end) - down).total_seconds()
    return down, (end - down).total_seconds() if down else 0.0


#: A step that was undone brought nothing up.
_UP = (UnitStatus.DONE, UnitStatus.SKIPPED)


def _brought_up(states: list[UnitState], state: RunState) -> bool:
    """A person who passes over a failed start says that it is up; one who stops before it says nothing of the kind."""
    if not states or any(s.status not in _UP for s in states):
        return False
    return state.stopped is None or any(s.status is UnitStatus.DONE for s in states)


def _last_end(states: list[UnitState], otherwise: datetime) -> datetime:
    return max((s.ended_at for s in states if s.ended_at), default=otherwise)


def what_is_left(plan: ResolvedPlan, state: RunState) -> tuple[str, ...]:
    """Return every unit that is neither done, skipped nor undone, with its status: the list for whoever takes over."""
    left = []
    for step in plan.steps:
        for unit in units_of(step, state) or step.units:
            status = state.unit(unit.key).status
            if status not in OVER:
                left.append(f"{unit.key}: {status}")
    return tuple(left)
