"""Replicas in one process on a real PostgreSQL: who drives, who writes, who is told, and how soon."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from importlib.resources import files
from pathlib import Path

import psycopg
import pytest
from procrastinate import App, PsycopgConnector

from bot.replica_seat import Seat
from bot.replicas import Replicas
from bot.replicas_jobs import Pace
from bot.replicas_schema import missing, prepare
from core.errors import FencedError
from core.journal import VERSION, Kind
from core.run_states import RunStatus
from core.wishes import Draft
from store.database import Store
from tests.bot.world import Bot, actor, bot, memory_hosts
from tests.postgres import PostgresServer, postgres_server

pytestmark = pytest.mark.postgres

#: As in the product, but shorter: what is tested is the order of events, not the patience.
PACE = Pace(beat_s=0.4, dead_after_s=2.0, look_s=0.3, again_s=0.2, lease_s=0.8, newer_s=0.3, close_s=1.0)
#: Seconds in which a decision taken at one replica has to reach the driver in another.
PROMPT_S = 2.0


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as found:
        yield found


@pytest.fixture
def url(server: PostgresServer) -> str:
    return server.url(server.create())


Member = tuple[Bot, Replicas]


@pytest.fixture
async def pair(url: str, tmp_path: Path) -> AsyncIterator[tuple[Member, Member]]:
    """Two replicas on the same hosts. No sweep runs: whatever happens was told, not looked up."""
    hosts = memory_hosts()
    async with AsyncExitStack() as stack:
        found = []
        for number in range(2):
            store = await Store.open(url)
            stack.push_async_callback(store.close)
            member = await stack.enter_async_context(bot(tmp_path, hosts, store=store))
            seat = Seat(_folder(tmp_path, number), database=store.place)
            replicas = Replicas(url, store=store, engine=member.engine, seat=seat, pace=PACE)
            member.service._engine = replicas
            member.service._changed = replicas.changed
            await replicas.start()
            stack.push_async_callback(replicas.close)
            found.append((member, replicas))
        yield found[0], found[1]


def _folder(home: Path, number: int) -> Path:
    folder = home / f"replica-{number}"
    folder.mkdir()
    return folder


async def until(predicate: Callable[[], bool | Awaitable[bool]], within_s: float = 10) -> float:
    began_s = time.monotonic()
    async with asyncio.timeout(within_s):
        while True:
            answer = predicate()
            if answer if isinstance(answer, bool) else await answer:
                return time.monotonic() - began_s
            await asyncio.sleep(0.02)


async def held(pair: tuple[Member, Member]) -> tuple[str, Member, Member]:
    """A run in the middle of its first step; who drives it, and the other one."""
    (one, _), (two, _) = pair
    hosts = one.hosts
    hosts.hold["stop@a"] = asyncio.Event()
    run_id = await one.ask()
    await two.service.approve(run_id, actor("bo"))
    await one.service.approve(run_id, actor("cy"))
    await asyncio.wait_for(hosts.started["stop@a"].wait(), 10)
    assert one.engine.driving + two.engine.driving == 1
    return (run_id, *(pair if one.engine.driving else pair[::-1]))


async def status(member: Member, run_id: str) -> RunStatus:
    return (await member[0].service.run(run_id)).state.status


async def test_a_decision_at_one_replica_reaches_the_driver_at_the_other(pair: tuple[Member, Member]) -> None:
    run_id, _, other = await held(pair)
    await other[0].service.abort(run_id, actor("bo"), "enough")

    async def ended() -> bool:
        return await status(other, run_id) is RunStatus.UNWOUND

    assert await until(ended) < PROMPT_S
    assert not other[0].engine.driving


async def test_what_changes_at_one_replica_is_heard_at_the_other(pair: tuple[Member, Member]) -> None:
    (one, _), (_, other) = pair
    heard: list[str] = []
    other.listeners.append(heard.append)
    run_id = await one.ask()

    assert await until(lambda: run_id in heard) < PROMPT_S


async def test_one_writes_and_the_next_takes_over(pair: tuple[Member, Member]) -> None:
    (_, one), (_, two) = pair
    await until(lambda: one.may_write() or two.may_write())
    for _ in range(100):  # longer than a lease
        assert one.may_write() != two.may_write()
        await asyncio.sleep(0.01)
    writer, other = (one, two) if one.may_write() else (two, one)
    await writer.close()

    assert not writer.may_write()
    # handed over, not waited for: sooner than a dead writer would be noticed
    assert await until(other.may_write) < PACE.dead_after_s


@pytest.mark.parametrize("hears", [True, False], ids=["told", "cut off"])
async def test_a_writer_that_is_taken_over_stops_before_its_successor_begins(
    pair: tuple[Member, Member], monkeypatch: pytest.MonkeyPatch, hears: bool
) -> None:
    """Its job is taken away as if its heartbeats had stopped; cut off, it cannot even find out."""
    (_, one), (_, two) = pair
    await until(lambda: one.may_write() or two.may_write())
    writer, other = (one, two) if one.may_write() else (two, one)
    (job,) = (job for job in writer._held.values() if job.task_name == "write")
    jobs = writer._app.job_manager
    monkeypatch.setattr(jobs, "fetch_job", _nothing)
    if not hears:
        monkeypatch.setattr(jobs, "list_jobs_async", _never)
    writes: set[tuple[bool, bool]] = set()

    async def watch() -> None:
        while True:
            writes.add((writer.may_write(), other.may_write()))
            await asyncio.sleep(0.005)

    watching = asyncio.create_task(watch())
    await other._again(job, wait_s=PACE.lease_s)
    await until(other.may_write)
    watching.cancel()

    assert (True, True) not in writes
    assert (False, False) in writes


async def _nothing(*_args: object, **_arguments: object) -> None:
    return None


async def _never(*_args: object, **_arguments: object) -> None:
    await asyncio.Event().wait()


async def test_a_driver_that_is_taken_over_is_fenced(pair: tuple[Member, Member]) -> None:
    run_id, driver, other = await held(pair)
    async with driver[0].store.look() as tx:
        seq = (await tx.state(run_id)).seq
        epoch = (await tx._run_row(run_id)).epoch
    (job,) = (job for job in driver[1]._held.values() if job.task_name == "drive")
    await other[1]._again(job, wait_s=0)

    async def taken() -> bool:
        async with other[0].store.look() as tx:
            return (await tx._run_row(run_id)).epoch > epoch

    await until(taken)
    with pytest.raises(FencedError):
        async with driver[0].store.begin() as tx:
            await tx.append(
                run_id, [Draft(kind=Kind.LOST, unit="stop@a")], seq=seq, at=driver[0].clock.now(), epoch=epoch
            )
    driver[0].hosts.hold["stop@a"].set()

    async def succeeded() -> bool:
        return await status(other, run_id) is RunStatus.SUCCEEDED

    await until(succeeded)
    assert set(driver[0].hosts.effects.values()) == {1}


async def test_what_one_leaves_another_takes_up(pair: tuple[Member, Member]) -> None:
    run_id, driver, other = await held(pair)
    await driver[1].close()

    assert await until(lambda: other[0].engine.driving == 1) < PROMPT_S
    driver[0].hosts.hold["stop@a"].set()

    async def succeeded() -> bool:
        return await status(other, run_id) is RunStatus.SUCCEEDED

    await until(succeeded)
    assert set(driver[0].hosts.effects.values()) == {1}


async def test_all_connections_cut_are_made_anew(pair: tuple[Member, Member], server: PostgresServer, url: str) -> None:
    run_id, driver, other = await held(pair)
    server.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        f"WHERE datname = '{url.rpartition('/')[2]}' AND pid <> pg_backend_pid()"
    )
    await until(lambda: driver[0].engine.driving + other[0].engine.driving == 1)
    await until(lambda: not driver[1].problems() and not other[1].problems())
    await asyncio.sleep(2 * PACE.again_s)
    idle = other if driver[0].engine.driving else driver
    await idle[0].service.abort(run_id, actor("bo"), "enough")

    async def ended() -> bool:
        return await status(idle, run_id) is RunStatus.UNWOUND

    assert await until(ended) < PROMPT_S


async def test_one_that_is_told_to_end_while_the_database_is_away_ends(
    pair: tuple[Member, Member], server: PostgresServer
) -> None:
    (_, one), _ = pair
    await until(lambda: not one.problems())
    server.stop()
    try:
        await asyncio.wait_for(one.close(), 30)
    finally:
        server.start()
    assert not one.may_write()


async def test_a_newer_journal_is_left_alone_and_said_so(pair: tuple[Member, Member], server: PostgresServer) -> None:
    run_id, driver, other = await held(pair)
    with psycopg.connect(server.url("x").replace("+psycopg", "").rpartition("/")[0] + f"/{_database(driver)}") as raw:
        raw.execute(
            "INSERT INTO journal (run_id, seq, kind, unit, at, who, data, version) "
            "SELECT run_id, max(seq) + 1, 'teleported', '', now(), '', '{}', %s FROM journal GROUP BY run_id",
            (VERSION + 1,),
        )

    def all_say_so() -> bool:
        return all(any(run_id in each for each in replicas.problems()) for _, replicas in pair)

    await until(all_say_so)
    await until(lambda: not any(replicas.may_write() for _, replicas in pair))
    driver[0].hosts.hold["stop@a"].set()
    other[1].wake(run_id)
    await until(lambda: run_id in driver[0].engine.stalled)
    await asyncio.sleep(3 * PACE.look_s)

    assert driver[0].engine.driving == other[0].engine.driving == 0
    assert "upgrade" in driver[0].engine.stalled[run_id]
    assert driver[0].hosts.effects["a", "restore@a", "do"] == 0


def _database(member: Member) -> str:
    return member[0].store.place.rpartition("/")[2]


# -- procrastinate's tables ------------------------------------------------------------------------------------------


@pytest.fixture
async def app(url: str) -> AsyncIterator[App]:
    found = App(connector=PsycopgConnector(conninfo=url.replace("+psycopg", ""), max_size=4))
    async with found.open_async():
        yield found


async def test_the_tables_are_made_once_whoever_starts(app: App) -> None:
    await asyncio.gather(*(prepare(app) for _ in range(4)))
    await prepare(app)

    assert await app.check_connection_async()


async def test_older_tables_are_migrated(app: App) -> None:
    """Tables as an earlier procrastinate made them, a job in them: the migrations that follow are applied."""
    folder = files("procrastinate.sql").joinpath("migrations")
    names = sorted(each.name for each in folder.iterdir() if each.name.endswith(".sql"))
    for name in names[:-5]:
        await app.connector.execute_query_async(folder.joinpath(name).read_text("utf-8").replace("%", "%%"))
    await app.connector.execute_query_async(f"COMMENT ON TABLE procrastinate_jobs IS '{names[-6]}'")
    assert [name for name, _ in missing(names[-6])] == names[-5:]
    await prepare(app)

    done = asyncio.Event()

    @app.task(name="check")
    async def check() -> None:
        done.set()

    await check.defer_async()
    await app.run_worker_async(wait=False, install_signal_handlers=False)
    assert done.is_set()
