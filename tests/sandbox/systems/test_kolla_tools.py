"""`kolla-ansible` and `ansible` of the practice cloud: what they do wrong as the real ones do, and what they refuse."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.systems.kolla import layout
from sandbox.systems.kolla.system import SYSTEM
from sandbox.systems.kolla.upgrade import kolla
from sandbox.systems.tools import containers, galera
from sandbox.systems.world import World
from tests.needs import own_view
from tests.sandbox.systems.desk import as_it_was
from tests.sandbox.systems.kolla_world import DEPLOY, FIRST, KollaDesk, desk_at

pytestmark = pytest.mark.asyncio(loop_scope="module")
__all__ = ["own_view"]

SURE = "--yes-i-really-really-mean-it"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory, own_view: None) -> AsyncIterator[KollaDesk]:
    """An upgrade that went to its end."""
    home: Path = tmp_path_factory.mktemp("kolla") / "world"
    async with desk_at(home, "C3", "kolla-upgrade") as desk:
        yield desk


async def ask(world: World, words: str) -> tuple[int, str]:
    said = await world.hosts[DEPLOY].ask(words)
    return said.exit_code, said.stdout + said.stderr


async def test_g8_a_stop_without_tags_stops_libvirt_too(desk: KollaDesk) -> None:
    compute = desk.machine("compute-1")
    async with as_it_was(desk):
        code, said = await ask(desk.world, kolla(layout.DESTINATION, "stop"))
        assert code == 1
        assert SURE in said
        assert containers.running(compute, "nova_libvirt")

        assert (await ask(desk.world, kolla(layout.DESTINATION, f"stop {SURE}")))[0] == 0

        assert not containers.running(compute, "nova_libvirt")
        assert not containers.running(compute, "openvswitch_vswitchd")


async def test_what_is_to_be_skipped_is_not_stopped(desk: KollaDesk) -> None:
    async with as_it_was(desk):
        kept = """-e '{"skip_stop_containers":["nova_libvirt"]}'"""
        assert (await ask(desk.world, kolla(layout.DESTINATION, f"stop {SURE} -t nova {kept}")))[0] == 0
        assert containers.running(desk.machine("compute-1"), "nova_libvirt")
        assert not containers.running(desk.machine("compute-1"), "nova_compute")


@pytest.mark.parametrize(
    ("tag", "words"), [("rabbitmq", "the version of rabbitmq"), ("nova", "the version of nova_libvirt")]
)
async def test_g8_an_old_deploy_asserts_that_nothing_goes_back(desk: KollaDesk, tag: str, words: str) -> None:
    code, said = await ask(desk.world, kolla(layout.ORIGIN, f"deploy -t {tag}", "/etc/kolla-old"))
    assert code == 2
    assert f"{words} must not go back" in said


async def test_a_stopped_galera_is_not_deployed(desk: KollaDesk) -> None:
    async with as_it_was(desk):
        await ask(desk.world, kolla(layout.DESTINATION, f"stop {SURE} -t mariadb"))
        code, said = await ask(desk.world, kolla(layout.DESTINATION, "deploy-containers -t mariadb"))
    assert code == 2
    assert "Please start it using kolla-ansible mariadb-recovery" in said


async def test_an_old_broker_does_not_start_with_new_flags(desk: KollaDesk) -> None:
    words = "deploy -t rabbitmq --skip-tags rabbitmq-version-check"
    async with as_it_was(desk):
        code, said = await ask(desk.world, kolla(layout.ORIGIN, words, "/etc/kolla-old"))
    assert code == 2
    assert "feature flags enabled and not supported by RabbitMQ 4.0.5: khepri_db" in said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("kolla-ansible destroy-all -i /etc/kolla/inventory", "is not a kolla-ansible command"),
        ("kolla-ansible check -i /etc/kolla/hosts", "does not exist"),
        ("kolla-ansible check -i /etc/kolla/inventory --configdir /etc/none", "globals.yml not found"),
        (
            "kolla-ansible mariadb-recovery -i /etc/kolla/inventory -e mariadb_recover_inventory_name=mars",
            "'mars' is no host",
        ),
        ("ansible mariadb -i /etc/none -a 'cat /etc/hostname'", "Unable to parse"),
    ],
)
async def test_what_they_refuse(desk: KollaDesk, words: str, says: str) -> None:
    async with as_it_was(desk):
        code, said = await ask(desk.world, words)
    assert code != 0
    assert says in said


async def test_ansible_says_a_line_a_host_and_tells_failed_from_unreachable(desk: KollaDesk) -> None:
    line = "ansible mariadb -i /etc/kolla/inventory -b -o -m command -a 'cat /run/position'"
    async with as_it_was(desk):
        for host in layout.CONTROLLERS[:2]:
            await desk.do(host, "echo 7 >/run/position")
        code, said = await ask(desk.world, line)
        assert code == 2
        assert said.splitlines()[0] == f"{FIRST} | CHANGED | rc=0 | (stdout) 7"
        assert said.splitlines()[2].startswith("control-3 | FAILED | rc=1")
        with desk.machine(DEPLOY).shared("kolla") as about:
            about["unreachable"] = ["control-3"]
        code, said = await ask(desk.world, line)
        assert code == 4
        assert "control-3 | UNREACHABLE!" in said


async def test_the_backup_can_be_unpacked(desk: KollaDesk) -> None:
    kept = desk.ledger.snapshots["backup"]
    assert kept.engine_version == galera.engine_of(desk.machine(FIRST)).replace("10.11.14", "10.11.9")
    assert (await desk.do(FIRST, f"sha256sum {kept.place}")).split()[0] == kept.sha256
    await desk.do(FIRST, f"gunzip -c {kept.place} >/dev/null")


async def test_every_service_has_a_host() -> None:
    assert {host for found in layout.SERVICES.values() for hosts in found.values() for host in hosts} == {*layout.NODES}
    assert set(layout.DATA_PATH) <= {name for found in layout.SERVICES.values() for name in found}
    assert SYSTEM.facts["stop_tags"].split(",") == list(layout.STOPPED)
