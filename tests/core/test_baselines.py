"""What is asked before an upgrade, what of an answer is kept, what has changed since, and what goes over it."""

from typing import Any

import pytest

from core.baselines import MAX_BYTES, BaselineLook, differences, looks, value_of
from core.errors import RefusedError
from core.ledger import Ledger
from core.resolve import ResolvedPlan
from tests.core.making import look, make_ledger, make_plan, make_target, resolved

UNITS: dict[str, Any] = {"id": "units", "role": "controller", "lines": True, "argv": ["units"], "timeout_s": 9}
STATE: dict[str, Any] = {"id": "state", "role": "controller", "on": "first", "argv": ["state"], "timeout_s": 9}


def ask(**changes: Any) -> BaselineLook:
    return looks(make_plan(baselines=[{**UNITS, **changes}]), make_target())[0]


# -- asking ----------------------------------------------------------------------------------------------------------


def test_all_hosts_answer_for_themselves_or_the_first_for_all() -> None:
    found = looks(make_plan(baselines=[UNITS, STATE]), make_target())

    assert [(each.fact, each.host.name) for each in found] == [("units@c1", "c1"), ("units@c2", "c2"), ("state", "c1")]


def test_parameters_that_need_no_request_are_known() -> None:
    argv = {**UNITS, "argv": ["units", "{region}", "{host}"]}

    assert looks(make_plan(baselines=[argv]), make_target(region="west"))[1].command.argv == ("units", "west", "c2")


def test_a_parameter_that_needs_one_has_no_value_here() -> None:
    parameters = {"region": {"what": "where"}}
    plan = make_plan(baselines=[{**UNITS, "argv": ["units", "{region}"]}], parameters=parameters)

    with pytest.raises(RefusedError, match=r"'{region}' has no value here"):
        looks(plan, make_target())


def test_a_plan_without_baselines_captures_nothing() -> None:
    with pytest.raises(RefusedError, match=r"names no baselines"):
        looks(make_plan(), make_target())


# -- keeping ---------------------------------------------------------------------------------------------------------


def test_a_list_is_kept_a_line_an_item_without_blank_ones() -> None:
    assert value_of(ask(), 0, "\n  a \n\nb\n") == "a\nb"


def test_a_text_is_kept_as_it_is() -> None:
    assert value_of(ask(lines=False), 0, "\n  a\n\n b \n") == "a\n\n b"


@pytest.mark.parametrize(
    ("exit_code", "stdout", "why"),
    [
        (1, "a", "failed with exit 1"),
        (0, " \n ", "printed nothing"),
        (0, "x" * MAX_BYTES, "64 KiB or more"),
    ],
)
def test_what_is_no_answer_is_not_kept(exit_code: int, stdout: str, why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        value_of(ask(), exit_code, stdout)


def test_empty_is_an_answer_where_the_plan_says_so() -> None:
    assert value_of(ask(may_be_empty=True), 0, "\n") == ""


# -- comparing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "recorded", "live", "said"),
    [
        (True, "a\nb", "b\na", ()),
        (True, "a\nb", "b\nc", ("units@c1: gone: a", "units@c1: new: c")),
        (True, "a", "", ("units@c1: gone: a",)),
        (False, "10.6", "10.6\n", ()),
        (False, "10.6", "10.11", ("units@c1: was '10.6', is '10.11'",)),
        (False, "a\nb", "a\nc", ("units@c1: gone: b", "units@c1: new: c")),
        (False, "a\nb\nc", "a\nc", ("units@c1: gone: b",)),
        (False, None, "x", ("units@c1: was never recorded",)),
    ],
)
def test_what_has_changed_since(lines: bool, recorded: str | None, live: str, said: tuple[str, ...]) -> None:
    assert sorted(differences(ask(lines=lines), recorded, live)) == sorted(said)


