"""
Slack misbehaves while a rollback goes on: the run does not wait, nothing is said twice, and what is true lands.

The workspace is local and its faults are switches; what lasts minutes at Slack's lasts fractions of a second here.
"""

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from core.action import Ended
from core.run_states import RunStatus
from sandbox.workspace import Timing, World
from sandbox.workspace.faults import Kind
from sandbox.workspace.messages import Message
from tests.bot.slack_world import CHANNEL, Belay, a_world, belay

#: An event nobody acknowledged comes again three times, within a tenth of a second.
QUICK = Timing(ack_s=0.5, retry_after_s=(0.02, 0.03, 0.05))


@pytest.fixture
def reading() -> World:
    """The app may read the channel, so that it can find what it posted before an answer was lost."""
    world = a_world()
    return replace(world, app=replace(world.app, scopes=(*world.app.scopes, "channels:history", "groups:history")))


async def _agree(bot: Belay, board: Message) -> None:
    for name in ("bo", "cy"):
        bot.person(name).react(board, "white_check_mark")
        await bot.settled()


async def _ends_well(bot: Belay, run_id: str, timeout_s: float = 15) -> Message:
    """The run succeeds, its one board says so, everything is in the thread, and nothing stands there twice."""
    async with asyncio.timeout(timeout_s):
        while (await bot.view(run_id)).state.status is not RunStatus.SUCCEEDED:
            await bot.service.sweep()  # as every few seconds in service
            await asyncio.sleep(0.05)
    assert set(bot.hosts.effects.values()) == {1}
    board = await bot.shows(run_id, "SUCCEEDED", timeout_s)
    async with asyncio.timeout(timeout_s):
        while await _left_to_send(bot):
            await asyncio.sleep(0.02)
    assert len(_boards(bot)) == 1
    keys = Counter(_key(message) for message in bot.workspace.messages(CHANNEL, thread_ts=board.ts))
    assert [key for key, times in keys.items() if key and times > 1] == []
    return board


async def _left_to_send(bot: Belay) -> int:
    async with bot.store.look() as tx:
        return len(await tx.outbox()) + len(await tx.boards_behind())


def _boards(bot: Belay) -> list[Message]:
    return [m for m in bot.workspace.messages(CHANNEL) if m.blocks and m.blocks[0]["type"] == "header"]


def _files(bot: Belay, board: Message) -> list[Message]:
    return [m for m in bot.workspace.messages(CHANNEL, thread_ts=board.ts) if m.files]


def _key(message: Message) -> str:
    return str(((message.metadata or {}).get("event_payload") or {}).get("key", ""))


#: What the bot asks of Slack from its start to the end of a run. Dialogs are left out: a person opens them again.
BEFORE = ("auth.test", "bots.info", "apps.connections.open")
MEANWHILE = (
    "chat.postMessage",
    "chat.update",
    "reactions.add",
    "reactions.get",
    "users.info",
    "files.getUploadURLExternal",
    "files.completeUploadExternal",
    "chat.postEphemeral",
)
#: What it asks only where an answer was lost; and the bytes of a file, which go to an address of their own.
OTHERS = ("conversations.history", "conversations.replies", "file upload")


@pytest.mark.parametrize("kind", [Kind.RATE_LIMITED, Kind.SERVER_ERROR])
async def test_every_method_fails_now_and_then(tmp_path: Path, kind: Kind) -> None:
    async with belay(tmp_path, timing=QUICK, faults=dict.fromkeys(BEFORE, kind)) as bot:
        await bot.until(lambda: bot.workspace.connections > 0, timeout_s=10)
        for method in MEANWHILE:
            if method != "users.info":  # who cannot be told apart from a stranger is asked to try again
                bot.workspace.fail(method, kind, times=2, seconds=0.5)
        run_id = await bot.start()
        bot.workspace.fail("users.info", kind, times=2, seconds=0.5)
        await _agree(bot, await bot.board(run_id))
        await _ends_well(bot, run_id, timeout_s=60)
        called = {str(call["name"]) for call in bot.workspace.log.entries("api")}
        assert called - {*BEFORE, *MEANWHILE, *OTHERS} == set()
        assert {fault.method for fault in bot.workspace.faults.methods} <= {"chat.postEphemeral"}


