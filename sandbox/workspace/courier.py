"""Brings payloads to the app and waits for the acknowledgement; redelivers events, and only events."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from sandbox.workspace.faults import Faults
from sandbox.workspace.journal import Journal
from sandbox.workspace.timing import Timing

Json = dict[str, Any]
Kind = Literal["events_api", "slash_commands", "interactive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """
    How one delivery ended.

    `problem` is empty, or what Slack tells the person: "operation_timeout" (sent, no ack in time) or
    "dispatch_failed" (nobody to send to, or the app answered with an error).
    """

    problem: str = ""
    reason: str = ""  #: for the redelivery: "timeout", "http_error", ...
    payload: Any = None  #: what the app answered with the ack
    may_retry: bool = True
    ms: float = 0.0

    @property
    def accepted(self) -> bool:
        return not self.problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    kind: Kind
    payload: Json
    attempt: int = 0
    reason: str = ""


class Transport(Protocol):
    """One way to the app. `send` never raises for the app's sake; it answers with an `Ack`."""

    async def send(self, delivery: Delivery) -> Ack: ...


class Tasks:
    """Background tasks with an owner: whoever starts them can end them."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def stop(self) -> None:
        tasks = tuple(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Courier:
    def __init__(self, transport: Transport, timing: Timing, faults: Faults, journal: Journal) -> None:
        self.transport = transport
        self._timing = timing
        self._faults = faults
        self._journal = journal
        self._held: list[Json] = []
        self._tasks = Tasks()

    async def stop(self) -> None:
        await self._tasks.stop()

    async def call(self, kind: Kind, payload: Json) -> Ack:
        """Delivers a command or an interaction, once."""
        return await self._once(Delivery(kind=kind, payload=payload))

    def event(self, payload: Json) -> None:
        """Delivers an event in the background, again if it is not acknowledged."""
        if self._faults.reorder_events > 0:
            self._faults.reorder_events -= 1
            self._held.append(payload)
            if self._faults.reorder_events == 0:
                self.release_held()
            return
        copies = 1
        if self._faults.duplicate_events > 0:
            self._faults.duplicate_events -= 1
            copies = 2
        for _ in range(copies):
            self._tasks.start(self._until_acknowledged(payload))

    def release_held(self) -> None:
        """Sends what was held for reordering, the last first."""
        held, self._held = self._held[::-1], []
        for payload in held:
            self._tasks.start(self._until_acknowledged(payload))

    async def _until_acknowledged(self, payload: Json) -> None:
        if self._faults.event_delay_s:
            await asyncio.sleep(self._faults.event_delay_s)
        ack = await self._once(Delivery(kind="events_api", payload=payload))
        for attempt, wait_s in enumerate(self._timing.retry_after_s, start=1):
            if ack.accepted or not ack.may_retry:
                return
            await asyncio.sleep(wait_s)
            again = Delivery(kind="events_api", payload=payload, attempt=attempt, reason=ack.reason)
            ack = await self._once(again)

    async def _once(self, delivery: Delivery) -> Ack:
        name = _name(delivery)
        entry = self._journal.add(
            "envelope", name, kind=delivery.kind, attempt=delivery.attempt, state="sent", payload=delivery.payload
        )
        started = time.perf_counter()
        ack = await self.transport.send(delivery)
        ack = replace(ack, ms=round((time.perf_counter() - started) * 1000, 2))
        self._journal.amend(
            entry, state="acked" if ack.accepted else ack.problem, ms=ack.ms, answer=ack.payload, reason=ack.reason
        )
        return ack


def _name(delivery: Delivery) -> str:
    payload = delivery.payload
    match delivery.kind:
        case "events_api":
            return str(payload["event"]["type"])
        case "slash_commands":
            return str(payload["command"])
        case "interactive":
            return str(payload["type"])


async def in_time(wait: Callable[[], Awaitable[Ack]], limit_s: float) -> Ack:
    """What *wait* answers, or a timeout."""
    try:
        async with asyncio.timeout(limit_s):
            return await wait()
    except TimeoutError:
        return Ack(problem="operation_timeout", reason="timeout")
