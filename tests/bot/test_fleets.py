"""Fleets through service, engine and store: what is discovered, chosen and frozen; a canary that fails; the board."""

import json
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.views import board
from commands import answer
from commands.say import fleet_line
from core.action import Action, Ended
from core.errors import RefusedError
from core.run import Preview, RunView
from core.run_states import RunStatus
from core.target import Host
from core.unit_states import UnitStatus
from sandbox.workspace.blocks import check_blocks
from tests.bot.world import LOOK, REQUEST, Bot, actor, bot, memory_hosts, plan_data
from tests.practice_executor import MemoryExecutor, printed

FORTY = [f"cust-{n:02}" for n in range(1, 41)]


def listed(names: list[str]) -> str:
    tiers = {name: "gold" if index % 4 == 0 else "silver" for index, name in enumerate(names)}
    return json.dumps(
        [{"name": n, "labels": {"tier": tiers[n]}, "version": "4.20.31", "facts": {"ns": f"ns-{n}"}} for n in names]
    )


def plan(*waves: int, pause: str = "") -> dict[str, Any]:
    over = {"role": "controller", "on": "first", "foreach": {"items": "clusters"}}
    data = plan_data(parameters={"clusters": {"what": "which clusters"}})
    clusters = {
        "what": "hosted clusters",
        "discover": {"role": "controller", "argv": ["oc", "get", "hc"], "timeout_s": 5},
        "select": "clusters",
        "facts": ["ns"],
        "waves": list(waves) or [1, 5],
    }
    data["items"] = {"clusters": {**clusters, **({"pause": pause} if pause else {})}}
    data["steps"] = [
        {
            "id": "patch",
            **over,
            "do": {"argv": ["patch", "{item}", "{item.ns}"], "timeout_s": 5},
            "idempotent": True,
            "verify": LOOK,
        },
        {"id": "wait", **over, "do": {"argv": ["wait", "{item}"], "timeout_s": 5}, "verify": LOOK},
    ]
    data["validations"] = [{"id": "back", **over, **LOOK}]
    return data


def hosts(names: list[str] = FORTY) -> MemoryExecutor:
    found = memory_hosts()
    found.answers["clusters@a"] = printed(listed(names))
    found.answers["clusters@b"] = found.answers["clusters@a"]
    return found


def world(folder: Path, found: MemoryExecutor, data: dict[str, Any]) -> AbstractAsyncContextManager[Bot]:
    return bot(folder, found, plan=data, selections=folder / "selections")


async def run_of(b: Bot, chosen: str) -> str:
    run_id = await b.ask(parameters={"clusters": chosen})
    await b.service.approve(run_id, actor("bo"))
    await b.service.approve(run_id, actor("cy"))
    return run_id


async def preview(b: Bot, chosen: str) -> Preview:
    return await b.service.preview(replace(REQUEST, parameters={"clusters": chosen}))


def touched(b: Bot) -> set[str]:
    return {unit.partition("[")[2].rstrip("]") for _, unit, _ in b.hosts.effects if "[" in unit}


# -- choosing --------------------------------------------------------------------------------------------------------


async def test_what_is_chosen_is_seen_before_anyone_is_asked(tmp_path: Path) -> None:
    async with world(tmp_path, hosts(), plan()) as b:
        found = await preview(b, "label:tier=gold,cust-02")

        shown = await answer("preview prod clusters=label:tier=gold,cust-02 --to newton", actor("ana"), b.service)
        status = await answer("status prod", actor("ana"), b.service)

    assert "Acts on 11 of 40 *hosted clusters* in 3 waves: cust-01, cust-05, cust-09" in shown.text
    assert "it depends on which hosted clusters are chosen; `/rollback preview prod clusters=… --to old`" in status.text
    assert found.plan.fleet is not None
    assert found.plan.fleet.items == (*FORTY[::4], "cust-02")
    assert found.plan.fleet.found == 40
    assert [len(step.units) for step in found.plan.steps] == [1, 1, 5, 5, 5, 5, 11]


@pytest.mark.parametrize(
    ("chosen", "why"),
    [
        ("cust-41", "there is no 'cust-41' among the hosted clusters now; did you mean 'cust-"),
        ("label:tier=gould", "chooses none of the 40 hosted clusters; values of 'tier': gold, silver"),
        ("file:night", "there is no file 'night' in the folder 'selections'; did you mean 'nights'"),
        ("file:nights", r"there is no 'cust-99' among the hosted clusters now \(file 'nights'\)"),
    ],
)
async def test_what_is_not_there_is_refused_before_anyone_is_asked(tmp_path: Path, chosen: str, why: str) -> None:
    (tmp_path / "selections").mkdir()
    (tmp_path / "selections" / "nights").write_text("cust-01\n\ncust-99\n", encoding="utf-8")
    async with world(tmp_path, hosts(), plan()) as b:
        with pytest.raises(RefusedError, match=why):
            await b.ask(parameters={"clusters": chosen})

        assert await b.service.runs(target="prod") == []


