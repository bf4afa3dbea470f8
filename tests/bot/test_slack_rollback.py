"""The main path through Slack, end to end: asked, agreed, run, stopped, decided, reported."""

import asyncio
from pathlib import Path

import pytest

from bot.views_modal import ACCEPTED, OUTCOME, PARAMETERS, PLAN, REASON, TARGET, TYPED, UNIT
from core.action import Ended, Output
from core.run_states import RunStatus
from sandbox.workspace.messages import Message
from tests.bot.slack_world import CHANNEL, Belay, belay
from tests.bot.world import plan_data
from tests.practice_executor import printed


async def agreed(bot: Belay) -> tuple[str, Message]:
    run_id = await bot.start()
    board = await bot.board(run_id)
    bot.person("bo").react(board, "white_check_mark")
    bot.person("cy").react(board, "white_check_mark")
    return run_id, board


async def test_two_reactions_take_a_rollback_to_its_end(tmp_path: Path) -> None:
    async with belay(tmp_path) as bot:
        run_id, board = await agreed(bot)
        ended = await bot.shows(run_id, "SUCCEEDED")

        assert ended is board
        assert set(board.reactions) == {"white_check_mark", "no_entry_sign"}
        await bot.until(lambda: [m for m in bot.workspace.messages(CHANNEL, thread_ts=board.ts) if m.files])
        thread = bot.thread(board)
        steps = [text for text in thread if text.startswith("Step ")]
        assert [text.split(",")[0] for text in steps] == ["Step 1 of 4", "Step 2 of 4", "Step 3 of 4", "Step 4 of 4"]
        assert thread[0].startswith(("Quorum reached: Bo, Cy approved", "Quorum reached: Cy, Bo approved"))
        summary = next(text for text in thread if "has succeeded" in text)
        assert f"<@{bot.person('ana').id}>" in summary
        assert sum(f"<@{bot.person('ana').id}>" in text for text in thread) == 1
        # Done, nothing is left to press but the report.
        assert [e["action_id"] for b in board.blocks if b["type"] == "actions" for e in b["elements"]] == [
            "belay_report"
        ]
        assert all(not m.text.startswith("Step") or not m.reply_broadcast for m in bot.workspace.messages(CHANNEL))


async def test_over_signed_http_it_is_the_same(tmp_path: Path) -> None:
    async with belay(tmp_path, http=True) as bot:
        assert await bot.workspace.deliver_over_http(bot.http_url)
        run_id, _ = await agreed(bot)

        await bot.shows(run_id, "SUCCEEDED")


async def test_buttons_are_the_equal_of_reactions(tmp_path: Path) -> None:
    async with belay(tmp_path) as bot:
        run_id = await bot.start()
        board = await bot.board(run_id)
        await bot.person("bo").click(board, "belay_approve")
        await bot.settled()
        assert await bot.counted(run_id) == ("bo",)

        bot.person("cy").react(board, "white_check_mark")

        await bot.shows(run_id, "SUCCEEDED")


async def test_a_failed_step_asks_and_the_decision_is_taken_on_the_board(tmp_path: Path) -> None:
    async with belay(tmp_path) as bot:
        text = Output(head="E: cannot stop <!channel> `x`\n")
        bot.hosts.answers["stop@b.do"] = lambda _action, _host: Ended(exit_code=3, output=text)
        run_id, board = await agreed(bot)
        await bot.shows(run_id, "NEEDS A PERSON")
        asking = await bot.workspace.wait_for(
            lambda: next((m for m in bot.workspace.messages(CHANNEL) if "needs a person" in m.text), None)
        )
        assert asking is not None
        assert asking.reply_broadcast
        failed = next(m for m in bot.workspace.messages(CHANNEL) if "*failed*" in m.text)
        assert "cannot stop &lt;!channel&gt; ˋxˋ" in failed.blocks[1]["text"]["text"]

        seen = await bot.person("dee").click(board, "belay_skip")
        modal = await seen.modal()
        await bot.person("dee").submit(modal, {REASON: "that host is off"})

        await bot.shows(run_id, "SUCCEEDED")
        await bot.until(lambda: any("Dee skipped `stop@b` (that host is off)" in t for t in bot.thread(board)))


