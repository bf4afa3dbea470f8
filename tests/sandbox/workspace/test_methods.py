"""The table of methods agrees with Slack's own definitions."""

import pytest

from sandbox.workspace.api import METHODS
from sandbox.workspace.api.method import Method
from tests.sandbox.workspace.slack_truth import method as definition_of

DEFINED = [method for method in METHODS.values() if definition_of(method.name)]


def test_almost_every_method_has_a_definition_to_be_held_against() -> None:
    undefined = {name for name in METHODS if definition_of(name) is None}

    assert undefined == {"users.list", "conversations.list", "pins.remove"}


@pytest.mark.parametrize("method", DEFINED, ids=lambda each: each.name)
def test_required_arguments(method: Method) -> None:
    definition = definition_of(method.name) or {}
    required = set((definition["args"].get("required")) or ()) - {"token"}

    assert set(method.required) == required


@pytest.mark.parametrize("method", DEFINED, ids=lambda each: each.name)
def test_scopes_are_ones_the_definition_accepts(method: Method) -> None:
    accepted = set(((definition_of(method.name) or {}).get("scope") or {}).get("bot") or ())

    assert set(method.scopes) <= accepted
    assert bool(method.scopes) == bool(accepted)


@pytest.mark.parametrize("method", DEFINED, ids=lambda each: each.name)
def test_rate_tier(method: Method) -> None:
    tier = (definition_of(method.name) or {}).get("rate_limits")

    assert tier in (None, f"t{method.tier}")
