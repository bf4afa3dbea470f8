"""The z-stream plan against the hosted fleet: what it sees and does, and what the published way would have missed."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
import yaml

from core.errors import RefusedError
from core.pnr import Verdict
from core.resolve import resolve
from sandbox.systems.findings import all_right
from sandbox.systems.hosted_control_plane import names
from sandbox.systems.hosted_control_plane.system import SYSTEM
from sandbox.systems.hosted_control_plane.truth import workers_untouched
from sandbox.systems.world import World
from store.config_files import build_targets
from tests.sandbox.systems.hosted import RUN, Fleet

pytestmark = pytest.mark.asyncio(loop_scope="module")

MANAGEMENT = "kube-api.mgmt-east.example.net"
GUEST = "kube-api.cust-01.example.net"
CLUSTER = f"{names.NAMESPACE}/cust-01"
OLD, NEW = names.image(names.OLD), names.image(names.NEW)
STEPS = ("freeze", "record", "snapshot", "patch", "rollout", "tidy", "workers")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def upgraded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """One fleet for all tests here; baselines are those of before its upgrade."""
    scenario = SYSTEM.scenario("B1")
    async with World.start(SYSTEM, scenario, tmp_path_factory.mktemp("world") / "world") as world:
        fleet = await Fleet.of(world)
        await world.upgrade(world.recorder)
        yield fleet


@pytest_asyncio.fixture(loop_scope="module")
async def fleet(upgraded: Fleet) -> AsyncIterator[Fleet]:
    """The fleet as its upgrade left it."""
    aside = upgraded.keep()
    yield upgraded
    upgraded.back(aside)


def release(version: str, cluster: str = "cust-01") -> str:
    patch = json.dumps({"spec": {"release": {"image": names.image(version)}}})
    return f"patch hostedclusters -n {names.NAMESPACE} {cluster} --type=merge -p '{patch}'"


async def settle(fleet: Fleet, version: str) -> None:
    """Move cust-01 to *version* as an upgrade does, and wait until it is there."""
    await fleet.must(release(version))
    wait = "--for=jsonpath='{.status.version.history[0].state}'=Completed --timeout=30s"
    await fleet.must(f"wait hostedclusters/cust-01 -n {names.NAMESPACE} {wait}")


# -- points of no return: each is crossed for real by its event, and seen ---------------------------------------------


async def test_after_the_upgrade_everything_is_reversible(fleet: Fleet) -> None:
    found = await fleet.verdicts(await fleet.resolved())

    assert {point: verdict for point, (verdict, _) in found.items()} == dict.fromkeys(found, Verdict.REVERSIBLE)
    assert found["not-previous"][1] == "reversible: 4.20.30 (Completed) is right before 4.20.31 (Completed)"
    assert found["etcd-moved"][1] == "reversible: 3 members with data of 3.5"
    assert [point.id for point in fleet.plan.points_of_no_return] == list(found), "all eight were asked"
    assert len(found) == 8


async def to_the_next_minor(fleet: Fleet) -> None:
    await settle(fleet, "4.21.2")


async def on_from_another_release(fleet: Fleet) -> None:
    """4.20.30, then 4.20.32, then 4.20.31: the release before is not the one the ledger names."""
    await settle(fleet, "4.20.32")
    await settle(fleet, "4.20.31")


async def roll_the_workers(fleet: Fleet) -> None:
    await fleet.must(release(names.NEW, "cust-01-workers").replace("hostedclusters", "nodepools"))


async def store_another_version(fleet: Fleet) -> None:
    data = fleet.objects(GUEST)
    kind = data["objects"]["customresourcedefinitions"]["/ingresses.config.openshift.io"]
    kind["status"]["storedVersions"] = ["v1", "v2"]
    fleet.write(GUEST, data)


async def drop_the_old_image(fleet: Fleet) -> None:
    data = fleet.objects("registry")
    del data["releases"][names.digest(names.OLD)]
    fleet.write("registry", data)


Event = Callable[[Fleet], Awaitable[None]]


@pytest.mark.parametrize(
    ("event", "point", "says"),
    [
        (to_the_next_minor, "minor-crossed", "crossed: it has been on 4.21.2 and would go to 4.20.30"),
        (on_from_another_release, "not-previous", "crossed: the release before 4.20.31 is 4.20.32"),
        (roll_the_workers, "workers-newer", "crossed: NodePool cust-01-workers is on 4.20.31"),
        (to_the_next_minor, "etcd-moved", "crossed: etcd has data of 3.6, it was 3.5"),
        (store_another_version, "stored-versions-moved", "crossed: stored versions of the release's 3 kinds"),
        (drop_the_old_image, "image-gone", "crossed: error: unable to read image"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
async def test_its_event_crosses_it(fleet: Fleet, event: Event, point: str, says: str) -> None:
    plan = await fleet.resolved()
    await event(fleet)

    verdict, found = await fleet.verdict(point, plan)

    assert verdict is Verdict.CROSSED
    assert found.startswith(says)


async def new_kind_of_the_release(fleet: Fleet) -> None:
    data = fleet.objects(GUEST)
    kinds = data["objects"]["customresourcedefinitions"]
    kinds["/new.config.openshift.io"] = json.loads(
        json.dumps(kinds["/ingresses.config.openshift.io"]).replace("ingresses.config", "new.config")
    )
    fleet.write(GUEST, data)


async def no_kind_of_the_release(fleet: Fleet) -> None:
    data = fleet.objects(GUEST)
    data["objects"]["customresourcedefinitions"] = {}
    fleet.write(GUEST, data)


def cluster(**changes: Any) -> Event:
    async def event(fleet: Fleet) -> None:
        data = fleet.objects(MANAGEMENT)
        data["objects"]["hostedclusters"][CLUSTER].update(changes)
        fleet.write(MANAGEMENT, data)

    return event


def config_map(name: str, key: str, value: object) -> Event:
    async def event(fleet: Fleet) -> None:
        data = fleet.objects(MANAGEMENT)
        data["objects"]["configmaps"][f"hypershift/{name}"]["data"][key] = json.dumps(value)
        fleet.write(MANAGEMENT, data)

    return event


def migration(**states: str) -> Event:
    conditions = [{"type": kind, "status": status} for kind, status in states.items()]
    return config_map("capi-migration-status", "status", {"conditions": conditions})


def pool(**changes: Any) -> Event:
    async def event(fleet: Fleet) -> None:
        data = fleet.objects(MANAGEMENT)
        data["objects"]["nodepools"][f"{names.NAMESPACE}/cust-01-workers"]["status"].update(changes)
        fleet.write(MANAGEMENT, data)

    return event


def outage(file: str, text: str) -> Event:
    async def event(fleet: Fleet) -> None:
        fleet.write(file, {**fleet.objects(file), "outage": text})

    return event


def no_etcd(fleet_: Fleet) -> None:
    data = fleet_.objects(MANAGEMENT)
    data["hypershift"]["etcd"]["cust-01"]["outage"] = "context deadline exceeded"
    fleet_.write(MANAGEMENT, data)


async def etcd_does_not_answer(fleet: Fleet) -> None:
    no_etcd(fleet)


OTHER_KEY = {"secretEncryption": {"type": "aescbc", "aescbc": {"activeKey": {"name": "another"}}}}
ENCRYPTING = {"conditions": [{"type": "EtcdDataEncryptionUpToDate", "status": "False"}]}


@pytest.mark.parametrize(
    ("event", "point", "says"),
    [
        (new_kind_of_the_release, "stored-versions-moved", "unknown: the release has 4 kinds, it had 3"),
        (no_kind_of_the_release, "stored-versions-moved", "unknown: no kind of the release was found"),
        (cluster(spec={"release": {"image": NEW}, **OTHER_KEY}), "encryption-key-moved", "unknown: another key"),
        (cluster(status=ENCRYPTING), "encryption-key-moved", "unknown: the data is just being encrypted anew"),
        (migration(MigrationComplete="False", Progressing="True"), "operator-migrating", "unknown: the migration is"),
        (migration(MigrationComplete="True", Degraded="True"), "operator-migrating", "unknown: the migration failed"),
        (pool(conditions=[{"type": "UpdatingVersion", "status": "True"}]), "workers-newer", "unknown: NodePool cust"),
        (pool(version=None), "workers-newer", "unknown: NodePool cust-01-workers does not say its version"),
        (cluster(status={"version": {"history": []}}), "minor-crossed", "unknown: it has no history"),
        (etcd_does_not_answer, "etcd-moved", "Error: context deadline exceeded"),
        (outage("registry", "dial tcp: i/o timeout"), "image-gone", "unknown: error: unable to connect to image"),
        (outage(GUEST, "refused"), "stored-versions-moved", "The connection to the server api.cust-01"),
    ],
)
async def test_what_cannot_be_told_is_unknown(fleet: Fleet, event: Event, point: str, says: str) -> None:
    plan = await fleet.resolved()
    await event(fleet)

    verdict, found = await fleet.verdict(point, plan)

    assert verdict is Verdict.UNKNOWN
    assert found.startswith(says)


async def test_an_outage_of_the_management_cluster_is_unknown_everywhere(fleet: Fleet) -> None:
    """The published probes pipe into jq: of nothing it prints nothing, ends well, and "nothing newer" is read."""
    plan = await fleet.resolved()
    await outage(MANAGEMENT, "net/http: TLS handshake timeout")(fleet)
    official = "oc get nodepools -n clusters -o json | jq -r '.items[] | select(.status.version > \"4.20.30\")'"

    published = await fleet.world.hosts["bastion-1"].ask(official)
    found = await fleet.verdicts(plan)

    assert (published.exit_code, published.stdout) == (0, "")
    asked_there = set(found) - {"stored-versions-moved", "image-gone"}
    assert {found[point][0] for point in asked_there} == {Verdict.UNKNOWN}


async def test_without_a_baseline_it_is_unknown_and_says_what_records_one(fleet: Fleet) -> None:
    facts, fleet.facts = fleet.facts, {"etcd-minors": "clusters-other 3.5"}
    plan = await fleet.resolved()
    fleet.facts = facts

    found = await fleet.verdicts(plan, "etcd-moved", "stored-versions-moved", "encryption-key-moved")

    assert {verdict for verdict, _ in found.values()} == {Verdict.UNKNOWN}
    assert found["etcd-moved"][1] == "unknown: the baseline does not have it"
    assert "was not recorded: belay baseline capture" in found["stored-versions-moved"][1]


async def test_a_ledger_that_contradicts_the_cluster_is_unknown(fleet: Fleet) -> None:
    """Somebody took this one back by hand already."""
    await settle(fleet, names.OLD)

    verdict, found = await fleet.verdict("not-previous")

    assert verdict is Verdict.UNKNOWN
    assert found == "unknown: it is on 4.20.30, and the ledger says that the upgrade went to 4.20.31"


async def test_a_partial_entry_on_top_is_not_the_release_before(fleet: Fleet) -> None:
    """G6: the newest entry may be one that never completed; the one before it is still the one to go back to."""
    data = fleet.objects(MANAGEMENT)
    history = data["objects"]["hostedclusters"][CLUSTER]["status"]["version"]["history"]
    history[0]["state"] = "Partial"
    history.insert(1, {**history[0]})  # tried twice
    fleet.write(MANAGEMENT, data)

    (item,) = (await fleet.chosen()).items
    verdict, found = await fleet.verdict("not-previous")

    assert item.facts["previous_image"] == OLD
    assert verdict is Verdict.REVERSIBLE
    assert found == "reversible: 4.20.30 (Completed) is right before 4.20.31 (Partial)"


async def test_a_tag_is_no_release(fleet: Fleet) -> None:
    """G16: a tag may name another image by now; only a digest says which one it was."""
    data = fleet.objects(MANAGEMENT)
    history = data["objects"]["hostedclusters"][CLUSTER]["status"]["version"]["history"]
    history[1]["image"] = f"{names.REPOSITORY}:4.20.30-x86_64"
    fleet.write(MANAGEMENT, data)

    verdict, found = await fleet.verdict("image-gone")

    assert verdict is Verdict.UNKNOWN
    assert found.endswith("ocp-release:4.20.30-x86_64, and a tag may name something else by now")


# -- who is chosen -----------------------------------------------------------------------------------------------------


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


# -- what is done ------------------------------------------------------------------------------------------------------


async def test_step_by_step_a_cluster_goes_back(fleet: Fleet) -> None:
    """Each step is verified after it is done and not before; the other clusters and all workers stay as they were."""
    await behave(fleet, pace_s=0.5)  # so that there is something to wait for
    plan = await fleet.resolved()
    others = fleet.objects(MANAGEMENT)["objects"]["hostedclusters"][f"{names.NAMESPACE}/cust-02"]
    validations = [unit for step in plan.steps if step.validation for unit in step.units]
    assert not all([await fleet.holds(unit.verify) for unit in validations])

    for step in STEPS:
        unit = fleet.unit(plan, step)
        if unit.do is not None:
            assert await fleet.holds(unit.verify) is False, f"{step} holds before it is done"
            said = await fleet.do(unit)
            assert said.exit_code == 0, (step, said)
        assert await fleet.holds(unit.verify), f"{step} is done and not verified"

    assert all([await fleet.holds(unit.verify) for unit in validations])
    assert all_right((await fleet.world.truth())[:1])
    assert all_right(workers_untouched(fleet.world, ["cust-01", "cust-02", "cust-03"]))
    assert fleet.objects(MANAGEMENT)["objects"]["hostedclusters"][f"{names.NAMESPACE}/cust-02"] == others
    (unfreeze,) = plan.step("unfreeze").units
    assert not await fleet.holds(unfreeze.verify)
    assert (await fleet.do(unfreeze)).exit_code == 0
    assert await fleet.holds(unfreeze.verify)
    (policy,) = fleet.objects("ocm")["clusters"][names.service_id("cust-01")]["policies"]
    assert (policy["schedule"], policy["schedule_type"]) == ("30 4 * * 0", "automatic")


async def test_an_abort_leaves_what_it_found(fleet: Fleet) -> None:
    plan = await fleet.resolved()
    as_found = (await fleet.world.truth())[0]
    for step in STEPS[:-1]:
        assert (await fleet.do(fleet.unit(plan, step))).exit_code == 0
    assert (await fleet.world.truth())[0].right

    for step in reversed(STEPS[:-1]):
        said = await fleet.undo(fleet.unit(plan, step))
        assert said.exit_code == 0, (step, said)

    assert (await fleet.world.truth())[0] == as_found
    marks = await fleet.must("get hostedclusters -n clusters cust-01 -o jsonpath='{.metadata.annotations}'")
    assert names.FORCE not in marks
    (policy,) = fleet.objects("ocm")["clusters"][names.service_id("cust-01")]["policies"]
    assert policy["schedule"] == "30 4 * * 0"
    assert (await fleet.verdict("not-previous"))[0] is Verdict.REVERSIBLE, "it can be gone back again"


async def test_done_twice_is_done_once(fleet: Fleet) -> None:
    """A second try must not overwrite the record of what was frozen with the nothing that is left of it."""
    plan = await fleet.resolved()
    frozen = fleet.world.hosts["bastion-1"].path(f"/var/lib/belay-hosted/mgmt-east/{RUN}/clusters-cust-01/frozen")

    for step in ("freeze", "freeze", "record", "snapshot", "snapshot", "patch", "patch"):
        assert (await fleet.do(fleet.unit(plan, step))).exit_code == 0, step

    (line,) = frozen.read_text().splitlines()
    assert json.loads(line)["policy"]["schedule"] == "30 4 * * 0"
    history = fleet.objects(MANAGEMENT)["objects"]["hostedclusters"][CLUSTER]["status"]["version"]["history"]
    assert [entry["version"] for entry in history[:2]] == [names.OLD, names.NEW]


async def test_a_node_pool_s_upgrade_is_frozen_too(fleet: Fleet) -> None:
    """The published way takes the control plane's policies away and lets the workers go on."""
    data = fleet.objects("ocm")
    policy = {"id": "np-1", "schedule": "0 3 * * *", "schedule_type": "automatic", "upgrade_type": "NodePool"}
    data["clusters"][names.service_id("cust-01")]["node_pools"]["cust-01-workers"] = [policy]
    fleet.write("ocm", data)
    freeze = fleet.unit(await fleet.resolved(), "freeze")

    assert (await fleet.do(freeze)).exit_code == 0
    service = fleet.objects("ocm")["clusters"][names.service_id("cust-01")]
    assert (service["policies"], service["node_pools"]["cust-01-workers"]) == ([], [])

    assert (await fleet.undo(freeze)).exit_code == 0
    service = fleet.objects("ocm")["clusters"][names.service_id("cust-01")]
    assert [one["schedule"] for one in service["node_pools"]["cust-01-workers"]] == ["0 3 * * *"]
    assert [one["schedule"] for one in service["policies"]] == ["30 4 * * 0"]


