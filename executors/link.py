"""
One kept connection to one host, and the shells that run on it.

A shell is a channel with `/bin/sh` on the host, fed once with the functions of `once.sh`. It takes one call at a
time and is used again afterwards, which saves the host a session and a login shell for every call. A shell whose
call was given up is closed and never used again: nobody knows what it would still say.

No thread waits for an action: the event loop watches the channels, and threads only do what may block.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

import paramiko
from paramiko.common import cMSG_GLOBAL_REQUEST

from core.action import PERMIT_HOLDS_S, Permit
from core.errors import HostNotReadyError, OutcomeLostError, UnreachableError
from executors.dial import Line, SshSettings
from executors.once import Answer, Reader, hello, new_nonce, not_after, preamble

#: sshd allows ten sessions on a connection as it comes (MaxSessions). Two are left for those who stop things.
SESSIONS: Final = 8
SESSIONS_FOR_STOP: Final = 2
#: A link unused for longer than this is asked for a sign of life before a call is trusted to it.
STALE_AFTER_S: Final = 5.0
#: A host's clock is heard anew after so long: either machine may be paused, or have its clock slewed.
CLOCK_HOLDS_S: Final = 5.0

_PREAMBLE: Final = preamble().encode()
_CHUNK: Final = 262_144

T = TypeVar("T")


def _drop(_: bytes) -> str:
    return ""


def _unwatched(_: str) -> None:
    """A sink for output nobody watches."""


class LinkLostError(Exception):
    """The connection, or the shell at its other end, is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call on a host, and what becomes of its output."""

    text: bytes  #: as `once.call` made it
    reader: Reader
    take: Callable[[bytes], str] = _drop  #: called in a thread, one at a time; returns what may be shown
    sink: Callable[[str], None] = _unwatched  #: called in the event loop with what `take` returned
    err: Reader | None = None  #: set for a look, which is answered on stderr too
    take_err: Callable[[bytes], str] = _drop  #: as `take`, for stderr
    stop: bool = False  #: use the sessions that are kept free for this
    permit: Permit | None = None  #: asked right before it is sent; the host takes it for `call_lives_s` from then on


class _Ring:
    """What paramiko sets, in its own thread, when something arrived or the channel ended."""

    def __init__(self, loop: asyncio.AbstractEventLoop, bell: asyncio.Event) -> None:
        self._loop = loop
        self._bell = bell

    def set(self) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody listens any more
            self._loop.call_soon_threadsafe(self._bell.set)

    def clear(self) -> None:
        """The listener clears its bell itself, before it looks."""


class Shell:
    """One `/bin/sh` on the host. Not for two callers at once."""

    def __init__(self, channel: Any, pool: ThreadPoolExecutor) -> None:
        self._channel = channel
        self._pool = pool
        self._loop = asyncio.get_running_loop()
        self._bell = asyncio.Event()
        # Not Channel.fileno(): its one pipe for two streams loses wake-ups when both move at once (paramiko 5.1).
        channel.in_buffer.set_event(_Ring(self._loop, self._bell))
        channel.in_stderr_buffer.set_event(_Ring(self._loop, self._bell))

    async def send(self, text: bytes) -> None:
        """
        Raises:
            LinkLostError: it did not go out, or only a part of it.
        """
        try:
            await self._blocking(partial(self._channel.sendall, text))
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise LinkLostError(str(error) or type(error).__name__) from error

    async def listen(self, call: Call) -> Answer:
        """
        Read until the answer is there; hand on the output as it comes.

        Raises:
            LinkLostError: the answer will not come.
        """
        while call.reader.answer is None or (call.err and call.err.answer is None):
            await self._readable()
            shown = await self._blocking(partial(self._read, call))
            if shown:
                call.sink(shown)
        return call.reader.answer

    def _read(self, call: Call) -> str:
        """Read what is there without waiting; return what may be shown of it."""
        shown = ""
        ended = self._ended()  # asked first: what came before it is read below
        try:
            if self._channel.recv_stderr_ready():
                shown += self._read_err(call, self._channel.recv_stderr(_CHUNK))
            elif self._channel.recv_ready():
                output = call.reader.feed(self._channel.recv(_CHUNK))
                shown += call.take(output) if output else ""
            elif ended:
                raise LinkLostError("the shell on the host ended")
        except ValueError as error:
            raise LinkLostError(f"the host's answer cannot be read: {error}") from error
        return shown

    @staticmethod
    def _read_err(call: Call, data: bytes) -> str:
        if call.err is None:
            call.reader.feed_noise(data)
            return ""
        output = call.err.feed(data)
        return call.take_err(output) if output else ""

    async def _readable(self) -> None:
        while True:
            self._bell.clear()
            if self._channel.recv_ready() or self._channel.recv_stderr_ready() or self._ended():
                return
            await self._bell.wait()

    def _ended(self) -> bool:
        return bool(self._channel.eof_received or self._channel.closed)

    async def _blocking(self, do: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(self._pool, do)

    def close(self) -> None:
        """Give the shell up. What it started on the host goes on."""
        with suppress(RuntimeError):  # the pool is shut down, and the connection closed with it
            self._pool.submit(self._channel.close)


@dataclass(frozen=True, slots=True)
class HostClock:
    """
    The time on the host as it was heard of: seconds since its boot, and when that was here.

    It was said before it was heard, so the host's clock is at or past `now_s`: what ends by it ends too early rather
    than too late.
    """

    uptime_s: float
    heard_s: float

    @property
    def age_s(self) -> float:
        return time.monotonic() - self.heard_s

    @property
    def now_s(self) -> float:
        return self.uptime_s + self.age_s


class Link:
    """One kept connection. `alive` turns false once and for all."""

    def __init__(self, name: str, line: Line, settings: SshSettings, pool: ThreadPoolExecutor) -> None:
        self.alive = True
        self._name = name
        self._line = line
        self._settings = settings
        self._pool = pool
        self._loop = asyncio.get_running_loop()
        self._idle: list[Shell] = []
        self._slots = {False: asyncio.Semaphore(SESSIONS), True: asyncio.Semaphore(SESSIONS_FOR_STOP)}
        self._busy = 0
        self._used_at = time.monotonic()
        self._watch: asyncio.Task[None] | None = None
        self._why_dead = "the connection was closed"
        self._clock: HostClock | None = None

    @property
    def idle_s(self) -> float:
        """Seconds since the last call ended; 0 while there is one."""
        return 0.0 if self._busy else time.monotonic() - self._used_at

    async def freshen(self) -> None:
        """
        After a pause, make sure that the host still answers.

        Raises:
            LinkLostError: it does not; nothing was sent that starts anything.
        """
        if self.alive and self.idle_s > STALE_AFTER_S:
            async with self.shell() as shell:
                await self._greet(shell)
        if not self.alive:
            raise LinkLostError(self._why_dead)

    async def call(self, call: Call) -> Answer:
        """
        Send one call and read its answer.

        Raises:
            UnreachableError: the link was gone before anything was sent.
            HostNotReadyError: the host has no usable shell; the call was not carried out.
            OutcomeLostError: the link went after the call was sent.
        """
        sent = False
        try:
            async with self.shell(stop=call.stop) as shell:
                text = call.text if call.permit is None else await self._permitted(call.text, call.permit, shell)
                sent = True
                await shell.send(text)
                answer = await shell.listen(call)
        except LinkLostError as error:
            if not sent:
                raise UnreachableError(f"cannot reach '{self._name}': {error}; nothing was started there") from error
            if not call.reader.begun and self.alive and self._line.transport.is_active():
                # The shell says `begin` before it does anything, and its end was seen in order.
                raise HostNotReadyError(
                    f"the shell on '{self._name}' ended before it took the call; nothing was started there"
                ) from error
            why = str(error) if self.alive else self._why_dead
            raise OutcomeLostError(f"lost '{self._name}' while it was acting: {why}") from error
        if answer.state == "late":
            self._clock = None  # perhaps it was the clock
        return answer

    async def _permitted(self, text: bytes, permit: Permit, shell: Shell) -> bytes:
        """Say until when the host may begin with *text*, by the host's own clock, however long it is on its way."""
        while True:
            clock = self._clock
            if clock is None or clock.age_s > CLOCK_HOLDS_S:
                clock = await self._greet(shell)
            before_s = clock.now_s
            await permit()
            if clock.now_s - before_s < PERMIT_HOLDS_S:  # else it is old already, and asked again
                return not_after(before_s + self._settings.call_lives_s) + text

    @asynccontextmanager
    async def shell(self, *, stop: bool = False) -> AsyncIterator[Shell]:
        """
        Lend a shell; it is kept for the next caller unless the body raises.

        Raises:
            LinkLostError, HostNotReadyError: none could be had.
        """
        async with self._slots[stop]:
            self._begin()
            try:
                shell = self._idle.pop() if self._idle else await self._new_shell()
                try:
                    yield shell
                except BaseException:
                    shell.close()
                    raise
                self._idle.append(shell)
            finally:
                self._end()

    async def _new_shell(self) -> Shell:
        asked_at = time.monotonic()
        try:
            channel = await self._loop.run_in_executor(self._pool, self._open_channel)
        except paramiko.ChannelException as error:
            raise HostNotReadyError(
                f"'{self._name}' opens no more sessions ({error}); nothing was started there. "
                "Raise MaxSessions in its sshd_config"
            ) from error
        except (OSError, EOFError, paramiko.SSHException) as error:
            if self._line.ear.heard_at < asked_at:
                # Not a word since: that is the link, not the host. Kept, it would fail every call for as long as
                # they come close together.
                self.fail(f"nothing was heard from it for {time.monotonic() - asked_at:.0f} s")
                raise LinkLostError(self._why_dead) from error
            if self.alive and self._line.transport.is_active():
                raise HostNotReadyError(
                    f"'{self._name}' runs no shell for the bot ({error}); nothing was started there"
                ) from error
            raise LinkLostError(str(error) or type(error).__name__) from error
        shell = Shell(channel, self._pool)
        try:
            await shell.send(_PREAMBLE)
            await self._greet(shell)
        except BaseException:
            shell.close()
            raise
        return shell

    def _open_channel(self) -> Any:
        channel = self._line.transport.open_session(timeout=self._settings.connect_timeout_s)
        channel.exec_command("exec /bin/sh")
        return channel

    async def _greet(self, shell: Shell) -> HostClock:
        """Make sure that there is a usable shell; its answer says what time it is on the host."""
        nonce = new_nonce()
        greeting = Call(text=hello(nonce), reader=Reader(nonce=nonce))
        bound_s = self._settings.connect_timeout_s + self._settings.dead_after_s
        try:
            async with asyncio.timeout(bound_s):
                await shell.send(greeting.text)
                answer = await shell.listen(greeting)
        except TimeoutError:
            raise LinkLostError(f"no shell answered within {bound_s:.0f} s") from None
        except LinkLostError as error:
            if not self.alive or not self._line.transport.is_active():
                raise
            said = greeting.reader.noise.decode("utf-8", "replace").strip() or str(error)
            raise HostNotReadyError(
                f"'{self._name}' gave the bot no usable /bin/sh, it said {said[-200:]!r}; nothing was started there"
            ) from error
        if answer.why == "nosetsid":
            raise HostNotReadyError(f"'{self._name}' has no setsid(1); install util-linux there")
        self._clock = HostClock(uptime_s=answer.uptime_s, heard_s=time.monotonic())
        return self._clock

    def _begin(self) -> None:
        if not self.alive:
            raise LinkLostError(self._why_dead)
        self._busy += 1
        if self._watch is None:
            self._watch = self._loop.create_task(self._listen_for_life())

    def _end(self) -> None:
        self._busy -= 1
        self._used_at = time.monotonic()
        if not self._busy and self._watch:
            self._watch.cancel()
            self._watch = None
        if not self._line.transport.is_active():
            self.fail("the connection broke")

    async def _listen_for_life(self) -> None:
        """While somebody waits: ask a silent host for a sign of life, and give it up when there is none."""
        settings, ear = self._settings, self._line.ear
        since = asked = time.monotonic()
        while self._line.transport.is_active():
            now = time.monotonic()
            silent_s = now - max(ear.heard_at, since)
            if silent_s >= settings.dead_after_s:
                self.fail(f"nothing was heard from it for {silent_s:.0f} s")
                return
            if silent_s >= settings.keepalive_s and now - asked >= settings.keepalive_s:
                asked = now
                self._pool.submit(self._ask_for_life)
            await asyncio.sleep(min(settings.keepalive_s / 4, settings.dead_after_s - silent_s))
        self.fail("the connection broke")

    def _ask_for_life(self) -> None:
        # global_request(wait=True) would hold a thread until the answer; here hearing anything is the answer.
        message = paramiko.Message()
        message.add_byte(cMSG_GLOBAL_REQUEST)
        message.add_string("keepalive@openssh.com")
        message.add_boolean(True)  # it wants a reply
        self._line.transport._send_user_message(message)  # noqa: SLF001  # see above

    def fail(self, why: str) -> None:
        """Give the connection up: everybody who waits on it is told."""
        if self.alive:
            self.alive = False
            self._why_dead = why
            self._pool.submit(self._line.close)

    async def close(self) -> None:
        """Close the connection. What runs on the host goes on."""
        if self.alive:
            self.alive = False
            await self._loop.run_in_executor(self._pool, self._line.close)
