"""
Everything a person can ask of Belay, whatever way they ask it: the one door.

Each verb checks who asks and whether the state allows it, and writes the fact, its journal entry, its audit line and
the messages it causes in one transaction. What it decides with is in `core`.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bot.hands import Hands
from bot.judging import Judging, Waker
from bot.looker import Looker
from bot.recording import Recording
from bot.report import render_report
from bot.starting import Proposal, Starter
from bot.writing import LedgerMovedError, Wish
from core import wishes
from core.approvals import Approval, check_approver, tally
from core.codec import to_data
from core.errors import RefusedError
from core.journal import Kind
from core.people import Account, May, Person, Roster, check_may
from core.plan import Plan
from core.ports import Clock, StartRequest, TargetStatus
from core.resolve import resolve
from core.run import Actor, Preview, Run, RunView
from core.run_states import RunStatus
from core.state import RunState
from core.target import Target
from core.wishes import Draft
from store.database import Store
from store.transaction import Transaction

log = logging.getLogger(__name__)


class BelayService(Recording, Judging):
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
        Recording.__init__(self, store=store, plans=plans, hands=hands, looker=looker, clock=clock, changed=changed)
        starter = Starter(plans, roster, hands, looker, selections)
        Judging.__init__(
            self,
            store=store,
            roster=roster,
            clock=clock,
            changed=changed,
            looker=looker,
            starter=starter,
            engine=engine,
        )

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
        asked = {"reason": run.reason, "accepted": dict(run.accepted), "way": by.way}
        drafts = [
            Draft(kind=Kind.DRAFTED, data={**asked, "warnings": list(proposal.warnings)}),
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

    async def _operate(self, run_id: str, by: Actor, drafts: Wish) -> RunView:
        view = await self._act(run_id, by, May.OPERATE, drafts)
        self._engine.wake(run_id)
        return view

    async def _act(self, run_id: str, by: Actor, right: May | None, drafts: Wish) -> RunView:
        if right is not None:
            check_may(by.person, right)
        return await self._append(run_id, drafts, by=by.person.id)

    async def freeze(self, reason: str, by: Actor) -> None:
        """The kill switch: nothing starts on any host until `thaw`, over restarts too. What runs goes on."""
        check_may(by.person, May.OPERATE)
        async with self._store.begin() as tx:
            await tx.freeze(reason, by.person.id, self._clock.now())

    async def thaw(self, by: Actor) -> None:
        check_may(by.person, May.OPERATE)
        async with self._store.begin() as tx:
            await tx.thaw(by.person.id, self._clock.now())
