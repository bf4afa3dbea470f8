"""
Finding and ending the processes of a practice world, wherever they went.

Services and run-once supervisors leave their session and their parent, so neither tells who they belong to.
Their environment does: every process of a host inherits the marks below, which nobody else has.
"""

import os
import select
import signal
from collections.abc import Mapping
from pathlib import Path

WORLD = "PRACTICE_WORLD"  #: a random word, one a world
ROOT = "PRACTICE_ROOT"  #: the host's directory

#: How long one round waits for the processes it killed. A killed process in disk sleep may take a moment.
ROUND_PATIENCE_MS = 5_000


def marked(marks: Mapping[str, str]) -> list[int]:
    """Return the pids of living processes whose environment has all *marks*."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _has(entry, marks)]


def end_marked(marks: Mapping[str, str]) -> None:
    """KILL every process that has all *marks*, also stopped ones, and return when none is left."""
    while handles := [handle for pid in marked(marks) if (handle := _kill(pid, marks)) is not None]:
        poll = select.poll()
        for handle in handles:
            poll.register(handle, select.POLLIN)
        waiting = set(handles)
        while waiting and (gone := poll.poll(ROUND_PATIENCE_MS)):
            for handle, _ in gone:
                poll.unregister(handle)
                waiting.discard(handle)
        for handle in handles:
            os.close(handle)


def _kill(pid: int, marks: Mapping[str, str]) -> int | None:
    """Return a handle to wait on, or None where the process is gone. The handle is taken before the last look."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    if _has(Path(f"/proc/{pid}"), marks):
        try:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        except ProcessLookupError:
            pass
        else:
            return handle
    os.close(handle)
    return None


def _has(entry: Path, marks: Mapping[str, str]) -> bool:
    try:
        environment = (entry / "environ").read_bytes().split(b"\0")
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return False
    return all(f"{name}={value}".encode() in environment for name, value in marks.items())
