"""A database session that is never left in the middle of a statement."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel.ext.asyncio.session import AsyncSession

T = TypeVar("T")


class SteadySession(AsyncSession):
    """
    A cancelled task waits for the statement it is in, then stops.

    Otherwise the driver throws the connection away with its transaction open, and the next writer waits for SQLite's
    lock until the busy timeout (seen: 5 s in 3 of 100 cancelled appends); and of a commit that was left nobody could
    say whether it happened.
    """

    async def exec(self, *args: Any, **kwargs: Any) -> Any:
        return await to_its_end(super().exec(*args, **kwargs))

    async def get(self, *args: Any, **kwargs: Any) -> Any:
        return await to_its_end(super().get(*args, **kwargs))

    async def flush(self, *args: Any, **kwargs: Any) -> None:
        await to_its_end(super().flush(*args, **kwargs))

    async def delete(self, *args: Any, **kwargs: Any) -> None:
        await to_its_end(super().delete(*args, **kwargs))

    async def commit(self) -> None:
        await to_its_end(super().commit())

    async def close(self) -> None:
        await to_its_end(super().close())


def new_session(engine: AsyncEngine) -> SteadySession:
    return SteadySession(engine, expire_on_commit=False, autoflush=False)


async def to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Await *work*; if the caller is cancelled meanwhile, let it end first."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await _ended(task)
        raise


async def _ended(task: asyncio.Task[T]) -> None:
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:  # again; the first one is raised when the task is done
            continue
    if not task.cancelled():
        task.exception()  # seen: the caller is told that it was cancelled
