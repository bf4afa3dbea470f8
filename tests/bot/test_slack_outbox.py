"""What is shown lands: once, in order, the newest state, and an ending always; nothing that runs waits for Slack."""

import asyncio
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bot.slack_budget import Budget, Lane, edit_budget, spacing_s
from core.run_states import RunStatus
from sandbox.workspace import World
from sandbox.workspace.faults import Kind
from sandbox.workspace.messages import Message
from tests.bot.slack_world import CHANNEL, Belay, a_world, belay


async def agreed(bot: Belay) -> tuple[str, Message]:
    run_id = await bot.start()
    board = await bot.board(run_id)
    for name in ("bo", "cy"):
        bot.person(name).react(board, "white_check_mark")
        await bot.settled()
    return run_id, board


def calls(bot: Belay, method: str) -> list[dict[str, Any]]:
    return bot.workspace.log.entries("api", method)


async def test_an_ending_lands_though_slack_wants_fewer_edits(tmp_path: Path) -> None:
    async with belay(tmp_path) as bot:
        bot.workspace.fail("chat.update", Kind.RATE_LIMITED, times=2, seconds=1)

        async def ring() -> None:
            while True:
                bot.front.wake()
                await asyncio.sleep(0.05)

        ringing = asyncio.create_task(ring())
        run_id, _ = await agreed(bot)
        await bot.shows(run_id, "SUCCEEDED")
        ringing.cancel()

        refused = [call for call in calls(bot, "chat.update") if call["status"] == 429]
        assert len(refused) == 2
        after = [call["at"] for call in calls(bot, "chat.update")]
        assert all(later - earlier >= 0.9 for earlier, later in pairwise(after[:3]))


@pytest.mark.parametrize("fault", [Kind.SERVER_ERROR, Kind.LOSE_ANSWER])
async def test_while_slack_is_away_the_run_goes_on_and_the_board_catches_up(tmp_path: Path, fault: Kind) -> None:
    async with belay(tmp_path) as bot:
        run_id = await bot.start()
        board = await bot.board(run_id)
        bot.workspace.fail("chat.update", fault, times=1)
        bot.workspace.fail("chat.postMessage", fault, times=1)
        for name in ("bo", "cy"):
            bot.person(name).react(board, "white_check_mark")
            await bot.settled()

        async with asyncio.timeout(10):
            while (await bot.view(run_id)).state.status is not RunStatus.SUCCEEDED:
                await asyncio.sleep(0.02)

        await bot.shows(run_id, "SUCCEEDED")
        await bot.until(lambda: any("has succeeded" in text for text in bot.thread(board)), timeout_s=10)


async def test_a_message_whose_answer_was_lost_is_found_and_not_posted_again(tmp_path: Path) -> None:
    world = reading_world()
    async with belay(tmp_path, world=world) as bot:
        run_id = await bot.start()
        board = await bot.board(run_id)
        bot.workspace.fail("chat.postMessage", Kind.LOSE_ANSWER, times=1)
        for name in ("bo", "cy"):
            bot.person(name).react(board, "white_check_mark")
            await bot.settled()

        await bot.until(lambda: any("has succeeded" in text for text in bot.thread(board)), timeout_s=10)

        assert len(calls(bot, "conversations.replies")) == 1
        texts = bot.thread(board)
        assert len(texts) == len(set(texts))
        assert run_id in texts[-2] + texts[-1]


async def test_a_board_whose_answer_was_lost_is_found_again(tmp_path: Path) -> None:
    async with belay(tmp_path, world=reading_world()) as bot:
        bot.workspace.fail("chat.postMessage", Kind.LOSE_ANSWER, times=1)

        run_id = await bot.start()

        headers = [m for m in bot.workspace.messages(CHANNEL) if m.blocks and m.blocks[0]["type"] == "header"]
        assert len(headers) == 1
        assert (await bot.board(run_id)) is headers[0]


async def test_a_deleted_board_is_posted_again_and_the_new_one_counts(tmp_path: Path) -> None:
    async with belay(tmp_path) as bot:
        run_id = await bot.start()
        old = await bot.board(run_id)
        bot.workspace.hub.delete(old)
        await bot.person("bo").command(CHANNEL, f"/rollback approve {run_id}")

        await bot.until(lambda: bot.find_board(run_id), timeout_s=10)
        new = bot.find_board(run_id)
        assert new is not None
        async with asyncio.timeout(5):
            while True:
                async with bot.store.look() as tx:
                    if await tx.run_of_message(new.channel, new.ts) == run_id:
                        break
                await asyncio.sleep(0.01)
        bot.person("cy").react(new, "white_check_mark")

        await bot.shows(run_id, "SUCCEEDED")


async def test_blocks_slack_does_not_take_leave_the_sentence(tmp_path: Path) -> None:
    async with belay(tmp_path) as bot:
        run_id = await bot.start()
        board = await bot.board(run_id)
        bot.workspace.fail("chat.update", Kind.REFUSE, times=1, error="msg_blocks_too_long")

        await bot.person("ana").click(board, "belay_withdraw")

        await bot.until(lambda: "is withdrawn" in board.text)
        assert not board.blocks


