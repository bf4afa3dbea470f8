"""Who is chosen, what is looked at first, and in which waves the z-stream plan goes over the hosted fleet."""

import json
from dataclasses import replace

import pytest
import yaml

from core.errors import RefusedError
from core.resolve import resolve
from sandbox.systems.hosted_control_plane import names
from store.config_files import build_targets
from tests.sandbox.systems.hosted import Fleet
from tests.sandbox.systems.hosted_events import (
    CLUSTER,
    MANAGEMENT,
    NEW,
    OLD,
    Event,
    cluster,
    config_map,
    outage,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_fleet_is_discovered_with_what_the_commands_need(fleet: Fleet) -> None:
    items = await fleet.discovered()

    assert [(item.name, item.version, item.labels["tier"]) for item in items] == [
        ("cust-01", "4.20.31", "gold"),
        ("cust-02", "4.20.31", "silver"),
        ("cust-03", "4.20.31", "silver"),
    ]
    assert items[0].facts == {
        "namespace": "clusters",
        "cluster": "cust-01",
        "control_plane": "clusters-cust-01",
        "service_id": names.service_id("cust-01"),
        "image": NEW,
        "previous_image": OLD,
    }
    assert (await fleet.chosen("label:tier=silver")).names == ("cust-02", "cust-03")
    assert (await fleet.chosen("version:4.20.31")).names == ("cust-01", "cust-02", "cust-03")


async def test_two_clusters_of_one_name_are_told_apart(fleet: Fleet) -> None:
    data = fleet.objects(MANAGEMENT)
    twin = json.loads(json.dumps(data["objects"]["hostedclusters"][CLUSTER]).replace('"clusters"', '"other"'))
    data["objects"]["hostedclusters"]["other/cust-01"] = twin
    fleet.write(MANAGEMENT, data)

    assert {item.name for item in await fleet.discovered()} == {
        "cust-01.clusters",
        "cust-01.other",
        "cust-02",
        "cust-03",
    }
    with pytest.raises(RefusedError, match="there is no 'cust-01' among the hosted clusters now"):
        await fleet.chosen("cust-01")


async def test_a_cluster_that_never_had_another_release_cannot_be_chosen(fleet: Fleet) -> None:
    data = fleet.objects(MANAGEMENT)
    del data["objects"]["hostedclusters"][CLUSTER]["status"]["version"]["history"][1:]
    fleet.write(MANAGEMENT, data)

    with pytest.raises(RefusedError, match=r"'cust-01' should have the fact 'previous_image' .* it has none"):
        await fleet.chosen("cust-01")


async def test_an_outage_is_not_an_empty_fleet(fleet: Fleet) -> None:
    await outage(MANAGEMENT, "refused")(fleet)
    assert fleet.plan.fleet is not None

    said = await fleet.ask(fleet.plan.fleet.discover, {"CONTEXT": names.CONTEXT})

    assert said.exit_code == 1
    assert (said.stdout, said.stderr.startswith("The connection to the server api.mgmt-east")) == ("", True)


@pytest.mark.parametrize(
    ("event", "check", "says"),
    [
        (cluster(spec={"release": {"image": NEW}, "pausedUntil": "true"}), "fit", "it is paused until true"),
        (
            cluster(spec={"release": {"image": NEW}, "controlPlaneRelease": {"image": "quay.io/cve@sha256:1"}}),
            "fit",
            "spec.controlPlaneRelease pins quay.io/cve@sha256:1",
        ),
        (cluster(status={"conditions": []}), "fit", "etcd is not available; its API server is not available"),
        (cluster(status={"version": {"history": [{"state": "Partial", "version": "4"}]}}), "settled", "4 is Partial"),
        (config_map("supported-versions", "supported-versions", {"versions": ["4.21"]}), "supported", 'supports ["'),
        (outage("ocm", "dial tcp: no route to host"), "tools", ""),
    ],
)
async def test_preflight_says_what_is_not_fit(fleet: Fleet, event: Event, check: str, says: str) -> None:
    plan = await fleet.resolved()
    (asked,) = (one for one in plan.preflight if one.id == check)
    assert await fleet.holds(asked.look)

    await event(fleet)

    said = await fleet.ask(asked.look.command)
    assert not asked.look.expect.holds(said.exit_code, said.stdout)
    assert said.stdout.startswith(says)


async def test_waves_begin_with_a_canary_and_wait_for_a_person(fleet: Fleet) -> None:
    plan = await fleet.resolved("all")
    first = [step for step in plan.steps if step.id.startswith("freeze.")]

    assert [[unit.item for unit in step.units] for step in first] == [["cust-01"], ["cust-02", "cust-03"]]
    assert [step.confirm for step in first] == ["", "continue"]
    assert first[1].abort_point
    assert plan.fleet is not None
    assert plan.fleet.max_failures == 0
    assert not any(step.destructive for step in plan.steps), "everything before it ends can be taken back"
    assert set(plan.step("patch.w1").guard) == {point.id for point in plan.points}
    assert (plan.steps[-4].id, plan.step("unfreeze").confirm) == ("unfreeze", "upgrade them again")
    assert all(unit.undo is not None for step in plan.steps for unit in step.units if unit.do is not None)


async def test_a_target_without_a_bastion_is_refused(fleet: Fleet) -> None:
    target = build_targets(yaml.safe_load(fleet.world.targets_yaml()))["mgmt-east"]
    selection = await fleet.chosen()

    with pytest.raises(RefusedError, match=r"needs 1 host\(s\) in the role 'mgmt'"):
        resolve(fleet.plan, replace(target, roles={}), fleet.world.ledger, {"clusters": "cust-01"}, selection)
