"""Cutting, powering off, and ending with whoever made the world."""

import asyncio
import json
import os
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

import sandbox
from sandbox.hosts.build import lone_host
from sandbox.hosts.host import PracticeHost
from sandbox.hosts.marks import ROOT, WORLD, marked
from sandbox.systems.practice import SYSTEM
from sandbox.systems.world import World

#: A world that prints where it is and waits to be killed; one of its hosts is frozen, which must not save it.
MAKER = """
import asyncio, json
from sandbox.systems.practice import SYSTEM
from sandbox.systems.world import World

async def main():
    async with World.broken(SYSTEM, SYSTEM.scenario("reversible")) as world:
        await world.hosts["compute-1"].run("setsid sleep 1000 </dev/null >/dev/null 2>&1 &")
        world.hosts["compute-1"].cut()
        mark = world.hosts["compute-1"].world
        print(json.dumps({"directory": str(world.directory), "mark": mark}), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def gone(pids: list[int]) -> None:
    """Wait until none of *pids* runs."""
    async with AsyncExitStack() as stack:
        for pid in pids:
            try:
                handle = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            stack.callback(os.close, handle)
            ended = asyncio.Event()
            asyncio.get_running_loop().add_reader(handle, ended.set)
            stack.callback(asyncio.get_running_loop().remove_reader, handle)
            await asyncio.wait_for(ended.wait(), 20)


async def test_a_cut_host_is_silent_and_answers_once_healed(host: PracticeHost) -> None:
    await host.run("true")
    host.cut()
    question = asyncio.create_task(host.run("echo back"))

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(question), 0.3)
    host.heal()

    assert await asyncio.wait_for(question, 10) == "back"


async def test_power_off_ends_detached_processes_too_and_power_on_is_the_same_host(host: PracticeHost) -> None:
    pid = int(await host.run("setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $!"))
    port = host.port
    assert pid in marked({WORLD: host.world, ROOT: str(host.directory)})

    await host.stop()

    assert marked({WORLD: host.world, ROOT: str(host.directory)}) == []
    assert host.pid is None
    with pytest.raises(OSError):
        await host.run("true")
    await host.power_on()
    assert host.port == port
    assert await host.run("ping") == "pong from controller-1"


async def test_nothing_is_left_of_a_lone_host(tmp_path: Path) -> None:
    async with lone_host(tmp_path) as host:
        await host.run("setsid sleep 1000 </dev/null >/dev/null 2>&1 &")
        assert len(marked({WORLD: host.world})) >= 2

    assert marked({WORLD: host.world}) == []


async def test_a_temporary_world_leaves_no_process_and_no_file() -> None:
    async with World.broken(SYSTEM, SYSTEM.scenario("reversible")) as world:
        mark, directory = world.hosts["controller-1"].world, world.directory
        services = {
            host.name: int((await host.run("svc status nova-api")).split()[-1]) for host in world.in_role("controller")
        }
        assert set(services.values()) <= set(marked({WORLD: mark}))

    assert marked({WORLD: mark}) == []
    assert not directory.exists()


async def test_a_world_does_not_outlive_its_killed_maker() -> None:
    maker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", MAKER),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(sandbox.__file__).parents[1])},
    )
    assert maker.stdout is not None
    said = json.loads(await asyncio.wait_for(maker.stdout.readline(), 60))
    pids = marked({WORLD: said["mark"]})
    assert len(pids) >= 10  # five servers, the database, three services, one detached child

    maker.send_signal(signal.SIGKILL)
    await maker.communicate()
    await gone(pids)

    assert marked({WORLD: said["mark"]}) == []
    async with asyncio.timeout(20):
        while Path(said["directory"]).exists():  # the guardian is nobody's child any more: there is no event to wait on
            await asyncio.sleep(0.01)


async def test_a_directory_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "precious").touch()

    with pytest.raises(FileExistsError, match="not empty"):
        async with World.broken(SYSTEM, SYSTEM.scenario("reversible"), tmp_path):
            pass

    assert [path.name for path in tmp_path.iterdir()] == ["precious"]
