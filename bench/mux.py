"""OpenSSH multiplexing as a peer: a master a host, and two ways to give it a command."""

import array
import os
import socket
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.executors.sshd import Sshd

# The numbers of OpenSSH's PROTOCOL.mux, version 4.
_HELLO = 1
_VERSION = 4
_NEW_SESSION = 0x10000002
_SESSION_OPENED = 0x80000006
_EXIT_MESSAGE = 0x80000004


@dataclass(frozen=True)
class Master:
    """A running `ssh -M`; `socket` is its control socket."""

    server: Sshd
    socket: Path
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, server: Sshd) -> "Master":
        control = server.folder / "mux"
        process = subprocess.Popen([*ssh(server, control), "-M", "-N", "127.0.0.1"], stdin=subprocess.DEVNULL)
        while not control.exists():
            if process.poll() is not None:
                raise RuntimeError(f"ssh -M ended with {process.returncode}")
        return cls(server, control, process)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)

    def by_process(self, command: str) -> subprocess.Popen[bytes]:
        """Start `ssh -S` for one command, as scripts do."""
        argv = [*ssh(self.server, self.socket), "127.0.0.1", command]
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def directly(self, command: str, null: int) -> "Session":
        """Give the master one command over its socket, without any process on our side."""
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(self.socket))
        session = Session(sock)
        session.send(_HELLO, struct.pack(">I", _VERSION))
        session.receive(_HELLO)
        flags = struct.pack(">5I", 0, 0, 0, 0, 0xFFFFFFFF)  # no tty, X11, agent, subsystem, escape character
        session.send(_NEW_SESSION, struct.pack(">I", 1) + _string("") + flags + _string("") + _string(command))
        for _ in range(3):
            sock.sendmsg([b"\0"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [null]))])
        return session


@dataclass
class Session:
    sock: socket.socket

    def send(self, kind: int, body: bytes) -> None:
        self.sock.sendall(struct.pack(">II", len(body) + 4, kind) + body)

    def receive(self, expected: int) -> bytes:
        (length,) = struct.unpack(">I", self._exactly(4))
        packet = self._exactly(length)
        (kind,) = struct.unpack(">I", packet[:4])
        if kind != expected:
            raise RuntimeError(f"expected mux message {expected:#x}, got {kind:#x}: {packet[4:]!r}")
        return packet[4:]

    def wait(self) -> int:
        self.receive(_SESSION_OPENED)
        (_, code) = struct.unpack(">II", self.receive(_EXIT_MESSAGE))
        self.sock.close()
        return int(code)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self.sock.recv(size - len(data))
            if not more:
                raise RuntimeError("the mux master hung up")
            data += more
        return data


def ssh(server: Sshd, control: Path) -> list[str]:
    options = {
        "ControlPath": control,
        "UserKnownHostsFile": server.folder / "known_hosts",
        "IdentityFile": server.folder / "user_key",
        "IdentitiesOnly": "yes",
        "BatchMode": "yes",
    }
    flags = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    return ["ssh", "-F", "none", *flags, "-p", str(server.port)]


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">I", len(data)) + data


def null_device() -> int:
    return os.open(os.devnull, os.O_RDWR)
