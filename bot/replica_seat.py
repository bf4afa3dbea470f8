"""
What a replica leaves to the one that is started again in its place.

A process that was killed and is started again would wait, like everybody else, until its own heartbeats are old enough
to be taken for dead. In its data folder stands which job worker it was, under a lock that the kernel gives back with
the process, whatever ended it: who gets the lock knows that its predecessor is dead, and need not wait. The seat has a
name, which outlives who sits on it: what was taken in under it is the successor's at once.
"""

import fcntl
import json
import logging
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

#: A lock of another kernel proves nothing here (a folder shared over the network).
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class Seat:
    """The place of one replica on one machine. Two with the same data folder: the second has none, and does without."""

    def __init__(self, folder: Path, *, database: str) -> None:
        """*database*: which one the workers are numbered in, without a password."""
        self._file = folder / "replica"
        self._database = database
        self._fd: int | None = None
        #: Nobody alive has the same. Final once the seat is taken.
        self.name = secrets.token_hex(8)

    def take(self) -> int | None:
        """
        Sit down; return the number of the worker that sat here before and is dead for certain, None if there was none.

        Call it once. Without a lock (another one sits here, or the folder takes no file) nothing is known and kept.
        """
        try:
            fd = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            log.warning("no note is kept for a restart: %s", error)
            return None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            log.info("no note is kept for a restart, another process has %s (%s)", self._file, error.strerror)
            os.close(fd)
            return None
        self._fd = fd
        return self._succeed()

    def _succeed(self) -> int | None:
        """Take the name that the seat has, or give it one."""
        with suppress(ValueError, TypeError, KeyError):
            left = json.loads(os.pread(self._held, 4_096, 0))
            if (left["where"], left["database"]) == (self._where(), self._database):
                worker = None if left["worker"] is None else int(left["worker"])
                self.name = str(left["name"])
                return worker
        self._write(None)
        return None

    def note(self, worker: int) -> None:
        """Whoever sits here next is told that *worker* was here."""
        if self._fd is not None:
            self._write(worker)

    def leave(self, *, nothing_left: bool) -> None:
        """Give it back; what was not handed over is left to whoever sits here next. The file stays: it is the lock."""
        if self._fd is not None:
            if nothing_left:
                self._write(None)
            os.close(self._fd)
            self._fd = None

    def _write(self, worker: int | None) -> None:
        """On a full disk nothing is kept, and whoever sits here next waits like everybody else."""
        left = {"name": self.name, "worker": worker, "where": self._where(), "database": self._database}
        text = json.dumps(left).encode()
        try:
            os.ftruncate(self._held, 0)
            os.pwrite(self._held, text, 0)
        except OSError as error:
            log.warning("no note is kept for a restart: %s", error)

    def _where(self) -> str:
        """This very file under this very kernel: a copy of the folder, or another machine's, proves nothing."""
        at = os.fstat(self._held)
        return f"{_boot()} {at.st_dev}:{at.st_ino}"

    @property
    def _held(self) -> int:
        if self._fd is None:
            raise RuntimeError("the seat is not taken")
        return self._fd


def _boot() -> str:
    return _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else ""
