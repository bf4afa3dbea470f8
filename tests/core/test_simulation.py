"""
Whole runs in a world where everything goes wrong, and what must hold of the journals they leave.

What is checked here is checked on the journal and on the hosts' own record, not with the code that decided.
"""

from collections import Counter
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.journal import Entry, Kind
from core.pnr import Verdict
from core.progress import measure
from core.resolve import ResolvedPlan, ResolvedStep
from core.run_states import RunStatus
from core.state import RunState, apply
from core.unit_states import UnitStatus
from tests.core.fleet_making import fleet_plan
from tests.core.making import look, make_target, resolved
from tests.core.simulation import World

PLANS = {
    "plain": resolved(),
    "guarded in waves": resolved({"restore": {"on": "all", "order": "serial"}}, target=make_target(controllers=3)),
    "no guard": resolved({"restore": {"guard": []}}),
    "confirmed, elected, retried": resolved(
        {
            "stop": {"idempotent": True, "retries": 2, "order": {"batch": 2}},
            "restore": {"on": "elected", "elect": look("leader"), "confirm": "restore"},
            "start": {"max_failures": 1, "on": "one_reachable"},
        },
        target=make_target(controllers=3),
    ),
    "abort points": resolved(
        {
            "restore": {"confirm": "restore", "abort_point": "only the service is stopped"},
            "start": {"confirm": "start", "abort_point": "the data is back", "on": "one_reachable"},
        }
    ),
    "a fleet": fleet_plan(failures=1, order="serial"),
    "a fleet on one of two hosts": fleet_plan(controllers=2, idempotent=True, retries=1, on="one_reachable"),
    "nothing destructive": resolved(
        {"restore": {"destructive": False, "undo": {"argv": ["db", "new"], "timeout_s": 5}}, "start": {"guard": []}}
    ),
}


def lived(name: str, seed: int) -> World:
    world = World(plan=PLANS[name], random=Random(seed))
    world.live()
    return world


@pytest.mark.parametrize("name", PLANS)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=60)
def test_whatever_happens(name: str, seed: int) -> None:
    world = lived(name, seed)

    assert all(times == 1 for times in world.ran.values()), "a key ran twice"
    check_journal(world.plan, world.journal)
    check_end(world.plan, world.state)


def check_journal(plan: ResolvedPlan, journal: list[Entry]) -> None:
    state = RunState()
    for index, entry in enumerate(journal):
        if entry.kind is Kind.STARTED:
            check_start(plan, state, journal[:index], entry)
        if entry.kind is Kind.ABORTED:
            assert not _may_have_destroyed(plan, journal[:index]), "aborted although only forward was left"
        state = apply(state, entry)
        progress = measure(plan, state, entry.at)
        assert 0 <= progress.percent <= 100
        assert progress.down_s >= 0
        assert progress.only_forward == bool(_may_have_destroyed(plan, journal[: index + 1]))


def check_start(plan: ResolvedPlan, state: RunState, before: list[Entry], entry: Entry) -> None:
    step = plan.step_of(entry.unit)
    assert state.status is RunStatus.RUNNING
    assert state.unit(entry.unit).status is UnitStatus.PENDING
    running = [u.key for s in plan.steps for u in s.units if state.unit(u.key).status is UnitStatus.RUNNING]
    assert all(plan.step_of(key).id == step.id for key in running), "two steps at once"
    assert len(running) < step.batch, "more at a time than the step's batch"
    for earlier in plan.steps[: plan.steps.index(step)]:
        _check_over(_may_fail(plan, earlier), [state.unit(u.key).status for u in earlier.units], earlier.chooses_one)
    stops = [e.data["step"] for e in before if e.kind is Kind.STOPPED]
    assert step.validation or not stops, "started although a person had stopped"
    if step.group:
        others = [
            u for s in plan.steps if s.group == step.group for u in s.units if u.item == plan.unit(entry.unit).item
        ]
        gone = (UnitStatus.FAILED, UnitStatus.SKIPPED)
        assert not any(state.unit(u.key).status in gone for u in others), "something more was done to a fallen item"
    if step.confirm:
        assert any(e.kind is Kind.CONFIRMED and e.data["step"] == step.id for e in before)
    if step.guard or (step.destructive and not _may_have_destroyed(plan, before)):
        _check_look(step.id, before, entry)


