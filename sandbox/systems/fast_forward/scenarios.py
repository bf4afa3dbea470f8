"""What can be practised on the way back from a chain of hops: E1 to E5 as the facts name them, and more beside them."""

import hashlib
from collections.abc import Callable
from dataclasses import replace

from core.ledger import Snapshot
from sandbox.systems.fast_forward import layout
from sandbox.systems.fast_forward.furnish import ENGINE, pinned, service_on
from sandbox.systems.fast_forward.truth import first_snapshot_kept, snapshots_as_they_were
from sandbox.systems.fast_forward.upgrade import BEFORE, after, go_on_unseen, say_it_ended
from sandbox.systems.scenario import BEFORE_CLAIM, Act, Answer, End, Scenario, during
from sandbox.systems.tools import units
from sandbox.systems.world import World


async def convert_compute(world: World) -> None:
    """Somebody took the last part of the upgrade on one compute, and its agent told the database."""
    one = world.machine("compute-2")
    units.stop(one, layout.unit("nova-compute"))
    service_on(one, "nova-compute", "queens")
    units.start(one, layout.unit("nova-compute"))
    line = "UPDATE nova.services SET version = 30 WHERE host = 'compute-2' AND \\`binary\\` = 'nova-compute'"
    await world.hosts[layout.BOOTSTRAP].run(f'sudo mysql -e "{line}"')


def snapshot_is(name: str = BEFORE, **about: object) -> Act:
    """Return an act after which a snapshot is as *about* says: percent, invalid, pending."""

    async def act(world: World) -> None:
        with world.machine(layout.BOOTSTRAP).state("lvm") as lvm:
            lvm["snapshots"][name].update(about)

    return act


async def nearly_fill_both(world: World) -> None:
    """Neither is full; what the later one has to bring back is more than the earlier one has room for."""
    await snapshot_is(BEFORE, percent=95.0)(world)
    await snapshot_is(after("ocata"), percent=12.0)(world)


def recorded(change: Callable[[Snapshot], Snapshot]) -> Act:
    """Return an act that records the first snapshot again, changed."""

    async def act(world: World) -> None:
        manifest = f"{layout.KEPT}/{BEFORE}.manifest"
        text = world.machine(layout.BOOTSTRAP).read(manifest)
        snapshot = Snapshot(
            name=BEFORE,
            kind="lvm",
            place=manifest,
            host=layout.BOOTSTRAP,
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            taken_at=world.now(),
            engine_version=ENGINE,
            covers="mysql images",
            release="newton",
        )
        await world.recorder.snapshot(change(snapshot))

    return act


def with_another_sum(snapshot: Snapshot) -> Snapshot:
    return replace(snapshot, sha256=hashlib.sha256(b"another manifest").hexdigest())


def with_no_release(snapshot: Snapshot) -> Snapshot:
    return replace(snapshot, release="Newton (14.0.x)")


async def prune_image(world: World) -> None:
    """Somebody made room: an image of before the upgrade is no longer on one controller."""
    await world.hosts["controller-3"].run(f"sudo podman rmi --force {pinned('newton', 'nova-api')}")


