"""What happens to the fleet in its scenarios, and what is looked at afterwards beside the clusters that were chosen."""

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
from sandbox.systems.scenario import Act, Look
from sandbox.systems.world import World


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


async def upgrade_the_workers(world: World) -> None:
    """The NodePool of cust-02 is moved to the new release, and its workers are rolled."""
    patch = json.dumps({"spec": {"release": {"image": names.image(names.NEW)}}})
    await world.hosts["bastion-1"].run(
        f"oc patch nodepools -n {names.NAMESPACE} cust-02-workers --type=merge -p '{patch}'"
    )


async def pin_at_the_owner(world: World) -> None:
    """The service is told, and delivers the old release itself."""
    with server(world, names.MANAGEMENT).writing() as store:
        store.data["hypershift"]["owned"] = {"cust-01": names.image(names.OLD)}
        patch = {"spec": {"release": {"image": names.image(names.OLD)}}}
        store.patch(store.kind("hostedclusters"), names.NAMESPACE, "cust-01", patch)


def only(*touched: str) -> Look:
    """Return a look at everything the run had no business with, where it was to touch these only."""

    async def look(world: World) -> tuple[Finding, ...]:
        everyone = all_clusters(world)
        others = [name for name in everyone if name not in touched]
        return (*workers_untouched(world, everyone), *untouched(world, others))

    return look


async def thawed(world: World) -> tuple[Finding, ...]:
    """Every cluster has its upgrade policy back, as it was but for its number."""
    return (*await only(*chosen(world))(world), *_policies(world, chosen(world), "30 4 * * 0"))


async def frozen(world: World) -> tuple[Finding, ...]:
    return (*await only(*chosen(world))(world), *_policies(world, chosen(world), "none"))


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
