"""Links that break, freeze and come back, and a bot that is killed: every action runs exactly once."""

import asyncio
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.action import Action, Ended, NeverRan, Verb
from core.errors import OutcomeLostError, UnreachableError
from core.target import Host
from executors import link
from executors.link import HostClock
from executors.once import not_after
from executors.ssh import TRIES_IF_LATE, SshExecutor
from tests.executors.attaching import attached
from tests.executors.proxy import Proxy
from tests.executors.sshd import Sshd
from tests.needs import missing
from tests.practice_executor import allowed

pytestmark = pytest.mark.sshd


def do(script: str, unit: str = "one@web1", timeout_s: float = 20) -> Action:
    return Action(run_id="R-1", unit=unit, verb=Verb.DO, script=script, timeout_s=timeout_s)


def ignore(_text: str) -> None:
    pass


@pytest.fixture
async def proxy(sshd: Sshd) -> AsyncIterator[Proxy]:
    proxy = await Proxy(sshd.port).start()
    sshd.write_known_hosts(proxy.port)
    yield proxy
    await proxy.stop()


@pytest.fixture
async def quick(sshd: Sshd) -> AsyncIterator[SshExecutor]:
    """Notices a dead link in a second or two, so that the tests need not wait."""
    executor = SshExecutor(sshd.settings(keepalive_s=0.3, dead_after_s=1.0, connect_timeout_s=2.0))
    yield executor
    await executor.close()


@pytest.fixture
def host(sshd: Sshd, proxy: Proxy, tmp_path: Path) -> Host:
    return sshd.host(port=proxy.port, state_dir=str(tmp_path / "state"))


async def until(path: Path) -> None:
    while not path.exists():
        await asyncio.sleep(0.01)


async def test_a_cut_link_is_lost_and_attach_brings_the_rest(
    quick: SshExecutor, proxy: Proxy, host: Host, tmp_path: Path
) -> None:
    lines = "".join(f"line {n}\n" for n in range(40))
    action = do(
        f"echo x >>{tmp_path}/count; n=0; while [ $n -lt 40 ]; do echo line $n; n=$((n+1)); sleep 0.03; done; exit 9"
    )
    heard: list[str] = []
    running = asyncio.create_task(quick.run(action, host, heard.append, allowed))
    while not heard:
        await asyncio.sleep(0.01)
    proxy.drop()
    with pytest.raises(OutcomeLostError, match="web1"):
        await running

    verdict = await quick.attach(action, host, heard.append)

    assert isinstance(verdict, Ended)
    assert verdict.exit_code == 9
    assert verdict.output.text == lines
    assert "".join(heard) == lines  # nothing missing, nothing twice
    assert (tmp_path / "count").read_text() == "x\n"


@pytest.mark.parametrize("directions", [("up", "down"), ("down",)])
async def test_a_frozen_link_is_noticed_and_the_host_asked_again(
    quick: SshExecutor, proxy: Proxy, host: Host, tmp_path: Path, directions: tuple[str, ...]
) -> None:
    action = do(f"touch {tmp_path}/begun; echo x >>{tmp_path}/count; sleep 2.2; echo end; exit 3")
    running = asyncio.create_task(quick.run(action, host, ignore, allowed))
    await until(tmp_path / "begun")
    began = time.monotonic()
    proxy.freeze(*directions)
    with pytest.raises(OutcomeLostError, match="heard"):
        await running
    assert time.monotonic() - began < 3
    with pytest.raises(UnreachableError):
        await quick.attach(action, host, ignore)
    proxy.thaw()

    verdict = await attached(quick, action, host, within_s=10)

    assert isinstance(verdict, Ended)
    assert (verdict.exit_code, verdict.output.text) == (3, "end\n")
    assert (tmp_path / "count").read_text() == "x\n"


async def test_a_quiet_action_is_not_taken_for_a_dead_link(quick: SshExecutor, host: Host) -> None:
    verdict = await quick.run(do("sleep 1.8; exit 2"), host, ignore, allowed)  # dead_after_s is 1

    assert isinstance(verdict, Ended)
    assert verdict.exit_code == 2


