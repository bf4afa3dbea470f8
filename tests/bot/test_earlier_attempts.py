"""
Retries after an attempt whose end nobody saw: what it may still do is taken away before another one begins.

The model of the whole found it: a replica frozen right before its call to the host, the host away for its successor, a
person who settles and retries, and the frozen one wakes.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot import unit_work
from core.action import Action, Ended, NeverRan, Permit, Sink, Verdict
from core.errors import AccessDeniedError, OutcomeLostError, UnreachableError
from core.run_states import RunStatus
from core.target import Host
from core.unit_states import UnitStatus
from tests.bot.world import Bot, actor, bot, memory_hosts
from tests.practice_executor import MemoryExecutor, allowed, printed

UNIT = "restore@a"


class Hosts(MemoryExecutor):
    """The first call to restore is lost on its way, or on its way back; after it the host is away until told."""

    def __init__(self, *, arrives: bool) -> None:
        super().__init__()
        self.__dict__.update(vars(memory_hosts()))
        self.arrives = arrives
        self.away = False
        self.call: tuple[Action, Host, Sink] | None = None  #: what a frozen replica has in its hands

    async def run(self, action: Action, host: Host, sink: Sink, permit: Permit) -> Verdict:
        self._there(action)
        if action.unit == UNIT and self.call is None:
            self.call, self.away = (action, host, sink), True
            if self.arrives:
                self._begins = asyncio.ensure_future(super().run(action, host, sink, permit))
                await asyncio.sleep(0)
            raise OutcomeLostError("the link dropped")
        return await super().run(action, host, sink, permit)

    async def attach(self, action: Action, host: Host, sink: Sink) -> Verdict:
        self._there(action)
        return await super().attach(action, host, sink)

    async def stop(self, action: Action, host: Host) -> Verdict:
        self._there(action)
        return await super().stop(action, host)

    def _there(self, action: Action) -> None:
        if self.away and action.unit == UNIT:
            raise UnreachableError("cannot reach 'a'")

    async def wakes(self) -> Verdict:
        """The frozen replica makes its call after all."""
        assert self.call is not None
        return await super().run(*self.call, allowed)

    @property
    def effects_of_it(self) -> int:
        return self.effects["a", UNIT, "do"]


@asynccontextmanager
async def unknown(folder: Path, hosts: Hosts) -> AsyncIterator[tuple[Bot, str]]:
    """A run whose restore nobody knows the end of; a person says that it failed."""
    async with bot(folder, hosts) as b:
        run_id = await b.asked_and_agreed()
        view = await b.until(run_id, RunStatus.NEEDS_PERSON)
        assert view.state.unit(UNIT).status is UnitStatus.UNKNOWN
        assert view.state.unit(UNIT).unseen == (1,)
        await b.service.settle(run_id, actor("bo"), UNIT, "failed", reason="the rows are the new ones")
        await b.until(run_id, RunStatus.NEEDS_PERSON)
        yield b, run_id


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_work, "GRACE_S", -29.5)  # the action's 30 s and this: half a second of patience


async def test_a_late_call_of_an_earlier_attempt_starts_nothing(tmp_path: Path) -> None:
    hosts = Hosts(arrives=False)
    async with unknown(tmp_path, hosts) as (b, run_id):
        hosts.away = False
        await b.service.retry(run_id, actor("bo"))
        await b.until(run_id, RunStatus.SUCCEEDED)
        assert hosts.effects_of_it == 1

        assert isinstance(await hosts.wakes(), NeverRan)
        assert hosts.effects_of_it == 1


async def test_while_the_host_cannot_be_asked_nothing_is_started_again(tmp_path: Path) -> None:
    hosts = Hosts(arrives=False)
    async with unknown(tmp_path, hosts) as (b, run_id):
        await b.service.retry(run_id, actor("bo"))
        view = await b.until(run_id, RunStatus.NEEDS_PERSON)

        assert "nothing was started" in view.state.unit(UNIT).reason
        assert view.state.unit(UNIT).unseen == (1,)
        hosts.away = False
        assert isinstance(await hosts.wakes(), Ended)  # the first attempt runs after all, and ends well

        await b.service.retry(run_id, actor("bo"))
        await b.until(run_id, RunStatus.SUCCEEDED)
        assert hosts.effects_of_it == 1


async def test_one_that_ran_well_after_all_is_not_run_again(tmp_path: Path) -> None:
    hosts = Hosts(arrives=True)
    async with unknown(tmp_path, hosts) as (b, run_id):
        hosts.away = False
        await b.service.retry(run_id, actor("bo"))
        view = await b.until(run_id, RunStatus.SUCCEEDED)

        assert hosts.effects_of_it == 1
        assert view.state.unit(UNIT).unseen == ()


async def test_one_that_ran_well_and_has_no_effect_may_be_run_again(tmp_path: Path) -> None:
    """What its verification says counts for more than how it ended, and it is not asked about for ever."""
    hosts = Hosts(arrives=True)
    hosts.answers[f"{UNIT}.verify"] = printed("the new rows", exit_code=1)
    async with unknown(tmp_path, hosts) as (b, run_id):
        hosts.away = False
        await b.service.retry(run_id, actor("bo"))
        view = await b.until(run_id, RunStatus.NEEDS_PERSON)
        assert "the new rows" in view.state.unit(UNIT).reason
        assert hosts.effects_of_it == 1

        del hosts.answers[f"{UNIT}.verify"]
        await b.service.retry(run_id, actor("bo"))
        await b.until(run_id, RunStatus.SUCCEEDED)
        assert hosts.effects_of_it == 2


async def test_one_that_still_works_is_ended_and_a_person_looks_first(tmp_path: Path) -> None:
    hosts = Hosts(arrives=True)
    hosts.hold[UNIT] = asyncio.Event()
    async with unknown(tmp_path, hosts) as (b, run_id):
        hosts.away = False
        await b.service.retry(run_id, actor("bo"))
        view = await b.until(run_id, RunStatus.NEEDS_PERSON)
        assert "was at work until now" in view.state.unit(UNIT).reason
        assert hosts.effects_of_it == 1

        hosts.hold.pop(UNIT).set()
        await b.service.retry(run_id, actor("bo"))
        await b.until(run_id, RunStatus.SUCCEEDED)
        assert hosts.effects_of_it == 2


class LetsNobodyIn(Hosts):
    """After the first call the host answers, and refuses the bot's key."""

    def _there(self, action: Action) -> None:
        if self.away and action.unit == UNIT:
            raise AccessDeniedError("'a' refused the bot's key")


async def test_nobody_is_asked_while_a_call_may_still_be_on_its_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal comes at once, and a person may decide at once: by then the call no longer counts on its host."""
    monkeypatch.setattr(unit_work, "CALL_IS_OVER_S", 1.0)
    hosts = LetsNobodyIn(arrives=False)
    async with bot(tmp_path, hosts) as b:
        run_id = await b.asked_and_agreed()
        await b.until(run_id, RunStatus.RUNNING)
        while hosts.call is None:
            await asyncio.sleep(0.01)
        lost_s = time.monotonic()
        view = await b.until(run_id, RunStatus.NEEDS_PERSON)

        assert time.monotonic() - lost_s >= 1.0
        assert view.state.unit(UNIT).status is UnitStatus.UNKNOWN
        assert "refused the bot's key" in view.state.unit(UNIT).reason
