"""`kill -9` of a real bot in the middle of a rollback, and a restart: it goes on by itself, nothing runs twice."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from bench.bot_process import bench_plan, bot_process, write_config
from bot.stage import CHANNEL, practice_world
from sandbox.systems.practice import SYSTEM
from sandbox.systems.world import World
from sandbox.workspace import Timing, Workspace
from sandbox.workspace.messages import Message

STEPS, CONTROLLERS = 6, 3


def counting_plan(counters: Path) -> dict[str, Any]:
    """Each action writes one letter into a file of its unit's name, then takes its time."""
    count = f'printf x >> "{counters}/$BELAY_UNIT"; sleep 0.4; echo "done $BELAY_UNIT"'
    plan = bench_plan()
    plan["steps"] = plan["steps"][:STEPS]
    for step in plan["steps"]:
        step["do"] = {"argv": ["sh", "-c", count], "timeout_s": 60}
    return plan


def board(workspace: Workspace) -> Message | None:
    mine = [m for m in workspace.messages(CHANNEL) if m.user == workspace.bot_user_id and m.thread_ts in (None, m.ts)]
    return mine[0] if mine else None


def says(workspace: Workspace, word: str) -> bool:
    found = board(workspace)
    return found is not None and word in found.text


@pytest.mark.parametrize("kills", [3])
async def test_a_killed_bot_goes_on_where_it_was(tmp_path: Path, kills: int) -> None:
    counters = tmp_path / "counters"
    counters.mkdir()
    async with (
        World.broken(SYSTEM, SYSTEM.scenario("reversible"), tmp_path / "hosts") as world,
        Workspace.serve(practice_world(), timing=Timing(retry_after_s=(0.2, 0.5, 1.0))) as workspace,
    ):
        write_config(tmp_path / "config", world, workspace, ["cloud-01"], counting_plan(counters))
        for number in range(kills):
            async with bot_process(tmp_path, world, workspace) as (pid, _url):
                if number == 0:
                    await ask_and_agree(workspace)
                await until_counted(counters, 1 + number * 4)
                os.kill(pid, signal.SIGKILL)
        async with bot_process(tmp_path, world, workspace):
            await workspace.wait_for(lambda: says(workspace, "succeeded"), 60)

    written = {file.name: file.read_text() for file in counters.iterdir()}
    assert len(written) == STEPS * CONTROLLERS
    assert set(written.values()) == {"x"}


async def ask_and_agree(workspace: Workspace) -> None:
    line = '/rollback start cloud-01 --to bench --reason "drill" --confirm cloud-01'
    await workspace.person("ana").command(CHANNEL, line)
    await workspace.wait_for(lambda: board(workspace), 20)
    found = board(workspace)
    assert found is not None
    workspace.person("bo").react(found, "white_check_mark")


async def until_counted(counters: Path, most: int) -> None:
    """Wait until so many actions have begun: somewhere in the middle of a step."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(30):
            while len(list(counters.iterdir())) < most:
                await asyncio.sleep(0.02)
    assert len(list(counters.iterdir())) >= most
