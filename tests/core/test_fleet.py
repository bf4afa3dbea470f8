"""Fleets: what is there, what the requester chose of it, in which waves, and what becomes of whom."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import RefusedError
from core.fleet import FleetItem, Selection, read_items, select, waves
from core.fleet_truth import Truth, items_left, truth_table
from core.plan import Command, Fleet
from core.reader import build_plan
from core.resolve import ResolvedPlan, resolve
from core.schedule import PassOver, decide
from core.state import RunState
from tests.core.fleet_making import ITEMS, OVER, cluster, fleet_plan
from tests.core.making import (
    BEGUN,
    later,
    make_ledger,
    make_target,
    plan_data,
    resolved,
    say,
    state_after,
)

CLUSTERS = Fleet(
    name="clusters",
    what="hosted clusters",
    role="controller",
    discover=Command(argv=("list",), timeout_s=5),
    select="which",
    facts=("ns",),
    waves=(1, 2),
)


FOUND = [cluster("a", "gold"), cluster("b"), cluster("c", "gold", "4.20.30"), cluster("d"), cluster("e")]


def no_files(name: str) -> Sequence[str]:
    raise RefusedError(f"there is no file '{name}'")


def chosen(text: str, found: Sequence[FleetItem] = FOUND) -> list[str]:
    return list(select(CLUSTERS, found, text, no_files).names)


# -- discovering -----------------------------------------------------------------------------------------------------


def test_what_is_there_is_read() -> None:
    printed = [{"name": "a", "labels": {"tier": "gold"}, "version": "4.20.31", "facts": {"ns": "x"}}, {"name": "b"}]

    assert read_items("clusters", json.dumps(printed)) == (
        FleetItem(name="a", labels={"tier": "gold"}, version="4.20.31", facts={"ns": "x"}),
        FleetItem(name="b"),
    )
    assert read_items("clusters", "[]") == ()


@pytest.mark.parametrize(
    ("printed", "why"),
    [
        ("", "should be JSON"),
        ("oops", "should be JSON"),
        ("{}", "should be a list, is dict"),
        ('["a"]', "item 0 should be an object"),
        ('[{"version": "1"}]', "item 0 should have a name"),
        ('[{"name": ""}]', "should have a name"),
        ('[{"name": "-a"}]', "should have a name"),
        ('[{"name": "a,b"}]', "should have a name"),
        ('[{"name": "a\\nb"}]', "should have a name"),
        ('[{"name": "a"}, {"name": "a"}]', "'a' stands in the answer twice"),
        ('[{"name": "a", "lables": {}}]', "unknown key 'lables'"),
        ('[{"name": "a", "labels": {"x": 1}}]', "labels as texts"),
        ('[{"name": "a", "facts": []}]', "facts as texts"),
        ('[{"name": "a", "version": 4.2}]', "version as a text"),
    ],
)
def test_what_is_no_list_of_items(printed: str, why: str) -> None:
    with pytest.raises(RefusedError, match=f"clusters cannot be discovered: .*{why}"):
        read_items("clusters", printed)


# -- choosing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("b", "b"),
        ("d,a", "d a"),
        ("label:tier=gold", "a c"),
        ("version:4.20.30", "c"),
        ("d,label:tier=gold,a", "d a c"),
        ("all", "a b c d e"),
        ("e, all", "e a b c d"),
    ],
)
def test_what_is_chosen_in_the_order_it_was_said(text: str, names: str) -> None:
    assert " ".join(chosen(text)) == names


def test_a_file_of_names() -> None:
    lines = {"canaries": ["e", "b"]}

    assert select(CLUSTERS, FOUND, "file:canaries,a", lines.__getitem__).names == ("e", "b", "a")
    with pytest.raises(RefusedError, match=r"there is no 'x' among the hosted clusters now \(file 'gone'\)"):
        select(CLUSTERS, FOUND, "file:gone", lambda _: ["x"])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("cust", "there is no 'cust' among the hosted clusters now; known: a, b, c, d, e"),
        ("a,label:tier=gld", "'label:tier=gld' chooses none of the 5 hosted clusters; values of 'tier': gold, silver"),
        ("label:zone=1", "chooses none of the 5 hosted clusters; labels: tier"),
        ("label:gold", "chosen as label:KEY=VALUE"),
        ("version:4.21", "chooses none .*; versions: 4.20.30, 4.20.31"),
        ("file:../../etc/passwd", "chosen by its name alone"),
        ("file:none", "there is no file 'none'"),
        (",", "chooses no hosted clusters"),
    ],
)
def test_what_chooses_nothing_is_refused(text: str, why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        chosen(text)


def test_a_cluster_that_vanished_is_named_with_the_nearest() -> None:
    with pytest.raises(RefusedError, match="there is no 'cust-a' among the hosted clusters now; did you mean 'cust-b'"):
        chosen("cust-a", [cluster("cust-b"), cluster("other")])


def test_all_of_nothing_is_refused() -> None:
    with pytest.raises(RefusedError, match="chooses none of the 0"):
        chosen("all", [])


@pytest.mark.parametrize(
    ("value", "said"), [("", "it has none"), ("two\nlines", "it has 'two"), ("-rf", "it has '-rf'")]
)
def test_every_chosen_item_has_its_facts(value: str, said: str) -> None:
    found = [cluster("a"), cluster("b", ns=value)]

    assert chosen("a", found) == ["a"]
    with pytest.raises(RefusedError, match=f"'b' should have the fact 'ns' as one line with a value; {said}"):
        chosen("all", found)


@given(st.integers(0, 60), st.lists(st.integers(1, 12), min_size=1, max_size=5))
def test_every_item_is_in_one_wave_and_the_first_is_the_canary(items: int, sizes: list[int]) -> None:
    names = [str(n) for n in range(items)]
    found = waves(names, sizes)

    assert [name for wave in found for name in wave] == names
    assert all(len(wave) <= sizes[min(i, len(sizes) - 1)] for i, wave in enumerate(found))
    assert [len(wave) for wave in found[:-1]] == [sizes[min(i, len(sizes) - 1)] for i in range(len(found) - 1)]


# -- resolving -------------------------------------------------------------------------------------------------------

PLAN = fleet_plan()
ONE_MAY_FAIL = fleet_plan(failures=1)


def test_a_group_is_unrolled_wave_by_wave() -> None:
    assert [step.id for step in PLAN.steps] == [
        "freeze",
        *(f"{step}.w{wave}" for wave in (1, 2, 3) for step in ("patch", "check")),
        *("tell", "back", "all-well"),
    ]
    assert [unit.key for unit in PLAN.step("patch.w2").units] == ["patch.w2@c1[b]", "patch.w2@c1[c]"]
    assert PLAN.step("patch.w2").title == "patch (wave 2 of 3)"
    assert [(step.confirm, bool(step.abort_point)) for step in PLAN.steps[1:7]] == [
        *(("", False), ("", False)),
        *(("continue", True), ("", False)),
        *(("continue", True), ("", False)),
    ]
    assert PLAN.fleet is not None
    assert (PLAN.fleet.items, PLAN.fleet.found) == (("a", "b", "c", "d", "e"), 9)


def test_an_item_s_facts_are_words() -> None:
    patch, check = PLAN.unit("patch.w2@c1[b]").do, PLAN.unit("check.w3@c1[d]").do

    assert patch is not None
    assert patch.argv == ("patch", "b", "ns-b")
    assert check is not None
    assert check.env == {"ITEM": "d", "ITEM_NS": "ns-d"}


def test_looks_are_about_the_chosen_ones() -> None:
    plan = fleet_plan("a c")

    assert [question.item for question in plan.questions()] == ["a", "c"]
    assert [check.where for check in plan.preflight] == ["c1[a]", "c1[c]"]
    assert [unit.key for unit in plan.step("back").units] == ["back@c1[a]", "back@c1[c]"]


def test_one_wave_has_no_number_in_its_title_and_no_pause() -> None:
    plan = fleet_plan("a")

    assert plan.step("patch.w1").title == "patch"
    assert not any(step.confirm for step in plan.steps)


def test_a_step_s_order_counts_within_its_wave() -> None:
    assert fleet_plan(order={"percent": 50}).step("patch.w2").batch == 1


def test_other_items_are_another_digest_and_what_was_not_chosen_is_none() -> None:
    more = Selection(fleet="clusters", items=tuple(cluster(name) for name in "abcde"), found=900)

    assert fleet_plan("a b").digest != fleet_plan("b a").digest
    assert PLAN.fleet is not None
    assert replace(PLAN, fleet=replace(PLAN.fleet, found=more.found)).digest == PLAN.digest


def test_without_a_choice_nothing_is_resolved() -> None:
    data = plan_data(snapshots={}, parameters={"which": None}, items=ITEMS)
    data["steps"] = [{**data["steps"][0], "foreach": OVER}]
    data["validations"] = []

    with pytest.raises(RefusedError, match="nobody chose which hosted clusters"):
        resolve(build_plan(data), make_target(1), make_ledger(), {"which": "all"})


# -- going on --------------------------------------------------------------------------------------------------------


def did(*units: str) -> str:
    return " ".join(f"{unit}:started {unit}:done" for unit in units) + " "


STEPS = ("patch", "check")
FROZEN = BEGUN + did("freeze@c1")
CANARY = FROZEN + did("patch.w1@c1[a]", "check.w1@c1[a]")
CANARY_FAILED = FROZEN + "patch.w1@c1[a]:started patch.w1@c1[a]:unit_failed "
SECOND = CANARY + "asked/confirm,skip,abort confirmed/patch.w2 probed/patch.w2 "
WAVE_2 = "patch.w2@c1[b]:started patch.w2@c1[c]:started "


@pytest.mark.parametrize(
    ("plan", "words", "answer"),
    [
        (PLAN, FROZEN, "do patch.w1@c1[a]"),
        (PLAN, FROZEN + did("patch.w1@c1[a]"), "do check.w1@c1[a]"),
        # between two waves a person lets it go on, or stops
        (PLAN, CANARY, "ask confirm,skip,abort patch.w2"),
        (PLAN, CANARY + "asked/confirm,skip,abort confirmed/patch.w2", "probe patch.w2"),
        (PLAN, SECOND, "do patch.w2@c1[b] patch.w2@c1[c]"),
        # the canary failed: a person is asked; once it is skipped nothing more is done to it
        (PLAN, CANARY_FAILED, "ask retry,skip,abort patch.w1@c1[a]"),
        (PLAN, CANARY_FAILED + "asked patch.w1@c1[a]:skipped resumed", "pass over check.w1@c1[a]"),
        (
            PLAN,
            CANARY_FAILED + "asked patch.w1@c1[a]:skipped resumed check.w1@c1[a]:skipped",
            "ask confirm,skip,abort patch.w2",
        ),
        # one may fail: the others go on; the second one that fails is asked about, and not the first again
        (ONE_MAY_FAIL, CANARY_FAILED, "pass over check.w1@c1[a]"),
        (ONE_MAY_FAIL, CANARY_FAILED + "check.w1@c1[a]:skipped", "ask confirm,skip,abort patch.w2"),
        (
            ONE_MAY_FAIL,
            CANARY_FAILED
            + f"check.w1@c1[a]:skipped asked/confirm confirmed/patch.w2 probed/patch.w2 {WAVE_2}"
            + "patch.w2@c1[b]:unit_failed patch.w2@c1[c]:done",
            "ask retry,skip,abort patch.w2@c1[b]",
        ),
        (ONE_MAY_FAIL, SECOND + WAVE_2 + "patch.w2@c1[b]:unit_failed patch.w2@c1[c]:done", "pass over check.w2@c1[b]"),
        (
            ONE_MAY_FAIL,
            SECOND + WAVE_2 + "patch.w2@c1[b]:unit_failed patch.w2@c1[c]:done check.w2@c1[b]:skipped",
            "do check.w2@c1[c]",
        ),
        # an unknown one is never passed over
        (ONE_MAY_FAIL, FROZEN + "patch.w1@c1[a]:started patch.w1@c1[a]:lost", "recover patch.w1@c1[a]"),
        # stopped at the pause: what was not taken is not validated
        (
            PLAN,
            CANARY
            + "asked/confirm,skip,abort stopped/patch.w2 "
            + " ".join(
                f"{step}.w{w}@c1[{i}]:skipped" for w, i in ("2b", "2c", "3d", "3e") for step in ("patch", "check")
            )
            + " tell@c1:skipped",
            "pass over back@c1[b] back@c1[c] back@c1[d] back@c1[e]",
        ),
    ],
)
def test_what_is_next(plan: ResolvedPlan, words: str, answer: str) -> None:
    state = state_after(words)

    assert say(decide(plan, state, later(state.seq))) == answer


def test_a_failure_that_may_pass_fells_nobody() -> None:
    plan = fleet_plan(on_failure="continue")
    state = state_after(CANARY_FAILED)

    assert say(decide(plan, state, later(state.seq))) == "do check.w1@c1[a]"


def test_why_it_is_passed_over_is_said() -> None:
    state = state_after(CANARY_FAILED)
    decision = decide(ONE_MAY_FAIL, state, later(state.seq))

    assert isinstance(decision, PassOver)
    assert decision.units == {
        "check.w1@c1[a]": "nothing more is done to 'a': 'patch.w1@c1[a]' is failed",
    }


def test_before_a_later_wave_only_what_is_left_is_looked_at() -> None:
    """What a cluster that was taken back answers is past; and of a fallen one too."""
    assert items_left(PLAN, state_after(FROZEN)) == ("a", "b", "c", "d", "e")
    assert items_left(PLAN, state_after(CANARY)) == ("b", "c", "d", "e")
    assert items_left(ONE_MAY_FAIL, state_after(CANARY_FAILED)) == ("b", "c", "d", "e")
    assert items_left(PLAN, state_after(FROZEN + did("patch.w1@c1[a]"))) == ("a", "b", "c", "d", "e")
    assert items_left(resolved(), state_after(BEGUN)) is None
    assert [question.item for question in PLAN.questions(items=("b", "e"))] == ["b", "e"]


# -- the truth -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "truth"),
    [
        (FROZEN, "untouched"),
        (FROZEN + "patch.w1@c1[a]:started", "mixed"),
        (CANARY_FAILED, "mixed"),
        (FROZEN + did("patch.w1@c1[a]"), "mixed"),
        (CANARY, "reverted"),
        (FROZEN + "patch.w1@c1[a]:started patch.w1@c1[a]:lost", "unknown"),
        (FROZEN + "patch.w1@c1[a]:started patch.w1@c1[a]:never_ran", "untouched"),
        (FROZEN + did("patch.w1@c1[a]") + "aborted patch.w1@c1[a]:undo_started patch.w1@c1[a]:undo_failed", "unknown"),
        (FROZEN + did("patch.w1@c1[a]") + "aborted patch.w1@c1[a]:undo_started patch.w1@c1[a]:undone", "mixed"),
        (FROZEN + "asked stopped/patch.w1 patch.w1@c1[a]:skipped check.w1@c1[a]:skipped", "untouched"),
        (CANARY + "patch.w2@c1[b]:started paused failed", "reverted"),
    ],
)
def test_the_truth_about_the_canary(words: str, truth: str) -> None:
    table = truth_table(PLAN, state_after(words))

    assert table is not None
    assert table.items["a"] == truth
    assert table.items["e"] is Truth.UNTOUCHED
    assert (table.what, table.not_chosen) == ("hosted clusters", 4)


def test_running_met_at_the_end_is_unknown() -> None:
    table = truth_table(PLAN, state_after(CANARY + "patch.w2@c1[b]:started paused failed"))

    assert table is not None
    assert table.items["b"] is Truth.UNKNOWN
    assert table.named(Truth.UNTOUCHED) == ("c", "d", "e")


def test_a_look_touches_nothing() -> None:
    plan = fleet_plan(do=None, undo=None)
    table = truth_table(plan, state_after(CANARY_FAILED))

    assert table is not None
    assert table.items["a"] is Truth.UNTOUCHED


def test_without_a_fleet_there_is_no_table() -> None:
    assert truth_table(resolved(), RunState()) is None
