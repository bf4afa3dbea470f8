"""Which host a step that runs on one of several gets, asked when its turn comes."""

import asyncio
from dataclasses import dataclass

from bot.hands import Hands, action_for
from bot.looker import Looker
from core.action import Verb
from core.election import newest
from core.errors import NotStartedError, OutcomeLostError, RefusedError
from core.plan import On
from core.resolve import ResolvedStep, Unit
from core.run import Run


@dataclass(frozen=True, slots=True)
class Choice:
    host: str  #: "": none could be chosen
    found: str  #: what the host said; or of each why it was not chosen


async def choose(run: Run, step: ResolvedStep, hands: Hands, looker: Looker) -> Choice:
    """Ask the step's hosts, one after the other or, for the newest, all of them."""
    if step.on is On.NEWEST:
        return await _newest(run, step, hands, looker)
    refused = []
    for unit in step.units:
        chosen, found = await _eligible(run, unit, hands, looker)
        if chosen:
            return Choice(unit.host, found)
        refused.append(f"{unit.host}: {found}")
    return Choice("", "; ".join(refused))


async def _eligible(run: Run, unit: Unit, hands: Hands, looker: Looker) -> tuple[bool, str]:
    host = hands.host(run.plan, unit.host)
    if unit.elect is not None:
        answer = await looker.ask(run.id, unit.key, unit.elect, host)
        return bool(answer.holds), answer.found
    action = action_for(run.id, unit.key, Verb.PROBE, unit.verify.command)
    try:
        await hands.executor(host).look(action, host)
    except (NotStartedError, OutcomeLostError) as error:
        return False, str(error)
    return True, "it answers"


async def _newest(run: Run, step: ResolvedStep, hands: Hands, looker: Looker) -> Choice:
    """One that does not tell may be the newest: then nobody is chosen."""
    asked = [(unit, unit.elect) for unit in step.units if unit.elect is not None]
    told = await asyncio.gather(
        *(looker.ask(run.id, unit.key, look, hands.host(run.plan, unit.host)) for unit, look in asked)
    )
    answers = {unit.host: answer for (unit, _), answer in zip(asked, told, strict=True)}
    if silent := [f"{host}: {answer.found}" for host, answer in answers.items() if not answer.holds]:
        return Choice("", "; ".join(silent))
    try:
        host = newest({host: answer.ended.stdout for host, answer in answers.items() if answer.ended is not None})
    except RefusedError as refused:
        return Choice("", str(refused))
    return Choice(host, answers[host].found)
