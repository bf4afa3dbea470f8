"""
What a tool remembers: a JSON file, changed under a lock and replaced as a whole, so that a killed tool leaves no half.

Things that happen later need no daemon: `later("activating", "active", 0.4)` is a value that is one thing now and
another 0.4 s from now on; `current` reads it. Wall clock, seconds.
"""

from __future__ import annotations

import fcntl
import json
import os
import time

TYPE_CHECKING = False  # not from typing: importing that would take as long as Python itself
if TYPE_CHECKING:
    from typing import Any

    #: What is in a state file: names to whatever JSON holds.
    Data = dict[str, Any]


class State:
    """
    `with state as data:` holds the lock, and writes *data* back at the end of the block unless it raised.

    `state.read()` takes no lock: a file is always whole.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = -1
        self._before = ""
        self._data: Data = {}

    def read(self) -> Data:
        try:
            with open(self.path) as file:
                found: Data = json.load(file)
                return found
        except FileNotFoundError:
            return {}

    def __enter__(self) -> Data:
        self._lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._data = self.read()
        self._before = json.dumps(self._data)
        return self._data

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            after = json.dumps(self._data)
            if kind is None and after != self._before:
                self._replace(after)
        finally:
            os.close(self._lock)

    def _replace(self, text: str) -> None:
        new = f"{self.path}.{os.getpid()}"
        with open(new, "w") as file:
            file.write(text)
        os.replace(new, self.path)

    def write(self, data: Data) -> None:
        """Replace everything."""
        self._replace(json.dumps(data))


def later(now: object, then: object, in_s: float) -> object:
    """Return a value that is *now* for *in_s* seconds, and *then* afterwards."""
    return {"now": now, "at": time.time() + in_s, "then": then} if in_s > 0 else then


def current(value: object) -> object:
    """Return what *value* is by now."""
    while isinstance(value, dict) and "then" in value and "at" in value:
        value = value["then"] if time.time() >= value["at"] else value["now"]
    return value


def wait_until(value: object) -> object:
    """Sleep until *value* changes no more, and return what it is then."""
    while isinstance(value, dict) and "then" in value and "at" in value:
        time.sleep(max(0.0, value["at"] - time.time()))
        value = value["then"]
    return value