async def test_a_message_is_found_again_in_a_long_thread(tmp_path: Path, reading: World) -> None:
    """Slack hands out two hundred replies at a time, the oldest first."""
    async with belay(tmp_path, timing=QUICK, world=reading) as bot:
        run_id = await bot.start()
        board = await bot.board(run_id)
        for number in range(220):
            bot.person("dee").say(CHANNEL, f"and another thing, no {number}", thread_ts=board.ts)
        bot.workspace.fail("chat.postMessage", Kind.LOSE_ANSWER)
        await _agree(bot, board)
        await _ends_well(bot, run_id)


async def test_what_a_run_asks_while_slack_is_away_is_asked_when_it_is_back(tmp_path: Path) -> None:
    """A step fails and nobody can be told; later the board asks, and a person decides on it."""
    async with belay(tmp_path, timing=QUICK) as bot:
        bot.hosts.hold["stop@a"] = asyncio.Event()
        bot.hosts.answers["stop@a.do"] = lambda _action, _host: Ended(exit_code=7)
        run_id = await bot.start()
        await _agree(bot, await bot.board(run_id))
        await bot.hosts.started["stop@a"].wait()
        await _slack_goes(bot)
        bot.hosts.hold["stop@a"].set()
        async with asyncio.timeout(10):
            while (await bot.view(run_id)).state.status is not RunStatus.NEEDS_PERSON:
                await asyncio.sleep(0.02)

        bot.workspace.faults.clear()
        board = await bot.shows(run_id, "NEEDS", timeout_s=25)
        del bot.hosts.answers["stop@a.do"]
        bot.hosts.effects.clear()  # what failed is done once more, and is the only one to have had an effect
        await bot.until(lambda: bot.workspace.connections > 0, timeout_s=25)
        await bot.person("ana").click(board, "belay_retry")
        await _ends_well(bot, run_id, timeout_s=25)


@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update", "reactions.get", "users.info"])
async def test_an_answer_that_is_lost_is_not_a_second_message(tmp_path: Path, reading: World, method: str) -> None:
    """Slack did what it was asked, and the connection was cut before it said so; twice in a row."""
    async with belay(tmp_path, timing=QUICK, world=reading) as bot:
        if method == "chat.postMessage":
            bot.workspace.fail(method, Kind.LOSE_ANSWER, times=2)
        run_id = await bot.start()
        if method != "chat.postMessage":
            bot.workspace.fail(method, Kind.LOSE_ANSWER, times=2)
        await _agree(bot, await bot.board(run_id))
        await _ends_well(bot, run_id)


@pytest.mark.parametrize("then", [Kind.RATE_LIMITED, Kind.SERVER_ERROR])
@pytest.mark.parametrize("lost", ["the board", "a message", "the report"])
async def test_what_may_stand_there_is_not_posted_again_before_it_was_looked_for(
    tmp_path: Path, reading: World, lost: str, then: Kind
) -> None:
    """The answer to a post is lost, and the look for it is refused: that says nothing about what was posted."""
    method = "files.completeUploadExternal" if lost == "the report" else "chat.postMessage"
    async with belay(tmp_path, timing=QUICK, world=reading) as bot:
        bot.workspace.fail("conversations.history" if lost == "the board" else "conversations.replies", then)
        if lost == "the board":
            bot.workspace.fail(method, Kind.LOSE_ANSWER)
        run_id = await bot.start()
        if lost != "the board":
            bot.workspace.fail(method, Kind.LOSE_ANSWER)
        await _agree(bot, await bot.board(run_id))
        board = await _ends_well(bot, run_id)
        assert not bot.workspace.faults.methods
        assert len(_files(bot, board)) == 1


async def test_sockets_are_cut_again_and_again(tmp_path: Path) -> None:
    async with belay(tmp_path, timing=QUICK) as bot:

        async def cut() -> None:
            while True:
                bot.workspace.drop_sockets()
                await asyncio.sleep(0.3)

        run_id = await bot.start()
        board = await bot.board(run_id)
        cutting = asyncio.create_task(cut())
        bot.person("bo").react(board, "white_check_mark")
        bot.person("cy").react(board, "white_check_mark")
        await asyncio.sleep(1)
        cutting.cancel()
        with suppress(asyncio.CancelledError):
            await cutting
        await _ends_well(bot, run_id)


