"""Who counts, by which mark, on which message: the same on every path, and read again at the claim."""

import asyncio
from pathlib import Path

import pytest

from bot.slack_accounts import APPROVE, VETO, account_from, kind_of
from core.people import Account
from core.run_states import RunStatus
from sandbox.workspace import PersonSpec
from sandbox.workspace.faults import Kind
from sandbox.workspace.messages import Message
from tests.bot.slack_world import CHANNEL, Belay, a_world, belay


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("white_check_mark", APPROVE),
        ("heavy_check_mark", APPROVE),
        (":white_check_mark:", APPROVE),
        ("white_check_mark::skin-tone-3", APPROVE),
        ("no_entry_sign", VETO),
        ("no_entry", VETO),
        ("ballot_box_with_check", ""),
        ("white_check_mark2", ""),
        ("+1", ""),
        ("x", ""),
        ("", ""),
        ("::", ""),
    ],
)
def test_only_these_reactions_mean_anything(name: str, kind: str) -> None:
    assert kind_of(name) == kind


GOOD = {"id": "U1", "team_id": "T1", "name": "bo"}


@pytest.mark.parametrize(
    ("said", "flag"),
    [
        ({"is_bot": True}, "bot"),
        ({"is_workflow_bot": True}, "bot"),
        ({"is_connector_bot": True}, "bot"),
        ({"is_app_user": True}, "bot"),
        ({"is_restricted": True}, "guest"),
        ({"is_ultra_restricted": True}, "guest"),
        ({"is_stranger": True}, "stranger"),
        ({"team_id": "T2"}, "stranger"),
        ({"team_id": None}, "stranger"),
        ({"deleted": True}, "deleted"),
    ],
)
def test_what_slack_says_against_an_account(said: dict[str, object], flag: str) -> None:
    account = account_from({**GOOD, **said}, "U1", "T1")

    assert getattr(account, flag) is True


def test_an_account_slack_does_not_describe_is_not_known() -> None:
    assert account_from(GOOD, "U1", "T1") == Account(id="T1/U1", name="bo")
    assert not account_from({}, "U1", "T1").known
    assert not account_from({**GOOD, "id": "U2"}, "U1", "T1").known
    assert account_from({**GOOD, "id": "USLACKBOT"}, "USLACKBOT", "T1").bot


async def waiting(bot: Belay) -> tuple[str, Message]:
    run_id = await bot.start()
    return run_id, await bot.board(run_id)


@pytest.mark.parametrize(
    ("who", "why"),
    [
        ("ana", "asked for R-1 or changed it"),
        ("eve", "guests do not count"),
        ("sam", "people of other organisations do not count"),
        ("dee", "not as an approver"),
        ("zoe", "not on Belay's roster"),
    ],
)
async def test_who_does_not_count_is_told_why_whatever_way_they_take(tmp_path: Path, who: str, why: str) -> None:
    world = a_world(PersonSpec(name="zoe"))
    async with belay(tmp_path, world=world) as bot:
        bot.workspace.invite(CHANNEL, "zoe", by="ana")
        run_id, board = await waiting(bot)
        person = bot.person(who)

        person.react(board, "white_check_mark")
        await bot.until(lambda: any(why in m.text for m in person.ephemerals(CHANNEL)))
        seen = await person.click(board, "belay_approve")
        assert why in (await seen.reply()).text
        seen = await person.command(CHANNEL, f"/rollback approve {run_id}")
        assert why in (await seen.reply()).text

        assert await bot.counted(run_id) == ()
        assert bot.hosts.order == []


async def test_a_bot_and_a_deactivated_person_do_not_count(tmp_path: Path) -> None:
    async with belay(tmp_path) as bot:
        run_id, board = await waiting(bot)

        bot.person("deploybot").react(board, "white_check_mark")
        bot.workspace.hub.react(board, bot.person("bo").id, "white_check_mark")
        await bot.settled()
        assert await bot.counted(run_id) == ("bo",)
        bot.workspace.change_person("bo", deleted=True)
        bot.person("cy").react(board, "white_check_mark")
        await bot.settled()

        # At the claim Slack was asked again: Bo is gone, so the quorum is not there.
        assert await bot.counted(run_id) == ("cy",)
        assert (await bot.view(run_id)).state.status is RunStatus.WAITING
        await bot.until(lambda: any("deactivated" in text for text in bot.thread(board)))


async def test_skin_tones_aliases_and_repeats_are_one_approval(tmp_path: Path) -> None:
    async with belay(tmp_path) as bot:
        run_id, board = await waiting(bot)
        bo = bot.person("bo")

        bo.react(board, "white_check_mark")
        bo.react(board, "heavy_check_mark")
        await bo.click(board, "belay_approve")
        await bot.settled()

        assert await bot.counted(run_id) == ("bo",)
        assert (await bot.view(run_id)).state.status is RunStatus.WAITING