async def test_without_a_choice_the_ways_to_choose_are_said(tmp_path: Path) -> None:
    async with world(tmp_path, hosts(), plan()) as b:
        with pytest.raises(RefusedError, match=r"say which hosted clusters: clusters=NAME,…  \(or label:KEY=VALUE"):
            await b.ask()


async def test_the_first_host_that_answers_is_asked(tmp_path: Path) -> None:
    found = hosts()
    found.unreachable.add("a")
    data = plan()
    data["roles"]["controller"]["reachable"] = "any"
    async with world(tmp_path, found, data) as b:
        chosen = await preview(b, "cust-01")

    assert chosen.plan.items == ("cust-01",)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (printed("no route to the API", exit_code=1), "cannot be discovered on 'a': exit 1: no route to the API"),
        (printed("nothing"), "the answer should be JSON"),
        (printed("[" + " " * 70_000 + "]"), "'a' printed 64 KiB or more"),
    ],
)
async def test_a_discovery_that_fails_is_refused(tmp_path: Path, answer: Any, why: str) -> None:
    found = hosts()
    found.answers["clusters@a"] = answer
    async with world(tmp_path, found, plan()) as b:
        with pytest.raises(RefusedError, match=why):
            await b.ask(parameters={"clusters": "cust-01"})


async def test_silence_of_all_is_refused(tmp_path: Path) -> None:
    found = hosts()
    found.unreachable |= {"a", "b", "c"}
    async with world(tmp_path, found, plan()) as b:
        with pytest.raises(RefusedError, match="cannot be discovered, for no host answers: cannot reach 'a'"):
            await b.ask(parameters={"clusters": "cust-01"})


# -- running ---------------------------------------------------------------------------------------------------------


async def test_three_of_forty_and_the_canary_fails(tmp_path: Path) -> None:
    """The others stay untouched until a person decides; what was left out stays out."""
    found = hosts()
    found.answers["patch.w1@a[cust-05].do"] = printed("admission webhook says no", exit_code=1)
    async with world(tmp_path, found, plan(1, 2)) as b:
        run_id = await run_of(b, "cust-05,cust-07,cust-09")
        view = await b.until(run_id, RunStatus.NEEDS_PERSON)

        assert touched(b) == {"cust-05"}
        assert fleet_line(view) == (
            "*hosted clusters*: 39 untouched (cust-07, cust-09; 37 not chosen), 1 mixed (cust-05)"
        )
        await b.service.abort(run_id, actor("bo"), "no more", leave=True)
        end = await b.until(run_id, RunStatus.FAILED)
        report = await b.service.report(run_id)

    assert touched(b) == {"cust-05"}
    assert "## How it stands with the hosted clusters" in report
    assert "| cust-05 | mixed |\n| cust-07 | untouched |\n| cust-09 | untouched |" in report
    assert "37 more are there, not chosen and untouched." in report
    assert end.state.unit("patch.w1@a[cust-05]").status is UnitStatus.FAILED


async def test_a_canary_that_is_skipped_gets_nothing_more_and_the_others_go_on(tmp_path: Path) -> None:
    found = hosts()
    found.answers["patch.w1@a[cust-05].do"] = printed("no", exit_code=1)
    async with world(tmp_path, found, plan(1, 2)) as b:
        run_id = await run_of(b, "cust-05,cust-07,cust-09")
        await b.until(run_id, RunStatus.NEEDS_PERSON)
        await b.service.skip(run_id, actor("bo"), reason="it is mended by hand")
        view = await b.until(run_id, RunStatus.SUCCEEDED)

        assert fleet_line(view).startswith("*hosted clusters*: 2 reverted (cust-07, cust-09), 37 untouched")
    over = view.state.unit("wait.w1@a[cust-05]")
    assert (over.status, over.reason) == (
        UnitStatus.SKIPPED,
        "nothing more is done to 'cust-05': 'patch.w1@a[cust-05]' is skipped",
    )
    assert view.state.unit("back@a[cust-05]").status is UnitStatus.SKIPPED
    assert view.state.unit("back@a[cust-07]").status is UnitStatus.DONE


async def test_between_two_waves_a_person_stops(tmp_path: Path) -> None:
    async with world(tmp_path, hosts(), plan(1, 2, pause="continue")) as b:
        run_id = await run_of(b, "cust-05,cust-07,cust-09")
        view = await b.until(run_id, RunStatus.NEEDS_PERSON)
        assert view.state.ask is not None
        assert (view.state.ask.confirm, view.state.ask.step) == ("continue", "patch.w2")
        await b.service.skip(run_id, actor("bo"), reason="enough for today")
        await b.until(run_id, RunStatus.SUCCEEDED)

        assert touched(b) == {"cust-05"}


