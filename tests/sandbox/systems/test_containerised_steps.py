"""The way back from Ocata, step by step: what an abort takes back, and what may be done twice."""

import pytest

from sandbox.systems.containerised_openstack import happenings, layout, marker, upgrade
from sandbox.systems.tools import containers, records, units, virsh
from tests.sandbox.systems.containerised_events import FIRST, MGMT, SECOND, THIRD
from tests.sandbox.systems.containerised_steps import does, running, seen
from tests.sandbox.systems.desk import Desk

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONTROLLERS = layout.CONTROLLERS


# Holding the upgrade.


async def test_a_held_upgrade_is_not_committed_and_is_let_go_again(fresh: Desk) -> None:
    await does(fresh, "hold-upgrade", MGMT, MGMT)  # twice: the state of before must not be lost
    await seen(fresh, "hold-upgrade", MGMT)
    assert "the upgrade is rolling-back" in (await marker.commit(fresh.world)).stderr

    await does(fresh, "hold-upgrade", MGMT, undo=True)

    assert await fresh.do(MGMT, f"cat {layout.UPGRADE_STATE}") == "upgraded"
    assert (await marker.commit(fresh.world)).exit_code == 0


async def test_what_was_committed_meanwhile_is_not_held(fresh: Desk) -> None:
    await happenings.commit_it(fresh.world)

    said = await fresh.act(f"hold-upgrade@{MGMT}")

    assert (said.exit_code, "it was committed meanwhile" in said.stdout) == (1, True)


async def test_the_end_is_recorded_only_over_a_hold(fresh: Desk) -> None:
    assert (await fresh.act(f"record-end@{MGMT}")).exit_code == 1
    await does(fresh, "hold-upgrade", MGMT)

    await does(fresh, "record-end", MGMT, MGMT)

    assert "the upgrade is rolled-back" in (await marker.commit(fresh.world)).stderr


# Stopping, and starting again.


async def test_an_abort_starts_what_was_stopped_and_nothing_else(fresh: Desk) -> None:
    off = layout.unit("horizon")
    await fresh.do(FIRST, f"systemctl stop {off}")
    before = running(fresh, FIRST)
    await does(fresh, "note-running", FIRST)
    await does(fresh, "stop-apis", FIRST)
    assert layout.unit("nova-conductor") in running(fresh, FIRST), "the workers come second"
    await seen(fresh, "stop-apis", FIRST)
    await does(fresh, "stop-workers", FIRST)
    await seen(fresh, "stop-workers", FIRST)
    assert not any(name.startswith("openstack-") for name in running(fresh, FIRST)), "also what only Ocata has"

    for step in ("stop-workers", "stop-apis"):
        await does(fresh, step, FIRST, undo=True)

    assert running(fresh, FIRST) == before


async def test_notes_of_an_earlier_run_are_not_believed(fresh: Desk) -> None:
    """A lost outcome is settled by the note; an old one would settle it wrongly."""
    for step in ("note-running", "note-rabbit", "galera-positions"):
        await does(fresh, step, FIRST)

    await does(fresh, "clear-notes", FIRST, FIRST)

    await seen(fresh, "clear-notes", FIRST)
    for step in ("note-running", "note-rabbit", "galera-positions"):
        unit = fresh.plan.unit(f"{step}@{FIRST}")
        assert unit.probe is not None
        assert not (await fresh.holds(FIRST, unit.probe))[0]


async def test_a_container_without_its_unit_is_seen(fresh: Desk) -> None:
    await does(fresh, "stop-workers", FIRST)
    await fresh.do(FIRST, "docker start nova-conductor")
    units.change(fresh.machine(FIRST), layout.unit("nova-conductor"), active="inactive", daemon=None)

    assert await fresh.verify(f"stop-workers@{FIRST}") == (False, "the container nova-conductor end")


async def test_the_door_closes_and_opens(fresh: Desk) -> None:
    await does(fresh, "close-door", FIRST, FIRST)
    assert await seen(fresh, "close-door", FIRST) == "503"
    await does(fresh, "close-door", FIRST, undo=True)
    assert (await fresh.verify(f"close-door@{FIRST}"))[1] == "200"
    await does(fresh, "close-door", FIRST)

    await does(fresh, "open-door", FIRST, FIRST)

    assert await seen(fresh, "open-door", FIRST) == "200"