def _check_look(step: str, before: list[Entry], entry: Entry) -> None:
    """Between the look and the start only other starts of the wave may stand, and an election."""
    for earlier in reversed(before):
        if earlier.kind is Kind.PROBED:
            verdicts = {point["verdict"] for point in earlier.data["findings"]["points"]}
            assert earlier.data["step"] == step
            assert verdicts == {Verdict.REVERSIBLE}, "started on a finding that forbids it"
            assert entry.at - earlier.at <= timedelta(seconds=120), "the look was too old"
            return
        assert earlier.kind in (Kind.STARTED, Kind.ELECTED), f"{earlier.kind} stands between the look and the start"
    raise AssertionError("nobody looked")


def _check_over(max_failures: int, statuses: list[UnitStatus], chooses_one: bool) -> None:
    count = Counter(statuses)
    over = count[UnitStatus.DONE] + count[UnitStatus.SKIPPED]
    if chooses_one:
        assert over or count[UnitStatus.FAILED] <= max_failures
    else:
        assert count[UnitStatus.FAILED] <= max_failures
        assert over + count[UnitStatus.FAILED] == len(statuses), statuses


def _may_fail(plan: ResolvedPlan, step: ResolvedStep) -> int:
    return plan.fleet.max_failures if step.group and not step.validation and plan.fleet else step.max_failures


def _may_have_destroyed(plan: ResolvedPlan, journal: list[Entry]) -> set[str]:
    """Attempts of destructive units that began and were not proved never to have run."""
    attempts: dict[str, set[int]] = {}
    last: dict[str, int] = {}
    for entry in journal:
        if not entry.unit or not plan.step_of(entry.unit).destructive:
            continue
        if entry.kind is Kind.STARTED:
            last[entry.unit] = entry.data["attempt"]
            attempts.setdefault(entry.unit, set()).add(last[entry.unit])
        if entry.kind is Kind.NEVER_RAN or entry.data.get("began") is False:
            attempts[entry.unit].discard(last[entry.unit])
    return {unit for unit, began in attempts.items() if began}


def check_end(plan: ResolvedPlan, state: RunState) -> None:
    if state.status is RunStatus.SUCCEEDED:
        for step in plan.steps:
            _check_over(_may_fail(plan, step), [state.unit(u.key).status for u in step.units], step.chooses_one)
    if state.status is RunStatus.UNWOUND:
        for step in plan.steps:
            for unit in step.units:
                now = state.unit(unit.key)
                assert not (step.destructive and now.ever_started)
                assert unit.undo is None or not now.ever_started or now.status is UnitStatus.UNDONE, unit.key
    if state.status is RunStatus.FAILED:
        assert state.reason == "enough", "only a person leaves a run where it stands"


def test_the_world_is_wild_enough() -> None:
    """Every ending and every kind of entry of a run under way comes up, or the tests above prove little."""
    worlds = [lived(name, seed) for name in PLANS for seed in range(60)]
    endings = Counter(world.state.status for world in worlds)
    kinds = {entry.kind for world in worlds for entry in world.journal}

    assert {RunStatus.SUCCEEDED, RunStatus.UNWOUND, RunStatus.FAILED} == set(endings)
    assert min(endings.values()) > 10, endings
    missing = {kind for kind in Kind if kind not in kinds}
    assert missing == {
        *(Kind.APPROVED, Kind.APPROVAL_REMOVED, Kind.VETOED, Kind.EXPIRED, Kind.WITHDRAWN, Kind.REFUSED),
    }
    assert sum(world.kills for world in worlds) > 300


@pytest.mark.parametrize("seed", range(5))
def test_the_driver_may_die_at_every_entry(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Die once before each entry of a good run in turn: it always gets to its end, and nothing runs twice."""

    class Mortal(World):
        die_at: int = 0

        @property
        def calm(self) -> bool:
            return True

        def write(self, draft: Any) -> None:
            if self.state.seq == self.die_at:
                self.die_at = -1
                from tests.core.simulation import Killed

                raise Killed
            super().write(draft)

    unharmed = Mortal(plan=PLANS["plain"], random=Random(seed))
    unharmed.die_at = -1
    unharmed.live()
    for at in range(5, len(unharmed.journal)):
        world = Mortal(plan=PLANS["plain"], random=Random(seed))
        world.die_at = at
        world.live()

        assert world.kills == 1
        assert world.state.status is RunStatus.SUCCEEDED
        assert sorted(world.ran) == sorted(unharmed.ran) or max(attempt for _, _, attempt in world.ran) == 2
        assert all(times == 1 for times in world.ran.values())
        units = Counter(unit for unit, _, _ in world.ran)
        assert set(units.values()) == {1}, "a unit's command ran twice"
        check_journal(world.plan, world.journal)
