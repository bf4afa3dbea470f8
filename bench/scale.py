"""
Many runs on one bot: a thousand that wait, fifty at once on two hundred hosts, and how soon a restart has them again.

The hosts are logical: names and state directories of their own that share a few SSH servers, for two hundred servers on
this machine's cores would measure the machine. Acknowledgements stand beside those of an empty app in the same run.
"""

import asyncio
import os
import signal
import sqlite3
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.acks import acks_of, boards, start_all
from bench.bot_process import Bench, bench_plan, bot_process, cpu_s, hosts_and_chat, rss_mb
from bot.stage import CHANNEL
from core.codec import to_data
from core.journal import Kind
from core.wishes import Draft
from store.database import Store

WAITING, WATCH_S = 1_000, 20.0
RUNS, HOSTS_EACH, STEP_S = 50, 4, 20.0
RESTART_RUNS, RESTART_HOSTS_EACH = 20, 3

#: figure -> (goal, "max" or "min", unit)
GOALS: dict[str, tuple[float, str, str]] = {
    "waiting_1000_more_mb": (50.0, "max", "MB more with 1,000 runs that wait for approval"),
    "waiting_1000_more_cpu_percent": (0.5, "max", "% of a core more"),
    "scale_ack_p99_ms": (50.0, "max", "ms with 50 runs on 200 hosts"),
    "scale_oldest_board_s": (10.0, "max", "s since the board of a run under way was edited, at worst"),
    "reattach_s": (2.0, "max", "s from the engine's start to every outcome of 20 runs on 60 hosts collected"),
}


async def measure() -> dict[str, float]:
    return {**await waiting(), **await restart(), **await many()}


# -- a thousand that wait --------------------------------------------------------------------------------------------


async def waiting() -> dict[str, float]:
    """One run waits, then a thousand; the bot is started anew for each, and watched while nothing happens."""
    with tempfile.TemporaryDirectory(prefix="belay-bench-") as folder:
        home = Path(folder)
        async with hosts_and_chat(home, 1) as (world, workspace, names):
            async with bot_process(home, world, workspace) as (pid, url):
                bench = Bench(workspace=workspace, world=world, targets=names, pid=pid, url=url)
                ana = workspace.person("ana")
                await ana.command(CHANNEL, f'/rollback start {names[0]} --to bench --reason "b" --confirm {names[0]}')
                await workspace.wait_for(lambda: boards(bench), 60)
                one_mb, one_percent = await _idle(pid)
            await _copy_runs(home / "data" / "belay.db", WAITING - 1)
            async with bot_process(home, world, workspace) as (pid, _):
                all_mb, all_percent = await _idle(pid)
    return {
        "waiting_1_mb": one_mb,
        "waiting_1000_mb": all_mb,
        "waiting_1000_more_mb": all_mb - one_mb,
        "waiting_1_cpu_percent": one_percent,
        "waiting_1000_cpu_percent": all_percent,
        "waiting_1000_more_cpu_percent": all_percent - one_percent,
    }


async def _idle(pid: int) -> tuple[float, float]:
    """Memory in MB and CPU in percent of a core, after the start has settled."""
    await asyncio.sleep(8)
    before = cpu_s(pid)
    await asyncio.sleep(WATCH_S)
    return rss_mb(pid), 100 * (cpu_s(pid) - before) / WATCH_S


async def _copy_runs(file: Path, count: int) -> None:
    """As many runs like the first, each on a target of its own, with a board that shows it; none expires meanwhile."""
    store = await Store.open(f"sqlite+aiosqlite:///{file}")
    async with store.look() as look:
        first, state, board = await look.run("R-1"), await look.state("R-1"), await look.board("R-1")
    assert board is not None
    assert state.findings is not None
    now = datetime.now(UTC)
    for start in range(0, count, 100):  # a commit each would wait for the disk a thousand times
        async with store.begin() as tx:
            for n in range(start, min(start + 100, count)):
                run_id = await tx.new_run_id()
                run = replace(first, id=run_id, target=f"copy-{n}", created_at=now + timedelta(minutes=1))
                drafts = [
                    Draft(kind=Kind.DRAFTED, data={"reason": run.reason, "accepted": {}, "way": "bench"}),
                    Draft(kind=Kind.PROBED, data={"findings": to_data(state.findings)}),
                    Draft(kind=Kind.SUBMITTED),
                ]
                after = await tx.add_run(run, drafts, at=now, by=run.requester)
                await tx.lock_target(run.target, run_id, now)
                await tx.place_board(run_id, board.channel, f"1.{n:06}")
                await tx.shown(run_id, after.seq, now)
    await store.close()


