"""Socket Mode: single-use tickets, websockets, each envelope to exactly one of them, acks in time."""

import asyncio
import secrets
import time
import uuid
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.workspace.courier import Ack, Delivery, Tasks, in_time
from sandbox.workspace.faults import Faults
from sandbox.workspace.journal import Journal
from sandbox.workspace.timing import Timing

Json = dict[str, Any]
MOST_SOCKETS = 10


class Socket:
    """One websocket of the app."""

    def __init__(self, number: int, response: web.WebSocketResponse, request: web.Request) -> None:
        self.number = number
        self.response = response
        self._request = request
        self.retiring = False  #: was told to reconnect; gets envelopes only if there is no other
        self.waiting: dict[str, asyncio.Future[Ack]] = {}

    def cut(self) -> None:
        """Ends the TCP connection without a word, as a broken network does."""
        if self._request.transport is not None:
            self._request.transport.abort()


class Sockets:
    """All sockets of the app; the `Transport` of Socket Mode."""

    def __init__(self, app_id: str, timing: Timing, faults: Faults, journal: Journal) -> None:
        self._app_id = app_id
        self._timing = timing
        self._faults = faults
        self._journal = journal
        self._tickets: dict[str, float] = {}
        self._open: list[Socket] = []
        self._turn = 0
        self._count = 0
        self._tasks = Tasks()

    def new_ticket(self) -> str:
        ticket = secrets.token_urlsafe(16)
        self._tickets[ticket] = time.monotonic() + self._timing.ticket_s
        return ticket

    @property
    def connected(self) -> int:
        return len(self._open)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """The /link endpoint."""
        expires = self._tickets.pop(request.query.get("ticket", ""), 0.0)
        if time.monotonic() > expires or request.query.get("app_id") != self._app_id:
            self._journal.add("socket", "refused", reason="the ticket is unknown, used or too old")
            return web.Response(status=403, text="invalid or used ticket")
        response = web.WebSocketResponse(heartbeat=self._timing.socket_ping_s)
        await response.prepare(request)
        if len(self._open) >= MOST_SOCKETS:
            await response.send_json(self._disconnect("too_many_websockets"))
            await response.close()
            return response
        await self._keep(Socket(self._count, response, request))
        return response

    async def _keep(self, socket: Socket) -> None:
        self._count += 1
        self._open.append(socket)
        self._journal.add("socket", "opened", socket=socket.number, connections=self.connected)
        try:
            await socket.response.send_json(self._hello())
            async for message in socket.response:
                if message.type is WSMsgType.TEXT:
                    self._take(socket, message.json())
        finally:
            self._open.remove(socket)
            self._journal.add("socket", "closed", socket=socket.number, connections=self.connected)

    def _take(self, socket: Socket, frame: Json) -> None:
        future = socket.waiting.pop(str(frame.get("envelope_id")), None)
        if future is None:
            self._journal.add("socket", "stray ack", socket=socket.number, frame=frame)
            return
        ack = Ack(payload=frame.get("payload"))
        if self._faults.ack_delay_s:
            self._tasks.start(_later(future, ack, self._faults.ack_delay_s))
        elif not future.done():
            future.set_result(ack)

    async def send(self, delivery: Delivery) -> Ack:
        socket = self._choose()
        if socket is None:
            return Ack(problem="dispatch_failed", reason="connection_failed")
        envelope_id = str(uuid.uuid4())
        future: asyncio.Future[Ack] = asyncio.get_running_loop().create_future()
        socket.waiting[envelope_id] = future
        try:
            await socket.response.send_json(_envelope(envelope_id, delivery))
        except ConnectionError:
            return Ack(problem="dispatch_failed", reason="connection_failed")

        async def wait() -> Ack:
            return await future

        ack = await in_time(wait, self._timing.ack_s)
        socket.waiting.pop(envelope_id, None)
        return ack

    def _choose(self) -> Socket | None:
        """The next in turn; a retiring socket only if it is the last."""
        alive = [socket for socket in self._open if not socket.response.closed]
        fresh = [socket for socket in alive if not socket.retiring] or alive
        if not fresh:
            return None
        self._turn += 1
        return fresh[self._turn % len(fresh)]

    async def refresh(self, *, warn: bool = True) -> None:
        """Asks every socket to reconnect: with a warning first, or at once and with the cut."""
        sockets = tuple(self._open)
        for socket in sockets:
            socket.retiring = True
            reason = "warning" if warn else "refresh_requested"
            await socket.response.send_json(self._disconnect(reason))
            if warn:
                self._tasks.start(self._retire(socket))
            else:
                await socket.response.close()

    async def _retire(self, socket: Socket) -> None:
        await asyncio.sleep(self._timing.refresh_warning_s)
        if not socket.response.closed:
            await socket.response.send_json(self._disconnect("refresh_requested"))
            await socket.response.close()

    def drop(self) -> int:
        """Cuts all sockets; answers how many."""
        sockets = tuple(self._open)
        for socket in sockets:
            socket.cut()
        return len(sockets)

    async def stop(self) -> None:
        await self._tasks.stop()
        for socket in tuple(self._open):
            await socket.response.close()

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": self.connected,
            "debug_info": {
                "host": "applink-local",
                "build_number": 1,
                "approximate_connection_time": self._timing.socket_life_s,
            },
            "connection_info": {"app_id": self._app_id},
        }

    def _disconnect(self, reason: str) -> Json:
        return {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-local"}}


async def _later(future: asyncio.Future[Ack], ack: Ack, wait_s: float) -> None:
    await asyncio.sleep(wait_s)
    if not future.done():
        future.set_result(ack)


def _envelope(envelope_id: str, delivery: Delivery) -> Json:
    frame: Json = {
        "envelope_id": envelope_id,
        "payload": delivery.payload,
        "type": delivery.kind,
        "accepts_response_payload": _accepts_payload(delivery),
    }
    if delivery.kind == "events_api":
        frame |= {"retry_attempt": delivery.attempt, "retry_reason": delivery.reason}
    return frame


def _accepts_payload(delivery: Delivery) -> bool:
    return delivery.kind == "slash_commands" or delivery.payload.get("type") == "view_submission"