async def test_an_approval_is_taken_away_with_its_last_mark(tmp_path: Path) -> None:
    async with belay(tmp_path) as bot:
        run_id, board = await waiting(bot)
        bo = bot.person("bo")
        bo.react(board, "white_check_mark")
        bo.react(board, "heavy_check_mark")
        await bot.settled()

        bo.unreact(board, "white_check_mark")
        await bot.settled()
        assert await bot.counted(run_id) == ("bo",)

        bo.unreact(board, "heavy_check_mark")
        await bot.settled()
        assert await bot.counted(run_id) == ()


@pytest.mark.parametrize("mark", ["no_entry_sign", "no_entry"])
async def test_one_veto_ends_it(tmp_path: Path, mark: str) -> None:
    async with belay(tmp_path) as bot:
        run_id, board = await waiting(bot)

        bot.person("cy").react(board, mark)

        await bot.shows(run_id, "VETOED")


async def test_a_guests_veto_is_none(tmp_path: Path) -> None:
    async with belay(tmp_path) as bot:
        run_id, board = await waiting(bot)

        bot.person("eve").react(board, "no_entry_sign")
        await bot.settled()

        assert (await bot.view(run_id)).state.status is RunStatus.WAITING


async def test_marks_elsewhere_and_other_marks_mean_nothing(tmp_path: Path) -> None:
    async with belay(tmp_path) as bot:
        run_id, board = await waiting(bot)
        said = bot.person("ana").say(CHANNEL, f"{run_id} please approve")

        bot.person("bo").react(said, "white_check_mark")
        bot.person("cy").react(board, "+1")
        await bot.settled()

        assert await bot.counted(run_id) == ()
        assert bot.person("bo").ephemerals() == []


async def test_marks_on_the_board_of_an_ended_run_do_nothing_to_the_next_one(tmp_path: Path) -> None:
    async with belay(tmp_path) as bot:
        old_run, old = await waiting(bot)
        await bot.person("ana").click(old, "belay_withdraw")
        await bot.shows(old_run, "WITHDRAWN")
        run_id, _ = await waiting(bot)

        bot.person("bo").react(old, "white_check_mark")
        bot.person("cy").react(old, "white_check_mark")
        await bot.settled()

        assert run_id != old_run
        assert await bot.counted(run_id) == ()


async def test_a_button_of_another_plan_or_of_a_copied_board_is_refused(tmp_path: Path) -> None:
    async with belay(tmp_path) as bot:
        run_id, board = await waiting(bot)
        for block in board.blocks:
            for element in block.get("elements", ()):
                if element.get("action_id") == "belay_approve":
                    element["value"] = f"{run_id}:00000000"
        seen = await bot.person("bo").click(board, "belay_approve")
        assert "not 00000000" in (await seen.reply()).text

        copy = Message(channel=board.channel, ts="1.000001", user=board.user, text="copy", blocks=board.blocks)
        bot.workspace.channel(CHANNEL).messages[copy.ts] = copy
        seen = await bot.person("bo").click(copy, "belay_approve")
        assert "no longer the board" in (await seen.reply()).text

        assert await bot.counted(run_id) == ()


async def test_the_claim_reads_the_marks_again(tmp_path: Path) -> None:
    """Bo's taking back is not heard of; at the claim it shows."""
    async with belay(tmp_path) as bot:
        run_id, board = await waiting(bot)
        bot.person("bo").react(board, "white_check_mark")
        await bot.settled()
        board.reactions["white_check_mark"].remove(bot.person("bo").id)

        bot.person("cy").react(board, "white_check_mark")
        await bot.settled()

        assert await bot.counted(run_id) == ("cy",)
        assert bot.hosts.order == []


async def test_while_slack_does_not_answer_nothing_is_claimed(tmp_path: Path) -> None:
    async with belay(tmp_path) as bot:
        run_id, board = await waiting(bot)
        bot.person("bo").react(board, "white_check_mark")
        await bot.settled()
        bot.workspace.fail("reactions.get", Kind.SERVER_ERROR, times=None)

        bot.person("cy").react(board, "white_check_mark")
        await bot.until(lambda: any("Slack did not say" in m.text for m in bot.person("cy").ephemerals()))
        assert (await bot.view(run_id)).state.status is RunStatus.WAITING

        bot.workspace.faults.clear()
        await bot.service.sweep()
        await bot.shows(run_id, "SUCCEEDED")


async def test_what_was_missed_while_away_counts_after_the_start(tmp_path: Path) -> None:
    async with belay(tmp_path) as first:
        run_id, board = await waiting(first)
        await first.front.close()
        first.person("bo").react(board, "white_check_mark")
        first.person("deploybot").react(board, "white_check_mark")

        async with belay(tmp_path, workspace=first.workspace, store=first.store) as bot:
            async with asyncio.timeout(10):
                while not await bot.counted(run_id):  # the start does not wait for it
                    await asyncio.sleep(0.01)
            assert await bot.counted(run_id) == ("bo",)
