"""`/rollback status [TARGET|RUN]`: what runs, whether a target can still go back, how far a run is."""

from collections.abc import Sequence
from datetime import datetime

from commands.base import Command, Reply, Request
from commands.choose import run_id, the_target
from commands.say import (
    approvals_line,
    fleet_line,
    headline,
    ledger_lines,
    name_of,
    next_line,
    progress_line,
    run_line,
    step_lines,
    verdict_lines,
)
from commands.text import clock, code, count, fit, plain, some
from core.digest import short
from core.plan import Plan
from core.pnr import Findings, Verdict
from core.ports import Service, TargetStatus
from core.progress import what_is_left
from core.run import RunView
from core.run_states import RunStatus
from core.words import in_words

#: Once a run is over, this is said of what it left behind.
_LEFT_MATTERS = (RunStatus.FAILED, RunStatus.STUCK, RunStatus.NEEDS_PERSON, RunStatus.PAUSED)


async def handle(request: Request, service: Service) -> Reply:
    if not request.words:
        return await _everything(request.at, service)
    word = request.words[0]
    known = {target.id for target in await service.targets()}
    run = run_id(word)
    if run is not None and word not in known:
        return Reply(text=fit(_run(await service.run(run), request.at)))
    target = await the_target(word, service)
    status = await service.target_status(target.id)
    last = await service.runs(target=target.id, limit=3)
    return Reply(text=fit([*_target(status, request.at), *_last(last, request.at)]))


async def _everything(now: datetime, service: Service) -> Reply:
    active = await service.runs(active=True, limit=50)
    if active:
        lines = [line for view in active for line in (run_line(view, now), f"   {_far(view, now)}")]
        return Reply(text=fit([*lines, "`/rollback status RUN` says more."]))
    names = [code(target.id) for target in await service.targets()]
    known = f"Targets: {some(names, 20)}." if names else "No target is known yet."
    return Reply(
        text=fit([f"Nothing is running. {known}", "`/rollback status TARGET` says whether it can still go back."])
    )


def _far(view: RunView, now: datetime) -> str:
    return progress_line(view, now) or approvals_line(view)


def _target(status: TargetStatus, now: datetime) -> list[str]:
    title = f", {plain(status.target.title, 100)}" if status.target.title else ""
    lines = [f"*{plain(status.target.id, 64)}*{title}"]
    if status.active is not None:
        lines += [f"Active: {headline(status.active)}", f"   {_far(status.active, now)}"]
    if not status.plans:
        lines.append("No plan fits this target, so nobody can say whether it could go back.")
    for plan in status.plans:
        lines += _way_back(status.target.id, plan, status.findings.get(plan.id))
    return [*lines, *ledger_lines(status.ledger, now)]


def _way_back(target: str, plan: Plan, findings: Findings | None) -> list[str]:
    to = f"To {plain(in_words(plan.destination), 60)} with {code(plan.id)}"
    if findings is None and plan.fleet is not None:
        what = plain(plan.fleet.what or plan.fleet.name, 60)
        line = f"/rollback preview {plain(target, 64)} {plan.fleet.select}=… --to {plan.id}"
        return [f"{to}: it depends on which {what} are chosen; `{line}` says"]
    if findings is None:
        return [f"{to}: *UNKNOWN*, it was not looked at"]
    points = {point.id: point for point in plan.points_of_no_return}
    lines = verdict_lines(findings)
    if findings.verdict is Verdict.REVERSIBLE:
        until = [plain(point.event or point.id, 120) for point in points.values()]
        return [f"{to}: *REVERSIBLE* until one of these happens: {'; '.join(until)}", *lines]
    if findings.verdict is Verdict.UNKNOWN:
        return [f"{to}: *UNKNOWN*, so it would be refused until the evidence is there", *lines]
    crossed = [points[f.point] for f in findings.points if f.verdict is Verdict.CROSSED and f.point in points]
    ways = [plain(point.way_forward, 300) for point in crossed if point.way_forward]
    return [f"{to}: *CROSSED*, there is no way back", *lines, *(f"The way forward: {way}" for way in ways)]


def _last(views: Sequence[RunView], now: datetime) -> list[str]:
    return ["Last runs:", *(run_line(view, now) for view in views)] if views else ["No run of it yet"]


def _run(view: RunView, now: datetime) -> list[str]:
    run, state = view.run, view.state
    asked = f"asked by {name_of(view.people, run.requester)} {clock(run.created_at, now)}"
    incident = f" for {plain(run.incident, 60)}" if run.incident else ""
    lines = [
        f"{headline(view)} · plan {code(run.plan.plan)} `{short(run.digest)}`",
        f"{asked}{incident}: {plain(run.reason)}",
        approvals_line(view),
        *filter(None, [progress_line(view, now)]),
        next_line(view),
        *filter(None, [fleet_line(view)]),
        *(["*Points of no return*", *verdict_lines(state.findings, run.accepted)] if state.findings else []),
        *(f"Warning: {plain(each, 300)}" for each in state.warnings[:10]),
        *_left(view),
    ]
    return [*lines, *(step_lines(view, now) if state.begun_at else [])]


def _left(view: RunView) -> list[str]:
    left = what_is_left(view.run.plan, view.state)
    if view.state.begun_at is None or not left or view.state.status not in _LEFT_MATTERS:
        return []
    return [f"Left, {count(len(left), 'unit')}: {plain(some(left, 6), 400)}"]


COMMAND = Command(
    name="status",
    usage="status [TARGET|RUN]",
    summary="Say what runs, whether a target can still go back, or how far a run is.",
    handle=handle,
    offline=True,
    group="Look",
    examples=("status", "status prod-east", "status R-17"),
)
