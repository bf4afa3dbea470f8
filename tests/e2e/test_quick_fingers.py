"""People who react faster than the bot can write down where its board stands."""

import asyncio

import pytest

from bot.script import Script, Story
from bot.stage import stage
from core.run_states import RunStatus
from sandbox.systems.practice import SYSTEM
from store.transaction import Transaction


async def test_reactions_that_come_before_the_board_is_written_down_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both approvers react while the place of the board is still being written: they are counted right after."""
    real, told = Transaction.place_board, asyncio.Event()

    async def slow(self: Transaction, run_id: str, channel: str, ts: str) -> None:
        told.set()
        await asyncio.sleep(1.0)  # the database takes its time; both reactions arrive meanwhile
        await real(self, run_id, channel, ts)

    monkeypatch.setattr(Transaction, "place_board", slow)
    story = Story(started=asyncio.get_running_loop().time(), tell=lambda _at, _text: None)
    async with stage(SYSTEM, SYSTEM.scenario("reversible")) as found:
        outcome = await Script(stage=found, plan="newton", story=story).play()

    assert told.is_set()
    assert outcome.view is not None
    assert outcome.view.state.status is RunStatus.SUCCEEDED
