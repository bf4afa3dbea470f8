"""A TCP proxy whose link can be cut, frozen or delayed, as links are."""

import asyncio
from contextlib import suppress


class Proxy:
    """
    Between the bot and one host. Frozen, it takes what is sent and passes nothing on, as a dead path does.

    What it held comes late, and no ending after it: the other side would end with the line, and not even hear it.
    """

    def __init__(self, to_port: int) -> None:
        self.port = 0
        self._to_port = to_port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._flows = {"up": asyncio.Event(), "down": asyncio.Event()}
        for flow in self._flows.values():
            flow.set()

    async def start(self) -> "Proxy":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
        except OSError:
            writer.close()
            return
        for direction, source, to in (("up", reader, up_writer), ("down", up_reader, writer)):
            self._open.add(to)
            task = asyncio.create_task(self._pump(self._flows[direction], source, to))
            self._pumps.add(task)
            task.add_done_callback(self._pumps.discard)

    async def _pump(self, flow: asyncio.Event, source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        held = False
        with suppress(OSError):
            while data := await source.read(65536):
                held = held or not flow.is_set()
                await flow.wait()
                to.write(data)
                await to.drain()
        if not held:
            self._open.discard(to)
            to.close()

    def drop(self) -> None:
        """Cut every connection, as a router that restarts does."""
        for writer in list(self._open):
            writer.transport.abort()

    def freeze(self, *directions: str) -> None:
        for direction in directions or ("up", "down"):
            self._flows[direction].clear()

    def thaw(self) -> None:
        for flow in self._flows.values():
            flow.set()

    async def stop(self) -> None:
        self.thaw()
        self.drop()
        if self._server:
            self._server.close()
        for task in list(self._pumps):
            task.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)
