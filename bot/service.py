"""
Everything a person can ask of Belay, whatever way they ask it: the one door.

Each verb checks who asks and whether the state allows it, and writes the fact, its journal entry, its audit line and
the messages it causes in one transaction. What it decides with is in `core`.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from bot.hands import Hands
from bot.looker import Looker
from bot.recorder import append
from bot.recording import Recording
from bot.report import render_report
from bot.starting import Proposal, Starter
from core import wishes
from core.approvals import Approval, Tally, check_approver, tally
from core.codec import to_data
from core.errors import BelayError, ConflictError, RefusedError, StoreUnavailableError
from core.journal import Kind
from core.ledger import Ledger
from core.people import Account, May, Person, Roster, check_may
from core.plan import Plan
from core.pnr import Findings
from core.ports import Clock, StartRequest, TargetStatus
from core.resolve import resolve
from core.run import Actor, Preview, Run, RunView
from core.run_states import RunStatus
from core.schedule import describe, too_old
from core.state import RunState
from core.target import Target
from core.wishes import Draft
from store.database import Store
from store.transaction import Transaction

log = logging.getLogger(__name__)

#: A write that met another one is tried again this often; each try decides anew.
CONFLICT_TRIES = 5


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


class BelayService(Recording):
    """Implements `core.ports.Service`."""

    def __init__(
        self,
        *,
        store: Store,
        roster: Roster,
        plans: Mapping[str, Plan],
        hands: Hands,
        looker: Looker,
        engine: Waker,
        clock: Clock,
        changed: Callable[[str], None],
        selections: Path | None = None,
    ) -> None:
        super().__init__(store=store, plans=plans, hands=hands, looker=looker, clock=clock, changed=changed)
        self._roster = roster
        self._engine = engine
        self._starter = Starter(plans, roster, hands, looker, selections)
        self._judging: dict[str, asyncio.Lock] = {}
        self._short: dict[str, int] = {}  #: run -> journal entry at which it was seen to lack approvals
        self.witness: Witness = NoWitness()

    # -- looking -----------------------------------------------------------------------------------------------

    async def targets(self) -> Sequence[Target]:
        return list(self._hands.targets.values())

    async def plans(self, target: str = "") -> Sequence[Plan]:
        if not target:
            return list(self._plans.values())
        system = self._hands.target(target).system
        return [plan for plan in self._plans.values() if plan.system == system]

    async def target_status(self, target: str) -> TargetStatus:
        found = self._hands.target(target)
        async with self._store.look() as tx:
            ledger = await tx.ledger(target)
            active = await tx.runs(target=target, limit=1, active=True)
        plans = await self.plans(target)
        findings = {}
        for plan in plans:
            try:
                findings[plan.id] = await self._looker.findings(resolve(plan, found, ledger), ledger.checkpoints)
            except RefusedError as refusal:
                log.info("no findings for %s on %s: %s", plan.id, target, refusal)
        return TargetStatus(
            target=found,
            ledger=ledger,
            plans=tuple(plans),
            findings=findings,
            active=await self.run(active[0].id) if active else None,
        )

    async def preview(self, request: StartRequest) -> Preview:
        async with self._store.look() as tx:
            ledger = await tx.ledger(self._hands.target(request.target).id)
            lock = await tx.lock_of(request.target)
        preview = await self._starter.preview(request, ledger)
        if lock is None:
            return preview
        held = f"'{request.target}' is locked by {lock.run_id}; see `/rollback status {lock.run_id}`"
        return replace(preview, refusals=(*preview.refusals, held))

    async def run(self, run_id: str) -> RunView:
        async with self._store.look() as tx:
            return await self._view(tx, await tx.run(run_id))

    async def runs(self, *, target: str = "", limit: int = 10, active: bool = False) -> Sequence[RunView]:
        async with self._store.look() as tx:
            return [await self._view(tx, run) for run in await tx.runs(target=target, limit=limit, active=active)]

    async def report(self, run_id: str) -> str:
        async with self._store.look() as tx:
            view = await self._view(tx, await tx.run(run_id))
            entries, outputs = await tx.entries(run_id), await tx.outputs(run_id)
            head = await tx.audit_head()
        return render_report(view, entries, outputs, head, self._clock.now())

    async def identify(self, account: Account) -> Person:
        return self._roster.person_of(account)

    async def _view(self, tx: Transaction, run: Run, state: RunState | None = None) -> RunView:
        state = state or await tx.state(run.id)
        counted = tally(state.approvals, run.subject, self._roster, self._clock.now())
        return RunView(run=run, state=state, tally=counted, people=self._roster.people)

    # -- starting ----------------------------------------------------------------------------------------------

    async def start(self, request: StartRequest, by: Actor) -> RunView:
        check_may(by.person, May.REQUEST)
        target = self._hands.target(request.target)
        async with self._store.look() as tx:
            await tx.check_free(target.id)  # before hosts are asked: looking takes seconds
            ledger = await tx.ledger(target.id)
        proposal = await self._starter.propose(request, by, ledger)
        async with self._store.begin() as tx:
            if await tx.ledger(target.id) != ledger:
                raise LedgerMovedError(f"something was recorded about '{target.id}' just now; ask again")
            run_id = await tx.new_run_id()
            view = await self._add(tx, run_id, proposal, by)
            if not proposal.refusals:
                await tx.lock_target(target.id, run_id, self._clock.now())
        self._changed(run_id)
        if proposal.refusals:
            raise RefusedError(f"{run_id} was refused and nothing ran: {'; '.join(proposal.refusals)}")
        return view

    async def _add(self, tx: Transaction, run_id: str, proposal: Proposal, by: Actor) -> RunView:
        run = proposal.run(run_id, self._clock.now())
        drafts = [
            Draft(kind=Kind.DRAFTED, data={"reason": run.reason, "accepted": dict(run.accepted), "way": by.way}),
            Draft(kind=Kind.PROBED, data={"findings": to_data(proposal.findings)}),
        ]
        if proposal.refusals:
            drafts.append(Draft(kind=Kind.REFUSED, data={"reason": "; ".join(proposal.refusals)}))
        else:
            drafts.append(Draft(kind=Kind.SUBMITTED))
        state = await tx.add_run(run, drafts, at=self._clock.now(), by=by.person.id)
        return await self._view(tx, run, state)

    # -- agreeing ----------------------------------------------------------------------------------------------

    async def approve(self, run_id: str, by: Actor, *, digest: str = "") -> RunView:
        repeated = False

        def drafts(run: Run, state: RunState) -> list[Draft]:
            nonlocal repeated
            now = self._clock.now()
            if self._roster.person_of(by.account).id != by.person.id:
                raise RefusedError(f"the account {by.account.id} does not speak for {by.person.name}")
            if digest and not run.digest.startswith(digest.lower()):
                raise RefusedError(f"{run_id} has the plan digest {run.digest[:8]}, not {digest}; look at it again")
            check_approver(by.person, run.subject, now)
            if state.status is not RunStatus.WAITING:
                raise RefusedError(f"{run_id} does not wait for approvals; it is {wishes.say(state.status)}")
            approval = Approval(
                person=by.person.id,
                account=by.account.id,
                plan_digest=run.digest,
                verdict_digest=run.verdict_digest,
                at=now,
                way=by.way,
            )
            # One person agrees once, whatever way and however often it is delivered.
            repeated = by.person.id in tally(state.approvals, run.subject, self._roster, now).counted
            return [] if repeated else [Draft(kind=Kind.APPROVED, data=to_data(approval))]

        view = await self._act(run_id, by, None, drafts)
        return view if repeated and not view.tally.reached else await self._judge(run_id)

    async def remove_approval(self, run_id: str, by: Actor) -> RunView:
        """Take a person's approval away, whatever way it was given: a doubt counts more than a click."""

        def drafts(_run: Run, state: RunState) -> list[Draft]:
            if state.status is not RunStatus.WAITING:
                raise RefusedError(f"{run_id} is {wishes.say(state.status)}; its approvals are spent")
            mine = [approval for approval in state.approvals if approval.person == by.person.id]
            return [Draft(kind=Kind.APPROVAL_REMOVED, data={"person": by.person.id})] if mine else []

        return await self._act(run_id, by, None, drafts)

    async def deny(self, run_id: str, by: Actor, reason: str = "") -> RunView:
        def drafts(_run: Run, state: RunState) -> list[Draft]:
            if state.status is not RunStatus.WAITING:
                hint = "; `abort` stops a run under way" if state.status.driven else ""
                raise RefusedError(f"{run_id} is {wishes.say(state.status)} and cannot be vetoed{hint}")
            return [Draft(kind=Kind.VETOED, data={"reason": reason or "vetoed"})]

        return await self._act(run_id, by, None, drafts)

    async def withdraw(self, run_id: str, by: Actor, reason: str = "") -> RunView:
        def drafts(run: Run, state: RunState) -> list[Draft]:
            if by.person.id != run.requester:
                raise RefusedError(f"only who asked for {run_id} can withdraw it; `deny` vetoes it")
            if state.status is not RunStatus.WAITING:
                raise RefusedError(f"{run_id} is {wishes.say(state.status)} and cannot be withdrawn")
            return [Draft(kind=Kind.WITHDRAWN, data={"reason": reason or "withdrawn"})]

        return await self._act(run_id, by, None, drafts)

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

    # -- operating ---------------------------------------------------------------------------------------------

    async def pause(self, run_id: str, by: Actor, reason: str = "") -> RunView:
        return await self._operate(run_id, by, lambda _, state: wishes.pause(state, reason))

    async def resume(self, run_id: str, by: Actor, phrase: str = "") -> RunView:
        return await self._operate(run_id, by, lambda _, state: wishes.resume(state, phrase))

    async def abort(self, run_id: str, by: Actor, reason: str = "", *, leave: bool = False) -> RunView:
        return await self._operate(run_id, by, lambda run, state: wishes.abort(run.plan, state, reason, leave=leave))

    async def retry(self, run_id: str, by: Actor, units: Sequence[str] = ()) -> RunView:
        return await self._operate(run_id, by, lambda run, state: wishes.retry(run.plan, state, units))

    async def skip(self, run_id: str, by: Actor, units: Sequence[str] = (), *, reason: str) -> RunView:
        return await self._operate(run_id, by, lambda run, state: wishes.skip(run.plan, state, units, reason))

    async def settle(self, run_id: str, by: Actor, unit: str, outcome: str, *, reason: str) -> RunView:
        def drafts(run: Run, state: RunState) -> list[Draft]:
            return wishes.settle(run.plan, state, unit, outcome, reason)

        return await self._operate(run_id, by, drafts)

    async def _operate(self, run_id: str, by: Actor, drafts: "Wish") -> RunView:
        view = await self._act(run_id, by, May.OPERATE, drafts)
        self._engine.wake(run_id)
        return view

    async def _act(self, run_id: str, by: Actor, right: May | None, drafts: "Wish") -> RunView:
        if right is not None:
            check_may(by.person, right)
        return await self._append(run_id, drafts, by=by.person.id)

    async def _append(self, run_id: str, wish: "Wish", *, by: str = "", also: "Also | None" = None) -> RunView:
        """Decide and write in one transaction; if somebody else wrote first, decide again."""
        for last in range(CONFLICT_TRIES - 1, -1, -1):
            try:
                async with self._store.begin() as tx:
                    run = await tx.run(run_id)
                    state = await tx.state(run_id)
                    if drafts := wish(run, state):
                        state = await append(tx, self._clock, run, drafts, seq=state.seq, by=by)
                        if also is not None:
                            await also(tx, run, state)
                    view = await self._view(tx, run, state)
            except LedgerMovedError:
                raise
            except ConflictError:
                if not last:
                    raise
            else:
                if drafts:
                    self._changed(run_id)
                return view
        raise AssertionError("the last try either returns or raises")

    async def freeze(self, reason: str, by: Actor) -> None:
        """The kill switch: nothing starts on any host until `thaw`, over restarts too. What runs goes on."""
        check_may(by.person, May.OPERATE)
        async with self._store.begin() as tx:
            await tx.freeze(reason, by.person.id, self._clock.now())

    async def thaw(self, by: Actor) -> None:
        check_may(by.person, May.OPERATE)
        async with self._store.begin() as tx:
            await tx.thaw(by.person.id, self._clock.now())


def _expired(run: Run, state: RunState) -> list[Draft]:
    if state.status is not RunStatus.WAITING:
        return []
    reason = f"the quorum was not reached by {run.subject.expires_at:%H:%M} UTC"
    return [Draft(kind=Kind.EXPIRED, data={"reason": reason})]


def _refuse(reason: str) -> "Wish":
    def drafts(_run: Run, state: RunState) -> list[Draft]:
        if state.status is not RunStatus.WAITING:
            return []
        return [Draft(kind=Kind.REFUSED, data={"reason": reason})]

    return drafts


def _remove(person: str, reason: str) -> "Wish":
    def drafts(_run: Run, state: RunState) -> list[Draft]:
        if state.status is not RunStatus.WAITING:
            return []
        return [Draft(kind=Kind.APPROVAL_REMOVED, data={"person": person, "reason": reason})]

    return drafts


class LedgerMovedError(ConflictError):
    """The ledger moved on while the live system was being looked at, or the look took too long; look again."""


class Wish(Protocol):
    def __call__(self, run: Run, state: RunState, /) -> list[Draft]: ...


class Also(Protocol):
    async def __call__(self, tx: Transaction, run: Run, state: RunState, /) -> None: ...
