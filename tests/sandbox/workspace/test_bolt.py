"""An unchanged slack-bolt app lives in the workspace as it would in Slack, over Socket Mode."""

import asyncio
from typing import Any

import pytest

from sandbox.workspace import Workspace
from sandbox.workspace.errors import PersonError
from tests.sandbox.workspace.conftest import Bolt

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


MODAL: Json = {
    "type": "modal",
    "callback_id": "start",
    "notify_on_close": True,
    "title": plain("Start"),
    "submit": plain("Go"),
    "blocks": [
        {
            "type": "input",
            "block_id": "name",
            "label": plain("Name"),
            "element": {"type": "plain_text_input", "action_id": "typed"},
        },
        {
            "type": "input",
            "optional": True,
            "block_id": "plan",
            "label": plain("Plan"),
            "element": {
                "type": "static_select",
                "action_id": "plan",
                "options": [{"text": plain("One"), "value": "one"}],
            },
        },
    ],
}
BUTTONS: list[Json] = [
    {
        "type": "actions",
        "block_id": "acts",
        "elements": [{"type": "button", "action_id": "go", "value": "r-1", "text": plain("Go")}],
    }
]


async def test_a_command_is_acknowledged_and_answered_to_one_person(workspace: Workspace, bolt: Bolt) -> None:
    seen: list[Json] = []

    @bolt.app.command("/rollback")
    async def on_command(ack: Any, command: Json) -> None:
        seen.append(command)
        await ack(f"you said {command['text']}")

    await bolt.connect()
    ana = workspace.person("ana")

    result = await ana.command("#inc-482", "/rollback start for @bo, @approvers in #general")
    reply = await result.reply()

    bo, general = workspace.person("bo").id, workspace.channel("general").id
    assert result.ack.accepted
    group = next(iter(workspace.hub.state.groups))
    assert seen[0]["text"] == f"start for <@{bo}|bo>, <!subteam^{group}|@approvers> in <#{general}|general>"
    assert reply.only_for == ana.id
    assert reply.text == f"you said {seen[0]['text']}"
    assert workspace.messages("#inc-482") == []
    assert workspace.person("bo").ephemerals() == []


async def test_a_modal_shows_errors_beside_the_field_and_then_closes(workspace: Workspace, bolt: Bolt) -> None:
    states: list[Json] = []

    @bolt.app.command("/rollback")
    async def on_command(ack: Any, command: Json, client: Any) -> None:
        await ack()
        await client.views_open(trigger_id=command["trigger_id"], view=MODAL)

    @bolt.app.view("start")
    async def on_submit(ack: Any, view: Json) -> None:
        states.append(view["state"]["values"])
        if view["state"]["values"]["name"]["typed"]["value"] != "prod-east":
            await ack(response_action="errors", errors={"name": "that is not the name"})
        else:
            await ack()

    await bolt.connect()
    ana = workspace.person("ana")
    modal = await (await ana.command("#inc-482", "/rollback start")).modal()

    empty = await ana.submit(modal)
    wrong = await ana.submit(modal, {"typed": "prod-wets"})
    right = await ana.submit(modal, {"typed": "prod-east", "plan": "one"})

    assert empty.errors == {"name": "Please complete this required field."}
    assert wrong.errors == {"name": "that is not the name"}
    assert wrong.view is modal
    assert right.errors == {}
    assert ana.modal is None
    assert states[0]["plan"]["plan"] == {"type": "static_select", "selected_option": None}
    assert states[1]["plan"]["plan"]["selected_option"]["value"] == "one"
    with pytest.raises(PersonError, match="no longer open"):
        await ana.submit(modal, {"typed": "prod-east"})


async def test_a_modal_is_updated_pushed_and_closed(workspace: Workspace, bolt: Bolt) -> None:
    closed: list[Json] = []
    note: Json = {"type": "modal", "title": plain("Sure?"), "submit": plain("Yes"), "callback_id": "sure", "blocks": []}

    @bolt.app.command("/rollback")
    async def on_command(ack: Any, command: Json, client: Any) -> None:
        await ack()
        opened = await client.views_open(trigger_id=command["trigger_id"], view=MODAL)
        changed = {**MODAL, "title": plain("Ready")}
        await client.views_update(view_id=opened["view"]["id"], hash=opened["view"]["hash"], view=changed)

    @bolt.app.view("start")
    async def on_submit(ack: Any) -> None:
        await ack(response_action="push", view=note)

    @bolt.app.view("sure")
    async def on_sure(ack: Any) -> None:
        await ack(response_action="clear")

    @bolt.app.view_closed("start")
    async def on_closed(ack: Any, body: Json) -> None:
        await ack()
        closed.append(body)

    await bolt.connect()
    ana = workspace.person("ana")
    modal = await (await ana.command("#inc-482", "/rollback start")).modal()
    await workspace.wait_for(lambda: modal.body["title"]["text"] == "Ready")
    pushed = (await ana.submit(modal, {"typed": "x"})).view
    assert pushed is not None
    assert pushed.previous_id == modal.id

    await ana.submit(pushed)
    assert ana.modal is None

    again = await (await ana.command("#inc-482", "/rollback start")).modal()
    await workspace.wait_for(lambda: again.body["title"]["text"] == "Ready")
    await ana.close(again)
    assert closed[0]["view"]["id"] == again.id


