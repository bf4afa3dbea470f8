"""What can be practised on the fleet."""

import json
from collections.abc import Sequence

from sandbox.systems.findings import Finding
from sandbox.systems.hosted_control_plane import names
from sandbox.systems.hosted_control_plane.truth import (
    all_clusters,
    chosen,
    server,
    service,
    untouched,
    workers_untouched,
)
from sandbox.systems.hosted_control_plane.upgrade import upgrade_to
from sandbox.systems.scenario import BEFORE_CLAIM, Act, Answer, End, Scenario, before
from sandbox.systems.world import World

STOP_FROZEN = Answer(to="put the upgrade policies back", word="skip", reason="4.20.32 is not out yet")
TWO = {"clusters": "cust-01,cust-02"}


def does(command: str) -> Act:
    """Return an act that runs *command* on the bastion."""

    async def act(world: World) -> None:
        await world.hosts["bastion-1"].run(command)

    return act


def behaves(**how: object) -> Act:
    """Return an act after which the controllers of the management cluster behave like that."""

    async def act(world: World) -> None:
        with server(world, names.MANAGEMENT).state as data:
            data["hypershift"].update(how)

    return act


def away(address: str) -> Act:
    """Return an act after which the API server at *address* does not answer."""

    async def act(world: World) -> None:
        with server(world, address).state as data:
            data["outage"] = "refused"

    return act


async def force_and_forbid(world: World) -> None:
    """The upgrade was forced: its annotation is still there, and the cluster says that it is not upgradeable."""
    await world.hosts["bastion-1"].run(
        f"oc annotate hostedclusters -n {names.NAMESPACE} cust-01 {names.FORCE}={names.image(names.NEW)}"
    )
    with server(world, names.MANAGEMENT).state as data:
        for one in data["objects"]["hostedclusters"][f"{names.NAMESPACE}/cust-01"]["status"]["conditions"]:
            if one["type"] == "ClusterVersionUpgradeable":
                one["status"] = "False"


async def pin_at_the_owner(world: World) -> None:
    """The service is told, and delivers the old release itself."""
    with server(world, names.MANAGEMENT).writing() as store:
        store.data["hypershift"]["owned"] = {"cust-01": names.image(names.OLD)}
        patch = {"spec": {"release": {"image": names.image(names.OLD)}}}
        store.patch(store.kind("hostedclusters"), names.NAMESPACE, "cust-01", patch)


async def only_the_chosen(world: World) -> tuple[Finding, ...]:
    """No worker was rolled anywhere, and nothing was done to a cluster nobody chose."""
    everyone = all_clusters(world)
    others = [name for name in everyone if name not in chosen(world)]
    return (*workers_untouched(world, everyone), *untouched(world, others))


async def thawed(world: World) -> tuple[Finding, ...]:
    """Every cluster has its upgrade policy back, as it was but for its number."""
    return (*await only_the_chosen(world), *_policies(world, chosen(world), "30 4 * * 0"))


async def frozen(world: World) -> tuple[Finding, ...]:
    return (*await only_the_chosen(world), *_policies(world, chosen(world), "none"))


def _policies(world: World, clusters: Sequence[str], wanted: str) -> list[Finding]:
    found = []
    for name in clusters:
        policies = service(world)["clusters"][names.service_id(name)]["policies"]
        said = ", ".join(policy["schedule"] for policy in policies) or "none"
        found.append(Finding(what=f"upgrade policies of {name}", right=said == wanted, found=said))
    return found


async def one_patch(world: World) -> tuple[Finding, ...]:
    """The run patched each cluster once, with the annotation and the image in it, and left no annotation behind."""
    found = [*await frozen(world)]
    for name in chosen(world):
        patches = [json.loads(words[words.index("-p") + 1]) for words in _calls(world, "patch", name)]
        right = len(patches) == 1 and patches[0] == {
            "metadata": {"annotations": {names.FORCE: names.image(names.OLD)}},
            "spec": {"release": {"image": names.image(names.OLD)}},
        }
        found.append(Finding(what=f"patches of {name}", right=right, found=str(patches)))
        one = server(world, names.MANAGEMENT).reading().find("hostedclusters", names.NAMESPACE, name) or {}
        marks = one["metadata"].get("annotations", {})
        found.append(Finding(what=f"annotations of {name}", right=names.FORCE not in marks, found=str(marks)))
    return tuple(found)


