"""The way back from an adoption, asked on the practice cloud: each point of no return crossed, each hole tried."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from core.errors import BelayError, RefusedError
from core.ledger import Snapshot
from core.lint import lint
from core.pnr import Verdict
from core.resolve import resolve
from sandbox.systems.findings import Finding
from sandbox.systems.rhoso_adoption import layout, truth
from sandbox.systems.rhoso_adoption.furnish import ONBOOT
from sandbox.systems.rhoso_adoption.scenarios import convert_and_hide
from sandbox.systems.rhoso_adoption.system import SYSTEM
from sandbox.systems.rhoso_adoption.tools.openshift import ADDRESS, NAMESPACE
from sandbox.systems.rhoso_adoption.tools.pacemaker import STATE
from sandbox.systems.rhoso_adoption.upgrade import edpm
from sandbox.systems.tools.kubeconfig import state_name
from store.config_files import build_targets
from tests.needs import own_view
from tests.sandbox.systems.desk import Clerk, Desk, as_it_was, desk_of, shipped_plan
from tests.sandbox.systems.rhoso_events import CROSSINGS, NODES, Event, clean_up

pytestmark = pytest.mark.asyncio(loop_scope="module")
__all__ = ["own_view"]

FIRST, BASTION, UNDERCLOUD = layout.CONTROLLERS[0], layout.BASTION, layout.UNDERCLOUD


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory, own_view: None) -> AsyncIterator[Desk]:
    home: Path = tmp_path_factory.mktemp("rhoso") / "world"
    async with desk_of(SYSTEM, "A1", home) as one:
        yield one


async def test_the_linter_finds_nothing() -> None:
    assert lint(shipped_plan(SYSTEM)) == ()


async def test_every_wait_ends_and_every_guard_is_whole() -> None:
    plan = shipped_plan(SYSTEM)
    points = {point.id for point in plan.points_of_no_return}
    steps = {step.id: step for step in plan.steps}

    assert set(steps["fence-podified"].guard) == points
    assert set(steps["delete-podified"].guard) == points - {"instance-ha-lost"}
    order = list(steps)
    assert (
        order.index("start-bundles") < order.index("ovn-databases") < order.index("identity") < order.index("services")
    )
    assert order.index("fence-podified") < order.index("start-bundles"), "no source service before the other is quiet"
    assert order.index("source-api") < order.index("delete-podified")
    assert [step.id for step in plan.steps if step.abort_point] == ["delete-podified"]


async def test_as_the_adoption_left_it_everything_is_reversible(desk: Desk) -> None:
    assert {verdict for verdict, _ in (await desk.verdicts()).values()} == {Verdict.REVERSIBLE}
    for check in desk.plan.preflight:
        held, said = await desk.holds(check.host, check.look)
        assert held, f"{check.id} on {check.host}: {said}"


# Each point of no return, by its event.


@pytest.mark.parametrize("event", CROSSINGS)
async def test_each_event_crosses_its_point_of_no_return(desk: Desk, event: str) -> None:
    point, happens, words = CROSSINGS[event]
    async with as_it_was(desk):
        await happens(desk)
        verdict, found = (await desk.verdicts(point))[point]

    assert verdict is Verdict.CROSSED
    assert words in found


async def test_a_pre_adoption_validation_crosses_nothing(desk: Desk) -> None:
    async with as_it_was(desk):
        await edpm(desk.world, "openstack-pre-adoption", ["pre-adoption-validation"])
        assert (await desk.verdicts("edpm-ran"))["edpm-ran"][0] is Verdict.REVERSIBLE


async def test_a_node_tells_when_openshift_has_forgotten(desk: Desk) -> None:
    async with as_it_was(desk):
        await convert_and_hide(desk.world)
        assert await desk.do(BASTION, "oc -n openstack get jobs,openstackdataplanedeployment -o name") == ""
        verdict, found = (await desk.verdicts("edpm-ran"))["edpm-ran"]
        desk.world.hosts["compute-1"].path(NODES).unlink()

    assert (verdict, found.partition(":")[0]) == (Verdict.CROSSED, "compute-1")


# What cannot be asked is unknown.


async def _no_api(desk: Desk) -> None:
    with desk.machine(BASTION).shared(state_name(ADDRESS)) as data:
        data["outage"] = "refused"


async def _another_project(desk: Desk) -> None:
    """Somebody's kubeconfig points at another cluster, where nothing of EDPM is, as there is nothing at all."""
    with desk.machine(BASTION).shared(state_name(ADDRESS)) as data:
        data["objects"] = {"namespaces": {f"/{NAMESPACE}": {"metadata": {"name": NAMESPACE, "uid": "other"}}}}


