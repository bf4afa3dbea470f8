"""What the inspector shows: every call of the app, every envelope and its fate, every socket."""

import time
from collections import deque
from typing import Any

from sandbox.workspace.feed import Feed

Json = dict[str, Any]


class Journal:
    """Bounded; an entry may be amended later (an envelope gets its ack)."""

    def __init__(self, feed: Feed, most: int = 3000) -> None:
        self._feed = feed
        self._entries: deque[Json] = deque(maxlen=most)
        self._count = 0

    def add(self, what: str, name: str, **details: Any) -> Json:
        """*what* is "api", "envelope", "socket", "hook" or "fault"; *name* the method or kind."""
        self._count += 1
        entry = {"id": self._count, "at": time.time(), "what": what, "name": name, **details}
        self._entries.append(entry)
        self._feed.tell("log", entry=entry)
        return entry

    def amend(self, entry: Json, **details: Any) -> None:
        entry.update(details)
        self._feed.tell("log", entry=entry)

    def entries(self, what: str | None = None, name: str | None = None) -> list[Json]:
        return [
            entry
            for entry in self._entries
            if (what is None or entry["what"] == what) and (name is None or entry["name"] == name)
        ]