# Configuration, RabbitMQ, the old services.


async def test_the_configuration_comes_back_whole_with_its_keys(fresh: Desk) -> None:
    await fresh.do(FIRST, f"echo mine >{layout.CONFIG}/galera/my.cnf")

    await does(fresh, "old-config", FIRST, FIRST)

    await seen(fresh, "old-config", FIRST)
    one = fresh.machine(FIRST)
    assert one.read(f"{layout.CONFIG}/keystone/fernet-keys/1") == "the key of newton\n"
    assert one.read(f"{layout.CONFIG}/galera/my.cnf") == "mine\n", "Galera's stays"
    assert layout.NEW_SERVICE not in await fresh.do(FIRST, f"ls -a {layout.CONFIG}")
    assert "the key of ocata" in await fresh.do(FIRST, f"cat {layout.KEPT}/after.*/keystone/fernet-keys/1")


async def test_rabbitmq_that_is_the_recorded_one_is_restarted(fresh: Desk) -> None:
    await does(fresh, "note-rabbit", *CONTROLLERS)
    assert {await seen(fresh, "note-rabbit", name) for name in CONTROLLERS} == {"restart"}
    for step in ("rabbit-stop", "rabbit-wipe", "rabbit-start"):
        await does(fresh, step, *CONTROLLERS)
        for name in CONTROLLERS:
            await seen(fresh, step, name)

    assert await seen(fresh, "rabbit-whole", FIRST) == "partitions: (none)"
    assert not list(fresh.world.hosts[FIRST].path("/var/lib/rabbitmq").glob("mnesia.*"))


async def test_rabbitmq_with_new_flags_is_made_anew(fresh: Desk) -> None:
    await upgrade.move_rabbit(fresh.world)
    await does(fresh, "note-rabbit", *CONTROLLERS)
    assert {await seen(fresh, "note-rabbit", name) for name in CONTROLLERS} == {"rebuild"}
    await does(fresh, "old-config", *CONTROLLERS)
    for step in ("rabbit-stop", "rabbit-wipe", "rabbit-start"):
        for name in CONTROLLERS:
            await does(fresh, step, name, *([name] if step == "rabbit-start" else []))
            await seen(fresh, step, name)

    for name in CONTROLLERS:
        await seen(fresh, "rabbit-whole", name)


async def test_one_upgraded_node_of_rabbitmq_moves_them_all(fresh: Desk) -> None:
    """They have to agree on it: a node that is made anew does not fit into a cluster that knows it."""
    with fresh.machine(FIRST).shared("rabbitmq") as state:
        state["nodes"][THIRD]["version"] = layout.NEW_RABBIT

    await does(fresh, "note-rabbit", *CONTROLLERS)

    assert {await seen(fresh, "note-rabbit", name) for name in CONTROLLERS} == {"rebuild"}


async def test_a_silent_rabbitmq_is_not_taken_for_the_old_one(fresh: Desk) -> None:
    await fresh.do(SECOND, "systemctl stop rabbitmq")

    assert (await fresh.act(f"note-rabbit@{SECOND}")).exit_code != 0


async def test_what_is_new_is_taken_away_with_its_front_end(fresh: Desk) -> None:
    for step in ("stop-apis", "stop-workers", "old-config", "haproxy-back", "remove-new"):
        await does(fresh, step, SECOND)
    await seen(fresh, "haproxy-back", SECOND)
    await does(fresh, "remove-new", SECOND)
    await seen(fresh, "remove-new", SECOND)

    said = await fresh.do(SECOND, "docker ps -a --format '{{.Names}}'; ss -l -n -t")
    assert layout.NEW_SERVICE not in said
    assert str(layout.NEW_PORT) not in said
    assert fresh.machine(SECOND).state("units").read()[layout.unit(layout.NEW_SERVICE)]["enabled"] == "disabled"


