"""Judging is pure: what each kind of damage is called."""

from typing import Any

import pytest

from chaos.judging import Expected, judge
from chaos.spec import Effects

PRINTED = {"head": "one\n", "tail": "", "left_out": 0, "size": 4}
WANT = Expected(
    status="succeeded",
    units={"stop@a": "done"},
    effects=frozenset({("stop@a", "do")}),
    outputs={("stop@a", "do"): (0, PRINTED)},
)
ONCE: Effects = {("R-1", "stop@a", "do"): "1"}


def run(**changes: Any) -> dict[str, Any]:
    output = {"unit": "stop@a", "verb": "do", "attempt": 1, "exit": 0, "output": PRINTED}
    return {
        "id": "R-1",
        "status": "succeeded",
        "reason": "",
        "units": {"stop@a": "done"},
        "entries": ["claimed"],
        "outputs": [output],
        "claimed": True,
        "locked": False,
        **changes,
    }


def test_the_same_as_undisturbed_is_clean() -> None:
    assert judge(WANT, {"runs": [run()]}, ONCE, hosts_failed=False).clean


def test_another_attempt_after_a_proof_that_the_first_never_ran_is_clean() -> None:
    assert judge(WANT, {"runs": [run()]}, {("R-1", "stop@a", "do"): "2"}, hosts_failed=False).clean


@pytest.mark.parametrize("attempts", ["11", "12"])
def test_two_effects_are_an_action_that_ran_twice(attempts: str) -> None:
    found = judge(WANT, {"runs": [run()]}, {("R-1", "stop@a", "do"): attempts}, hosts_failed=False)
    assert len(found.twice) == 1


@pytest.mark.parametrize(
    "outputs", [[], [{"unit": "stop@a", "verb": "do", "attempt": 1, "exit": None, "output": PRINTED}]]
)
def test_an_outcome_that_did_not_come_back_is_lost_unless_its_host_failed(outputs: list[Any]) -> None:
    facts = {"runs": [run(outputs=outputs)]}
    assert judge(WANT, facts, ONCE, hosts_failed=False).lost
    told = judge(WANT, facts, ONCE, hosts_failed=True)
    assert told.clean
    assert told.with_host == ["stop@a do"]


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "failed"},
        {"units": {"stop@a": "failed"}},
        {"claimed": False},
        {"entries": ["claimed", "claimed"]},
        {"locked": True},
    ],
)
def test_whatever_differs_from_the_undisturbed_run_is_wrong(changes: dict[str, Any]) -> None:
    assert not judge(WANT, {"runs": [run(**changes)]}, ONCE, hosts_failed=False).clean


def test_a_step_that_was_forgotten_or_should_not_have_run_is_wrong() -> None:
    assert not judge(WANT, {"runs": [run()]}, {}, hosts_failed=False).clean
    more = {**ONCE, ("R-1", "start@a", "do"): "1"}
    assert not judge(WANT, {"runs": [run()]}, more, hosts_failed=False).clean


def test_a_refused_request_before_it_is_no_harm_and_any_other_run_is() -> None:
    refused = run(id="R-0", status="refused", units={}, outputs=[], claimed=False, entries=[])
    assert judge(WANT, {"runs": [run(), refused]}, ONCE, hosts_failed=False).clean
    assert not judge(WANT, {"runs": [run(), run(id="R-0")]}, ONCE, hosts_failed=False).clean
    acted = {**ONCE, ("R-0", "stop@a", "do"): "1"}
    assert not judge(WANT, {"runs": [run(), refused]}, acted, hosts_failed=False).clean
