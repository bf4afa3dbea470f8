"""The Web API: every style of arguments, and the refusals of the real one."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import ClientConnectionError, ClientSession, ContentTypeError

from sandbox.workspace import Workspace, default_world
from sandbox.workspace.world import DEFAULT_SCOPES
from tests.sandbox.workspace.conftest import QUICK, Caller
from tests.sandbox.workspace.slack_truth import check_type, without_nulls

Json = dict[str, Any]
MORE = (
    *DEFAULT_SCOPES,
    "channels:manage",
    "channels:join",
    "channels:history",
    "users:read.email",
    "im:write",
    "team:read",
)


@pytest.fixture
async def workspace() -> AsyncIterator[Workspace]:
    """This one grants the optional scopes too."""
    world = default_world()
    world = replace(world, app=replace(world.app, scopes=MORE))
    async with Workspace.serve(world, timing=QUICK) as running:
        yield running


@pytest.fixture
def inc(workspace: Workspace) -> str:
    return workspace.channel("inc-482").id


@pytest.mark.parametrize("style", ["json", "get", "query", "form"])
async def test_arguments_come_in_every_style(workspace: Workspace, call: Caller, inc: str, style: str) -> None:
    blocks: Any = [{"type": "section", "text": {"type": "mrkdwn", "text": "*hi*"}}]
    carried = blocks if style == "json" else json.dumps(blocks)

    answer = await call("chat.postMessage", _style=style, channel=inc, text="hi", blocks=carried)

    assert answer["ok"]
    assert answer["message"]["blocks"][0]["text"]["text"] == "*hi*"
    assert answer["message"]["blocks"][0]["block_id"]
    check_type("PostMessage", answer)


async def test_tokens_and_scopes(workspace: Workspace, call: Caller) -> None:
    assert (await call("auth.test", ""))["error"] == "not_authed"
    assert (await call("auth.test", "xoxb-wrong"))["error"] == "invalid_auth"
    assert (await call("auth.test", workspace.app_token))["error"] == "not_allowed_token_type"
    assert (await call("apps.connections.open"))["error"] == "invalid_auth"
    assert (await call("nothing.like.it"))["error"] == "unknown_method"
    good = await call("auth.test")
    assert good["user_id"] == workspace.bot_user_id
    assert "chat:write" in call.last_headers["x-oauth-scopes"].split(",")
    check_type("AuthTest", good)
    opened = await call("apps.connections.open", workspace.app_token)
    assert opened["url"].startswith("ws://127.0.0.1:")


async def test_a_missing_scope_says_which(call: Caller, workspace: Workspace) -> None:
    async with Workspace.serve(default_world()) as strict, ClientSession() as session:
        caller = Caller(strict, session)
        answer = await caller("conversations.history", _style="get", channel=strict.channel("inc-482").id)

    assert answer["error"] == "missing_scope"
    assert answer["needed"] == "channels:history"
    assert answer["provided"].split(",") == list(DEFAULT_SCOPES)


@pytest.mark.parametrize(
    ("method", "args", "error"),
    [
        ("chat.postMessage", {"text": "x"}, "invalid_arguments"),
        ("chat.postMessage", {"channel": "C404", "text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"channel": "general", "text": "x"}, "not_in_channel"),
        ("chat.postMessage", {"channel": "inc-482"}, "no_text"),
        ("chat.postMessage", {"channel": "inc-482", "blocks": "{"}, "invalid_blocks_format"),
        ("chat.postMessage", {"channel": "inc-482", "text": "x", "thread_ts": "1.0"}, "cannot_reply_to_message"),
        ("chat.postMessage", {"channel": "inc-482", "text": "x", "markdown_text": "y"}, "markdown_text_conflict"),
        ("chat.postMessage", {"channel": "inc-482", "text": "x", "metadata": {"a": 1}}, "invalid_metadata_format"),
        ("chat.update", {"channel": "inc-482", "ts": "1.0", "text": "x"}, "message_not_found"),
        ("chat.delete", {"channel": "inc-482", "ts": "1.0"}, "message_not_found"),
        ("chat.postEphemeral", {"channel": "inc-482", "user": "U404", "text": "x"}, "user_not_in_channel"),
        ("reactions.add", {"channel": "inc-482", "timestamp": "1.0", "name": "nope_nope"}, "invalid_name"),
        ("reactions.add", {"channel": "inc-482", "timestamp": "x", "name": "eyes"}, "bad_timestamp"),
        ("reactions.get", {}, "no_item_specified"),
        ("users.info", {"user": "U404"}, "user_not_found"),
        ("users.lookupByEmail", {"email": "nobody@practice.example"}, "users_not_found"),
        ("usergroups.users.list", {"usergroup": "S404"}, "no_such_subteam"),
        ("views.open", {"trigger_id": "1.2.3", "view": {"type": "modal"}}, "invalid_arguments"),
        ("conversations.create", {"name": "Bad Name"}, "invalid_name_specials"),
        ("conversations.create", {"name": "inc-482"}, "name_taken"),
        ("conversations.open", {}, "users_list_not_supplied"),
        ("conversations.replies", {"channel": "inc-482", "ts": "1.0"}, "thread_not_found"),
        ("files.completeUploadExternal", {"files": [{"id": "F404"}]}, "file_not_found"),
        ("team.info", {"team": "T404"}, "team_not_found"),
        ("bots.info", {"bot": "B404"}, "bot_not_found"),
    ],
)
async def test_refusals(call: Caller, method: str, args: Json, error: str) -> None:
    answer = await call(method, **args)

    assert answer["error"] == error
    assert call.last_status == 200


async def test_an_update_replaces_blocks_and_only_own_messages(workspace: Workspace, call: Caller, inc: str) -> None:
    divider = [{"type": "divider"}, {"type": "header", "text": {"type": "plain_text", "text": "x"}}]
    ts = (await call("chat.postMessage", channel=inc, text="one", blocks=divider))["ts"]

    answer = await call("chat.update", channel=inc, ts=ts, text="two")

    assert answer["text"] == "two"
    assert "blocks" not in answer["message"]
    assert workspace.message("#inc-482", ts).edited_ts
    assert (await call("chat.update", channel=inc, ts=ts, text="x" * 4001))["error"] == "msg_too_long"
    foreign = workspace.person("bo").say("#inc-482", "mine")
    assert (await call("chat.update", channel=inc, ts=foreign.ts, text="x"))["error"] == "cant_update_message"
    assert (await call("chat.delete", channel=inc, ts=foreign.ts))["error"] == "cant_delete_message"


async def test_long_text_is_cut_and_too_much_in_blocks_refused(call: Caller, inc: str) -> None:
    long = await call("chat.postMessage", channel=inc, text="x" * 40_001)
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2900}}
    heavy = await call("chat.postMessage", channel=inc, text="x", blocks=[section] * 5)

    assert long["warning"] == "message_truncated"
    assert len(long["message"]["text"]) == 40_000
    assert heavy["error"] == "msg_blocks_too_long"


async def test_reactions_are_counted_by_person(workspace: Workspace, call: Caller, inc: str) -> None:
    ts = (await call("chat.postMessage", channel=inc, text="board"))["ts"]
    item = {"channel": inc, "timestamp": ts}
    assert (await call("reactions.add", _style="query", name="thumbsup", **item))["ok"]
    assert (await call("reactions.add", _style="query", name="+1", **item))["error"] == "already_reacted"
    workspace.person("bo").react(workspace.message(inc, ts), "+1")

    answer = await call("reactions.get", _style="get", full="true", **item)

    bo = workspace.person("bo").id
    assert answer["message"]["reactions"] == [{"name": "+1", "users": [workspace.bot_user_id, bo], "count": 2}]
    check_type("RG", answer)
    assert (await call("reactions.remove", _style="query", name="+1", **item))["ok"]
    assert (await call("reactions.remove", _style="query", name="+1", **item))["error"] == "no_reaction"


async def test_an_ephemeral_message_is_in_no_history(workspace: Workspace, call: Caller, inc: str) -> None:
    bo = workspace.person("bo")
    answer = await call("chat.postEphemeral", channel=inc, user=bo.id, text="psst")

    history = await call("conversations.history", _style="get", channel=inc)

    assert history["messages"] == []
    assert [message.text for message in bo.ephemerals("#inc-482")] == ["psst"]
    refused = await call("chat.update", channel=inc, ts=answer["message_ts"], text="x")
    assert refused["error"] == "message_not_found"


async def test_people_carry_all_their_flags(workspace: Workspace, call: Caller) -> None:
    flags = {}
    for name in ("ana", "eve", "sam", "deploybot"):
        answer = await call("users.info", _style="get", user=workspace.person(name).id)
        check_type("UInfo", answer)
        user = answer["user"]
        flags[name] = (
            user["is_restricted"],
            user["is_stranger"],
            user["is_bot"],
            user["team_id"] == workspace.world.team_id,
        )

    assert flags == {
        "ana": (False, False, False, True),
        "eve": (True, False, False, True),
        "sam": (False, True, False, False),
        "deploybot": (False, False, True, True),
    }


async def test_groups_and_their_members(workspace: Workspace, call: Caller) -> None:
    listed = await call("usergroups.list", _style="get", include_users="1")
    group = listed["usergroups"][0]

    members = await call("usergroups.users.list", _style="get", usergroup=group["id"])

    assert members["users"] == group["users"] == [workspace.person(name).id for name in ("bo", "cy", "dee")]
    check_type("UG", members)


async def test_channels(workspace: Workspace, call: Caller, inc: str) -> None:
    info = await call("conversations.info", _style="get", channel=inc)
    check_type("CI", info)
    members = await call("conversations.members", _style="get", channel=inc, limit=3)
    rest = await call(
        "conversations.members", _style="get", channel=inc, cursor=members["response_metadata"]["next_cursor"]
    )
    made = await call("conversations.create", _style="query", name="inc-483")
    bo = workspace.person("bo").id
    invited = await call("conversations.invite", _style="query", channel=made["channel"]["id"], users=bo)
    again = await call("conversations.invite", _style="query", channel=made["channel"]["id"], users=bo)
    topic = await call("conversations.setTopic", _style="query", channel=made["channel"]["id"], topic="hm")
    joined = await call("conversations.join", _style="query", channel=workspace.channel("general").id)
    direct = await call("conversations.open", _style="query", users=bo)
    posted = await call("chat.postMessage", channel=direct["channel"]["id"], text="hello")

    assert info["channel"]["is_ext_shared"]
    assert len(members["members"] + rest["members"]) == len(workspace.channel(inc).members)
    assert invited["ok"]
    assert again["error"] == "already_in_channel"
    assert topic["channel"]["topic"]["value"] == "hm"
    assert joined["channel"]["is_member"]
    assert posted["ok"]


async def test_threads_and_permalinks(call: Caller, inc: str) -> None:
    parent = (await call("chat.postMessage", channel=inc, text="board"))["ts"]
    reply = await call("chat.postMessage", channel=inc, text="step 1", thread_ts=parent)

    thread = await call("conversations.replies", _style="get", channel=inc, ts=parent)
    history = await call("conversations.history", _style="get", channel=inc)
    link = await call("chat.getPermalink", _style="get", channel=inc, message_ts=reply["ts"])

    assert [message["text"] for message in thread["messages"]] == ["board", "step 1"]
    assert thread["messages"][0]["reply_count"] == 1
    assert [message["ts"] for message in history["messages"]] == [parent]
    assert f"thread_ts={parent}" in link["permalink"]


async def test_triggers_work_once_and_not_for_long(workspace: Workspace, call: Caller) -> None:
    ana = workspace.person("ana").id
    view = {"type": "modal", "title": {"type": "plain_text", "text": "T"}, "blocks": [{"type": "divider"}]}
    trigger = workspace.hub.new_trigger(ana)

    first = await call("views.open", trigger_id=trigger, view=view)
    second = await call("views.open", trigger_id=trigger, view=view)
    late = workspace.hub.new_trigger(ana)
    workspace.hub.state.triggers[late].expires = workspace.hub.now() - 0.001

    check_type("VO", without_nulls(first))
    assert second["error"] == "exchanged_trigger_id"
    assert (await call("views.open", trigger_id=late, view=view))["error"] == "expired_trigger_id"
    stale = await call("views.update", view_id=first["view"]["id"], hash="old", view=view)
    assert stale["error"] == "hash_conflict"
    assert (await call("views.update", view_id="V404", view=view))["error"] == "not_found"


async def test_blocks_validate_needs_no_token_and_points_at_the_fault(call: Caller) -> None:
    bad = json.dumps([{"type": "section", "text": {"type": "invalid", "text": "x"}}])

    answer = await call("blocks.validate", "", _style="query", blocks=bad)

    assert answer["error"] == "invalid_blocks"
    assert answer["errors"][0]["pointer"] == "/0/text/type"
    assert (await call("blocks.validate", "", _style="query"))["error"] == "invalid_arguments"
    assert (await call("blocks.validate", "", _style="query", blocks='[{"type":"divider"}]'))["ok"]


async def test_faults_of_the_web_api(workspace: Workspace, call: Caller, inc: str) -> None:
    workspace.fail("chat.postMessage", "ratelimited", seconds=7)
    limited = await call("chat.postMessage", channel=inc, text="x")
    assert (limited["error"], call.last_status, call.last_headers["Retry-After"]) == ("ratelimited", 429, "7")
    assert workspace.messages("#inc-482") == []

    workspace.fail("chat.postMessage", "refuse", error="restricted_action")
    assert (await call("chat.postMessage", channel=inc, text="x"))["error"] == "restricted_action"

    workspace.fail("chat.postMessage", "lose_answer")
    with pytest.raises(ClientConnectionError):
        await call("chat.postMessage", channel=inc, text="it was posted")
    assert [message.text for message in workspace.messages("#inc-482")] == ["it was posted"]
    workspace.fail("chat.postMessage", "hang", seconds=0.05)
    with pytest.raises(ClientConnectionError):
        await call("chat.postMessage", channel=inc, text="posted too")
    assert len(workspace.messages("#inc-482")) == 2

    workspace.fail("chat.postMessage", "server_error")
    with pytest.raises(ContentTypeError) as failed:
        await call("chat.postMessage", channel=inc, text="not posted")
    assert failed.value.status == 503
    assert len(workspace.messages("#inc-482")) == 2

    assert (await call("chat.postMessage", channel=inc, text="x"))["ok"]


async def test_rate_tiers_where_the_world_asks_for_them() -> None:
    async with Workspace.serve(replace(default_world(), enforce_rates=True)) as strict, ClientSession() as session:
        call = Caller(strict, session)
        inc = strict.channel("inc-482").id
        ts = (await call("chat.postMessage", channel=inc, text="board"))["ts"]
        answers = [await call("chat.update", channel=inc, ts=ts, text=f"{number}") for number in range(51)]

    assert [answer["ok"] for answer in answers] == [True] * 50 + [False]
    assert answers[-1]["error"] == "ratelimited"
