"""One practice host as its world sees it: a directory, an SSH server in a process of its own, an address."""

import asyncio
import json
import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

import sandbox
from sandbox.hosts.marks import ROOT, WORLD, end_marked
from sandbox.hosts.serve import USER

#: A loaded machine starts a server in seconds; longer means it will not.
START_PATIENCE_S = 30.0


class HostFailedError(Exception):
    """A practice host did what it should not: no server, or a command that had to work failed."""


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
    role: str
    directory: Path
    port: int
    host_key: str  #: public, "ssh-ed25519 AAAA…"
    world: str  #: the mark of its world
    client_key: Path
    known_hosts: Path
    ports: dict[str, int] = field(default_factory=dict)  #: service -> loopback port
    _server: asyncio.subprocess.Process | None = None
    _connection: asyncssh.SSHClientConnection | None = None
    _connecting: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def pid(self) -> int | None:
        """The SSH server's process."""
        return self._server.pid if self._server else None

    async def power_on(self) -> None:
        """Start the SSH server, at the same port and with the same key as ever. Services stay as they are."""
        project = str(Path(sandbox.__file__).parents[1])
        with (self.directory / "log" / "sshd.log").open("ab") as log:
            self._server = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "sandbox.hosts.serve"),
                *("--dir", str(self.directory), "--name", self.name, "--port", str(self.port)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # a Ctrl-C at the demo's terminal ends the demo, which ends its hosts
                env={
                    "PATH": os.environ.get("PATH", os.defpath),
                    "PYTHONPATH": project,
                    WORLD: self.world,
                    ROOT: str(self.directory),
                },
            )
        try:
            async with asyncio.timeout(START_PATIENCE_S):
                line = await _output(self._server).readline()
            self.port = json.loads(line)["port"]
        except (TimeoutError, ValueError) as error:
            raise HostFailedError(f"the SSH server of {self.name} did not start: {self._log_end()}") from error

    def _log_end(self) -> str:
        return (self.directory / "log" / "sshd.log").read_text()[-500:]

    async def stop(self) -> None:
        """Cut the power: every process of the host is killed, the SSH server and the services too."""
        await self.disconnect()
        marks = {WORLD: self.world, ROOT: str(self.directory)}
        await asyncio.to_thread(end_marked, marks)
        await self.reap()

    async def reap(self) -> None:
        """Take note that the server's process is gone (it was killed by us or by the guardian)."""
        if self._server is not None:
            await self._server.wait()
            await _output(self._server).read()  # to its end, so that the pipe is closed
            self._server = None

    def cut(self) -> None:
        """Stop answering, as a host behind a dead link: connections open and nothing comes. Services go on."""
        self._signal(signal.SIGSTOP)

    def heal(self) -> None:
        """Answer again; what was sent meanwhile is answered too."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._server is None:
            raise HostFailedError(f"{self.name} is powered off")
        self._server.send_signal(number)

    def set_pace(self, pace_s: float) -> None:
        """Let stops, starts, dumps and restores on this host take about *pace_s* seconds from now on."""
        (self.directory / "etc" / "pace").write_text(f"{pace_s}\n")

    async def ask(self, command: str, *, stdin: str = "") -> Said:
        """Run *command* over SSH and return what it said, whatever that is."""
        connection = await self._connect()
        done = await connection.run(command, input=stdin, errors="replace")
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


def _output(server: asyncio.subprocess.Process) -> asyncio.StreamReader:
    if server.stdout is None:
        raise HostFailedError("the server's output was not piped")
    return server.stdout
