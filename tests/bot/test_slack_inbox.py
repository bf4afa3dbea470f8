"""Written down before it is acknowledged, done once, never lost; forged and replayed requests are nothing."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

import aiohttp
import pytest
import pytest_asyncio
from sqlmodel import col, update

import bot.slack_inbox
from bot.slack_commands import typed
from bot.slack_inbox import Inbox, envelope_of, kept
from core.errors import StoreUnavailableError
from core.run_states import RunStatus
from core.state import NewerJournalError
from sandbox.workspace import Timing
from sandbox.workspace.signed_http import signature_headers
from store.database import Store
from store.records import InboxItem
from store.sessions import NearSession, to_its_end
from store.tables import InboxRow
from tests.bot.slack_world import CHANNEL, Belay, belay
from tests.bot.world import TestClock

QUICK = Timing(ack_s=0.5, retry_after_s=(0.05, 0.1, 0.2))


@asynccontextmanager
async def store_down(store: Store) -> AsyncIterator[None]:
    """The database takes no write."""

    @asynccontextmanager
    async def begin(*, urgent: bool = False) -> AsyncIterator[None]:
        raise StoreUnavailableError("the disk is full")
        yield

    with patch.object(store, "begin", begin):
        yield


async def test_a_duplicate_is_done_once(tmp_path: Path) -> None:
    async with belay(tmp_path) as bot:
        run_id = await bot.start()
        board = await bot.board(run_id)
        bot.workspace.faults.duplicate_events = 1

        bot.person("bo").react(board, "white_check_mark")
        await bot.settled()

        assert bot.front.health()["duplicates"] == 1
        entries = [e async for e in _entries(bot, run_id) if e == "approved"]
        assert entries == ["approved"]


async def test_the_same_envelope_a_hundred_times_at_once_is_done_once(tmp_path: Path) -> None:
    async with belay(tmp_path, http=True) as bot:
        assert await bot.workspace.deliver_over_http(bot.http_url)
        run_id = await bot.start()
        board = await bot.board(run_id)
        body = _reaction(bot, "bo", board.ts)

        async with aiohttp.ClientSession() as session:
            statuses = await asyncio.gather(*(_post_json(bot, session, body) for _ in range(100)))
        await bot.settled()

        assert set(statuses) == {200}
        assert [e async for e in _entries(bot, run_id) if e == "approved"] == ["approved"]


async def test_what_could_not_be_written_down_is_not_acknowledged_and_comes_again(tmp_path: Path) -> None:
    async with belay(tmp_path, timing=QUICK) as bot:
        run_id = await bot.start()
        board = await bot.board(run_id)

        async with store_down(bot.store):
            bot.person("bo").react(board, "white_check_mark")
            await bot.until(lambda: any(e["state"] == "operation_timeout" for e in _deliveries(bot)))
        await bot.settled()

        assert [e["attempt"] for e in _deliveries(bot) if e["state"] == "acked"][-1] >= 1
        assert await bot.counted(run_id) == ("bo",)


async def test_a_person_is_told_at_once_that_nothing_was_recorded(tmp_path: Path) -> None:
    async with belay(tmp_path, timing=QUICK) as bot:
        run_id = await bot.start()
        board = await bot.board(run_id)

        async with store_down(bot.store):
            seen = await bot.person("ana").command(CHANNEL, f"/rollback withdraw {run_id}")
            assert "cannot record anything" in (await seen.reply()).text
            clicked = await bot.person("ana").click(board, "belay_withdraw")
            assert not clicked.ack.accepted

        assert (await bot.view(run_id)).state.status is RunStatus.WAITING


async def test_what_was_taken_in_before_a_crash_is_done_after_the_start(tmp_path: Path) -> None:
    async with belay(tmp_path, timing=QUICK) as first:
        run_id = await first.start()
        board = await first.board(run_id)
        await first.front.close()
        digest = (await first.view(run_id)).run.digest
        event, click = _reaction(first, "bo", board.ts), _click(first, "ana", board.ts, f"{run_id}:{digest[:8]}")
        old = {**click, "trigger_id": "older"}
        async with first.store.begin() as tx:
            now = first.clock.now()
            await tx.receive("event:Ev1", "event", event, now)
            await tx.receive("click:old", "click", old, now - timedelta(minutes=6))

        async with belay(tmp_path, workspace=first.workspace, store=first.store) as bot:
            await bot.settled()
            # The mark itself does not stand on the board: a look at it may take the approval away again.
            assert "approved" in [entry async for entry in _entries(bot, run_id)]
            # A click of long ago is not done any more: its person went on.
            assert (await bot.view(run_id)).state.status is RunStatus.WAITING
            async with bot.store.look() as tx:
                assert await tx.inbox() == []


async def test_a_replay_leaves_alone_what_was_just_taken_in(tmp_path: Path) -> None:
    """Before Slack has its answer, and in the moment in which it is marked as handled."""
    async with belay(tmp_path) as bot:
        handled: list[str] = []

        async def handle(item: InboxItem) -> None:
            handled.append(item.event_id)

        inbox = Inbox(bot.store, bot.clock, handle)
        body = {"command": "/rollback", "trigger_id": "1", "user_id": "U1"}
        envelope = envelope_of(body)
        assert envelope is not None
        async with bot.store.begin() as tx:
            old = {**body, "trigger_id": "old", "text": "another line"}
            await tx.receive("command:old", "command", old, bot.clock.now())

        assert await inbox.take(envelope, body)
        assert await inbox.replay() == 1
        with _while_it_reads(bot.store, lambda: inbox.release(body)):
            assert await inbox.replay() == 0
        await inbox.close()
        assert sorted(handled) == ["command:1", "command:old"]


async def test_what_is_written_late_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes its time with the commit: nobody is told that nothing was recorded, and it is done."""
    monkeypatch.setattr(bot.slack_inbox, "WITHIN_S", 0.2)
    begin, commit = Store.begin, NearSession.commit

    @asynccontextmanager
    async def noted(self: Store, *, urgent: bool = False) -> AsyncIterator[Any]:
        async with begin(self, urgent=urgent) as tx:
            tx._session.info["slow"] = urgent
            yield tx

    async def slowly(self: NearSession) -> None:
        if self.info.get("slow"):
            await to_its_end(asyncio.sleep(0.5))
        await commit(self)

    async with belay(tmp_path) as slow:
        with monkeypatch.context() as patched:
            patched.setattr(Store, "begin", noted)
            patched.setattr(NearSession, "commit", slowly)
            seen = await slow.person("ana").command(CHANNEL, "/rollback help")
        assert "cannot record" not in str(seen.ack.payload)
        assert "start" in (await seen.reply()).text
        await slow.settled()
        async with slow.store.look() as tx:
            assert await tx.inbox() == []


