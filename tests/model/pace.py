"""
Time and order in the hands of the model: a loop whose clock is set, and gates that replicas pass when they are told to.

Nothing here waits for anything real, so that the same choices give the same history.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
#: Rounds of the loop within one settling; more is a loop that never comes to rest.
MOST_ROUNDS = 20_000


class ModelLoop(asyncio.SelectorEventLoop):
    """An event loop that runs what is ready and then stops; its time goes on only by `go_on`."""

    def __init__(self) -> None:
        self._now_s = 0.0
        super().__init__()

    def time(self) -> float:
        return self._now_s

    def now(self) -> datetime:
        """The clock of everybody in the model: it is a `core.ports.Clock` too."""
        return START + timedelta(seconds=self._now_s)

    def settle(self) -> None:
        """Run until nothing is ready."""
        ready: deque[Any] = vars(self)["_ready"]
        for _ in range(MOST_ROUNDS):
            self.call_soon(self.stop)
            self.run_forever()
            if not ready:
                return
        raise AssertionError("something runs in circles and never waits")

    def next_timer_s(self) -> float | None:
        """Seconds until somebody who sleeps wakes up; None if nobody does."""
        timers: list[asyncio.TimerHandle] = vars(self)["_scheduled"]
        due = [timer.when() for timer in timers if not timer.cancelled()]
        return max(0.0, min(due) - self._now_s) if due else None

    def go_on(self, seconds: float) -> None:
        """Let time pass, from one waking to the next."""
        until_s = self._now_s + seconds
        while (wait_s := self.next_timer_s()) is not None and self._now_s + wait_s <= until_s:
            self._now_s += wait_s
            self.settle()
        self._now_s = max(self._now_s, until_s)
        self.settle()


class AtOnce(Executor):
    """In place of the store's thread: done where it is asked for, and told of a moment later."""

    def submit(self, work: Callable[..., T], /, *args: Any, **named: Any) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(work(*args, **named))
        except Exception as error:  # noqa: BLE001  # it is told to whoever waits
            future.set_exception(error)
        return future


class Gate:
    """
    Where one replica touches the world: the database, a host, the chat.

    Each touch waits until the model lets it pass. A replica that is not told to go on is frozen; that it was replaced
    meanwhile it learns when it wakes. After `close` nothing passes any more: it is dead.
    """

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.closed = False
        self.passed = 0

    async def point(self) -> None:
        if self.closed:
            raise asyncio.CancelledError
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        await turn

    def let_pass(self, which: int = 0) -> bool:
        """Let one of those that wait go on to its next point; False if nobody waits."""
        self._waiting = deque(turn for turn in self._waiting if not turn.done())
        if not self._waiting:
            return False
        turn = self._waiting[which % len(self._waiting)]
        self._waiting.remove(turn)
        turn.set_result(None)
        self.passed += 1
        return True

    def close(self) -> None:
        self.closed = True
