"""
A whole rollback over lines that break and hosts that fail: it goes on by itself, or a person is asked what is known.

A dead link is given up after 2 s instead of 12, and what is asked for 60 s after an action's time-out is asked for 2.
"""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import unit_work
from core.journal import Kind
from core.run_states import RunStatus
from core.unit_states import UnitStatus
from tests.bot.world import actor
from tests.executors.sshd import keygen
from tests.net.host import NetHost
from tests.net.namespaces import Network
from tests.net.world import Team, team

pytestmark = pytest.mark.netns


@pytest.fixture(scope="module")
def hosts(net: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[NetHost]]:
    """Three, which all know the first one's key."""
    folder = tmp_path_factory.mktemp("net")
    found = [NetHost.on(net, f"web{n}", folder) for n in (1, 2, 3)]
    key = (found[0].server.folder / "user_key.pub").read_text()
    for host in found:
        (host.server.folder / "authorized_keys").write_text(key)
        host.power_on()
    yield found
    for host in found:
        host.power_off()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_work, "GRACE_S", 2.0)
    monkeypatch.setattr(unit_work, "REATTACH_EVERY_S", 0.3)


async def test_lines_that_drop_packets_and_flap(hosts: list[NetHost], tmp_path: Path) -> None:
    async with team(tmp_path, hosts) as people:
        run_id = await people.begin()
        await people.began(run_id, "step-1@web1")
        hosts[0].line.drop(15)
        hosts[1].line.drop(15, up=False)
        try:
            for out_s, in_s in ((0.5, 0.5), (2.5, 0.5), (0.3, 0.3)):
                hosts[2].line.pull()
                await asyncio.sleep(out_s)
                hosts[2].line.plug()
                await asyncio.sleep(in_s)
            await people.assert_whole(run_id)
        finally:
            for host in hosts:
                host.line.heal()


async def test_a_cable_out_in_mid_step_and_back_asks_nobody(hosts: list[NetHost], tmp_path: Path) -> None:
    async with team(tmp_path, hosts) as people:
        run_id = await people.begin()
        await people.began(run_id, "step-2@web2")
        hosts[1].line.pull()
        await asyncio.sleep(5)  # the action has ended meanwhile, and nobody has heard of it
        hosts[1].line.plug()

        await people.assert_whole(run_id)
        assert Kind.ASKED not in await kinds(people, run_id)


async def test_a_host_that_stays_away_is_asked_for_until_the_time_is_up_and_then_a_person(
    hosts: list[NetHost], tmp_path: Path
) -> None:
    async with team(tmp_path, hosts, timeout_s=4) as people:
        run_id = await people.begin()
        await people.began(run_id, "step-1@web2")
        hosts[1].line.pull()
        try:
            view = await people.until(run_id, RunStatus.NEEDS_PERSON)
        finally:
            hosts[1].line.plug()
        unit = view.state.unit("step-1@web2")
        assert unit.status is UnitStatus.UNKNOWN
        assert "cannot reach 'web2'" in unit.reason
        assert view.state.unit("step-1@web1").status is UnitStatus.DONE

        await people.parts.service.retry(run_id, actor("bo"), ["step-1@web2"])  # look again, it says
        await people.assert_whole(run_id)


async def kinds(people: Team, run_id: str) -> list[Kind]:
    async with people.parts.store.look() as tx:
        return [entry.kind for entry in await tx.entries(run_id)]


def effect_seen(counters: Path) -> dict[str, object]:
    return {"script": f'test -s {counters}/"$BELAY_UNIT"', "timeout_s": 10, "expect": {"exit": 0}}


@pytest.mark.parametrize("probed", [True, False])
async def test_a_host_that_reboots_in_mid_step(hosts: list[NetHost], tmp_path: Path, probed: bool) -> None:
    """Its end is lost: the step's probe says what became of it, or a person who is told that the host has rebooted."""
    probe = effect_seen(tmp_path / "counters") if probed else None
    async with team(tmp_path, hosts, probe=probe) as people:
        run_id = await people.begin()
        await people.began(run_id, "step-2@web3")
        hosts[2].line.pull()
        hosts[2].power_off()
        hosts[2].line.plug()
        hosts[2].power_on()
        if not probed:
            view = await people.until(run_id, RunStatus.NEEDS_PERSON)
            assert "the host has rebooted since" in view.state.unit("step-2@web3").reason
            await people.parts.service.settle(run_id, actor("bo"), "step-2@web3", "done", reason="seen on the host")

        await people.until(run_id, RunStatus.SUCCEEDED)
        assert set(people.effects().values()) == {"1"}
        assert (Kind.ASKED in await kinds(people, run_id)) is not probed


async def test_a_disk_that_fills_in_mid_step(net: Network, tmp_path: Path) -> None:
    """What runs ends well; the next step is not started there, and a person is told what to do."""
    host = NetHost.on(net, "web4", tmp_path, disk="256k")
    host.power_on()
    try:
        async with team(tmp_path / "bot", [host]) as people:
            run_id = await people.begin()
            await people.began(run_id, "step-1@web4")
            ballast = host.fill_disk()
            view = await people.until(run_id, RunStatus.NEEDS_PERSON)
            assert view.state.unit("step-1@web4").status is UnitStatus.DONE
            assert view.state.unit("step-2@web4").status is UnitStatus.FAILED
            assert "cannot keep its state" in view.state.unit("step-2@web4").reason
            assert "nothing was started" in view.state.unit("step-2@web4").reason
            ballast.unlink()

            await people.parts.service.retry(run_id, actor("bo"), ["step-2@web4"])
            await people.until(run_id, RunStatus.SUCCEEDED)
            assert people.effects() == {"step-1@web4": "1", "step-2@web4": "2", "step-3@web4": "1"}
    finally:
        host.power_off()


async def test_a_certificate_that_expires_in_mid_step(net: Network, tmp_path: Path) -> None:
    """The kept connection outlives it; the next one is refused, and a person is told why, and renews it."""
    authority, key = keygen(tmp_path / "ca"), keygen(tmp_path / "key")
    host = NetHost.on(net, "web5", tmp_path, extra=f"TrustedUserCAKeys {authority}.pub")
    (host.server.folder / "authorized_keys").write_text("")
    sign(authority, key, "-1m:+1h")
    host.power_on()
    try:
        async with team(tmp_path / "bot", [host], keys=[key]) as people:
            run_id = await people.begin()
            await people.began(run_id, "step-2@web5")
            sign(authority, key, "-2m:-1m")
            host.line.pull()
            await asyncio.sleep(3)
            host.line.plug()
            view = await people.until(run_id, RunStatus.NEEDS_PERSON)
            assert view.state.unit("step-2@web5").status is UnitStatus.UNKNOWN
            assert "did not accept the bot's credentials" in view.state.unit("step-2@web5").reason
            sign(authority, key, "-1m:+1h")

            await people.parts.service.retry(run_id, actor("bo"), ["step-2@web5"])
            await people.assert_whole(run_id)
    finally:
        host.power_off()


def sign(authority: Path, key: Path, valid: str) -> None:
    words = ["ssh-keygen", "-q", "-s", str(authority), "-I", "bot", "-n", "root", "-V", valid, f"{key}.pub"]
    subprocess.run(words, check=True, capture_output=True)
