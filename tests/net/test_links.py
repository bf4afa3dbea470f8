"""
Real lines between bot and host that drop, delay and reorder packets, flap and are pulled out: every action runs once.

Each host has a network namespace of its own, with OpenSSH's sshd in it. How long it took until a dead line was noticed
is logged; `pytest --log-cli-level=INFO` shows it.
"""

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from core.action import Action, Ended, Lost, NeverRan, Verb, Verdict
from core.errors import HostNotReadyError, OutcomeLostError, UnreachableError
from executors.retry import run_when_reachable
from executors.ssh import SshExecutor
from tests.executors.attaching import attached
from tests.net.host import NetHost
from tests.net.leftover import killed_run, runs
from tests.net.namespaces import NETNS, Network, remove_leftovers
from tests.practice_executor import allowed

log = logging.getLogger(__name__)

pytestmark = pytest.mark.netns

#: Seconds within which a dead link has to be noticed.
NOTICED_S = 15.0
LINES = 40


@pytest.fixture(scope="module")
def web1(net: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NetHost]:
    host = NetHost.on(net, "web1", tmp_path_factory.mktemp("net"))
    host.power_on()
    yield host
    host.power_off()


@pytest.fixture(scope="module")
def web2(net: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NetHost]:
    """Its line is a wire that can be tuned."""
    host = NetHost.on(net, "web2", tmp_path_factory.mktemp("net"), wired=True)
    host.power_on()
    yield host
    host.power_off()


@pytest.fixture
async def ssh(web1: NetHost) -> AsyncIterator[SshExecutor]:
    """As in the product, with its patience."""
    executor = SshExecutor(web1.server.settings())
    yield executor
    await executor.close()


@pytest.fixture
async def quick(web1: NetHost) -> AsyncIterator[SshExecutor]:
    """Gives a dead link up in two seconds, so that the tests need not wait."""
    executor = SshExecutor(web1.server.settings(keepalive_s=0.5, dead_after_s=2.0, connect_timeout_s=2.0))
    yield executor
    await executor.close()


@pytest.fixture
def count(tmp_path: Path) -> Path:
    return tmp_path / "count"


def counted(count: Path, unit: str, *, lines: int = LINES, pause_s: float = 0.05, size: int = 1) -> Action:
    """Counts itself on its host, prints, and ends with 9."""
    line = "echo line $n" if size == 1 else f"printf 'line %d {'.' * size}\\n' $n"
    script = f"echo x >>{count}; n=0; while [ $n -lt {lines} ]; do {line}; n=$((n+1)); sleep {pause_s}; done; exit 9"
    return Action(run_id="R-1", unit=f"{unit}@host", verb=Verb.DO, script=script, timeout_s=60)


def whole(verdict: Verdict, count: Path, *, lines: int = LINES, size: int = 1) -> None:
    """It ran once, to its end, and nothing of what it printed is missing or there twice."""
    assert isinstance(verdict, Ended)
    assert verdict.exit_code == 9
    ending = "" if size == 1 else f" {'.' * size}"
    assert verdict.output.text == "".join(f"line {n}{ending}\n" for n in range(lines))
    assert count.read_text() == "x\n"


async def to_the_end(executor: SshExecutor, action: Action, host: NetHost) -> Verdict:
    """As the engine does it: run once, and attach for as long as that was lost."""
    try:
        return await run_when_reachable(executor, action, host.as_host(), lambda _: None, allowed)
    except OutcomeLostError as lost:
        log.info("%s: %s", action.unit, lost)
        return await attached(executor, action, host.as_host())


async def has_begun(count: Path) -> None:
    while not count.exists():
        await asyncio.sleep(0.01)


async def test_a_cable_that_is_pulled_out_is_noticed_in_time_and_the_rest_comes_after(
    ssh: SshExecutor, web1: NetHost, count: Path
) -> None:
    """The bot as it is in service: nothing is shortened."""
    action = counted(count, "pulled", lines=100, pause_s=0.1)
    running = asyncio.create_task(ssh.run(action, web1.as_host(), lambda _: None, allowed))
    await has_begun(count)
    pulled_s = time.monotonic()
    web1.line.pull()
    try:
        with pytest.raises(OutcomeLostError, match=r"heard|broke"):
            await running
        noticed_s = time.monotonic() - pulled_s
        log.info("cable out: noticed after %.1f s", noticed_s)
    finally:
        web1.line.plug()
    assert noticed_s <= NOTICED_S

    whole(await attached(ssh, action, web1.as_host()), count, lines=100)


