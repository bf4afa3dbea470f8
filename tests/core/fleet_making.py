"""A plan that takes five hosted clusters back in three waves."""

from typing import Any

from core.fleet import FleetItem, Selection
from core.reader import build_plan
from core.resolve import ResolvedPlan, resolve
from tests.core.making import act, look, make_ledger, make_target, plan_data


def cluster(name: str, tier: str = "silver", version: str = "4.20.31", **facts: str) -> FleetItem:
    return FleetItem(name=name, labels={"tier": tier}, version=version, facts={"ns": f"ns-{name}", **facts})


ITEMS: dict[str, Any] = {
    "clusters": {
        "what": "hosted clusters",
        "discover": {"role": "controller", **act("list")},
        "select": "which",
        "facts": ["ns"],
        "waves": [1, 2],
        "pause": "continue",
    }
}
OVER = {"items": "clusters"}


def fleet_plan(names: str = "a b c d e", *, failures: int = 0, controllers: int = 1, **patch: Any) -> ResolvedPlan:
    """freeze; per cluster: patch, then check; report. Patch and check form a group of three waves."""
    once = {"role": "controller", "on": "first"}
    steps: list[dict[str, Any]] = [
        {
            "id": "freeze",
            "role": "controller",
            "on": "first",
            "do": act("freeze"),
            "undo": act("thaw"),
            "verify": look("x"),
        },
        {
            "id": "patch",
            "role": "controller",
            "on": "first",
            "foreach": OVER,
            "do": act("patch", "{item}", "{item.ns}"),
            "undo": act("unpatch", "{item}"),
            "verify": look("is", "{item}"),
            **patch,
        },
        {
            "id": "check",
            "role": "controller",
            "on": "first",
            "foreach": OVER,
            "do": {"script": 'oc -n "$ITEM_NS" get "$ITEM"', "timeout_s": 5},
            "undo": act("true"),
            "verify": look("ok", "{item}"),
        },
        {"id": "tell", **once, "do": act("tell"), "undo": act("x"), "verify": look("x")},
    ]
    point = {
        "id": "newer",
        "event": "a worker is newer",
        "probes": [
            {
                "role": "controller",
                "on": "first",
                "foreach": OVER,
                **act("workers", "{item}"),
                "reversible": {"equals": "old"},
                "crossed": {"equals": "new"},
            }
        ],
    }
    data = plan_data()
    data.update(points_of_no_return=[point], snapshots={}, parameters={"which": None}, steps=steps)
    data["items"] = {"clusters": {**ITEMS["clusters"], "max_failures": failures}}
    each = {"role": "controller", "on": "first", "foreach": OVER}
    well = {"id": "all-well", "role": "controller", "on": "first", **look("well")}
    data["validations"] = [{"id": "back", **each, **look("back", "{item}")}, well]
    data["preflight"] = [{"id": "there", **each, **look("get", "{item}")}]
    selection = Selection(fleet="clusters", items=tuple(cluster(name) for name in names.split()), found=9)
    return resolve(build_plan(data), make_target(controllers), make_ledger(), {"which": "all"}, selection)
