"""A workspace for each test, with short windows; whatever it sent is checked against Slack's definitions."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import ClientSession
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.workspace import Timing, Workspace
from tests.sandbox.workspace.slack_truth import check_answer, check_envelope

Json = dict[str, Any]

#: Slack's windows made short; redeliveries come at once.
QUICK = Timing(ack_s=0.4, retry_after_s=(0.0, 0.05, 0.05), trigger_s=0.5, response_url_s=1.0, refresh_warning_s=0.2)


@pytest.fixture
async def workspace() -> AsyncIterator[Workspace]:
    async with Workspace.serve(timing=QUICK) as running:
        yield running
        for entry in running.log.entries("envelope"):
            check_envelope(entry["kind"], entry["payload"])


class Caller:
    """Calls the Web API raw, in any style of arguments, and checks each answer against the definitions."""

    def __init__(self, workspace: Workspace, session: ClientSession) -> None:
        self._workspace = workspace
        self._session = session
        self.last_headers: dict[str, str] = {}
        self.last_status = 0

    async def __call__(self, method: str, _token: str | None = None, _style: str = "json", **args: Any) -> Json:
        token = self._workspace.bot_token if _token is None else _token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = self._workspace.api_url + method
        how: Json = {"headers": headers}
        if _style == "json":
            request = self._session.post(url, json=args, **how)
        elif _style == "get":
            request = self._session.get(url, params=args, **how)
        elif _style == "query":
            request = self._session.post(url, params=args, data=b"", **how)
        else:
            request = self._session.post(url, data={**args, "token": token})
        async with request as response:
            self.last_headers, self.last_status = dict(response.headers), response.status
            answer: Json = await response.json()
        check_answer(method, answer)
        return answer


@pytest.fixture
async def call(workspace: Workspace) -> AsyncIterator[Caller]:
    async with ClientSession() as session:
        yield Caller(workspace, session)


class Bolt:
    """An unchanged slack-bolt app; add listeners to `app`, then `connect`."""

    def __init__(self, workspace: Workspace, stack: AsyncExitStack) -> None:
        self._workspace = workspace
        self._stack = stack
        client = AsyncWebClient(token=workspace.bot_token, base_url=workspace.api_url)
        self.app = AsyncApp(client=client, signing_secret=workspace.signing_secret)

    async def connect(self) -> AsyncSocketModeHandler:
        before = self._workspace.connections
        handler = AsyncSocketModeHandler(self.app, self._workspace.app_token, ping_interval=1)
        await handler.connect_async()  # type: ignore[no-untyped-call]  # bolt leaves it without a type
        self._stack.push_async_callback(handler.close_async)
        await self._workspace.wait_for(lambda: self._workspace.connections == before + 1)
        return handler


@pytest.fixture
async def bolt(workspace: Workspace) -> AsyncIterator[Bolt]:
    async with AsyncExitStack() as stack:
        yield Bolt(workspace, stack)
