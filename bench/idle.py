"""What the bot costs while nothing happens: memory and CPU over a minute."""

import asyncio
import tempfile
from pathlib import Path

from bench.bot_process import bot_on, cpu_s, rss_mb

WATCH_S = 30.0
GOAL_MB, GOAL_PERCENT = 150.0, 1.0


async def measure() -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="belay-bench-") as folder:
        async with bot_on(Path(folder), 1) as bench:
            await asyncio.sleep(5)  # start-up is not idleness
            before = cpu_s(bench.pid)
            await asyncio.sleep(WATCH_S)
            return {
                "idle_rss_mb": rss_mb(bench.pid),
                "idle_cpu_percent": 100 * (cpu_s(bench.pid) - before) / WATCH_S,
            }
