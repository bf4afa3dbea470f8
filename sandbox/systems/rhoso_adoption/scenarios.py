"""What can be practised on an adoption's way back: A1 to A7 as the facts name them, and three more."""

import asyncio

from sandbox.hosts.nursery import HostFailedError
from sandbox.systems.rhoso_adoption import layout
from sandbox.systems.rhoso_adoption.truth import podified_as_it_was, podified_gone, podified_quiet
from sandbox.systems.rhoso_adoption.upgrade import edpm
from sandbox.systems.scenario import BEFORE_CLAIM, Act, Answer, End, Scenario, before, during
from sandbox.systems.tools import units
from sandbox.systems.world import World

EDPM_UNITS = ("edpm_nova_compute", "edpm_ovn_controller", "edpm_libvirt_guests")


def runs(host: str, command: str) -> Act:
    """Return an act that runs *command* on *host*."""

    async def act(world: World) -> None:
        await world.hosts[host].run(command)

    return act


async def validate_only(world: World) -> None:
    await edpm(world, "openstack-pre-adoption", ["pre-adoption-validation"])


async def clean_up(world: World) -> None:
    """Somebody took the next step of the adoption."""
    await edpm(world, "tripleo-cleanup", ["tripleo-cleanup"])


async def convert_and_hide(world: World) -> None:
    """EDPM converted compute-1; then somebody deleted its deployments, and their jobs went with them."""
    await clean_up(world)
    await edpm(world, "openstack")
    one = world.machine("compute-1")
    units.remove(one, *(layout.unit(name) for name in layout.COMPUTE_UNITS if name not in layout.DATA_PATH))
    units.define(one, *EDPM_UNITS, active="active")
    one.write("/var/lib/edpm-config/deployed_services", "ovn\nnova\n")
    await world.hosts[layout.BASTION].run("oc -n openstack delete openstackdataplanedeployment --all")


async def power_off_compute(world: World) -> None:
    await world.hosts["compute-2"].stop()


async def take_the_job_away(world: World) -> None:
    """
    Raises:
        HostFailedError: it had a pod: then it may have run, and is nobody's to take away.
    """
    bastion = world.hosts[layout.BASTION]
    pods = await bastion.run("oc -n openstack get pods -o name")
    if "tripleo-cleanup" in pods:
        raise HostFailedError(f"EDPM's job has a pod in spite of the fence: {pods}")
    await bastion.run("oc -n openstack delete openstackdataplanedeployment tripleo-cleanup")


async def clean_up_late(world: World) -> None:
    await clean_up(world)
    await asyncio.sleep(0.2)  # as long as a pod takes to start where it may


SCENARIOS = (
    Scenario(
        name="A1",
        title="Nothing stands in the way, and there is an edge site",
        what_to_expect="The source starts again, also at the edge, is verified, and the podified copy goes.",
        end=End.SUCCEEDED,
        also=podified_gone,
    ),
    Scenario(
        name="A2",
        title="EDPM ran, but only its pre-adoption validation",
        what_to_expect="Allowed: the validation only looks, and nothing else was asked for.",
        end=End.SUCCEEDED,
        prepare=validate_only,
        also=podified_gone,
    ),
    Scenario(
        name="A3",
        title="A job of tripleo-cleanup exists",
        what_to_expect="Refused: from then on the data plane belongs to the podified control plane.",
        end=End.REFUSED,
        says=("edpm-ran is CROSSED", "ocp-bastion: EDPM ran: tripleo-cleanup of tripleo-cleanup since"),
        prepare=clean_up,
        also=podified_as_it_was,
    ),
    Scenario(
        name="A4",
        title="The deployments were deleted, but a compute has EDPM's units",
        what_to_expect="Refused: OpenShift knows nothing any more, compute-1 itself says that it was converted.",
        end=End.REFUSED,
        says=("edpm-ran is CROSSED", "compute-1: converted: EDPM's units are there: edpm_libvirt_guests.service"),
        prepare=convert_and_hide,
        also=podified_as_it_was,
    ),
    Scenario(
        name="A5",
        title="A compute does not answer, so nobody knows",
        what_to_expect="Refused: compute-2 is off, the verdict is unknown, and unknown is not reversible.",
        end=End.REFUSED,
        says=("edpm-ran is UNKNOWN", "compute-2: cannot reach 'compute-2'"),
        prepare=power_off_compute,
        also=podified_as_it_was,
    ),
    Scenario(
        name="A6",
        title="Galera stays stopped after it was enabled",
        what_to_expect="It asks: Pacemaker was left in maintenance. Somebody ends that and tries again.",
        end=End.SUCCEEDED,
        at={before("start-bundles"): runs("controller-2", "sudo pcs property set maintenance-mode=true")},
        answers=(
            Answer(
                to="galera-bundle",
                word="retry",
                first=runs(
                    "controller-2",
                    "sudo pcs property set maintenance-mode=false; sudo pcs property set maintenance-mode=",
                ),
                first_says="pcs property set maintenance-mode=false, on controller-2",
            ),
        ),
        also=podified_gone,
    ),
    Scenario(
        name="A7",
        title="Stop before the podified control plane is deleted",
        what_to_expect="The source is back and verified; the podified copy is kept, quiesced, as evidence.",
        end=End.SUCCEEDED,
        answers=(Answer(to="delete-podified", word="skip", reason="keep the copy until the cause is found"),),
        also=podified_quiet,
    ),
    Scenario(
        name="A8",
        title="keystone does not start, and people go back to where they were",
        what_to_expect="It asks; somebody aborts: the source is stopped again and the podified services come back.",
        end=End.UNWOUND,
        at={before("identity"): runs("controller-2", "sudo systemctl mask tripleo_keystone.service")},
        answers=(Answer(to="identity", word="abort", reason="dana is reading its memory"),),
        also=podified_as_it_was,
    ),
    Scenario(
        name="A9",
        title="EDPM starts between the last approval and the claim",
        what_to_expect="Everybody agreed, then somebody took the next step of the adoption: refused, nothing runs.",
        end=End.REFUSED,
        says=("edpm-ran is CROSSED", "ocp-bastion: EDPM ran: tripleo-cleanup of tripleo-cleanup since"),
        at={BEFORE_CLAIM: clean_up},
        also=podified_as_it_was,
    ),
    Scenario(
        name="A10",
        title="Somebody asks for EDPM while the source is being started",
        what_to_expect="The fence keeps its job from starting, and the run stops until somebody has taken it away.",
        end=End.SUCCEEDED,
        at={during("services"): clean_up_late},
        answers=(
            Answer(
                to="edpm-ran is CROSSED",
                word="retry",
                first=take_the_job_away,
                first_says="oc delete openstackdataplanedeployment tripleo-cleanup: its job never had a pod",
            ),
        ),
        also=podified_gone,
    ),
)
