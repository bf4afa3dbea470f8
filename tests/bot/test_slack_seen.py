"""A click answers the question its person saw, for the plan they saw, and no other."""

import pytest

from bot.slack_dialogs import check_seen
from bot.views_buttons import Clicked, read_value, value_of
from core.codec import to_data
from core.errors import RefusedError
from core.journal import Kind
from core.state import Ask
from core.wishes import Draft
from tests.commands import stories
from tests.fakes import FakeService, actor


async def test_a_click_on_an_answered_question_is_refused() -> None:
    """The same words asked again are another question: an old click, delivered late, must not answer it."""
    service = FakeService()
    run_id = await stories.failed(service)
    clicked = read_value(value_of(await service.run(run_id)))
    await check_seen(service, clicked)

    reason = "systemd says dead"
    await service.retry(run_id, actor("bo"), ["stop-api@controller-1"])
    await service.settle(run_id, actor("bo"), "stop-api@controller-2", "done", reason=reason)
    with pytest.raises(RefusedError, match="answered meanwhile"):
        await check_seen(service, clicked)

    again = Ask(reason="stop-api@controller-1 failed", units=("stop-api@controller-1",), choices=("retry", "skip"))
    service.play(run_id, Draft(kind=Kind.ASKED, data=to_data(again)))
    with pytest.raises(RefusedError, match="answered meanwhile"):
        await check_seen(service, clicked)
    await check_seen(service, read_value(value_of(await service.run(run_id))))


async def test_a_click_on_another_plan_is_refused() -> None:
    service = FakeService()
    run_id = await stories.failed(service)

    with pytest.raises(RefusedError, match="what you clicked shows plan"):
        await check_seen(service, Clicked(run_id, "00000000"))
