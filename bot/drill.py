"""`belay drill PLAN`: the whole path without a person, from the request to the service's own answer."""

import asyncio
import json
from typing import Any

from bot.script import Outcome, Story, plan_named, play
from bot.stage import TARGET, scenario_named, stage
from core.errors import RefusedError


async def drill(plan: str, target: str = TARGET, *, scenario: str = "reversible", as_json: bool = False) -> int:
    """
    Play *scenario* with scripted people. Returns 0 if it ended as the scenario says it has to: where it says that
    the rollback succeeds, only if it did and the service answers rightly; else only if it was stopped and nothing
    was made worse.

    Raises:
        RefusedError: the practice world has no such plan, target or scenario.
    """
    if target not in ("", TARGET):
        raise RefusedError(f"the practice world has the target '{TARGET}', not '{target}'")
    story = Story(started=asyncio.get_running_loop().time(), tell=_silent if as_json else _tell)
    chosen = scenario_named(scenario)
    async with stage(chosen) as found:
        story.add(f"scenario '{chosen.name}': {chosen.title}. {chosen.what_to_expect}")
        outcome = await play(found, plan_named(found, plan), story)
    passed = outcome.as_expected(succeeds=chosen.succeeds)
    result = as_data(plan, chosen.name, outcome, story, passed=passed)
    if as_json:
        print(json.dumps(result, indent=2))
    else:
        print(f"{'PASSED' if passed else 'FAILED'} in {result['seconds']:.1f} s: {result['says']}")
    return 0 if passed else 1


def as_data(plan: str, scenario: str, outcome: Outcome, story: Story, *, passed: bool) -> dict[str, Any]:
    status = outcome.view.state.status.value if outcome.view else "refused"
    right = bool(outcome.answer["right"])
    return {
        "passed": passed,
        "plan": plan,
        "scenario": scenario,
        "run": outcome.view.run.id if outcome.view else None,
        "status": status,
        "service_right": right,
        "hosts_acted_on": outcome.touched,
        "says": f"{status}, the service answers {'rightly' if right else 'wrongly'}, "
        f"something was run on {len(outcome.touched)} host(s)",
        "board": outcome.board,
        "seconds": story.lines[-1][0],
        "story": [{"at_s": at, "what": what} for at, what in story.lines],
    }


def _tell(at_s: float, text: str) -> None:
    print(f"{at_s:7.2f} s  {text}", flush=True)


def _silent(_at_s: float, _text: str) -> None:
    """With --json the story is part of the result, and nothing else is printed."""
