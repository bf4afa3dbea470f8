"""The z-stream plan's points of no return on the hosted fleet: each crossed by its event, and what is unknown."""

import pytest

from core.pnr import Verdict
from sandbox.systems.hosted_control_plane import names
from tests.sandbox.systems.hosted import Fleet
from tests.sandbox.systems.hosted_events import (
    CLUSTER,
    GUEST,
    MANAGEMENT,
    NEW,
    OLD,
    Event,
    cluster,
    drop_the_old_image,
    etcd_does_not_answer,
    migration,
    new_kind_of_the_release,
    no_kind_of_the_release,
    on_from_another_release,
    outage,
    pool,
    roll_the_workers,
    settle,
    store_another_version,
    to_the_next_minor,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_after_the_upgrade_everything_is_reversible(fleet: Fleet) -> None:
    found = await fleet.verdicts(await fleet.resolved())

    assert {point: verdict for point, (verdict, _) in found.items()} == dict.fromkeys(found, Verdict.REVERSIBLE)
    assert found["not-previous"][1] == "reversible: 4.20.30 (Completed) is right before 4.20.31 (Completed)"
    assert found["etcd-moved"][1] == "reversible: 3 members with data of 3.5"
    assert [point.id for point in fleet.plan.points_of_no_return] == list(found), "all eight were asked"
    assert len(found) == 8


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
