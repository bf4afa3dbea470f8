"""
When Python may stop to look for garbage.

A full collection walks every object there is. With the plans of twenty runs in memory that took the loop 120 ms, some
times a minute, on a quiet machine, and it was what the slowest acknowledgements waited for. What a start loads is
never garbage; of what comes later, plans and journals are trees that go without being looked for. So the old
generation is walked while nothing runs, and seldom while something does.
"""

import gc
import time

#: Objects made until the young are walked, and how many such walks until the middle-aged are. The third number, walks
#: of those until everything is, is out of reach: `Pauses.perhaps` decides.
_THRESHOLDS = (5_000, 20, 1_000_000)
#: Seconds between two full walks while nothing runs, and while something does.
IDLE_S, BUSY_S = 60.0, 900.0


class Pauses:
    def __init__(self) -> None:
        self._last_s = time.monotonic()

    def begin(self) -> None:
        """Everything is loaded: leave it out of every later walk."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_THRESHOLDS)

    def perhaps(self, *, busy: bool) -> bool:
        """Walk everything if it is time for it; return whether it was. Called by the clock's loop."""
        now_s = time.monotonic()
        if now_s - self._last_s < (BUSY_S if busy else IDLE_S):
            return False
        gc.collect()
        self._last_s = now_s
        return True
