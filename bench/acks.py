"""How soon a command, a reaction and a button are acknowledged while 20 runs are in progress. Slack allows 3 s."""

import asyncio
import random
import tempfile
from pathlib import Path
from typing import Any

import aiohttp

from bench import floor
from bench.bot_process import Bench, bot_on
from bot.stage import CHANNEL
from sandbox.workspace.messages import Message

RUNS = 20
#: Clicks and words measured.
ENVELOPES = 600
LIMIT_MS, GOAL_MS = 3_000.0, 50.0


async def measure() -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="belay-bench-") as folder:
        async with bot_on(Path(folder), RUNS) as bench:
            figures = await acks_of(bench, await start_all(bench))
            return figures | {"ack_runs_in_progress": await driven(bench)}


async def acks_of(bench: Bench, found: list[Message]) -> dict[str, float]:
    """Poke the bot, and at the same time an empty app, so that what the machine costs is known."""
    async with floor.empty_app() as empty:
        asking = asyncio.create_task(floor.ask(empty, every_s=0.05))
        acks = sorted(await poke(bench, found))
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        least = floor.acks_ms(empty)
    return {
        "ack_p50_ms": percentile(acks, 50),
        "ack_p99_ms": percentile(acks, 99),
        "ack_max_ms": acks[-1],
        "ack_envelopes": len(acks),
        "ack_floor_p50_ms": percentile(least, 50),
        "ack_floor_p99_ms": percentile(least, 99),
        "ack_p99_vs_floor_ratio": percentile(acks, 99) / percentile(least, 99),
    }


async def start_all(bench: Bench) -> list[Message]:
    """Ask for a run on each target and approve it; return the boards once all of them are driven."""
    ana, bo = bench.workspace.person("ana"), bench.workspace.person("bo")
    for target in bench.targets:
        await ana.command(CHANNEL, f'/rollback start {target} --to bench --reason "bench" --confirm {target}')
    await bench.workspace.wait_for(lambda: len(boards(bench)) == len(bench.targets), 120)
    found = boards(bench)
    for board in found:
        bo.react(board, "white_check_mark")
    await until_driven(bench, len(bench.targets))
    return found


async def poke(bench: Bench, found: list[Message]) -> list[float]:
    """Words, clicks and reactions in turn, as fast as people could ever send them (about 40 a second)."""
    workspace, rng = bench.workspace, random.Random(482)
    dee = workspace.person("dee")
    before = len(envelopes(bench))
    for number in range(ENVELOPES):
        board = rng.choice(found)
        match number % 3:
            case 0:
                await dee.command(CHANNEL, "/rollback help")
            case 1:
                await dee.click(board, "belay_details")
            case _:
                name = "eyes"
                if dee.id in board.reactions.get(name, ()):
                    dee.unreact(board, name)
                else:
                    dee.react(board, name)
        await asyncio.sleep(0.02)
    await workspace.wait_for(lambda: all("ms" in e for e in envelopes(bench)), 30)
    return [float(e["ms"]) for e in envelopes(bench)[before:]]


async def until_driven(bench: Bench, runs: int) -> None:
    """Boards may show it later: Slack's limit of edits is shared by all of them."""
    for _ in range(1_200):
        if await driven(bench) >= runs:
            return
        await asyncio.sleep(0.1)
    raise TimeoutError(f"the bot drives {await driven(bench):.0f} of {runs} runs after 120 s")


async def driven(bench: Bench) -> float:
    """Runs the bot drives at this moment, as its metrics say."""
    async with aiohttp.ClientSession() as session, session.get(f"{bench.url}/metrics") as response:
        lines = (await response.text()).splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("belay_runs_driven "))


def boards(bench: Bench) -> list[Message]:
    bot = bench.workspace.bot_user_id
    return [m for m in bench.workspace.messages(CHANNEL) if m.user == bot and m.thread_ts in (None, m.ts)]


def envelopes(bench: Bench) -> list[dict[str, Any]]:
    return bench.workspace.log.entries("envelope")


def percentile(values: list[float], percent: int) -> float:
    return values[min(len(values) - 1, len(values) * percent // 100)]
