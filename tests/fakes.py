"""
A working `core.ports.Service` in memory, on the core's own rules, with a small practice target and plan.

No host is touched: what a probe would find is set in `answers`, and what a driver would append is appended by `play`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from bot.report import render_report
from core import wishes
from core.action import Output, Verb
from core.approvals import Approval, check_approver, check_quorum_possible, tally
from core.codec import to_data
from core.conditions import Condition
from core.errors import RefusedError
from core.journal import Entry, Kind
from core.ledger import Checkpoint, Ledger, Snapshot, Upgrade
from core.names import is_name, pick
from core.people import Account, May, Person, Roster, check_may
from core.plan import Command, Impact, Look, Plan, PointOfNoReturn, Probe, Role, Step
from core.plan import Parameter as PlanParameter
from core.pnr import Evidence, Findings, Verdict, evaluate
from core.ports import StartRequest, TargetStatus
from core.resolve import ResolvedPlan, resolve
from core.run import Actor, CheckResult, Preview, Run, RunView
from core.run_states import RunStatus
from core.schedule import describe
from core.state import RunState, apply, replay
from core.target import Host, Target
from core.wishes import Draft

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
_EVERYTHING = frozenset(May)


@dataclass
class FakeClock:
    """Stands still until it is told to go on."""

    time: datetime = NOON

    def now(self) -> datetime:
        return self.time

    def go_on(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def person(name: str, may: frozenset[May] = _EVERYTHING) -> Person:
    return Person(id=name, name=name.capitalize(), accounts=(f"T1/U{name.upper()}",), may=may)


def actor(name: str = "ana", way: str = "command") -> Actor:
    who = ROSTER.people.get(name) or person(name)
    return Actor(person=who, account=Account(id=who.accounts[0]), way=way)


ROSTER = Roster({name: person(name) for name in ("ana", "bo", "cy", "dee")})


def look(*argv: str) -> Look:
    return Look(command=Command(argv=argv, timeout_s=10), expect=Condition(exit=(0,)))


def make_target(name: str = "prod-east", hosts: int = 3) -> Target:
    names = tuple(f"controller-{i + 1}" for i in range(hosts))
    return Target(
        id=name,
        title="The cloud in the east",
        system="nova",
        hosts=tuple(Host(name=each, address=f"10.0.0.{i % 250 + 1}") for i, each in enumerate(names)),
        roles={"controllers": names},
        channel="C1",
    )


def make_plan(plan_id: str = "nova-newton", destination: str = "newton", steps: tuple[Step, ...] = ()) -> Plan:
    return Plan(
        id=plan_id,
        version="1",
        system="nova",
        title="Take nova back",
        origin="ocata",
        destination=destination,
        impact=Impact(minutes=8, rto_minutes=30),
        roles={"controllers": Role(min=1)},
        parameters={"grace": PlanParameter(pattern="[0-9]+", default="30", what="seconds to drain")},
        points_of_no_return=(
            PointOfNoReturn(
                id="computes-touched",
                event="the first compute is converted",
                way_forward="finish the upgrade with the runbook",
                checkpoints=("edpm-started",),
                probes=(
                    Probe(
                        role="controllers",
                        command=Command(argv=("computes", "--converted"), timeout_s=10),
                        reversible=Condition(equals="0"),
                        crossed=Condition(at_least=1),
                    ),
                ),
                may_accept_unknown=True,
            ),
        ),
        steps=steps or STEPS,
    )


STEPS = (
    Step(
        id="stop-api",
        title="stop the API",
        role="controllers",
        do=Command(argv=("systemctl", "stop", "nova api; reboot"), timeout_s=30),
        undo=Command(argv=("systemctl", "start", "nova-api"), timeout_s=30),
        verify=look("is-stopped"),
        control_plane="down",
        usual_s=20,
    ),
    Step(
        id="restore-db",
        title="restore the database",
        role="controllers",
        do=Command(script="set -e\ngunzip < $PLACE | mysql\n", timeout_s=600),
        verify=look("db-version"),
        destructive=True,
        loses="what was written since 02:00",
        confirm="restore nova",
        guard=("computes-touched",),
        usual_s=150,
    ),
    Step(
        id="start-api",
        title="start the old API",
        role="controllers",
        do=Command(argv=("systemctl", "start", "nova-api"), timeout_s=30),
        undo=Command(argv=("systemctl", "stop", "nova-api"), timeout_s=30),
        verify=look("is-answering"),
        control_plane="up",
        usual_s=20,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeOutput:
    unit: str
    verb: Verb
    attempt: int
    exit_code: int | None
    at: datetime
    output: Output


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeHead:
    n: int
    hash: str


@dataclass
class FakeService:
    """Implements `core.ports.Service`."""

    known_targets: dict[str, Target] = field(default_factory=lambda: {"prod-east": make_target()})
    known_plans: dict[str, Plan] = field(default_factory=lambda: {"nova-newton": make_plan()})
    roster: Roster = ROSTER
    clock: FakeClock = field(default_factory=FakeClock)
    answers: dict[str, tuple[Verdict, str]] = field(default_factory=dict)  #: host -> what it says; else reversible
    checks: tuple[CheckResult, ...] = ()
    ledgers: dict[str, Ledger] = field(default_factory=dict)
    asked: dict[str, Run] = field(default_factory=dict)
    journals: dict[str, list[Entry]] = field(default_factory=dict)
    outputs: dict[str, list[FakeOutput]] = field(default_factory=dict)

    # looking

    async def targets(self) -> Sequence[Target]:
        return list(self.known_targets.values())

    async def plans(self, target: str = "") -> Sequence[Plan]:
        if not target:
            return list(self.known_plans.values())
        system = self._target(target).system
        return [plan for plan in self.known_plans.values() if plan.system == system]

    async def target_status(self, target: str) -> TargetStatus:
        found, ledger = self._target(target), self.ledger(target)
        plans = await self.plans(target)
        active = [run for run in self.asked.values() if run.target == target and not self.state(run.id).status.ended]
        return TargetStatus(
            target=found,
            ledger=ledger,
            plans=tuple(plans),
            findings={plan.id: self._findings(resolve(plan, found, ledger)) for plan in plans},
            active=self.view(active[0].id) if active else None,
        )

    async def preview(self, request: StartRequest) -> Preview:
        plan = await self._resolve(request)
        findings = self._findings(plan)
        refusals = self._refusals(request, findings)
        if held := self._holder(request.target):
            refusals = (*refusals, f"'{request.target}' is locked by {held}")
        return Preview(plan=plan, digest=plan.digest, findings=findings, checks=self.checks, refusals=refusals)

    async def run(self, run_id: str) -> RunView:
        return self.view(run_id)

    async def runs(self, *, target: str = "", limit: int = 10, active: bool = False) -> Sequence[RunView]:
        views = [self.view(run_id) for run_id in reversed(self.asked)]
        fitting = [view for view in views if target in ("", view.run.target)]
        return [view for view in fitting if not (active and view.state.status.ended)][:limit]

    async def report(self, run_id: str) -> str:
        head = FakeHead(n=len(self.journals[run_id]), hash="ab" * 32)
        return render_report(
            self.view(run_id), self.journals[run_id], self.outputs.get(run_id, []), head, self.clock.now()
        )

    async def identify(self, account: Account) -> Person:
        return self.roster.person_of(account)

    # asking and deciding

    async def start(self, request: StartRequest, by: Actor) -> RunView:
        check_may(by.person, May.REQUEST)
        if request.typed != self._target(request.target).id:
            raise RefusedError(f"to confirm, type the target's name: '{request.target}'; '{request.typed}' came")
        if not request.reason.strip():
            raise RefusedError("a reason is needed")
        plan = await self._resolve(request)
        check_quorum_possible(plan.policy, self.roster, {by.person.id})
        if held := self._holder(request.target):
            raise RefusedError(f"'{request.target}' is locked by {held}; see `/rollback status {held}`")
        findings = self._findings(plan)
        run = self._new_run(request, plan, findings, by)
        drafted = Draft(kind=Kind.DRAFTED, data={"reason": run.reason, "accepted": dict(run.accepted), "way": by.way})
        self.play(run.id, drafted, _probed(findings), by=by.person.id)
        if refusals := self._refusals(request, findings):
            self.play(run.id, Draft(kind=Kind.REFUSED, data={"reason": "; ".join(refusals)}))
            raise RefusedError(f"{run.id} was refused and nothing ran: {'; '.join(refusals)}")
        self.play(run.id, Draft(kind=Kind.SUBMITTED))
        return self.view(run.id)

    async def approve(self, run_id: str, by: Actor, *, digest: str = "") -> RunView:
        view = self.view(run_id)
        if digest and not view.run.digest.startswith(digest.lower()):
            raise RefusedError(f"{run_id} has the plan digest {view.run.digest[:8]}, not {digest}; look at it again")
        check_approver(by.person, view.run.subject, self.clock.now())
        self._waiting(view)
        if by.person.id not in {approval.person for approval in view.state.approvals}:
            approval = Approval(
                person=by.person.id,
                account=by.account.id,
                plan_digest=view.run.digest,
                verdict_digest=view.run.verdict_digest,
                at=self.clock.now(),
                way=by.way,
            )
            self.play(run_id, Draft(kind=Kind.APPROVED, data=to_data(approval)), by=by.person.id)
        return self._judge(run_id)

    async def remove_approval(self, run_id: str, by: Actor) -> RunView:
        self._waiting(self.view(run_id))
        self.play(run_id, Draft(kind=Kind.APPROVAL_REMOVED, data={"person": by.person.id}), by=by.person.id)
        return self.view(run_id)

    async def deny(self, run_id: str, by: Actor, reason: str = "") -> RunView:
        self._waiting(self.view(run_id))
        return self.play(run_id, Draft(kind=Kind.VETOED, data={"reason": reason or "vetoed"}), by=by.person.id)

    async def withdraw(self, run_id: str, by: Actor, reason: str = "") -> RunView:
        view = self.view(run_id)
        if by.person.id != view.run.requester:
            raise RefusedError(f"only who asked for {run_id} can withdraw it; `deny` vetoes it")
        self._waiting(view)
        return self.play(run_id, Draft(kind=Kind.WITHDRAWN, data={"reason": reason or "withdrawn"}), by=by.person.id)

    # steering

    async def pause(self, run_id: str, by: Actor, reason: str = "") -> RunView:
        return self._operate(run_id, by, wishes.pause(self.state(run_id), reason))

    async def resume(self, run_id: str, by: Actor, phrase: str = "") -> RunView:
        return self._operate(run_id, by, wishes.resume(self.state(run_id), phrase))

    async def abort(self, run_id: str, by: Actor, reason: str = "", *, leave: bool = False) -> RunView:
        view = self.view(run_id)
        return self._operate(run_id, by, wishes.abort(view.run.plan, view.state, reason, leave=leave))

    async def retry(self, run_id: str, by: Actor, units: Sequence[str] = ()) -> RunView:
        view = self.view(run_id)
        return self._operate(run_id, by, wishes.retry(view.run.plan, view.state, units))

    async def skip(self, run_id: str, by: Actor, units: Sequence[str] = (), *, reason: str) -> RunView:
        view = self.view(run_id)
        return self._operate(run_id, by, wishes.skip(view.run.plan, view.state, units, reason))

    async def settle(self, run_id: str, by: Actor, unit: str, outcome: str, *, reason: str) -> RunView:
        view = self.view(run_id)
        return self._operate(run_id, by, wishes.settle(view.run.plan, view.state, unit, outcome, reason))

    # recording

    async def mark(self, target: str, checkpoint: str, by: Actor, evidence: str = "") -> Ledger:
        check_may(by.person, May.OPERATE)
        if not is_name(checkpoint):
            raise RefusedError(f"'{checkpoint}' is no name of a checkpoint")
        before = self.ledger(self._target(target).id)
        fact = Checkpoint(name=checkpoint, at=self.clock.now(), by=by.person.id, evidence=evidence)
        ledger = self._keep(replace(before, checkpoints=(*before.checkpoints, fact)))
        for run in self.asked.values():
            waits = run.target == target and self.state(run.id).status is RunStatus.WAITING
            if waits and any(checkpoint in names for names in run.plan.checkpoint_names.values()):
                self.play(run.id, Draft(kind=Kind.REFUSED, data={"reason": f"checkpoint '{checkpoint}' was recorded"}))
        return ledger

    async def record_snapshot(self, target: str, snapshot: Snapshot, by: Actor) -> Ledger:
        check_may(by.person, May.OPERATE)
        before = self.ledger(self._target(target).id)
        return self._keep(replace(before, snapshots={**before.snapshots, snapshot.name: snapshot}))

    async def record_baseline(self, target: str, facts: Mapping[str, str], by: Actor) -> Ledger:
        check_may(by.person, May.OPERATE)
        before = self.ledger(self._target(target).id)
        return self._keep(replace(before, baseline={**before.baseline, **facts}))

    async def begin_upgrade(self, target: str, origin: str, destination: str, by: Actor) -> Ledger:
        check_may(by.person, May.OPERATE)
        begun = Upgrade(origin=origin, destination=destination, started_at=self.clock.now(), by=by.person.id)
        return self._keep(Ledger(target=self._target(target).id, upgrade=begun))

    # what a test sets and reads

    def play(self, run_id: str, *drafts: Draft, by: str = "") -> RunView:
        """Append what a driver, or a person, would; illegal entries raise as they do in the store."""
        journal = self.journals.setdefault(run_id, [])
        state = replay(journal)
        for draft in drafts:
            entry = Entry(
                seq=len(journal) + 1, kind=draft.kind, at=self.clock.now(), unit=draft.unit, by=by, data=draft.data
            )
            state = apply(state, entry)
            journal.append(entry)
        return self.view(run_id)

    def view(self, run_id: str) -> RunView:
        run = self.asked[pick("run", run_id, self.asked)]
        state = self.state(run_id)
        counted = tally(state.approvals, run.subject, self.roster, self.clock.now())
        return RunView(run=run, state=state, tally=counted, people=self.roster.people)

    def state(self, run_id: str) -> RunState:
        return replay(self.journals[run_id])

    def ledger(self, target: str) -> Ledger:
        return self.ledgers.get(target, Ledger(target=target))

    def _keep(self, ledger: Ledger) -> Ledger:
        self.ledgers[ledger.target] = ledger
        return ledger

    def _target(self, target: str) -> Target:
        return self.known_targets[pick("target", target, self.known_targets)]

    async def _resolve(self, request: StartRequest) -> ResolvedPlan:
        target = self._target(request.target)
        plans = [plan for plan in await self.plans(target.id) if request.plan in (plan.id, plan.destination, "")]
        if len(plans) != 1:
            raise RefusedError(f"no plan '{request.plan}' for {target.id}")
        return resolve(plans[0], target, self.ledger(target.id), request.parameters)

    def _findings(self, plan: ResolvedPlan) -> Findings:
        now = self.clock.now()
        evidence = []
        for question in plan.questions():
            verdict, found = self.answers.get(question.host, (Verdict.REVERSIBLE, "0 converted"))
            evidence.append(
                Evidence(
                    point=question.point, probe=question.probe, host=question.host, verdict=verdict, found=found, at=now
                )
            )
        return evaluate(plan.checkpoint_names, plan.questions(), self.ledger(plan.target).checkpoints, evidence, now)

    def _refusals(self, request: StartRequest, findings: Findings) -> tuple[str, ...]:
        blocking = findings.blocking(request.accepted)
        unsafe = (f"it is not safe to go back: {describe(blocking)}",) if blocking else ()
        failed = (f"preflight '{c.title}' on {c.host}: {c.found}" for c in self.checks if c.blocker and not c.ok)
        return (*unsafe, *failed)

    def _holder(self, target: str) -> str:
        active = (run.id for run in self.asked.values() if run.target == target and not self.state(run.id).status.ended)
        return next(active, "")

    def _new_run(self, request: StartRequest, plan: ResolvedPlan, findings: Findings, by: Actor) -> Run:
        run = Run(
            id=f"R-{len(self.asked) + 17}",
            target=request.target,
            plan=plan,
            digest=plan.digest,
            verdict_digest=findings.digest,
            requester=by.person.id,
            reason=request.reason,
            channel=request.channel or self._target(request.target).channel,
            incident=request.incident,
            created_at=self.clock.now(),
            accepted=dict(request.accepted),
        )
        self.asked[run.id] = run
        return run

    def _judge(self, run_id: str) -> RunView:
        view = self.view(run_id)
        if not view.tally.reached:
            return view
        findings = self._findings(view.run.plan)
        if blocking := findings.blocking(view.run.accepted):
            reason = f"it is not safe to go back now: {describe(blocking)}"
            return self.play(run_id, _probed(findings), Draft(kind=Kind.REFUSED, data={"reason": reason}))
        claimed = Draft(kind=Kind.CLAIMED, data={"people": list(view.tally.counted)})
        return self.play(run_id, _probed(findings), claimed)

    def _operate(self, run_id: str, by: Actor, drafts: Sequence[Draft]) -> RunView:
        check_may(by.person, May.OPERATE)
        return self.play(run_id, *drafts, by=by.person.id)

    def _waiting(self, view: RunView) -> None:
        if view.state.status is not RunStatus.WAITING:
            raise RefusedError(f"{view.run.id} does not wait for approvals; it is {wishes.say(view.state.status)}")


def _probed(findings: Findings) -> Draft:
    return Draft(kind=Kind.PROBED, data={"findings": to_data(findings)})
