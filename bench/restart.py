"""
How soon a restarted bot has its runs again: killed while each of twenty runs has a step on three hosts of its own.

All sixty hosts have to be dialled anew, by the bot and by the machine's own SSH servers on the same cores. What plain
paramiko needs for the same hosts is measured before and after it, and stands beside it.
"""

import asyncio
import json
import os
import signal
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

from bench.acks import start_all
from bench.bot_process import Bench, bench_plan, bot_process, cpu_s, hosts_and_chat
from bench.own_hosts import Described, floor_s, own_hosts

RUNS, HOSTS_EACH, STEP_S = 20, 3, 20.0
UNITS = RUNS * HOSTS_EACH

#: figure -> (goal, "max" or "min", unit)
GOALS: dict[str, tuple[float, str, str]] = {
    "reattach_s": (2.0, "max", "s from the engine's start to every outcome of 20 runs on 60 hosts collected"),
}


async def measure() -> dict[str, float]:
    """
    The steps end while nobody looks; then the bot is started again.

    A run is re-attached when the outcomes of its step are in the journal: the hosts were asked, and answered.
    """
    with tempfile.TemporaryDirectory(prefix="belay-bench-") as folder:
        home = Path(folder)
        plan = bench_plan(steps=3, sleep_s=STEP_S)
        async with hosts_and_chat(home, RUNS, plan=plan) as (world, workspace, names):
            with own_hosts(home, UNITS, world.client_key) as hosts:
                give_hosts(home / "config" / "targets.yaml", hosts)
                async with bot_process(home, world, workspace) as (pid, url):
                    await start_all(Bench(workspace=workspace, world=world, targets=names, pid=pid, url=url))
                    await _all_started(home)
                    os.kill(pid, signal.SIGKILL)
                await asyncio.sleep(STEP_S)
                before_s = await asyncio.to_thread(floor_s, hosts, world.client_key)
                began = time.time()
                async with bot_process(home, world, workspace) as (pid, _):
                    ends = await _outcomes_after(home / "data" / "belay.db", began)
                    cpu = cpu_s(pid)
                after_s = await asyncio.to_thread(floor_s, hosts, world.client_key)
                log = (home / "bot.log").read_text()
    took_s = max(ends) - _engine_started(log, began)
    return {
        "reattach_s": took_s,
        "reattach_from_exec_s": max(ends) - began,
        "reattach_cpu_s": cpu,
        "reattach_floor_s": (before_s + after_s) / 2,
        "reattach_vs_floor_ratio": 2 * took_s / (before_s + after_s),
    }


async def _all_started(home: Path) -> None:
    """Wait until each host has begun; what was only meant would be done anew, and that is another figure."""
    for _ in range(600):
        if _begun(home) >= UNITS:
            return
        await asyncio.sleep(0.1)
    raise TimeoutError(f"{_begun(home)} of {UNITS} units were begun within 60 s")


def _begun(home: Path) -> int:
    """Count the claims on the hosts."""
    return sum(1 for _ in home.glob("sshd-*/state-*/*/*/claim"))


async def _outcomes_after(file: Path, began: float) -> list[float]:
    """When each unit's first outcome since *began* was written; seconds since the epoch."""
    for _ in range(600):
        found: dict[tuple[str, str], float] = {}
        for run_id, unit, at in _entries(file, "acted", began) + _entries(file, "done", began):
            found.setdefault((run_id, unit), at)
        if len(found) >= UNITS:
            return list(found.values())
        await asyncio.sleep(0.1)
    raise TimeoutError(f"{len(found)} of {UNITS} outcomes were collected within 60 s")


def give_hosts(file: Path, hosts: Sequence[Described]) -> None:
    """Let each target of the inventory have its own ones as controllers."""
    inventory = json.loads(file.read_text())
    for n, (name, target) in enumerate(inventory["targets"].items()):
        mine = {f"{name}-c{m}": hosts[n * HOSTS_EACH + m] for m in range(HOSTS_EACH)}
        computes = target["roles"]["compute"]
        target["hosts"] = {**{host: target["hosts"][host] for host in computes}, **mine}
        target["roles"] = {"controller": list(mine), "compute": computes}
    file.write_text(json.dumps(inventory))


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
