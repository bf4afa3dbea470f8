"""
When the next edit may go out: Slack allows about 50 a minute of `chat.update` for all boards together.

Pure bookkeeping on a monotonic clock that is passed in. Endings, and a run that begins to need a person, may use the
whole allowance; everything else leaves a reserve for them.
"""

from collections import deque

WINDOW_S = 60.0


class Budget:
    def __init__(self, *, most: int = 50, reserve: int = 10) -> None:
        self._most = most
        self._reserve = reserve
        self._calls: deque[float] = deque()
        self._blocked_until = 0.0

    def wait_s(self, now_s: float, *, urgent: bool) -> float:
        """Return the seconds until a call may go out; 0 for at once."""
        while self._calls and now_s - self._calls[0] >= WINDOW_S:
            self._calls.popleft()
        blocked = max(0.0, self._blocked_until - now_s)
        room = self._most if urgent else self._most - self._reserve
        if len(self._calls) < room:
            return blocked
        oldest_that_counts = self._calls[len(self._calls) - room]
        return max(blocked, WINDOW_S - (now_s - oldest_that_counts))

    def spend(self, now_s: float) -> None:
        self._calls.append(now_s)

    def refused(self, now_s: float, retry_after_s: float) -> None:
        """Slack said 429: nothing of this method until then."""
        self._blocked_until = max(self._blocked_until, now_s + retry_after_s)


def spacing_s(boards: int, gap_s: float = 1.5) -> float:
    """
    Return the seconds between two edits of one board while *boards* are live.

    40 edits a minute are shared: 1.5 s each for one board, 15 s for ten.
    """
    return gap_s * max(1, boards)