async def _no_ceph(desk: Desk) -> None:
    with desk.machine(FIRST).shared("ceph") as ceph:
        ceph["unreachable"] = True


@pytest.mark.parametrize(
    ("happens", "point"),
    [
        (_no_api, "edpm-ran"),
        (_another_project, "edpm-ran"),
        (_another_project, "swift-moved"),
        (_no_ceph, "ceph-moved"),
    ],
)
async def test_silence_is_unknown(desk: Desk, happens: Event, point: str) -> None:
    async with as_it_was(desk):
        await happens(desk)
        assert (await desk.verdicts(point))[point][0] is Verdict.UNKNOWN


async def test_a_node_that_is_off_is_unknown(desk: Desk) -> None:
    compute = desk.world.hosts["compute-2"]
    await compute.stop()
    try:
        verdict, found = (await desk.verdicts("edpm-ran"))["edpm-ran"]
    finally:
        await compute.power_on()

    assert verdict is Verdict.UNKNOWN
    assert found.startswith("compute-2: ")


# Holes of the official procedure: where it says "OK", and this plan does not.

OFFICIAL_CHECK = """
for resource in ${PacemakerResourcesToStop[*]}; do
  if sudo pcs resource config $resource &>/dev/null; then
    if sudo pcs resource status $resource | grep Started >/dev/null; then echo "OK: Service $resource is started"
    else echo "ERROR: Service $resource is stopped"; fi
  fi
done
"""
OFFICIAL_START = """
for service in tripleo_keystone.service tripleo_nova_api.service; do
  if sudo systemctl is-enabled $service &>/dev/null; then sudo systemctl start $service; fi
done
"""


async def test_g1_the_official_check_of_pacemaker_checks_nothing(desk: Desk) -> None:
    said = await desk.world.hosts[FIRST].ask("bash -s", stdin=OFFICIAL_CHECK)
    assert (said.exit_code, said.stdout) == (0, "")

    held, found = await desk.verify(f"start-bundles@{FIRST}[galera-bundle]")

    assert (held, found) == (False, "galera-bundle runs 0 of 3")


async def test_g1_two_replicas_of_three_are_not_enough(desk: Desk) -> None:
    async with as_it_was(desk):
        await desk.do(FIRST, "sudo pcs resource enable haproxy-bundle --wait=600")
        await desk.do("controller-2", "sudo podman stop haproxy-bundle-podman-1")
        await desk.do(FIRST, "sudo pcs resource status haproxy-bundle | grep Started >/dev/null")

        found = await desk.verify(f"start-bundles@{FIRST}[haproxy-bundle]")

    assert found == (False, "haproxy-bundle runs 2 of 3")


async def test_g2_a_unit_disabled_by_hand_is_started_all_the_same(desk: Desk) -> None:
    async with as_it_was(desk):
        await desk.do(FIRST, "sudo systemctl disable tripleo_nova_api.service")
        await desk.world.hosts[FIRST].ask("bash -s", stdin=OFFICIAL_START)
        key = f"services@{FIRST}[tripleo_nova_api.service]"
        assert await desk.verify(key) == (False, "inactive")

        assert (await desk.act(key)).exit_code == 0

        assert await desk.verify(key) == (True, "active")


async def test_g3_what_the_official_lists_forget_is_recorded(desk: Desk) -> None:
    wanted = {(name, layout.unit(unit)) for name in layout.CONTROLLERS for unit in layout.FORGOTTEN}
    wanted |= {(name, layout.unit(unit)) for name, mine in layout.EDGE_UNITS.items() for unit in mine}
    keys = {unit.key for step in desk.plan.steps for unit in step.units}

    missing = [pair for pair in wanted if not any(f"@{pair[0]}[{pair[1]}]" in key for key in keys)]

    assert not missing
    assert not any("ovn_controller" in key or "nova_compute" in key for key in keys), (
        "the data path is nobody's to start"
    )


async def test_g4_an_api_that_does_not_answer_does_not_mean_gone(desk: Desk) -> None:
    async with as_it_was(desk):
        await _no_api(desk)
        official = await desk.world.hosts[BASTION].ask("while oc get pod | grep rabbitmq-server-0; do sleep 2; done")
        held, _ = await desk.verify(f"podified-gone@{BASTION}")

    assert official.exit_code == 0
    assert not held


