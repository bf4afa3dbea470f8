"""Slack's rate tiers, where the world asks for them: per method over a minute; posting once a second a channel."""

from collections import defaultdict, deque
from typing import Final

from sandbox.workspace.api.method import TIERS, Json, Method
from sandbox.workspace.world import World

#: Posting may burst a little before "about one message a second" is held against the app.
POST_BURST: Final = 5


class Rates:
    def __init__(self, world: World) -> None:
        self._on = world.enforce_rates
        self._calls: dict[str, deque[float]] = defaultdict(deque)

    def wait_s(self, method: Method | None, args: Json, now_s: float) -> float:
        """Seconds to wait before this call; 0 lets it pass and counts it."""
        if not self._on or method is None:
            return 0.0
        if method.name == "chat.postMessage":
            return self._window(f"post {args.get('channel')}", POST_BURST, float(POST_BURST), now_s)
        return self._window(method.name, TIERS[method.tier], 60.0, now_s)

    def _window(self, key: str, most: int, length_s: float, now_s: float) -> float:
        calls = self._calls[key]
        while calls and now_s - calls[0] >= length_s:
            calls.popleft()
        if len(calls) >= most:
            return max(0.1, length_s - (now_s - calls[0]))
        calls.append(now_s)
        return 0.0
