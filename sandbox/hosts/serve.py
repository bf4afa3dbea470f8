"""
The SSH server of one practice host: `python -m sandbox.hosts.serve --dir DIR --name NAME --port PORT`.

Prints one line of JSON ({"name", "port", "pid"}) once it answers. Only the key in DIR/etc/authorized_keys gets
in, as the user `belay`. TCP forwarding to loopback is allowed, so that a practice host can be a jump host.
"""

import argparse
import asyncio
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path

import asyncssh

from sandbox.hosts.channel import Command
from sandbox.hosts.marks import ROOT, WORLD

USER = "belay"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


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


def command_environment(directory: Path) -> dict[str, str]:
    """Return what every command on the host gets; nothing of the server's own environment but the marks."""
    return {
        "HOME": str(directory / "home"),
        "PATH": f"{directory / 'bin'}:{SYSTEM_PATH}",
        "USER": USER,
        "LOGNAME": USER,
        "SHELL": "/bin/sh",
        "LANG": "C.UTF-8",
        ROOT: str(directory),
        WORLD: os.environ.get(WORLD, ""),
    }


async def serve(directory: Path, name: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT. What runs on the host goes on."""
    environment = command_environment(directory)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    acceptor = await asyncssh.listen(
        "127.0.0.1",
        port,
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
    ready = {"name": name, "port": acceptor.get_port(), "pid": os.getpid()}
    print(json.dumps(ready), flush=True)
    async with acceptor:
        await ended.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description="Run the SSH server of one practice host.")
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--port", type=int, default=0)
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.dir.resolve(), arguments.name, arguments.port))


if __name__ == "__main__":
    main()
