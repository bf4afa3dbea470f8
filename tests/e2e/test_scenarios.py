"""Every scenario of the practice cloud from `/rollback start` to its end: real SSH, a real service, the whole bot."""

from typing import Any

import pytest

from bot.drill import play
from sandbox.systems.practice import SYSTEM


@pytest.mark.parametrize("name", [scenario.name for scenario in SYSTEM.scenarios])
async def test_it_ends_as_it_has_to(name: str) -> None:
    """By what is true of the hosts, not by the bot's word; what a drill looks at is tried in test_judge."""
    result: dict[str, Any] = await play(SYSTEM, SYSTEM.scenario(name))

    assert result["faults"] == []


async def test_crossed_in_mid_run_restores_nothing() -> None:
    """The services were stopped, then a compute was converted: the restore does not start, the stops are undone."""
    result = await play(SYSTEM, SYSTEM.scenario("crossed-mid-run"))

    assert result["faults"] == []
    told = [line["what"] for line in result["story"]]
    assert not any(what.startswith("restore-database@controller-1") for what in told)
    assert any(what.startswith("stop-services@controller-1: undone") for what in told)
