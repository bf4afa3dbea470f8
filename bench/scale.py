"""
Many runs on one bot: a thousand that wait, and fifty at once on two hundred hosts.

The hosts are logical: names and state directories of their own that share a few SSH servers, for two hundred servers on
this machine's cores would measure the machine. Acknowledgements stand beside those of an empty app in the same run.
"""

import asyncio
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.acks import acks_of, boards, start_all
from bench.bot_process import Bench, bench_plan, bot_process, cpu_s, hosts_and_chat, rss_mb
from bot.stage import CHANNEL
from core.codec import to_data
from core.journal import Kind
from core.wishes import Draft
from sandbox.workspace.messages import Message
from store.database import Store

WAITING, WATCH_S = 1_000, 20.0
RUNS, HOSTS_EACH, STEP_S = 50, 4, 20.0

#: figure -> (goal, "max" or "min", unit)
GOALS: dict[str, tuple[float, str, str]] = {
    "waiting_1000_more_mb": (50.0, "max", "MB more with 1,000 runs that wait for approval"),
    "waiting_1000_more_cpu_percent": (0.5, "max", "% of a core more"),
    "scale_ack_p99_ms": (50.0, "max", "ms with 50 runs on 200 hosts"),
    "scale_oldest_board_s": (10.0, "max", "s since what shows a run under way was edited, at worst"),
}


# -- a thousand that wait --------------------------------------------------------------------------------------------


async def waiting() -> dict[str, float]:
    """One run waits, then a thousand beside it, and nothing happens; then again after a start, which reads boards."""
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
                all_mb, all_percent = await _idle(pid)
            async with bot_process(home, world, workspace) as (pid, _):
                started_mb, started_percent = await _idle(pid)
    return {
        "waiting_1_mb": one_mb,
        "waiting_1000_mb": all_mb,
        "waiting_1000_more_mb": max(all_mb, started_mb) - one_mb,
        "waiting_1_cpu_percent": one_percent,
        "waiting_1000_cpu_percent": all_percent,
        "waiting_1000_more_cpu_percent": all_percent - one_percent,
        "waiting_1000_started_cpu_percent": started_percent,
    }


async def _idle(pid: int) -> tuple[float, float]:
    """Memory in MB and CPU in percent of a core, after the start has settled."""
    await asyncio.sleep(8)
    before = cpu_s(pid)
    await asyncio.sleep(WATCH_S)
    return rss_mb(pid), 100 * (cpu_s(pid) - before) / WATCH_S


async def _copy_runs(file: Path, count: int) -> None:
    """As many runs like the first, each on a target of its own, with a board that shows it; none expires meanwhile."""
    store = await Store.open(f"sqlite:///{file}", alone=False)
    async with store.look() as look:
        first, state, board = await look.run("R-1"), await look.state("R-1"), await look.board("R-1")
    assert board is not None
    assert state.findings is not None
    now = datetime.now(UTC)
    # A commit each would wait for the disk a thousand times; a hundred in one would shut the bot out for so long that
    # it takes the database for gone, and reads every board anew when it is back. It gets its turn between two.
    for start in range(0, count, 10):
        async with store.begin() as tx:
            for n in range(start, min(start + 10, count)):
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
        await asyncio.sleep(0.05)
    await store.close()


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
            figures |= _edits(bench, found, began)
    return figures


def _edits(bench: Bench, found: list[Message], began: float) -> dict[str, float]:
    """
    How old what shows a run became, at worst, since *began*; and how many edits a minute that took.

    `scale_oldest_board_s` goes by the newest message that shows a run's state: its board, or an overview with a line
    for it. `scale_oldest_own_board_s` goes by the boards alone.
    """
    own = {board.ts: [began] for board in found}
    shown = {_run(board): (board.ts, [began]) for board in found}
    edits = [e for e in bench.workspace.log.entries("api", "chat.update") if e.get("ok") and e["at"] >= began]
    for entry in edits:
        ts, blocks = str(entry["args"]["ts"]), str(entry["args"]["blocks"])
        own.get(ts, []).append(entry["at"])
        for run_id, (board, times) in shown.items():
            if ts == board or f"|{run_id}>" in blocks:
                times.append(entry["at"])
    end = time.time()
    return {
        "scale_oldest_board_s": max(_longest(times, end) for _, times in shown.values()),
        "scale_oldest_own_board_s": max(_longest(times, end) for times in own.values()),
        "scale_edits_a_minute": 60 * len(edits) / (end - began),
    }


def _run(board: Message) -> str:
    """Return the run that the header of *board* names: "R-17 · cloud-17 · …"."""
    return str(board.blocks[0]["text"]["text"]).split(" ", 1)[0]


def _longest(times: list[float], end: float) -> float:
    return max(later - earlier for earlier, later in zip(times, [*times[1:], end], strict=True))