async def test_events_come_twice_late_and_in_the_wrong_order(tmp_path: Path) -> None:
    """A reaction given and taken back arrives as taken back and given: what stands on the board decides."""
    async with belay(tmp_path, timing=QUICK) as bot:
        run_id = await bot.start()
        board = await bot.board(run_id)
        bot.workspace.faults.event_delay_s = 0.2
        bot.workspace.faults.reorder_events = 2
        cy = bot.person("cy")
        cy.react(board, "white_check_mark")
        cy.unreact(board, "white_check_mark")
        await bot.settled()
        bot.workspace.faults.duplicate_events = 10
        bot.person("bo").react(board, "white_check_mark")
        await bot.settled()

        # Cy's late "yes" is recorded, but the claim asks Slack what stands: nobody but Bo.
        view = await bot.view(run_id)
        assert view.state.status is RunStatus.WAITING
        assert not bot.hosts.effects

        cy.react(board, "white_check_mark")
        await bot.settled()
        await _ends_well(bot, run_id)
        approved = Counter(approval.person for approval in (await bot.view(run_id)).state.approvals)
        assert approved == {"bo": 1, "cy": 1}


async def test_slack_is_away_for_long_and_what_was_agreed_meanwhile_counts(tmp_path: Path) -> None:
    """No call is answered, no socket is taken and no event comes: all of them were given up when Slack is back."""
    async with belay(tmp_path, timing=QUICK) as bot:
        run_id = await bot.start()
        board = await bot.board(run_id)
        await _first_look_is_over(bot)
        await _slack_goes(bot)
        for name in ("bo", "cy"):
            bot.person(name).react(board, "white_check_mark")
        await bot.settled()
        await asyncio.sleep(0.5)
        assert await bot.counted(run_id) == ()

        bot.workspace.faults.clear()
        await _ends_well(bot, run_id, timeout_s=25)


async def test_slack_is_away_while_the_run_goes_on(tmp_path: Path) -> None:
    """The board is stale for as long as it lasts; the run is not, and its end lands."""
    async with belay(tmp_path, timing=QUICK) as bot:
        bot.hosts.hold["stop@a"] = asyncio.Event()
        run_id = await bot.start()
        await _agree(bot, await bot.board(run_id))
        await bot.hosts.started["stop@a"].wait()
        await _slack_goes(bot)
        bot.hosts.hold["stop@a"].set()
        async with asyncio.timeout(10):
            while (await bot.view(run_id)).state.status is not RunStatus.SUCCEEDED:
                await asyncio.sleep(0.02)
        shown = bot.find_board(run_id)
        assert shown is not None
        assert "succeeded" not in shown.text.lower()

        bot.workspace.faults.clear()
        await _ends_well(bot, run_id, timeout_s=25)


async def _first_look_is_over(bot: Belay) -> None:
    """The reactions on a new board are read once; what is tested must not be counted by that look."""
    looks = bot.workspace.log
    await bot.until(lambda: any(look.get("state") != "running" for look in looks.entries("api", "reactions.get")))


async def _slack_goes(bot: Belay) -> None:
    bot.workspace.fail("*", Kind.SERVER_ERROR, times=None)
    bot.workspace.drop_sockets()
    await bot.until(lambda: bot.workspace.connections == 0)


async def test_who_somebody_is_comes_late_and_their_reaction_counts_all_the_same(tmp_path: Path) -> None:
    """users.info says 429: that is no reason to forget a reaction that stands on the board."""
    async with belay(tmp_path, timing=QUICK) as bot:
        run_id = await bot.start()
        board = await bot.board(run_id)
        await _first_look_is_over(bot)
        bot.workspace.fail("users.info", Kind.RATE_LIMITED, times=3)
        bot.person("bo").react(board, "white_check_mark")
        await bot.settled()
        async with asyncio.timeout(10):
            while await bot.counted(run_id) != ("bo",):
                await asyncio.sleep(0.02)
