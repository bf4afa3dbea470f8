"""The z-stream plan's steps on the hosted fleet, and what the published way would have missed."""

import asyncio
import json

import pytest

from core.pnr import Verdict
from sandbox.systems.findings import all_right
from sandbox.systems.hosted_control_plane import names
from sandbox.systems.hosted_control_plane.truth import workers_untouched
from tests.sandbox.systems.hosted import RUN, Fleet
from tests.sandbox.systems.hosted_events import (
    CLUSTER,
    GUEST,
    MANAGEMENT,
    NEW,
    OLD,
    behave,
    force_and_forbid,
    release,
    settle,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

STEPS = ("freeze", "record", "snapshot", "patch", "rollout", "tidy", "workers")


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