async def test_workers_that_cannot_be_compared_are_not_taken_for_none(fleet: Fleet) -> None:
    data = fleet.objects(MANAGEMENT)
    del data["objects"]["machinedeployments"]["clusters-cust-01/cust-01-workers"]
    fleet.write(MANAGEMENT, data)
    record = fleet.unit(await fleet.resolved(), "record")
    assert (await fleet.do(record)).exit_code == 0
    assert not await fleet.holds(record.verify), "a NodePool without its MachineDeployment"

    del data["objects"]["nodepools"][f"{names.NAMESPACE}/cust-01-workers"]
    fleet.write(MANAGEMENT, data)
    assert (await fleet.do(record)).exit_code == 0
    assert await fleet.holds(record.verify), "a cluster without workers"


async def test_an_upgrade_that_has_started_cannot_be_frozen(fleet: Fleet) -> None:
    data = fleet.objects("ocm")
    data["clusters"][names.service_id("cust-01")]["policies"][0]["state"] = {"value": "started"}
    fleet.write("ocm", data)
    freeze = fleet.unit(await fleet.resolved(), "freeze")

    said = await fleet.do(freeze)

    assert said.exit_code == 1
    assert "can't be deleted, the upgrade has started" in said.stderr
    assert not await fleet.holds(freeze.verify)


