"""The control API, the guard around the workspace, and worlds from files."""

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from sandbox.workspace import Workspace, load_world
from sandbox.workspace.world import WorldError

Json = dict[str, Any]


async def post(workspace: Workspace, verb: str, **args: Any) -> tuple[int, Json]:
    async with ClientSession() as session, session.post(f"{workspace.url}_control/{verb}", json=args) as response:
        return response.status, await response.json()


async def test_people_can_be_driven_over_http(workspace: Workspace) -> None:
    _, said = await post(workspace, "say", **{"as": "ana", "channel": "#inc-482", "text": "hello"})
    item = {"channel": "#inc-482", "ts": said["ts"], "name": "thumbsup"}
    _, reacted = await post(workspace, "react", **{"as": "bo", **item})
    status, twice = await post(workspace, "react", **{"as": "bo", **item})

    message = workspace.messages("#inc-482")[0]
    assert reacted["ok"]
    assert (status, twice["error"]) == (400, "bo has already reacted with :+1:")
    assert message.reactions == {"+1": [workspace.person("bo").id]}
    _, undone = await post(workspace, "unreact", **{"as": "bo", **item})
    assert undone["ok"]
    assert message.reactions == {}


@pytest.mark.parametrize(
    ("verb", "args", "error"),
    [
        ("jump", {}, "no verb 'jump'"),
        ("say", {"as": "zoe", "channel": "inc-482", "text": "x"}, "nobody here is called 'zoe'"),
        ("say", {"as": "ana", "channel": "nope", "text": "x"}, "there is no channel 'nope'"),
        ("say", {"as": "ana"}, "the request does not fit the verb"),
        ("submit", {"as": "ana", "view_id": "V1"}, "no longer open"),
        ("react", {"as": "ana", "channel": "inc-482", "ts": "1.0", "name": "eyes"}, "no such message"),
        ("fail", {"as": "ana", "method": "*", "kind": "explode"}, "does not fit the verb"),
    ],
)
async def test_what_does_not_fit_is_refused_with_a_sentence(
    workspace: Workspace, verb: str, args: Json, error: str
) -> None:
    status, answer = await post(workspace, verb, **args)

    assert status in (400, 404)
    assert error in answer["error"]


async def test_faults_are_switched_over_http(workspace: Workspace) -> None:
    await post(workspace, "fail", method="chat.update", kind="ratelimited", times=3, seconds=2)
    _, answer = await post(workspace, "faults", event_delay_s=1.5, duplicate_events=2)
    assert answer["faults"]["event_delay_s"] == 1.5
    assert answer["faults"]["methods"][0]["times"] == 3

    _, cleared = await post(workspace, "faults", clear=True)
    assert cleared["faults"] == {
        "methods": [],
        "duplicate_events": 0,
        "event_delay_s": 0.0,
        "reorder_events": 0,
        "ack_delay_s": 0.0,
    }


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Host": "127.0.0.1.evil.example"}]
)
async def test_other_sites_get_nothing(workspace: Workspace, headers: dict[str, str]) -> None:
    async with ClientSession() as session, session.get(f"{workspace.url}_control/state", headers=headers) as response:
        assert response.status == 403


async def test_a_page_is_sent_only_what_its_person_may_see(workspace: Workspace) -> None:
    ana, inc = workspace.person("ana"), workspace.channel("inc-482").id
    workspace.hub.notice(ana.id, inc, "for ana")
    ana.say("#inc-482", "for all")
    ana.say("#general", "not for sam")
    seen = {}
    for name in ("ana", "bo", "sam"):
        async with ClientSession() as session, session.get(f"{workspace.url}_page/stream?as={name}") as stream:
            first = json.loads((await stream.content.readline()).removeprefix(b"data: "))
            await stream.content.readline()
            workspace.hub.notice(ana.id, inc, f"live for ana, not {name}")
            ana.say("#general", "more for insiders")
            ana.say("#inc-482", f"live for {name}")
            live: list[str] = []
            while not live or live[-1] != f"live for {name}":
                line = await stream.content.readline()
                if line.startswith(b"data: ") and (change := json.loads(line[6:]))["kind"] == "message":
                    live.append(change["message"]["text"])
            seen[name] = {message["text"] for message in first["messages"]}, set(live)

    assert "for ana" in seen["ana"][0]
    assert "live for ana, not ana" in seen["ana"][1]
    assert "for ana" not in seen["bo"][0]
    assert seen["bo"][1] == {"more for insiders", "live for bo"}
    assert "not for sam" not in seen["sam"][0]
    assert seen["sam"][1] == {"live for sam"}


async def test_a_form_cannot_drive_people(workspace: Workspace) -> None:
    async with ClientSession() as session:
        body = '{"as": "ana", "channel": "inc-482", "text": "x"}'
        async with session.post(f"{workspace.url}_control/say", data=body) as response:
            assert response.status == 415
    assert workspace.messages("#inc-482") == []


async def test_files_never_run_as_pages(workspace: Workspace) -> None:
    async with ClientSession() as session, session.get(workspace.url) as response:
        assert "default-src 'self'" in response.headers["Content-Security-Policy"]
    async with ClientSession() as session, session.get(f"{workspace.url}page/server.py") as response:
        assert response.status == 404


def test_a_world_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "world.yaml"
    path.write_text(
        "name: lab\n"
        "people: [{name: kim, title: engineer}, {name: lee, is_restricted: true}]\n"
        "channels: [{name: ops, members: [kim, lee, belay]}]\n"
        "app: {commands: [{command: /rollback, words: [{word: go, description: Goes}]}]}\n"
    )

    world = load_world(path)

    assert [person.name for person in world.people] == ["kim", "lee"]
    assert world.app.commands[0].words[0].word == "go"
    assert world.people[0].id.startswith("U0")
    path.write_text("people: [{nmae: kim}]\n")
    with pytest.raises(WorldError, match=r"people/0/nmae is not known; expected one of .*name"):
        load_world(path)
    path.write_text("people: [{title: kim}]\n")
    with pytest.raises(WorldError, match=r"people/0: .*name"):
        load_world(path)