async def test_reactions_are_told_with_their_one_name_and_skin_tone(workspace: Workspace, bolt: Bolt) -> None:
    events: asyncio.Queue[tuple[str, str, str]] = asyncio.Queue()

    @bolt.app.event("reaction_added")
    async def on_added(event: Json) -> None:
        events.put_nowait(("+", event["reaction"], event["user"]))

    @bolt.app.event("reaction_removed")
    async def on_removed(event: Json) -> None:
        events.put_nowait(("-", event["reaction"], event["user"]))

    await bolt.connect()
    posted = await bolt.app.client.chat_postMessage(channel=workspace.channel("inc-482").id, text="board")
    board = workspace.message("#inc-482", posted["ts"])
    bo, cy = workspace.person("bo"), workspace.person("cy")

    bo.react(board, "thumbsup")
    cy.react(board, "+1::skin-tone-3")
    bo.unreact(board, "+1")
    told = {await asyncio.wait_for(events.get(), 5) for _ in range(3)}

    # a set: each event has its own task in bolt, so the order is not promised
    assert told == {("+", "+1", bo.id), ("+", "+1::skin-tone-3", cy.id), ("-", "+1", bo.id)}
    assert board.reactions == {"+1::skin-tone-3": [cy.id]}
    with pytest.raises(PersonError, match="already reacted"):
        cy.react(board, "thumbsup::skin-tone-3")


async def test_the_bots_own_reactions_are_told_too(workspace: Workspace, bolt: Bolt) -> None:
    await bolt.connect()
    channel = workspace.channel("inc-482").id
    posted = await bolt.app.client.chat_postMessage(channel=channel, text="board")

    await bolt.app.client.reactions_add(channel=channel, timestamp=posted["ts"], name="white_check_mark")

    sent = await workspace.wait_for(lambda: workspace.log.entries("envelope", "reaction_added"))
    assert sent[0]["payload"]["event"]["user"] == workspace.bot_user_id


async def test_a_button_brings_the_message_and_a_working_response_url(workspace: Workspace, bolt: Bolt) -> None:
    bodies: list[Json] = []

    @bolt.app.action("go")
    async def on_go(ack: Any, body: Json, respond: Any) -> None:
        await ack()
        bodies.append(body)
        await respond("only you see this")
        await respond("changed", replace_original=True)

    await bolt.connect()
    posted = await bolt.app.client.chat_postMessage(
        channel=workspace.channel("inc-482").id, text="board", blocks=BUTTONS
    )
    board = workspace.message("#inc-482", posted["ts"])
    bo = workspace.person("bo")

    clicked = await bo.click(board, "go")

    assert (await clicked.reply()).text == "only you see this"
    await workspace.wait_for(lambda: board.text == "changed")
    assert bodies[0]["actions"][0]["value"] == "r-1"
    assert bodies[0]["message"]["ts"] == board.ts
    assert bodies[0]["user"]["id"] == bo.id


async def test_a_response_url_works_five_times(workspace: Workspace, bolt: Bolt) -> None:
    @bolt.app.command("/rollback")
    async def on_command(ack: Any, respond: Any) -> None:
        await ack()
        for number in range(6):
            await respond(f"{number}")

    await bolt.connect()
    ana = workspace.person("ana")
    await ana.command("#inc-482", "/rollback help")

    await workspace.wait_for(lambda: len(workspace.log.entries("hook")) == 6)
    assert [message.text for message in ana.ephemerals()] == ["0", "1", "2", "3", "4"]
    assert workspace.log.entries("hook")[-1]["error"] == "used_url"


async def test_a_file_is_uploaded_and_shown(workspace: Workspace, bolt: Bolt) -> None:
    channel = workspace.channel("inc-482").id

    await bolt.app.client.files_upload_v2(
        channel=channel, content="line\n" * 10, filename="run.log", title="Log", initial_comment="all of it"
    )

    message = workspace.messages("#inc-482")[0]
    assert message.text == "all of it"
    assert message.files[0]["title"] == "Log"
    assert message.files[0]["size"] == 50


async def test_app_home_is_published_when_opened(workspace: Workspace, bolt: Bolt) -> None:
    @bolt.app.event("app_home_opened")
    async def on_home(event: Json, client: Any) -> None:
        home = {"type": "home", "blocks": [{"type": "header", "text": plain("Runs")}, *BUTTONS]}
        await client.views_publish(user_id=event["user"], view=home)

    @bolt.app.action("go")
    async def on_go(ack: Any, body: Json, client: Any) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=MODAL)

    await bolt.connect()
    cy = workspace.person("cy")
    cy.open_home()
    home = await workspace.wait_for(lambda: cy.home)
    assert home is not None
    assert home.body["blocks"][0]["text"]["text"] == "Runs"

    modal = await (await cy.click(home, "go")).modal()
    assert modal.owner == cy.id

    cy.open_home()
    await workspace.wait_for(lambda: len(workspace.log.entries("envelope", "app_home_opened")) == 2)
    assert workspace.log.entries("envelope", "app_home_opened")[1]["payload"]["event"]["view"]["id"] == home.id


async def test_people_are_held_back_as_by_the_client(workspace: Workspace) -> None:
    sam, ana = workspace.person("sam"), workspace.person("ana")

    with pytest.raises(PersonError, match="sam is not in #general"):
        sam.say("#general", "hello")
    with pytest.raises(PersonError, match="nobody here is called"):
        workspace.person("zoe")
    unknown = await ana.command("#inc-482", "/nope")
    assert (await unknown.reply()).text == "/nope is not a valid command."
    message = ana.say("#inc-482", "a <b> & @bo")
    threaded = await ana.command("#inc-482", "/rollback status", thread_ts=message.ts)
    assert "not supported in threads" in (await threaded.reply()).text
    assert message.text == f"a &lt;b&gt; &amp; <@{workspace.person('bo').id}|bo>"
    workspace.change_person("bo", deleted=True)
    with pytest.raises(PersonError, match="deactivated"):
        workspace.person("bo").react(message, "eyes")
    assert workspace.log.entries("envelope") == []
