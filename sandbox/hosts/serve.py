"""
The SSH servers of practice hosts, one process each: `python -m sandbox.hosts.serve` (started by `nursery`).

It reads one line of JSON a host from its stdin (an `Address`), forks a server for it, and prints a line of JSON with
the server's pid and port once that answers. Only the key in the host's etc/authorized_keys gets in, as the user
`belay`. TCP forwarding to loopback is allowed, so that a practice host can be a jump host.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from sandbox.hosts import view
from sandbox.hosts.channel import Command
from sandbox.hosts.marks import ROOT, WORLD

USER = "belay"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    name: str
    directory: str
    port: int
    world: str = ""  #: the world's directory, if the host has a view of the file system of its own


class Door(asyncssh.SSHServer):
    """Who may come in, and for what."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self._keys = str(directory / "etc" / "authorized_keys")
        self._environment = environment

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn

    def begin_auth(self, username: str) -> bool:
        if username == USER:
            self._connection.set_authorized_keys(self._keys)
        return True

    def session_requested(self) -> Command:
        return Command(self._environment)

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        return dest_host in ("127.0.0.1", "localhost")


def command_environment(directory: Path, *, home: str = "") -> dict[str, str]:
    """Return what every command on the host gets; nothing of the server's own environment but the marks."""
    return {
        "HOME": home or str(directory / "home"),
        "PATH": f"{directory / 'bin'}:{SYSTEM_PATH}",
        "USER": USER,
        "LOGNAME": USER,
        "SHELL": "/bin/sh",
        "LANG": "C.UTF-8",
        ROOT: str(directory),
        WORLD: os.environ.get(WORLD, ""),
    }


async def serve(address: Address) -> None:
    """Serve until SIGTERM or SIGINT. What runs on the host goes on."""
    directory = Path(address.directory)
    environment = command_environment(directory, home="/root" if address.world else "")
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    acceptor = await asyncssh.listen(
        "127.0.0.1",
        address.port,
        server_factory=lambda: Door(directory, environment),
        server_host_keys=[str(directory / "etc" / "host_key")],
        encoding=None,
        allow_pty=False,
        agent_forwarding=False,
        password_auth=False,
        kbdint_auth=False,
        reuse_address=True,
        backlog=1024,
    )
    # One write of one short line: the servers of a world share this pipe.
    os.write(1, json.dumps({"name": address.name, "port": acceptor.get_port(), "pid": os.getpid()}).encode() + b"\n")
    os.dup2(0, 1)
    async with acceptor:
        await ended.wait()


def _be_born(address: Address) -> None:
    """In the forked process: become the host's server."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    log = os.open(Path(address.directory, "log", "sshd.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 2)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    if address.world:
        view.enter(Path(address.directory), Path(address.world))
    asyncio.run(serve(address))


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a server here: its maker holds a handle
    for line in sys.stdin.buffer:
        address = Address(**json.loads(line))
        if os.fork() == 0:
            try:
                _be_born(address)
            except Exception as error:  # noqa: BLE001  # a server that cannot start has nobody else to tell
                print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
                os.write(1, b"{}\n")
            finally:
                os._exit(0)


if __name__ == "__main__":
    main()
