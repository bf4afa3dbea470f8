"""
When the next edit may go out: Slack allows about 50 a minute of `chat.update` for all messages together.

Pure bookkeeping on a monotonic clock that is passed in. Messages that stand for many runs (`bot/slack_crowd.py`) have
their part of the allowance to themselves; endings, and a run that begins to need a person, may use all the rest;
everything else leaves a reserve for them.
"""

from collections import deque
from enum import StrEnum

WINDOW_S = 60.0


class Lane(StrEnum):
    """What an edit is for, and so which part of the allowance it may use."""

    STANDING = "standing"  #: keeps a message fresh that shows runs at first hand
    URGENT = "urgent"  #: an ending, or a question to a person
    ORDINARY = "ordinary"


class Budget:
    def __init__(self, *, most: int = 50, reserve: int = 10) -> None:
        self._most = most
        self._reserve = reserve
        self._kept = 0
        self._standing: deque[float] = deque()
        self._others: deque[float] = deque()
        self._blocked_until = 0.0

    def keep(self, calls: int) -> None:
        """From now on *calls* of each window are for the standing lane alone."""
        self._kept = calls

    def wait_s(self, now_s: float, lane: Lane) -> float:
        """Return the seconds until a call may go out; 0 for at once."""
        for calls in (self._standing, self._others):
            while calls and now_s - calls[0] >= WINDOW_S:
                calls.popleft()
        blocked = max(0.0, self._blocked_until - now_s)
        counted, room = self._room(lane)
        if len(counted) < room:
            return blocked
        oldest_that_counts = counted[len(counted) - room] if room > 0 else now_s
        return max(blocked, WINDOW_S - (now_s - oldest_that_counts))

    def apart_s(self, now_s: float) -> float:
        """Return how far apart standing edits have to be, so that what is left of the window lasts to its end."""
        counted, room = self._room(Lane.STANDING)
        left = room - len(counted)
        return (WINDOW_S - (now_s - counted[0])) / left if counted and left > 0 else 0.0

    def _room(self, lane: Lane) -> tuple[list[float], int]:
        """Return the calls of the window that count for *lane*, the oldest first, and how many it may have."""
        if lane is Lane.STANDING:
            return sorted([*self._standing, *self._others]), self._most
        room = self._most - max(self._kept, len(self._standing))
        return list(self._others), room if lane is Lane.URGENT else room - self._reserve

    def spend(self, now_s: float, lane: Lane) -> None:
        (self._standing if lane is Lane.STANDING else self._others).append(now_s)

    def refused(self, now_s: float, retry_after_s: float) -> None:
        """Slack said 429: nothing of this method until then."""
        self._blocked_until = max(self._blocked_until, now_s + retry_after_s)


def edit_budget(gap_s: float = 1.5) -> Budget:
    """Return the budget for one ordinary edit every *gap_s* seconds, and a quarter of them more as the reserve."""
    ordinary = round(WINDOW_S / gap_s)
    return Budget(most=ordinary + ordinary // 4, reserve=ordinary // 4)


def spacing_s(boards: int, gap_s: float = 1.5) -> float:
    """
    Return the seconds between two edits of one board while *boards* are live.

    40 edits a minute are shared: 1.5 s each for one board, 15 s for ten.
    """
    return gap_s * max(1, boards)
