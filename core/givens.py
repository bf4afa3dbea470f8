"""What a plan is given from outside: parameters, snapshots, and the words that stand for all of it."""

import re
from collections.abc import Mapping
from typing import Any

from core import plan as p
from core.errors import RefusedError
from core.items import text_of
from core.ledger import Ledger
from core.target import Target


def check_system(plan: p.Plan, target: Target) -> None:
    """
    Raises:
        RefusedError: the plan is for another family of upgrades than the target's.
    """
    if plan.system != target.system:
        raise RefusedError(
            f"plan '{plan.id}' is for '{plan.system}' and target '{target.id}' is a '{target.system}'; "
            f"`/rollback plans {target.id}` lists the plans that fit"
        )


def parameters_of(plan: p.Plan, target: Target, given: Mapping[str, str]) -> dict[str, str]:
    """
    Return every parameter's value: as it was given, else by a fact of the target, else by default.

    Raises:
        RefusedError: one is unknown, has no value, or does not fit its pattern.
    """
    for name in given:
        if name not in plan.parameters:
            raise RefusedError(
                f"plan '{plan.id}' has no parameter '{name}'; it has: {', '.join(plan.parameters) or '-'}"
            )
    values = {}
    for name, parameter in plan.parameters.items():
        value = given.get(name, None if name == plan.chosen_by else _known(name, parameter, target))
        if value is None:
            raise RefusedError(f"plan '{plan.id}' needs the parameter '{name}' ({parameter.what}); give {name}=VALUE")
        values[name] = _fitting(name, parameter, text_of(value))
    return values


def known_parameters(plan: p.Plan, target: Target) -> dict[str, str]:
    """
    Return those that have a value without anybody's request: by a fact of the target, or by default.

    Raises:
        RefusedError: a value does not fit its pattern.
    """
    known = {name: _known(name, each, target) for name, each in plan.parameters.items() if name != plan.chosen_by}
    return {
        name: _fitting(name, plan.parameters[name], text_of(value))
        for name, value in known.items()
        if value is not None
    }


def _known(name: str, parameter: p.Parameter, target: Target) -> Any:
    return target.facts.get(parameter.fact or name, parameter.default)


def _fitting(name: str, parameter: p.Parameter, value: str) -> str:
    if not re.fullmatch(parameter.pattern, value):
        raise RefusedError(f"parameter '{name}' should look like {parameter.pattern}, is '{value}'")
    return value


def recorded_words(target: Target, parameters: Mapping[str, str], ledger: Ledger) -> dict[str, str]:
    """The words that need no snapshot: the target, the parameters, the upgrade and its hops, the baseline."""
    words = {"target": target.id, **parameters}
    if ledger.upgrade is not None:
        words |= {"upgrade.origin": ledger.upgrade.origin, "upgrade.destination": ledger.upgrade.destination}
        words |= {"hop.current": ledger.release, "hop.open": hop.destination if (hop := ledger.open_hop) else "none"}
    return words | {f"baseline.{fact}": value for fact, value in ledger.baseline.items()}
