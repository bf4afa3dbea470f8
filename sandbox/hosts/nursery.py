"""
Where the SSH servers of a world are born: one process that has loaded everything, and forks one for each host.

Loading asyncssh takes longer than all else a server does before it answers; in a nursery it is done once a world. Each
host still has a process of its own, which can be frozen and killed without the others.
"""

import asyncio
import json
import os
import select
import signal
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

import sandbox
from core.errors import BelayError
from sandbox.hosts.marks import WORLD
from sandbox.hosts.serve import Address

#: A loaded machine starts a server in seconds; longer means it will not.
START_PATIENCE_S = 30.0


class HostFailedError(BelayError):
    """A practice host did what it should not: no server, or a command that had to work failed."""


@dataclass(frozen=True, slots=True)
class Server:
    """One host's SSH server: a process, held by a handle so that a reused number fools nobody."""

    pid: int
    handle: int

    def signal(self, number: signal.Signals) -> None:
        """
        Raises:
            ProcessLookupError: it is gone.
        """
        signal.pidfd_send_signal(self.handle, number)

    async def gone(self) -> None:
        """Wait until the process is gone; its handle is then closed."""
        await asyncio.to_thread(self._wait)
        os.close(self.handle)

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self.handle, select.POLLIN)
        poll.poll()


@dataclass(kw_only=True)
class Nursery:
    mark: str  #: of the world; every process born here has it
    _process: asyncio.subprocess.Process | None = None
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def start(self, address: Address) -> Server:
        """
        Start a server and return once it answers.

        Raises:
            HostFailedError: it did not start; the text has the end of its log.
        """
        async with self._asking:
            process = self._process = self._process or await self._open()
            if process.stdin is None or process.stdout is None:
                raise HostFailedError("the nursery's pipes are missing")
            process.stdin.write(json.dumps(asdict(address)).encode() + b"\n")
            try:
                async with asyncio.timeout(START_PATIENCE_S):
                    said = json.loads(await process.stdout.readline())
                return Server(said["pid"], os.pidfd_open(said["pid"]))
            except (TimeoutError, ValueError, KeyError, ProcessLookupError) as error:
                raise HostFailedError(f"the SSH server of {address.name} did not start: {_log_end(address)}") from error

    async def _open(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sandbox.hosts.serve"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C at the demo's terminal ends the demo, which ends its hosts
            env={
                "PATH": os.environ.get("PATH", os.defpath),
                "PYTHONPATH": str(Path(sandbox.__file__).parents[1]),
                WORLD: self.mark,
            },
        )

    async def close(self) -> None:
        """Start no more. The servers go on; whoever ends the world ends them."""
        if self._process is not None:
            await self._process.communicate()
            self._process = None


def _log_end(address: Address) -> str:
    log = Path(address.directory, "log", "sshd.log")
    return log.read_text()[-800:] if log.exists() else "it left no log"
