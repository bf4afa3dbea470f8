"""
Everything Belay writes in Slack by itself: boards, overviews, the messages under boards, App Homes. One writer each.

Of several replicas one writes boards, overviews and messages; the others wait for their turn.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from bot.slack_boards import Boards
from bot.slack_home import Home
from bot.slack_overview import Overviews
from bot.slack_posts import Posts
from bot.slack_whole import PATIENCE_S
from bot.slack_writer import MayWrite, NotTheWriterError, alone

log = logging.getLogger(__name__)

#: Seconds after which a writer that broke over a bug begins again.
AGAIN_S = 5.0

Writer = Callable[[], Coroutine[Any, Any, None]]


class Outbox:
    def __init__(
        self, boards: Boards, overviews: Overviews, posts: Posts, home: Home, may_write: MayWrite = alone
    ) -> None:
        self.boards = boards
        self.overviews = overviews
        self.posts = posts
        self.home = home
        self._may_write = may_write
        self._perhaps = asyncio.Event()  #: something happened; it may be our turn
        self._ending = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        shared = {"overviews": self.overviews.run, "boards": self.boards.run, "posts": self.posts.run}
        writers = {**{name: self._in_turn(run) for name, run in shared.items()}, "home": self.home.run}
        kept = {name: _kept(name, run) for name, run in writers.items()}
        self._tasks = [asyncio.create_task(running, name=f"slack {name}") for name, running in kept.items()]

    def _in_turn(self, run: Writer) -> Writer:
        async def work() -> None:
            while not self._ending:
                if not self._may_write():
                    self._perhaps.clear()
                    await self._perhaps.wait()
                    continue
                try:
                    await run()
                except NotTheWriterError as error:
                    log.info("%s", error)

        return work

    def wake(self) -> None:
        """Something changed. Never blocks."""
        self.boards.rounds.wake()
        self.posts.rounds.wake()
        self.home.wake()
        self._perhaps.set()

    async def close(self) -> None:
        """Let each writer finish what it has begun, for a moment."""
        for writer in (self.overviews, self.boards, self.posts):
            writer.rounds.end()
        self.home.end()
        self._ending = True
        self._perhaps.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=PATIENCE_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    @property
    def trouble(self) -> str:
        return self.boards.trouble or self.overviews.trouble or self.posts.rounds.trouble or self.posts.trouble


async def _kept(name: str, run: Writer) -> None:
    """Nothing that runs on hosts waits for a writer; a bug in one must not end it for good either."""
    while True:
        try:
            await run()
        except Exception:
            log.exception("the writer of %s broke; it begins again in %g s", name, AGAIN_S)
            await asyncio.sleep(AGAIN_S)
        else:
            return