async def test_an_unknown_unit_is_settled_in_a_dialog(tmp_path: Path) -> None:
    async with belay(tmp_path) as bot:
        bot.hosts.lose.add("stop@b")
        run_id, board = await agreed(bot)
        await bot.shows(run_id, "NEEDS A PERSON")

        seen = await bot.person("bo").click(board, "belay_settle")
        await bot.person("bo").submit(
            await seen.modal(), {UNIT: "stop@b", OUTCOME: "done", REASON: "systemctl says inactive"}
        )

        await bot.shows(run_id, "SUCCEEDED")


async def test_pause_abort_and_the_truth_about_it(tmp_path: Path) -> None:
    async with belay(tmp_path) as bot:
        gate = asyncio.Event()
        bot.hosts.hold["stop@a"] = gate
        run_id, board = await agreed(bot)
        await bot.shows(run_id, "RUNNING")
        abort = next(
            e for b in board.blocks if b["type"] == "actions" for e in b["elements"] if e["action_id"] == "belay_abort"
        )
        assert "safe until step 2" in abort["confirm"]["text"]["text"]

        await bot.person("dee").click(board, "belay_pause")
        await bot.shows(run_id, "PAUSED")
        await bot.person("dee").click(board, "belay_abort")
        gate.set()

        await bot.shows(run_id, "UNWOUND")
        assert "undo stop@b" in bot.hosts.order


@pytest.mark.parametrize("word", ["veto", "withdraw"])
async def test_a_waiting_run_is_ended_by_one_person(tmp_path: Path, word: str) -> None:
    async with belay(tmp_path) as bot:
        run_id = await bot.start()
        board = await bot.board(run_id)

        await bot.person("bo" if word == "veto" else "ana").click(board, f"belay_{word}")

        await bot.shows(run_id, "VETOED" if word == "veto" else "WITHDRAWN")
        assert bot.hosts.order == []


async def test_the_dialog_asks_previews_and_starts(tmp_path: Path) -> None:
    async with belay(tmp_path) as bot:
        ana = bot.person("ana")
        seen = await ana.command(CHANNEL, "/rollback start")
        first = await seen.modal()

        wrong = await ana.submit(first, {TARGET: "prod", PLAN: "old", REASON: "500s", TYPED: "prd"})
        assert wrong.errors == {"typed": "Type the target's name exactly: prod"}

        await ana.submit(first, {TARGET: "prod", PLAN: "old", REASON: "500s", TYPED: "prod"})
        await bot.until(lambda: ana.modal and ana.modal.body["callback_id"] == "belay_preview")
        preview = ana.modal
        assert preview is not None
        words = str(preview.body["blocks"])
        assert "all writes since the snapshot" in words
        assert "REVERSIBLE" in words

        await ana.submit(preview, {})
        await bot.until(lambda: ana.modal and "is up for approval" in str(ana.modal.body["blocks"]))
        run_id = (await bot.service.runs())[0].run.id
        await bot.shows(run_id, "WAITING")
        assert (await bot.view(run_id)).run.reason == "500s"