@contextmanager
def _while_it_reads(store: Store, happens: Callable[[], None]) -> Iterator[None]:
    """Let something *happen* to the inbox after a look has read it, and be over before the look is."""
    look = store.look

    @asynccontextmanager
    async def slow() -> AsyncIterator[Any]:
        async with look() as tx:
            yield tx
            happens()
            async with asyncio.timeout(5):
                while True:
                    async with look() as fresh:
                        if not await fresh.inbox():
                            return
                    await asyncio.sleep(0.01)

    with patch.object(store, "look", slow):
        yield


async def test_a_forged_and_an_old_request_are_refused_and_their_bodies_stay_out_of_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with belay(tmp_path, http=True) as bot:
        assert await bot.workspace.deliver_over_http(bot.http_url)
        run_id = await bot.start()
        board = await bot.board(run_id)
        body = json.dumps(_reaction(bot, "bo", board.ts)).encode()

        async with aiohttp.ClientSession() as session:
            for headers in (
                signature_headers("not the secret", body),
                {},
                _signed_at(bot, body, time.time() - 600),
            ):
                async with session.post(bot.http_url, data=body, headers={**_JSON, **headers}) as response:
                    assert response.status == 401
        await bot.settled()

        assert await bot.counted(run_id) == ()
        assert "invalid signature was refused" in caplog.text
        assert "Ev0TEST" not in caplog.text