async def test_g20_an_active_unit_is_not_an_answer(desk: Desk) -> None:
    async with as_it_was(desk):
        for name in layout.CONTROLLERS:
            await desk.do(name, "sudo systemctl start tripleo_keystone.service")
            assert await desk.verify(f"identity@{name}[tripleo_keystone.service]") == (True, "active")

        held, _ = await desk.verify(f"identity-answers@{UNDERCLOUD}")

    assert not held


async def test_an_undo_stops_only_what_was_started(desk: Desk) -> None:
    """An abort must not stop a unit that ran all the while."""
    key, other = (f"services@{FIRST}[tripleo_{name}.service]" for name in ("glance_api", "nova_api"))
    async with as_it_was(desk):
        assert (await desk.act(other)).exit_code == 0  # somebody had started it by hand
        assert (await desk.act(f"note-before@{FIRST}")).exit_code == 0
        assert (await desk.act(key)).exit_code == 0

        for each in (key, other):
            assert (await desk.act(each, undo=True)).exit_code == 0

        assert await desk.verify(key) == (False, "inactive")
        assert await desk.verify(other) == (True, "active")


async def test_without_the_fence_two_clouds_write_to_one_back_end(desk: Desk) -> None:
    """What the fence is for: the judge sees a plan that forgets it."""
    async with as_it_was(desk):
        await desk.do(FIRST, "sudo pcs resource enable openstack-cinder-volume --wait=600")
        found = {finding.what: finding for finding in await truth.truth(desk.world)}

    assert found["back ends"] == Finding(
        what="back ends",
        right=False,
        found="openstack-cinder-volume was started while the podified cinder-volume-ceph-0 ran",
    )


async def test_the_fence_quiets_writers_and_keeps_edpm_from_starting(desk: Desk) -> None:
    key = f"fence-podified@{BASTION}"
    async with as_it_was(desk):
        assert (await desk.act(key)).exit_code == 0
        assert await desk.verify(key) == (True, "quiet")
        await clean_up(desk)
        pods = await desk.do(BASTION, "oc -n openstack get pods -o name")
        assert "cleanup" not in pods
        assert "pod/openstack-galera-0" in pods

        assert (await desk.act(key, undo=True)).exit_code == 0

        assert all(finding.right for finding in await truth.podified_as_it_was(desk.world))


async def test_what_will_be_lost_is_listed(desk: Desk) -> None:
    held, said = await desk.verify(f"written-since@{BASTION}")

    assert held
    assert "late-volume" in said
    assert "late-network" in said
    assert "disk of web-1" not in said


@pytest.mark.parametrize(
    "name", ["colocation-ip-172.17.3.86-haproxy-bundle-INFINITY", "order-ceph-nfs-openstack-manila-share-Optional"]
)
async def test_a_constraint_goes_back_and_forth(desk: Desk, name: str) -> None:
    """Also the one the published procedure forgets; doing it twice does no harm, as it does there."""
    key = f"constraints@{FIRST}[{name}]"
    async with as_it_was(desk):
        assert not (await desk.verify(key))[0]
        for _ in range(2):
            assert (await desk.act(key)).exit_code == 0
        assert (await desk.verify(key))[0]

        assert (await desk.act(key, undo=True)).exit_code == 0

        assert not (await desk.verify(key))[0]


async def test_capabilities_go_back_and_forth(desk: Desk) -> None:
    key, look = f"restore-caps@{FIRST}", "sudo cephadm shell -- ceph auth get client.openstack"
    async with as_it_was(desk):
        adopted = await desk.do(FIRST, look)
        assert "pool=backups" not in adopted
        assert (await desk.act(key)).exit_code == 0
        assert (await desk.verify(key))[0]

        assert (await desk.act(key, undo=True)).exit_code == 0

        assert await desk.do(FIRST, look) == adopted


async def test_no_secret_is_recorded(desk: Desk) -> None:
    assert not [fact for fact, value in desk.ledger.baseline.items() if "key =" in value or "12345678" in value]


async def test_the_management_port_goes_back_and_forth(desk: Desk) -> None:
    key = f"management-port@{FIRST}"
    assert await desk.verify(key) == (False, "ONBOOT=no")
    assert (await desk.act(key)).exit_code == 0
    assert await desk.verify(key) == (True, "ONBOOT=yes")
    assert (await desk.act(key, undo=True)).exit_code == 0
    assert "ONBOOT=no" in desk.world.hosts[FIRST].path(ONBOOT).read_text()


