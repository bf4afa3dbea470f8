"""
The executor `ssh`: actions on hosts over SSH, at most once each, whatever dies.

Nothing is installed on a host. It needs `/bin/sh`, Linux `/proc`, setsid and coreutils (BusyBox will do), and a
state directory the bot's user may write.

What it cannot do: end a process that left the action's session *and* threw away its environment (`setsid env
-i …`), nor keep an action alive where the host itself ends a user's processes at logout (systemd-logind with
KillUserProcesses=yes); the latter then shows as `Lost`, not as a success.
"""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from core.action import Action, Ended, Output, Permit, Sink, Verdict
from core.errors import BelayError, HostNotReadyError, NotStartedError, OutcomeLostError
from core.target import Host
from executors.dial import Line, SshSettings, dial
from executors.link import Call, Link, LinkLostError
from executors.once import GRACE_S, SWEEP_S, Answer, Op, Reader, call, new_nonce, verdict_of
from executors.progress import Progress, Seen

__all__ = ["SshExecutor", "SshSettings"]

#: Threads for sending, reading and closing; none of them waits for a host's answer.
_IO_THREADS = 8
#: A host that is slow to make ready for a run's first action (it syncs its disk) comes to the call too late; it is
#: permitted and sent again at once.
TRIES_IF_LATE = 3