async def test_a_replayed_command_does_nothing(tmp_path: Path) -> None:
    async with belay(tmp_path, http=True) as bot:
        assert await bot.workspace.deliver_over_http(bot.http_url)
        run_id = await bot.start()
        await bot.settled()
        sent = next(e for e in bot.workspace.log.entries("envelope", "/rollback"))["payload"]
        body = urlencode({key: value for key, value in sent.items() if value is not None}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", **signature_headers(_secret(bot), body)}

        async with (
            aiohttp.ClientSession() as session,
            session.post(bot.http_url, data=body, headers=headers) as response,
        ):
            assert response.status == 200
        await bot.settled()

        assert [view.run.id for view in await bot.service.runs()] == [run_id]


async def test_what_is_meant_for_another_team_or_app_is_dropped(tmp_path: Path) -> None:
    async with belay(tmp_path, http=True) as bot:
        assert await bot.workspace.deliver_over_http(bot.http_url)
        run_id = await bot.start()
        board = await bot.board(run_id)
        good = _reaction(bot, "bo", board.ts)

        async with aiohttp.ClientSession() as session:
            for change in ({"team_id": "T000"}, {"api_app_id": "A000"}):
                assert await _post_json(bot, session, {**good, **change, "event_id": f"Ev{change}"}) == 200
        await bot.settled()

        assert await bot.counted(run_id) == ()


async def test_without_a_secret_there_is_no_door_over_http(tmp_path: Path) -> None:
    async with belay(tmp_path) as bot:
        app = aiohttp.web.Application()

        bot.front.http_routes(app)

        assert not list(app.router.routes())


async def test_a_dropped_socket_and_a_refresh_lose_nothing(tmp_path: Path) -> None:
    async with belay(tmp_path, timing=QUICK) as bot:
        run_id = await bot.start()
        board = await bot.board(run_id)

        await bot.workspace.refresh_sockets(warn=False)
        bot.person("bo").react(board, "white_check_mark")
        await bot.settled()

        assert await bot.counted(run_id) == ("bo",)


def test_the_line_comes_as_it_was_typed() -> None:
    assert typed("start x --reason &lt;b&gt; &amp;amp;") == "start x --reason <b> &amp;"
    assert typed("<@U1|ana> <#C1|inc> <https://x.test/a|x> <mailto:a@b.c|a@b.c>") == "@ana #inc https://x.test/a a@b.c"


def test_nothing_secret_or_bulky_is_kept() -> None:
    body = {
        "type": "block_actions",
        "token": "t",
        "message": {"ts": "1", "blocks": [1]},
        "view": {"id": "V", "blocks": []},
    }

    assert kept(body) == {"type": "block_actions", "message": {"ts": "1"}, "view": {"id": "V"}}


def test_what_is_none_of_ours_has_no_envelope() -> None:
    assert envelope_of({"type": "url_verification"}) is None
    assert envelope_of({}) is None


_JSON = {"Content-Type": "application/json"}


async def _entries(bot: Belay, run_id: str) -> AsyncIterator[str]:
    async with bot.store.look() as tx:
        for entry in await tx.entries(run_id):
            yield str(entry.kind)


def _deliveries(bot: Belay) -> list[dict[str, Any]]:
    return bot.workspace.log.entries("envelope", "reaction_added")


def _reaction(bot: Belay, who: str, ts: str) -> dict[str, Any]:
    hub = bot.workspace.hub
    item = {"type": "message", "channel": bot.workspace.channel(CHANNEL).id, "ts": ts}
    event = {"type": "reaction_added", "user": bot.person(who).id, "reaction": "white_check_mark", "item": item}
    return {
        "type": "event_callback",
        "team_id": bot.workspace.world.team_id,
        "api_app_id": hub.state.app_id,
        "event": {**event, "item_user": hub.state.bot.id, "event_ts": "1.2"},
        "event_id": "Ev0TEST",
        "event_time": 1,
        "authorizations": [],
    }


def _click(bot: Belay, who: str, ts: str, value: str) -> dict[str, Any]:
    return {
        "type": "block_actions",
        "team": {"id": bot.workspace.world.team_id},
        "user": {"id": bot.person(who).id},
        "api_app_id": bot.workspace.hub.state.app_id,
        "container": {"type": "message", "channel_id": bot.workspace.channel(CHANNEL).id, "message_ts": ts},
        "actions": [{"action_id": "belay_withdraw", "value": value}],
        "trigger_id": "t",
    }


def _secret(bot: Belay) -> str:
    return bot.workspace.signing_secret


def _signed_at(bot: Belay, body: bytes, at: float) -> dict[str, str]:
    with patch("time.time", return_value=at):
        return signature_headers(_secret(bot), body)


async def _post_json(bot: Belay, session: aiohttp.ClientSession, body: dict[str, Any]) -> int:
    data = json.dumps(body).encode()
    headers = {**_JSON, **signature_headers(_secret(bot), data)}
    async with session.post(bot.http_url, data=data, headers=headers) as response:
        return response.status


@pytest.mark.parametrize("alone", [False, True], ids=["beside a newer replica", "alone"])
async def test_what_a_newer_version_wrote_is_left_to_a_newer_replica(tmp_path: Path, alone: bool) -> None:
    """Alone it would lie there until an upgrade, and be done then, when nobody expects it any more."""
    store = await Store.open(f"sqlite:///{tmp_path / 'belay.db'}")
    left_for = timedelta(0) if alone else timedelta(seconds=30)
    handled: list[str] = []

    async def older(_item: InboxItem) -> None:
        raise NewerJournalError("journal entry 1 has version 9")

    async def newer(item: InboxItem) -> None:
        handled.append(item.event_id)

    body = {"type": "event_callback", "event_id": "E1", "event": {"user": "U1"}}
    envelope = envelope_of(body)
    assert envelope
    inbox = Inbox(store, TestClock(), older, left_for=left_for)
    await inbox.take(envelope, body)
    inbox.release(body)
    await inbox.close()
    async with store.look() as tx:
        assert len(await tx.inbox()) == (not alone)
    clock = TestClock()
    clock.shift = timedelta(seconds=31)
    beside = Inbox(store, clock, newer, left_for=left_for)
    await beside.replay()
    await beside.close()

    assert handled == ([] if alone else ["event:E1"])
    await store.close()


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    found = await Store.open(f"sqlite:///{tmp_path / 'belay.db'}")
    yield found
    await found.close()


def _inbox(store: Store, clock: TestClock, handled: list[str], holder: str) -> Inbox:
    """One of several replicas; *holder* is the name of its seat."""

    async def handle(item: InboxItem) -> None:
        handled.append(item.event_id)

    return Inbox(store, clock, handle, left_for=timedelta(seconds=30), holder=lambda: holder)


async def _left_behind(store: Store, clock: TestClock, holder: str, *bodies: dict[str, Any]) -> None:
    """What a replica has taken in when it dies, before Slack had its answer."""
    inbox = _inbox(store, clock, [], holder)
    for body in bodies:
        envelope = envelope_of(body)
        assert envelope
        assert await inbox.take(envelope, body)


async def test_who_is_started_again_takes_up_at_once_what_it_had(store: Store) -> None:
    """Half a minute later its person has asked again, and perhaps the run of that has ended."""
    clock, handled, beside = TestClock(), list[str](), list[str]()
    await _left_behind(store, clock, "seat 1", _typed("1", "abort R-1"))

    other, again = _inbox(store, clock, beside, "seat 2"), _inbox(store, clock, handled, "seat 1")
    assert await other.replay() == 0, "whose seat it is may still be at it"
    assert await again.replay() == 1
    clock.shift = timedelta(seconds=31)
    assert await again.replay() == 0
    await again.close()
    assert await other.replay() == 0
    assert (handled, beside) == (["command:1"], [])


async def test_a_clock_that_was_put_back_leaves_nothing_behind(store: Store) -> None:
    clock, handled = TestClock(), list[str]()

    async def handle(item: InboxItem) -> None:
        handled.append(item.event_id)

    await _left_behind(store, clock, "", _typed("1", "abort R-1"))
    clock.shift = -timedelta(hours=1)
    alone = Inbox(store, clock, handle)
    assert await alone.replay() == 1
    await alone.close()
    assert handled == ["command:1"]


@pytest.mark.parametrize(
    ("lines", "done"),
    [
        (["start x", "start x"], ["command:2"]),
        (["start x", "start y"], ["command:1", "command:2"]),
        (["start x", "start y", "start x"], ["command:2", "command:3"]),
    ],
)
async def test_what_was_typed_again_is_done_once(store: Store, lines: list[str], done: list[str]) -> None:
    clock, handled = TestClock(), list[str]()
    await _left_behind(store, clock, "seat", *(_typed(str(n), line) for n, line in enumerate(lines, 1)))

    again = _inbox(store, clock, handled, "seat")
    await again.replay()
    await again.close()
    async with store.look() as tx:
        assert await tx.inbox() == []
    assert handled == done


async def test_a_line_counts_by_who_typed_it_and_where(store: Store) -> None:
    clock, handled = TestClock(), list[str]()
    first = _typed("1", "start x")
    others = ({**first, "trigger_id": "2", "user_id": "U2"}, {**first, "trigger_id": "3", "channel_id": "C2"})
    await _left_behind(store, clock, "seat", first, *others)

    again = _inbox(store, clock, handled, "seat")
    assert await again.replay() == 3
    await again.close()
    assert sorted(handled) == ["command:1", "command:2", "command:3"]


async def test_a_form_sent_off_again_is_done_once_even_if_the_second_time_is_done(store: Store) -> None:
    clock, handled = TestClock(), list[str]()
    form = {"type": "view_submission", "trigger_id": "1", "user": {"id": "U1"}, "view": {"id": "V1"}}
    await _left_behind(store, clock, "seat", form, {**form, "trigger_id": "2"})
    async with store.begin() as tx:
        await tx.handled("submit:2", clock.now())

    again = _inbox(store, clock, handled, "seat")
    assert await again.replay() == 0
    async with store.look() as tx:
        assert await tx.inbox() == []
    assert handled == []


async def test_clicks_and_reactions_are_answers_and_count_each(store: Store) -> None:
    clock, handled = TestClock(), list[str]()
    click = {"type": "block_actions", "trigger_id": "1", "user": {"id": "U1"}}
    event = {"type": "event_callback", "event_id": "1", "event": {"user": "U1"}}
    await _left_behind(store, clock, "seat", click, {**click, "trigger_id": "2"}, event, {**event, "event_id": "2"})

    again = _inbox(store, clock, handled, "seat")
    assert await again.replay() == 4
    await again.close()
    assert len(handled) == 4


def _typed(trigger: str, text: str) -> dict[str, Any]:
    return {"command": "/rollback", "trigger_id": trigger, "user_id": "U1", "channel_id": "C1", "text": text}


async def test_what_was_handled_long_ago_is_let_go_of(tmp_path: Path) -> None:
    async with belay(tmp_path) as bot:
        now = bot.clock.now()
        async with bot.store.begin() as tx:
            for name, age in (("old", timedelta(days=8)), ("new", timedelta(days=6))):
                await tx.receive(name, "event", {}, now - age)
                await tx.handled(name, now - age)
            await tx.receive("waits", "event", {}, now - timedelta(days=9))
        await bot.front.forget_old()
        async with bot.store.begin() as tx:
            assert await tx.receive("old", "event", {}, now), "forgotten"
            assert not await tx.receive("new", "event", {}, now)
            assert not await tx.receive("waits", "event", {}, now), "it was never handled"


async def test_what_was_left_is_handled_once_the_database_takes_writes(tmp_path: Path) -> None:
    """It does not when the bot connects; everything else begins all the same."""
    async with belay(tmp_path) as first:
        run_id = await first.start()
        board = await first.board(run_id)
        await first.front.close()
        async with first.store.begin() as tx:
            await tx.receive("event:Ev1", "event", _reaction(first, "bo", board.ts), first.clock.now())
        replay, tries = Inbox.replay, list[Inbox]()

        async def later(self: Inbox) -> int:
            tries.append(self)
            if len(tries) == 1:
                raise StoreUnavailableError("the disk is full")
            return await replay(self)

        with patch.object(Inbox, "replay", later):
            async with belay(tmp_path, workspace=first.workspace, store=first.store) as bot:
                await bot.front.adopt()
                await bot.settled()
                await bot.front.adopt()
                async with bot.store.look() as tx:
                    assert await tx.inbox() == []
        assert len(tries) == 2, "alone, there is nothing to take up after the start"


@pytest.mark.parametrize("older_first", [True, False])
async def test_beside_a_replica_of_the_version_before_one_takes_it_up(store: Store, older_first: bool) -> None:
    """That one looks at the note alone, and writes nothing else."""
    clock, handled = TestClock(), list[str]()
    await _left_behind(store, clock, "seat 1", _typed("1", "abort R-1"))
    clock.shift = timedelta(seconds=31)
    newer = _inbox(store, clock, handled, "seat 2")
    if older_first:
        assert await _adopted_by_an_older_one(store, clock.now().isoformat(timespec="microseconds"))
        assert await newer.replay() == 0
        assert await _inbox(store, clock, handled, "seat 1").replay() == 0
        clock.shift = timedelta(seconds=62)
        assert await newer.replay() == 1
    else:
        assert await newer.replay() == 1
        assert not await _adopted_by_an_older_one(store, clock.now().isoformat(timespec="microseconds"))
    await newer.close()
    assert handled == ["command:1"]


async def _adopted_by_an_older_one(store: Store, note: str) -> bool:
    mine = update(InboxRow).where(col(InboxRow.handled_at).is_(None), col(InboxRow.note) == "")
    async with store.begin() as tx:
        return await tx._write(mine.values(note=note)) > 0
