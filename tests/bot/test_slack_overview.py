"""Many runs at once: one message a channel shows all of them, whatever dies, is lost or deleted meanwhile."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bot import slack_overview
from bot.slack_budget import Lane
from bot.slack_crowd import Crowd, crowd_of
from bot.views_overview import Summary, summary
from core.action import Action, Ended
from core.run import RunView
from core.run_states import RunStatus
from core.target import Host
from sandbox.workspace import World
from sandbox.workspace.faults import Kind
from sandbox.workspace.messages import Message
from store.records import Overview
from tests.bot.slack_world import CHANNEL, Belay, a_world, belay, header_of
from tests.bot.test_slack_outbox import calls, reading_world

#: Three runs are a crowd: taking turns, each board would be edited every 0.75 s, and 0.6 s is what is wanted.
QUICK: dict[str, Any] = {"edit_gap_s": 0.25, "fresh_s": 0.6}
OTHER = "inc-483"
TO_COME = "An overview of the rollbacks under way"
HELD = "stop@a"


def targets(count: int = 3, channel: str = CHANNEL) -> dict[str, str]:
    return {f"{channel}-{n}": channel for n in range(count)}


@asynccontextmanager
async def held(
    folder: Path, inventory: dict[str, str] | None = None, *, idle: int = 0, **more: Any
) -> AsyncIterator[tuple[Belay, dict[str, str]]]:
    """The bot with a run on each target but the last *idle*, all in the middle of a step until `go`; target -> run."""
    inventory = inventory or targets()
    async with belay(folder, targets=inventory, **{**QUICK, **more}) as bot:
        bot.hosts.hold[HELD] = asyncio.Event()
        yield bot, {name: await under_way(bot, name) for name in list(inventory)[: len(inventory) - idle]}


async def under_way(bot: Belay, target: str) -> str:
    run_id = await bot.start(target=target)
    await agree(bot, run_id)
    return run_id


async def agree(bot: Belay, run_id: str) -> None:
    board = await bot.board(run_id)
    for name in ("bo", "cy"):
        bot.person(name).react(board, "white_check_mark")
        await bot.settled()
    await until_status(bot, run_id, RunStatus.RUNNING)


async def until_status(bot: Belay, run_id: str, status: RunStatus) -> None:
    async with asyncio.timeout(10):
        while (await bot.view(run_id)).state.status is not status:
            await asyncio.sleep(0.01)


def go(bot: Belay) -> None:
    bot.hosts.hold.pop(HELD).set()


def overviews(bot: Belay, channel: str = CHANNEL) -> list[Message]:
    return [m for m in bot.workspace.messages(channel) if header_of(m).startswith("Overview")]


async def showing(bot: Belay, runs: dict[str, str], channel: str = CHANNEL) -> Message:
    """The channel's one overview, once it shows these runs."""

    def there() -> Message | None:
        found = overviews(bot, channel)
        return next((m for m in found if all(f"|{run_id}>" in m.words() for run_id in runs.values())), None)

    found = await bot.workspace.wait_for(there, 10)
    assert found is not None
    assert overviews(bot, channel) == [found]
    return found


async def edited(bot: Belay, message: Message, times: int = 2) -> None:
    before = message.edits
    await bot.until(lambda: message.edits >= before + times, timeout_s=10)


def after(folder: Path, first: Belay, **more: Any) -> AbstractAsyncContextManager[Belay]:
    """Another bot on the same database, workspace and hosts."""
    return belay(
        folder, workspace=first.workspace, store=first.store, hosts=first.hosts, targets=targets(), **QUICK, **more
    )


async def places(bot: Belay) -> list[Overview]:
    async with bot.store.look() as tx:
        return await tx.overviews()


async def until_none_is_kept(bot: Belay) -> None:
    """An ended overview is forgotten after its last edit."""
    async with asyncio.timeout(10):
        while await places(bot):
            await asyncio.sleep(0.02)


