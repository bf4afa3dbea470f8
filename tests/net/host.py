"""
A host for tests: its own network, processes, boot and SSH server, on this machine's kernel and files.

Its first process is the parent of all others in a PID namespace, so that cutting its power is one signal, as it is in
life; a file stands over `/proc/sys/kernel/random/boot_id`, which a reboot changes. It dies with the tests, whatever
ends them. Kernel, clock and files are shared with the machine.
"""

import os
import signal
import subprocess
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from core.target import Host
from tests.executors.sshd import SSHD, Sshd
from tests.net.namespaces import Line, Network

_INIT = """
mount --bind "$BOOT_ID" /proc/sys/kernel/random/boot_id || exit
[ -z "$DISK" ] || mount -t tmpfs -o "size=$DISK" none "$STATE" || exit
while :; do "$SSHD" -D -e -f "$CONFIG"; done
"""


@dataclass(kw_only=True)
class NetHost:
    """Switch it on with `power_on`. Its files are in `server.folder`, its state in `server.state`."""

    name: str
    line: Line
    server: Sshd
    disk: str = ""  #: the size of the disk that holds its state ("256k"); "": this machine's
    _init: subprocess.Popen[bytes] | None = None
    boots: list[str] = field(default_factory=list)

    @classmethod
    def on(
        cls, network: Network, name: str, folder: Path, *, wired: bool = False, disk: str = "", extra: str = ""
    ) -> "NetHost":
        """One more host on *network*, switched off; *extra*: lines for its sshd_config."""
        address = network.add_host(name, wired=wired)
        server = Sshd(folder=folder / name, address=address, port=22, extra=extra)
        server.prepare()
        server.state.mkdir()
        return cls(name=name, line=network.lines[name], server=server, disk=disk)

    def power_on(self) -> None:
        """Boot; returns when it takes connections. Call it from the main thread: the host ends with its starter."""
        self.boots.append(str(uuid.uuid4()))
        boot_id = self.server.folder / "boot_id"
        boot_id.write_text(f"{self.boots[-1]}\n")
        last_wish = ("setpriv", "--pdeathsig", "KILL")
        own = ("unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc")
        with (self.server.folder / "sshd.log").open("ab") as log:
            self._init = subprocess.Popen(
                [*last_wish, "ip", "netns", "exec", self.line.host, *own, "sh", "-c", _INIT],
                env={
                    "PATH": os.environ["PATH"],
                    "BOOT_ID": str(boot_id),
                    "CONFIG": str(self.server.config),
                    "DISK": self.disk,
                    "SSHD": SSHD,
                    "STATE": str(self.server.state),
                },
                stdin=subprocess.DEVNULL,
                stderr=log,
            )
        self.server.wait_until_it_listens(self._init)

    def power_off(self) -> None:
        """Every process of the host is gone at once; its connections are told nothing."""
        if self._init is not None:
            self._init.kill()
            self._init.wait()
            self._init = None

    def reboot(self) -> None:
        self.power_off()
        self.power_on()

    def signal_sshd(self, number: signal.Signals, *, sessions: bool = True) -> None:
        """To the SSH daemon; with its `sessions`, which are processes of their own."""
        for pid in self.pids():
            process = Path("/proc") / str(pid)
            with suppress(FileNotFoundError, ProcessLookupError):  # it ended just now
                listens = b"[listener]" in (process / "cmdline").read_bytes()
                if (process / "comm").read_text() == "sshd\n" and (sessions or listens):
                    os.kill(pid, number)

    def pids(self) -> list[int]:
        said = subprocess.run(
            ["ip", "netns", "pids", self.line.host], capture_output=True, text=True, check=True
        ).stdout
        return [int(pid) for pid in said.split()]

    def fill_disk(self) -> Path:
        """Leave no room where it keeps its state; remove the returned file to make room again."""
        ballast = self._inside(self.server.state) / "ballast"
        with ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4_096))
            except OSError:
                return ballast

    def _inside(self, path: Path) -> Path:
        """*path* as the host sees it, whose mounts are its own."""
        for pid in self.pids():
            if (Path("/proc") / str(pid) / "comm").read_text() == "sshd\n":
                return Path(f"/proc/{pid}/root{path}")
        raise AssertionError(f"{self.name} is switched off")

    def as_host(self, **changes: object) -> Host:
        return self.server.host(self.name, user="root", **changes)
