"""A host with a view of its own: production's paths are its own, and nothing it does reaches this machine."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from sandbox.hosts.build import lone_host
from sandbox.hosts.host import PracticeHost
from sandbox.hosts.marks import WORLD, marked
from sandbox.hosts.view import DEVICES
from tests.needs import own_view

__all__ = ["own_view"]

LINKS = ("fd", "shm", "stderr", "stdin", "stdout")


@pytest_asyncio.fixture
async def host(tmp_path: Path) -> AsyncIterator[PracticeHost]:
    async with lone_host(tmp_path, own_view=True) as one:
        yield one


async def test_paths_of_production_are_the_hosts_own(host: PracticeHost) -> None:
    await host.run("mkdir -p /var/lib/mysql /etc/my.cnf.d && echo 'seqno: 7' >/var/lib/mysql/grastate.dat")
    await host.run(
        "mv /var/lib/mysql /var/lib/mysql.old && mkdir /var/lib/mysql && rm -rf /opt/* /root/* /var/lib/mysql/*"
    )

    assert host.path("/var/lib/mysql.old/grastate.dat").read_text() == "seqno: 7\n"
    assert await host.run("cat /var/lib/mysql.old/grastate.dat") == "seqno: 7"
    assert not Path("/var/lib/mysql.old").exists()


async def test_it_is_another_machine_by_name_and_root_on_it(host: PracticeHost) -> None:
    assert await host.run("hostname; id -u; pwd; cat /etc/hostname") == "controller-1\n0\n/root\ncontroller-1"
    assert os.uname().nodename != "controller-1"


async def test_the_rest_of_the_machine_can_be_used_and_not_changed(host: PracticeHost) -> None:
    assert await host.run("printf 'b\\na\\n' | sort | awk 'NR == 1'") == "a"
    for path in ("/usr/sandbox-was-here", "/bin/sandbox-was-here", "/sandbox-was-here-too"):
        said = await host.ask(f"touch {path}")
        assert said.exit_code == 1 or not Path(path).exists()
    assert "Read-only file system" in (await host.ask("touch /usr/sandbox-was-here")).stderr


async def test_root_there_is_nobody_here(host: PracticeHost) -> None:
    """No power over what belongs to the machine: its name, its clock, its network devices."""
    for command in (
        "date -s 2001-01-01",
        "mknod /dev/was-here c 1 3",
        "sysctl -w kernel.core_uses_pid=0",
        "umount /usr",
    ):
        assert (await host.ask(command)).exit_code != 0, command
    assert (await host.run("ls /dev | tr '\\n' ' '")).split() == sorted((*DEVICES, *LINKS))
    assert await host.run("echo gone >/dev/null; echo told >/dev/stdout") == "told"
    before = Path("/proc/net/dev").read_text().count(":")
    await host.ask("ip link add sandbox0 type dummy")
    assert Path("/proc/net/dev").read_text().count(":") == before


async def test_claims_lie_where_production_keeps_them(host: PracticeHost) -> None:
    assert str(host.state_dir) == "/var/lib/belay"
    await host.run("mkdir -p /var/lib/belay/R-1")
    assert host.path(host.state_dir).joinpath("R-1").is_dir()


async def test_power_off_and_on_keeps_the_disk(host: PracticeHost) -> None:
    pid = await host.run("echo kept >/srv/disk; setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $!")
    assert int(pid) in marked({WORLD: host.world})
    await host.stop()
    await host.power_on()

    assert await host.run("cat /srv/disk") == "kept"
    assert int(pid) not in marked({WORLD: host.world})
