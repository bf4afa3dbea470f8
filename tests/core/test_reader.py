"""Plans that are not well formed: where, what was expected, what came."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from core.conditions import Condition
from core.errors import PlanError
from core.plan import Foreach, On, OnFailure, Order, Plan, Severity, When
from core.reader import build_plan
from store.plan_files import read_plan
from tests.core.fleet_making import ITEMS
from tests.core.making import act, look, make_plan, plan_data

EXAMPLE = Path(__file__).parents[2] / "docs" / "plan-format.yaml"
STEP: tuple[Any, ...] = ("steps", 0)
POINT: tuple[Any, ...] = ("points_of_no_return", 0)
PROBE: tuple[Any, ...] = (*POINT, "probes", 0)
BASELINE: tuple[Any, ...] = ("baselines", 0)
FLEET: tuple[Any, ...] = ("items", "clusters")
GONE = object()


def put(place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """The plan with *value* at *place*, or without the place."""
    looks = {"units": {"lines": True}, "state": {}}
    baselines = [{"id": name, "role": "controller", **act("x"), **more} for name, more in looks.items()]
    data = plan_data({"start": {"foreach": {"items": "clusters"}}}, baselines=baselines, items=copy.deepcopy(ITEMS))
    data["parameters"]["which"] = {"what": "clusters"}
    at: Any = data
    for key in place[:-1]:
        at = at[key]
    if value is GONE:
        del at[place[-1]]
    else:
        at[place[-1]] = value
    return data


@pytest.mark.parametrize(
    ("place", "value", "where", "problem"),
    [
        # keys
        (("stepz",), [], "stepz", "is no key of this place; did you mean 'steps'?"),
        ((*STEP, "timout_s"), 3, "steps/0/timout_s", "is no key of this place"),
        ((*STEP, "do", "timout_s"), 3, "steps/0/do/timout_s", "did you mean 'timeout_s'?"),
        ((*STEP, "verify", "expect", "equal"), "x", "steps/0/verify/expect/equal", "did you mean 'equals'?"),
        (("id",), GONE, "id", "is required"),
        (("from",), GONE, "from", "is required"),
        (("version",), 1, "version", "should be text, is '1'; put it in quotes"),
        (("id",), "a b", "id", "should be a name"),
        (("title",), "fine\u202eenif", "title", "the invisible character U+202E"),
        (("title",), "zero\u200bwidth", "title", "the invisible character U+200B"),
        (("summary",), "bell\x07", "summary", "the invisible character U+0007"),
        (("impact",), {"rto_minutes": "soon"}, "impact/rto_minutes", "should be a number, is 'soon'"),
        (("impact",), {"minutes": -1}, "impact/minutes", "should be at least 0, is -1"),
        # roles and names that name nothing
        (("roles",), GONE, "roles", "a plan that names no role reaches no host"),
        (("roles",), {}, "roles", "a plan that names no role reaches no host"),
        (("roles", "controller"), {"min": 0}, "roles/controller/min", "should be at least 1"),
        (("roles", "controller"), {"min": 1.5}, "roles/controller/min", "should be a whole number"),
        (("roles", "controller"), {"reachable": "some"}, "roles/controller/reachable", "should be all or any or none"),
        ((*STEP, "role"), "controler", "steps/0/role", "is no role of this plan; did you mean 'controller'?"),
        (("preflight", 0, "role"), "x", "preflight/0/role", "'x' is no role"),
        (("validations", 0, "role"), "x", "validations/0/role", "'x' is no role"),
        ((*PROBE, "role"), "x", "points_of_no_return/0/probes/0/role", "'x' is no role"),
        # points of no return
        (("points_of_no_return",), GONE, "points_of_no_return", "is required"),
        (("points_of_no_return",), [], "points_of_no_return", "is required"),
        ((*POINT, "event"), GONE, "points_of_no_return/0/event", "is required"),
        ((*POINT, "probes"), [], "points_of_no_return/0/probes", "is always unknown"),
        ((*POINT, "checkpoints"), "done", "points_of_no_return/0/checkpoints", "should be a list"),
        ((*POINT, "checkpoints"), ["a b"], "points_of_no_return/0/checkpoints/0", "should be a name"),
        ((*POINT, "may_accept_unknown"), "yes", "points_of_no_return/0/may_accept_unknown", "true or false, is 'yes'"),
        ((*PROBE, "reversible"), GONE, "points_of_no_return/0/probes/0/reversible", "is required; for example"),
        ((*PROBE, "crossed"), GONE, "points_of_no_return/0/probes/0/crossed", "is required"),
        ((*PROBE, "crossed"), {}, "points_of_no_return/0/probes/0/crossed", "tests nothing"),
        ((*PROBE, "crossed"), {"exit": 0, "equals": "no"}, "points_of_no_return/0/probes/0/crossed", "same condition"),
        ((*PROBE, "ttl_s"), 4, "points_of_no_return/0/probes/0/ttl_s", "should be from 5 to 86400, is 4"),
        ((*PROBE, "timeout_s"), GONE, "points_of_no_return/0/probes/0/timeout_s", "no command may wait for ever"),
        ((*PROBE, "on"), "elected", "points_of_no_return/0/probes/0/on", "should be all or first here"),
        # commands
        ((*STEP, "do", "argv"), "svc stop api", "steps/0/do/argv", "a list of words, not a shell line; is 'svc stop"),
        ((*STEP, "do", "argv"), [], "steps/0/do/argv", "a list of words"),
        ((*STEP, "do", "argv"), ["sleep", 5], "steps/0/do/argv/1", "should be text, is '5'; put it in quotes"),
        ((*STEP, "do", "argv"), ["", "x"], "steps/0/do/argv/0", "should name a program"),
        ((*STEP, "do", "argv"), ["svc", ["x"]], "steps/0/do/argv/1", "should be text, is a list"),
        ((*STEP, "do", "argv"), ["svc", "{what}"], "steps/0/do/argv/1", "'{what}' names nothing"),
        ((*STEP, "do", "argv"), ["svc", "{regio}"], "steps/0/do/argv/1", "did you mean 'region'?"),
        ((*STEP, "do", "argv"), ["svc", "{item}"], "steps/0/do/argv/1", "only where there is a `foreach`"),
        (
            (*STEP, "do", "argv"),
            ["svc", "{snapshot.dc.place}"],
            "steps/0/do/argv/1",
            "did you mean 'snapshot.db.place'",
        ),
        ((*STEP, "do", "argv"), ["svc", "{snapshot.db.size}"], "steps/0/do/argv/1", "names nothing"),
        ((*STEP, "do", "argv"), ["svc", "{baseline.}"], "steps/0/do/argv/1", "names nothing"),
        ((*STEP, "do", "argv"), ["svc", "{{ region }}"], "steps/0/do/argv/1", "'{{ region }}' is not filled in"),
        ((*STEP, "do"), {"script": "x {{ region }}", "timeout_s": 1}, "steps/0/do/script", "is not filled in"),
        ((*STEP, "do"), {"script": "x {region}", "timeout_s": 1}, "steps/0/do/script", 'write "$REGION"'),
        ((*STEP, "do"), {"script": "", "timeout_s": 1}, "steps/0/do/script", "is empty"),
        ((*STEP, "do"), {"argv": ["x"], "script": "x", "timeout_s": 1}, "steps/0/do/argv", "not both"),
        ((*STEP, "do"), {"timeout_s": 1}, "steps/0/do/argv", "there is neither"),
        ((*STEP, "do"), ["svc", "stop"], "steps/0/do", "should be a mapping (key: value), is a list"),
        ((*STEP, "do", "timeout_s"), GONE, "steps/0/do/timeout_s", "is required; no command may wait for ever"),
        ((*STEP, "do", "timeout_s"), 0, "steps/0/do/timeout_s", "is 0"),
        ((*STEP, "do", "timeout_s"), -5, "steps/0/do/timeout_s", "is -5"),
        ((*STEP, "do", "timeout_s"), "60s", "steps/0/do/timeout_s", "should be a number, is '60s'"),
        ((*STEP, "do", "timeout_s"), True, "steps/0/do/timeout_s", "should be a number, is true"),
        ((*STEP, "do", "timeout_s"), float("inf"), "steps/0/do/timeout_s", "should be a number"),
        ((*STEP, "do", "timeout_s"), float("nan"), "steps/0/do/timeout_s", "should be a number"),
        ((*STEP, "do", "timeout_s"), 90_000, "steps/0/do/timeout_s", "to 86400"),
        # looks
        ((*STEP, "verify"), GONE, "steps/0/verify", "is required; a command that ended well"),
        ((*STEP, "verify", "expect"), GONE, "steps/0/verify/expect", "is required; for example {exit: 0}"),
        ((*STEP, "verify", "expect"), {}, "steps/0/verify/expect", "tests nothing"),
        ((*STEP, "verify", "expect"), {"exit": 256}, "steps/0/verify/expect/exit", "from 0 to 255"),
        ((*STEP, "verify", "expect"), {"exit": True}, "steps/0/verify/expect/exit", "from 0 to 255"),
        ((*STEP, "verify", "expect"), {"exit": []}, "steps/0/verify/expect/exit", "nothing could ever fit"),
        ((*STEP, "verify", "expect"), {"equals": 1}, "steps/0/verify/expect/equals", "put it in quotes"),
        ((*STEP, "verify", "expect"), {"equals": "{x}"}, "steps/0/verify/expect/equals", "'{x}' names nothing"),
        ((*STEP, "verify", "expect"), {"matches": "("}, "steps/0/verify/expect/matches", "no regular expression"),
        ((*STEP, "verify", "expect"), {"lacks": "[z-a]"}, "steps/0/verify/expect/lacks", "no regular expression"),
        ((*STEP, "verify", "every_s"), 0, "steps/0/verify/every_s", "is 0"),
        ((*STEP, "verify", "argv"), ["x", "{nope}"], "steps/0/verify/argv/1", "'{nope}' names nothing"),
        # steps
        (("steps",), [], "steps", "a plan without steps does nothing"),
        (("steps",), {"a": 1}, "steps", "should be a list, is a mapping"),
        (("steps", 1, "id"), "stop", "steps/1/id", "'stop' is taken"),
        (("validations", 0, "id"), "stop", "validations/0/id", "'stop' is taken"),
        (
            (*STEP, "on"),
            "some",
            "steps/0/on",
            "should be all or first or one_reachable or elected or newest, is 'some'",
        ),
        ((*STEP, "on"), "elected", "steps/0/elect", "belong together"),
        ((*STEP, "elect"), look("x"), "steps/0/elect", "belong together"),
        ((*STEP, "order"), "random", "steps/0/order", "should be parallel, serial, {batch: 2} or {percent: 33}"),
        ((*STEP, "order"), {"batch": 0}, "steps/0/order/batch", "should be at least 1"),
        ((*STEP, "order"), {"percent": 101}, "steps/0/order/percent", "from 1 to 100"),
        ((*STEP, "order"), {"batch": 1, "percent": 5}, "steps/0/order", "should be parallel"),
        ((*STEP, "foreach"), [], "steps/0/foreach", "would do nothing and be called done"),
        (
            (*STEP, "foreach"),
            None,
            "steps/0/foreach",
            "should be a list, or {fact: NAME}, {baseline: NAME} or {items: NAME}; is e",
        ),
        ((*STEP, "foreach"), "api", "steps/0/foreach", "or {items: NAME}; is 'api'"),
        ((*STEP, "foreach"), ["a", "a"], "steps/0/foreach/1", "'a' is listed twice"),
        ((*STEP, "foreach"), {"facts": "x"}, "steps/0/foreach/facts", "did you mean 'fact'?"),
        ((*STEP, "foreach"), {"fact": "x", "baseline": "y"}, "steps/0/foreach", "should name one thing"),
        ((*STEP, "foreach"), {"baseline": "unit"}, "steps/0/foreach/baseline", "did you mean 'units'?"),
        ((*STEP, "foreach"), {"baseline": "state"}, "steps/0/foreach/baseline", "say `lines: true` there"),
        ((*PROBE, "foreach"), {"baseline": "x"}, "points_of_no_return/0/probes/0/foreach/baseline", "is no baseline"),
        (("preflight", 0, "foreach"), [], "preflight/0/foreach", "is an empty list"),
        (("validations", 0, "foreach"), {"baseline": "x"}, "validations/0/foreach/baseline", "is no baseline"),
        (("validations", 0, "argv"), ["x", "{item}"], "validations/0/argv/1", "only where there is a `foreach`"),
        (("snapshots", "db", "covers"), "nova", "snapshots/db/covers", "should be a list"),
        (("snapshots", "db", "max_before_upgrade_h"), -1, "snapshots/db/max_before_upgrade_h", "is -1"),
        (("snapshots", "db", "name"), "{snapshto}", "snapshots/db/name", "names nothing"),
        (("snapshots", "db", "engine"), "{snapshot.db.release}", "snapshots/db/engine", "names nothing"),
        (("to",), "{snapshot.dc.release}", "to", "did you mean 'snapshot.db.release'"),
        (("from",), "{host}", "from", "names nothing"),
        (("parameters", "hop_x"), {"default": "a"}, "parameters/hop_x", "reads like something recorded"),
        # items
        ((*FLEET, "discover"), GONE, "items/clusters/discover", "is required; how to find out"),
        ((*FLEET, "discover", "timeout_s"), GONE, "items/clusters/discover/timeout_s", "no command may wait for ever"),
        ((*FLEET, "discover", "role"), "x", "items/clusters/discover/role", "'x' is no role"),
        ((*FLEET, "discover", "argv"), ["x", "{which}"], "items/clusters/discover/argv/1", "names nothing"),
        ((*FLEET, "select"), "whch", "items/clusters/select", "did you mean 'which'?"),
        ((*FLEET, "waves"), GONE, "items/clusters/waves", "the last repeats"),
        ((*FLEET, "waves"), [], "items/clusters/waves", "a list of sizes"),
        ((*FLEET, "waves"), [1, 0], "items/clusters/waves/1", "a whole number from 1 on, is '0'"),
        ((*FLEET, "facts"), ["a-b", "a_b"], "items/clusters/facts/1", "could not tell it from another"),
        (("items", "more"), {}, "items/more", "one list of items at most"),
        (("parameters", "which", "default"), "all", "parameters/which", "no default, no fact"),
        ((*STEP, "foreach"), {"items": "cluster"}, "steps/0/foreach/items", "did you mean 'clusters'?"),
        (("steps", 2, "max_failures"), 1, "steps/2/max_failures", "counted over the whole run: items/clusters"),
        (("steps", 2, "do", "argv"), ["x", "{item.nsp}"], "steps/2/do/argv/1", "did you mean 'item.ns'"),
        ((*STEP, "do", "argv"), ["x", "{item.ns}"], "steps/0/do/argv/1", "names nothing"),
        ((*STEP, "id"), "stop.w1", "steps/0/id", "reads like the name of a wave"),
        (("parameters", "item_ns"), {"default": "a"}, "parameters/item_ns", "reads like something recorded"),
        # baselines
        ((*BASELINE, "timeout_s"), GONE, "baselines/0/timeout_s", "no command may wait for ever"),
        ((*BASELINE, "role"), "x", "baselines/0/role", "'x' is no role"),
        ((*BASELINE, "on"), "elected", "baselines/0/on", "should be all or first here"),
        ((*BASELINE, "id"), "state", "baselines/1/id", "'state' is taken"),
        ((*BASELINE, "argv"), ["x", "{snapshot.db.place}"], "baselines/0/argv/1", "names nothing"),
        ((*BASELINE, "expect"), {"exit": 0}, "baselines/0/expect", "is no key of this place"),
        ((*STEP, "abort_point"), "all is well", "steps/0/confirm", "is required of an abort point"),
        (("preflight", 0, "keeps"), "X", "preflight/0/keeps", "is no key of this place"),
        ((*STEP, "when"), {"equals": True}, "steps/0/when/fact", "is required"),
        ((*STEP, "when"), {"fact": "x", "equals": [1]}, "steps/0/when/equals", "is a list"),
        ((*STEP, "guard"), ["convertd"], "steps/0/guard/0", "did you mean 'converted'?"),
        ((*STEP, "do"), GONE, "steps/0/do", "is required of a step that can be undone"),
        (("steps", 1, "loses"), GONE, "steps/1/loses", "approvers have to read what is lost"),
        (("steps", 1, "do"), GONE, "steps/1/do", "is required"),
        ((*STEP, "retries"), -1, "steps/0/retries", "from 0 to 100"),
        ((*STEP, "max_failures"), 0.5, "steps/0/max_failures", "whole number"),
        ((*STEP, "on_failure"), "ignore", "steps/0/on_failure", "should be ask or continue"),
        ((*STEP, "effects"), {"control_plane": "sideways"}, "steps/0/effects/control_plane", "should be down or up"),
        ((*STEP, "idempotent"), "true", "steps/0/idempotent", "should be true or false, is 'true'"),
        # checks
        (("preflight", 0, "on"), "elected", "preflight/0/on", "should be all or first here, is 'elected'"),
        (("preflight", 0, "severity"), "fatal", "preflight/0/severity", "should be blocker or warning"),
        (("validations", 0, "on"), "elected", "validations/0/on", "should be all or first or one_reachable here"),
        (("validations", 0, "expect"), GONE, "validations/0/expect", "is required"),
        # parameters, snapshots, approvals
        (("parameters", "host"), {}, "parameters/host", "has a meaning of its own"),
        (("parameters", "Zone"), {}, "parameters/Zone", "is a small letter"),
        (("parameters", "path"), {}, "parameters/path", "would get it as PATH"),
        (("parameters", "ld-preload"), {}, "parameters/ld-preload", "would get it as LD_PRELOAD"),
        (("parameters", "region"), {"pattern": "("}, "parameters/region/pattern", "no regular expression"),
        (
            ("parameters", "region"),
            {"pattern": "[a-z]+", "default": "A"},
            "parameters/region/default",
            "look like [a-z]+",
        ),
        (("parameters", "region"), {"default": 5}, "parameters/region/default", "put it in quotes"),
        (("snapshots", "db"), {}, "snapshots/db/kind", "is required"),
        (("snapshots", "db"), None, "snapshots/db", "should be a mapping"),
        (("approvals",), {"needed": 0}, "approvals/needed", "should be at least 1, is 0"),
        (("approvals",), {"needed": -2}, "approvals/needed", "should be at least 1"),
        (("approvals",), {"needed": 1.5}, "approvals/needed", "whole number"),
        (("approvals",), {"expires_min": 0}, "approvals/expires_min", "from 1 to 1440"),
    ],
)
def test_refused(place: tuple[Any, ...], value: Any, where: str, problem: str) -> None:
    with pytest.raises(PlanError) as caught:
        build_plan(put(place, value), file="plans/x.yaml")

    assert caught.value.where == where
    assert problem in caught.value.problem
    assert str(caught.value).startswith(f"plans/x.yaml: {where}: ")


@pytest.mark.parametrize("data", [None, [], "text", 3, True])
def test_what_is_no_mapping_is_no_plan(data: Any) -> None:
    with pytest.raises(PlanError, match="should be a mapping"):
        build_plan(data)


def test_two_parameters_a_script_could_not_tell_apart() -> None:
    with pytest.raises(PlanError, match="both are DB_NAME"):
        make_plan(parameters={"region": {"default": "x"}, "db-name": {}, "db_name": {}})


def test_an_id_may_not_stand_twice_in_any_part() -> None:
    for part in ("preflight", "points_of_no_return"):
        data = plan_data()
        data[part].append(copy.deepcopy(data[part][0]))
        with pytest.raises(PlanError, match=f"{part}/1/id: '.*' is taken"):
            build_plan(data)


@pytest.mark.parametrize(
    "word",
    [
        *(
            "{region}",
            "{target}",
            "{host}",
            "{address}",
            "{snapshot.db.sha256}",
            "{baseline.any-fact}",
            "{baseline.a@c1}",
        ),
        "{{.State.Running}}",
        "{print $1}",
        "{}",
        "$HOME",
        "{A}",
    ],
)
def test_words_that_have_a_value_or_need_none(word: str) -> None:
    assert make_plan({"stop": {"do": act("x", word)}}).steps[0].do is not None


def test_what_a_plan_says_is_what_is_read() -> None:
    plan = read_plan(EXAMPLE).plan
    disk, stop, restore = plan.preflight[0], plan.steps[1], plan.steps[2]

    assert (plan.origin, plan.destination, plan.approvals.needed) == ("newton", "ocata", 2)
    assert (plan.impact.minutes, plan.impact.rto_minutes) == (8, 30)
    assert (disk.look.expect, disk.severity) == (Condition(exit=(0,), at_least=500), Severity.BLOCKER)
    assert stop.foreach == Foreach(items=("api", "scheduler"))
    assert stop.do is not None
    assert stop.do.argv == ("svc", "stop", "{item}")
    assert (stop.verify.every_s, stop.verify.within_s) == (0.5, 10)
    assert (stop.retries, stop.idempotent, stop.control_plane, stop.on_failure) == (1, True, "down", OnFailure.ASK)
    assert restore.on is On.ELECTED
    assert restore.elect is not None
    assert restore.elect.expect == Condition(exit=(0, 3))
    assert restore.when == When(fact="has-database", equals=True)
    assert (restore.destructive, restore.confirm, restore.guard) == (True, "restore", ("computes-converted",))
    assert plan.steps[3].order == Order(batch=1)
    assert plan.points_of_no_return[0].probes[0].ttl_s == 120


def _keys(value: Any, path: str = "") -> set[str]:
    if isinstance(value, dict):
        return {f"{path}/{k}" for k in value} | {key for k, v in value.items() for key in _keys(v, f"{path}/{k}")}
    if isinstance(value, list):
        return {key for item in value for key in _keys(item, path)}
    return set()


def test_the_documented_example_shows_every_key() -> None:
    """A key that is added to the reader has to be shown in docs/plan-format.yaml."""
    from core import read_commands, reader

    with EXAMPLE.open(encoding="utf-8") as file:
        shown = {key.rpartition("/")[2] for key in _keys(yaml.load(file, Loader=yaml.BaseLoader))}
    known = {
        key
        for module in (reader, read_commands)
        for group in vars(module).values()
        if isinstance(group, tuple)
        for key in group
        if isinstance(key, str)
    }

    assert known - shown == set()


def test_the_smallest_plan() -> None:
    data = plan_data()
    for key in ("title", "parameters", "snapshots", "preflight", "validations"):
        data.pop(key)
    data["steps"] = [{"id": "only", "role": "controller", "verify": look("true")}]

    plan = build_plan(data)

    assert plan.steps[0].do is None
    assert plan.approvals.needed == 2


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in items for place in [(*path, key), *_places(item, (*path, key))]]


def _read(data: Any) -> Plan | PlanError:
    try:
        return build_plan(data)
    except PlanError as error:
        return error


@given(st.sampled_from(_places(plan_data())), JUNK)
def test_whatever_stands_somewhere_it_is_a_plan_or_a_plan_error(place: tuple[Any, ...], junk: Any) -> None:
    """Never a KeyError, a TypeError or a half-read plan."""
    assert isinstance(_read(put(place, junk)), Plan | PlanError)


@given(JUNK)
def test_junk_is_no_plan(junk: Any) -> None:
    with pytest.raises(PlanError):
        build_plan(junk)


@given(st.sampled_from(_places(plan_data())))
def test_whatever_is_left_out_it_is_a_plan_or_a_plan_error(place: tuple[Any, ...]) -> None:
    assert isinstance(_read(put(place, GONE)), Plan | PlanError)
