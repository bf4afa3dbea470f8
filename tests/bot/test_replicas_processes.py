"""
Real replicas, real signals: whoever drives or writes may die, freeze or be told to end, and nothing is lost or twice.

The seconds each take-over took are logged; `pytest --log-cli-level=INFO` shows them.
"""

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from bot.stage import CHANNEL
from core.journal import VERSION, Kind
from core.run_states import RunStatus
from tests.bot.replica_world import TAKEN_OVER_S, UNITS, Fleet, Replica, fleet, until
from tests.needs import missing
from tests.postgres import PostgresServer, postgres_server

log = logging.getLogger(__name__)

pytestmark = [pytest.mark.postgres, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ground(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    async with fleet(Path(tmp_path_factory.mktemp("replicas")), server) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def pair(ground: Fleet) -> AsyncIterator[Fleet]:
    """Two replicas, ready; whatever is left of others has ended."""
    await asyncio.gather(*(ground.start() for _ in range(2 - len(ground.replicas))))
    yield ground
    for replica in list(ground.replicas):
        if replica.process.returncode is not None:
            ground.replicas.remove(replica)
            await replica.end()


FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
#: Seconds without a database.
AWAY_S = 20.0


async def under_way(found: Fleet, effects: int = 4) -> tuple[str, Replica, Replica]:
    """A run in the middle of a step; its driver and the other one."""
    run_id = await found.ask()
    found.agree()
    await found.until_step(run_id, effects)
    driver = await found.driver()
    (other,) = (replica for replica in found.replicas if replica is not driver)
    return run_id, driver, other


async def assert_whole(found: Fleet, run_id: str) -> None:
    """It succeeded, each action took effect once, the board says so, and nothing was posted twice."""
    await found.until(run_id, RunStatus.SUCCEEDED)
    effects = found.effects(run_id)
    assert len(effects) == UNITS
    assert set(effects.values()) == {"1"}, effects
    board = next(board for board in found.boards() if f"{run_id} " in board.text or f"{run_id}:" in board.text)
    await found.workspace.wait_for(lambda: "SUCCEEDED" in board_text(found, board.ts).upper(), 20)

    async def quiet() -> bool:
        async with found.store.look() as tx:
            return not await tx.outbox()

    await until(quiet, "all messages to be sent")
    assert sum(run_id in each.text for each in found.boards()) == 1
    texts = found.thread(board)
    assert len(texts) == len(set(texts)), texts


def board_text(found: Fleet, ts: str) -> str:
    return next(each.text for each in found.boards() if each.ts == ts)


async def takes_over(replica: Replica, died_s: float, what: str) -> None:
    await until(replica.drives, f"{replica.name} to drive")
    took_s = time.monotonic() - died_s
    log.info("%s: taken over after %.1f s", what, took_s)
    assert took_s <= TAKEN_OVER_S


async def test_a_killed_driver_is_replaced(pair: Fleet) -> None:
    run_id, driver, other = await under_way(pair)
    died_s = time.monotonic()
    driver.signal(signal.SIGKILL)
    await driver.process.wait()

    await takes_over(other, died_s, "SIGKILL")
    await until(other.writes, "the other to write")
    log.info("SIGKILL: writes after %.1f s", time.monotonic() - died_s)
    assert time.monotonic() - died_s <= TAKEN_OVER_S
    await assert_whole(pair, run_id)


@pytest.mark.parametrize("frozen_s", [12, pytest.param(60, marks=pytest.mark.slow)])
async def test_a_frozen_driver_is_replaced_and_finds_itself_fenced(pair: Fleet, frozen_s: int) -> None:
    """Twelve seconds are twice what it takes to be given up; what wakes up after a minute knows no better."""
    run_id, driver, other = await under_way(pair)
    froze_s = time.monotonic()
    driver.signal(signal.SIGSTOP)

    await takes_over(other, froze_s, "SIGSTOP")
    await asyncio.sleep(max(0.0, frozen_s - (time.monotonic() - froze_s)))
    epoch = await pair.epoch(run_id)
    driver.signal(signal.SIGCONT)
    await until(driver.is_ready, "the frozen one to answer again")

    await assert_whole(pair, run_id)
    async with pair.store.look() as tx:
        kinds = [entry.kind for entry in await tx.entries(run_id)]
    assert kinds.count(Kind.SUCCEEDED) == 1
    assert await pair.epoch(run_id) == epoch
    assert not (await driver.look())["replica"]["drives"]


async def test_a_driver_that_loses_the_database_is_replaced(pair: Fleet) -> None:
    run_id, driver, other = await under_way(pair)
    cut_s = time.monotonic()
    driver.wire.cut()

    await takes_over(other, cut_s, "database cut off")
    await pair.until(run_id, RunStatus.SUCCEEDED)
    driver.wire.mend()
    log.info("database cut off: mended after %.1f s", time.monotonic() - cut_s)
    await until(driver.is_ready, "the one that was cut off to be ready again")
    assert not await driver.drives()
    await assert_whole(pair, run_id)


async def test_the_database_is_killed_and_comes_back(pair: Fleet, server: PostgresServer) -> None:
    """What runs on hosts goes on and nothing new begins; the channel is told, once, and told when it is over."""
    run_id, _, _ = await under_way(pair)
    killed_s = time.monotonic()
    server.kill()
    try:
        await until(partial(says, pair, "cannot write to its database"), "the channel to be told")
        log.info("database killed: the channel is told after %.1f s", time.monotonic() - killed_s)
        await asyncio.sleep(max(0.0, AWAY_S - (time.monotonic() - killed_s)))
        assert len(pair.effects(run_id)) <= 6, "the third step's intent cannot have been written"
    finally:
        server.start()
    back_s = time.monotonic()
    await pair.driver()
    log.info(
        "database away for %.0f s: driven again %.1f s after it was back", back_s - killed_s, time.monotonic() - back_s
    )

    await assert_whole(pair, run_id)
    await until(partial(says, pair, "can write to its database again"), "the channel to hear that it is over")
    said = [message.text for message in pair.workspace.messages(CHANNEL)]
    assert sum("cannot write to its database" in text for text in said) == 1


async def says(found: Fleet, words: str) -> bool:
    return any(words in message.text for message in found.workspace.messages(CHANNEL))


async def test_replicas_are_replaced_one_after_another_by_newer_ones(pair: Fleet) -> None:
    """A rolling upgrade with a run in flight: what the older ones leave, the newer one takes up."""
    run_id, driver, other = await under_way(pair, effects=1)
    newer = await pair.start(newer=True)
    for older in (driver, other):
        older.signal(signal.SIGTERM)
        assert await older.process.wait() == 0
    await assert_whole(pair, run_id)

    newer.signal(signal.SIGTERM)
    assert await newer.process.wait() == 0


async def test_older_ones_write_again_when_the_newer_ones_are_gone(pair: Fleet) -> None:
    """The upgrade of Belay itself is taken back: what the newer one left to its kind is given to any."""
    newer = await pair.start(newer=True)
    for older in pair.replicas[:2]:
        older.signal(signal.SIGTERM)
        assert await older.process.wait() == 0
    await until(newer.writes, "the newer one to write")
    newer.signal(signal.SIGTERM)
    assert await newer.process.wait() == 0

    again = await pair.start()
    await until(again.writes, "an older one to write")


@pytest.mark.slow
async def test_an_older_one_that_comes_back_leaves_alone_what_newer_ones_wrote(pair: Fleet) -> None:
    """And what the chat gives to it is done by a newer one, half a minute later."""
    newer = await pair.start(newer=True)
    for older in pair.replicas[:2]:
        older.signal(signal.SIGTERM)
        assert await older.process.wait() == 0
    run_id = await pair.ask()
    assert await pair.versions(run_id) == {VERSION + 1}
    older = await pair.start(ready=False)

    async def says_so() -> bool:
        return any(run_id in each and "newer" in each for each in (await older.look()).get("problems", ()))

    await until(says_so, "the older one to say that it cannot read it")
    pair.agree()
    await pair.until_step(run_id, 1)
    assert not await older.drives()
    assert not await older.writes()
    await assert_whole(pair, run_id)

    newer.signal(signal.SIGTERM)
    await newer.process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("jump", ["-1h", "+1h"])
async def test_the_clock_of_the_whole_process_jumps_by_an_hour_in_mid_run(
    pair: Fleet, tmp_path: Path, jump: str
) -> None:
    """The wall clock of everything in it, libraries too; what was agreed stays agreed, and nothing waits an hour."""
    if not FAKETIME:
        missing("libfaketime is not installed: `make debs` as root installs it")
    clock = tmp_path / "clock"
    clock.write_text("+0\n")
    wrong = await pair.start(
        environment={
            "LD_PRELOAD": str(FAKETIME[0]),
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_CACHE_DURATION": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
    )
    for right in pair.replicas[:2]:
        right.signal(signal.SIGTERM)
        assert await right.process.wait() == 0
    run_id = await pair.ask()
    pair.agree()
    await pair.until_step(run_id, 2)
    clock.write_text(f"{jump}\n")

    await assert_whole(pair, run_id)
    wrong.signal(signal.SIGTERM)
    assert await wrong.process.wait() == 0


async def test_a_single_one_that_is_killed_and_started_again_goes_on_at_once(pair: Fleet) -> None:
    """Nobody else is there, and it does not wait for its own heartbeats: that they are a dead one's is known."""
    spare = pair.replicas[1]
    spare.signal(signal.SIGTERM)
    await spare.process.wait()
    pair.replicas.remove(spare)
    await spare.end()
    run_id, driver = await pair.ask(), pair.replicas[0]
    pair.agree()
    await pair.until_step(run_id, 4)
    driver.signal(signal.SIGKILL)
    await driver.process.wait()
    died_s = time.monotonic()

    again = await pair.start_again(driver)
    await until(again.drives, "it to drive again")
    log.info("killed and started again: drives after %.1f s", time.monotonic() - died_s)
    assert "this replica was killed while it had drive" in again.log.read_text()
    await assert_whole(pair, run_id)


async def test_sigterm_hands_over_at_once(pair: Fleet) -> None:
    run_id, driver, other = await under_way(pair, effects=1)
    asked_s = time.monotonic()
    driver.signal(signal.SIGTERM)

    await takes_over(other, asked_s, "SIGTERM")
    assert await driver.process.wait() == 0
    await until(other.writes, "the other to write")
    log.info("SIGTERM: writes after %.1f s", time.monotonic() - asked_s)
    await assert_whole(pair, run_id)