CUTS_COPIES = """#!/bin/sh
case " $* " in
  *" cp "*) "$0.real" "$@" && for last; do :; done && head -c 20 "$last" >"$last.cut" && mv "$last.cut" "$last" ;;
  *) exec "$0.real" "$@" ;;
esac
"""


async def test_a_snapshot_cut_short_on_its_way_is_noticed(fleet: Fleet) -> None:
    """`snapshot status` looks at the file in the pod; what the last resort needs is the one that was carried out."""
    plan = await fleet.resolved()
    await fleet.do(fleet.unit(plan, "record"))
    oc = fleet.world.hosts["bastion-1"].directory / "bin" / "oc"
    oc.rename(oc.with_name("oc.real"))
    oc.write_text(CUTS_COPIES)
    oc.chmod(0o755)
    try:
        said = await fleet.do(fleet.unit(plan, "snapshot"))
    finally:
        oc.with_name("oc.real").replace(oc)

    assert said.exit_code == 1
    assert "computed checksum did NOT match" in said.stderr
    assert not await fleet.holds(fleet.unit(plan, "snapshot").verify)
    assert list((fleet.world.shared / "pods").rglob("*.db")) == [], "and none is left to fill etcd's disk"
    assert (await fleet.do(fleet.unit(plan, "snapshot"))).exit_code == 0
    assert await fleet.holds(fleet.unit(plan, "snapshot").verify)


