"""One service's process: found again by its pid and its start time, so that a reused pid fools nobody."""

import os
import select
import signal
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    pid: int
    born: str  #: start time in clock ticks since boot, as /proc tells it

    def __str__(self) -> str:
        return f"{self.pid} {self.born}"


def born(pid: int) -> str | None:
    """Return when *pid* was started, or None when there is no such process or only its zombie."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if after_name[0] == "Z" else after_name[19]


def recorded(pid_file: Path) -> Process | None:
    """Return the process *pid_file* speaks of if it still runs."""
    try:
        pid, _, start = pid_file.read_text().strip().partition(" ")
    except FileNotFoundError:
        return None
    return Process(int(pid), start) if pid.isdigit() and born(int(pid)) == start else None


def end(process: Process, *, patience_s: float) -> bool:
    """TERM *process*, KILL it when that did not help; return whether KILL was needed. It is gone afterwards."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    try:
        if born(process.pid) != process.born:
            return False
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        if _gone(handle, patience_s):
            return False
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        _gone(handle, None)
        return True
    finally:
        os.close(handle)


def _gone(handle: int, within_s: float | None) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(None if within_s is None else within_s * 1000))
