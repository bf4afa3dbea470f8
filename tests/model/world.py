"""
The whole in one process: several replicas on one database file, hosts, a chat, people, and time.

Everything is the bot's own code but the edges: what a host or Slack would do, and when somebody is let go on. A world
is made anew for each example and forgets everything.
"""

import asyncio
import atexit
import shutil
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import tenacity

import bot.slack_inbox
from core.action import Action
from core.people import Account
from core.run import Actor
from store.database import Store
from store.engines import Engines, make_engines
from tests.model.audit import OnlyGrows
from tests.model.chat import CHANNEL, Chat
from tests.model.eye import Eye
from tests.model.hosts import ModelHosts, Start
from tests.model.invariants import Invariants, driven
from tests.model.pace import ModelLoop
from tests.model.people import account, roster
from tests.model.reach import CALLER, Caller
from tests.model.replica import Replica
from tests.model.shared import Shared

REPLICAS = 3
#: Modules that measure how long something took; here that is the model's time.
SLEEPERS = (tenacity, bot.slack_inbox)
#: A replica that is given so many points does whatever it can.
ALL = 600
_SOMEBODY = Actor(person=roster().people["cy"], account=Account(id=account("U-cy")), way="cli")


class ViolatedError(AssertionError):
    """An invariant does not hold. `name` is which."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.name = words.partition(":")[0]


class World:
    def __init__(self) -> None:
        self.loop = ModelLoop()
        self.loop.set_task_factory(self._task)
        for module in SLEEPERS:
            vars(module)["time"] = SimpleNamespace(monotonic=self.loop.time)
        place = _place()
        for left in place.file.parent.iterdir():
            left.unlink()
        place.file.write_bytes(place.empty)
        self._ticks = count(1)
        self.violations: list[str] = []
        self.hosts = ModelHosts(self._ticks, self.loop.time)
        self.chat = Chat()
        self.shared = Shared(
            loop=self.loop,
            hosts=self.hosts,
            chat=self.chat,
            committed=self._committed,
            handles=self._handles,
            ticks=self._ticks,
        )
        self._known: dict[str, Replica] = {}  #: also those that are dead
        self.replicas = [self._start(f"r{n}", place.engines[n]) for n in range(REPLICAS)]
        self.eye = Eye(place.file, self._ticks)
        self._grows = OnlyGrows(self.eye)
        self._invariants = Invariants(self.eye, self.hosts, self.chat, self._epoch_of)
        self.hosts.began = self._began
        self.hosts.called = self._called

    # -- replicas ----------------------------------------------------------------------------------------------

    def _start(self, name: str, engines: Engines) -> Replica:
        replica = Replica(name, self.shared, engines)
        self._known[name] = replica
        return replica

    def kill(self, which: int) -> None:
        """It is gone at the point where it stands; another one is started in its place."""
        dead = self.replicas[which]
        dead.kill()
        self.replicas[which] = self._start(f"{dead.name}'", dead.engines)

    def _task(self, loop: asyncio.AbstractEventLoop, coro: Any, **named: Any) -> "asyncio.Task[Any]":
        """Whoever begins a task owns it, and it dies with its owner."""
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, **named)
        if (owner := self._known.get(CALLER.get().replica)) is not None:
            owner.tasks[task] = None
            task.add_done_callback(lambda done: self._ended(owner, done))
        return task

    def _ended(self, owner: Replica, task: "asyncio.Task[Any]") -> None:
        del owner.tasks[task]

    def _epoch_of(self, replica: str, run_id: str) -> int | None:
        driver = self._known[replica].engine._drivers.get(run_id)
        return driver.epoch if driver else None

    # -- what the rules do with it -----------------------------------------------------------------------------

    def deliver(self, to: int, *, which: int = 0, points: int = ALL, again: bool = False) -> None:
        """One of the events on their way, or one that came before, reaches a replica and is worked on for a while."""
        body = self.chat.again(which) if again else self.chat.take(which)
        if body is not None:
            self.replicas[to].begin(self.replicas[to].receive(body))
            self.replicas[to].go_on(points)
            self.place_boards()

    def place_boards(self) -> None:
        """Post the board of each new run, as the bot's poster would."""
        missing = self.eye.ask("SELECT run_id FROM board WHERE ts IS NULL")
        for (run_id,) in missing:
            self.loop.run_until_complete(self._place(run_id))

    async def _place(self, run_id: str) -> None:
        async with Store.begin(self._poster()) as tx:
            await tx.place_board(run_id, CHANNEL, self.chat.board_of(run_id))

    def _poster(self) -> Store:
        return self.replicas[0].store

    def under_way(self) -> list[str]:
        return [run.id for run in self.eye.runs.values() if driven(run.status)]

    def open(self) -> list[str]:
        return [run.id for run in self.eye.runs.values() if driven(run.status) or run.status == "waiting"]

    def take_over(self, by: int, *, points: int) -> None:
        """The job queue takes the driver for dead and gives its runs to another replica."""
        for run_id in self.under_way():
            self.replicas[by].begin(self.replicas[by].take_over(run_id))
        self.replicas[by].go_on(points)

    def sweep(self, by: int, *, points: int = ALL) -> None:
        """What the clock's loop does: expiries, what was left of the inbox, boards that were not read."""
        replica = self.replicas[by]
        unread, self.shared.unread[:] = tuple(self.shared.unread), ()
        replica.begin(replica.sweep(unread))
        replica.go_on(points)

    def freeze(self, by: int, *, on: bool) -> None:
        """The switch that stops all starts; it is on the command line, so the chat has no part in it."""
        service = self.replicas[by].service
        self.replicas[by].begin(service.freeze("wait", _SOMEBODY) if on else service.thaw(_SOMEBODY))
        self.replicas[by].go_on(ALL)

    # -- judging -----------------------------------------------------------------------------------------------

    def _committed(self) -> None:
        self._note(self._invariants.committed(CALLER.get()))

    def _began(self, start: Start) -> None:
        self._note(self._invariants.began(start))

    def _called(self, action: Action, by: Caller) -> None:
        self._note(self._invariants.called(action.run_id, action.unit, by))

    def _handles(self, replica: str, event_id: str, *, again: bool) -> None:
        done = self.eye.ask("SELECT 1 FROM inbox WHERE event_id = ? AND handled_at IS NOT NULL", event_id)
        if again or done:
            self._note([f"inbox: {event_id} is handled by {replica} and was handled before"])

    def _note(self, wrong: Iterable[str]) -> None:
        self.violations.extend(wrong)

    def check(self) -> None:
        """
        Raises:
            ViolatedError: an invariant does not hold, or the bot met something it calls a bug.
        """
        self._note(self._grows.check())
        for replica in self._known.values():
            self._note(self._broke(replica, run_id, why) for run_id, why in replica.engine.stalled.items())
            self._note(f"bug: {replica.name} {error!r}" for error in replica.errors)
        if self.violations:
            raise ViolatedError(self.violations[0])

    def _broke(self, replica: Replica, run_id: str, why: str) -> str:
        """One that was replaced has to be stopped by the fence, and not by what the journal has no place for."""
        name = "bug" if self.shared.holders.get(run_id) is replica else "fence"
        return f"{name}: {replica.name} cannot drive {run_id}: {why}"

    def close(self) -> None:
        for replica in self._known.values():
            if not replica.dead:
                replica.kill()
        self.eye.close()
        for module in SLEEPERS:
            vars(module)["time"] = time
        self.loop.close()


@dataclass(frozen=True)
class _Place:
    """One file for all worlds of this process, one after another: statements are compiled once for each engine."""

    file: Path
    empty: bytes  #: a database of the newest schema
    engines: tuple[Engines, ...]  #: of each replica


@cache
def _place() -> _Place:
    memory = Path("/dev/shm")  # in memory, where there is some: each commit waits for its disk
    folder = Path(tempfile.mkdtemp(prefix="belay-model-", dir=memory if memory.is_dir() else None))
    atexit.register(shutil.rmtree, folder)
    file = folder / "belay.db"
    url = f"sqlite:///{file}"
    asyncio.run(_migrate(url))
    engines = tuple(make_engines(url, readonly=False) for _ in range(REPLICAS))
    return _Place(file, file.read_bytes(), engines)


async def _migrate(url: str) -> None:
    await (await Store.open(url)).close()