async def test_the_dialog_takes_parameters_and_what_the_quorum_may_take_on(tmp_path: Path) -> None:
    point = plan_data()["points_of_no_return"][0] | {"may_accept_unknown": True}
    plan = plan_data(
        parameters={"clusters": {"what": "which clusters", "pattern": "[a-z,]+"}}, points_of_no_return=[point]
    )
    async with belay(tmp_path, plan=plan) as bot:
        bot.hosts.answers["computes-converted.0@c"] = printed("maybe")
        ana = bot.person("ana")
        first = await (await ana.command(CHANNEL, "/rollback start")).modal()
        asked = {TARGET: "prod", PLAN: "old", REASON: "500s", TYPED: "prod"}

        wrong = await ana.submit(first, {**asked, PARAMETERS: "clusters"})
        assert wrong.errors == {"parameters-prod": "line 1 should be NAME=VALUE, is 'clusters'"}

        await ana.submit(first, {**asked, PARAMETERS: "clusters=a,b", ACCEPTED: "computes-converted=c burnt down"})
        await bot.until(lambda: ana.modal and ana.modal.body["callback_id"] == "belay_preview")
        assert ana.modal is not None
        await ana.submit(ana.modal, {})
        await bot.until(lambda: ana.modal and "is up for approval" in str(ana.modal.body["blocks"]))

        run = (await bot.service.runs())[0].run
        assert run.plan.parameters == {"clusters": "a,b"}
        assert run.accepted == {"computes-converted": "c burnt down"}


async def test_a_dialog_that_was_used_or_is_from_before_a_restart_says_so(tmp_path: Path) -> None:
    async with belay(tmp_path) as bot:
        ana = bot.person("ana")
        first = await (await ana.command(CHANNEL, "/rollback start")).modal()
        bot.front._dialogs.forms._open.clear()  # what a restart does

        await ana.submit(first, {TARGET: "prod", PLAN: "old", REASON: "500s", TYPED: "prod"})

        await bot.until(lambda: ana.modal and "too old, was sent already" in str(ana.modal.body["blocks"]))
        assert await bot.service.runs() == []


async def test_the_preview_says_what_would_be_refused(tmp_path: Path) -> None:
    async with belay(tmp_path) as bot:
        bot.hosts.answers["computes-converted.0@c"] = printed("maybe")
        ana = bot.person("ana")
        first = await (await ana.command(CHANNEL, "/rollback start")).modal()

        await ana.submit(first, {TARGET: "prod", PLAN: "old", REASON: "500s", TYPED: "prod"})

        await bot.until(lambda: ana.modal and "It would be refused now" in str(ana.modal.body["blocks"]))
        assert ana.modal is not None
        assert "submit" not in {k for k, v in ana.modal.body.items() if v}


async def test_a_refused_start_tells_the_person_why_and_the_channel_what_was_found(tmp_path: Path) -> None:
    async with belay(tmp_path) as bot:
        bot.hosts.answers["computes-converted.0@c"] = printed("yes")

        line = '/rollback start prod --to newton --reason "wrong" --confirm prod'
        seen = await bot.person("ana").command(CHANNEL, line)

        assert "was refused and nothing ran" in (await seen.reply()).text
        board = await bot.shows("R-1", "REFUSED")
        assert "c: yes" in str(board.blocks)
        assert (await bot.view("R-1")).state.status is RunStatus.REFUSED


async def test_details_report_and_home(tmp_path: Path) -> None:
    async with belay(tmp_path) as bot:
        run_id, board = await agreed(bot)
        await bot.shows(run_id, "SUCCEEDED")

        seen = await bot.person("eve").click(board, "belay_report")
        assert "guests do not count" in (await seen.reply()).text
        seen = await bot.person("dee").click(board, "belay_report")
        assert "The report is attached" in (await seen.reply()).text

        dee = bot.person("dee")
        dee.open_home()
        await bot.until(lambda: dee.home and run_id in str(dee.home.body["blocks"]))
        assert dee.home is not None
        shown = await (await dee.click(dee.home, "belay_details")).modal()
        assert run_id in str(shown.body["blocks"])


async def test_what_is_wrong_with_a_line_is_said_to_its_writer_only(tmp_path: Path) -> None:
    async with belay(tmp_path) as bot:
        before = len(bot.workspace.messages(CHANNEL))

        seen = await bot.person("ana").command(CHANNEL, "/rollback stat prod")
        assert "did you mean 'start'" in (await seen.reply()).text
        seen = await bot.person("ana").command(CHANNEL, "/rollback status prod & <b>")
        assert (await seen.reply()).text

        assert len(bot.workspace.messages(CHANNEL)) == before
