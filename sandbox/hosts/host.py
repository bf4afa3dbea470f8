"""One practice host as its world sees it: a directory, an SSH server in a process of its own, an address."""

import asyncio
import contextlib
import signal
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from sandbox.hosts import view
from sandbox.hosts.marks import ROOT, WORLD, end_marked
from sandbox.hosts.nursery import HostFailedError, Nursery, Server
from sandbox.hosts.serve import USER, Address


@dataclass(frozen=True, slots=True)
class Said:
    """What a command on a host answered. `exit_code` is negative for a death by signal."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(kw_only=True)
class PracticeHost:
    """
    Start it with `power_on`. Not safe for several tasks to power or cut the same host at once;
    `run` may be called by many.
    """

    name: str
    directory: Path
    port: int
    host_key: str  #: public, "ssh-ed25519 AAAA…"
    nursery: Nursery
    client_key: Path
    known_hosts: Path
    own_view: bool = False  #: sees directories of its own at /var, /etc and so on: `sandbox.hosts.view`
    ports: dict[str, int] = field(default_factory=dict)  #: service -> loopback port
    _server: Server | None = None
    _connection: asyncssh.SSHClientConnection | None = None
    _connecting: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def pid(self) -> int | None:
        """The SSH server's process."""
        return self._server.pid if self._server else None

    @property
    def world(self) -> str:
        """The mark of its world."""
        return self.nursery.mark

    @property
    def state_dir(self) -> Path:
        """Where claims are kept, as commands on the host see it."""
        return Path("/var/lib/belay") if self.own_view else self.directory / "var" / "belay"

    def path(self, seen: str | Path) -> Path:
        """Return where the file lies that commands on the host see as *seen*."""
        return view.root_of(self.directory) / Path(seen).relative_to("/") if self.own_view else Path(seen)

    async def power_on(self) -> None:
        """Start the SSH server, at the same port and with the same key as ever. Services stay as they are."""
        self._server = await self.nursery.start(
            Address(
                name=self.name,
                directory=str(self.directory),
                port=self.port,
                world=str(self.directory.parent) if self.own_view else "",
            )
        )

    async def stop(self) -> None:
        """Cut the power: every process of the host is killed, the SSH server and the services too."""
        await self.disconnect()
        if self._server is not None:
            with contextlib.suppress(ProcessLookupError):
                self._server.signal(signal.SIGKILL)
        marks = {WORLD: self.world, ROOT: str(self.directory)}
        await asyncio.to_thread(end_marked, marks)
        await self.reap()

    async def reap(self) -> None:
        """Take note that the server's process is gone (it was killed by us or by the guardian)."""
        if self._server is not None:
            server, self._server = self._server, None
            await server.gone()

    def cut(self) -> None:
        """Stop answering, as a host behind a dead link: connections open and nothing comes. Services go on."""
        self._signal(signal.SIGSTOP)

    def heal(self) -> None:
        """Answer again; what was sent meanwhile is answered too."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._server is None:
            raise HostFailedError(f"{self.name} is powered off")
        self._server.signal(number)

    def set_pace(self, pace_s: float) -> None:
        """Let stops, starts, dumps and restores on this host take about *pace_s* seconds from now on."""
        (self.directory / "etc" / "pace").write_text(f"{pace_s}\n")

    async def ask(self, command: str, *, stdin: str = "") -> Said:
        """Run *command* over SSH and return what it said, whatever that is."""
        connection = await self._connect()
        async with connection.create_process(command, errors="replace") as process:
            with contextlib.suppress(BrokenPipeError):  # it has ended and read nothing
                process.stdin.write(stdin)
                process.stdin.write_eof()
            done = await process.wait()
        code = done.returncode if done.returncode is not None else -1
        return Said(code, str(done.stdout), str(done.stderr))

    async def run(self, command: str) -> str:
        """
        Run *command* over SSH and return its output without the last newline.

        Raises:
            HostFailedError: it did not exit with 0.
        """
        said = await self.ask(command)
        if said.exit_code:
            raise HostFailedError(f"'{command}' on {self.name} exited with {said.exit_code}: {said.stderr.strip()}")
        return said.stdout.rstrip("\n")

    async def _connect(self) -> asyncssh.SSHClientConnection:
        async with self._connecting:
            if self._connection is None or self._connection.is_closed():
                self._connection = await asyncssh.connect(
                    "127.0.0.1",
                    self.port,
                    username=USER,
                    client_keys=[str(self.client_key)],
                    known_hosts=str(self.known_hosts),
                    config=None,
                    agent_path=None,
                )
            return self._connection

    async def disconnect(self) -> None:
        if self._connection is not None:
            self._connection.abort()
            await self._connection.wait_closed()
            self._connection = None
