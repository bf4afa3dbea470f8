"""Two bots, each with its own connections, on one PostgreSQL: one lock, one claim, one driver, one effect."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from core.errors import ConflictError, RefusedError
from core.journal import Kind
from store.database import Store
from tests.bot.service_world import assert_not_claimed, kinds, succeeded
from tests.bot.test_service_claim import claim_together
from tests.bot.world import REQUEST, Bot, actor, bot, memory_hosts
from tests.postgres import postgres_server

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with postgres_server() as server:
        yield server.url(server.create())


@pytest.fixture
async def pair(url: str, tmp_path: Path) -> AsyncIterator[tuple[Bot, Bot]]:
    """Two bots on the same hosts; what an earlier test left on the target has ended."""
    hosts = memory_hosts()
    async with AsyncExitStack() as stack:
        bots = []
        for _ in range(2):
            store = await Store.open(url)
            stack.push_async_callback(store.close)
            bots.append(await stack.enter_async_context(bot(tmp_path, hosts, store=store)))
        yield bots[0], bots[1]


async def test_two_bots_claiming_at_once_make_one_claim(pair: tuple[Bot, Bot]) -> None:
    one, two = pair
    run_id = await one.ask()
    await claim_together(run_id, one, two)
    await succeeded(pair, run_id)
    async with one.store.look() as tx:
        assert (await tx._run_row(run_id)).epoch == 1, "one of them became the driver, and only once"

    assert (await kinds(one, run_id)).count(Kind.CLAIMED) == 1
    assert (await kinds(two, run_id)).count(Kind.BEGUN) == 1
    assert set(one.hosts.effects.values()) == {1}


async def test_approvals_at_two_bots_at_once_are_claimed_once(pair: tuple[Bot, Bot]) -> None:
    one, two = pair
    for _ in range(3):
        one.hosts.effects.clear()
        run_id = await one.ask()
        answers = await asyncio.gather(
            *(b.service.approve(run_id, actor(name)) for b in pair for name in ("bo", "cy") for _ in range(5)),
            return_exceptions=True,
        )
        assert all(isinstance(each, (RefusedError, ConflictError)) for each in answers if isinstance(each, Exception))
        await asyncio.gather(one.service.sweep(), two.service.sweep())
        await succeeded(pair, run_id)

        assert (await kinds(one, run_id)).count(Kind.CLAIMED) == 1
        assert set(one.hosts.effects.values()) == {1}


async def test_starts_at_two_bots_at_once_make_one_run(pair: tuple[Bot, Bot]) -> None:
    one, two = pair
    answers = await asyncio.gather(
        *(b.service.start(REQUEST, actor(name)) for b in pair for name in ("ana", "bo")), return_exceptions=True
    )

    (view,) = (each for each in answers if not isinstance(each, BaseException))
    refused = [str(each) for each in answers if isinstance(each, BaseException)]
    assert all(f"prod is taken by {view.run.id}, asked for by {view.run.requester}" in each for each in refused)
    await assert_not_claimed(two, view.run.id)
    await one.service.deny(view.run.id, actor("dee"))


async def test_a_removal_at_one_bot_and_the_claim_at_the_other_end_in_one_of_the_two(pair: tuple[Bot, Bot]) -> None:
    one, two = pair
    for _ in range(3):
        run_id = await one.ask()
        await one.service.approve(run_id, actor("bo"))
        _, removal = await asyncio.gather(
            one.service.approve(run_id, actor("cy")),
            two.service.remove_approval(run_id, actor("bo")),
            return_exceptions=True,
        )
        claimed = Kind.CLAIMED in await kinds(one, run_id)

        assert claimed is isinstance(removal, RefusedError)
        if claimed:
            await succeeded(pair, run_id)
        else:
            await one.service.deny(run_id, actor("dee"))


async def test_a_freeze_at_one_bot_stops_the_claim_at_the_other(pair: tuple[Bot, Bot]) -> None:
    one, two = pair
    run_id = await one.ask()
    await one.service.approve(run_id, actor("bo"))
    await two.service.freeze("suspicious", actor("dee"))
    with pytest.raises(RefusedError, match="frozen by dee"):
        await one.service.approve(run_id, actor("cy"))
    await assert_not_claimed(one, run_id)
    await two.service.thaw(actor("dee"))
    await one.service.deny(run_id, actor("dee"))
