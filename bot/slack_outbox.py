"""Everything Belay writes in Slack by itself: boards, the messages under them, App Homes. One writer each."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from bot.slack_boards import Boards
from bot.slack_home import Home
from bot.slack_posts import Posts
from bot.slack_whole import PATIENCE_S

log = logging.getLogger(__name__)

#: Seconds after which a writer that broke over a bug begins again.
AGAIN_S = 5.0


class Outbox:
    def __init__(self, boards: Boards, posts: Posts, home: Home) -> None:
        self.boards = boards
        self.posts = posts
        self.home = home
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        writers = {"boards": self.boards.run, "posts": self.posts.run, "home": self.home.run}
        self._tasks = [asyncio.create_task(_kept(name, run), name=f"slack {name}") for name, run in writers.items()]

    def wake(self) -> None:
        """Something changed. Never blocks."""
        self.boards.wake()
        self.posts.wake()
        self.home.wake()

    async def close(self) -> None:
        """Let each writer finish what it has begun, for a moment."""
        for writer in (self.boards, self.posts, self.home):
            writer.end()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=PATIENCE_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    @property
    def trouble(self) -> str:
        return self.boards.trouble or self.posts.trouble


async def _kept(name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Nothing that runs on hosts waits for a writer; a bug in one must not end it for good either."""
    while True:
        try:
            await run()
        except Exception:
            log.exception("the writer of %s broke; it begins again in %g s", name, AGAIN_S)
            await asyncio.sleep(AGAIN_S)
        else:
            return
