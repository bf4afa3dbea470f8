"""
From the first approval to the claim: what stands between a request and its first step.

Who agreed is counted in people, the points of no return are looked at again, the chat service is asked once more who
they are and what they still say; then one transaction spends the approvals, or nothing happens.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Protocol

from bot.looker import Looker
from bot.starting import Starter
from bot.writing import CONFLICT_TRIES, LedgerMovedError, Wish, Writing
from core.approvals import Approval, Tally, tally
from core.codec import to_data
from core.errors import BelayError, RefusedError, StoreUnavailableError
from core.journal import Kind
from core.ledger import Ledger
from core.people import Account, Roster
from core.pnr import Findings
from core.ports import Clock
from core.run import Run, RunView
from core.run_states import RunStatus
from core.schedule import describe, too_old
from core.state import RunState
from core.wishes import Draft
from store.database import Store
from store.transaction import Transaction

log = logging.getLogger(__name__)


class Witness(Protocol):
    """The chat service as a witness of who they are and what they still say, asked again at the claim."""

    async def account(self, account_id: str) -> Account: ...

    async def reconcile(self, run_id: str) -> None:
        """Bring recorded approvals in line with the reactions that stand on the board now."""
        ...


class Waker(Protocol):
    """Whoever drives runs."""

    def wake(self, run_id: str) -> None: ...


class NobodyDrives:
    """For a process that only records: the bot that runs beside it picks up what it wrote."""

    def wake(self, run_id: str) -> None:
        return None


class NoWitness:
    """Without a chat service nobody can vouch for an account."""

    async def account(self, account_id: str) -> Account:
        return Account(id=account_id, known=False)

    async def reconcile(self, run_id: str) -> None:
        return None


class Judging(Writing):
    """Judges requests that wait: at each approval, and whenever the clock's loop comes by."""

    def __init__(
        self,
        *,
        store: Store,
        roster: Roster,
        clock: Clock,
        changed: Callable[[str], None],
        looker: Looker,
        starter: Starter,
        engine: Waker,
    ) -> None:
        super().__init__(store=store, roster=roster, clock=clock, changed=changed)
        self._looker = looker
        self._starter = starter
        self._engine = engine
        self._judging: dict[str, asyncio.Lock] = {}
        self._short: dict[str, int] = {}  #: run -> journal entry at which it was seen to lack approvals
        self.witness: Witness = NoWitness()

    async def run(self, run_id: str) -> RunView:
        async with self._store.look() as tx:
            return await self._view(tx, await tx.run(run_id))

    async def _judge(self, run_id: str) -> RunView:
        """
        Look at the points of no return again; refuse what may no longer start, claim what has its quorum.

        One at a time for a run in this process; between processes the claim's transaction decides.
        """
        async with self._judging.setdefault(run_id, asyncio.Lock()):
            view = await self.run(run_id)
            if view.state.status is not RunStatus.WAITING:
                return view
            agreed = view.state.approvals if view.tally.reached else ()
            view = await self._look_and_rule(view.run, agreed)
        if view.state.status is not RunStatus.WAITING:
            self._judging.pop(run_id, None)
        return view

    async def _look_and_rule(self, run: Run, agreed: Collection[Approval]) -> RunView:
        """*agreed*: the approvals that make the quorum; one that came since is judged by its own call."""
        for last in range(CONFLICT_TRIES - 1, -1, -1):
            async with self._store.look() as tx:
                ledger = await tx.ledger(run.target)
            try:
                findings = await self._looker.findings(run.plan, ledger.checkpoints, run_id=run.id)
            except RefusedError as refusal:  # a host is another one now, so nothing can be asked of it
                return await self._append(run.id, _refuse(str(refusal)))
            # People are asked last: a look takes as long as its slowest probe, and a "yes" may be gone by then.
            vouched = frozenset() if self._why_not(run, findings, ledger) else await self._vouched(run.id, agreed)
            try:
                return await self._rule(run.id, findings, ledger, vouched)
            except LedgerMovedError:
                if not last:
                    raise
        raise AssertionError("the last try either returns or raises")

    async def _vouched(self, run_id: str, agreed: Collection[Approval]) -> frozenset[Approval]:
        """Take out of *agreed* what the chat service no longer vouches for; return the others."""
        if not agreed:
            return frozenset()
        await self.witness.reconcile(run_id)
        view = await self.run(run_id)
        vouched = set()
        for approval in view.state.approvals:
            if approval not in agreed:
                continue
            account = await self.witness.account(approval.account)
            try:
                self._roster.person_of(account)
            except RefusedError as refusal:
                await self._append(run_id, _remove(approval.person, str(refusal)))
            else:
                vouched.add(approval)
        return frozenset(vouched)

    async def _rule(self, run_id: str, findings: Findings, ledger: Ledger, vouched: frozenset[Approval]) -> RunView:
        """
        The claim: approvals, verdicts, freeze and digest judged together with the write that spends them.

        Only approvals *vouched* for count: given before the look, and confirmed after it.
        """

        def count(run: Run, state: RunState) -> Tally:
            standing = [approval for approval in state.approvals if approval in vouched]
            return tally(standing, run.subject, self._roster, self._clock.now())

        def drafts(run: Run, state: RunState) -> list[Draft]:
            if state.status is not RunStatus.WAITING:
                return []
            probed = Draft(kind=Kind.PROBED, data={"findings": to_data(findings)})
            if why := self._why_not(run, findings, ledger):
                return [probed, Draft(kind=Kind.REFUSED, data={"reason": why})]
            counted = count(run, state)
            if not counted.reached:
                return [probed]
            return [probed, Draft(kind=Kind.CLAIMED, data={"people": list(counted.counted)})]

        ours = False

        async def spend(tx: Transaction, run: Run, state: RunState) -> None:
            nonlocal ours
            ours = state.status is RunStatus.CLAIMED
            if not ours:
                return
            await self._check_unmoved(tx, run, findings, ledger)
            if (freeze := await tx.frozen()) is not None:
                raise RefusedError(f"Belay is frozen by {freeze.by}: {freeze.reason}; `belay thaw` lets it act again")
            people = count(run, state).counted
            await tx.claim(
                run.id, digest=run.digest, verdict_digest=findings.digest, people=people, at=self._clock.now()
            )

        view = await self._append(run_id, drafts, also=spend)
        if ours and view.state.status is RunStatus.CLAIMED:  # whoever claimed drives; not who came second as well
            self._engine.wake(run_id)
        return view

    async def _check_unmoved(self, tx: Transaction, run: Run, findings: Findings, ledger: Ledger) -> None:
        if await tx.ledger(run.target) != ledger:
            raise LedgerMovedError(f"something was recorded about '{run.target}' just now")
        if too_old(run.plan, findings, self._clock.now()):
            raise LedgerMovedError(f"what '{run.target}' answered is too old by now")

    def _why_not(self, run: Run, findings: Findings, ledger: Ledger) -> str:
        if blocking := findings.blocking(run.accepted):
            return f"it is not safe to go back now: {describe(blocking)}"
        if findings.digest != run.verdict_digest:
            return "what the points of no return say has changed since people were asked; start it again"
        return self._starter.drift(run, ledger)

    async def sweep(self) -> None:
        """
        End every request whose time is up, claim what has its quorum and was left (a freeze, a crash, an approval
        written by another process), and wake every driver. Called by the clock's loop.
        """
        async with self._store.look() as tx:
            due, frozen = await tx.due(self._clock.now()), await tx.frozen() is not None
        for run_id in due.driven:
            self._engine.wake(run_id)
        # A thousand requests that only wait cost nothing here; see `Transaction.due`.
        self._short = {run_id: seq for run_id, seq in self._short.items() if due.agreed.get(run_id) == seq}
        agreed = () if frozen else (run_id for run_id, seq in due.agreed.items() if self._short.get(run_id) != seq)
        for run_id in dict.fromkeys((*due.expired, *agreed)):
            try:
                await self._look_after(run_id, frozen=frozen)
            except StoreUnavailableError:
                raise
            except BelayError as error:  # one run's trouble is not the others'
                log.warning("cannot look after %s now: %s", run_id, error)

    async def _look_after(self, run_id: str, *, frozen: bool) -> None:
        view = await self.run(run_id)
        if view.state.status is not RunStatus.WAITING:
            return
        if self._clock.now() >= view.run.subject.expires_at:
            await self._append(run_id, _expired)
        elif view.tally.reached and not frozen:
            await self._judge(run_id)
        elif not view.tally.reached and not view.tally.ignored:  # what is ignored today may count once clocks agree
            self._short[run_id] = view.state.seq


def _expired(run: Run, state: RunState) -> list[Draft]:
    if state.status is not RunStatus.WAITING:
        return []
    reason = f"the quorum was not reached by {run.subject.expires_at:%H:%M} UTC"
    return [Draft(kind=Kind.EXPIRED, data={"reason": reason})]


def _refuse(reason: str) -> Wish:
    def drafts(_run: Run, state: RunState) -> list[Draft]:
        if state.status is not RunStatus.WAITING:
            return []
        return [Draft(kind=Kind.REFUSED, data={"reason": reason})]

    return drafts


def _remove(person: str, reason: str) -> Wish:
    def drafts(_run: Run, state: RunState) -> list[Draft]:
        if state.status is not RunStatus.WAITING:
            return []
        return [Draft(kind=Kind.APPROVAL_REMOVED, data={"person": person, "reason": reason})]

    return drafts
