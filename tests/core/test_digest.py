"""The digest: the same for the same deeds however they are written, another for any other deed."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.codec import from_data, to_data
from core.digest import canonical, digest, short
from core.plan import Plan
from core.reader import build_plan
from core.resolve import ResolvedPlan, resolve
from tests.core.making import look, make_ledger, make_target, plan_data

PROSE = ("title", "summary", "why", "what", "event", "way_forward", "asks", "loses", "usual_s", "impact", "version")


def rich() -> dict[str, Any]:
    """A plan with something in every key that means something."""
    return plan_data(
        {
            "stop": {"probe": look("svc", "probe"), "retries": 1, "idempotent": True, "order": {"batch": 1}},
            "restore": {"confirm": "restore", "on": "elected", "elect": look("leader")},
            "start": {"do": {"script": "svc start", "timeout_s": 9}, "max_failures": 1, "on_failure": "continue"},
        }
    )


def plan_digest(data: Mapping[str, Any]) -> str:
    return resolve(build_plan(data), make_target(), make_ledger()).digest


DIGEST = plan_digest(rich())


def shuffled(value: Any, draw: Callable[[st.SearchStrategy[Any]], Any]) -> Any:
    if isinstance(value, dict):
        return {key: shuffled(value[key], draw) for key in draw(st.permutations(list(value)))}
    if isinstance(value, list):
        return [shuffled(item, draw) for item in value]
    return value


@given(st.data())
def test_the_order_of_keys_means_nothing(data: st.DataObject) -> None:
    written = rich()
    # Where a mapping's order is an order of deeds there is none in the format: steps and probes are lists.
    assert plan_digest(shuffled(written, data.draw)) == DIGEST


def _prose_places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    places = []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        if key in PROSE and not isinstance(item, dict):
            places.append((*path, key))
        places += _prose_places(item, (*path, key))
    return places


def _put(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(data)
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed


@given(st.sampled_from(_prose_places(rich())), st.text("abc äß-", min_size=1).filter(str.strip))
def test_prose_means_nothing(place: tuple[Any, ...], words: str) -> None:
    value: Any = 7 if place[-1] == "usual_s" else words

    assert plan_digest(_put(rich(), place, value)) == DIGEST


STEP = ("steps", 0)
PROBE = ("points_of_no_return", 0, "probes", 0)
EDITS: list[tuple[tuple[Any, ...], Any]] = [
    (("id",), "forth"),
    (("from",), "pike"),
    (("to",), "mitaka"),
    (("parameters", "region", "default"), "west"),
    (("points_of_no_return", 0, "id"), None),
    (("points_of_no_return", 0, "checkpoints"), []),
    (("points_of_no_return", 0, "may_accept_unknown"), True),
    ((*PROBE, "role"), "controller"),
    ((*PROBE, "argv"), ["agent", "touch"]),
    ((*PROBE, "timeout_s"), 11),
    ((*PROBE, "ttl_s"), 121),
    ((*PROBE, "reversible"), {"exit": 0, "equals": "nope"}),
    ((*PROBE, "reversible"), {"equals": "no"}),
    ((*PROBE, "crossed"), {"matches": "yes"}),
    (("preflight",), []),
    (("preflight", 0, "severity"), "warning"),
    (("preflight", 0, "expect"), {"exit": [0, 1]}),
    ((*STEP, "id"), "halt"),
    ((*STEP, "role"), "compute"),
    ((*STEP, "on"), "first"),
    ((*STEP, "order"), "parallel"),
    ((*STEP, "foreach"), ["a", "b"]),
    ((*STEP, "do", "argv"), ["svc", "stop", "now"]),
    ((*STEP, "do", "timeout_s"), 61),
    ((*STEP, "undo"), None),
    ((*STEP, "undo", "argv"), ["svc", "restart"]),
    ((*STEP, "verify", "argv"), ["svc", "status"]),
    ((*STEP, "verify", "expect"), {"exit": 1}),
    ((*STEP, "verify", "every_s"), 3),
    ((*STEP, "verify", "within_s"), 3),
    ((*STEP, "probe"), None),
    ((*STEP, "probe", "expect"), {"exit": 3}),
    ((*STEP, "retries"), 2),
    ((*STEP, "retry_wait_s"), 6),
    ((*STEP, "idempotent"), False),
    ((*STEP, "effects", "control_plane"), "up"),
    (("steps", 1, "destructive"), False),
    (("steps", 1, "confirm"), "destroy"),
    (("steps", 1, "guard"), []),
    (("steps", 1, "on"), "one_reachable"),
    (("steps", 1, "elect", "argv"), ["follower"]),
    (("steps", 2, "do", "script"), "svc start --force"),
    (("steps", 2, "max_failures"), 2),
    (("steps", 2, "on_failure"), "ask"),
    (("validations",), []),
    (("validations", 0, "argv"), ["wget", "{address}"]),
    (("approvals",), {"needed": 1}),
    (("approvals",), {"expires_min": 31}),
]


@pytest.mark.parametrize(("place", "value"), EDITS, ids=lambda x: "/".join(map(str, x)) if isinstance(x, tuple) else "")
def test_any_edit_of_what_happens_changes_it(place: tuple[Any, ...], value: Any) -> None:
    written = rich()
    if place == ("points_of_no_return", 0, "id"):
        written["points_of_no_return"][0]["id"] = "other"
        written["steps"][1]["guard"] = ["other"]
    else:
        written = _put(written, place, value)
    if place == ("steps", 1, "on"):
        del written["steps"][1]["elect"]
    if place == ("steps", 1, "destructive"):
        del written["steps"][1]["loses"]

    assert plan_digest(written) != DIGEST


@given(st.lists(st.sampled_from(EDITS[:3] + EDITS[6:10]), unique_by=str, min_size=1, max_size=4))
def test_edits_together_change_it_too(edits: list[tuple[tuple[Any, ...], Any]]) -> None:
    written = rich()
    for place, value in edits:
        written = _put(written, place, value)

    assert plan_digest(written) != DIGEST


@given(st.permutations(range(3)))
def test_the_order_of_steps_is_a_deed(order: list[int]) -> None:
    written = rich()
    written["steps"] = [written["steps"][index] for index in order]

    assert (plan_digest(written) == DIGEST) == (order == [0, 1, 2])


def _of(**changes: Any) -> str:
    made: dict[str, Any] = {"target": make_target(), "ledger": make_ledger(), "given": None, **changes}
    return resolve(build_plan(rich()), made["target"], made["ledger"], made["given"]).digest


def test_another_host_another_place_another_snapshot_another_value() -> None:
    from dataclasses import replace

    target = make_target()
    moved = replace(target, hosts=(replace(target.hosts[0], address="elsewhere"), *target.hosts[1:]))
    rekeyed = replace(target, hosts=(replace(target.hosts[0], host_key="ssh-ed25519 A"), *target.hosts[1:]))
    ledger = make_ledger()
    other = replace(ledger, snapshots={"db": replace(ledger.snapshots["db"], sha256="cd" * 32)})
    placed = replace(ledger, snapshots={"db": replace(ledger.snapshots["db"], place="/elsewhere")})
    digests = [
        _of(),
        _of(target=make_target(controllers=3)),
        _of(target=replace(target, id="west")),
        _of(target=moved),
        _of(target=rekeyed),
        _of(ledger=other),
        _of(ledger=placed),
        _of(given={"region": "north"}),
    ]

    assert _of() == DIGEST
    assert len(set(digests)) == len(digests)


def test_a_frozen_plan_keeps_its_digest() -> None:
    plan = resolve(build_plan(rich()), make_target(), make_ledger())

    assert from_data(ResolvedPlan, to_data(plan)).digest == plan.digest


def test_the_canonical_form_is_json_without_white_space() -> None:
    assert canonical({"b": (1, 2), "a": frozenset({"y", "x"})}) == '{"a":["x","y"],"b":[1,2]}'
    assert len(digest({})) == 64
    assert short(DIGEST) == DIGEST[:8]


def test_plans_of_one_author_differ() -> None:
    assert isinstance(build_plan(rich()), Plan)
