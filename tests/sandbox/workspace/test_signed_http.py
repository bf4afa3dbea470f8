"""The alternative to Socket Mode: signed requests to the app's own address."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession, web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_sdk.signature import SignatureVerifier

from sandbox.workspace import Workspace
from tests.sandbox.workspace.conftest import Bolt

Json = dict[str, Any]


@asynccontextmanager
async def listening(handler: Any) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/slack/events", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    finally:
        await runner.cleanup()


@pytest.fixture
async def address(workspace: Workspace, bolt: Bolt) -> AsyncIterator[str]:
    async def handle(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await bolt.app.async_dispatch(await to_bolt_request(request)))

    async with listening(handle) as url:
        yield url


async def test_a_bolt_app_over_http(workspace: Workspace, bolt: Bolt, address: str) -> None:
    reactions: asyncio.Queue[str] = asyncio.Queue()

    @bolt.app.command("/rollback")
    async def on_command(ack: Any, command: Json, respond: Any) -> None:
        await ack(f"acked {command['text']}")
        await respond("and more")

    @bolt.app.event("reaction_added")
    async def on_reaction(event: Json) -> None:
        reactions.put_nowait(event["reaction"])

    @bolt.app.action("go")
    async def on_go(ack: Any, client: Any, body: Json) -> None:
        await ack()
        title = {"type": "plain_text", "text": "T"}
        entry = {"type": "plain_text_input", "action_id": "typed"}
        blocks = [{"type": "input", "block_id": "b", "label": title, "element": entry}]
        view = {"type": "modal", "callback_id": "m", "title": title, "submit": title, "blocks": blocks}
        await client.views_open(trigger_id=body["trigger_id"], view=view)

    @bolt.app.view("m")
    async def on_submit(ack: Any) -> None:
        await ack(response_action="errors", errors={"b": "no"})

    assert await workspace.deliver_over_http(address)
    ana = workspace.person("ana")
    result = await ana.command("#inc-482", "/rollback status & <more>")
    await workspace.wait_for(lambda: len(result.replies()) == 2)
    assert {message.text for message in result.replies()} == {"acked status & <more>", "and more"}

    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}
    blocks = [{"type": "actions", "elements": [button]}]
    posted = await bolt.app.client.chat_postMessage(
        channel=workspace.channel("inc-482").id, text="board", blocks=blocks
    )
    board = workspace.message("#inc-482", posted["ts"])
    ana.react(board, "eyes")
    assert await asyncio.wait_for(reactions.get(), 5) == "eyes"

    modal = await (await ana.click(board, "go")).modal()
    assert (await ana.submit(modal, {"typed": "x"})).errors == {"b": "no"}


async def test_a_forged_request_is_refused_by_the_app(workspace: Workspace, bolt: Bolt, address: str) -> None:
    body = b'{"type":"url_verification","challenge":"c"}'
    good, old = workspace.sign(body), workspace.sign(body, at_s=1)
    async with ClientSession() as session:
        statuses = []
        for headers in (good, old, {**good, "X-Slack-Signature": "v0=00"}, {}):
            async with session.post(address, data=body, headers={"Content-Type": "application/json", **headers}) as r:
                statuses.append(r.status)

    assert statuses == [200, 401, 401, 401]
    assert SignatureVerifier(workspace.signing_secret).is_valid_request(body, good)


@pytest.mark.parametrize(("headers", "attempts"), [({}, 4), ({"X-Slack-No-Retry": "1"}, 1)])
async def test_events_are_retried_with_their_number_and_reason(
    workspace: Workspace, headers: dict[str, str], attempts: int
) -> None:
    seen: list[tuple[str | None, str | None]] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append((request.headers.get("X-Slack-Retry-Num"), request.headers.get("X-Slack-Retry-Reason")))
        return web.Response(status=500, headers=headers)

    async with listening(handle) as url:
        assert not await workspace.deliver_over_http(url)
        seen.clear()
        message = workspace.person("ana").say("#inc-482", "x")
        workspace.person("bo").react(message, "eyes")
        await workspace.wait_for(
            lambda: [e["state"] for e in workspace.log.entries("envelope")] == ["dispatch_failed"] * attempts
        )
        await asyncio.sleep(0.3)  # long enough for any redelivery that should not come

    wanted = [(None, None), *((str(number), "http_error") for number in (1, 2, 3))]
    assert seen == wanted[:attempts]


async def test_nobody_listens(workspace: Workspace) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.Response()

    async with listening(handle) as url:
        await workspace.deliver_over_http(url)
    result = await workspace.person("ana").command("#inc-482", "/rollback status")

    assert (result.ack.problem, result.ack.reason) == ("dispatch_failed", "connection_failed")