@pytest.mark.parametrize(("lives_s", "begins"), [(1.0, False), (30.0, True)])
async def test_a_start_that_arrives_too_late_does_nothing_though_nobody_asked_the_host(
    sshd: Sshd, proxy: Proxy, host: Host, tmp_path: Path, *, lives_s: float, begins: bool
) -> None:
    """The call hangs in the network, and its key is free: what keeps it from running is the time on the host."""
    executor = SshExecutor(sshd.settings(keepalive_s=0.3, dead_after_s=0.8, call_lives_s=lives_s))

    async def freeze() -> None:
        proxy.freeze("up")

    action = do(f"echo x >>{tmp_path}/count")
    try:
        await executor.run(do("true", "warm@web1"), host, ignore, allowed)
        with pytest.raises(OutcomeLostError):
            await executor.run(action, host, ignore, freeze)
        await asyncio.sleep(1.0)  # past the life of the shorter-lived one
        proxy.thaw()
        late = tmp_path / "state" / "R-1" / action.key
        direct = sshd.host(state_dir=host.state_dir)
        if begins:
            await until(tmp_path / "count")
        else:
            await until(late / "out")  # the call is at work: what it needs is made before it looks at the clock
        assert isinstance(await executor.attach(action, direct, ignore), Ended if begins else NeverRan)
        assert (tmp_path / "count").exists() == begins
    finally:
        await executor.close()