SCENARIOS = (
    Scenario(
        name="E1",
        title="A chain of three hops fails in the second, at step 8",
        what_to_expect="Back to the snapshot of before the upgrade, past the hop that ended well; newton serves again.",
        end=End.SUCCEEDED,
    ),
    Scenario(
        name="E2",
        title="A compute was converted already",
        what_to_expect="Refused: compute-2 itself says so, and so does what its agent wrote into the database.",
        end=End.REFUSED,
        says=(
            "compute-converted is CROSSED",
            "compute-2: converted: it has IMAGE=registry.example/queens/",
            "compute-reported is CROSSED",
            "converted: compute-2 says 30, was 15",
        ),
        prepare=convert_compute,
        also=snapshots_as_they_were,
    ),
    Scenario(
        name="E3",
        title="The snapshot of before the upgrade ran full",
        what_to_expect="Refused: a full snapshot holds nothing. It says how the chain could go forward instead.",
        end=End.REFUSED,
        says=(
            "snapshot-void is CROSSED",
            "controller-1: void: vg_db/before-upgrade is 100.00 % full",
            "forward: the hop ocata to pike, again from step 8",
        ),
        prepare=snapshot_is(percent=100.0),
        also=snapshots_as_they_were,
    ),
    Scenario(
        name="E4",
        title="Back to the snapshot of a hop that ended well",
        what_to_expect="Named by the requester: ocata's data and ocata's services; the first snapshot stays whole.",
        end=End.SUCCEEDED,
        parameters={"snapshot": "after-ocata"},
        also=first_snapshot_kept,
    ),
    Scenario(
        name="E5",
        title="The ledger says that a hop has ended, and its schemas are not there",
        what_to_expect="Refused as unknown: ledger and database tell different stories, and nobody guesses.",
        end=End.REFUSED,
        says=(
            "chain is UNKNOWN",
            "contradiction: the ledger has the chain at pike and no hop open",
            "alembic_version of nova says ocata-nova (ocata)",
        ),
        upgrade=say_it_ended,
        also=snapshots_as_they_were,
    ),
    Scenario(
        name="E7",
        title="A schema is further than the ledger knows",
        what_to_expect="Refused: somebody went on by hand; it names the schema, its release, and the ledger's hop.",
        end=End.REFUSED,
        says=(
            "chain is CROSSED",
            "beyond: the ledger has the chain at ocata and the hop to pike open at step 8",
            "alembic_version of nova says queens-nova (queens)",
        ),
        prepare=go_on_unseen,
        also=snapshots_as_they_were,
    ),
    Scenario(
        name="E8",
        title="The snapshot is invalid",
        what_to_expect="Refused: LVM says so in one letter of its attributes, although it is not full.",
        end=End.REFUSED,
        says=("snapshot-void is CROSSED", "is invalid (swi-I-s---)"),
        prepare=snapshot_is(invalid=True, percent=61.0),
    ),
    Scenario(
        name="E9",
        title="Somebody has begun to merge the snapshot",
        what_to_expect="Refused: a merge is under way, or waits for the volume's next activation.",
        end=End.REFUSED,
        says=("snapshot-void is CROSSED", "is being merged (Swi-a-s---)"),
        prepare=snapshot_is(pending=True),
    ),
    Scenario(
        name="E10",
        title="The manifest is not the recorded one",
        what_to_expect="Refused before anybody is asked: its checksum is another than the ledger's.",
        end=End.REFUSED,
        says=("the snapshot's manifest is the recorded one",),
        prepare=recorded(with_another_sum),
        also=snapshots_as_they_were,
    ),
    Scenario(
        name="E11",
        title="The snapshot's release is no release",
        what_to_expect="Refused: what the ledger has for a release cannot be read as one.",
        end=End.REFUSED,
        says=("Newton (14.0.x)", "no release"),
        prepare=recorded(with_no_release),
        also=snapshots_as_they_were,
    ),
    Scenario(
        name="E12",
        title="An earlier snapshot would not survive the way back to a later one",
        what_to_expect="Refused: the merge would fill the snapshot of before the upgrade, the last way to newton.",
        end=End.REFUSED,
        says=("it would run full: before-upgrade",),
        parameters={"snapshot": "after-ocata"},
        prepare=nearly_fill_both,
        also=first_snapshot_kept,
    ),
    Scenario(
        name="E13",
        title="An old image was pruned on one controller",
        what_to_expect="Refused: without it a service of before the upgrade could not start again.",
        end=End.REFUSED,
        says=("every image of that release is still on the host", "controller-3", "not here: registry.example/newton/"),
        prepare=prune_image,
        also=snapshots_as_they_were,
    ),
    Scenario(
        name="E14",
        title="A compute is converted between the last approval and the claim",
        what_to_expect="Everybody agreed, then somebody went on with the upgrade: refused, nothing runs.",
        end=End.REFUSED,
        says=("compute-converted is CROSSED", "compute-2: converted"),
        at={BEFORE_CLAIM: convert_compute},
        also=snapshots_as_they_were,
    ),
    Scenario(
        name="E15",
        title="The snapshot runs full while the database stops",
        what_to_expect="It stops before the merge; somebody aborts, and the database runs as the upgrade left it.",
        end=End.UNWOUND,
        at={during("stop-last"): snapshot_is(percent=100.0)},
        answers=(Answer(to="snapshot-void is CROSSED", word="abort", reason="go forward instead"),),
        also=snapshots_as_they_were,
    ),
    Scenario(
        name="E16",
        title="People go back before the merge",
        what_to_expect="Asked to type the phrase, they abort: the database runs again, the snapshots are all there.",
        end=End.UNWOUND,
        answers=(Answer(to="merge", word="abort", reason="the cause was found: mend it and resume the hop"),),
        also=snapshots_as_they_were,
    ),
)