def _calls(world: World, *words: str) -> list[list[str]]:
    """What runs called `oc` with, those calls that have all of *words*."""
    lines = (world.hosts["bastion-1"].directory / "log" / "calls").read_text().splitlines()
    calls = [call for call in map(json.loads, lines) if call["tool"] == "oc" and call["key"]]
    return [call["words"] for call in calls if set(words) <= set(call["words"])]


async def first_wave_only(world: World) -> tuple[Finding, ...]:
    left = untouched(world, ["cust-02", "cust-03"])
    return (*workers_untouched(world, all_clusters(world)), *left)


SCENARIOS = (
    Scenario(
        name="B1",
        title="4.20.31 back to 4.20.30, nothing stands in the way",
        what_to_expect="Two of three clusters go back, one after the other; the third is not touched.",
        end=End.SUCCEEDED,
        parameters=TWO,
        also=thawed,
    ),
    Scenario(
        name="B1-management",
        title="Only what runs on the management cluster goes back",
        what_to_expect="spec.controlPlaneRelease is set, spec.release stays: the cluster's own version stays too.",
        end=End.SUCCEEDED,
        parameters={"clusters": "cust-01", "scope": "management"},
        answers=(STOP_FROZEN,),
        also=frozen,
    ),
    Scenario(
        name="B2",
        title="4.21 back to 4.20",
        what_to_expect="Refused: the operator does not go back over a minor release, and etcd's data has moved.",
        end=End.REFUSED,
        says=(
            "minor-crossed is CROSSED (bastion-1[cust-01]: crossed: it has been on 4.21.2 and would go to 4.20.30",
            "etcd-moved is CROSSED (bastion-1[cust-01]: crossed: etcd has data of 3.6, it was 3.5",
        ),
        parameters=TWO,
        upgrade=upgrade_to("4.21.2"),
    ),
    Scenario(
        name="B3",
        title="A NodePool has followed to 4.20.31",
        what_to_expect="Refused: a control plane must not be behind its workers, and workers are not rolled here.",
        end=End.REFUSED,
        says=(
            (
                "workers-newer is CROSSED (bastion-1[cust-02]: crossed: NodePool cust-02-workers is on 4.20.31, "
                "the control plane would be on 4.20.30"
            ),
        ),
        parameters=TWO,
        prepare=does(
            f"oc patch nodepools -n {names.NAMESPACE} cust-02-workers --type=merge "
            f'-p \'{{"spec":{{"release":{{"image":"{names.image(names.NEW)}"}}}}}}\''
        ),
    ),
    Scenario(
        name="B4",
        title="The upgrade was forced, and left its annotation",
        what_to_expect="One patch moves the image and the annotation; afterwards there is none.",
        end=End.SUCCEEDED,
        parameters={"clusters": "cust-01"},
        prepare=force_and_forbid,
        answers=(STOP_FROZEN,),
        also=one_patch,
    ),
    Scenario(
        name="B5",
        title="3 of 40 clusters, and the canary fails",
        what_to_expect="The canary's API server does not come up on the old release: it is taken forward again.",
        end=End.UNWOUND,
        parameters={"clusters": "cust-05,cust-17,cust-33"},
        prepare=behaves(stuck={"cust-05": {"component": "kube-apiserver", "version": names.OLD}}),
        answers=(Answer(to="rollout.w1", word="abort", reason="the canary does not come up"),),
        also=lambda world: _others_untouched(world, "cust-05"),
    ),
    Scenario(
        name="B6",
        title="The owner reverts the patch",
        what_to_expect="The rollout ends at once: the service has put the new image back. Somebody takes it all back.",
        end=End.UNWOUND,
        parameters=TWO,
        prepare=behaves(owned={"cust-01": names.image(names.NEW)}),
        answers=(Answer(to="reverted by its owner", word="abort", reason="the service has to be told first"),),
        also=lambda world: _others_untouched(world, "cust-01"),
    ),
    Scenario(
        name="B6-pinned",
        title="The owner reverts the patch, and is told",
        what_to_expect="The service is given the old release for that cluster, and the wait is tried again.",
        end=End.SUCCEEDED,
        parameters=TWO,
        prepare=behaves(owned={"cust-01": names.image(names.NEW)}),
        answers=(
            Answer(
                to="reverted by its owner",
                word="retry",
                first=pin_at_the_owner,
                first_says="the service is told to deliver 4.20.30 to cust-01",
            ),
            STOP_FROZEN,
        ),
        also=frozen,
    ),
    Scenario(
        name="B7",
        title="The gold tier of 40 clusters, in waves",
        what_to_expect="A canary, then two, then the rest; somebody types `continue` between them.",
        end=End.SUCCEEDED,
        parameters={"clusters": "label:tier=gold"},
        answers=(STOP_FROZEN,),
        also=frozen,
    ),
    Scenario(
        name="B8",
        title="A cluster vanished between two looks at the list",
        what_to_expect="Refused before anyone is asked: it is not there any more.",
        end=End.REFUSED,
        says=("there is no 'cust-02' among the hosted clusters now",),
        parameters=TWO,
        prepare=does(f"oc delete hostedclusters -n {names.NAMESPACE} cust-02"),
    ),
    Scenario(
        name="B8-late",
        title="A cluster vanished between the last approval and the claim",
        what_to_expect="Refused at the claim: nobody can say whether it may go back.",
        end=End.REFUSED,
        says=("UNKNOWN", "bastion-1[cust-02]: exit 1: Error from server (NotFound): hostedclusters"),
        right=False,
        parameters=TWO,
        at={BEFORE_CLAIM: does(f"oc delete hostedclusters -n {names.NAMESPACE} cust-02")},
    ),
    Scenario(
        name="B9",
        title="The management cluster does not answer",
        what_to_expect="Refused: an outage is not an empty fleet.",
        end=End.REFUSED,
        says=(
            "hosted clusters cannot be discovered on 'bastion-1': exit 1: The connection to the server api.mgmt-east",
        ),
        parameters=TWO,
        prepare=away(names.MANAGEMENT),
    ),
    Scenario(
        name="B9-guest",
        title="A cluster's own API server does not answer",
        what_to_expect="Refused: nobody knows in which versions it stores its objects.",
        end=End.REFUSED,
        says=(
            "stored-versions-moved is UNKNOWN (bastion-1[cust-02]: exit 1: The connection to the server api.cust-02",
        ),
        parameters=TWO,
        prepare=away(names.guest("cust-02")),
    ),
    Scenario(
        name="B10",
        title="Stopped after the canary",
        what_to_expect="The canary stays on the old release, the others are not touched.",
        end=End.SUCCEEDED,
        right=False,
        parameters={"clusters": "all"},
        answers=(Answer(to="wave 2", word="skip", reason="the customer of cust-01 looks first"),),
        also=first_wave_only,
    ),
    Scenario(
        name="B11",
        title="The operator rolls workers as well",
        what_to_expect="It asks before the next wave: a MachineDeployment is not what it was.",
        end=End.ASKS,
        says=("workers.w1@bastion-1[cust-01]", "< MachineDeployment cust-01-workers: generation 1"),
        right=False,
        parameters=TWO,
        prepare=behaves(moves_workers=["cust-01"]),
    ),
    Scenario(
        name="B12",
        title="A NodePool follows while the run waits between two waves",
        what_to_expect="The second wave does not begin; the first stands or is taken back.",
        end=End.UNWOUND,
        parameters=TWO,
        at={
            before("patch.w2"): does(
                f"oc patch nodepools -n {names.NAMESPACE} cust-02-workers --type=merge "
                f'-p \'{{"spec":{{"release":{{"image":"{names.image(names.NEW)}"}}}}}}\''
            )
        },
        answers=(Answer(to="workers-newer", word="abort"),),
    ),
)


async def _others_untouched(world: World, *but: str) -> tuple[Finding, ...]:
    everyone = all_clusters(world)
    return (*workers_untouched(world, everyone), *untouched(world, [name for name in everyone if name not in but]))