async def test_a_clock_of_the_host_that_was_heard_late_is_asked_again(
    quick: SshExecutor, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This machine stood still with the host's answer in its ears, and the host refuses what is in time."""
    now_s = vars(HostClock)["now_s"].fget
    asked = list[HostClock]()

    def an_hour_behind_at_first(clock: HostClock) -> float:
        asked.append(clock)
        return float(now_s(clock)) - (3600.0 if clock is asked[0] else 0.0)

    monkeypatch.setattr(HostClock, "now_s", property(an_hour_behind_at_first))

    assert isinstance(await quick.run(do("true"), host, ignore, allowed), Ended)
    assert len({id(clock) for clock in asked}) == 2


@pytest.mark.parametrize("slow_times", [2, 3])
async def test_a_host_that_comes_to_the_call_too_late_gets_it_again(
    quick: SshExecutor, host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slow_times: int
) -> None:
    """It takes its time with its disk before the first action of a run; nobody is told that it cannot be reached."""
    late = iter([-60.0] * slow_times)
    monkeypatch.setattr(link, "not_after", lambda uptime_s: not_after(uptime_s + next(late, 0.0)))
    permitted = list[str]()

    async def permit() -> None:
        permitted.append("yes")

    running = quick.run(do(f"echo x >>{tmp_path}/count"), host, ignore, permit)
    if slow_times < TRIES_IF_LATE:
        assert isinstance(await running, Ended)
        assert (tmp_path / "count").read_text() == "x\n"
    else:
        with pytest.raises(UnreachableError, match="late"):
            await running
        assert not (tmp_path / "count").exists()
    assert len(permitted) == TRIES_IF_LATE


async def test_a_start_that_arrives_late_does_nothing(
    sshd: Sshd, quick: SshExecutor, proxy: Proxy, host: Host, tmp_path: Path
) -> None:
    """The call hangs in the network; the host is asked on another way, and the key is spent; then it arrives."""
    action = do(f"echo x >>{tmp_path}/count")
    await quick.run(do("true", "warm@web1"), host, ignore, allowed)
    proxy.freeze("up")
    with pytest.raises(OutcomeLostError):
        await quick.run(action, host, ignore, allowed)

    direct = sshd.host(state_dir=host.state_dir)
    assert isinstance(await quick.attach(action, direct, ignore), NeverRan)
    proxy.thaw()
    await asyncio.sleep(0.5)  # nothing happens that one could wait for
    assert isinstance(await quick.attach(action, direct, ignore), NeverRan)
    assert not (tmp_path / "count").exists()


async def test_a_kept_link_that_died_while_unused_starts_nothing_and_is_made_anew(
    quick: SshExecutor, proxy: Proxy, host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("executors.link.STALE_AFTER_S", 0.0)
    await quick.run(do("true", "warm@web1"), host, ignore, allowed)
    proxy.drop()
    verdict = await quick.run(do(f"echo x >>{tmp_path}/count"), host, ignore, allowed)

    assert isinstance(verdict, Ended)
    assert (tmp_path / "count").read_text() == "x\n"


async def test_sshd_that_hangs_is_noticed(tmp_path: Path) -> None:
    """SIGSTOP to the daemon: the kernel still takes connections and answers probes of TCP."""
    server = Sshd(folder=tmp_path / "sshd").start()
    executor = SshExecutor(server.settings(keepalive_s=0.3, dead_after_s=1.0, connect_timeout_s=1.0))
    try:
        server.signal(signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(UnreachableError):
            await executor.run(do("true"), server.host(), ignore, allowed)
        assert time.monotonic() - began < 10
        server.signal(signal.SIGCONT)
        assert isinstance(await executor.run(do("true"), server.host(), ignore, allowed), Ended)
    finally:
        await executor.close()
        server.stop()


async def test_sshd_that_restarts_loses_nothing(tmp_path: Path) -> None:
    server = Sshd(folder=tmp_path / "sshd").start()
    executor = SshExecutor(server.settings())
    try:
        await executor.run(do("true", "warm@web1"), server.host(), ignore, allowed)
        action = do(f"touch {tmp_path}/begun; sleep 0.5; exit 4")
        running = asyncio.create_task(executor.run(action, server.host(), ignore, allowed))
        await until(tmp_path / "begun")
        server.stop()
        server.start()

        verdict = await running  # sessions outlive their daemon

        assert isinstance(verdict, Ended)
        assert verdict.exit_code == 4
    finally:
        await executor.close()
        server.stop()


#: What the killed bot runs: one action, attached to again where it may have begun.
CLIENT = """
import asyncio, json, sys
from functools import partial
from pathlib import Path
from core.action import Action, Verb
from core.errors import OutcomeLostError
from core.target import Host
from executors.dial import SshSettings
from executors.ssh import SshExecutor

async def allowed():
    pass

async def main(told):
    executor = SshExecutor(SshSettings(**told["settings"]))
    action = Action(verb=Verb.DO, **told["action"])
    host = Host(**told["host"])
    ask = executor.attach if Path(told["intent"]).exists() else partial(executor.run, permit=allowed)
    Path(told["intent"]).touch()  # the engine's rule: the intent is written before the act
    verdict = await ask(action, host, lambda text: None)
    output = getattr(verdict, "output", None)
    Path(told["result"] + ".new").write_text(json.dumps([type(verdict).__name__, getattr(verdict, "exit_code", None),
                                                         output and output.text]))
    Path(told["result"] + ".new").rename(told["result"])
    await executor.close()

asyncio.run(main(json.loads(sys.argv[1])))
"""


@pytest.mark.parametrize("seed", range(3))
def test_a_bot_killed_at_any_moment_runs_it_exactly_once(sshd: Sshd, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    expected = "".join(f"{n}\n" for n in range(20))
    script = f"echo x >>{tmp_path}/count; n=0; while [ $n -lt 20 ]; do echo $n; n=$((n+1)); sleep 0.1; done; exit 7"
    settings = asdict(sshd.settings())
    told = {
        "settings": settings | {key: tuple(settings[key]) for key in ("known_hosts", "identity_files", "secrets")},
        "action": {"run_id": "R-1", "unit": "one@web1", "script": script, "timeout_s": 20},
        "host": asdict(sshd.host(state_dir=str(tmp_path / "state"))),
        "intent": str(tmp_path / "intent"),
        "result": str(tmp_path / "result"),
    }
    result = tmp_path / "result"
    kills = 0
    for _ in range(3):
        bot = subprocess.Popen([sys.executable, "-c", CLIENT, json.dumps(told)])
        try:
            # most of the first half second is Python's own start; the kills are to fall after it
            bot.wait(chance.uniform(0.35, 1.4))
        except subprocess.TimeoutExpired:
            bot.kill()
            bot.wait()
            kills += 1
    while not result.exists():
        subprocess.run([sys.executable, "-c", CLIENT, json.dumps(told)], check=True, timeout=30)

    kind, code, output = json.loads(result.read_text())
    count = (tmp_path / "count").read_text() if (tmp_path / "count").exists() else ""
    if kind == "NeverRan":  # killed between the intent and the start: proven, and nothing ran
        assert count == ""
    else:
        assert (kind, code, output, count) == ("Ended", 7, expected, "x\n")
    assert kills


FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))


@pytest.mark.parametrize("off", ["-365d", "+365d"])
async def test_a_host_whose_clock_is_a_year_off(tmp_path: Path, off: str) -> None:
    """Its time-outs, its output and its verdicts are the same: nobody asks a host what time it is."""
    if not FAKETIME:
        missing("libfaketime is not installed: `make debs` as root installs it")
    server = Sshd(folder=tmp_path / "sshd", environment=f"LD_PRELOAD={FAKETIME[0]} FAKETIME={off}").start()
    executor = SshExecutor(server.settings())
    try:
        year = await executor.run(do("date +%Y", "year@web1"), server.host(), ignore, allowed)
        assert isinstance(year, Ended)
        assert int(year.output.text) == (datetime.now(UTC) + timedelta(days=int(off[:-1]))).year
        began = time.monotonic()
        late = await executor.run(do("echo begun; sleep 20", "late@web1", timeout_s=1), server.host(), ignore, allowed)
        assert isinstance(late, Ended)
        assert late.timed_out
        assert 0.9 < late.duration_s < 15
        assert time.monotonic() - began < 18
        assert (
            await executor.attach(do("echo begun; sleep 20", "late@web1", timeout_s=1), server.host(), ignore) == late
        )
        looked = await executor.look(
            Action(run_id="R-1", unit="look@web1", verb=Verb.PROBE, argv=("true",), timeout_s=5), server.host()
        )
        assert looked.exit_code == 0
    finally:
        await executor.close()
        server.stop()
