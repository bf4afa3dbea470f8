"""
The primary dies and a standby takes its place: two real clusters, streaming replication, a URL that names both.

With synchronous replication nothing is lost. With asynchronous replication the last entries may be, and the hosts know
more than the journal: whatever the journal forgot, nothing runs twice.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot import slack_outage
from bot.replica_seat import Seat
from bot.replicas import Replicas
from core.journal import Kind
from core.run_states import RunStatus
from core.unit_states import UnitStatus
from store.database import Store
from tests.bot.slack_world import CHANNEL, Belay, belay
from tests.bot.test_replicas import PACE
from tests.bot.world import Bot, actor, bot, memory_hosts
from tests.postgres import PostgresServer, postgres_server, standby_of

log = logging.getLogger(__name__)

pytestmark = pytest.mark.postgres


@dataclass(kw_only=True)
class Cluster:
    """A primary and its standby; `fail_over` once."""

    primary: PostgresServer
    standby: PostgresServer
    database: str

    @property
    def url(self) -> str:
        hosts = f"host=127.0.0.1:{self.primary.port}&host=127.0.0.1:{self.standby.port}"
        return f"postgresql+psycopg://belay@/{self.database}?{hosts}&target_session_attrs=read-write"

    def forget_from_now_on(self) -> None:
        """The standby hears no more of the primary, which does not wait for it."""
        self.standby.execute("ALTER SYSTEM SET primary_conninfo = ''")
        self.standby.execute("SELECT pg_reload_conf()")
        while self.primary.ask("SELECT count(*) FROM pg_stat_replication"):
            pass

    def fail_over(self) -> None:
        self.primary.kill()
        self.standby.promote()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with postgres_server() as primary, standby_of(primary, name="two") as standby:
        yield Cluster(primary=primary, standby=standby, database=primary.create())


@pytest.fixture
def synchronous(cluster: Cluster) -> Cluster:
    """As docs/operating.md advises."""
    cluster.primary.execute("ALTER SYSTEM SET synchronous_standby_names = 'two'")
    cluster.primary.execute("SELECT pg_reload_conf()")
    while cluster.primary.ask("SELECT sync_state FROM pg_stat_replication") != "sync":
        pass
    return cluster


@pytest.fixture
async def stack(cluster: Cluster) -> AsyncIterator[AsyncExitStack]:
    """What is closed before the servers are stopped."""
    async with AsyncExitStack() as found:
        yield found


async def started(stack: AsyncExitStack, cluster: Cluster, folder: Path) -> Bot:
    store = await Store.open(cluster.url)
    stack.push_async_callback(store.close)
    return await stack.enter_async_context(bot(folder, memory_hosts(), store=store))


async def held(b: Bot) -> str:
    """A run in its first step: a ends when it is let, b and c have ended."""
    b.hosts.hold["stop@a"] = asyncio.Event()
    run_id = await b.asked_and_agreed()
    await b.hosts.started["stop@a"].wait()
    await two_have_ended(b, run_id)
    return run_id


async def two_have_ended(b: Bot, run_id: str) -> None:
    """Whichever replica drives."""
    async with asyncio.timeout(30):
        while [(await b.service.run(run_id)).state.unit(f"stop@{host}").status for host in "bc"] != [
            UnitStatus.DONE,
            UnitStatus.DONE,
        ]:
            await asyncio.sleep(0.05)


async def ends_well(b: Bot, run_id: str) -> None:
    """Each action took effect once, and the journal tells all of it."""
    async with asyncio.timeout(30):
        while (await b.service.run(run_id)).state.status is not RunStatus.SUCCEEDED:
            await b.service.sweep()
            await asyncio.sleep(0.05)
    assert set(b.hosts.effects.values()) == {1}
    assert len(b.hosts.effects) == 7
    async with b.store.look() as tx:
        entries = await tx.entries(run_id)
        await tx.verify_audit()
    assert sum(entry.kind is Kind.SUCCEEDED for entry in entries) == 1


async def test_with_synchronous_replication_a_failover_loses_nothing(
    stack: AsyncExitStack, synchronous: Cluster, tmp_path: Path
) -> None:
    b = await started(stack, synchronous, tmp_path)
    run_id = await held(b)
    async with b.store.look() as tx:
        before = await tx.audit_head()
    synchronous.fail_over()
    b.hosts.hold["stop@a"].set()

    await ends_well(b, run_id)
    async with b.store.look() as tx:
        await tx.verify_audit(expected=before)


async def test_the_intent_of_what_runs_is_lost(stack: AsyncExitStack, cluster: Cluster, tmp_path: Path) -> None:
    """The journal forgets that the first step began; its actions ran, and must not run again."""
    b = await started(stack, cluster, tmp_path)
    run_id = await b.ask()
    await b.service.approve(run_id, actor("bo"))
    b.hosts.hold["stop@a"] = asyncio.Event()
    cluster.forget_from_now_on()
    await b.service.approve(run_id, actor("cy"))
    await b.hosts.started["stop@a"].wait()
    await two_have_ended(b, run_id)
    cluster.fail_over()
    b.hosts.hold["stop@a"].set()

    async with asyncio.timeout(30):
        while (await b.service.run(run_id)).state.status is not RunStatus.WAITING:
            await asyncio.sleep(0.05)
    await b.service.approve(run_id, actor("cy"))
    await ends_well(b, run_id)


async def test_a_whole_run_is_lost_and_its_number_given_out_again(
    stack: AsyncExitStack, cluster: Cluster, tmp_path: Path
) -> None:
    """What the lost run did on hosts must not pass for the new one's: nothing starts, and a person is told why."""
    b = await started(stack, cluster, tmp_path)
    cluster.forget_from_now_on()
    lost = await held(b)
    cluster.fail_over()
    b.hosts.hold["stop@a"].set()
    async with asyncio.timeout(30):
        while b.engine.driving:
            await asyncio.sleep(0.05)
    assert "the database has lost it" in b.engine.stalled[lost]
    done = dict(b.hosts.effects)

    again = await b.asked_and_agreed()
    assert again == lost, "the database gives the number out again"
    view = await b.until(again, RunStatus.NEEDS_PERSON)
    assert "another run of this number" in view.state.unit("stop@a").reason
    assert view.state.unit("stop@a").status is UnitStatus.FAILED
    assert dict(b.hosts.effects) == done