async def test_many_runs_are_in_one_message_that_is_edited_though_nothing_happens(tmp_path: Path) -> None:
    async with held(tmp_path) as (bot, runs):
        message = await showing(bot, runs)
        said = message.blocks[1]["elements"]
        assert "As of" in str(said)

        await bot.until(lambda: message.blocks[1]["elements"] != said)
        assert header_of(message) == "Overview: 3 rollbacks under way"
        for target, run_id in runs.items():
            board = await bot.board(run_id)
            address = f"{bot.workspace.url}archives/{board.channel}/p{board.ts.replace('.', '')}"
            assert f"<{address}|{run_id}> · {target} · ocata → newton · *RUNNING, step 1 of 4*" in message.words()
            assert "control plane down since" in message.words()
        assert overviews(bot) == [message]


async def test_two_runs_are_no_crowd(tmp_path: Path) -> None:
    async with held(tmp_path, targets(2)) as (bot, runs):
        for run_id in runs.values():
            await edited(bot, await bot.board(run_id), 1)

        assert not overviews(bot)
        assert not await places(bot)


async def test_boards_take_turns_meanwhile_and_name_the_overview(tmp_path: Path) -> None:
    async with held(tmp_path) as (bot, runs):
        message = await showing(bot, runs)
        boards = [await bot.board(run_id) for run_id in runs.values()]
        address = f"{bot.workspace.url}archives/{message.channel}/p{message.ts.replace('.', '')}"
        await bot.until(lambda: all(f"<{address}|the overview>" in board.words() for board in boards), timeout_s=20)
        before = len(calls(bot, "chat.update"))
        for board in boards:
            assert "as of <!date^" in board.words()
            await edited(bot, board, 1)

        own = [board.ts for board in boards]
        since = [call["at"] for call in calls(bot, "chat.update")[before:] if call["args"]["ts"] in own]
        crowd = bot.front._outbox.overviews.crowd
        assert crowd is not None
        assert all(later - earlier >= 0.9 * crowd.others_s for earlier, later in pairwise(since))


async def test_while_no_turn_comes_changes_of_status_and_votes_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_turns(*given: Any, **more: Any) -> Crowd | None:
        crowd = crowd_of(*given, **more)
        return crowd and replace(crowd, others_s=3_600)

    monkeypatch.setattr(slack_overview, "crowd_of", no_turns)
    async with held(tmp_path, targets(4), idle=1) as (bot, runs):
        await showing(bot, runs)
        first = next(iter(runs.values()))
        await bot.person("ana").click(await bot.board(first), "belay_pause")
        await bot.shows(first, "PAUSED")

        waits = await bot.start(target=f"{CHANNEL}-3")
        board = await bot.board(waits)
        bot.person("bo").react(board, "white_check_mark")
        await bot.until(lambda: "Approvals: 1 of 2" in board.words())


async def test_endings_leave_the_overview_its_part(tmp_path: Path) -> None:
    async with held(tmp_path) as (bot, runs):
        message = await showing(bot, runs)
        budget, now_s = bot.front._outbox.boards.budget, time.monotonic()
        while budget.wait_s(now_s, Lane.URGENT) == 0:
            budget.spend(now_s, Lane.URGENT)

        await edited(bot, message, 5)


async def test_what_needs_a_person_comes_first_and_its_board_says_so_at_once(tmp_path: Path) -> None:
    async with held(tmp_path) as (bot, runs):
        last = list(runs.values())[-1]

        def refuses(action: Action, _host: Host) -> Ended:
            return Ended(exit_code=3 if action.run_id == last else 0)

        bot.hosts.answers["restore@a.do"] = refuses
        bot.hosts.hold["start@a"] = asyncio.Event()
        message = await showing(bot, runs)
        go(bot)

        await bot.shows(last, "NEEDS A PERSON")
        await bot.until(lambda: "1 NEEDS A PERSON" in header_of(message))
        lines = [block["text"]["text"] for block in message.blocks if block["type"] == "section"]
        assert f"|{last}>" in lines[0].splitlines()[0]
        assert "NEEDS A PERSON, step 2 of 4* · " in lines[0].splitlines()[0]
        assert "restore@a" in lines[0].splitlines()[0]
        bot.hosts.hold.pop("start@a").set()


