"""The frame: a world of any system, its hosts fitted out with tools, its recording, its catalogue."""

import logging
import time
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import RefusedError, UnknownNameError
from sandbox.hosts.nursery import HostFailedError
from sandbox.systems import looks
from sandbox.systems.catalogue import SYSTEMS, full_name, scenario_for, scenario_named
from sandbox.systems.findings import Finding, all_right, describe
from sandbox.systems.recording import Notebook
from sandbox.systems.scenario import Answer, before
from sandbox.systems.system import HostSpec
from sandbox.systems.tools import dataplane, galera, records, units, virsh
from sandbox.systems.tools.outfit import SHARED
from sandbox.systems.world import World
from tests.needs import own_view
from tests.sandbox.systems import tiny

__all__ = ["own_view"]

CONTROLLERS = ("controller-1", "controller-2", "controller-3")


def furnish(world: World) -> None:
    """A Galera cluster in containers, the database's client in them alone."""
    machines = [world.machine(name) for name in CONTROLLERS]
    galera.furnish(machines, engine="10.5.16-MariaDB")
    for machine in machines:
        records.furnish(
            galera.datadir(machine), {"keystone": "CREATE TABLE user (id int); INSERT INTO user VALUES (1);"}
        )
        units.define(machine, "mariadb", daemon=galera.DAEMON)


TOOLS = ("systemctl", "mysql", "sudo", "galera_new_cluster")
GALERA = replace(
    tiny.SYSTEM,
    hosts=(
        *(
            HostSpec(name=name, roles=("node",), tools=("systemctl", "mysql", "sudo", "galera_new_cluster"))
            for name in CONTROLLERS
        ),
        *(HostSpec(name=f"compute-{n}", roles=("compute",), tools=("virsh",)) for n in range(1, 5)),
    ),
    furnish=furnish,
)


async def test_seven_hosts_with_a_cluster_on_three_of_them() -> None:
    began = time.monotonic()
    async with World.start(GALERA, tiny.BACK) as world:
        logging.getLogger(__name__).info("seven hosts were up after %.2f s", time.monotonic() - began)
        first, second, third = world.in_role("node")
        await first.run("sudo test -f /var/lib/mysql/grastate.dat && sudo galera_new_cluster")
        await second.run("sudo systemctl start mariadb")
        await third.run("sudo systemctl start mariadb")
        await second.run("sudo mysql keystone -e 'INSERT INTO user VALUES (2)'")
        assert await third.run("mysql -NBe 'SELECT count(*) FROM keystone.user'") == "2"
        await third.run("systemctl stop mariadb")
        assert await third.run("grep -c '^seqno:   101' /var/lib/mysql/grastate.dat") == "1"
        await third.run("sed -i 's/^safe_to_bootstrap: 0/safe_to_bootstrap: 1/' /var/lib/mysql/grastate.dat")
        assert galera.datadir(world.machine("controller-3")).grastate()["safe_to_bootstrap"] == "1"
        assert len(world.machine("controller-1").calls("galera_new_cluster")) == 1


async def test_a_command_a_host_was_not_given_is_not_there() -> None:
    """Also if this machine has one of that name: a compute without podman must not find ours."""
    async with World.start(GALERA, tiny.BACK) as world:
        said = await world.hosts["compute-1"].ask("systemctl is-active mariadb")
        assert (said.exit_code, "systemctl: not found" in said.stderr) == (127, True)
        assert "python" not in await world.hosts["compute-1"].run("virsh list --name")


async def test_an_upgrade_is_recorded_as_it_happens() -> None:
    async with World.broken(tiny.SYSTEM, tiny.BACK) as world:
        assert world.ledger.upgrade is not None
        assert (world.ledger.upgrade.origin, world.ledger.upgrade.destination) == ("old", "new")
        assert [checkpoint.name for checkpoint in world.ledger.checkpoints] == ["node-upgraded"]
        assert not all_right(await world.truth())
        assert await world.reach(before("put-back")) is False


async def test_a_host_that_cannot_start_says_why(tmp_path: Path) -> None:
    def spoil(world: World) -> None:
        tiny.furnish(world)
        (world.hosts["node-1"].directory / "etc" / "host_key").write_text("no key")

    with pytest.raises(HostFailedError, match=r"node-1 did not start: .*KeyImportError"):
        async with World.start(replace(tiny.SYSTEM, furnish=spoil), tiny.BACK, tmp_path / "world"):
            pass


