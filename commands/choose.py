"""Which target, plan or run a word means; near ones are offered, and what is clear may be left out."""

import re
from collections.abc import Mapping, Sequence

from commands.base import Request
from commands.grammar import assignment, shown
from core.errors import RefusedError, UnknownNameError
from core.names import pick
from core.plan import Plan
from core.ports import Service
from core.run import RunView
from core.target import Target
from core.words import in_words

_RUN = re.compile(r"(?:[rR]-?)?0*([0-9]{1,7})")


def run_id(word: str) -> str | None:
    """Return "R-17" for "R-17", "r-17", "r17" or "17"; None if *word* is no run's name."""
    match = _RUN.fullmatch(word) if word.isascii() else None
    return f"R-{match.group(1)}" if match else None


async def the_target(word: str, service: Service) -> Target:
    """
    Raises:
        UnknownNameError: no target has this name.
    """
    targets = {target.id: target for target in await service.targets()}
    if not targets:
        raise RefusedError("no target is known yet; describe one in the targets file")
    by_lower = {name.lower(): name for name in targets}
    name = by_lower.get(word.lower(), word)
    return targets[pick("target", name, targets)]


async def the_plan(word: str, target: str, service: Service) -> Plan:
    """
    Return the plan *word* names by its id or by the release it goes back to; without a word, the only one.

    Raises:
        RefusedError: none fits, or more than one does.
    """
    plans = await service.plans(target)
    if not plans:
        raise RefusedError(f"no plan fits {target}; `/rollback plans` lists all of them")
    if not word:
        if len(plans) > 1:
            raise RefusedError(f"which plan? {target} has: {_names(plans)}; add --to PLAN")
        return plans[0]
    found = [plan for plan in plans if plan.id.lower() == word.lower()]
    found = found or [plan for plan in plans if word.lower() in [name.lower() for name in plan.names]]
    if len(found) > 1:
        raise RefusedError(f"{shown(word)} could be any of: {', '.join(plan.id for plan in found)}; say which")
    if not found:
        names = [name.lower() if name != plan.id else name for plan in plans for name in plan.names]
        pick("plan", word.lower() if len(word) <= 63 else word[:63], names, context=f"for {target}")
    return found[0]


def _names(plans: Sequence[Plan]) -> str:
    return ", ".join(f"{plan.id} (to {in_words(plan.destination)})" for plan in plans)


async def the_run(request: Request, service: Service) -> tuple[RunView, tuple[str, ...]]:
    """
    Return the run the first word names and the words after it. Where the first word is no run's name, the run was
    left out: that is clear only while exactly one is active.

    Raises:
        RefusedError: there is no such run, or none or several are active.
    """
    words = request.words
    name = run_id(words[0]) if words else None
    if name is not None:
        return await service.run(name), words[1:]
    active = await service.runs(active=True)
    if len(active) == 1:
        return active[0], words
    if not active:
        raise RefusedError("no run is active; `/rollback history` lists the last ones")
    raise RefusedError(f"which run? active: {', '.join(view.run.id for view in active)}")


def no_more_words(words: Sequence[str], usage: str) -> None:
    """
    Raises:
        RefusedError: a word is left that means nothing here.
    """
    if words:
        what = "is no run's name (they look like R-17)" if len(words) == 1 else "is one word too many"
        raise UnknownNameError(f"{shown(words[0])} {what}. usage: {usage}")


def target_and_parameters(words: Sequence[str], usage: str) -> tuple[str, Mapping[str, str]]:
    """
    Split `TARGET name=value …`.

    Raises:
        RefusedError: no target, more than one, or a parameter given twice.
    """
    names = [word for word in words if assignment(word) is None]
    if len(names) != 1:
        what = "the target is missing" if not names else f"{shown(names[1])} is one word too many"
        raise RefusedError(f"{what}. usage: {usage}")
    parameters: dict[str, str] = {}
    for pair in filter(None, map(assignment, words)):
        if pair[0] in parameters:
            raise RefusedError(f"the parameter {shown(pair[0])} is given twice; which value is meant?")
        parameters[pair[0]] = pair[1]
    return names[0], parameters