async def test_without_being_in_the_channel_it_says_so_and_the_run_waits(tmp_path: Path) -> None:
    async with belay(tmp_path) as bot:
        bot.workspace.kick(CHANNEL, "belay")
        line = '/rollback start prod --to newton --reason "wrong answers" --confirm prod'
        seen = await bot.person("ana").command(CHANNEL, line)
        assert "R-1" in (await seen.reply()).text

        async with asyncio.timeout(5):
            while bot.front.health()["trouble"] not in ("not_in_channel", "channel_not_found"):
                await asyncio.sleep(0.01)


async def test_posting_in_an_archived_channel_is_given_up(tmp_path: Path) -> None:
    async with belay(tmp_path) as bot:
        run_id, board = await agreed(bot)
        bot.workspace.archive(CHANNEL, by="ana")
        await bot.settled()

        async with asyncio.timeout(10):
            while (await bot.view(run_id)).state.status is not RunStatus.SUCCEEDED:
                await asyncio.sleep(0.02)
        assert bot.hosts.order[-1] == "do start@c"
        assert board.ts


async def test_starting_while_slack_is_away_connects_later(tmp_path: Path) -> None:
    async with belay(tmp_path, faults={"auth.test": Kind.SERVER_ERROR}) as bot:
        assert bot.front.health()["connected"] is False

        async with asyncio.timeout(10):
            while bot.front.health()["connected"] is False:
                await asyncio.sleep(0.02)
        await bot.start()


async def test_where_slack_enforces_its_rates_no_edit_meets_a_429(tmp_path: Path) -> None:
    """Slack's own tiers are enforced; the budget keeps below them."""
    async with belay(tmp_path, world=a_world(enforce_rates=True), edit_gap_s=1.5) as bot:
        run_id, _ = await agreed(bot)
        await bot.shows(run_id, "SUCCEEDED")

        assert [call for call in calls(bot, "chat.update") if call["status"] == 429] == []


def test_the_reserve_is_for_endings() -> None:
    budget = Budget(most=5, reserve=2)
    for second in range(3):
        assert budget.wait_s(second, Lane.ORDINARY) == 0
        budget.spend(second, Lane.ORDINARY)

    assert budget.wait_s(3, Lane.ORDINARY) == 57
    assert budget.wait_s(3, Lane.URGENT) == 0
    budget.spend(3, Lane.URGENT)
    budget.spend(3, Lane.URGENT)
    assert budget.wait_s(4, Lane.URGENT) == 56
    assert budget.wait_s(60, Lane.URGENT) == 0


def test_what_is_kept_for_standing_messages_is_taken_by_nobody_else() -> None:
    budget = Budget(most=10, reserve=2)
    budget.keep(3)
    for second in range(5):
        assert budget.wait_s(second, Lane.ORDINARY) == 0
        budget.spend(second, Lane.ORDINARY)

    assert budget.wait_s(5, Lane.ORDINARY) == 55
    for second in (5, 6):
        assert budget.wait_s(second, Lane.URGENT) == 0
        budget.spend(second, Lane.URGENT)
    assert budget.wait_s(7, Lane.URGENT) == 53
    for second in (7, 8, 9):
        assert budget.wait_s(second, Lane.STANDING) == 0
        budget.spend(second, Lane.STANDING)
    assert budget.wait_s(10, Lane.STANDING) == 50


def test_after_a_burst_of_others_standing_edits_are_spread_over_what_is_left_of_the_minute() -> None:
    budget = edit_budget()
    for _ in range(40):
        budget.spend(0, Lane.ORDINARY)
    budget.keep(12)

    now_s, edits = 3.0, []
    while now_s < 120:
        assert budget.wait_s(now_s, Lane.STANDING) == 0
        budget.spend(now_s, Lane.STANDING)
        edits.append(now_s)
        now_s += max(5.0, budget.apart_s(now_s))

    assert max(later - earlier for earlier, later in pairwise(edits)) < 7


def test_edits_of_standing_messages_count_for_the_others_when_they_are_over() -> None:
    budget = Budget(most=10, reserve=2)
    budget.keep(3)
    for second in range(3):
        budget.spend(second, Lane.STANDING)
    budget.keep(0)

    for second in range(5):
        assert budget.wait_s(second, Lane.ORDINARY) == 0
        budget.spend(second, Lane.ORDINARY)
    assert budget.wait_s(5, Lane.ORDINARY) > 0


def test_where_all_is_kept_the_others_wait() -> None:
    budget = Budget(most=10, reserve=2)
    budget.keep(8)

    assert budget.wait_s(0, Lane.ORDINARY) > 0
    assert budget.wait_s(0, Lane.URGENT) == 0


@pytest.mark.parametrize("lane", Lane)
def test_after_a_429_nothing_goes_out_before_its_time(lane: Lane) -> None:
    budget = Budget()

    budget.refused(10, 30)

    assert budget.wait_s(11, lane) == 29
    assert budget.wait_s(40, lane) == 0


def test_slacks_fifty_edits_a_minute_are_forty_and_a_reserve() -> None:
    budget = edit_budget(1.5)
    for lane, most in ((Lane.ORDINARY, 40), (Lane.URGENT, 10)):
        for _ in range(most):
            assert budget.wait_s(0, lane) == 0
            budget.spend(0, lane)
        assert budget.wait_s(0, lane) == 60


def test_boards_share_forty_edits_a_minute() -> None:
    for boards in (1, 2, 10, 50):
        assert boards * 60 / spacing_s(boards) <= 40


def reading_world() -> World:
    """The optional scope to read the channel was granted."""
    world = a_world()
    return replace(world, app=replace(world.app, scopes=(*world.app.scopes, "channels:history", "groups:history")))
