"""The channel learns that the bot cannot write, once, and that it can again, once; Slack may be away as well."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from bot import slack_outage
from core.run_states import RunStatus
from sandbox.workspace import Timing
from sandbox.workspace.faults import Kind
from store import engines
from tests.bot.slack_world import CHANNEL, Belay, belay

QUICK = Timing(ack_s=0.5, retry_after_s=(0.02, 0.03, 0.05))


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fractions of a second instead of seconds. The writers to Slack may go on as they do."""
    monkeypatch.setattr(engines, "BUSY_MS", 20)
    monkeypatch.setattr(slack_outage, "EVERY_S", 0.05)
    monkeypatch.setattr(slack_outage, "PATIENCE_S", 0.2)


@asynccontextmanager
async def locked(folder: Path) -> AsyncIterator[None]:
    """Another program holds the database's write lock."""
    with closing(sqlite3.connect(folder / "belay.db", check_same_thread=False)) as other:
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
        yield
        other.rollback()


def said(bot: Belay, words: str) -> list[str]:
    return [message.text for message in bot.workspace.messages(CHANNEL) if words in message.text]


async def test_the_channel_is_told_once_and_once_when_it_is_over(tmp_path: Path) -> None:
    async with belay(tmp_path, timing=QUICK) as bot:
        run_id = await bot.start()
        await _one_outage(bot, tmp_path)
        await _one_outage(bot, tmp_path)

        assert len(said(bot, "cannot write to its database")) == 2
        assert len(said(bot, "can write to its database again")) == 2
        assert "locked by another program" in said(bot, "cannot write")[0]
        assert (await bot.view(run_id)).state.status is RunStatus.WAITING


async def _one_outage(bot: Belay, folder: Path) -> None:
    before = len(said(bot, "can write to its database again"))
    async with locked(folder):
        await bot.until(lambda: len(said(bot, "cannot write to its database")) > before)
        await asyncio.sleep(0.3)
    await bot.until(lambda: len(said(bot, "can write to its database again")) > before)
    await asyncio.sleep(0.2)


async def test_a_run_that_began_after_the_last_look_is_told_of_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack_outage, "EVERY_S", 1.0)
    async with belay(tmp_path, timing=QUICK) as bot:
        await bot.board(await bot.start())
        async with locked(tmp_path):
            await bot.until(lambda: said(bot, "cannot write to its database"), timeout_s=10)


async def test_a_moment_without_the_database_is_not_worth_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack_outage, "PATIENCE_S", 5.0)  # a busy machine may make a moment of seconds
    async with belay(tmp_path, timing=QUICK) as bot:
        await bot.start()
        async with locked(tmp_path):
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.3)
        assert said(bot, "its database") == []


async def test_slack_is_away_too_and_both_messages_are_not_lost_nor_doubled(tmp_path: Path) -> None:
    async with belay(tmp_path, timing=QUICK) as bot:
        await bot.start()
        bot.workspace.fail("chat.postMessage", Kind.SERVER_ERROR, times=3)
        async with locked(tmp_path):
            await bot.until(lambda: said(bot, "cannot write to its database"))
        await bot.until(lambda: said(bot, "can write to its database again"))
        await asyncio.sleep(0.2)
        assert len(said(bot, "cannot write to its database")) == 1
        assert len(said(bot, "can write to its database again")) == 1


async def test_reactions_given_during_the_outage_count_after_it(tmp_path: Path) -> None:
    """Slack has given up on the events by then: what stands on the board is read."""
    async with belay(tmp_path, timing=QUICK) as bot:
        run_id = await bot.start()
        board = await bot.board(run_id)
        async with locked(tmp_path):
            for name in ("bo", "cy"):
                bot.person(name).react(board, "white_check_mark")
            await bot.settled()
            assert await bot.counted(run_id) == ()
            await bot.until(lambda: said(bot, "cannot write to its database"))
        async with asyncio.timeout(10):
            while (await bot.view(run_id)).state.status is not RunStatus.SUCCEEDED:
                await bot.service.sweep()
                await asyncio.sleep(0.05)


async def test_where_nothing_is_under_way_nobody_is_bothered(tmp_path: Path) -> None:
    async with belay(tmp_path, timing=QUICK) as bot:
        async with locked(tmp_path):
            await asyncio.sleep(0.5)
        await asyncio.sleep(0.2)
        assert said(bot, "its database") == []