async def test_what_was_agreed_to_stays_whatever_is_discovered_later(tmp_path: Path) -> None:
    """Between request and claim a cluster came and another's facts changed: the agreed ones are taken, as agreed."""
    found = hosts()
    async with world(tmp_path, found, plan()) as b:
        run_id = await b.ask(parameters={"clusters": "label:tier=gold"})
        found.answers["clusters@a"] = printed(listed(["cust-00", *FORTY]))
        looks = len([action for _, action in found.looks if action.unit == "clusters@a"])
        await b.service.approve(run_id, actor("bo"))
        await b.service.approve(run_id, actor("cy"))
        await b.until(run_id, RunStatus.SUCCEEDED)

        assert touched(b) == set(FORTY[::4])
        assert len([action for _, action in found.looks if action.unit == "clusters@a"]) == looks


async def test_what_is_back_already_is_not_asked_about_before_the_next_wave(tmp_path: Path) -> None:
    """A cluster that was taken back answers otherwise than before; that is past, and holds up no other."""
    found = hosts()

    def workers(action: Action, _host: Host) -> Ended:
        name = action.unit.partition("[")[2].rstrip("]")
        return Ended(exit_code=0, stdout="new" if found.effects["a", f"patch.w1@a[{name}]", "do"] else "old")

    for name in FORTY:
        found.answers[f"newer.0@a[{name}]"] = workers
    data = plan(1, 2)
    probe = {"role": "controller", "on": "first", "foreach": {"items": "clusters"}, "argv": ["w"], "timeout_s": 5}
    told = {"reversible": {"equals": "old"}, "crossed": {"equals": "new"}}
    point = {"id": "newer", "event": "a worker is newer", "probes": [{**probe, **told}]}
    data["points_of_no_return"] = [point]
    data["steps"][0]["guard"] = ["newer"]
    async with world(tmp_path, found, data) as b:
        run_id = await run_of(b, "cust-05,cust-07,cust-09")
        view = await b.until(run_id, RunStatus.SUCCEEDED, RunStatus.NEEDS_PERSON)

        assert view.state.status is RunStatus.SUCCEEDED, view.state.ask
        assert view.state.findings is not None
        assert [reason.where for reason in view.state.findings.points[0].reasons] == ["a[cust-07]", "a[cust-09]"]


async def test_one_that_is_lost_in_flight_holds_nobody_else_up_and_is_not_passed_over(tmp_path: Path) -> None:
    found = hosts()
    found.lose = {"wait.w1@a[cust-01]"}
    async with world(tmp_path, found, plan(3)) as b:
        run_id = await run_of(b, "cust-01,cust-02,cust-03")
        view = await b.until(run_id, RunStatus.NEEDS_PERSON)

    assert "1 unknown (cust-01)" in fleet_line(view)
    assert {view.state.unit(f"wait.w1@a[cust-0{n}]").status for n in (2, 3)} == {UnitStatus.DONE}


# -- the board -------------------------------------------------------------------------------------------------------


async def test_forty_clusters_in_eight_waves_fit_on_a_board(tmp_path: Path) -> None:
    async with world(tmp_path, hosts(), plan(1, 2, 4, 6, 6, 7, 7, pause="continue")) as b:
        run_id = await run_of(b, "all")
        seen = []
        for _ in range(7):
            view = await b.until(run_id, RunStatus.NEEDS_PERSON)
            seen.append(shown(view, b))
            await b.service.resume(run_id, actor("bo"), "continue")
            answered = view.state.asked_seq
            await b.when(run_id, lambda state, seq=answered: state.asked_seq != seq or state.status.ended)  # type: ignore[misc]  # mypy cannot infer a default's type
        end = await b.until(run_id, RunStatus.SUCCEEDED)
        last = shown(end, b)

    assert "✓ done     wave 1, 2 steps" in seen[0]
    assert "wave 6, 2 steps" in seen[6]
    assert "patch (wave 8 of 8)" in seen[6]
    assert "7 untouched (cust-34, " in seen[6]
    assert "40 reverted (cust-01, cust-02, cust-03, cust-04, cust-05, cust-06 and 34 more)" in last


def shown(view: RunView, b: Bot) -> str:
    blocks = board(view, b.clock.now()).blocks
    assert check_blocks(blocks, "message") == []
    assert len(blocks) <= 50
    return "\n".join(
        str(block.get("text", {}).get("text", "")) for block in blocks if isinstance(block.get("text"), dict)
    )