@dataclass(slots=True)
class _Place:
    """One host: its link, and the lock that lets one caller at a time make it."""

    link: Link | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class SshExecutor:
    """One for the whole bot; belongs to the event loop it is first used in. See `core.action.Executor`."""

    def __init__(self, settings: SshSettings | None = None) -> None:
        self._settings = settings or SshSettings()
        self._dialling = ThreadPoolExecutor(self._settings.threads, thread_name_prefix="ssh-dial")
        self._io = ThreadPoolExecutor(_IO_THREADS, thread_name_prefix="ssh-io")
        self._places: dict[str, _Place] = {}
        self._progress: dict[tuple[str, str, str], Progress] = {}
        self._sweeper: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def run(self, action: Action, host: Host, sink: Sink, permit: Permit) -> Verdict:
        return await self._follow(Op.RUN, action, host, sink, permit)

    async def attach(self, action: Action, host: Host, sink: Sink) -> Verdict:
        return await self._follow(Op.ATTACH, action, host, sink)

    async def stop(self, action: Action, host: Host) -> Verdict:
        reader = Reader(nonce=new_nonce())
        text = call(Op.STOP, action, state_dir=host.state_dir, nonce=reader.nonce)
        bound_s = 2 * (GRACE_S + SWEEP_S) + self._settings.dead_after_s
        progress = Progress(self._settings.secrets)
        answer = await self._ask(Call(text=text, reader=reader, take=progress.take, stop=True), host, bound_s)
        return _verdict(answer, progress.finish()[1], action, host)

    async def look(self, action: Action, host: Host) -> Ended:
        nonce = new_nonce()
        text = call(Op.LOOK, action, state_dir=host.state_dir, nonce=nonce)
        seen = Seen(self._settings.secrets)
        asked = Call(
            text=text,
            reader=Reader(nonce=nonce),
            take=seen.out.take,
            err=Reader(nonce=nonce),
            take_err=seen.err.take,
        )
        answer = await self._ask(asked, host, action.timeout_s + self._settings.dead_after_s)
        verdict = _verdict(answer, seen.finish(), action, host)
        if not isinstance(verdict, Ended) or verdict.timed_out:
            raise OutcomeLostError(
                f"{_where(action, host)} did not answer within {action.timeout_s:g} s; that is no answer"
            )
        return replace(verdict, stdout=seen.stdout)

    async def close(self) -> None:
        if self._sweeper:
            self._sweeper.cancel()
        links = [place.link for place in self._places.values() if place.link]
        self._places.clear()
        await asyncio.gather(*(link.close() for link in links), *self._closing)
        self._dialling.shutdown(wait=False, cancel_futures=True)
        self._io.shutdown(wait=False)

    async def _follow(self, op: Op, action: Action, host: Host, sink: Sink, permit: Permit | None = None) -> Verdict:
        progress = self._progress.pop(_id(action, host), None) or Progress(self._settings.secrets)
        # The host keeps the time; this bound is for a host that does not.
        bound_s = action.timeout_s + 2 * (GRACE_S + SWEEP_S) + self._settings.dead_after_s
        try:
            for _ in range(TRIES_IF_LATE):
                reader = Reader(nonce=new_nonce())
                text = call(op, action, state_dir=host.state_dir, nonce=reader.nonce, offset=progress.offset)
                asked = Call(text=text, reader=reader, take=progress.take, sink=sink, permit=permit)
                answer = await self._ask(asked, host, bound_s)
                if answer.state != "late":
                    break
        except (OutcomeLostError, NotStartedError) as error:
            if not isinstance(error.__cause__, TimeoutError):  # then a thread may still be adding to it
                self._progress[_id(action, host)] = progress
            raise
        if answer.position != progress.offset:
            raise OutcomeLostError(
                f"of the output of {_where(action, host)}, {progress.offset} bytes came and the host "
                f"sent up to byte {answer.position}; attach to read it again"
            )
        rest, output = progress.finish()
        if rest:
            sink(rest)
        return _verdict(answer, output, action, host)

    async def _ask(self, asked: Call, host: Host, bound_s: float) -> Answer:
        link = await self._link(host)
        try:
            async with asyncio.timeout(bound_s):
                return await link.call(asked)
        except TimeoutError as error:
            raise OutcomeLostError(f"'{host.name}' gave no verdict within {bound_s:.0f} s; attach later") from error

    async def _link(self, host: Host) -> Link:
        """
        Return the kept connection to *host*, made or made again where needed.

        Raises:
            UnreachableError, AccessDeniedError, HostNotReadyError: there is none; nothing was started.
        """
        place = self._places.setdefault(host.identity, _Place())
        async with place.lock:
            if place.link:
                try:
                    await place.link.freshen()
                except (LinkLostError, HostNotReadyError) as error:
                    place.link.fail(str(error))
            if not place.link or not place.link.alive:
                place.link = await self._dial(host)
        self._sweep_later()
        return place.link

    async def _dial(self, host: Host) -> Link:
        dialled = self._dialling.submit(dial, host, self._settings)
        try:
            line = await asyncio.wrap_future(dialled)
        except asyncio.CancelledError:
            # The thread goes on; what it may still open has nobody to use it.
            dialled.add_done_callback(_hang_up)
            raise
        return Link(host.name, line, self._settings, self._io)

    def _sweep_later(self) -> None:
        if self._sweeper is None:
            loop = asyncio.get_running_loop()
            self._sweeper = loop.call_later(max(1.0, self._settings.idle_close_s / 4), self._sweep)

    def _sweep(self) -> None:
        """Give connections back that nobody used for long."""
        self._sweeper = None
        for place in self._places.values():
            if place.link and place.link.idle_s > self._settings.idle_close_s and not place.lock.locked():
                task = asyncio.get_running_loop().create_task(place.link.close())
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)
                place.link = None
        if any(place.link for place in self._places.values()):
            self._sweep_later()


def _verdict(answer: Answer, output: Output, action: Action, host: Host) -> Verdict:
    verdict = verdict_of(answer, output, where=_where(action, host))
    if isinstance(verdict, BelayError):
        raise verdict
    return verdict


def _where(action: Action, host: Host) -> str:
    return f"'{action.unit}' ({action.verb}) on '{host.name}'"


def _id(action: Action, host: Host) -> tuple[str, str, str]:
    return host.identity, action.run_id, action.key


def _hang_up(dialled: Future[Line]) -> None:
    if not dialled.cancelled() and not dialled.exception():
        dialled.result().close()
