"""One process on a SQLite file: a lock beside it refuses the second."""

import fcntl
import os
from pathlib import Path

from core.errors import StoreUnavailableError


class LockFile:
    """Held from creation until `release`, or until the process dies: the kernel gives it back, even after SIGKILL."""

    def __init__(self, database: Path) -> None:
        """
        Raises:
            StoreUnavailableError: another process holds it, or the directory cannot be written.
        """
        path = database.with_name(database.name + ".lock")
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnavailableError(
                f"cannot lock the database {database}: {error.strerror} ({path}); "
                "create its directory and make it writable for this user"
            ) from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._fd, 20, 0).decode(errors="replace").strip()
            os.close(self._fd)
            raise StoreUnavailableError(
                f"the database {database} is in use by process {holder or 'unknown'}: "
                "one Belay at a time may write a SQLite file; stop that one, or use PostgreSQL"
            ) from error
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Give it back. The file stays: removing it would let two processes lock two files of one name."""
        os.ftruncate(self._fd, 0)
        os.close(self._fd)
