"""A call and the record of it belong together: a writer that is asked to end finishes both first."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

#: Seconds a writer that ends waits for what it has begun.
PATIENCE_S = 5.0


async def whole(doing: Coroutine[Any, Any, T]) -> T:
    """Do it to its end, even where the caller is cancelled meanwhile."""
    task = asyncio.create_task(doing)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=PATIENCE_S)
        task.cancel()
        raise
