"""Socket Mode: frames, tickets, one socket for each envelope, acks in time, redelivery."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, WSServerHandshakeError

from sandbox.workspace import Workspace
from tests.sandbox.workspace.conftest import Bolt, Caller
from tests.sandbox.workspace.slack_truth import read, unknown_keys

Json = dict[str, Any]


class RawApp:
    """An app that speaks the protocol by hand and acknowledges only when told to."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.socket = socket

    async def frame(self) -> Json:
        received: Json = await self.socket.receive_json(timeout=3)
        return received

    async def ack(self, frame: Json) -> None:
        await self.socket.send_json({"envelope_id": frame["envelope_id"]})


@asynccontextmanager
async def raw_app(workspace: Workspace, call: Caller) -> AsyncIterator[RawApp]:
    address = (await call("apps.connections.open", workspace.app_token))["url"]
    async with ClientSession() as session, session.ws_connect(address) as socket:
        app = RawApp(socket)
        hello = await app.frame()
        assert hello["type"] == "hello"
        yield app


async def react(workspace: Workspace, call: Caller, name: str = "eyes") -> None:
    posted = await call("chat.postMessage", channel=workspace.channel("inc-482").id, text="board")
    workspace.person("bo").react(workspace.message("#inc-482", posted["ts"]), name)


async def test_hello_and_envelopes_look_like_the_recorded_ones(workspace: Workspace, call: Caller) -> None:
    address = (await call("apps.connections.open", workspace.app_token))["url"]
    async with ClientSession() as session, session.ws_connect(address) as socket:
        hello = await socket.receive_json()
        await react(workspace, call)
        event = await socket.receive_json()
        await socket.send_json({"envelope_id": event["envelope_id"]})

    recorded = read("socket-mode/events_api.message.json")
    assert unknown_keys(hello, read("socket-mode/hello.json")) == []
    assert event.keys() == recorded.keys()
    assert (event["retry_attempt"], event["retry_reason"], event["accepts_response_payload"]) == (0, "", False)
    assert recorded["payload"].keys() <= event["payload"].keys()


async def test_a_ticket_works_once(workspace: Workspace, call: Caller) -> None:
    address = (await call("apps.connections.open", workspace.app_token))["url"]
    async with ClientSession() as session:
        async with session.ws_connect(address):
            pass
        with pytest.raises(WSServerHandshakeError) as refused:
            await session.ws_connect(address)

    assert refused.value.status == 403


async def test_an_event_without_ack_comes_again_three_times(workspace: Workspace, call: Caller) -> None:
    async with raw_app(workspace, call) as app:
        await react(workspace, call)
        frames = [await app.frame() for _ in range(4)]

    assert [(frame["retry_attempt"], frame["retry_reason"]) for frame in frames] == [
        (0, ""),
        (1, "timeout"),
        (2, "timeout"),
        (3, "timeout"),
    ]
    assert len({frame["payload"]["event_id"] for frame in frames}) == 1
    assert len({frame["envelope_id"] for frame in frames}) == 4


async def test_an_acknowledged_redelivery_is_the_last(workspace: Workspace, call: Caller) -> None:
    async with raw_app(workspace, call) as app:
        await react(workspace, call)
        await app.frame()
        await app.ack(await app.frame())
        await workspace.wait_for(lambda: workspace.log.entries("envelope")[-1]["state"] == "acked")
        with pytest.raises(TimeoutError):
            await app.socket.receive(timeout=0.6)

    assert [entry["state"] for entry in workspace.log.entries("envelope")] == ["operation_timeout", "acked"]


async def test_a_command_without_ack_is_not_repeated_and_the_person_is_told(workspace: Workspace, call: Caller) -> None:
    async with raw_app(workspace, call) as app:
        result = await workspace.person("ana").command("#inc-482", "/rollback status")
        assert (await app.frame())["accepts_response_payload"] is True
        with pytest.raises(TimeoutError):
            await app.socket.receive(timeout=0.5)

    assert result.ack.problem == "operation_timeout"
    assert 'failed with the error "operation_timeout"' in (await result.reply()).text


async def test_without_a_socket_a_command_cannot_be_dispatched(workspace: Workspace) -> None:
    result = await workspace.person("ana").command("#inc-482", "/rollback status")

    assert result.ack.problem == "dispatch_failed"
    assert 'failed with the error "dispatch_failed"' in (await result.reply()).text


async def test_each_envelope_goes_to_one_socket_only(workspace: Workspace, bolt: Bolt) -> None:
    seen: asyncio.Queue[str] = asyncio.Queue()

    @bolt.app.event("reaction_added")
    async def on_reaction(body: Json) -> None:
        seen.put_nowait(body["event_id"])

    await bolt.connect()
    await bolt.connect()
    posted = await bolt.app.client.chat_postMessage(channel=workspace.channel("inc-482").id, text="board")
    board = workspace.message("#inc-482", posted["ts"])
    for name in ("ana", "bo", "cy", "dee"):
        workspace.person(name).react(board, "eyes")

    await workspace.wait_for(lambda: [e["state"] for e in workspace.log.entries("envelope")] == ["acked"] * 4)
    told = [await asyncio.wait_for(seen.get(), 5) for _ in range(4)]
    assert len(set(told)) == 4
    assert seen.empty()


