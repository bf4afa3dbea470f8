"""Every scenario from `/rollback start` to its end: real SSH, a real service, the local workspace, the whole bot."""

import asyncio

import pytest

from bot.script import Outcome, Story, play
from bot.stage import stage
from core.run_states import RunStatus
from sandbox.hosts.scenarios import SCENARIOS

#: What the channel has to say about each refusal: what was found, and where.
SAID = {
    "crossed-recorded": "compute-converted is CROSSED (ledger: checkpoint 'compute-upgraded'",
    "crossed-live": "compute-converted is CROSSED (compute-2: converted to ocata",
    "host-unreachable": "compute-converted is UNKNOWN (compute-1: cannot reach 'compute-1'",
    "crossed-before-claim": "compute-converted is CROSSED (compute-2: converted to ocata",
}


async def played(name: str) -> Outcome:
    story = Story(started=asyncio.get_running_loop().time(), tell=lambda _at, _text: None)
    async with stage(SCENARIOS[name]) as found:
        return await play(found, "newton", story)


@pytest.mark.parametrize("name", [name for name, scenario in SCENARIOS.items() if scenario.succeeds])
async def test_the_old_version_answers_rightly_in_the_end(name: str) -> None:
    """By the service's own word, not the bot's."""
    outcome = await played(name)

    assert outcome.view is not None
    assert outcome.view.state.status is RunStatus.SUCCEEDED
    assert outcome.answer_before["right"] is False
    assert outcome.answer["right"] is True


@pytest.mark.parametrize("name", sorted(SAID))
async def test_what_is_refused_ran_nothing_and_the_channel_says_why(name: str) -> None:
    outcome = await played(name)

    assert outcome.view is not None
    assert outcome.view.state.status is RunStatus.REFUSED
    assert outcome.touched == []
    assert SAID[name] in outcome.board
    assert outcome.answer == outcome.answer_before


async def test_crossed_in_mid_run_restores_nothing_and_unwinds() -> None:
    """The services were stopped, then a compute was converted: the restore does not start, the stops are undone."""
    outcome = await played("crossed-mid-run")

    assert outcome.view is not None
    assert outcome.view.state.status is RunStatus.UNWOUND
    assert not outcome.view.state.unit("restore-database@controller-1").ever_started
    assert outcome.answer == outcome.answer_before


def test_every_scenario_is_tested() -> None:
    tested = set(SAID) | {name for name, scenario in SCENARIOS.items() if scenario.succeeds} | {"crossed-mid-run"}

    assert tested == set(SCENARIOS)
