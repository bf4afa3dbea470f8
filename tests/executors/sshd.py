"""A real OpenSSH server on a free loopback port, as the current user, with keys and configuration of its own."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from core.target import Host
from executors.dial import SshSettings

SSHD = "/usr/sbin/sshd"
SSH_PORT = 22


def keygen(path: Path, *more: str) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path), *more], check=True)
    return path


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@dataclass(kw_only=True)
class Sshd:
    """Call `start`, and `stop` at the end; the host's state lives in `folder`/state."""

    folder: Path
    extra: str = ""
    environment: str = ""  #: of every session: "NAME=VALUE NAME=VALUE" (sshd takes one SetEnv line only)
    address: str = "127.0.0.1"
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Sshd":
        self.prepare()
        with (self.folder / "sshd.log").open("ab") as log:
            self.process = subprocess.Popen(
                [SSHD, "-D", "-e", "-f", str(self.config)],
                stdin=subprocess.DEVNULL,
                stderr=log,
            )
        self.wait_until_it_listens(self.process)
        return self

    def prepare(self) -> None:
        """Write everything the daemon needs."""
        if not (self.folder / "host_key").exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            keygen(self.folder / "host_key")
            keygen(self.folder / "user_key")
            shutil.copy(self.folder / "user_key.pub", self.folder / "authorized_keys")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self.port = self.port or free_port()
        self.write_known_hosts()
        self.config.write_text(
            f"ListenAddress {self.address}:{self.port}\nHostKey {self.folder}/host_key\nPidFile none\n"
            f"AuthorizedKeysFile {self.folder}/authorized_keys\nStrictModes no\nUsePAM no\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n"
            # a home of its own: what the user's .bashrc does on this machine is not what is tested or measured
            f"SetEnv HOME={self.folder} {self.environment}\nMaxStartups 100\n{self.extra}\n"
        )

    @property
    def config(self) -> Path:
        return self.folder / "sshd_config"

    def wait_until_it_listens(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            assert process.poll() is None, (self.folder / "sshd.log").read_text()
            with socket.socket() as sock:
                sock.settimeout(1)
                if sock.connect_ex((self.address, self.port)) == 0:
                    return
            time.sleep(0.01)
        raise AssertionError("sshd does not listen")

    def write_known_hosts(self, port: int | None = None) -> None:
        key, port = (self.folder / "host_key.pub").read_text(), port or self.port
        place = self.address if port == SSH_PORT else f"[{self.address}]:{port}"
        with (self.folder / "known_hosts").open("a") as file:
            file.write(f"{place} {key}")

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def host(self, name: str = "web1", **changes: object) -> Host:
        values = {
            "name": name,
            "address": self.address,
            "port": self.port,
            "user": getpass.getuser(),
            "state_dir": str(self.state),
            **changes,
        }
        return Host(**values)  # type: ignore[arg-type]  # the values' types are the test's business

    def settings(self, **changes: object) -> SshSettings:
        (self.folder / "ssh_config").touch()
        values = {
            "known_hosts": (str(self.folder / "known_hosts"),),
            "ssh_config": str(self.folder / "ssh_config"),
            "identity_files": (str(self.folder / "user_key"),),
            "agent": False,
            "connect_timeout_s": 5.0,
            **changes,
        }
        return SshSettings(**values)  # type: ignore[arg-type]  # as above

    def signal(self, number: int) -> None:
        assert self.process
        self.process.send_signal(number)

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait(10)