async def force_and_forbid(fleet: Fleet) -> None:
    await fleet.must(f"annotate hostedclusters -n {names.NAMESPACE} cust-01 {names.FORCE}={NEW}")
    data = fleet.objects(MANAGEMENT)
    for one in data["objects"]["hostedclusters"][CLUSTER]["status"]["conditions"]:
        if one["type"] == "ClusterVersionUpgradeable":
            one["status"] = "False"
    fleet.write(MANAGEMENT, data)


async def test_a_stale_annotation_holds_the_plain_patch_and_not_ours(fleet: Fleet) -> None:
    """G5. And after ours nothing is left that would hold up the next upgrade: B.2's own patch leaves it."""
    await force_and_forbid(fleet)
    plan = await fleet.resolved()
    aside = fleet.keep()

    assert (await fleet.oc(release(names.OLD))).exit_code == 0
    plain = fleet.objects(MANAGEMENT)["objects"]["hostedclusters"][CLUSTER]["status"]
    held = [c["message"] for c in plain["conditions"] if c["type"] == "ReconciliationSucceeded"]
    assert held == [f"force upgrade annotation is present but does not match desired release image: {NEW}"]
    assert plain["version"]["history"][0]["version"] == names.NEW

    fleet.back(aside)
    for step in STEPS[:-1]:
        said = await fleet.do(fleet.unit(plan, step))
        assert said.exit_code == 0, (step, said)
    await settle(fleet, "4.20.32")


