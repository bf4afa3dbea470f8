"""
A process that has imported everything and only forks: a victim is on its feet in milliseconds.

It has one thread, so that forking is safe. It and its children die with their parent (PR_SET_PDEATHSIG).
"""

import asyncio
import ctypes
import gc
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos.spec import Spec

_PR_SET_PDEATHSIG = 1

Role = Callable[[Spec], None]


def start(role: Role, warm: Callable[[], None] = lambda: None) -> socket.socket:
    """
    Fork a zygote whose children do *role*; *warm* is done once in it before.

    Call this before any thread or event loop is started.
    """
    ours, its = socket.socketpair()
    parent = os.getpid()
    if os.fork() == 0:
        try:
            ours.close()
            _die_with(parent)
            warm()
            gc.freeze()
            _serve(its, role)
        finally:
            os._exit(0)
    its.close()
    return ours


def pair(role: Role, warm: Callable[[], None]) -> tuple[socket.socket, socket.socket]:
    """Two of them, for trials with two bots."""
    return start(role, warm), start(role, warm)


def _die_with(parent: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _serve(its: socket.socket, role: Role) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with its.makefile("rb") as lines:
        for line in lines:
            spec = Spec.from_line(line)
            zygote = os.getpid()
            pid = os.fork()
            if pid == 0:
                _become(spec, role, its, zygote)
            its.sendall(f"{pid}\n".encode())
            its.sendall(f"{_wait(pid, its)}\n".encode())


def _wait(pid: int, its: socket.socket) -> int:
    """Wait for the child's end, and tell each time it is stopped; return its exit status."""
    while True:
        _, status = os.waitpid(pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            return os.waitstatus_to_exitcode(status)
        its.sendall(b"stopped\n")


def _become(spec: Spec, role: Role, its: socket.socket, zygote: int) -> None:
    code = 1
    try:
        its.close()
        _die_with(zygote)
        log = os.open(spec.folder / f"{spec.role}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        role(spec)
        code = 0
    except SystemExit as told:
        code = int(told.code or 0)
    except BaseException:  # noqa: BLE001  # a child of a fork must never return into its parent's code
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
    finally:
        os._exit(code)


@dataclass(slots=True, kw_only=True)
class Zygote:
    """The parent's end. One child at a time."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    pid: int = 0  #: of the child under way; 0: none
    stopped: asyncio.Event = field(default_factory=asyncio.Event)  #: set while the child stands still (SIGSTOP)

    @classmethod
    async def of(cls, ours: socket.socket) -> "Zygote":
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        return cls(reader=reader, writer=writer)

    async def child(self, spec: Spec) -> int:
        """Run one child to its end and return its exit status; negative for a death by signal."""
        self.writer.write(spec.to_line())
        self.pid = int(await self.reader.readline())
        try:
            while (line := await self.reader.readline()) == b"stopped\n":
                self.stopped.set()
            return int(line)
        finally:
            self.pid = 0
            self.stopped.clear()

    def signal(self, number: signal.Signals) -> bool:
        """Send a signal to the child; False if there is none."""
        with suppress(ProcessLookupError):
            if self.pid:
                os.kill(self.pid, number)
                return True
        return False

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


def left(spec: Spec, name: str) -> dict[str, Any]:
    """Return what a child left in the file *name* of its folder; empty if it left nothing."""
    path = Path(spec.home) / name
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found