async def test_when_the_crowd_is_over_it_says_so_and_a_later_one_gets_another(tmp_path: Path) -> None:
    async with held(tmp_path) as (bot, runs):
        old = await showing(bot, runs)
        go(bot)
        for run_id in runs.values():
            await bot.shows(run_id, "SUCCEEDED")

        await bot.until(lambda: header_of(old) == "Overview: ended")
        await until_none_is_kept(bot)
        edits, words = old.edits, old.words()

        bot.hosts.hold[HELD] = asyncio.Event()
        again = {target: await under_way(bot, target) for target in runs}

        def another() -> Message | None:
            return next((m for m in overviews(bot) if m is not old and f"|{again[CHANNEL + '-0']}>" in m.words()), None)

        new = await bot.workspace.wait_for(another, 10)
        assert new is not None
        await edited(bot, new)
        assert (old.edits, old.words()) == (edits, words)
        assert len(overviews(bot)) == 2


async def test_a_start_goes_on_with_the_same_message(tmp_path: Path) -> None:
    async with held(tmp_path) as (first, runs):
        message = await showing(first, runs)
        await first.front.close()
        edits = message.edits

        async with after(tmp_path, first) as second:
            await second.until(lambda: message.edits > edits + 1)
            assert overviews(second) == [message]
            go(second)
            await second.until(lambda: header_of(message) == "Overview: ended", timeout_s=10)


async def test_a_start_after_the_crowd_ends_what_it_finds(tmp_path: Path) -> None:
    async with held(tmp_path) as (first, runs):
        message = await showing(first, runs)
        await first.front.close()
        go(first)
        for run_id in runs.values():
            await until_status(first, run_id, RunStatus.SUCCEEDED)

        async with after(tmp_path, first) as second:
            await second.until(lambda: header_of(message) == "Overview: ended", timeout_s=10)
            await until_none_is_kept(second)


async def test_another_replica_goes_on_with_it(tmp_path: Path) -> None:
    writes = {"one": True, "two": False}
    async with held(tmp_path, may_write=lambda: writes["one"]) as (one, runs):
        message = await showing(one, runs)
        async with after(tmp_path, one, may_write=lambda: writes["two"]) as two:
            await edited(one, message)
            writes["one"] = False
            writes["two"] = True
            two.front.wake()

            await edited(two, message, 3)
            assert overviews(two) == [message]
            assert len(await places(two)) == 1


async def test_one_that_was_posted_but_not_recorded_is_found(tmp_path: Path) -> None:
    async with held(tmp_path, world=reading_world()) as (bot, runs):
        message = await showing(bot, runs)
        await bot.front.close()
        (place,) = await places(bot)
        async with bot.store.begin() as tx:  # as it is between the posting and the record
            await tx.close_overview(place)
            await tx.open_overview(place.channel, place.opened_at)
        edits = message.edits

        async with after(tmp_path, bot) as second:
            await second.until(lambda: message.edits > edits + 1)
            assert overviews(second) == [message]
            assert [each.ts for each in await places(second)] == [message.ts]


async def test_where_the_answer_is_lost_and_the_channel_cannot_be_read_the_other_one_says_nothing(
    tmp_path: Path,
) -> None:
    async with held(tmp_path, idle=1) as (bot, runs):
        third = await bot.start(target=f"{CHANNEL}-2")
        bot.workspace.fail("chat.postMessage", Kind.LOSE_ANSWER, times=None)
        await agree(bot, third)
        await bot.until(lambda: any(m.text.startswith(TO_COME) for m in bot.workspace.messages(CHANNEL)), timeout_s=10)
        bot.workspace.faults.clear()

        message = await showing(bot, {**runs, "third": third})

        left = [m for m in bot.workspace.messages(CHANNEL) if m.text.startswith(TO_COME)]
        assert left
        assert all(not m.blocks and not m.edits for m in left)
        assert overviews(bot) == [message]


