"""
A bad line between bot and host: a TCP proxy that drops, freezes, delays, half-closes, damages, or delivers late.

Reordering is not among it: TCP puts what comes in back into order, so that all a bot could see of it is delay. What
TCP does let through, and is the nastiest, is LATE: a call that arrives after its sender has given the line up.
"""

import asyncio
import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

_CHUNK = 65_536
#: Seconds after which what was held back is delivered, once its sender is gone; and a short stop that must be survived.
LATE_S, PAUSE_S, DELAY_S, AWAY_S = 0.4, 0.8, 0.05, 0.7


class Mischief(StrEnum):
    DROP = "link dropped"
    FREEZE = "link frozen both ways"  #: this connection for ever; the next one works
    PAUSE = "link frozen for a moment"
    DELAY = "link slow"
    HALF = "link half-closed"
    DAMAGE = "bytes damaged"
    LATE = "call delivered late"
    AWAY = "host not reachable"  #: drops, and refuses new connections for a while


@dataclass(kw_only=True)
class Schedule:
    """When something goes wrong: after so many chunks, counted over all links of a trial."""

    rng: random.Random
    kinds: tuple[Mischief, ...] = tuple(Mischief)
    gap: tuple[int, int] = (5, 60)
    sizes: tuple[int, int] | None = None  #: only such chunks, bytes, on their way to a host count; None: all, both ways
    most: int = 0  #: 0: the line is good
    hits: Counter[Mischief] = field(default_factory=Counter)
    chunks: int = 0
    _left: int = -1

    def next(self, size: int, *, to_the_host: bool) -> Mischief | None:
        if self.sizes and not (to_the_host and self.sizes[0] <= size < self.sizes[1]):
            return None
        self.chunks += 1
        if self.hits.total() >= self.most:
            return None
        if self._left < 0:
            self._left = self.rng.randint(*self.gap)
        self._left -= 1
        if self._left >= 0:
            return None
        kind = self.rng.choice(self.kinds)
        self.hits[kind] += 1
        return kind


@dataclass(eq=False, kw_only=True)
class _Pair:
    """One connection: the bot's end and the host's end."""

    bot: asyncio.StreamWriter
    host: asyncio.StreamWriter
    frozen: bool = False
    slow: int = 0  #: chunks still to be delayed
    held: bytearray | None = None  #: what the bot sent, to be delivered when it is gone
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def abort(self) -> None:
        self.ended.set()
        for writer in (self.bot, self.host):
            writer.transport.abort()


class BadLink:
    """One host's line. `schedule` may be exchanged between trials."""

    def __init__(self, host_port: int) -> None:
        self.schedule = Schedule(rng=random.Random(0))
        self.port = 0
        self._host_port = host_port
        self._pairs: set[_Pair] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._away_until = 0.0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        self._server.close()
        for pair in list(self._pairs):
            pair.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def drop_all(self) -> None:
        for pair in list(self._pairs):
            pair.abort()

    async def quiet(self, within_s: float) -> None:
        """Wait until nothing is under way on this line; what is left after *within_s* is dropped."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                for pair in list(self._pairs):
                    await pair.ended.wait()
        self.drop_all()

    async def _accept(self, from_bot: asyncio.StreamReader, to_bot: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            if asyncio.get_running_loop().time() < self._away_until:
                raise ConnectionRefusedError("away")
            from_host, to_host = await asyncio.open_connection("127.0.0.1", self._host_port)
        except OSError:
            to_bot.transport.abort()
            return
        pair = _Pair(bot=to_bot, host=to_host)
        self._pairs.add(pair)
        pumps = [
            asyncio.create_task(self._pump(pair, from_bot, to_host, to_the_host=True)),
            asyncio.create_task(self._pump(pair, from_host, to_bot, to_the_host=False)),
        ]
        try:
            await pair.ended.wait()
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            pair.abort()
            self._pairs.discard(pair)

    async def _pump(
        self, pair: _Pair, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, to_the_host: bool
    ) -> None:
        try:
            while data := await reader.read(_CHUNK):
                data = await self._maybe(pair, data, to_the_host=to_the_host)
                if data:
                    writer.write(data)
                    await writer.drain()
        except OSError:
            pass  # the line's end is told below, whichever way it came
        if to_the_host and pair.held:
            await self._deliver_late(pair)
        if not pair.frozen or to_the_host:
            pair.ended.set()

    async def _maybe(self, pair: _Pair, data: bytes, *, to_the_host: bool) -> bytes:
        """Let something happen to this chunk, if it is time; return what goes on of it."""
        if not pair.frozen and pair.held is None:
            await self._go_wrong(pair, self.schedule.next(len(data), to_the_host=to_the_host))
            if pair.slow:
                pair.slow -= 1
                await asyncio.sleep(DELAY_S)
            if pair.slow < 0:
                pair.slow = 0
                return bytes([data[0] ^ 0x55]) + data[1:]
        if pair.held is not None and to_the_host:
            pair.held += data
        return b"" if pair.frozen or pair.held is not None else data

    async def _go_wrong(self, pair: _Pair, kind: Mischief | None) -> None:
        match kind:
            case Mischief.DROP:
                pair.abort()
            case Mischief.FREEZE:
                pair.frozen = True
            case Mischief.PAUSE:
                await asyncio.sleep(PAUSE_S)
            case Mischief.DELAY:
                pair.slow = 10
            case Mischief.HALF:
                with suppress(OSError):
                    pair.host.write_eof()
            case Mischief.DAMAGE:
                pair.slow = -1
            case Mischief.LATE:
                pair.held = bytearray()
            case Mischief.AWAY:
                self._away_until = asyncio.get_running_loop().time() + AWAY_S
                self.drop_all()
            case None:
                return

    async def _deliver_late(self, pair: _Pair) -> None:
        await asyncio.sleep(LATE_S)
        with suppress(OSError):
            pair.host.write(bytes(pair.held or b""))
            await pair.host.drain()
            await asyncio.sleep(LATE_S)