async def test_a_release_somebody_else_moved_is_left_alone(fleet: Fleet) -> None:
    plan = await fleet.resolved()
    await settle(fleet, "4.20.32")

    said = await fleet.do(fleet.unit(plan, "patch"))

    assert said.exit_code == 1
    assert f"somebody moved it: spec.release is {names.image('4.20.32')}" in said.stderr


async def behave(fleet: Fleet, **how: object) -> None:
    data = fleet.objects(MANAGEMENT)
    data["hypershift"].update(how)
    fleet.write(MANAGEMENT, data)


async def test_a_rollout_that_hangs_has_an_end(fleet: Fleet) -> None:
    await behave(fleet, stuck={"cust-01": {"component": "kube-apiserver", "version": names.OLD}}, pace_s=0.0)
    plan = await fleet.resolved(rollout_s="1")
    await fleet.do(fleet.unit(plan, "patch"))

    said = await fleet.do(fleet.unit(plan, "rollout"))

    assert said.exit_code == 1
    assert "not done after 1 s; waits: kube-apiserver not on 4.20.30" in said.stderr
    assert not await fleet.holds(fleet.unit(plan, "rollout").verify)


async def test_a_patch_its_owner_reverts_ends_the_wait_at_once(fleet: Fleet) -> None:
    """The published wait asks what the history says: for half an hour it would say that nothing has happened yet."""
    await behave(fleet, owned={"cust-01": NEW}, pace_s=5.0)
    plan = await fleet.resolved(rollout_s="60")
    assert (await fleet.do(fleet.unit(plan, "patch"))).exit_code == 0

    said = await asyncio.wait_for(fleet.do(fleet.unit(plan, "rollout")), 30)

    assert said.exit_code == 1
    assert f"reverted by its owner: spec.release is {NEW} again" in said.stderr


