"""A newcomer's way through the page, in a real browser: from typing the command to the final summary."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, async_playwright, expect

from bot.stage import Stage, stage
from sandbox.systems.findings import all_right
from sandbox.systems.practice import SYSTEM
from tests.chromium import FLAGS, chromium

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
PATIENCE_MS = 60_000


@pytest.fixture
async def on_stage() -> AsyncIterator[Stage]:
    async with stage(SYSTEM, SYSTEM.scenario("reversible"), pace_s=1.0) as found:
        yield found


@pytest.fixture
async def page(on_stage: Stage) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), headless=True, args=FLAGS)
        opened = await browser.new_page(viewport={"width": 1280, "height": 900})
        opened.set_default_timeout(PATIENCE_MS)
        await opened.goto(on_stage.workspace.url)
        yield opened
        await browser.close()


async def ask(page: Page) -> None:
    """As Ana: /rollback start, the form, first with the wrong name, then the right one, the preview, the request."""
    await page.get_by_test_id("composer").fill("/rollback start")
    await page.get_by_test_id("send").click()
    modal = page.get_by_test_id("modal")
    await modal.get_by_test_id("field-incident").fill("INC-482")
    await modal.get_by_test_id("field-reason").fill("nova API answers 500 since the upgrade")
    await modal.get_by_test_id("field-typed").fill("prod-west")
    await modal.get_by_test_id("modal-submit").click()
    await expect(modal.get_by_test_id("error-typed")).to_contain_text("prod-east")
    await modal.get_by_test_id("field-typed").fill("prod-east")
    await modal.get_by_test_id("modal-submit").click()
    await expect(modal).to_contain_text("What would run", timeout=PATIENCE_MS)
    await expect(modal).to_contain_text("REVERSIBLE", timeout=PATIENCE_MS)
    await modal.get_by_test_id("modal-submit").click()
    await expect(modal).to_contain_text("is up for approval", timeout=PATIENCE_MS)
    await modal.get_by_test_id("modal-cancel").click()


async def as_person(page: Page, name: str) -> None:
    await page.get_by_test_id(f"act-as-{name}").click()


def board(page: Page) -> Locator:
    return page.locator("article[data-testid^='message-']").filter(has_text="prod-east").first


async def test_from_the_command_to_the_summary(page: Page, on_stage: Stage, tmp_path: Path) -> None:
    await ask(page)
    await expect(board(page)).to_contain_text("Approvals: 0 of 2", timeout=PATIENCE_MS)
    await page.screenshot(path=tmp_path / "waiting.png")

    for name in ("bo", "cy"):
        await as_person(page, name)
        await board(page).get_by_test_id("reaction-white_check_mark").click()
    await expect(board(page)).to_contain_text("RUNNING", timeout=PATIENCE_MS)
    await expect(board(page)).to_contain_text("restore the database", timeout=PATIENCE_MS)
    await page.screenshot(path=tmp_path / "running.png")
    await expect(board(page)).to_contain_text("SUCCEEDED", timeout=PATIENCE_MS)
    await board(page).get_by_test_id("thread-link").click()
    await expect(page.get_by_test_id("thread")).to_contain_text("Report of R-1", timeout=PATIENCE_MS)
    await page.screenshot(path=tmp_path / "succeeded.png")

    assert all_right(await on_stage.world.truth())


async def test_who_does_not_count_is_told_why_and_nothing_happens(page: Page, on_stage: Stage) -> None:
    """The requester and a guest react, then somebody vetoes: the board counts none, and nothing ran."""
    await ask(page)
    await board(page).get_by_test_id("reaction-white_check_mark").click()
    await expect(page.locator(".ephemeral").last).to_contain_text("somebody else has to approve")

    await as_person(page, "eve")
    await board(page).get_by_test_id("reaction-white_check_mark").click()
    await expect(page.locator(".ephemeral").last).to_contain_text("guests do not count")
    await expect(board(page)).to_contain_text("Approvals: 0 of 2")

    await as_person(page, "dee")
    await board(page).get_by_test_id("reaction-no_entry_sign").click()
    await expect(board(page)).to_contain_text("VETOED", timeout=PATIENCE_MS)
    assert not all_right(await on_stage.world.truth())


async def test_pause_resume_and_abort_from_the_board(page: Page, on_stage: Stage) -> None:
    """Pause while the services stop, go on, pause again before the restore is possible to undo, and abort."""
    for controller in on_stage.world.in_role("controller"):
        controller.set_pace(6.0)  # enough to press Pause while the services stop
    await ask(page)
    for name in ("bo", "cy"):
        await as_person(page, name)
        await board(page).get_by_test_id("reaction-white_check_mark").click()
    await board(page).get_by_test_id("action-belay_pause").click()
    await expect(board(page)).to_contain_text("PAUSED", timeout=PATIENCE_MS)
    await board(page).get_by_test_id("action-belay_abort").click()
    await page.get_by_test_id("confirm-yes").click()
    await expect(board(page)).to_contain_text("UNWOUND", timeout=PATIENCE_MS)
    run = (await on_stage.service.runs(limit=1))[0]
    assert not run.state.unit("restore-database@controller-1").ever_started
