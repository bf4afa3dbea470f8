"""The bad line does to connections what it says."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from chaos.link import BadLink, Mischief, Schedule


@asynccontextmanager
async def line(kind: Mischief | None) -> AsyncIterator[tuple[BadLink, list[bytes]]]:
    """A line to an echo server that notes what reached it."""
    reached: list[bytes] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1_000):
            reached.append(data)
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    link = BadLink(server.sockets[0].getsockname()[1])
    await link.open()
    if kind:
        link.schedule = Schedule(rng=random.Random(1), kinds=(kind,), gap=(0, 0), most=1)
    try:
        yield link, reached
    finally:
        await link.close()
        server.close()
        await server.wait_closed()


async def asked(link: BadLink, within_s: float = 2.0) -> bytes | None:
    """What comes back for "ping"; None: nothing within the time."""
    reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
    try:
        writer.write(b"ping")
        return await asyncio.wait_for(reader.read(100), within_s)
    except ConnectionError:
        return b""
    except TimeoutError:
        return None
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        (None, b"ping"),
        (Mischief.DROP, b""),
        (Mischief.PAUSE, b"ping"),
        (Mischief.DELAY, b"ping"),
        (Mischief.DAMAGE, b"%ing"),
    ],
)
async def test_what_a_mischief_does(kind: Mischief | None, answer: bytes) -> None:
    async with line(kind) as (link, _):
        assert await asked(link) == answer
        assert link.schedule.hits.total() == (kind is not None)
        assert await asked(link) == b"ping"  # only once


async def test_a_frozen_link_says_nothing_and_the_next_one_works() -> None:
    async with line(Mischief.FREEZE) as (link, reached):
        assert await asked(link, within_s=0.3) is None
        assert await asked(link) == b"ping"
        assert reached == [b"ping"]


async def test_a_late_call_arrives_after_its_sender_gave_up() -> None:
    async with line(Mischief.LATE) as (link, reached):
        assert await asked(link, within_s=0.2) is None
        assert reached == []
        await link.quiet(3.0)
        assert reached == [b"ping"]


async def test_a_host_that_is_away_refuses_for_a_while() -> None:
    async with line(Mischief.AWAY) as (link, _):
        assert await asked(link) == b""
        assert await asked(link) == b""
        await asyncio.sleep(0.8)
        assert await asked(link) == b"ping"
