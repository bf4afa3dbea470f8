"""Put a world under its guardian: the process that ends it when its maker does."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import sandbox


@asynccontextmanager
async def guarded(mark: str, *, remove: Path | None) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """
    Run a guardian of the world *mark*; yield what ends the world now and returns when it is gone.

    At the end of the block the world is ended in any case, and *remove* is removed with all in it.
    """
    guardian = await asyncio.create_subprocess_exec(
        *(sys.executable, "-S", "-m", "sandbox.hosts.guardian", mark),
        *([str(remove)] if remove else []),
        stdin=asyncio.subprocess.PIPE,
        start_new_session=True,
        env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(Path(sandbox.__file__).parents[1])},
    )

    async def end() -> None:
        if guardian.stdin is not None and not guardian.stdin.is_closing():
            guardian.stdin.close()
        if await guardian.wait():
            raise RuntimeError(f"the practice world's guardian failed with {guardian.returncode}; see its stderr")

    try:
        yield end
    finally:
        await end()
