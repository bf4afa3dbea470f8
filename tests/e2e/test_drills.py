"""The frame: a drill of a system nobody ships, each way it can end; and a drill that has to fail does fail."""

from dataclasses import replace

import pytest

from bot.drill import play
from sandbox.systems.scenario import Answer, End, Scenario, before
from tests.needs import own_view
from tests.sandbox.systems import tiny

__all__ = ["own_view"]


@pytest.mark.parametrize("scenario", tiny.SCENARIOS, ids=lambda scenario: scenario.name)
async def test_each_scenario_ends_as_it_has_to(scenario: Scenario) -> None:
    result = await play(tiny.SYSTEM, scenario)

    assert result["faults"] == []
    assert result["passed"]


async def test_a_rollback_that_forgets_the_step_is_found_out() -> None:
    """The command says 0 and does nothing, and its verification is as blind: only the truth tells."""
    blind = tiny.PLAN.replace('argv: [sudo, cp, "{snapshot.release.place}", /etc/app-release]', "argv: [sudo, ls]")
    blind = blind.replace("expect: {equals: old}", "expect: {exit: 0}")
    assert blind.count("expect: {exit: 0}") == 3

    result = await play(replace(tiny.SYSTEM, own_plans={"tiny.yaml": blind}), tiny.BACK)

    assert result["status"] == "succeeded"
    assert not result["passed"]
    assert "all should be right in the end: wrong: the release of node-1: new" in result["faults"]


async def test_a_probe_that_sees_nothing_is_found_out() -> None:
    blind = tiny.PLAN.replace("/var/lib/sealed", "/var/lib/else")

    result = await play(replace(tiny.SYSTEM, own_plans={"tiny.yaml": blind}), tiny.SEALED)

    assert not result["passed"]
    assert "it should end 'refused', and is 'succeeded'" in result["faults"]
    assert any("it was refused, and yet something was run" in fault for fault in result["faults"])


async def test_an_answer_nobody_needed_and_a_moment_that_never_came_are_found_out() -> None:
    scenario = replace(
        tiny.SEALED,
        answers=(Answer(to="put-back", word="retry"),),
        at={before("put-back"): tiny.does("true")},
    )

    faults = (await play(tiny.SYSTEM, scenario))["faults"]

    assert faults == [
        "nobody ever asked what 'retry' (to 'put-back') would have answered",
        "the run never came to: before put-back",
    ]


async def test_words_that_people_should_have_read_are_missed() -> None:
    scenario = replace(tiny.SEALED, says=("the moon is full",))

    (fault,) = (await play(tiny.SYSTEM, scenario))["faults"]

    assert fault.startswith("people should have read 'the moon is full'; they read: ")


async def test_a_request_that_is_no_request() -> None:
    """Refused in words to the requester alone: there is no run and no board, and nothing was run."""
    scenario = replace(tiny.SEALED, parameters={"speed": "11"}, prepare=tiny.does("true"), says=("speed",))

    result = await play(tiny.SYSTEM, scenario)

    assert result["faults"] == []
    assert result["run"] is None
    assert "speed" in result["refused"]


def test_ends_are_all_there() -> None:
    assert {scenario.end for scenario in tiny.SCENARIOS} == set(End)
