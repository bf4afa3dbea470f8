"""From what a person asks for to what people are asked to approve: resolved, checked, looked at, not yet written."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.discovery import Discovery
from bot.hands import Hands
from bot.looker import Looker
from core.approvals import check_quorum_possible
from core.errors import BelayError, RefusedError
from core.fleet import Selection
from core.ledger import Ledger
from core.names import did_you_mean
from core.people import Roster
from core.plan import Plan
from core.pnr import Findings
from core.ports import StartRequest
from core.resolve import ResolvedPlan, check_unique, resolve
from core.run import Actor, CheckResult, Preview, Run
from core.schedule import describe
from core.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A request that makes sense; with the reasons why it may not start, if there are any."""

    request: StartRequest
    plan: ResolvedPlan
    selection: Selection | None
    findings: Findings
    checks: tuple[CheckResult, ...]
    refusals: tuple[str, ...]
    requester: str
    channel: str

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the preflight found and does not forbid: approvers have to know it, not only who asked."""
        return tuple(check.sentence for check in self.checks if not check.ok and not check.blocker)

    def run(self, run_id: str, now: datetime) -> Run:
        return Run(
            id=run_id,
            target=self.plan.target,
            plan=self.plan,
            digest=self.plan.digest,
            verdict_digest=self.findings.digest,
            requester=self.requester,
            reason=self.request.reason,
            channel=self.channel,
            incident=self.request.incident,
            created_at=now,
            accepted=dict(self.request.accepted),
            parameters=dict(self.request.parameters),
            selection=self.selection,
        )


class Starter:
    def __init__(
        self,
        plans: Mapping[str, Plan],
        roster: Roster,
        hands: Hands,
        looker: Looker,
        selections: Path | None = None,
    ) -> None:
        """*selections*: the folder of files of names, for fleets."""
        self._plans = plans
        self._roster = roster
        self._hands = hands
        self._looker = looker
        self._discovery = Discovery(looker, selections)

    async def propose(self, request: StartRequest, by: Actor, ledger: Ledger) -> Proposal:
        """
        Raises:
            RefusedError: the request itself is wrong: an unknown name, no reason, another name typed.
        """
        target = self._hands.target(request.target)
        if request.typed != target.id:
            raise RefusedError(f"to confirm, type the target's name: '{target.id}'; what came was '{request.typed}'")
        if not request.reason.strip():
            raise RefusedError("a reason is needed: approvers and the report have to know why")
        plan, selection, findings, checks = await self._look(request, ledger)
        check_quorum_possible(plan.policy, self._roster, {by.person.id})
        return Proposal(
            request=request,
            plan=plan,
            selection=selection,
            findings=findings,
            checks=checks,
            refusals=_refusals(request, findings, checks),
            requester=by.person.id,
            channel=request.channel or target.channel,
        )

    async def preview(self, request: StartRequest, ledger: Ledger) -> Preview:
        plan, _, findings, checks = await self._look(request, ledger)
        return Preview(
            plan=plan,
            digest=plan.digest,
            findings=findings,
            checks=checks,
            refusals=_refusals(request, findings, checks),
        )

    async def _look(
        self, request: StartRequest, ledger: Ledger
    ) -> tuple[ResolvedPlan, Selection | None, Findings, tuple[CheckResult, ...]]:
        target = self._hands.target(request.target)
        chosen = choose_plan(self._plans, request.plan, target)
        selection = await self._discovery.select(chosen, target, request.parameters)
        plan = self._resolve(chosen, target, ledger, request.parameters, selection)
        _check_accepted(request, plan)
        findings, checks, silent = await asyncio.gather(
            self._looker.findings(plan, ledger.checkpoints),
            self._looker.checks(plan),
            self._looker.answering(chosen, target),
        )
        return plan, selection, findings, (*silent, *checks)

    def _resolve(
        self, plan: Plan, target: Target, ledger: Ledger, given: Mapping[str, str], selection: Selection | None
    ) -> ResolvedPlan:
        resolved = resolve(plan, target, ledger, given, selection)
        check_unique(unit.key for step in resolved.steps for unit in step.units)
        return resolved

    def drift(self, run: Run, ledger: Ledger) -> str:
        """Return what has changed about *run* since people agreed, or "". An identical re-plan keeps its digest."""
        try:
            plan = self._plans.get(run.plan.plan)
            if plan is None:
                return f"the plan '{run.plan.plan}' is no longer there; start it again"
            again = self._resolve(plan, self._hands.target(run.target), ledger, run.parameters, run.selection)
        except BelayError as refusal:
            return f"it no longer resolves: {refusal}"
        if ledger.upgrade is not None and ledger.upgrade.started_at > run.created_at:
            upgrade = f"{ledger.upgrade.origin} to {ledger.upgrade.destination}"
            return f"a new upgrade began since people were asked ({upgrade}, by {ledger.upgrade.by}); start it again"
        if again.digest == run.digest:
            return ""
        what = _differences(run.plan, again)
        return f"{what} changed since people agreed ({run.digest[:8]}, now {again.digest[:8]}); start it again"


def choose_plan(plans: Mapping[str, Plan], wanted: str, target: Target) -> Plan:
    """
    Return the plan named by its id or by the release it goes back to; or the only one there is.

    Raises:
        RefusedError: none fits the target, or more than one does.
    """
    fitting = [plan for plan in plans.values() if plan.system == target.system]
    named = [plan for plan in fitting if wanted in (*plan.names, "")]
    if len(named) == 1:
        return named[0]
    if named:
        raise RefusedError(f"which plan? {', '.join(sorted(plan.id for plan in named))}")
    words = {name for plan in fitting for name in plan.names}
    raise RefusedError(f"no plan '{wanted}' for {target.id}{did_you_mean(wanted, words)}")


def _differences(agreed: ResolvedPlan, now: ResolvedPlan) -> str:
    """Name what differs, as exactly as it can be told: "host 'c' (ssh://@c:22#, now ssh://@d:22#)"; or "the plan"."""
    kinds = (
        ("host", agreed.hosts, now.hosts),
        ("parameter", agreed.parameters, now.parameters),
        ("snapshot", agreed.snapshots, now.snapshots),
    )
    parts = [
        f"{what} '{name}' ({was.get(name, 'none')}, now {has.get(name, 'none')})"
        for what, was, has in kinds
        for name in sorted({*was, *has})
        if was.get(name) != has.get(name)
    ]
    return ", ".join(parts) or "the plan"


def _check_accepted(request: StartRequest, plan: ResolvedPlan) -> None:
    allowed = {point.id for point in plan.points if point.may_accept_unknown}
    for point, words in request.accepted.items():
        if point not in allowed:
            raise RefusedError(f"the plan does not let anyone accept '{point}' as unknown")
        if not words.strip():
            raise RefusedError(f"accepting that '{point}' is unknown wants a reason, for the record")


def _refusals(request: StartRequest, findings: Findings, checks: tuple[CheckResult, ...]) -> tuple[str, ...]:
    refusals = []
    if blocking := findings.blocking(request.accepted):
        refusals.append(f"it is not safe to go back: {describe(blocking)}")
    refusals += [f"preflight '{c.title}' on {c.where}: {c.found}" for c in checks if c.blocker and not c.ok]
    return tuple(refusals)
