"""What the attacks on the service share: hosts with a moment in the middle of a look, and a proof that nothing ran."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from bot.hands import Hands
from bot.looker import Looker
from bot.service import BelayService
from core.action import Action, Ended
from core.journal import Kind
from core.people import Roster
from core.reader import build_plan
from core.run import RunView
from core.run_states import RunStatus
from core.target import Host, Target
from tests.bot.world import ROSTER, Bot, plan_data, target
from tests.practice_executor import MemoryExecutor, printed

#: The only question of the practice plan's point of no return.
QUESTION = "computes-converted.0@c"


class WatchedHosts(MemoryExecutor):
    """`meanwhile` happens once, in the middle of the next look at the live system."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], Awaitable[object]] | None = None
        self.answers[QUESTION] = printed("no")

    async def look(self, action: Action, host: Host) -> Ended:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        return await super().look(action, host)


def restarted(
    b: Bot, *, roster: Roster = ROSTER, plan: dict[str, Any] | None = None, inventory: Sequence[Target] = ()
) -> Bot:
    """The same bot with other files, as after a restart: the journal, the hosts and the clock are the same."""
    hands = Hands({"memory": b.hosts}, {each.id: each for each in inventory or [target()]})
    service = BelayService(
        store=b.store,
        roster=roster,
        plans={"old": build_plan(plan or plan_data())},
        hands=hands,
        looker=Looker(hands, b.clock),
        engine=b.engine,
        clock=b.clock,
        changed=lambda _run: b.changed.set(),
    )
    service.witness = b.witness
    return replace(b, service=service)


def roster_without(*names: str) -> Roster:
    return Roster({key: person for key, person in ROSTER.people.items() if key not in names})


async def kinds(b: Bot, run_id: str) -> list[Kind]:
    async with b.store.look() as tx:
        return [entry.kind for entry in await tx.entries(run_id)]


async def assert_not_claimed(b: Bot, run_id: str) -> RunView:
    """It waits: nothing was spent, nothing ran, and the target is still reserved for it."""
    view = await b.service.run(run_id)
    assert view.state.status is RunStatus.WAITING
    assert Kind.CLAIMED not in await kinds(b, run_id)
    assert not b.hosts.effects
    async with b.store.look() as tx:
        assert await tx.claim_of(run_id) is None
        lock = await tx.lock_of("prod")
    assert lock is not None
    assert lock.run_id == run_id
    return view


async def assert_ended_untouched(
    b: Bot, run_id: str, *words: str, status: RunStatus = RunStatus.REFUSED, claimed: bool = False
) -> None:
    """It ended before anything ran on any host, says why, gave the target back, and can be read and reported."""
    await asyncio.gather(*b.engine._tasks.values(), return_exceptions=True)
    view = await b.service.run(run_id)
    assert view.state.status is status
    for word in words:
        assert word in view.state.reason
    assert not b.hosts.effects
    async with b.store.look() as tx:
        assert await tx.lock_of("prod") is None
        assert (await tx.claim_of(run_id) is not None) is claimed
    report = await b.service.report(run_id)
    assert run_id in report
    assert status.value in report.lower()
    assert (await b.service.runs(target="prod"))[0].run.id == run_id
    assert (await b.service.runs(target="prod", active=True)) == []


async def succeeded(pair: tuple[Bot, Bot], run_id: str) -> None:
    """Wait until whichever of them drives the run says so."""
    waiting = {asyncio.create_task(b.until(run_id, RunStatus.SUCCEEDED)) for b in pair}
    done, others = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await done.pop()
