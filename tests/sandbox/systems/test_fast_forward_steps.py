"""Each step of the way back from a chain of hops done twice, broken off in its middle, and taken back twice."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from core.pnr import Verdict
from core.resolve import ResolvedStep, Unit
from sandbox.systems.fast_forward import layout
from sandbox.systems.fast_forward.system import SYSTEM
from sandbox.systems.fast_forward.tools import volumes
from sandbox.systems.fast_forward.upgrade import BEFORE
from sandbox.systems.tools import units
from tests.needs import own_view
from tests.sandbox.systems.desk import Desk, desk_of

__all__ = ["own_view"]

FIRST = layout.BOOTSTRAP
VOLUME = f"{layout.GROUP}/{BEFORE}"
MERGE = f"merge@{FIRST}"
#: Seconds the practice cloud takes at most for what is waited for.
PATIENCE_S = 5.0


@pytest_asyncio.fixture
async def desk(tmp_path: Path, own_view: None) -> AsyncIterator[Desk]:
    async with desk_of(SYSTEM, "E1", tmp_path / "world") as found:
        yield found


async def units_of(desk: Desk, step: ResolvedStep) -> list[Unit]:
    """Return the units whose turn comes: of an elected step, the one whose host says yes."""
    return [unit for unit in step.units if unit.elect is None or (await desk.holds(unit.host, unit.elect))[0]]


async def settled(desk: Desk, unit: Unit) -> tuple[bool, str]:
    """Verify as the bot does: again until it holds, or its time is over."""
    until = asyncio.get_running_loop().time() + min(unit.verify.within_s, PATIENCE_S)
    while not (found := await desk.verify(unit.key))[0] and asyncio.get_running_loop().time() < until:
        await asyncio.sleep(unit.verify.every_s)
    return found


async def twice(desk: Desk, unit: Unit, *, idempotent: bool) -> None:
    """Do it, and do it again as after an outcome that was lost; each time it has to have had its effect."""
    for attempt in (1, 2) if idempotent and unit.do else (1,):
        if unit.do is not None:
            said = await desk.act(unit.key)
            assert said.exit_code == 0, f"{unit.key}, attempt {attempt}: {said}"
        held, found = await settled(desk, unit)
        assert held, f"{unit.key}, attempt {attempt}: {found}"
    if unit.probe is not None:
        assert (await desk.holds(unit.host, unit.probe))[0], f"{unit.key}: its probe does not see it"


async def test_every_step_may_be_done_twice_and_newton_is_there(desk: Desk) -> None:
    for step in desk.plan.steps:
        chosen = await units_of(desk, step)
        for batch in (chosen[n : n + step.batch] for n in range(0, len(chosen), step.batch)):
            await asyncio.gather(*(twice(desk, unit, idempotent=step.idempotent) for unit in batch))

    assert [f"{each.what}: {each.found}" for each in await desk.world.truth() if not each.right] == []
    assert (await desk.verdicts("merged-wrong"))["merged-wrong"][0] is Verdict.REVERSIBLE
    assert len(desk.machine(FIRST).calls("lvconvert", VOLUME)) == 1


async def test_what_was_stopped_starts_again_also_if_it_is_taken_back_twice(desk: Desk) -> None:
    runs = {name: _running(desk, name) for name in layout.CONTROLLERS}
    before = desk.plan.steps[: [step.id for step in desk.plan.steps].index("merge")]
    done = [unit for step in before for unit in await units_of(desk, step) if unit.do and unit.undo]
    for unit in done:
        assert (await desk.act(unit.key)).exit_code == 0, unit.key

    for unit in reversed(done):
        for attempt in (1, 2) if not unit.key.startswith("watch") else (1,):
            said = await desk.act(unit.key, undo=True)
            assert said.exit_code == 0, f"{unit.key}, attempt {attempt}: {said}"

    assert {name: _running(desk, name) for name in layout.CONTROLLERS} == runs
    assert {held for unit in done if unit.key.startswith("stop-") for held, _ in [await desk.verify(unit.key)]} >= {
        False
    }
    assert BEFORE in desk.machine(FIRST).state("lvm").read()["snapshots"]


def _running(desk: Desk, host: str) -> list[str]:
    return [name for name, (_, state) in units.states(desk.machine(host)).items() if state == "active"]


# A merge that is broken off.

STOP = "sudo systemctl stop mariadb"
UMOUNT = f"{STOP} && sudo umount {layout.DATADIR}"


@pytest.mark.parametrize("came_so_far", [STOP, UMOUNT, f"{UMOUNT} && sudo lvconvert --merge {VOLUME}"])
async def test_a_merge_goes_on_where_it_was_broken_off(desk: Desk, came_so_far: str) -> None:
    for name in reversed(layout.CONTROLLERS):
        await desk.do(name, came_so_far if name == FIRST else STOP)
    probe = desk.plan.unit(MERGE).probe
    assert probe is not None
    assert not (await desk.holds(FIRST, probe))[0]

    assert (await desk.act(MERGE)).exit_code == 0

    assert await desk.verify(MERGE) == (True, "merged")
    assert (await desk.holds(FIRST, probe))[0]
    assert (await desk.verdicts("merged-wrong"))["merged-wrong"][0] is Verdict.UNKNOWN, "no server to ask"
    assert len(desk.machine(FIRST).calls("lvconvert", VOLUME)) == 1


async def test_lvm_as_the_plan_meets_it(desk: Desk) -> None:
    """A merge of what is mounted changes nothing and says it is fine; what is full stays; a merge fills the others."""
    host = desk.world.hosts[FIRST]
    busy = await host.ask(f"sudo umount {layout.DATADIR}")
    again = await host.ask(f"sudo lvcreate --snapshot --size 20G --name {BEFORE} {layout.GROUP}/{layout.VOLUME}")
    absent = await host.ask(f"sudo lvs {layout.GROUP}/nothing")
    other = await host.ask("sudo lvs vg_other")
    put_off = await host.ask(f"sudo lvconvert --merge {VOLUME}")

    assert (busy.exit_code, "target is busy" in busy.stderr) == (32, True)
    assert (again.exit_code, "already exists" in again.stderr) == (5, True)
    assert (absent.exit_code, "Failed to find" in absent.stderr) == (5, True)
    assert (other.exit_code, "not found" in other.stderr) == (5, True)
    assert (put_off.exit_code, "Delaying merge since origin is open" in put_off.stdout) == (0, True)
    assert await desk.verify(MERGE) == (False, "the snapshot is still there")
    assert await desk.do(FIRST, f"sudo lvs --noheadings -o lv_name,lv_attr {layout.GROUP}") == (
        "  mysql Owi-aos---\n  before-upgrade Swi-a-s---\n  after-ocata swi-a-s---"
    )

    with desk.machine(FIRST).state("lvm") as lvm:
        lvm["snapshots"]["after-ocata"]["percent"] = 100.0
    full = await host.ask(f"sudo lvconvert --merge {layout.GROUP}/after-ocata")
    assert (full.exit_code, "invalidated snapshot" in full.stderr) == (5, True)

    with desk.machine(FIRST).state("lvm") as lvm:
        lvm["snapshots"][BEFORE].update(percent=80.0, pending=False)
        lvm["snapshots"]["after-ocata"]["percent"] = 30.0
    await desk.do(FIRST, f"{UMOUNT} && sudo lvconvert --merge {layout.GROUP}/after-ocata")
    await desk.do(FIRST, f"sudo mount {layout.DATADIR}")

    assert volumes.full(desk.machine(FIRST).state("lvm").read()["snapshots"][BEFORE]), "the merge wrote to the origin"
    assert volumes.datadir_is_mounted(desk.machine(FIRST))
