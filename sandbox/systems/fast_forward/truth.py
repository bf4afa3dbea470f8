"""What is true of the cloud, from outside: one release and its data on every controller, computes untouched."""

from sandbox.systems import looks
from sandbox.systems.fast_forward import layout
from sandbox.systems.fast_forward.furnish import ORIGIN, image_file, pinned
from sandbox.systems.fast_forward.tools import volumes
from sandbox.systems.fast_forward.upgrade import BEFORE
from sandbox.systems.findings import Finding
from sandbox.systems.tools import dump, galera, units
from sandbox.systems.world import World


def chosen_release(world: World) -> str:
    """Return the release the scenario's rollback goes back to: the upgrade's origin, or that of a hop's snapshot."""
    chosen = world.scenario.parameters.get("snapshot", BEFORE)
    return ORIGIN if chosen == BEFORE else chosen.removeprefix("after-")


async def truth(world: World) -> tuple[Finding, ...]:
    release = chosen_release(world)
    return (
        *looks.data(world),
        *looks.apis(world, release),
        *(_services(world, name, release) for name in layout.CONTROLLERS),
        *(_volume(world, name) for name in layout.CONTROLLERS),
        *looks.workloads(world),
        *computes_only_asked(world),
    )


def _services(world: World, host: str, release: str) -> Finding:
    """Exactly the release's services run, each from the image of that release."""
    one = world.machine(host)
    wanted = {layout.unit(service) for service in layout.services_of(release)}
    runs = {
        name for name, (_, state) in units.states(one).items() if state == "active" and name.startswith("openstack-")
    }
    other = sorted(
        service
        for service in layout.services_of(release)
        if one.read(image_file(service)).strip() != f"IMAGE={pinned(release, service)}"
    )
    words = [*(f"not running: {name}" for name in sorted(wanted - runs)), *(f"still runs: {n}" for n in runs - wanted)]
    words += [f"another image: {', '.join(other)}"] if other else []
    return Finding(what=f"services on {host}", right=not words, found="; ".join(words) or f"those of {release}")


def _volume(world: World, host: str) -> Finding:
    mounted = volumes.datadir_is_mounted(world.machine(host))
    return Finding(what=f"the volume on {host}", right=mounted, found="mounted" if mounted else "not mounted, or empty")


def computes_only_asked(world: World) -> tuple[Finding, ...]:
    """Nothing was started on a compute, and nothing that was called there changes anything."""
    deeds = {"start", "stop", "restart", "enable", "disable", "set", "pull", "rm"}
    touched = [
        name
        for name in layout.COMPUTES
        if world.claims(world.hosts[name]) or any(deeds & {*call["words"][:1]} for call in world.machine(name).calls())
    ]
    return (Finding(what="computes", right=not touched, found=", ".join(touched) or "only asked"),)


async def first_snapshot_kept(world: World) -> tuple[Finding, ...]:
    """Going back to a hop's snapshot leaves the one of before the upgrade whole, and so the way to it."""
    kept = world.machine(layout.BOOTSTRAP).state("lvm").read()["snapshots"].get(BEFORE)
    whole = kept is not None and not volumes.full(kept)
    return (Finding(what=f"the snapshot '{BEFORE}'", right=whole, found="whole" if whole else "void or gone"),)


async def snapshots_as_they_were(world: World) -> tuple[Finding, ...]:
    """After a refusal every snapshot is where it was."""
    there = sorted(world.machine(layout.BOOTSTRAP).state("lvm").read()["snapshots"])
    wanted = sorted(name.removeprefix("data of ") for name in world.known if name.startswith("data of "))
    return (Finding(what="the snapshots", right=there == wanted, found=", ".join(there)),)


async def others_keep_what_they_have(world: World) -> tuple[Finding, ...]:
    """The members that were not taken back still hold the databases as the upgrade left them."""
    wanted = world.known["data as upgraded"]
    others = [name for name in layout.CONTROLLERS if name != layout.BOOTSTRAP]
    gone = [name for name in others if dump.content_hash(galera.datadir(world.machine(name))) != wanted]
    return (Finding(what="the other members", right=not gone, found=f"lost: {', '.join(gone)}" if gone else "kept"),)