async def test_instance_ha_is_not_pushed_over_something_new(desk: Desk) -> None:
    """The recorded configuration would take away what somebody has added since."""
    async with as_it_was(desk):
        with desk.machine(FIRST).shared(STATE) as cluster:
            new = {"kind": "primitive", "agent": "ocf:heartbeat:IPaddr2", "meta": {}}
            cluster["resources"]["ip-192.0.2.99"] = new

        said = await desk.act(f"instance-ha@{FIRST}")

    assert said.exit_code == 1
    assert "'ip-192.0.2.99' is not in the recorded configuration" in said.stdout


# Bad input is refused before anyone is asked.


def _without(desk: Desk, name: str) -> dict[str, str]:
    return {fact: value for fact, value in desk.ledger.baseline.items() if fact.partition("@")[0] != name}


@pytest.mark.parametrize("name", ["service-units", "bundles", "ovn-remote", "ocp-project", "galera"])
async def test_a_missing_baseline_is_refused(desk: Desk, name: str) -> None:
    with pytest.raises(RefusedError, match=rf"(?si){name.replace('-', '.')}.*belay baseline"):
        desk.resolve(baseline=_without(desk, name))


async def test_a_missing_copy_of_pacemaker_is_refused(desk: Desk) -> None:
    with pytest.raises(RefusedError, match="restores the snapshot 'cib' and none is recorded"):
        desk.resolve(snapshots={})


async def test_a_copy_of_another_kind_is_refused(desk: Desk) -> None:
    cib: Snapshot = replace(desk.ledger.snapshots["cib"], kind="mysqldump")
    with pytest.raises(RefusedError, match="should be a cib, the ledger has a mysqldump"):
        desk.resolve(snapshots={"cib": cib})


async def test_a_copy_with_another_checksum_does_not_pass_preflight(desk: Desk) -> None:
    cib = replace(desk.ledger.snapshots["cib"], sha256="0" * 64)
    plan = desk.resolve(snapshots={"cib": cib})
    (check,) = (check for check in plan.preflight if check.id == "cib-kept")

    assert not (await desk.holds(check.host, check.look))[0]


async def test_a_unit_listed_twice_is_refused(desk: Desk) -> None:
    twice = "tripleo_etcd.service\ntripleo_etcd.service"
    with pytest.raises(RefusedError, match="twice"):
        desk.resolve(baseline={**desk.ledger.baseline, "lock-units@dcn1-hci-1": twice})


@pytest.mark.parametrize(("role", "hosts"), [("ocp", []), ("controller", ["controller-1"])])
async def test_a_role_without_its_hosts_is_refused(desk: Desk, role: str, hosts: list[str]) -> None:
    text = yaml.safe_load(desk.world.targets_yaml())
    text["targets"][SYSTEM.target]["roles"][role] = hosts
    with pytest.raises(BelayError, match=role):
        resolve(shipped_plan(SYSTEM), build_targets(text)[SYSTEM.target], desk.ledger)


async def test_a_host_twice_in_a_role_is_refused(desk: Desk) -> None:
    text = yaml.safe_load(desk.world.targets_yaml())
    text["targets"][SYSTEM.target]["roles"]["controller"].append("controller-1")
    with pytest.raises(BelayError, match="controller-1"):
        build_targets(text)


async def test_a_capture_after_the_stop_is_refused(desk: Desk) -> None:
    """What is recorded too late would be a rollback that starts nothing."""
    clerk = Clerk(SYSTEM.target)
    clerk.world = desk.world
    with pytest.raises(RefusedError, match="identity-units@controller-1: it printed nothing"):
        await clerk.capture()


async def test_notes_of_an_earlier_run_are_cleared_first(desk: Desk) -> None:
    """Else an undo would take away a constraint that was there before this run."""
    async with as_it_was(desk):
        stale = desk.world.hosts[FIRST].path("/run/belay-rhoso/constraint-x")
        stale.parent.mkdir(parents=True, exist_ok=True)
        stale.touch()
        key = f"clear-notes@{FIRST}"
        assert not (await desk.verify(key))[0]

        await desk.act(key)

        assert (await desk.verify(key))[0]
        assert not stale.exists()
    order = [step.id for step in desk.plan.steps]
    noting = ("note-before", "note-disabled", "constraints")
    assert order.index("clear-notes") < min(order.index(step) for step in noting)
