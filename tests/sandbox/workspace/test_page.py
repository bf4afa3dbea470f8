"""The page in a real browser, with a small bolt app behind it: what a newcomer does first."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright, expect

from sandbox.workspace import Workspace
from tests.chromium import FLAGS, chromium
from tests.sandbox.workspace.conftest import Bolt

pytestmark = [pytest.mark.browser, pytest.mark.timeout(90)]

Json = dict[str, Any]
NASTY = "<img src=x onerror=alert(1)> &lt;script&gt;alert(2)&lt;/script&gt; <javascript:alert(3)|click me>"


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def board(word: str) -> list[Json]:
    go = {"type": "button", "action_id": "approve", "style": "primary", "text": plain("Approve")}
    veto = {"type": "button", "action_id": "veto", "style": "danger", "text": plain("Veto"), "confirm": SURE}
    steps = [{"type": "task_card", "task_id": "1", "title": "stop services", "status": "complete"}]
    return [
        {"type": "header", "text": plain("Rollback R-17 of prod-east")},
        {"type": "section", "text": {"type": "mrkdwn", "text": f"*{word}* `3f9c12ab` :eyes: _really_"}},
        {"type": "plan", "title": "Steps", "tasks": steps},
        {"type": "actions", "elements": [go, veto]},
    ]


SURE: Json = {"title": plain("Veto it?"), "text": plain("It ends."), "confirm": plain("Veto"), "deny": plain("Back")}
MODAL: Json = {
    "type": "modal",
    "callback_id": "start",
    "title": plain("Start a rollback"),
    "submit": plain("Ask"),
    "blocks": [
        {
            "type": "input",
            "block_id": "target",
            "label": plain("Target"),
            "element": {
                "type": "static_select",
                "action_id": "target",
                "options": [{"text": plain("prod-east"), "value": "prod-east"}],
            },
        },
        {
            "type": "input",
            "block_id": "again",
            "label": plain("Type its name again"),
            "element": {"type": "plain_text_input", "action_id": "again"},
        },
    ],
}


def add_listeners(bolt: Bolt, channel: str) -> None:
    @bolt.app.command("/rollback")
    async def on_command(ack: Any, command: Json, client: Any) -> None:
        await ack()
        await client.views_open(trigger_id=command["trigger_id"], view=MODAL)

    @bolt.app.view("start")
    async def on_submit(ack: Any, view: Json, client: Any) -> None:
        if view["state"]["values"]["again"]["again"]["value"] != "prod-east":
            await ack(response_action="errors", errors={"again": "This is not prod-east."})
            return
        await ack()
        posted = await client.chat_postMessage(channel=channel, text="R-17", blocks=board("WAITING"))
        await client.chat_postMessage(channel=channel, text=NASTY, thread_ts=posted["ts"])
        await client.files_upload_v2(channel=channel, content="done\n", filename="r-17.log", title="The log")

    @bolt.app.action("approve")
    async def on_approve(ack: Any, body: Json, client: Any, respond: Any) -> None:
        await ack()
        await client.chat_update(channel=channel, ts=body["message"]["ts"], text="R-17", blocks=board("RUNNING"))
        await respond("Your approval counts.", replace_original=False)

    @bolt.app.event("app_home_opened")
    async def on_home(event: Json, client: Any) -> None:
        home = {"type": "home", "blocks": [{"type": "header", "text": plain("Live rollbacks")}]}
        await client.views_publish(user_id=event["user"], view=home)

    @bolt.app.event("reaction_added")
    async def on_reaction() -> None: ...


@pytest.fixture
async def page(workspace: Workspace, tmp_path: Path) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), headless=True, args=FLAGS)
        opened = await browser.new_page(viewport={"width": 1280, "height": 800})
        problems: list[str] = []
        opened.on("pageerror", lambda error: problems.append(str(error)))
        opened.on("dialog", lambda dialog: problems.append(f"a script ran: {dialog.message}"))
        await opened.goto(workspace.url)
        await expect(opened.locator("body[data-ready]")).to_be_visible()
        yield opened
        await opened.screenshot(path=tmp_path / "last.png")
        await browser.close()
        assert problems == []


async def start(page: Page) -> None:
    """Types the command by completion and submits the modal, wrongly first."""
    composer = page.get_by_test_id("composer")
    await composer.press_sequentially("/ro")
    await expect(page.get_by_role("option", name="/rollback").first).to_be_visible()
    await composer.press("Tab")
    await page.get_by_role("option", name="/rollback start").click()
    await composer.press("Enter")
    dialog = page.get_by_role("dialog", name="Start a rollback")
    await dialog.get_by_label("Target").select_option("prod-east")
    await dialog.get_by_label("Type its name again").fill("prod-wets")
    await dialog.get_by_role("button", name="Ask").click()
    await expect(page.get_by_test_id("error-again")).to_contain_text("This is not prod-east.")
    await expect(dialog.get_by_label("Target")).to_have_value("prod-east")
    await dialog.get_by_label("Type its name again").fill("prod-east")
    await dialog.get_by_role("button", name="Ask").click()
    await expect(dialog).to_be_hidden()


async def test_from_the_command_to_the_approval(workspace: Workspace, bolt: Bolt, page: Page, tmp_path: Path) -> None:
    add_listeners(bolt, workspace.channel("inc-482").id)
    await bolt.connect()
    await start(page)
    ts = (await workspace.wait_for(lambda: workspace.messages("#inc-482")))[0].ts
    shown = page.locator("#messages").get_by_test_id(f"message-{ts}")
    await expect(shown.get_by_role("heading")).to_have_text("Rollback R-17 of prod-east")
    await expect(shown.locator("strong", has_text="WAITING")).to_be_visible()

    await page.get_by_test_id("act-as-bo").click()
    await expect(page.locator("body[data-ready=bo]")).to_be_visible()
    await shown.hover()
    await shown.get_by_test_id("react-white_check_mark").click()
    pressed = shown.get_by_test_id("reaction-white_check_mark")
    await expect(pressed).to_have_attribute("aria-pressed", "true")
    assert workspace.messages("#inc-482")[0].reactions == {"white_check_mark": [workspace.person("bo").id]}
    await pressed.click()
    await expect(pressed).to_have_count(0)
    await shown.hover()
    await shown.get_by_test_id("react-more").first.click()
    await page.get_by_test_id("tone-4").click()
    await page.get_by_test_id("pick-+1").click()
    await expect(shown.get_by_test_id("reaction-+1::skin-tone-4")).to_be_visible()

    await shown.get_by_role("button", name="Approve").click()
    await expect(shown.locator("strong", has_text="RUNNING")).to_be_visible()
    await expect(page.get_by_text("Only visible to you")).to_be_visible()
    await shown.get_by_role("button", name="Veto").click()
    await page.get_by_test_id("confirm-deny").click()
    await page.screenshot(path=tmp_path / "approved.png")


async def test_thread_file_home_and_inspector(workspace: Workspace, bolt: Bolt, page: Page, tmp_path: Path) -> None:
    add_listeners(bolt, workspace.channel("inc-482").id)
    await bolt.connect()
    await start(page)
    await page.get_by_test_id("thread-link").click()
    thread = page.get_by_test_id("thread")
    await expect(thread.get_by_text("<script>alert(2)</script>")).to_be_visible()
    assert await thread.locator("img[src=x], script, a[href^=javascript]").count() == 0
    await thread.get_by_test_id("composer-thread").fill("looking *now*")
    await thread.get_by_test_id("composer-thread").press("Enter")
    await expect(thread.locator("strong", has_text="now")).to_be_visible()
    await expect(page.get_by_test_id("thread-link")).to_contain_text("2 replies")

    parent, reply = workspace.messages("#inc-482")[:2]
    link = await bolt.app.client.chat_getPermalink(channel=parent.channel, message_ts=reply.ts)
    await page.goto(link["permalink"])
    await expect(page.get_by_test_id("thread").get_by_test_id(f"message-{reply.ts}")).to_be_in_viewport()

    await expect(page.get_by_text("The log")).to_be_visible()
    await page.get_by_role("button", name="View").click()
    await expect(page.locator(".file-preview")).to_have_text("done\n")

    await bolt.app.client.pins_add(channel=parent.channel, timestamp=parent.ts)
    for number in range(30):
        workspace.person("cy").say("#inc-482", f"chatter {number}")
    shown = page.locator("#messages").get_by_test_id(f"message-{parent.ts}")
    await expect(page.locator("#messages").get_by_text("chatter 29")).to_be_in_viewport()
    await expect(shown).not_to_be_in_viewport()
    await page.get_by_test_id("pinned").click()
    await expect(shown).to_be_in_viewport()
    workspace.person("cy").say("#inc-482", "one more")
    await page.get_by_role("button", name="New messages").click()
    await expect(page.locator("#messages").get_by_text("one more")).to_be_in_viewport()

    await page.get_by_test_id("inspector-button").click()
    inspector = page.get_by_test_id("inspector")
    await expect(inspector.locator(".entry", has_text="view_submission").first).to_contain_text("acked")
    await inspector.get_by_role("button", name="Add").click()
    await expect(inspector.locator(".active")).to_contain_text("429")
    assert len(workspace.faults.methods) == 1
    await inspector.get_by_role("button", name="Clear all faults").click()
    await expect(inspector.locator(".active")).to_have_count(0)

    await page.get_by_test_id("app-home").click()
    await expect(page.get_by_role("heading", name="Live rollbacks")).to_be_visible()
    await page.screenshot(path=tmp_path / "home.png")
