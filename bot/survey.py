"""Asking the hosts for a plan's baselines: before an upgrade to keep the answers, afterwards to compare them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bot.looker import Looker
from core.action import Verb
from core.baselines import BaselineLook, differences, looks, value_of
from core.errors import NotStartedError, OutcomeLostError, RefusedError
from core.ledger import Ledger
from core.plan import Plan
from core.target import Target

#: Called with one line for each answer as it comes.
Tell = Callable[[str], None]
#: Problems told at once; a site whose link is down has hundreds of the same.
_MOST_PROBLEMS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What is no longer as it was recorded; `facts` were compared."""

    facts: int
    differences: tuple[str, ...]  #: a line each; silence of a host is one too


class Survey:
    def __init__(self, looker: Looker) -> None:
        self._looker = looker

    async def capture(self, plan: Plan, target: Target, tell: Tell) -> Mapping[str, str]:
        """
        Return every baseline of the plan, by fact. All or nothing.

        Raises:
            RefusedError: some could not be captured; the text names each host and look.
        """
        asked = looks(plan, target)
        values, problems = await self._ask(asked, tell)
        if problems:
            shown = [f"{fact}: {why}" for fact, why in list(problems.items())[:_MOST_PROBLEMS]]
            more = [f"and {len(problems) - _MOST_PROBLEMS} more"] if len(problems) > _MOST_PROBLEMS else []
            raise RefusedError(
                f"nothing was recorded: {len(problems)} of {len(asked)} facts cannot be captured\n  "
                + "\n  ".join([*shown, *more])
            )
        return values

    async def compare(self, plan: Plan, target: Target, ledger: Ledger, tell: Tell) -> Comparison:
        """Hold what the hosts answer now against what was recorded, where the plan says that it should be the same."""
        asked = [look for look in looks(plan, target) if look.baseline.compare]
        values, problems = await self._ask(asked, tell)
        found: list[str] = []
        for look in asked:
            if look.fact in problems:
                found.append(f"{look.fact}: cannot be asked now: {problems[look.fact]}")
            else:
                found += differences(look, ledger.baseline.get(look.fact), values[look.fact])
        return Comparison(facts=len(asked), differences=tuple(found))

    async def _ask(self, asked: Sequence[BaselineLook], tell: Tell) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Return the values and the problems, each by fact, in the order of the plan."""
        values: dict[str, str] = {}
        problems: dict[str, str] = {}

        async def one(look: BaselineLook) -> None:
            try:
                values[look.fact] = value = await self._value(look)
            except (RefusedError, NotStartedError, OutcomeLostError) as error:
                problems[look.fact] = said = str(error)
            else:
                said = _size(look, value)
            tell(f"{len(values) + len(problems)} of {len(asked)}: {look.fact}: {said}")

        await asyncio.gather(*map(one, asked))
        order = [look.fact for look in asked]
        return {fact: values[fact] for fact in order if fact in values}, {
            fact: problems[fact] for fact in order if fact in problems
        }

    async def _value(self, look: BaselineLook) -> str:
        ended = await self._looker.look("baseline", look.fact, Verb.PROBE, look.command, look.host)
        if ended.exit_code and (text := " ".join(ended.output.text.split())):
            raise RefusedError(f"the look failed with exit {ended.exit_code}: {text[:200]}")
        return value_of(look, ended.exit_code, ended.stdout)


def _size(look: BaselineLook, value: str) -> str:
    if not value:
        return "empty, as it may be"
    if look.baseline.lines:
        return f"{len(value.splitlines())} lines"
    return f"{len(value.encode())} bytes"
