"""
A network of its own for tests: a switch, a place for the bot and some hosts, each in a network namespace.

Nothing is plugged into the root namespace, so that nothing can stray out of the machine or into it. A host's line is a
veth pair, which can be pulled out and made to drop packets; or, where asked for, a wire of our own that delays and
reorders them (`tests.net.wire`), for the kernels of small machines have no netem.

Names hold the process they belong to. What a killed test run has left is removed at the next start; its processes have
died with it (`tests.net.host`).
"""

import ctypes
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.needs import missing

CLONE_NEWNET = 0x40000000
NETNS = Path("/run/netns")
_OURS = re.compile(r"belay-(\d+)-(\d+)-\d+-.*")
_COUNT = itertools.count(1)


def enter(netns: str | Path) -> None:
    """Put the calling thread into a namespace; threads it starts and sockets it opens from now on are there too."""
    # os.setns comes with Python 3.12.
    libc = ctypes.CDLL(None, use_errno=True)
    fd = os.open(NETNS / netns, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter the network namespace {netns}")
    finally:
        os.close(fd)


def sh(*words: str, stdin: str | None = None) -> str:
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"'{' '.join(words)}' ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def needs_namespaces() -> None:
    """Skip the test, or fail it in CI, where there can be no namespaces."""
    for tool, package in (("ip", "iproute2"), ("nft", "nftables"), ("unshare", "util-linux")):
        if not shutil.which(tool):
            missing(f"{tool} is not installed: `make debs` as root installs {package}")
    if os.geteuid() != 0:
        missing("network namespaces are made by root only")
    probe = f"belay-{_self()}-0-probe"
    try:
        sh("ip", "netns", "add", probe)
        sh("ip", "netns", "exec", probe, "nft", "add", "table", "inet", "probe")
    except RuntimeError as error:
        missing(f"this kernel, or this container, gives no network namespaces with nftables ({error})")
    finally:
        subprocess.run(["ip", "netns", "del", probe], capture_output=True, check=False)


def _self() -> str:
    return f"{os.getpid()}-{_born(os.getpid())}"


def _born(pid: int) -> str:
    """When process *pid* was started, "" if there is none: a number alone may be another process's by now."""
    with suppress(OSError):
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[19]
    return ""


def remove_leftovers() -> None:
    """Remove the namespaces of test runs that were killed."""
    for path in NETNS.iterdir() if NETNS.is_dir() else ():
        found = _OURS.fullmatch(path.name)
        if found and _born(int(found[1])) != found[2]:
            _remove(path.name)


def _remove(name: str) -> None:
    with suppress(RuntimeError):  # another test process removes leftovers at the same moment
        for pid in sh("ip", "netns", "pids", name).split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        sh("ip", "netns", "del", name)


@dataclass(kw_only=True)
class Line:
    """A host's line to the switch."""

    host: str  #: the host's namespace; its end of the line is eth0
    switch: str  #: the switch's namespace
    port: str  #: the line's end there
    wire: subprocess.Popen[str] | None = None

    def pull(self) -> None:
        """Take the cable out of the switch: the host sees nothing of it, no connection is told."""
        sh("ip", "-n", self.switch, "link", "set", self.port, "down")

    def plug(self) -> None:
        sh("ip", "-n", self.switch, "link", "set", self.port, "up")

    def drop(self, percent: int, *, up: bool = True, down: bool = True) -> None:
        """Drop so many packets of a hundred by chance: those `up` to the host, those `down` from it."""
        self.heal()
        chance = f"{f'numgen random mod 100 < {percent} ' if percent < 100 else ''}counter drop"
        ways = [way for way, wanted in (("input", up), ("output", down)) if wanted]
        chains = "".join(f"chain {way} {{ type filter hook {way} priority 0; {chance}; }}\n" for way in ways)
        sh("ip", "netns", "exec", self.host, "nft", "-f", "-", stdin=f"table inet bad {{\n{chains}}}\n")

    def dropped(self) -> int:
        """How many packets were dropped since `drop`."""
        said = json.loads(sh("ip", "netns", "exec", self.host, "nft", "-j", "list", "table", "inet", "bad"))
        rules = [each["rule"]["expr"] for each in said["nftables"] if "rule" in each]
        return sum(part["counter"]["packets"] for rule in rules for part in rule if "counter" in part)

    def heal(self) -> None:
        """Drop nothing any more."""
        with suppress(RuntimeError):  # there was nothing to heal
            sh("ip", "netns", "exec", self.host, "nft", "delete", "table", "inet", "bad")

    def tune(self, *, delay_ms: float, jitter_ms: float) -> None:
        """Delay each packet by *delay_ms*, more or less by up to *jitter_ms*, so that some overtake others."""
        self._say(f"{delay_ms} {jitter_ms}")

    def reordered(self) -> int:
        """How many packets have overtaken an earlier one so far."""
        return int(self._say("reordered"))

    def _say(self, line: str) -> str:
        assert self.wire is not None, "this line is no wire of ours"
        assert self.wire.stdin is not None
        assert self.wire.stdout is not None
        self.wire.stdin.write(f"{line}\n")
        self.wire.stdin.flush()
        return self.wire.stdout.readline()


@dataclass(kw_only=True)
class Network:
    """The switch, the bot's namespace `ops`, and a line for each host. Addresses are 10.77.0.1 and 10.77.0.11 on."""

    mark: str = field(default_factory=lambda: f"belay-{_self()}-{next(_COUNT)}")
    lines: dict[str, Line] = field(default_factory=dict)

    @property
    def ops(self) -> str:
        return f"{self.mark}-ops"

    @property
    def switch(self) -> str:
        return f"{self.mark}-sw"

    def raise_switch(self) -> None:
        for netns in (self.switch, self.ops):
            sh("ip", "netns", "add", netns)
            sh("ip", "-n", netns, "link", "set", "lo", "up")
        sh("ip", "-n", self.switch, "link", "add", "br0", "type", "bridge")
        sh("ip", "-n", self.switch, "link", "set", "br0", "up")
        self._veth(self.ops, "v-ops")
        self._address(self.ops, 1)

    def add_host(self, name: str, *, wired: bool = False) -> str:
        """Lay a line; return the host's address. `wired`: one that can be tuned."""
        netns, number = f"{self.mark}-{name}", 11 + len(self.lines)
        sh("ip", "netns", "add", netns)
        sh("ip", "-n", netns, "link", "set", "lo", "up")
        line = self.lines[name] = Line(host=netns, switch=self.switch, port=f"v-{name}")
        if wired:
            line.wire = self._wire(netns, line.port)
            self._plug(line.port)
        else:
            self._veth(netns, line.port)
        return self._address(netns, number)

    def _veth(self, netns: str, port: str) -> None:
        pair = ("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", netns)
        sh("ip", "-n", self.switch, *pair)
        self._plug(port)

    def _plug(self, port: str) -> None:
        sh("ip", "-n", self.switch, "link", "set", port, "master", "br0", "up")

    def _address(self, netns: str, number: int) -> str:
        sh("ip", "-n", netns, "address", "add", f"10.77.0.{number}/24", "dev", "eth0")
        sh("ip", "-n", netns, "link", "set", "eth0", "up")
        return f"10.77.0.{number}"

    def _wire(self, netns: str, port: str) -> subprocess.Popen[str]:
        words = [sys.executable, "-m", "tests.net.wire", netns, "eth0", self.switch, port]
        wire = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert wire.stdout is not None
        assert wire.stdout.readline() == "ready\n"
        return wire

    def remove(self) -> None:
        for line in self.lines.values():
            if line.wire is not None:
                line.wire.kill()
                line.wire.communicate()
        for netns in (*(line.host for line in self.lines.values()), self.ops, self.switch):
            _remove(netns)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """The calling thread is in `ops`: it reaches the hosts, and nothing else."""
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        enter(self.ops)
        try:
            yield
        finally:
            enter(Path(f"/proc/self/fd/{here}"))
            os.close(here)


@contextmanager
def network() -> Iterator[Network]:
    """A switch and the bot's place; add hosts to it. Everything is gone at the end."""
    needs_namespaces()
    remove_leftovers()
    made = Network()
    try:
        made.raise_switch()
        yield made
    finally:
        made.remove()