async def test_both_sockets_get_their_share(workspace: Workspace, call: Caller) -> None:
    async with raw_app(workspace, call) as one, raw_app(workspace, call) as two:
        await react(workspace, call)
        await react(workspace, call)
        for app in (one, two):
            await app.ack(await app.frame())
        await workspace.wait_for(lambda: [e["state"] for e in workspace.log.entries("envelope")] == ["acked"] * 2)


async def test_a_refresh_loses_nothing(workspace: Workspace, bolt: Bolt) -> None:
    seen: asyncio.Queue[str] = asyncio.Queue()

    @bolt.app.event("reaction_added")
    async def on_reaction(body: Json) -> None:
        seen.put_nowait(body["event_id"])

    await bolt.connect()
    posted = await bolt.app.client.chat_postMessage(channel=workspace.channel("inc-482").id, text="board")
    board = workspace.message("#inc-482", posted["ts"])

    await workspace.refresh_sockets()
    workspace.person("bo").react(board, "eyes")
    await workspace.wait_for(lambda: len(workspace.log.entries("socket", "opened")) == 2)
    workspace.person("cy").react(board, "eyes")

    await workspace.wait_for(lambda: len([e for e in workspace.log.entries("envelope") if e["state"] == "acked"]) == 2)
    assert len({await asyncio.wait_for(seen.get(), 5) for _ in range(2)}) == 2


async def test_a_refresh_without_warning_closes_the_socket(workspace: Workspace, call: Caller) -> None:
    async with raw_app(workspace, call) as app:
        await workspace.refresh_sockets(warn=False)
        frame = await app.frame()
        closing = await app.socket.receive(timeout=2)

    assert (frame["type"], frame["reason"]) == ("disconnect", "refresh_requested")
    assert closing.type is WSMsgType.CLOSE


async def test_dropped_sockets_are_gone_at_once(workspace: Workspace, call: Caller) -> None:
    async with raw_app(workspace, call) as app:
        assert workspace.drop_sockets() == 1
        await workspace.wait_for(lambda: workspace.connections == 0)
        assert (await app.socket.receive(timeout=2)).type in (WSMsgType.CLOSED, WSMsgType.ERROR)


async def test_bolt_comes_back_after_a_cut(workspace: Workspace, bolt: Bolt) -> None:
    @bolt.app.command("/rollback")
    async def on_command(ack: Any) -> None:
        await ack("here again")

    await bolt.connect()
    workspace.drop_sockets()
    await workspace.wait_for(lambda: workspace.connections == 0)

    await workspace.wait_for(lambda: workspace.connections == 1, timeout_s=15)
    result = await workspace.person("ana").command("#inc-482", "/rollback status")
    assert (await result.reply()).text == "here again"


async def test_events_can_be_doubled_and_turned_round(workspace: Workspace, call: Caller) -> None:
    async with raw_app(workspace, call) as app:
        workspace.faults.duplicate_events = 1
        await react(workspace, call)
        first, second = await app.frame(), await app.frame()
        await app.ack(first)
        await app.ack(second)

        workspace.faults.reorder_events = 2
        await react(workspace, call, "fire")
        await react(workspace, call, "tada")
        turned = [await app.frame(), await app.frame()]
        for frame in turned:
            await app.ack(frame)
        await workspace.wait_for(lambda: all(e["state"] == "acked" for e in workspace.log.entries("envelope")))

    assert first["payload"]["event_id"] == second["payload"]["event_id"]
    assert [frame["payload"]["event"]["reaction"] for frame in turned] == ["tada", "fire"]


async def test_a_late_ack_does_not_count(workspace: Workspace, call: Caller) -> None:
    async with raw_app(workspace, call) as app:
        workspace.faults.ack_delay_s = 0.6
        await react(workspace, call)
        await app.ack(await app.frame())
        again = await app.frame()
        workspace.faults.ack_delay_s = 0
        await app.ack(again)
        await workspace.wait_for(lambda: workspace.log.entries("envelope")[-1]["state"] == "acked")

    assert again["retry_attempt"] == 1


async def test_the_bot_hears_only_of_channels_it_is_in(workspace: Workspace, call: Caller) -> None:
    async with raw_app(workspace, call) as app:
        message = workspace.person("bo").say("#general", "lunch?")
        workspace.person("cy").react(message, "eyes")
        workspace.set_group("approvers", ["bo", "ana"])
        workspace.kick("#inc-482", "eve")
        workspace.invite("#inc-482", "eve", by="ana")
        frames = [await app.frame(), await app.frame()]
        for frame in frames:
            await app.ack(frame)
        await workspace.wait_for(lambda: all(e["state"] == "acked" for e in workspace.log.entries("envelope")))

    kinds = {frame["payload"]["event"]["type"]: frame["payload"] for frame in frames}
    assert kinds.keys() == {"subteam_members_changed", "member_joined_channel"}
    assert kinds["subteam_members_changed"]["event"]["added_users"] == [workspace.person("ana").id]
    assert kinds["member_joined_channel"]["is_ext_shared_channel"] is True