async def test_workers_that_moved_are_told_with_the_difference(fleet: Fleet) -> None:
    await behave(fleet, moves_workers=["cust-01"])
    plan = await fleet.resolved()
    for step in STEPS[:-1]:
        assert (await fleet.do(fleet.unit(plan, step))).exit_code == 0

    said = await fleet.ask(fleet.unit(plan, "workers").verify.command)

    assert not await fleet.holds(fleet.unit(plan, "workers").verify)
    assert "< MachineDeployment cust-01-workers: generation 1" in said.stdout
    assert "> MachineDeployment cust-01-workers: generation 2" in said.stdout
    (still,) = plan.step("workers-still").units
    assert not await fleet.holds(still.verify)


async def test_the_canary_write_is_only_tried(fleet: Fleet) -> None:
    """What the upgrade broke fails the validation; where it is taken, nothing is left in the customer's cluster."""
    plan = await fleet.resolved()
    (answers,) = plan.step("guest-answers").units
    broken = await fleet.ask(answers.verify.command)
    fleet.write(GUEST, {**fleet.objects(GUEST), "refuses_writes": ""})

    assert broken.exit_code == 1
    assert "failed calling webhook" in broken.stderr
    assert await fleet.holds(answers.verify)
    assert fleet.objects(GUEST)["objects"].get("configmaps", {}) == {}


async def test_only_the_management_side_goes_back_where_that_is_asked(fleet: Fleet) -> None:
    plan = await fleet.resolved(scope="management")
    for step in STEPS[:-1]:
        unit = fleet.unit(plan, step)
        assert (await fleet.do(unit)).exit_code == 0, step
        assert await fleet.holds(unit.verify), step

    spec = fleet.objects(MANAGEMENT)["objects"]["hostedclusters"][CLUSTER]["spec"]
    assert (spec["release"]["image"], spec["controlPlaneRelease"]["image"]) == (NEW, OLD)

    assert (await fleet.undo(fleet.unit(plan, "patch"))).exit_code == 0
    assert "controlPlaneRelease" not in fleet.objects(MANAGEMENT)["objects"]["hostedclusters"][CLUSTER]["spec"]


# -- the plan itself ---------------------------------------------------------------------------------------------------


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