# -- killed and started again ----------------------------------------------------------------------------------------


async def restart() -> dict[str, float]:
    """
    Kill the bot while each of 20 runs has a step on 3 hosts; these end while nobody looks; start it again.

    A run is re-attached when the outcomes of its step are in the journal: the hosts were asked, and answered.
    """
    with tempfile.TemporaryDirectory(prefix="belay-bench-") as folder:
        home = Path(folder)
        plan = bench_plan(steps=3, sleep_s=STEP_S)
        world_and_chat = hosts_and_chat(home, RESTART_RUNS, plan=plan, hosts_each=RESTART_HOSTS_EACH)
        async with world_and_chat as (world, workspace, names):
            async with bot_process(home, world, workspace) as (pid, url):
                await start_all(Bench(workspace=workspace, world=world, targets=names, pid=pid, url=url))
                await _all_started(home / "data" / "belay.db", RESTART_RUNS * RESTART_HOSTS_EACH)
                os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(STEP_S)
            began = time.time()
            async with bot_process(home, world, workspace):
                ends = await _outcomes_after(home / "data" / "belay.db", began, RESTART_RUNS * RESTART_HOSTS_EACH)
            log = (home / "bot.log").read_text()
    engine = _engine_started(log, began)
    return {"reattach_s": max(ends) - engine, "reattach_from_exec_s": max(ends) - began, "reattach_runs": RESTART_RUNS}


async def _all_started(file: Path, units: int) -> None:
    for _ in range(600):
        if len(_entries(file, "started", 0)) >= units:
            return
        await asyncio.sleep(0.1)
    raise TimeoutError(f"{len(_entries(file, 'started', 0))} of {units} units were started within 60 s")


async def _outcomes_after(file: Path, began: float, units: int) -> list[float]:
    """When each unit's first outcome since *began* was written; seconds since the epoch."""
    for _ in range(600):
        found: dict[tuple[str, str], float] = {}
        for run_id, unit, at in _entries(file, "acted", began) + _entries(file, "done", began):
            found.setdefault((run_id, unit), at)
        if len(found) >= units:
            return list(found.values())
        await asyncio.sleep(0.1)
    raise TimeoutError(f"{len(found)} of {units} outcomes were collected within 60 s")


def _entries(file: Path, kind: str, since: float) -> list[tuple[str, str, float]]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT run_id, unit, at FROM journal WHERE kind = ? ORDER BY at", (kind,)).fetchall()
    dated = [(run_id, unit, datetime.fromisoformat(at).timestamp()) for run_id, unit, at in rows]
    return [entry for entry in dated if entry[2] >= since]


def _engine_started(log: str, began: float) -> float:
    """When the last start of the bot says that it takes up its runs; seconds since the epoch."""
    lines = [line for line in log.splitlines() if "taking up" in line]
    at = datetime.strptime(lines[-1][:23], "%Y-%m-%d %H:%M:%S,%f").astimezone().timestamp()
    assert at >= began
    return at


# -- fifty at once ---------------------------------------------------------------------------------------------------


async def many() -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="belay-bench-") as folder:
        home = Path(folder)
        plan = bench_plan(steps=30, sleep_s=STEP_S)
        async with (
            hosts_and_chat(home, RUNS, plan=plan, hosts_each=HOSTS_EACH) as (world, workspace, names),
            bot_process(home, world, workspace) as (pid, url),
        ):
            bench = Bench(workspace=workspace, world=world, targets=names, pid=pid, url=url)
            found = await start_all(bench)
            began, cpu = time.time(), cpu_s(pid)
            acks = await acks_of(bench, found)
            await asyncio.sleep(max(0.0, 30 - (time.time() - began)))
            took_s = time.time() - began
            figures = {f"scale_{name}": value for name, value in acks.items()}
            figures["scale_cpu_percent"] = 100 * (cpu_s(pid) - cpu) / took_s
            figures["scale_oldest_board_s"] = _oldest(bench, [board.ts for board in found], began)
    return figures


def _oldest(bench: Bench, shown: list[str], began: float) -> float:
    """The longest time a board stood without an edit since *began*, seconds."""
    edits: dict[str, list[float]] = {ts: [began] for ts in shown}
    for entry in bench.workspace.log.entries("api", "chat.update"):
        ts = str((entry.get("args") or {}).get("ts"))
        if ts in edits and entry["at"] >= began:
            edits[ts].append(entry["at"])
    end = time.time()
    gaps = (zip(times, [*times[1:], end], strict=True) for times in edits.values())
    return max(later - earlier for pairs in gaps for earlier, later in pairs)
