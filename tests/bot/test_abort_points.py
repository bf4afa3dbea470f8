"""Stopping where the plan calls it safe, and what a run keeps of what hosts printed: through store, engine, report."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.views import board
from bot.views_buttons import buttons
from commands import answer
from core.run import RunView
from core.run_states import RunStatus
from core.unit_states import UnitStatus
from tests.bot.world import LOOK, Bot, actor, bot, memory_hosts, plan_data
from tests.practice_executor import MemoryExecutor, printed


def plan() -> dict[str, Any]:
    """The old service is up again; then, behind an abort point, the new one's leftovers are deleted."""
    data = plan_data()
    keep = {"id": "state", "role": "controller", "verify": LOOK, "keeps": "State before"}
    restore = {**data["steps"][1], "keeps": "Restore log"}
    drop = {
        "id": "drop",
        "title": "drop the new copy",
        "role": "controller",
        "do": {"argv": ["drop"], "timeout_s": 5},
        "verify": LOOK,
        "destructive": True,
        "loses": "the new copy",
        "confirm": "drop it",
        "abort_point": "the source is back; the new copy is still there",
        "guard": ["computes-converted"],
    }
    last = {"id": "tidy", "role": "controller", "do": {"argv": ["tidy"], "timeout_s": 5}, "verify": LOOK}
    data["steps"] = [keep, data["steps"][0], restore, data["steps"][2], drop, last]
    data["validations"][0]["keeps"] = "Orphans"
    return data


def hosts() -> MemoryExecutor:
    found = memory_hosts()
    for host in "abc":
        found.answers[f"state@{host}"] = printed(f"running newton on {host}\n")
        found.answers[f"answers@{host}"] = printed(f"server-9 of {host} is unknown\n")
    found.answers["restore@a.do"] = printed("17 tables loaded\n")
    return found


async def asked(b: Bot) -> RunView:
    return await b.until(await b.asked_and_agreed(), RunStatus.NEEDS_PERSON)


async def test_a_person_stops_at_the_abort_point(tmp_path: Path) -> None:
    async with bot(tmp_path, hosts(), plan=plan()) as b:
        view = await asked(b)
        question = view.state.ask
        assert question is not None
        assert question.choices == ("confirm", "skip", "leave")
        assert "stopping here instead is safe: the source is back" in question.reason
        assert [each["text"]["text"] for each in buttons(view)] == [
            "Confirm…",
            "Stop here…",
            "Leave as it is…",
            "Details",
        ]

        reply = await answer(f'skip {view.run.id} --reason "the source is enough"', actor("bo"), b.service)
        end = await b.until(view.run.id, RunStatus.SUCCEEDED)

        assert "Bo stops R-1 before *drop the new copy*" in reply.text
        skipped = [key for key, unit in end.state.units.items() if unit.status is UnitStatus.SKIPPED]
        assert sorted(skipped) == [f"{step}@{host}" for step in ("drop", "tidy") for host in "abc"]
        assert not any(unit.startswith(("drop", "tidy")) for _, unit, _ in b.hosts.effects)
        assert end.state.unit("answers@a").status is UnitStatus.DONE
        shown = str(board(end, b.clock.now()).blocks)
        assert "*Stopped before drop the new copy* by Bo: the source is enough." in shown
        assert "What holds now: the source is back" in shown
        told = [each for each in await sent(b) if each.get("what") in ("decision", "step_done")]
        assert [each["step"] for each in told][-2:] == ["drop", "answers"]


async def test_passing_it_by_its_phrase_does_it(tmp_path: Path) -> None:
    async with bot(tmp_path, hosts(), plan=plan()) as b:
        view = await asked(b)
        await b.service.resume(view.run.id, actor("bo"), "drop it")
        end = await b.until(view.run.id, RunStatus.SUCCEEDED)

    assert end.state.stopped is None
    assert b.hosts.effects["a", "drop@a", "do"] == 1


async def test_what_a_plan_keeps_stands_in_the_report_under_its_title(tmp_path: Path) -> None:
    async with bot(tmp_path, hosts(), plan=plan()) as b:
        view = await asked(b)
        await b.service.skip(view.run.id, actor("bo"), reason="the source is enough")
        await b.until(view.run.id, RunStatus.SUCCEEDED)
        report = await b.service.report(view.run.id)

    kept = report.split("## Kept")[1].split("## What the hosts printed")[0]
    assert (
        "| Stopped | before “drop the new copy” by Bo: the source is enough. What holds: the source is back" in report
    )
    assert [line for line in kept.splitlines() if line.startswith("### ")] == [
        "### State before",
        "### Restore log",
        "### Orphans",
    ]
    assert "running newton on b" in kept
    assert "17 tables loaded" in kept
    assert "server-9 of c is unknown" in kept
    assert "17 tables loaded" not in report.replace(kept, "")


async def sent(b: Bot) -> list[Mapping[str, Any]]:
    async with b.store.look() as tx:
        return [message.payload for message in await tx.outbox(limit=100)]
