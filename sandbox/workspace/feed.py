"""Tells whoever listens that something changed: open pages, and tests that wait."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
Json = dict[str, Any]


class Feed:
    """
    Changes as they happen. A change is {"kind": ..., ...}; with "to": only that person may see it.

    A listener that lets more than `BACKLOG` changes pile up is dropped and has to start afresh.
    """

    BACKLOG = 2000

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[Json | None]] = set()
        self._changed = asyncio.Event()

    def listen(self) -> asyncio.Queue[Json | None]:
        queue: asyncio.Queue[Json | None] = asyncio.Queue(maxsize=self.BACKLOG + 1)
        self._listeners.add(queue)
        return queue

    def forget(self, queue: asyncio.Queue[Json | None]) -> None:
        self._listeners.discard(queue)

    def tell(self, kind: str, /, **change: Any) -> None:
        for queue in tuple(self._listeners):
            if queue.qsize() >= self.BACKLOG:
                self.forget(queue)
                queue.put_nowait(None)
            else:
                queue.put_nowait({"kind": kind, **change})
        self._changed.set()
        self._changed = asyncio.Event()

    def close(self) -> None:
        """Ends every listener."""
        for queue in tuple(self._listeners):
            self.forget(queue)
            queue.put_nowait(None)

    async def wait_for(self, predicate: Callable[[], T], timeout_s: float) -> T:
        """The first true answer of *predicate*, asked again after each change. TimeoutError otherwise."""
        async with asyncio.timeout(timeout_s):
            while True:
                changed = self._changed
                if answer := predicate():
                    return answer
                await changed.wait()
