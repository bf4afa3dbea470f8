"""From a plan to what will happen on one target."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import plan as p
from core.errors import PlanError, RefusedError
from core.plan import On, Order
from core.resolve import ResolvedStep, check_unique
from core.words import environment_name, fill
from tests.core.making import SNAPSHOT, look, make_ledger, make_target, plan_data, resolved


def keys(step: ResolvedStep) -> list[str]:
    return [unit.key for unit in step.units]


def test_the_whole() -> None:
    plan = resolved()

    assert [step.id for step in plan.steps] == ["stop", "restore", "start", "answers"]
    assert keys(plan.step("stop")) == ["stop@c1", "stop@c2"]
    assert keys(plan.step("restore")) == ["restore@c1"]
    assert plan.unit("restore@c1").do == p.Command(argv=("db", "restore", "/backup/db"), timeout_s=60.0)
    assert plan.unit("start@c2").do == p.Command(argv=("svc", "start", "east"), timeout_s=60.0)
    assert plan.unit("answers@c1").verify.command.argv == ("curl", "c1.example")
    assert plan.parameters == {"region": "east"}
    assert plan.snapshots == {"db": SNAPSHOT.sha256}
    assert plan.hosts == {name: f"ssh://@{name}.example:#" for name in ("c1", "c2", "k1")}
    assert [(q.point, q.probe, q.host, q.ttl_s) for q in plan.questions()] == [("converted", 0, "k1", 120.0)]
    assert plan.checkpoint_names == {"converted": ("compute-upgraded",)}
    assert plan.losses == ("all writes since",)
    assert plan.usual_s == 40
    assert plan.step_of("stop@c2").id == "stop"
    assert plan.step("answers").validation
    assert plan.step("answers").only_checks
    assert not plan.step("stop").only_checks


def test_every_host_of_a_probe_s_role_is_asked() -> None:
    plan = resolved(target=make_target(computes=3))

    assert [q.host for q in plan.questions(["converted"])] == ["k1", "k2", "k3"]
    assert plan.questions(["other"]) == ()


@pytest.mark.parametrize("on", ["one_reachable", "elected", "newest"])
def test_all_are_candidates_where_one_is_chosen_later(on: str) -> None:
    elect = {} if on == "one_reachable" else {"elect": look("leader", "{host}")}
    step = resolved({"stop": {"on": on, **elect}}).step("stop")

    assert keys(step) == ["stop@c1", "stop@c2"]
    assert step.chooses_one
    assert step.on is On(on)
    if elect:
        assert [unit.elect.command.argv[1] for unit in step.units if unit.elect] == ["c1", "c2"]


def test_items() -> None:
    step = resolved({"stop": {"foreach": ["api", "db"], "do": {"argv": ["svc", "{item}"], "timeout_s": 1}}}).step(
        "stop"
    )

    assert keys(step) == ["stop@c1[api]", "stop@c2[api]", "stop@c1[db]", "stop@c2[db]"]
    assert [unit.do.argv[1] for unit in step.units if unit.do] == ["api", "api", "db", "db"]


def test_items_of_a_fact() -> None:
    step = {"stop": {"foreach": {"fact": "units"}}}

    assert keys(resolved(step, target=make_target(1, units=["api", 2, True])).step("stop")) == [
        "stop@c1[api]",
        "stop@c1[2]",
        "stop@c1[true]",
    ]


@pytest.mark.parametrize("units", [None, [], "api", {"a": 1}, 3])
def test_items_of_a_fact_that_holds_none(units: Any) -> None:
    facts = {} if units is None else {"units": units}
    with pytest.raises(RefusedError, match="goes over the fact 'units', which target 'east' has not recorded"):
        resolved({"stop": {"foreach": {"fact": "units"}}}, target=make_target(**facts))


@pytest.mark.parametrize("item", ["", "-rf", " a", "a\nb", "\x1b[1m"])
def test_an_item_that_could_do_harm(item: str) -> None:
    with pytest.raises(RefusedError, match="no usable word"):
        resolved({"stop": {"foreach": {"fact": "units"}}}, target=make_target(units=["ok", item]))


def test_an_item_recorded_twice() -> None:
    with pytest.raises(RefusedError, match="would go over 'a' twice"):
        resolved({"stop": {"foreach": {"fact": "units"}}}, target=make_target(units=["a", "b", "a"]))


@pytest.mark.parametrize(
    ("facts", "there"),
    [({"ha": True}, True), ({"ha": False}, False), ({}, False), ({"ha": "true"}, False), ({"ha": 1}, True)],
)
def test_when(facts: dict[str, Any], there: bool) -> None:
    plan = resolved({"stop": {"when": {"fact": "ha"}}}, target=make_target(**facts))

    assert ("stop" in [step.id for step in plan.steps]) is there


@given(st.integers(1, 200), st.integers(1, 100))
def test_a_share_is_rounded_down_but_never_to_nothing(units: int, percent: int) -> None:
    size = Order(percent=percent).size(units)

    assert 1 <= size <= units
    assert size == 1 or size <= units * percent / 100


@given(st.integers(1, 200), st.integers(1, 300))
def test_a_batch_is_what_it_says(units: int, batch: int) -> None:
    assert Order(batch=batch).size(units) == batch
    assert Order().size(units) == units


# -- parameters --------------------------------------------------------------------------------------------------


def _region(given_: dict[str, str] | None = None, **facts: Any) -> str:
    return resolved(given=given_, target=make_target(**facts)).parameters["region"]


def test_a_value_comes_from_the_request_else_the_fact_else_the_default() -> None:
    assert _region() == "east"
    assert _region(region="south") == "south"
    assert _region({"region": "west"}, region="south") == "west"


@pytest.mark.parametrize("value", ["", "a b", "$(reboot)", "a;b", "-rf", "--force", "a\n", "`id`", "ü", "a\u202eb"])
def test_a_value_that_does_not_fit_its_pattern(value: str) -> None:
    with pytest.raises(RefusedError, match="parameter 'region' should look like"):
        _region({"region": value})
    with pytest.raises(RefusedError, match="parameter 'region' should look like"):
        _region(region=value)


def test_a_parameter_nobody_gave() -> None:
    with pytest.raises(RefusedError, match=r"needs the parameter 'zone' \(which one\); give zone=VALUE"):
        resolved(parameters={"region": {"default": "a"}, "zone": {"what": "which one"}})


def test_a_parameter_the_plan_does_not_have() -> None:
    with pytest.raises(RefusedError, match="has no parameter 'regoin'; it has: region"):
        resolved(given={"regoin": "x"})


@given(st.text())
def test_a_value_stays_one_word(value: str) -> None:
    """Whatever a value is, it becomes a word of its own and no syntax."""
    try:
        unit = resolved(given={"region": value}).unit("start@c1")
    except RefusedError:
        return
    assert unit.do is not None
    assert unit.do.argv == ("svc", "start", value)


# -- roles, snapshots, baselines -----------------------------------------------------------------------------------


def test_another_system() -> None:
    with pytest.raises(RefusedError, match="is for 'practice' and target 'east' is a 'kolla'"):
        resolved(target=replace(make_target(), system="kolla"))


def test_a_role_with_too_few_hosts() -> None:
    with pytest.raises(RefusedError, match=r"needs 3 host.s. in the role 'controller' and target 'east' has 2"):
        resolved(roles={"controller": {"min": 3}, "compute": None})
    with pytest.raises(RefusedError, match=r"needs 1 host.s. in the role 'compute' and target 'east' has 0"):
        resolved(target=make_target(computes=0))


def test_a_snapshot_that_is_not_recorded() -> None:
    with pytest.raises(RefusedError, match="restores the snapshot 'db' and none is recorded for 'east'"):
        resolved(ledger=make_ledger(snapshots={}))


def test_a_snapshot_of_another_kind() -> None:
    with pytest.raises(RefusedError, match="'db' should be a dump, the ledger has a lvm"):
        resolved(ledger=make_ledger(snapshots={"db": replace(SNAPSHOT, kind="lvm")}))


def test_a_part_of_a_snapshot_nobody_recorded() -> None:
    restore = {"restore": {"do": {"argv": ["db", "{snapshot.db.engine_version}"], "timeout_s": 1}}}

    assert resolved(restore).unit("restore@c1").do == p.Command(argv=("db", "10.6"), timeout_s=1.0)
    with pytest.raises(RefusedError, match=r"'{snapshot.db.engine_version}' has no value here; record it"):
        resolved(restore, ledger=make_ledger(snapshots={"db": replace(SNAPSHOT, engine_version="")}))


BASELINE = {"release": "ocata", "release@c2": "ocata-edge", "release@k1": "old"}


def test_a_host_s_own_baseline_stands_in_for_the_common_one() -> None:
    verify = {"argv": ["svc", "release"], "timeout_s": 1, "expect": {"equals": "{baseline.release}"}}
    plan = resolved({"stop": {"verify": verify}}, ledger=make_ledger(baseline=BASELINE))

    assert [unit.verify.expect.equals for unit in plan.step("stop").units] == ["ocata", "ocata-edge"]


def test_a_baseline_in_probes_and_checks() -> None:
    data = plan_data()
    data["points_of_no_return"][0]["probes"][0]["reversible"] = {"equals": "{baseline.release}"}
    data["preflight"][0]["expect"] = {"differs": "{baseline.release}"}
    parts = {key: data[key] for key in ("points_of_no_return", "preflight")}
    plan = resolved(ledger=make_ledger(baseline=BASELINE), **parts)

    assert plan.points[0].probes[0].reversible.equals == "old"
    assert [check.look.expect.differs for check in plan.preflight] == ["ocata", "ocata-edge"]


def test_a_baseline_that_was_never_recorded() -> None:
    verify = {"argv": ["svc", "{baseline.release}"], "timeout_s": 1, "expect": {"exit": 0}}
    with pytest.raises(RefusedError, match=r"'{baseline.release}' has no value here; record it"):
        resolved({"stop": {"verify": verify}})


# -- scripts -----------------------------------------------------------------------------------------------------


def test_a_script_is_left_as_it_is_and_reads_its_environment() -> None:
    script = 'echo "$REGION" "${HOST}" {print} $TARGET $ADDRESS $SNAPSHOT_DB_HOST "$BASELINE_RELEASE" $BASELINE_N_1'
    plan = resolved(
        {"start": {"do": {"script": script, "timeout_s": 1}}}, ledger=make_ledger(baseline={**BASELINE, "n-1": "x"})
    )
    do = plan.unit("start@c2").do

    assert do is not None
    assert do.script == script
    assert dict(do.env) == {
        "TARGET": "east",
        "REGION": "east",
        "HOST": "c2",
        "ADDRESS": "c2.example",
        "SNAPSHOT_DB_HOST": "",
        "BASELINE_RELEASE": "ocata-edge",
        "BASELINE_N_1": "x",
    }


def test_words_get_no_environment() -> None:
    do = resolved().unit("stop@c1").do

    assert do is not None
    assert not do.env


def test_the_name_a_script_reads() -> None:
    assert environment_name("snapshot.db-1.place") == "SNAPSHOT_DB_1_PLACE"


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{a}", "1"),
        ("x{a}y{b.c}", "x1y{a}"),  # what was filled in is not filled again
        ("{A} {} { a } {a-} ${b}", None),
        ("awk '{print $1}'", "awk '{print $1}'"),
        ("{{.State}}", "{{.State}}"),
    ],
)
def test_fill(text: str, filled: str | None) -> None:
    words = {"a": "1", "b.c": "{a}"}
    if filled is None:
        with pytest.raises(RefusedError, match="has no value here"):
            fill(text, words)
    else:
        assert fill(text, words) == filled


def test_units_are_told_apart() -> None:
    check_unique(["a", "b"])
    with pytest.raises(PlanError, match="the unit 'a' would exist twice"):
        check_unique(["a", "b", "a"])


def test_a_script_gets_the_values_it_names_and_no_others() -> None:
    """A recorded list may be long; hundreds of commands would each carry it."""
    do = {"script": 'set -eu\nsvc stop "$REGION" "${BASELINE_UNITS}"\n', "timeout_s": 1}
    plan = resolved({"stop": {"do": do}}, ledger=make_ledger(baseline={"units": "a\nb", "units@c2": "c", "other": "x"}))
    own = [unit.do.env for unit in plan.step("stop").units if unit.do]

    assert own == [{"REGION": "east", "BASELINE_UNITS": "a\nb"}, {"REGION": "east", "BASELINE_UNITS": "c"}]


def test_an_empty_fact_may_be_compared_with_and_not_be_a_word() -> None:
    ledger = make_ledger(baseline={"flags": ""})
    verify = {"verify": {**look("flags"), "expect": {"equals": "{baseline.flags}"}}}

    assert resolved({"stop": verify}, ledger=ledger).unit("stop@c1").verify.expect.holds(0, "\n")
    with pytest.raises(RefusedError, match=r"'{baseline.flags}' has no value here"):
        resolved({"stop": {"do": {"argv": ["svc", "{baseline.flags}"], "timeout_s": 1}}}, ledger=ledger)


def test_a_host_that_only_preflight_asks_is_pinned_too() -> None:
    """What is asked there decides whether people are asked at all."""
    plan = resolved(preflight=[{"id": "room", "role": "compute", **look("df")}], target=make_target(1, 2))

    assert plan.hosts["k2"] == "ssh://@k2.example:#"


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ('svc stop "$BASELINE_UNITS"', True),
        ("svc stop ${BASELINE_UNITS}", True),
        ("svc stop ${BASELINE_UNITS##* }", True),
        ('svc stop "${BASELINE_UNITS:-none}"', False),
        ("svc stop ${BASELINE_UNITS-}", False),
        ("svc stop ${BASELINE_UNITS:?was not recorded}", False),
        ("echo '\\$BASELINE_UNITS'", False),
        ('svc stop "$BASELINE_RELEASE"', False),
    ],
)
def test_a_script_without_its_recorded_facts_is_refused(line: str, refused: bool) -> None:
    """Else it would end in the middle of the run, where nothing may be undone any more."""
    steps = {"start": {"do": {"script": f"set -eu\n{line}\n", "timeout_s": 1}}}
    if not refused:
        assert resolved(steps, ledger=make_ledger(baseline=BASELINE))
        return
    with pytest.raises(RefusedError, match="'units' was not recorded here; record it with `belay baseline`"):
        resolved(steps, ledger=make_ledger(baseline=BASELINE))
