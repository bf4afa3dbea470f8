"""
The work on one unit: act, follow, verify; or after a crash find out what became of it.

Each function returns the drafts that say how it ended; writing them is the driver's. None of them starts anything
whose intent was not written before.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from bot.hands import Hands, action_for
from bot.looker import Answer, Looker
from bot.recorder import Printed
from core.action import CALL_IS_OVER_S, Action, Ended, Lost, NeverRan, Output, Permit, Verb, Verdict
from core.errors import NotStartedError, OutcomeLostError, RefusedError, UnreachableError
from core.journal import Kind
from core.resolve import ResolvedPlan, Unit
from core.state import UnitState
from core.target import Host
from core.wishes import Draft
from executors.retry import run_when_reachable

#: After an action's own time-out the host is asked for this long what became of it, before a person is.
GRACE_S = 60.0
#: Seconds between two tries to reach a host whose link dropped.
REATTACH_EVERY_S = 2.0

_AT_WORK = "an earlier attempt was at work until now; look what it did"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    drafts: tuple[Draft, ...]
    printed: tuple[Printed, ...] = ()


@dataclass(slots=True, kw_only=True)
class UnitWork:
    """One unit of one run, on its host."""

    run_id: str
    run_token: str
    plan: ResolvedPlan
    unit: Unit
    attempt: int
    undo_attempt: int
    unseen: tuple[int, ...]  #: attempts whose end nobody saw, earlier ones or this one
    unseen_undos: tuple[int, ...]  #: the same of undoing
    hands: Hands
    looker: Looker
    tell: Callable[[str], None]  #: gets the output as it comes
    fence: Callable[[], Awaitable[None]]  #: raises FencedError if another driver has the run
    still_holds: Callable[[], None]  #: raises RefusedError if the look it was decided on has expired
    stopping: asyncio.Event = field(default_factory=asyncio.Event)  #: set: end it, a person aborted

    # -- doing -------------------------------------------------------------------------------------------------

    async def do(self) -> Result:
        """Act and verify. The intent has been written."""
        if self.unit.do is None:
            return await self.verify()
        try:
            host = self._host()
            earlier = await self._spent(Verb.DO, self.unseen, host)
            if any(ended.killed for ended in earlier):
                return self._not_started(Kind.UNIT_FAILED, _AT_WORK, spent=True)
            verdict: Verdict | None = _well(earlier)
            if verdict is None:
                await self._may_do()  # whatever has to be waited for is waited for here, where no session is held
                verdict = await self._act(self._action(Verb.DO), host, self._may_do)
        except (NotStartedError, RefusedError) as error:
            return self._not_started(Kind.UNIT_FAILED, str(error))
        return await self._judge(verdict)

    async def _may_do(self) -> None:
        await self.fence()
        self.still_holds()

    def _not_started(self, kind: Kind, why: str, *, spent: bool = False) -> Result:
        """*spent*: whatever earlier attempts might still have done is out of the way."""
        data = {"reason": f"{why} (nothing was started)", "began": False, "spent": spent}
        return Result(drafts=(Draft(kind=kind, unit=self.unit.key, data=data),))

    async def _spent(self, verb: Verb, attempts: Iterable[int], host: Host) -> list[Ended]:
        """
        Take away from earlier *attempts* what they may still do; return how those ended that have run after all.

        A frozen replica may hold such a call in its hands, and would make it whenever it wakes.

        Raises:
            NotStartedError, RefusedError: nobody can be sure now; nothing may be started.
        """
        found = [await self._ended_for_good(self._action(verb, attempt), host) for attempt in attempts]
        return [verdict for verdict in found if isinstance(verdict, Ended)]

    async def _ended_for_good(self, action: Action, host: Host) -> Verdict:
        try:
            verdict = await self.hands.executor(host).stop(action, host)
        except OutcomeLostError as error:
            raise RefusedError(f"what became of attempt {action.attempt} cannot be asked: {error}") from error
        if isinstance(verdict, Lost) and (verdict.still_alive or verdict.silent):
            raise RefusedError(f"attempt {action.attempt} cannot be ended: {verdict.reason}")
        return verdict

    async def _act(self, action: Action, host: Host, permit: Permit) -> Verdict:
        """
        Raises:
            NotStartedError: nothing was started.
        """
        executor = self.hands.executor(host)
        running = asyncio.ensure_future(run_when_reachable(executor, action, host, self.tell, permit))
        try:
            return await self._or_stop(running, action, host)
        except OutcomeLostError as error:
            return await self._follow(action, host, str(error), calls_live_s=CALL_IS_OVER_S)

    async def _or_stop(self, running: asyncio.Future[Verdict], action: Action, host: Host) -> Verdict:
        """Wait for the end; if a person aborts meanwhile, end it on the host, and wait for that."""
        stopping = asyncio.create_task(self.stopping.wait())
        either: set[asyncio.Future[Any]] = {running, stopping}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                return await running
            return await self._stop(action, host)
        finally:
            stopping.cancel()
            if not running.done():
                running.cancel()
                await asyncio.wait({running})

    async def _stop(self, action: Action, host: Host) -> Verdict:
        try:
            return await self.hands.executor(host).stop(action, host)
        except NotStartedError as error:
            raise OutcomeLostError(f"cannot end '{self.unit.key}': {error}") from error

    async def _follow(self, action: Action, host: Host, why: str, *, calls_live_s: float) -> Verdict:
        """
        The link dropped: ask the host until it answers, or the action's time and the grace are over.

        One that answers and lets nobody in is asked once more, when no call can be on its way to it any longer; asked
        again and again it would shut the bot out for longer (OpenSSH's PerSourcePenalties, fail2ban).
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            ends, wait_s = began + action.timeout_s + GRACE_S, REATTACH_EVERY_S
            try:
                return await self._ask_host(action, host)
            except (UnreachableError, OutcomeLostError) as error:
                why = str(error)
            except NotStartedError as error:
                why, ends, wait_s = str(error), began + calls_live_s, calls_live_s
            if loop.time() >= ends:
                return Lost(reason=why, silent=True)
            await asyncio.sleep(min(wait_s, ends - loop.time()))

    async def _asked_after_a_crash(self, verb: Verb) -> Verdict:
        """What the host says of it. Whoever wrote that its end was not seen has waited for calls on their way."""
        was_lost = self.attempt in self.unseen if verb is Verb.DO else self.undo_attempt in self.unseen_undos
        calls_live_s = 0.0 if was_lost else CALL_IS_OVER_S
        try:
            return await self._follow(self._action(verb), self._host(), "", calls_live_s=calls_live_s)
        except RefusedError as error:
            await asyncio.sleep(calls_live_s)
            return Lost(reason=str(error), silent=True)

    async def _ask_host(self, action: Action, host: Host) -> Verdict:
        executor = self.hands.executor(host)
        if self.stopping.is_set():
            return await executor.stop(action, host)
        attaching = asyncio.create_task(executor.attach(action, host, self.tell))
        return await self._or_stop(attaching, action, host)

    # -- judging -----------------------------------------------------------------------------------------------

    async def _judge(self, verdict: Verdict) -> Result:
        match verdict:
            case Ended():
                return await self._ended(verdict)
            case NeverRan():
                return Result(drafts=(self._draft(Kind.NEVER_RAN, verdict.reason),))
            case Lost():
                return await self._lost(verdict)

    async def _ended(self, ended: Ended) -> Result:
        printed = self._printed(Verb.DO, ended.output, ended.exit_code)
        if problem := _problem(ended):
            return Result(drafts=(self._draft(Kind.UNIT_FAILED, problem),), printed=(printed,))
        acted = Draft(kind=Kind.ACTED, unit=self.unit.key, data={"exit_code": ended.exit_code})
        return Result(drafts=(acted,), printed=(printed,))

    async def _lost(self, lost: Lost) -> Result:
        """
        Ask the unit's probe whether it has taken effect; without an answer it stays unknown.

        Only where the host itself says that nothing runs any more: what may still be at work has no effect *yet*.
        """
        printed = (self._printed(Verb.DO, lost.output, None),)
        if self.unit.probe is not None and not lost.still_alive and not lost.silent:
            answer = await self.looker.ask(self.run_id, self.unit.key, self.unit.probe, self._host())
            if answer.holds:
                reason = f"its end was not seen ({lost.reason}); the probe says it has taken effect: {answer.found}"
                return Result(drafts=(self._draft(Kind.ACTED, reason),), printed=printed)
            if answer.holds is False:
                reason = f"{lost.reason}; the probe says it has not taken effect: {answer.found}"
                return Result(drafts=(self._draft(Kind.UNIT_FAILED, reason),), printed=printed)
        alive = "; the command itself still runs" if lost.still_alive else ""
        return Result(drafts=(self._draft(Kind.LOST, lost.reason + alive),), printed=printed)

    async def verify(self) -> Result:
        """Look whether it is as it should be. Apart from the exit status: that one lies now and then."""
        try:
            host = self._host()
        except RefusedError as refusal:
            return Result(drafts=(self._draft(Kind.LOST, f"cannot verify it: {refusal}"),))
        asking = asyncio.create_task(self.looker.ask(self.run_id, self.unit.key, self.unit.verify, host))
        stopping = asyncio.create_task(self.stopping.wait())
        try:
            await asyncio.wait({asking, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                return self._failed("aborted while it was being verified")
            answer = await asking
        finally:
            stopping.cancel()
            asking.cancel()
        return Result(drafts=(self._verified(answer),), printed=self._kept(answer))

    def _verified(self, answer: Answer) -> Draft:
        if answer.holds:
            return Draft(kind=Kind.DONE, unit=self.unit.key, data={"found": answer.found})
        if answer.holds is None:
            return self._draft(Kind.LOST, f"cannot verify it: {answer.found}")
        return self._draft(Kind.UNIT_FAILED, f"not as it should be: {answer.found}")

    def _kept(self, answer: Answer) -> tuple[Printed, ...]:
        """What a look printed is kept where the plan says so and there is no command of which it would be."""
        if self.unit.do is not None or answer.ended is None or not self.plan.step_of(self.unit.key).keeps:
            return ()
        return (self._printed(Verb.VERIFY, answer.ended.output, answer.ended.exit_code),)

    # -- after a crash -----------------------------------------------------------------------------------------

    async def recover(self, state: UnitState) -> Result:
        """Say what became of a unit that was met as running. Starts nothing."""
        if self.unit.do is None or state.acted:
            return await self.verify()
        return await self._judge(await self._asked_after_a_crash(Verb.DO))

    # -- undoing -----------------------------------------------------------------------------------------------

    async def undo(self) -> Result:
        try:
            host = self._host()
            await self._spent(Verb.DO, self.unseen, host)
            earlier = await self._spent(Verb.UNDO, self.unseen_undos, host)
            if any(ended.killed for ended in earlier):
                return self._not_started(Kind.UNDO_FAILED, _AT_WORK, spent=True)
            verdict: Verdict | None = _well(earlier)
            if verdict is None:
                await self.fence()
                verdict = await self._act(self._action(Verb.UNDO), host, self.fence)
        except (NotStartedError, RefusedError) as error:
            return self._not_started(Kind.UNDO_FAILED, str(error))
        return self._undone(verdict)

    async def recover_undo(self) -> Result:
        return self._undone(await self._asked_after_a_crash(Verb.UNDO))

    def _undone(self, verdict: Verdict) -> Result:
        match verdict:
            case Ended():
                printed = (self._printed(Verb.UNDO, verdict.output, verdict.exit_code),)
                problem = _problem(verdict)
                kind = Kind.UNDO_FAILED if problem else Kind.UNDONE
                return Result(drafts=(self._draft(kind, problem),), printed=printed)
            case NeverRan():
                return Result(drafts=(self._draft(Kind.UNDO_NEVER_RAN, verdict.reason),))
            case Lost():
                return Result(drafts=(self._draft(Kind.UNDO_LOST, verdict.reason),))

    # -- small things ------------------------------------------------------------------------------------------

    def _host(self) -> Host:
        return self.hands.host(self.plan, self.unit.host)

    def _action(self, verb: Verb, attempt: int = 0) -> Action:
        """Of this attempt, or of an earlier one."""
        command = self.unit.do if verb is Verb.DO else self.unit.undo
        if command is None:
            raise AssertionError(f"'{self.unit.key}' has nothing to {verb}")
        attempt = attempt or (self.attempt if verb is Verb.DO else self.undo_attempt)
        return action_for(self.run_id, self.unit.key, verb, command, attempt=attempt, run_token=self.run_token)

    def _draft(self, kind: Kind, reason: str) -> Draft:
        return Draft(kind=kind, unit=self.unit.key, data={"reason": reason} if reason else {})

    def _failed(self, reason: str) -> Result:
        return Result(drafts=(self._draft(Kind.UNIT_FAILED, reason),))

    def _printed(self, verb: Verb, output: Output, exit_code: int | None) -> Printed:
        attempt = self.undo_attempt if verb is Verb.UNDO else self.attempt
        return Printed(unit=self.unit.key, verb=verb, attempt=attempt, output=output, exit_code=exit_code)


def _well(ended: Iterable[Ended]) -> Ended | None:
    return next((each for each in ended if not _problem(each)), None)


def _problem(ended: Ended) -> str:
    """Return why an ending is a failure, or ""."""
    if ended.killed:
        return "ended by a person's abort; the host says its processes are gone"
    if ended.timed_out:
        return f"its time was up after {ended.duration_s:.0f} s; the host says its processes are gone"
    if ended.exit_code == 0:
        return ""
    lines = ended.output.text.strip().splitlines()
    last = lines[-1].strip()[:300] if lines else ""
    return f"exit {ended.exit_code}" + (f": {last}" if last else " without a word")
