"""
Driving one run: decide, write the intent, act, write the outcome. Safe to begin again after any crash.

The driver has no state of its own: everything it knows it reads from the journal, and everything clever is in
`core.schedule.decide` and in the host protocol.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from bot.election import choose
from bot.hands import Hands
from bot.looker import Looker
from bot.recorder import Recorder, until_written
from bot.unit_work import Result, UnitWork
from core.codec import to_data
from core.errors import (
    ConflictError,
    FencedError,
    RefusedError,
    StoreUnavailableError,
    TransitionError,
    UnknownNameError,
)
from core.fleet_truth import items_left
from core.journal import Kind
from core.ports import Clock
from core.resolve import ResolvedStep, Unit
from core.run import Run
from core.run_states import RunStatus
from core.schedule import (
    AskPerson,
    Do,
    Elect,
    Finish,
    PassOver,
    Probe,
    Recover,
    Rest,
    Retry,
    Undo,
    decide,
    destroyed,
    look_expired,
)
from core.state import Ask, NewerJournalError, RunState
from core.unit_states import UnitStatus
from core.wishes import Draft
from store.database import Store

log = logging.getLogger(__name__)

#: Seconds until the database is tried again, when an intent could not be written.
STORE_AGAIN_S = 1.0


class Driver:
    """One run, driven by this process, as long as the run's epoch is ours."""

    def __init__(
        self,
        run: Run,
        epoch: int,
        *,
        store: Store,
        recorder: Recorder,
        hands: Hands,
        looker: Looker,
        clock: Clock,
        tell: Callable[[str, str, str], None],
    ) -> None:
        self.run = run
        self.epoch = epoch
        self._store = store
        self._recorder = recorder
        self._hands = hands
        self._looker = looker
        self._clock = clock
        self._tell = tell
        self._changed = asyncio.Event()
        self._working: list[UnitWork] = []

    def wake(self) -> None:
        """Something happened to the run: a person decided, paused, aborted."""
        self._changed.set()

    async def drive(self) -> RunStatus:
        """
        Work until the run has ended. While a person is needed, wait for `wake`.

        Raises:
            FencedError: another driver has the run; nothing more was done.
            UnknownNameError: the database has lost the run; nothing more was done.
            NewerJournalError: a newer Belay wrote in its journal; nothing more was done.
        """
        while True:
            self._changed.clear()
            try:
                state = await self._load()
                if state.status.ended:
                    return state.status
                rested = not await self._step(state)
            except (FencedError, UnknownNameError):
                raise
            except ConflictError as conflict:
                log.info("%s: deciding again: %s", self.run.id, conflict)
                continue
            except RefusedError as refusal:
                rested = await self._ask_about(refusal)
            except StoreUnavailableError as error:
                log.warning("%s: stands still, for the database is away: %s", self.run.id, error)
                await self._wait(STORE_AGAIN_S)
                continue
            if rested:
                await self._wait(None)

    async def _load(self) -> RunState:
        async with self._store.look() as tx:
            await tx.check_epoch(self.run.id, self.epoch)
            return await tx.state(self.run.id)

    async def _ask_about(self, refusal: RefusedError) -> bool:
        """What was agreed to no longer fits the world (a host is another one now): ask, whatever was to be done."""
        try:
            state = await self._load()
            way_out = "leave" if destroyed(self.run.plan, state) else "abort"
            await self._ask(state, Ask(reason=str(refusal), choices=("retry", way_out)))
        except (TransitionError, ConflictError, StoreUnavailableError) as error:
            log.warning("%s: nobody was asked about '%s': %s", self.run.id, refusal, error)
            await self._wait(STORE_AGAIN_S)
        return False

    async def _wait(self, timeout_s: float | None) -> None:
        try:
            await asyncio.wait_for(self._changed.wait(), timeout_s)
        except TimeoutError:
            return

    async def _step(self, state: RunState) -> bool:
        """Perform one decision. Returns whether anything was done."""
        if state.status is RunStatus.CLAIMED:
            await self._intend(state, Draft(kind=Kind.BEGUN))
            return True
        match decide(self.run.plan, state, self._clock.now()):
            case Recover(units):
                await self._recover(state, units)
            case AskPerson(ask):
                await self._ask(state, ask)
            case PassOver(over):
                skips = (Draft(kind=Kind.SKIPPED, unit=key, data={"reason": why}) for key, why in over.items())
                await self._intend(state, *skips)
            case Finish(status):
                kind = Kind.SUCCEEDED if status is RunStatus.SUCCEEDED else Kind.UNWOUND
                await self._intend(state, Draft(kind=kind))
            case Rest():
                return False
            case decision:
                return await self._dispatch(state, decision)
        return True

    async def _dispatch(self, state: RunState, decision: Do | Undo | Retry | Probe | Elect) -> bool:
        """Perform what may touch hosts; not at all while somebody holds the freeze."""
        async with self._store.look() as tx:
            if await tx.frozen() is not None:
                return False
        match decision:
            case Do(step, units):
                await self._do(state, step, units)
            case Undo(units):
                await self._undo(state, units)
            case Retry(step, units):
                await self._retry(state, step, units)
            case Probe(step):
                await self._probe(state, step)
            case Elect(step):
                await self._elect(state, step)
        return True

    async def _intend(self, state: RunState, *drafts: Draft) -> RunState:
        return await self._recorder.intend(self.run, drafts, seq=state.seq, epoch=self.epoch)

    async def _ask(self, state: RunState, ask: Ask) -> None:
        await self._intend(state, Draft(kind=Kind.ASKED, data=to_data(ask)))

    # -- units -------------------------------------------------------------------------------------------------

    async def _do(self, state: RunState, step: ResolvedStep, units: Sequence[Unit]) -> None:
        drafts = [
            Draft(kind=Kind.STARTED, unit=u.key, data={"attempt": state.unit(u.key).attempt + 1, "step": step.id})
            for u in units
        ]
        after = await self._intend(state, *drafts)
        await self._together(after, units, UnitWork.do)

    async def _undo(self, state: RunState, units: Sequence[Unit]) -> None:
        after = await self._intend(state, *(Draft(kind=Kind.UNDO_STARTED, unit=u.key) for u in units))
        await self._together(after, units, UnitWork.undo)

    async def _recover(self, state: RunState, units: Sequence[Unit]) -> None:
        unknown = [u for u in units if state.unit(u.key).status is UnitStatus.UNKNOWN]
        if unknown:
            state = await self._recorder.outcome(
                self.run, [Draft(kind=Kind.RECHECK, unit=u.key) for u in unknown], epoch=self.epoch
            )

        async def find_out(work: UnitWork) -> Result:
            unit_state = state.unit(work.unit.key)
            if unit_state.status is UnitStatus.UNDOING:
                return await work.recover_undo()
            if state.status is RunStatus.UNWINDING:
                work.stopping.set()
            return await work.recover(unit_state)

        await self._together(state, units, find_out)

    async def _together(
        self, state: RunState, units: Sequence[Unit], work_on: Callable[[UnitWork], Awaitable[Result]]
    ) -> None:
        """Work on all units at once and write down each one's end as it comes; an abort ends those still at it."""
        self._working = [self._work(state, unit) for unit in units]
        watching = asyncio.create_task(self._watch_for_abort(state.status))
        try:
            async with asyncio.TaskGroup() as group:
                for work in self._working:
                    group.create_task(self._to_its_end(work, work_on))
        except* (FencedError, NewerJournalError, UnknownNameError) as not_ours:
            raise not_ours.exceptions[0] from None
        except* TransitionError as refused:
            raise await self._meaning(refused.exceptions[0], state) from None
        finally:
            watching.cancel()
            self._working = []

    async def _meaning(self, refused: Exception, intended: RunState) -> Exception:
        """Of an outcome that cannot follow what was intended: a bug, or the database has lost the intent."""
        async for attempt in until_written():
            with attempt:
                now = await self._load()
        if now.seq >= intended.seq:
            return refused
        return ConflictError(
            f"{self.run.id} is at entry {now.seq} and was at {intended.seq}: the database has lost its last entries; "
            "what runs on hosts is attached to"
        )

    async def _to_its_end(self, work: UnitWork, work_on: Callable[[UnitWork], Awaitable[Result]]) -> None:
        result = await work_on(work)
        while True:
            await self._recorder.outcome(self.run, result.drafts, epoch=self.epoch, printed=result.printed)
            if all(draft.kind is not Kind.ACTED for draft in result.drafts):
                return
            result = await work.verify()

    async def _watch_for_abort(self, before: RunStatus) -> None:
        """While units are in flight, notice that a person aborts, and have them ended on their hosts."""
        if before is RunStatus.UNWINDING:
            return
        while True:
            await self._changed.wait()
            self._changed.clear()
            status = await self._status()
            if status is RunStatus.UNWINDING:
                for work in self._working:
                    work.stopping.set()
                return

    async def _status(self) -> RunStatus:
        async for attempt in until_written():
            with attempt:
                async with self._store.look() as tx:
                    return (await tx.state(self.run.id)).status
        raise AssertionError("tenacity gives up only by raising")

    def _work(self, state: RunState, unit: Unit) -> UnitWork:
        unit_state = state.unit(unit.key)
        return UnitWork(
            run_id=self.run.id,
            run_token=self.run.token,
            plan=self.run.plan,
            unit=unit,
            attempt=unit_state.attempt,
            undo_attempt=unit_state.undo_attempt,
            unseen=unit_state.unseen,
            unseen_undos=unit_state.unseen_undos,
            hands=self._hands,
            looker=self._looker,
            tell=lambda text: self._tell(self.run.id, unit.key, text),
            fence=self._fence,
            still_holds=lambda: self._check_look(state, unit),
        )

    async def _fence(self) -> None:
        """The last look before the host is touched: a replica that slept through its replacement stops here."""
        async for attempt in until_written():
            with attempt:
                async with self._store.look() as tx:
                    await tx.check_epoch(self.run.id, self.epoch)

    def _check_look(self, state: RunState, unit: Unit) -> None:
        """The same for the points of no return: a machine may have stood still since they were looked at."""
        step = self.run.plan.step_of(unit.key)
        if look_expired(self.run.plan, state, step, self._clock.now()):
            raise RefusedError("what the points of no return said has expired since; retry looks again")

    # -- the rest ----------------------------------------------------------------------------------------------

    async def _retry(self, state: RunState, step: ResolvedStep, units: Sequence[Unit]) -> None:
        await self._wait(step.retry_wait_s)
        await self._intend(state, *(Draft(kind=Kind.RETRIED, unit=unit.key) for unit in units))

    async def _probe(self, state: RunState, step: ResolvedStep) -> None:
        async with self._store.look() as tx:
            ledger = await tx.ledger(self.run.target)
        findings = await self._looker.findings(
            self.run.plan, ledger.checkpoints, run_id=self.run.id, items=items_left(self.run.plan, state)
        )
        data = {"findings": to_data(findings), "step": step.id}
        await self._intend(state, Draft(kind=Kind.PROBED, data=data))

    async def _elect(self, state: RunState, step: ResolvedStep) -> None:
        choice = await choose(self.run, step, self._hands, self._looker)
        if choice.host:
            data = {"step": step.id, "host": choice.host, "found": choice.found}
            await self._intend(state, Draft(kind=Kind.ELECTED, data=data))
            return
        reason = f"no host can be chosen for '{step.title}' ({choice.found})"
        await self._ask(state, Ask(reason=reason, choices=("retry", "abort"), step=step.id))