@pytest.mark.parametrize(
    ("up", "down"), [(True, False), (False, True), (True, True)], ids=["to the host", "from it", "both ways"]
)
async def test_packets_are_dropped(quick: SshExecutor, web1: NetHost, count: Path, up: bool, down: bool) -> None:
    web1.line.drop(20, up=up, down=down)
    try:
        verdict = await to_the_end(quick, counted(count, f"drop-{up}-{down}", size=200), web1)
        dropped = web1.line.dropped()
    finally:
        web1.line.heal()

    log.info("%d packets were dropped", dropped)
    assert dropped
    whole(verdict, count, size=200)


@pytest.mark.parametrize(("up", "down"), [(True, False), (False, True)], ids=["to the host", "from it"])
async def test_a_line_that_is_dead_one_way_is_noticed(
    quick: SshExecutor, web1: NetHost, count: Path, up: bool, down: bool
) -> None:
    action = counted(count, f"deaf-{up}")
    running = asyncio.create_task(quick.run(action, web1.as_host(), lambda _: None, allowed))
    await has_begun(count)
    dead_s = time.monotonic()
    web1.line.drop(100, up=up, down=down)
    try:
        with pytest.raises(OutcomeLostError):
            await running
        noticed_s = time.monotonic() - dead_s
        with pytest.raises(UnreachableError):
            await quick.attach(action, web1.as_host(), lambda _: None)
    finally:
        web1.line.heal()
    log.info("dead one way: noticed after %.1f s of 2", noticed_s)
    assert noticed_s < NOTICED_S / 2

    whole(await attached(quick, action, web1.as_host()), count)


async def test_packets_are_late_and_out_of_order(quick: SshExecutor, web2: NetHost, count: Path) -> None:
    web2.line.tune(delay_ms=60, jitter_ms=55)
    try:
        executor = SshExecutor(web2.server.settings())
        verdict = await to_the_end(executor, counted(count, "late", pause_s=0.01, size=400), web2)
        await executor.close()
        reordered = web2.line.reordered()
    finally:
        web2.line.tune(delay_ms=0, jitter_ms=0)

    log.info("%d packets overtook others", reordered)
    assert reordered
    whole(verdict, count, size=400)


async def test_a_line_that_flaps(quick: SshExecutor, web1: NetHost, count: Path) -> None:
    async def flap() -> None:
        for out_s, in_s in ((0.5, 0.5), (2.5, 0.3), (0.2, 0.2), (2.5, 0.2)):
            web1.line.pull()
            await asyncio.sleep(out_s)
            web1.line.plug()
            await asyncio.sleep(in_s)

    running = asyncio.create_task(to_the_end(quick, counted(count, "flaps", lines=70, pause_s=0.1), web1))
    await has_begun(count)
    await flap()

    whole(await running, count, lines=70)


async def test_a_start_that_hangs_in_the_network_while_the_host_is_asked(
    quick: SshExecutor, web1: NetHost, count: Path
) -> None:
    """Whichever of the two arrives first: it never ran, which is proven, or it ran once."""
    warm = Action(run_id="R-1", unit="warm@host", verb=Verb.DO, script="true", timeout_s=20)
    await quick.run(warm, web1.as_host(), lambda _: None, allowed)
    web1.line.drop(100, down=False)
    try:
        with pytest.raises(OutcomeLostError):
            await quick.run(counted(count, "never"), web1.as_host(), lambda _: None, allowed)
    finally:
        web1.line.heal()

    verdict = await attached(quick, counted(count, "never"), web1.as_host())
    if isinstance(verdict, NeverRan):
        assert not count.exists()
    else:
        whole(verdict, count)


# -- the host itself ---------------------------------------------------------------------------------------------


