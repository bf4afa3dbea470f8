"""Seconds from `belay demo` to a page that answers."""

import asyncio
import sys
import time

import aiohttp

from bench.bot_process import free_port

GOAL_S = 20.0


async def measure() -> dict[str, float]:
    with free_port() as port:
        pass
    began = time.perf_counter()
    demo = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "demo", "--port", str(port), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert demo.stdout is not None
        while b"Open " not in await demo.stdout.readline():
            pass
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/") as page:
            page.raise_for_status()
        return {"demo_page_s": time.perf_counter() - began}
    finally:
        demo.terminate()
        await demo.communicate()
