"""Lay out a practice host's directory: its doors, its keys, its empty rooms."""

import random
import shlex
import socket
import sys
from pathlib import Path

import asyncssh

from sandbox.hosts import view

#: Outside the range kernels take ports for outgoing connections from, so that a stopped service finds its own free.
PORTS = range(20_000, 32_000)

PING = """#!/bin/sh
# Says that this host runs commands, and which one it is.
read -r name <"${0%/bin/*}/etc/hostname" && echo "pong from $name"
"""


def free_ports(count: int) -> list[int]:
    """Return *count* loopback ports nobody listens on now."""
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise OSError(f"no {count} free loopback ports between {PORTS.start} and {PORTS.stop}")


def new_key(path: Path) -> str:
    """Write a new private key to *path*, readable by us alone, and return its public line."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    path.touch(mode=0o600)
    key.write_private_key(str(path))
    return key.export_public_key().decode().strip()


def lay_out(directory: Path, *, client: str, own_view: bool = False) -> str:
    """Make the directory of the host of that name, let the public key *client* in, and return its public host key."""
    for part in ("bin", "etc", "home", "log", "run", "state", "var/belay"):
        (directory / part).mkdir(parents=True)
    if own_view:
        view.lay_out(directory)
    (directory / "etc" / "authorized_keys").write_text(client + "\n")
    (directory / "etc" / "hostname").write_text(directory.name + "\n")
    executable(directory / "bin" / "ping", PING)
    return new_key(directory / "etc" / "host_key")


def executable(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def python_tool(path: Path, *words: str | Path) -> None:
    """Make *path* a command that runs Python on *words*, without site packages: it starts in 10 to 20 ms."""
    argv = shlex.join([sys.executable, "-I", "-S", *map(str, words)])
    executable(path, f'#!/bin/sh\nexec {argv} "$@"\n')
