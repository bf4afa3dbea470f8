"""One socket of Socket Mode, which says when the answer to an envelope has gone out."""

from collections.abc import Callable
from typing import Any

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

#: Seconds between pings; a dead link is noticed after about four of them.
PING_S = 5


class Socket(AsyncSocketModeHandler):
    def __init__(
        self, app: AsyncApp, app_token: str, answered: Callable[[dict[str, Any]], None], connected: Callable[[], None]
    ) -> None:
        """*answered* is called with what Slack has its answer to, *connected* whenever a connection was made."""
        super().__init__(app, app_token, ping_interval=PING_S)
        self._answered = answered
        self._connected = connected
        self.client.message_listeners.append(self._on_message)

    async def _on_message(self, _client: Any, message: dict[str, Any], _raw: str | None) -> None:
        if message.get("type") == "hello":
            self._connected()

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]  # as bolt
        try:
            await super().handle(client, req)
        finally:
            self._answered(req.payload)

    async def open(self) -> None:
        """Connect; tries until it succeeds."""
        await self.client.connect()  # type: ignore[no-untyped-call]  # the SDK leaves it without annotations

    async def close(self) -> None:
        await self.client.close()  # type: ignore[no-untyped-call]  # the SDK leaves it without annotations

    @property
    def is_open(self) -> bool:
        session = self.client.current_session
        return session is not None and not session.closed
