"""Inbox, outbox and boards: what the chat service told us, and what we owe it."""

import asyncio

import pytest

from core.errors import UnknownNameError
from store.database import Store
from store.records import Outgoing
from tests.store.samples import PAUSED, RESUMED, T0, CrashError, at, begun_run, submit, waiting_run


async def test_an_event_is_taken_in_once(store: Store) -> None:
    async def receive() -> bool:
        async with store.begin(urgent=True) as transaction:
            return await transaction.receive("Ev1", "reaction_added", {"user": "U1"}, T0)

    assert (await asyncio.gather(*(receive() for _ in range(10)))).count(True) == 1
    async with store.look() as look:
        (item,) = await look.inbox()
        assert (item.event_id, item.kind, item.payload, item.at) == ("Ev1", "reaction_added", {"user": "U1"}, T0)


async def test_handled_events_are_known_until_they_are_pruned(store: Store) -> None:
    async with store.begin() as transaction:
        for i in range(5):
            await transaction.receive(f"Ev{i}", "command", {"n": i}, at(i))
        await transaction.handled("Ev0", at(10))
        await transaction.handled("Ev2", at(20), note="refused")
        assert [item.event_id for item in await transaction.inbox()] == ["Ev1", "Ev3", "Ev4"]
        assert [item.event_id for item in await transaction.inbox(limit=1)] == ["Ev1"]
        assert not await transaction.receive("Ev0", "command", {}, at(11))
        assert await transaction.prune(at(15)) == 1
        assert await transaction.receive("Ev0", "command", {}, at(16))
        assert not await transaction.receive("Ev2", "command", {}, at(16))
        assert not await transaction.receive("Ev1", "command", {}, at(16)), "what is not handled is never pruned"


async def test_an_event_whose_handling_fails_stays(store: Store) -> None:
    async with store.begin() as transaction:
        await transaction.receive("Ev1", "command", {}, T0)
    with pytest.raises(CrashError):
        await _handle_and_crash(store)
    async with store.look() as look:
        assert len(await look.inbox()) == 1
        assert await look.runs() == []


async def _handle_and_crash(store: Store) -> None:
    async with store.begin() as transaction:
        await submit(transaction)
        await transaction.handled("Ev1", at(1))
        raise CrashError


def _message(key: str) -> Outgoing:
    return Outgoing(key=key, run_id="R-1", kind="thread", payload={"text": f"<{key}> été \x00"}, at=T0)


async def test_messages_leave_in_order_once(store: Store) -> None:
    async with store.begin() as transaction:
        for key in ("a", "b", "c", "d"):
            assert await transaction.send(_message(key))
        assert not await transaction.send(_message("a"))
        assert await transaction.outbox() == [_message(key) for key in ("a", "b", "c", "d")]
        await transaction.sent("b", {"ts": "1.2", "channel": "C1"}, at(3))
        await transaction.failed("c", "channel_not_found", at(4), gave_up=True)
        assert [m.key for m in await transaction.outbox()] == ["a", "d"]
        assert [m.key for m in await transaction.outbox(limit=1)] == ["a"]
        assert not await transaction.send(_message("b")), "a key is a message for ever"
        b = await transaction.outgoing("b")
    assert b is not None
    assert (b.ref, b.sent_at) == ({"ts": "1.2", "channel": "C1"}, at(3))


async def test_a_crash_between_post_and_record_is_seen(store: Store) -> None:
    async with store.begin() as transaction:
        await transaction.send(_message("a"))
        await transaction.sending("a", at(1))
    async with store.look() as look:
        (message,) = await look.outbox()
        assert message.sending_at == at(1)


async def test_a_failure_is_counted_and_said(store: Store) -> None:
    async with store.begin() as transaction:
        await transaction.send(_message("a"))
        for n in range(3):
            await transaction.sending("a", at(n))
            await transaction.failed("a", f"rate limited {n}", at(n))
        (message,) = await transaction.outbox()
    assert (message.failures, message.error, message.sending_at) == (3, "rate limited 2", None)


async def test_a_message_nobody_wrote_is_not_sent(store: Store) -> None:
    with pytest.raises(UnknownNameError, match="no message 'x'"):
        async with store.begin() as transaction:
            await transaction.sent("x", {}, T0)


async def test_a_board_is_wanted_with_the_run_and_with_each_entry(store: Store) -> None:
    run_id = await begun_run(store)
    async with store.begin() as transaction:
        (board,) = await transaction.boards_behind()
        assert (board.run_id, board.channel, board.ts, board.wanted, board.shown) == (run_id, "C1", "", 5, 0)
        await transaction.place_board(run_id, "C1", "17.5")
        await transaction.shown(run_id, 5, at(40))
        assert await transaction.boards_behind() == []
        assert await transaction.run_of_message("C1", "17.5") == run_id
        assert await transaction.run_of_message("C2", "17.5") is None
        await transaction.append(run_id, [PAUSED], seq=5, at=at(41))
        (board,) = await transaction.boards_behind()
        assert (board.ts, board.wanted, board.shown, board.shown_at) == ("17.5", 6, 5, at(40))


async def test_what_a_board_shows_never_goes_back(store: Store) -> None:
    run_id = await begun_run(store)
    async with store.begin() as transaction:
        await transaction.append(run_id, [PAUSED, RESUMED], seq=5, at=at(41))
        await transaction.shown(run_id, 7, at(42))
        await transaction.shown(run_id, 6, at(43))
        board = await transaction.board(run_id)
    assert board is not None
    assert (board.shown, board.shown_at) == (7, at(42))


async def test_a_board_that_moves_is_shown_again(store: Store) -> None:
    run_id = await begun_run(store)
    async with store.begin() as transaction:
        await transaction.place_board(run_id, "C1", "17.5")
        await transaction.shown(run_id, 5, at(40))
        await transaction.place_board(run_id, "C1", "17.5")
        assert await transaction.boards_behind() == []
        await transaction.place_board(run_id, "C2", "18.5")
        assert [board.run_id for board in await transaction.boards_behind()] == [run_id]
        assert await transaction.run_of_message("C1", "17.5") is None


async def test_boards_not_posted_yet_do_not_collide_and_come_in_order(store: Store) -> None:
    for i in range(11):
        await waiting_run(store, target=f"t{i}")
    async with store.look() as look:
        assert [board.run_id for board in await look.boards_behind()] == [f"R-{i}" for i in range(1, 12)]


async def test_a_run_without_a_channel_has_no_board(store: Store) -> None:
    async with store.begin() as transaction:
        run_id = await submit(transaction, channel="")
        assert await transaction.board(run_id) is None
        assert await transaction.boards_behind() == []
        await transaction.shown(run_id, 3, T0)
        await transaction.place_board(run_id, "C9", "1.1")
        board = await transaction.board(run_id)
    assert board is not None
    assert (board.channel, board.wanted, board.shown) == ("C9", 3, 0)


async def test_a_channel_has_one_overview_and_an_older_one_changes_nothing_of_it(store: Store) -> None:
    async with store.begin() as transaction:
        old = await transaction.open_overview("C1", at(1))
        await transaction.open_overview("C2", at(2))
        assert await transaction.place_overview(old, "17.5")
    async with store.begin() as transaction:
        assert [(each.channel, each.ts) for each in await transaction.overviews()] == [("C1", "17.5"), ("C2", "")]
        new = await transaction.open_overview("C1", at(3))
        assert not await transaction.place_overview(old, "17.6")
        await transaction.close_overview(old)
        assert (await transaction.overviews())[0] == new
        await transaction.close_overview(new)
        assert [each.channel for each in await transaction.overviews()] == ["C2"]