def test_a_thousand_differences_are_counted() -> None:
    live = "\n".join(f"unit-{n}" for n in range(1_000))

    found = differences(ask(), "a", live)

    assert len(found) == 21
    assert found[-1] == "units@c1: … and 981 more lines"


# -- going over it ---------------------------------------------------------------------------------------------------


def over(ledger: Ledger, *, on: str = "all", **changes: Any) -> ResolvedPlan:
    start = {"foreach": {"baseline": "units"}, "on": on, "do": {"argv": ["svc", "{item}"], "timeout_s": 1}}
    return resolved({"start": start}, ledger=ledger, baselines=[{**UNITS, **changes}])


def units(plan: ResolvedPlan) -> list[str]:
    return [unit.key for unit in plan.step("start").units]


def test_each_host_goes_over_its_own_list_one_item_after_another() -> None:
    plan = over(make_ledger(baseline={"units@c1": "api\ndb", "units@c2": "db\ncron"}))

    assert units(plan) == ["start@c1[api]", "start@c1[db]", "start@c2[db]", "start@c2[cron]"]
    assert [unit.do.argv[1] for unit in plan.step("start").units if unit.do] == ["api", "db", "db", "cron"]


def test_a_list_of_the_whole_target_is_every_host_s() -> None:
    plan = over(make_ledger(baseline={"units": "api", "units@c2": "cron"}))

    assert units(plan) == ["start@c1[api]", "start@c2[cron]"]


@pytest.mark.parametrize("baseline", [{}, {"units@c1": "api"}, {"units@c1": "api", "units@c2": " \n"}])
def test_a_list_that_was_not_recorded_says_what_records_it(baseline: dict[str, str]) -> None:
    with pytest.raises(RefusedError, match=r"step 'start' goes over .* `belay baseline capture east back`"):
        over(make_ledger(baseline=baseline))


def test_a_list_that_may_be_empty_leaves_a_host_out_and_at_last_the_step() -> None:
    some = make_ledger(baseline={"units@c1": "", "units@c2": "db"})
    none = make_ledger(baseline={"units@c1": "", "units@c2": ""})

    assert units(over(some, may_be_empty=True)) == ["start@c2[db]"]
    assert "start" not in [step.id for step in over(none, may_be_empty=True).steps]


@pytest.mark.parametrize(("recorded", "why"), [("a\na", "over 'a' twice"), ("-rf", "no usable word")])
def test_an_item_that_cannot_be_meant(recorded: str, why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        over(make_ledger(baseline={"units@c1": recorded, "units@c2": "b"}))


def test_looks_go_over_it_too() -> None:
    """A question an item: where it was asked says so, and each has an answer of its own."""
    each = {"foreach": {"baseline": "units"}}
    data = make_ledger(baseline={"units@c1": "api\ndb", "units@c2": "db"})
    probe = {"role": "controller", "argv": ["is", "{item}"], "timeout_s": 5, **each}
    point = {"id": "p", "event": "e", "probes": [{**probe, "reversible": {"exit": 0}, "crossed": {"exit": 1}}]}
    checks: dict[str, Any] = {
        "preflight": [{"id": "room", "role": "controller", **look("df", "{item}"), **each}],
        "validations": [{"id": "runs", "role": "controller", **look("is", "{item}"), **each}],
    }

    plan = resolved(
        {"restore": {"guard": ["p"]}}, ledger=data, baselines=[UNITS], points_of_no_return=[point], **checks
    )

    places = ["c1[api]", "c1[db]", "c2[db]"]
    assert [each.where for each in plan.points[0].probes] == places
    assert [(q.host, q.item) for q in plan.questions()] == [("c1", "api"), ("c1", "db"), ("c2", "db")]
    assert [each.where for each in plan.preflight] == places
    assert [unit.key for unit in plan.step("runs").units] == [f"runs@{place}" for place in places]
    assert [unit.verify.command.argv for unit in plan.step("runs").units] == [("is", "api"), ("is", "db"), ("is", "db")]
