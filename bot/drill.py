"""`belay drill PLAN`: the whole path without a person, from the request to what is true of the hosts at its end."""

import asyncio
import json
from typing import Any

from bot.judge import end_of, faults
from bot.script import DrillFailedError, Outcome, Script, Story
from bot.stage import stage
from bot.wiring import Config
from core.errors import RefusedError
from core.names import pick
from sandbox.systems.catalogue import full_name, scenario_for, scenario_named
from sandbox.systems.findings import Finding, all_right, describe
from sandbox.systems.scenario import Scenario
from sandbox.systems.system import System


async def drill(plan: str, target: str = "", *, scenario: str = "", as_json: bool = False) -> int:
    """
    Play *scenario* ("": the first of the plan's system) with scripted people.

    Returns 0 if it ended as the scenario says it has to: where it says that the rollback succeeds, only if all is right
    when looked at from outside; where it is refused, only if nothing was run.

    Raises:
        RefusedError: there is no such plan, target or scenario to practise on.
    """
    system, chosen = scenario_named(scenario) if scenario else scenario_for(plan)
    if target not in ("", system.target):
        raise RefusedError(f"the practice system '{system.name}' has the target '{system.target}', not '{target}'")
    result = await play(system, chosen, plan=plan, tell=not as_json)
    if as_json:
        print(json.dumps(result, indent=2))
    else:
        print(f"{'PASSED' if result['passed'] else 'FAILED'} in {result['seconds']:.1f} s: {result['says']}")
        for fault in result["faults"]:
            print(f"  {fault}")
    return 0 if result["passed"] else 1


async def play(system: System, scenario: Scenario, *, plan: str = "", tell: bool = False) -> dict[str, Any]:
    """
    Raise *system*, play *scenario* on it, and judge. Returns the result as plain data.

    Raises:
        UnknownNameError: there is no such plan.
        PlanError: it is not there because its file is not well formed.
    """
    story = Story(started=asyncio.get_running_loop().time(), tell=_tell if tell else _silent)
    async with stage(system, scenario) as found:
        chosen = _the_plan(plan or scenario.plan or system.plan, found.bot.parts.config)
        story.add(f"scenario '{full_name(system, scenario)}': {scenario.title}. {scenario.what_to_expect}")
        try:
            outcome = await Script(stage=found, plan=chosen, story=story).play()
        except DrillFailedError as error:
            return _failed(system, scenario, chosen, story, str(error))
    return as_data(system, scenario, chosen, outcome, story)


def _the_plan(name: str, config: Config) -> str:
    if name not in config.plans and config.plan_errors:
        raise config.plan_errors[0]
    return pick("plan", name, config.plans)


def as_data(system: System, scenario: Scenario, plan: str, outcome: Outcome, story: Story) -> dict[str, Any]:
    found = faults(scenario, outcome)
    return {
        "passed": not found,
        "faults": found,
        "system": system.name,
        "plan": plan,
        "scenario": full_name(system, scenario),
        "expected": scenario.end.value,
        "run": outcome.view.run.id if outcome.view else None,
        "status": end_of(outcome),
        "right": all_right(outcome.truth),
        "truth": [_finding(one) for one in (*outcome.truth, *outcome.also)],
        "hosts_acted_on": sorted(outcome.claims),
        "says": f"{end_of(outcome)}; {describe(outcome.truth)}; something was run on {len(outcome.claims)} host(s)",
        "refused": outcome.refused,
        "question": outcome.ask.reason if outcome.ask else "",
        "board": outcome.board,
        **_told(story),
    }


def _failed(system: System, scenario: Scenario, plan: str, story: Story, error: str) -> dict[str, Any]:
    """The result of a drill that could not be played to its end."""
    return {
        "passed": False,
        "faults": [error],
        "system": system.name,
        "plan": plan,
        "scenario": full_name(system, scenario),
        "expected": scenario.end.value,
        "status": "not played to its end",
        "says": error,
        **_told(story),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {"what": finding.what, "right": finding.right, "found": finding.found}


def _told(story: Story) -> dict[str, Any]:
    return {
        "seconds": story.lines[-1][0] if story.lines else 0.0,
        "story": [{"at_s": at, "what": what} for at, what in story.lines],
    }


def _tell(at_s: float, text: str) -> None:
    print(f"{at_s:7.2f} s  {text}", flush=True)


def _silent(_at_s: float, _text: str) -> None:
    """The story is part of the result, and nothing else is printed."""
