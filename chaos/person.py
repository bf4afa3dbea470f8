"""
The scripted person: asks for a rollback, agrees to it, and decides what a person has to decide, truthfully.

Every step looks at the run first, so that the script may be begun again after any crash, as people do.
"""

import asyncio
import logging
from pathlib import Path

from bot.service import BelayService
from bot.wiring import Parts
from chaos.plan import FAILING, TARGET
from chaos.spec import Spec
from core.errors import BelayError
from core.people import Account, Person
from core.ports import StartRequest
from core.run import Actor, RunView
from core.run_states import RunStatus
from core.unit_states import UnitStatus

log = logging.getLogger(__name__)

#: A request that is refused because a host did not answer is made again this often.
MOST_REQUESTS = 200
#: Seconds between two looks when nothing rings.
TICK_S = 0.5


class StuckError(Exception):
    """Nothing happens and nobody was asked."""


class Everybody:
    """A witness who vouches for all accounts; used where no chat is."""

    async def account(self, account_id: str) -> Account:
        return Account(id=account_id)

    async def reconcile(self, run_id: str) -> None:
        return None


class People:
    def __init__(self, parts: Parts, spec: Spec) -> None:
        self._parts = parts
        self._spec = spec
        self._changed = asyncio.Event()
        parts.bell.listeners.append(lambda _run: self._changed.set())

    async def see_to_the_end(self) -> None:
        """
        Raises:
            StuckError: no entry was added to the journal for the spec's patience, and nobody was asked.
        """
        loop = asyncio.get_running_loop()
        moved_at, last = loop.time(), ("", -1)
        while True:
            self._changed.clear()
            try:
                views = await self._views()
            except BelayError as error:
                log.info("nothing is seen now: %s", error)
                await self._wait()
                continue
            now = (views[0].run.id, views[0].state.seq) if views else ("", 0)
            if now != last:
                moved_at, last = loop.time(), now
            elif loop.time() - moved_at > self._spec.patience_s:
                status = views[0].state.status if views else "not there"
                raise StuckError(f"{now[0]} is {status} and nothing has happened for {self._spec.patience_s:.0f} s")
            if views and _over(views[0]):
                return
            await self._act(views)
            await self._wait()

    async def _views(self) -> list[RunView]:
        return list(await self._parts.service.runs(target=TARGET, limit=MOST_REQUESTS))

    async def _wait(self) -> None:
        try:
            await asyncio.wait_for(self._changed.wait(), TICK_S)
        except TimeoutError:
            return

    async def _act(self, views: list[RunView]) -> None:
        try:
            if views and views[0].state.status in (RunStatus.NEEDS_PERSON, RunStatus.STUCK):
                await decide(self._parts.service, views[0], self._spec, self._actor("bo"))
            elif self._spec.slack:
                return  # asking and agreeing is done in the chat
            elif not views or (views[0].state.status is RunStatus.REFUSED and len(views) < MOST_REQUESTS):
                await self._ask()
            elif views[0].state.status is RunStatus.WAITING:
                await self._agree(views[0])
        except BelayError as error:
            log.info("not now: %s", error)

    async def _ask(self) -> None:
        if self._spec.role == "second":
            return  # of two bots the first is asked
        request = StartRequest(target=TARGET, plan="chaos", reason="wrong answers", typed=TARGET)
        await self._parts.service.start(request, self._actor("ana"))

    async def _agree(self, view: RunView) -> None:
        for name in ("bo", "cy"):
            await self._parts.service.approve(view.run.id, self._actor(name))

    def _actor(self, name: str) -> Actor:
        person: Person = self._parts.config.roster.people[name]
        return Actor(person=person, account=Account(id=person.accounts[0]), way="command")


def _over(view: RunView) -> bool:
    return view.state.status.ended and view.state.status is not RunStatus.REFUSED


async def decide(service: BelayService, view: RunView, spec: Spec, by: Actor) -> None:
    """Answer what the run asks, by looking at the host where its outcome is not known."""
    ask, run_id = view.state.ask, view.run.id
    if ask is None or not ask.units:
        await service.retry(run_id, by) if ask and "retry" in ask.choices else await service.resume(run_id, by)
        return
    for unit in ask.units:
        status = view.state.unit(unit).status
        if not _is_open(view, status):
            continue
        if status is UnitStatus.FAILED and unit == FAILING and _was_there(spec, run_id, unit, "do"):
            if spec.way == "back":
                await service.abort(run_id, by, "it failed")
            else:
                await service.skip(run_id, by, [unit], reason="practice")
            return
        await _settle(service, view, unit, spec, by)


def _is_open(view: RunView, status: UnitStatus) -> bool:
    """Whether it is still to be decided; another look may find a half of the answers given already."""
    if view.state.status is RunStatus.STUCK:
        return status in (UnitStatus.STUCK, UnitStatus.UNKNOWN)
    return status in (UnitStatus.FAILED, UnitStatus.UNKNOWN, UnitStatus.STUCK)


async def _settle(service: BelayService, view: RunView, unit: str, spec: Spec, by: Actor) -> None:
    run_id, status = view.run.id, view.state.unit(unit).status
    verb = "undo" if status is UnitStatus.STUCK else "do"
    there = _was_there(spec, run_id, unit, verb)
    seen = f"the counter on the host says {'it ran' if there else 'it did not run'}"
    if status is UnitStatus.STUCK and there:
        await service.settle(run_id, by, unit, "undone", reason=seen)
    elif status in (UnitStatus.UNKNOWN, UnitStatus.FAILED) and there:
        word = "failed" if unit == FAILING else "done"
        await service.settle(run_id, by, unit, word, reason=seen)
    elif status is UnitStatus.UNKNOWN:
        await service.settle(run_id, by, unit, "failed", reason=seen)
    else:
        await service.retry(run_id, by, [unit])


def _was_there(spec: Spec, run_id: str, unit: str, verb: str) -> bool:
    home = spec.homes[unit.rpartition("@")[2]]
    return Path(home, spec.trial, run_id, f"{unit}.{verb}").exists()
