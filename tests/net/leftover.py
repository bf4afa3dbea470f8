"""A test run that is killed in the middle: `python -m tests.net.leftover FOLDER` is it, `killed_run` kills it."""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.net.host import NetHost
from tests.net.namespaces import network


def killed_run() -> tuple[list[str], list[int]]:
    """Its namespaces and the processes in them; it had no chance to remove either."""
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "tests.net.leftover", folder]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as run:
            assert run.stdout is not None
            names = run.stdout.readline().split()
            processes = [int(pid) for pid in run.stdout.readline().split()]
            run.send_signal(signal.SIGKILL)
    return names, processes


def runs(pid: int) -> bool:
    """Whether there is such a process; one that nobody has reaped yet is dead all the same."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


if __name__ == "__main__":
    with network() as net, net.inside():
        host = NetHost.on(net, "web1", Path(sys.argv[1]), wired=True)
        host.power_on()
        print(net.ops, net.switch, host.line.host, flush=True)
        print(*host.pids(), flush=True)
        sys.stdin.read()
        signal.pause()
