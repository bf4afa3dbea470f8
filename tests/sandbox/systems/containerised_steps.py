"""Doing a step of the containerised plan by hand, and asking whether it has had its effect."""

from sandbox.systems.tools import units
from tests.sandbox.systems.desk import Desk


async def does(desk: Desk, step: str, *hosts: str, undo: bool = False) -> None:
    for host in hosts:
        said = await desk.act(f"{step}@{host}", undo=undo)
        assert said.exit_code == 0, f"{step} on {host}: {said}"


async def seen(desk: Desk, step: str, host: str) -> str:
    """What the step's verify says now, which has to hold."""
    held, said = await desk.verify(f"{step}@{host}")
    assert held, f"{step} on {host}: {said}"
    return said


def running(desk: Desk, host: str) -> set[str]:
    return {name for name, (_, state) in units.states(desk.machine(host)).items() if state == "active"}
