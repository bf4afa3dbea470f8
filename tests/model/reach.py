"""What a replica sees of the world: the same store and the same hosts as all others, through its own gate."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from itertools import count

from core.action import Action, Ended, Executor, Permit, Sink, Verdict
from core.target import Host
from store.database import Store
from store.engines import Engines
from store.transaction import Transaction
from store.turns import Turns
from tests.model.pace import AtOnce, Gate


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf something is done, and what that one knew: handed on to every task it starts."""

    replica: str = ""
    read_at: int = 0  #: the moment of its last look at the database
    read_s: float = 0.0  #: the same by the clock
    board: frozenset[tuple[str, str]] = frozenset()  #: what stood on the board it read last: user, name of the emoji


CALLER: ContextVar[Caller] = ContextVar("CALLER", default=Caller())  # noqa: B039  # it is frozen


#: Where a call stands between its permit and its arrival: at the gate of whose call it is.
ON_ITS_WAY: ContextVar[Callable[[], Awaitable[None]]] = ContextVar("ON_ITS_WAY")


class GatedStore(Store):
    """
    The shared database, as one replica reaches it.

    A gate stands before each transaction and after each commit. Inside there is none: what holds the writers' lock for
    longer than a moment is thrown out by the database, so that nobody could freeze there and go on.
    """

    gate: Gate
    ticks: "count[int]"
    committed: Callable[[], None]

    @classmethod
    def at(
        cls, engines: Engines, gate: Gate, turns: Turns, ticks: "count[int]", committed: Callable[[], None]
    ) -> "GatedStore":
        """*turns* are those of all replicas together: in place of the lock on which their processes would wait."""
        store = cls(engines, None)
        store._thread.shutdown()
        vars(store).update(_thread=AtOnce(), _turns=turns, gate=gate, ticks=ticks, committed=committed)
        return store

    @asynccontextmanager
    async def begin(self, *, urgent: bool = False) -> AsyncIterator[Transaction]:
        await self.gate.point()
        async with super().begin(urgent=urgent) as transaction:
            yield transaction
        self.committed()
        await self.gate.point()

    @asynccontextmanager
    async def look(self) -> AsyncIterator[Transaction]:
        await self.gate.point()
        async with super().look() as transaction:
            CALLER.set(replace(CALLER.get(), read_at=next(self.ticks), read_s=asyncio.get_running_loop().time()))
            yield transaction


class GatedHosts(Executor):
    """The shared hosts, with a gate before each call and after each answer."""

    def __init__(self, hosts: Executor, gate: Gate) -> None:
        self._hosts = hosts
        self._gate = gate

    async def run(self, action: Action, host: Host, sink: Sink, permit: Permit) -> Verdict:
        await self._gate.point()
        ON_ITS_WAY.set(self._gate.point)
        verdict = await self._hosts.run(action, host, sink, permit)
        await self._gate.point()
        return verdict

    async def attach(self, action: Action, host: Host, sink: Sink) -> Verdict:
        await self._gate.point()
        verdict = await self._hosts.attach(action, host, sink)
        await self._gate.point()
        return verdict

    async def stop(self, action: Action, host: Host) -> Verdict:
        await self._gate.point()
        verdict = await self._hosts.stop(action, host)
        await self._gate.point()
        return verdict

    async def look(self, action: Action, host: Host) -> Ended:
        await self._gate.point()
        ended = await self._hosts.look(action, host)
        await self._gate.point()
        return ended

    async def close(self) -> None:
        return None