async def test_an_old_service_runs_from_the_recorded_image_or_not_at_all(fresh: Desk) -> None:
    key = f"start-services@{FIRST}[{layout.unit('nova-api')}]"
    for step in ("stop-apis", "stop-workers", "old-config"):
        await does(fresh, step, FIRST)
    assert (await fresh.act(key)).exit_code == 0
    assert (await fresh.act(key)).exit_code == 0
    assert await fresh.verify(key) == (True, "runs from the recorded image")

    one = fresh.machine(FIRST)
    tag = f"{layout.REGISTRY}/nova-api:newton"
    containers.publish(one, tag, containers.digest_of("a later build"), release="newton")
    one.write(layout.environment("nova-api"), f"IMAGE={tag}\n")
    await fresh.do(FIRST, f"docker pull {tag}")
    assert (await fresh.act(key)).exit_code == 0

    held, said = await fresh.verify(key)
    assert (held, "runs from another image" in said) == (False, True)


# What is compared in the end.


async def compared(desk: Desk, name: str, host: str) -> str:
    return (await desk.holds(host, desk.plan.unit(f"{name}@{host}").verify))[1]


async def test_on_the_new_release_nothing_is_as_before(fresh: Desk) -> None:
    assert await compared(fresh, "same-ports", FIRST) == "open, was not: tcp 8778\ncompared"
    await fresh.do(SECOND, "systemctl stop haproxy openstack-glance-api")
    assert "closed, was open: tcp 9292" in await compared(fresh, "same-ports", SECOND)


@pytest.mark.parametrize(
    ("table", "words"),
    [("nova.instances", "gone: server "), ("neutron.networks", "gone: network "), ("keystone.user", "gone: user ")],
)
async def test_what_a_user_had_and_has_not_is_named(fresh: Desk, table: str, words: str) -> None:
    assert await compared(fresh, "resources-there", MGMT) == "compared", "what is new is no loss"
    await upgrade.sql(fresh.world, f"DELETE FROM {table};")

    assert words in await compared(fresh, "resources-there", MGMT)


async def test_a_workload_that_was_restarted_or_has_no_record_is_named(fresh: Desk) -> None:
    compute = fresh.machine("compute-1")
    assert await compared(fresh, "computes-untouched", "compute-1") == "compared"
    virsh.define(compute, "web-1", records.ident("web-1"), pid=99)
    late = "11111111-2222-4333-8444-555555555555"
    virsh.define(compute, "late-server", late)

    assert "was, and is not: domain" in await compared(fresh, "computes-untouched", "compute-1")
    assert (
        await compared(fresh, "orphans", "compute-1") == "orphan: 11111111-2222-4333-8444-555555555555\nend of the list"
    )


@pytest.mark.parametrize(
    ("log", "holds", "said"),
    [
        ("64 bytes from\nno answer yet\n64 bytes from\n", True, "2 answers, 1 lost, longest outage 1 s"),
        ("64 bytes from\n" + "no answer yet\n" * 6, False, "1 answers, 6 lost, longest outage 6 s"),
        ("", False, "0 answers"),
    ],
)
async def test_an_outage_of_a_workload_is_measured(fresh: Desk, log: str, holds: bool, said: str) -> None:
    canary = layout.CANARIES[0]
    name = f"/var/tmp/belay-watch-cloud-north-{canary}"
    fresh.machine(MGMT).write(name, log)
    fresh.machine(MGMT).write(f"{name}.pid", "1\n")

    held, found = await fresh.verify(f"workloads-answered@{MGMT}[{canary}]")

    assert (held, said in found) == (holds, True)


async def test_a_watch_that_ended_early_tells_nothing(fresh: Desk) -> None:
    for name in (f"watch-cloud-north-{layout.CANARIES[0]}", "api-cloud-north"):
        fresh.machine(MGMT).write(f"/var/tmp/belay-{name}", "1 000\n64 bytes from\n")
        fresh.machine(MGMT).write(f"/var/tmp/belay-{name}.pid", "999999999\n")

    held, said = await fresh.verify(f"workloads-answered@{MGMT}[{layout.CANARIES[0]}]")

    assert (held, "nobody knows" in said) == (False, True)
    assert not (await fresh.verify(f"control-plane-away@{MGMT}"))[0]


async def test_the_time_without_an_api_is_measured(fresh: Desk) -> None:
    fresh.machine(MGMT).write("/var/tmp/belay-api-cloud-north", "100 300\n101 000\n102 503\n130 000\n131 300\n")
    fresh.machine(MGMT).write("/var/tmp/belay-api-cloud-north.pid", "1\n")

    said = await compared(fresh, "control-plane-away", MGMT)

    assert said == "watched for 31 s; 3 of 5 answers missing; away for 30 s"
