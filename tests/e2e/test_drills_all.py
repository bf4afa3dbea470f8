"""`belay drill --all`: workers, the table, the exit status; one that dies or hangs fails its own scenario alone."""

import asyncio
import json
import os
import signal
from dataclasses import replace

import pytest

from bot import drills
from bot.drills import Crew, all_drills, row, summary
from sandbox.systems.practice import SYSTEM


def result(name: str, *, passed: bool = True) -> drills.Result:
    faults = [] if passed else ["something was wrong"]
    return {
        "passed": passed,
        "faults": faults,
        "scenario": name,
        "expected": "refused",
        "status": "refused",
        "seconds": 2.0,
    }


async def test_two_scenarios_by_real_workers(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    few = replace(SYSTEM, scenarios=tuple(SYSTEM.scenario(name) for name in ("crossed-live", "crossed-recorded")))
    monkeypatch.setattr(drills, "SYSTEMS", (few,))

    assert await all_drills(jobs=2) == 0

    shown = capsys.readouterr().out.splitlines()
    assert shown[0].split() == ["scenario", "expected", "got", "seconds"]
    assert sorted(line.split()[0] for line in shown[1:3]) == ["crossed-live", "crossed-recorded"]
    assert shown[-1].startswith("2 of 2 drills ended as they have to, in ")


async def test_a_worker_that_dies_fails_its_scenario_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    hire, hired = drills._hire, []

    async def mortal() -> asyncio.subprocess.Process:
        process = await hire()
        hired.append(process)
        if len(hired) == 1:
            os.kill(process.pid, signal.SIGKILL)
        return process

    monkeypatch.setattr(drills, "_hire", mortal)
    results = await Crew(names=["crossed-live", "crossed-recorded"], jobs=1, tell=False).work()

    assert [one["status"] for one in results] == ["lost", "refused"]
    assert [one["passed"] for one in results] == [False, True]
    assert "its worker died" in results[0]["faults"][0]


async def test_a_worker_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    hire = drills._hire

    async def frozen() -> asyncio.subprocess.Process:
        process = await hire()
        os.kill(process.pid, signal.SIGSTOP)
        return process

    monkeypatch.setattr(drills, "_hire", frozen)
    monkeypatch.setattr(drills, "PATIENCE_S", 0.5)
    monkeypatch.setattr(drills, "DISMISS_S", 0.5)
    (only,) = await Crew(names=["crossed-live"], jobs=1, tell=False).work()

    assert only["status"] == "lost"


async def test_one_that_fails_is_shown_with_its_reason(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def played(_self: Crew) -> list[drills.Result]:
        return [result("a"), result("b", passed=False)]

    monkeypatch.setattr(Crew, "work", played)

    assert await all_drills(as_json=True) == 1
    assert json.loads(capsys.readouterr().out)["passed"] is False
    assert row(result("b", passed=False)).endswith("  FAILED")
    text = summary([result("a"), result("b", passed=False)], 3.2)
    assert text == "b FAILED:\n  something was wrong\n1 of 2 drills ended as they have to, in 3 s"


@pytest.mark.parametrize("mends", [True, False])
async def test_what_failed_is_played_once_more_if_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, mends: bool
) -> None:
    asked: list[tuple[str, ...]] = []

    async def played(self: Crew) -> list[drills.Result]:
        asked.append(tuple(self.names))
        return [result(name, passed=name != "crossed-live" or (mends and len(asked) > 1)) for name in self.names]

    monkeypatch.setattr(Crew, "work", played)
    monkeypatch.setattr(drills, "SYSTEMS", (SYSTEM,))

    assert await all_drills(again=True) == (0 if mends else 1)
    assert asked[1:] == [("crossed-live",)]
    assert "once more, alone:" in capsys.readouterr().out