async def test_a_deleted_overview_is_posted_again(tmp_path: Path) -> None:
    async with held(tmp_path) as (bot, runs):
        old = await showing(bot, runs)
        bot.workspace.hub.delete(old)

        new = await showing(bot, runs)

        assert new is not old
        await edited(bot, new)
        assert [each.ts for each in await places(bot)] == [new.ts]


async def test_a_429_is_waited_out_and_then_it_goes_on(tmp_path: Path) -> None:
    async with held(tmp_path) as (bot, runs):
        message = await showing(bot, runs)
        bot.workspace.fail("chat.update", Kind.RATE_LIMITED, times=1, seconds=1)
        await bot.until(lambda: any(call["status"] == 429 for call in calls(bot, "chat.update")))

        await edited(bot, message)

        refused = next(call for call in calls(bot, "chat.update") if call["status"] == 429)
        later = [call["at"] for call in calls(bot, "chat.update") if call["at"] > refused["at"]]
        assert later[0] - refused["at"] >= 0.9


async def test_two_channels_have_one_each_and_a_single_run_keeps_its_board(tmp_path: Path) -> None:
    both = {**targets(2), **targets(2, OTHER), "alone": "inc-484"}
    async with held(tmp_path, both, world=_with_channels(OTHER, "inc-484")) as (bot, runs):
        bot.front._outbox.boards.tick_s = 0.2  # nothing moves but its times, which are shown once a tick at most
        for channel in (CHANNEL, OTHER):
            await showing(bot, {t: r for t, r in runs.items() if both[t] == channel}, channel)
        board = await bot.board(runs["alone"])
        await edited(bot, board, 3)

        assert not overviews(bot, "inc-484")
        assert "the overview" not in board.words()
        for channel in (CHANNEL, OTHER):
            (message,) = overviews(bot, channel)
            assert header_of(message) == "Overview: 2 rollbacks under way"


async def test_a_run_that_stands_still_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counting(view: RunView) -> Summary:
        read.append(view.run.id)
        return summary(view)

    monkeypatch.setattr(slack_overview, "summary", counting)
    async with held(tmp_path) as (bot, runs):
        message = await showing(bot, runs)
        await edited(bot, message)
        moved = next(iter(runs.values()))
        before = list(read)
        await bot.person("ana").click(await bot.board(moved), "belay_pause")
        await bot.until(lambda: "*PAUSED, step 1 of 4*" in message.words())
        await edited(bot, message, 3)

        assert read == [*before, moved]


async def test_where_nothing_is_said_of_the_workspace_nothing_is_linked(tmp_path: Path) -> None:
    async with held(tmp_path) as (bot, runs):
        message = await showing(bot, runs)
        bot.front._outbox.overviews.home = ""

        await bot.until(lambda: "archives/" not in message.words())
        assert all(f"{run_id} · " in message.words() for run_id in runs.values())


async def test_one_that_cannot_be_ended_is_left(tmp_path: Path) -> None:
    async with held(tmp_path) as (bot, runs):
        await showing(bot, runs)
        bot.workspace.archive(CHANNEL, by="ana")
        go(bot)
        for run_id in runs.values():
            await until_status(bot, run_id, RunStatus.SUCCEEDED)
        bot.front._outbox.overviews._memory.clear()  # it rests after what Slack refused; not for the test

        await until_none_is_kept(bot)


def _with_channels(*names: str) -> World:
    world = a_world()
    (model,) = (each for each in world.channels if each.name == CHANNEL)
    return replace(world, channels=(*world.channels, *(replace(model, name=name) for name in names)))