async def test_sshd_hangs_with_all_its_sessions(quick: SshExecutor, web1: NetHost, count: Path) -> None:
    """SIGSTOP: the kernel still acknowledges every packet, so that TCP alone would never notice."""
    action = counted(count, "hangs")
    running = asyncio.create_task(quick.run(action, web1.as_host(), lambda _: None, allowed))
    await has_begun(count)
    hangs_s = time.monotonic()
    web1.signal_sshd(signal.SIGSTOP)
    try:
        with pytest.raises(OutcomeLostError, match="heard"):
            await running
        log.info("sshd hangs: noticed after %.1f s of 2", time.monotonic() - hangs_s)
        assert time.monotonic() - hangs_s < NOTICED_S / 2
    finally:
        web1.signal_sshd(signal.SIGCONT)

    whole(await attached(quick, action, web1.as_host()), count)


async def test_sshd_and_its_sessions_are_killed(quick: SshExecutor, web1: NetHost, count: Path) -> None:
    await _meanwhile(quick, web1, count, lambda: web1.signal_sshd(signal.SIGKILL))


async def test_the_daemon_alone_is_killed_and_comes_back(quick: SshExecutor, web1: NetHost, count: Path) -> None:
    await _meanwhile(quick, web1, count, lambda: web1.signal_sshd(signal.SIGKILL, sessions=False))


async def _meanwhile(executor: SshExecutor, host: NetHost, count: Path, happens: Callable[[], None]) -> None:
    running = asyncio.create_task(to_the_end(executor, counted(count, happens.__qualname__.split(".")[0]), host))
    await has_begun(count)
    happens()
    whole(await running, count)


async def test_a_host_that_reboots_has_lost_the_end_and_says_so(quick: SshExecutor, web1: NetHost, count: Path) -> None:
    action = counted(count, "rebooted")
    running = asyncio.create_task(quick.run(action, web1.as_host(), lambda _: None, allowed))
    await has_begun(count)
    died_s = time.monotonic()
    web1.line.pull()  # nobody is there to say good-bye
    web1.power_off()
    with pytest.raises(OutcomeLostError):
        await running
    log.info("power cut: noticed after %.1f s of 2", time.monotonic() - died_s)
    web1.line.plug()
    web1.power_on()

    verdict = await attached(quick, action, web1.as_host())
    assert isinstance(verdict, Lost)
    assert "the host has rebooted since" in verdict.reason
    assert verdict.output.text.startswith("line 0\n")
    again = await quick.run(action, web1.as_host(), lambda _: None, allowed)
    assert isinstance(again, Lost), "asked to start once more, the host says the same and starts nothing"
    assert count.read_text() == "x\n"


async def test_a_full_disk_starts_nothing_and_loses_no_ending(net: Network, tmp_path: Path, count: Path) -> None:
    """The disk fills while one action runs: its exit status comes all the same. The next one is not started."""
    host = NetHost.on(net, "web3", tmp_path, disk="256k")
    host.power_on()
    executor = SshExecutor(host.server.settings())
    try:
        running = asyncio.create_task(
            executor.run(counted(count, "full", lines=20), host.as_host(), lambda _: None, allowed)
        )
        await has_begun(count)
        ballast = host.fill_disk()
        verdict = await running
        assert isinstance(verdict, Ended)
        assert verdict.exit_code == 9

        refused = counted(tmp_path / "refused", "refused")
        with pytest.raises(HostNotReadyError, match="cannot keep its state"):
            await executor.run(refused, host.as_host(), lambda _: None, allowed)
        assert not (tmp_path / "refused").exists()
        ballast.unlink()
        assert isinstance(await executor.run(refused, host.as_host(), lambda _: None, allowed), Ended)
    finally:
        await executor.close()
        host.power_off()


def test_what_a_killed_test_run_leaves_is_removed_at_the_next_start(net: Network) -> None:
    names, processes = killed_run()
    assert len(names) == 3
    assert len(processes) > 1
    assert all((NETNS / name).exists() for name in names)
    remove_leftovers()

    assert [name for name in names if (NETNS / name).exists()] == []
    assert [pid for pid in processes if runs(pid)] == []
    assert (NETNS / net.ops).exists(), "what belongs to a live run stays"
