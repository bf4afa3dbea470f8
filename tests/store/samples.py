"""A small run and its usual entries, for tests of the store."""

from datetime import UTC, datetime, timedelta

from core import plan as p
from core.approvals import Approval
from core.codec import to_data
from core.conditions import Condition
from core.journal import Kind
from core.pnr import Finding, Findings, Reason, Verdict
from core.resolve import ResolvedPlan, ResolvedPoint, ResolvedProbe, ResolvedStep, Unit
from core.run import Run
from core.wishes import Draft
from store.database import Store
from store.transaction import Transaction

T0 = datetime(2026, 4, 12, 12, 40, tzinfo=UTC)
UNIT = "stop-api@controller-1"


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


LOOK = p.Look(command=p.Command(argv=("svc", "status"), timeout_s=5), expect=Condition(exit=(3,)))
PLAN = ResolvedPlan(
    plan="newton",
    version="1",
    target="prod-east",
    origin="ocata",
    destination="newton",
    hosts={"controller-1": "ssh://@10.0.0.1:#"},
    parameters={"release": "newton"},
    snapshots={"before": "ab" * 32},
    points=(
        ResolvedPoint(
            id="edpm",
            checkpoints=("edpm-started",),
            probes=(
                ResolvedProbe(
                    host="controller-1",
                    probe=0,
                    command=p.Command(argv=("release",), timeout_s=5),
                    reversible=Condition(equals="newton"),
                    crossed=Condition(equals="ocata"),
                    ttl_s=120,
                ),
            ),
        ),
    ),
    preflight=(),
    steps=(
        ResolvedStep(
            id="stop-api",
            title="Stop the API “gently” – été",
            units=(
                Unit(
                    key=UNIT,
                    host="controller-1",
                    do=p.Command(argv=("svc", "stop"), timeout_s=30),
                    undo=p.Command(argv=("svc", "start"), timeout_s=30),
                    verify=LOOK,
                    probe=None,
                ),
            ),
            on=p.On.ALL,
            batch=1,
            idempotent=True,
        ),
    ),
    policy=p.Policy(needed=2),
)
FINDINGS = Findings(
    at=T0,
    points=(
        Finding(
            point="edpm",
            verdict=Verdict.REVERSIBLE,
            reasons=(Reason(verdict=Verdict.REVERSIBLE, where="controller-1", found="newton", at=T0),),
        ),
    ),
)


def run_of(run_id: str, *, target: str = "prod-east", channel: str = "C1", requester: str = "ana") -> Run:
    return Run(
        id=run_id,
        target=target,
        plan=PLAN,
        digest=PLAN.digest,
        verdict_digest=FINDINGS.digest,
        requester=requester,
        reason="nova API 500s since the upgrade",
        channel=channel,
        created_at=T0,
    )


DRAFTED = Draft(kind=Kind.DRAFTED)
PROBED = Draft(kind=Kind.PROBED, data={"findings": to_data(FINDINGS), "step": ""})
SUBMITTED = Draft(kind=Kind.SUBMITTED)
CLAIMED = Draft(kind=Kind.CLAIMED)
BEGUN = Draft(kind=Kind.BEGUN)
STARTED = Draft(kind=Kind.STARTED, unit=UNIT, data={"attempt": 1})
DONE = Draft(kind=Kind.DONE, unit=UNIT)
SUCCEEDED = Draft(kind=Kind.SUCCEEDED)
PAUSED = Draft(kind=Kind.PAUSED, data={"reason": "lunch"})
RESUMED = Draft(kind=Kind.RESUMED)
REFUSED = Draft(kind=Kind.REFUSED, data={"reason": "crossed"})
WITHDRAWN = Draft(kind=Kind.WITHDRAWN)


class CrashError(Exception):
    """Raised by a test in the middle of a transaction."""


def approved(person: str) -> Draft:
    approval = Approval(
        person=person,
        account=f"T1:{person}",
        plan_digest=PLAN.digest,
        verdict_digest=FINDINGS.digest,
        at=at(20),
        way="reaction",
    )
    return Draft(kind=Kind.APPROVED, data=to_data(approval))


async def submit(transaction: Transaction, *, target: str = "prod-east", channel: str = "C1") -> str:
    """Put up a run that waits for approvals; return its id. Its journal has 3 entries."""
    run_id = await transaction.new_run_id()
    run = run_of(run_id, target=target, channel=channel)
    await transaction.add_run(run, [DRAFTED, PROBED, SUBMITTED], at=T0, by="ana")
    await transaction.lock_target(target, run_id, T0)
    return run_id


async def waiting_run(store: Store, *, target: str = "prod-east") -> str:
    async with store.begin() as transaction:
        return await submit(transaction, target=target)


async def begun_run(store: Store, *, target: str = "prod-east") -> str:
    """A run that is under way; its journal has 5 entries."""
    run_id = await waiting_run(store, target=target)
    async with store.begin() as transaction:
        await transaction.append(run_id, [CLAIMED, BEGUN], seq=3, at=at(30), by="bo")
    return run_id
