"""How it stands with each item of a fleet: one table of the truth, and what follows from it for the rest of the run."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from core.plan import OnFailure
from core.resolve import EVERY_GROUP, ResolvedPlan, ResolvedStep, Unit
from core.state import RunState
from core.unit_states import UnitStatus


class Truth(StrEnum):
    REVERTED = "reverted"  #: everything that was to be done to it is done
    UNTOUCHED = "untouched"  #: nothing was ever started on it
    MIXED = "mixed"  #: something was done and something was not
    UNKNOWN = "unknown"  #: of something nobody can tell whether it was done


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Every chosen item's truth, and how many more there are that nobody chose."""

    what: str
    items: dict[str, Truth]
    not_chosen: int

    def named(self, truth: Truth) -> tuple[str, ...]:
        return tuple(name for name, each in self.items.items() if each is truth)


def truth_table(plan: ResolvedPlan, state: RunState) -> Table | None:
    """Return the table; None for a plan without a fleet."""
    if plan.fleet is None:
        return None
    units: dict[str, list[Unit]] = {name: [] for name in plan.items}
    for step in _steps(plan):
        for unit in _units(step, state):
            units[unit.item].append(unit)
    return Table(
        what=plan.fleet.what,
        items={name: _truth(found, state) for name, found in units.items()},
        not_chosen=plan.fleet.found - len(plan.items),
    )


def _truth(units: Iterable[Unit], state: RunState) -> Truth:
    found = [(unit, state.unit(unit.key)) for unit in units]
    statuses = {each.status for _, each in found}
    in_doubt = {UnitStatus.UNKNOWN, UnitStatus.STUCK}
    if state.status.ended:
        in_doubt |= {UnitStatus.RUNNING, UnitStatus.UNDOING}
    if statuses & in_doubt:
        return Truth.UNKNOWN
    if not any(unit.do is not None and each.ever_started for unit, each in found):  # a look touches nothing
        return Truth.UNTOUCHED
    return Truth.REVERTED if statuses == {UnitStatus.DONE} else Truth.MIXED


def _steps(plan: ResolvedPlan, group: str = EVERY_GROUP) -> tuple[ResolvedStep, ...]:
    """The steps over the fleet; with *group* those of one group."""
    over = (step for step in plan.steps if step.group and not step.validation)
    return tuple(step for step in over if group in (EVERY_GROUP, step.group))


def _units(step: ResolvedStep, state: RunState) -> tuple[Unit, ...]:
    """The units of the chosen host, where one is chosen; of every candidate while it is not."""
    host = state.elected.get(step.id) if step.chooses_one else None
    return step.units if host is None else tuple(unit for unit in step.units if unit.host == host)


def fallen(steps: Iterable[ResolvedStep], state: RunState) -> dict[str, str]:
    """
    Return the items that failed in one of *steps*, or were skipped, each with the unit it happened to.

    A step that passes its failures over (`on_failure: continue`) fells nobody.
    """
    found: dict[str, str] = {}
    for step in steps:
        bad = {UnitStatus.SKIPPED, UnitStatus.FAILED} if step.on_failure is OnFailure.ASK else {UnitStatus.SKIPPED}
        for unit in step.units:
            if state.unit(unit.key).status in bad:
                found.setdefault(unit.item, unit.key)
    return found


def passed_over(plan: ResolvedPlan, state: RunState, step: ResolvedStep) -> dict[str, str]:
    """Return the waiting units of *step* whose items get nothing more, each with the reason."""
    if not step.group:
        return {}
    down = fallen(_steps(plan, step.group), state)
    return {
        unit.key: f"nothing more is done to '{unit.item}': '{down[unit.item]}' is {state.unit(down[unit.item]).status}"
        for unit in step.units
        if unit.item in down and state.unit(unit.key).status is UnitStatus.PENDING
    }


def too_many(plan: ResolvedPlan, state: RunState, step: ResolvedStep, failed: int) -> bool:
    """Return whether *failed* units of *step* are more than may fail before a person is asked."""
    if step.on_failure is not OnFailure.ASK:
        return False
    if not step.group or step.validation or plan.fleet is None:
        return failed > step.max_failures
    # Of later steps nothing counts: what was let pass here is not asked about again once another item fails there.
    so_far = plan.steps[: plan.steps.index(step) + 1]
    return failed > 0 and len(fallen([each for each in so_far if each.group], state)) > plan.fleet.max_failures


def items_left(plan: ResolvedPlan, state: RunState) -> tuple[str, ...] | None:
    """
    Return the items to which something is still to be done: what the points of no return say of the others is past.

    None: there is no fleet, or nothing is left to be done to any of it.
    """
    down = fallen(_steps(plan), state)
    left = {
        unit.item
        for step in _steps(plan)
        for unit in _units(step, state)
        if unit.item not in down and state.unit(unit.key).status is UnitStatus.PENDING
    }
    return tuple(name for name in plan.items if name in left) or None
