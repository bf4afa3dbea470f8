"""`kill -9` of a real bot three times on the way back from a fast-forward upgrade, once under the merge itself."""

import asyncio
import os
import signal
from pathlib import Path

from bench.bot_process import bot_process
from bot.serve import running
from bot.stage import CHANNEL, Automation, practice_world, write_settings
from sandbox.systems.fast_forward import layout
from sandbox.systems.fast_forward.system import SYSTEM
from sandbox.systems.world import World
from sandbox.workspace import Timing, Workspace
from sandbox.workspace.messages import Message
from tests.needs import own_view

__all__ = ["own_view"]

FIRST = layout.BOOTSTRAP
#: Where it is killed: the host's claim that says that a command of this step is on its way.
KILLS = ("stop-members", "merge", "join-members")
#: What would tell that something was done twice.
ONCE = ("lvconvert", "umount", "mount", "galera_new_cluster", "mysqldump")
#: Seconds the hosts' slower commands take: enough to be killed under.
PACE_S = 0.8


async def test_e6_a_killed_bot_goes_on_from_its_journal(tmp_path: Path, own_view: None) -> None:
    async with (
        World.start(SYSTEM, SYSTEM.scenario("E1"), tmp_path / "hosts", pace_s=PACE_S) as world,
        Workspace.serve(practice_world(), timing=Timing(retry_after_s=(0.2, 0.5, 1.0))) as workspace,
    ):
        async with running(write_settings(tmp_path, world, workspace)) as recording:
            await world.upgrade(Automation(recording.parts.service, SYSTEM.target, SYSTEM.plan))
        before = {tool: len(world.machine(FIRST).calls(tool)) for tool in ONCE}
        for step in KILLS:
            async with bot_process(tmp_path, world, workspace) as (pid, _url):
                if step == KILLS[0]:
                    await ask_and_agree(workspace)
                if step == "merge":
                    await confirm(workspace, "merge")
                await until_claimed(world, step)
                os.kill(pid, signal.SIGKILL)
        async with bot_process(tmp_path, world, workspace):
            await said(workspace, "succeeded", 90)

        wrong = [f"{each.what}: {each.found}" for each in await world.truth() if not each.right]
        called = {tool: len(world.machine(FIRST).calls(tool)) - before[tool] for tool in ONCE}

    assert not wrong
    assert called == dict.fromkeys(ONCE, 1)


def board(workspace: Workspace) -> Message | None:
    """The run's board: the first message that names the run."""
    mine = [m for m in workspace.messages(CHANNEL) if m.user == workspace.bot_user_id and "R-1" in m.text]
    return mine[0] if mine else None


async def said(workspace: Workspace, word: str, within_s: float) -> Message:
    """Wait until the board says *word*, and return it."""

    def found() -> Message | None:
        now = board(workspace)
        return now if now is not None and word in now.text else None

    message = await workspace.wait_for(found, within_s)
    assert message is not None
    return message


async def ask_and_agree(workspace: Workspace) -> None:
    line = f'/rollback start {SYSTEM.target} --to {SYSTEM.plan} --reason "drill" --confirm {SYSTEM.target}'
    await workspace.person("ana").command(CHANNEL, line)
    asked = await said(workspace, "waiting", 30)
    for name in ("bo", "cy"):
        workspace.person(name).react(asked, "white_check_mark")


async def confirm(workspace: Workspace, phrase: str) -> None:
    await said(workspace, "person", 60)
    await workspace.person("bo").command(CHANNEL, f'/rollback resume R-1 --confirm "{phrase}"')


async def until_claimed(world: World, step: str) -> None:
    async with asyncio.timeout(60):
        while not any(claim.startswith(f"R-1/{step}") for claim in world.claims(world.hosts[FIRST])):
            await asyncio.sleep(0.02)