async def test_an_unknown_command_is_refused_before_anything_runs(tmp_path: Path) -> None:
    host = HostSpec(name="node-1", roles=("node",), tools=("sytsemctl",))
    with pytest.raises(UnknownNameError, match=r"did you mean 'systemctl'"):
        async with World.start(replace(tiny.SYSTEM, hosts=(host,)), tiny.BACK, tmp_path / "world"):
            pass


async def test_hops_in_a_notebook() -> None:
    notebook = Notebook("t")
    await notebook.begin("n", "p")
    await notebook.hop("n", "o", "before-o")
    await notebook.hop_done("o")
    await notebook.hop("o", "p")

    first, second = notebook.ledger.hops
    assert (first.destination, first.ended_at is not None, first.snapshot) == ("o", True, "before-o")
    assert (second.origin, second.ended_at) == ("o", None)


def test_findings_on_one_line() -> None:
    found = [Finding(what="a", right=True, found="200"), Finding(what="b", right=False, found="500")]

    assert describe(found) == "wrong: b: 500 – right: a: 200"
    assert not all_right(found)
    assert not all_right([])


def test_every_scenario_is_found_by_its_full_name() -> None:
    for system in SYSTEMS:
        names = [scenario.name for scenario in system.scenarios]
        assert len(names) == len(set(names))
        for scenario in system.scenarios:
            assert scenario_named(full_name(system, scenario)) == (system, scenario)
        first = next(one for one in system.scenarios if not one.plan)
        assert scenario_for(system.plan) == (system, first)
    assert scenario_for("no-such-plan")[1].name == "reversible"
    with pytest.raises(RefusedError, match="did you mean 'practice'"):
        scenario_named("practise/reversible")


def test_every_system_is_well_described() -> None:
    """Its scenarios' answers are words a person can type, its hosts' commands exist, its names are unique."""
    targets = [system.target for system in SYSTEMS]
    assert len(targets) == len(set(targets))
    for system in SYSTEMS:
        hosts = [host.name for host in system.hosts]
        assert len(hosts) == len(set(hosts))
        for host in system.hosts:
            assert {*host.tools, *host.inside} <= {*SHARED, *system.tools, "sudo", "chown", "restorecon"}
        for scenario in system.scenarios:
            for answer in scenario.answers:
                assert answer.line("R-1").startswith("/rollback ")


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (Answer(word="retry"), "/rollback retry R-1"),
        (Answer(word="skip", units=("a@b",)), '/rollback skip R-1 a@b --reason "drill"'),
        (Answer(word="resume"), '/rollback resume R-1 --confirm "asked"'),
        (Answer(word="resume", phrase="mine"), '/rollback resume R-1 --confirm "mine"'),
        (Answer(word="abort"), '/rollback abort R-1 --reason "drill"'),
        (Answer(word="leave", reason="why"), '/rollback abort R-1 --leave --reason "why"'),
        (Answer(word="settle", units=("a@b",), outcome="done"), '/rollback settle R-1 a@b done --reason "drill"'),
    ],
)
def test_what_people_type(answer: Answer, line: str) -> None:
    assert answer.line("R-1", "asked") == line


async def test_what_truths_look_at() -> None:
    async with World.start(GALERA, tiny.BACK) as world:
        first, second, third = world.in_role("node")
        virsh.define(world.machine("compute-1"), "instance-1", "u")
        await first.run("galera_new_cluster")
        await second.run("systemctl start mariadb")
        await third.run("systemctl start mariadb")
        looks.remember(world)
        assert all_right((*looks.data(world), *looks.workloads(world)))

        await first.run("mysql -e 'CREATE DATABASE placement'")
        assert {one.found for one in looks.data(world)} == {"Primary, other data than before"}
        await first.run("mysql -e 'DROP DATABASE placement'")
        await third.run("systemctl stop mariadb")
        wrong = [one.found for one in looks.data(world) if not one.right]
        assert wrong == ["down, the data of before", "2 histories"]

        dataplane.interrupt(world.machine("compute-1"), "the tunnels of compute-1", over=False)
        virsh.define(world.machine("compute-1"), "instance-1", "u", pid=3)
        assert [one.found for one in looks.workloads(world)] == [
            "touched: compute-1: instance-1",
            "interrupted: the tunnels of compute-1 by compute-1: ",
        ]
        assert looks.called(world, "controller-3", "systemctl", "stop", at_most=1, at_least=1).right
        assert not looks.called(world, "controller-3", "systemctl", "stop", at_most=0).right