async def test_a_step_is_lost_while_the_next_one_runs(
    stack: AsyncExitStack, cluster: Cluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The driver lives on and has an outcome to write of something that, for the journal, has not begun."""
    b = await started(stack, cluster, tmp_path)
    b.hosts.hold["restore@a"] = asyncio.Event()
    run_id = await held(b)
    cluster.forget_from_now_on()
    b.hosts.hold["stop@a"].set()
    await b.hosts.started["restore@a"].wait()
    cluster.fail_over()
    b.hosts.hold["restore@a"].set()

    await ends_well(b, run_id)
    assert not b.engine.stalled
    assert "Traceback" not in caplog.text


async def test_replicas_find_the_new_primary_and_go_on(
    stack: AsyncExitStack, synchronous: Cluster, tmp_path: Path
) -> None:
    """Jobs, heartbeats and listeners too: their connections go where the URL's hosts take writes."""
    hosts, pair = memory_hosts(), []
    for number in range(2):
        store = await Store.open(synchronous.url)
        stack.push_async_callback(store.close)
        member = await stack.enter_async_context(bot(tmp_path, hosts, store=store))
        seat = Seat(tmp_path, database=f"{store.place} {number}")
        replicas = Replicas(synchronous.url, store=store, engine=member.engine, seat=seat, pace=PACE)
        member.service._engine, member.service._changed = replicas, replicas.changed
        await replicas.start()
        stack.push_async_callback(replicas.close)
        pair.append((member, replicas))
    (one, _), (two, _) = pair
    run_id = await held(one)
    synchronous.fail_over()
    promoted_s = time.monotonic()
    hosts.hold["stop@a"].set()

    await ends_well(two, run_id)
    log.info("failover: the rest of the run took %.1f s from the promotion on", time.monotonic() - promoted_s)
    async with asyncio.timeout(30):
        while not any(replicas.may_write() for _, replicas in pair) or any(replicas.problems() for _, replicas in pair):
            await asyncio.sleep(0.05)
    log.info("failover: jobs and the chat's writer are back after %.1f s", time.monotonic() - promoted_s)


async def test_the_channel_is_told_that_entries_are_lost(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack_outage, "EVERY_S", 0.1)
    store = await Store.open(cluster.url)
    async with belay(tmp_path, store=store) as b:
        run_id = await b.start()
        await asyncio.sleep(0.3)  # a look at the audit's end
        cluster.forget_from_now_on()
        b.person("bo").react(await b.board(run_id), "white_check_mark")
        async with asyncio.timeout(10):
            while await b.counted(run_id) != ("bo",):
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)
        cluster.fail_over()
        await b.until(lambda: said(b, "has lost its last entries"), timeout_s=20)
        await asyncio.sleep(0.5)

        assert len(said(b, "has lost its last entries")) == 1
        assert await b.counted(run_id) == (), "the approval is lost, and that is the truth of the database"
    await store.close()


def said(b: Belay, words: str) -> list[str]:
    return [message.text for message in b.workspace.messages(CHANNEL) if words in message.text]
