"""`/rollback preview TARGET --to PLAN`: what would run where, and whether it may. Changes nothing."""

import shlex
from dataclasses import replace

from commands.asking import ACCEPT, MAX_WORDS, TO, full_line, read_request
from commands.base import Command, Reply, Request
from commands.say import chosen_line, verdict_lines
from commands.text import LIMIT, SOME, code, count, duration, fence, fit, one_line, plain, size, some
from core import plan as p
from core.digest import short
from core.ports import Service, StartRequest
from core.resolve import ResolvedPlan, ResolvedStep, Unit
from core.run import CheckResult, Preview

USAGE = 'preview TARGET [NAME=VALUE …] --to PLAN [--accept-unknown POINT="WHY"]'


async def handle(request: Request, service: Service) -> Reply:
    asked = await read_request(request, service, USAGE)
    # What only a real request needs is filled in, so that its absence is no refusal here.
    preview = await service.preview(replace(asked, typed=asked.target, reason="preview"))
    return render(preview, asked)


def render(preview: Preview, asked: StartRequest) -> Reply:
    """The whole as text where it fits into one message; a document beside it for what the text leaves out."""
    top, steps = _top(preview, asked), _steps(preview.plan)
    more = "Every host and every script stands in the document."
    fits = size("\n".join([*top, *steps, more])) <= LIMIT
    if fits and not _leaves_out(preview.plan):
        return Reply(text=fit([*top, *steps]))
    return Reply(
        text=fit([*top, *steps, more] if fits else [*top, more]),
        document=_document(preview, asked),
        document_name=f"preview-{preview.plan.target}-{preview.plan.plan}.md",
    )


def _leaves_out(plan: ResolvedPlan) -> bool:
    """True if the text names a script without showing it, or cuts a list of hosts short."""
    scripts = any((unit.do or unit.verify.command).script for step in plan.steps for unit in step.units)
    return scripts or any(len({unit.host for unit in step.units}) > SOME for step in plan.steps)


def _top(preview: Preview, asked: StartRequest) -> list[str]:
    plan = preview.plan
    route = f"{plain(plan.origin, 60)} → {plain(plan.destination, 60)}"
    lines = [
        f"*Preview* · {code(plan.target)} · {route} · plan {code(plan.plan)} · digest `{short(preview.digest)}`",
        *_refusals(preview, asked),
        *filter(None, [chosen_line(plan)]),
        "*Points of no return*",
        *verdict_lines(preview.findings, asked.accepted),
        *_losses(plan),
        _time(plan),
        *_checks(preview.checks),
        f"Approvals needed: {plan.policy.needed}, none the requester's, within {plan.policy.expires_min:g} min",
    ]
    return [*lines, f"*{count(len(plan.steps), 'step')} on {count(len(plan.hosts), 'host')}*, nothing has been changed"]


def _refusals(preview: Preview, asked: StartRequest) -> list[str]:
    if preview.allowed:
        return [f"It may be started: {code(full_line('start', asked, reason=asked.reason or '…'), 400)}"]
    return ["*It would be refused now:*", *(f"- {plain(refusal, 400)}" for refusal in preview.refusals)]


def _losses(plan: ResolvedPlan) -> list[str]:
    return [
        f"*Destructive*: step {number} ({plain(step.title, 80)}) loses {plain(step.loses or 'what was there', 200)}; "
        "once it has begun, only forward"
        for number, step in enumerate(plan.steps, 1)
        if step.destructive
    ]


def _time(plan: ResolvedPlan) -> str:
    expected = f"about {duration(plan.usual_s)}" if plan.usual_s else "the plan does not say how long"
    budget = f", budget {plan.impact.rto_minutes:g} min" if plan.impact.rto_minutes else ""
    impact = f"control plane {plain(plan.impact.control_plane, 60)}, workloads {plain(plan.impact.workloads, 60)}"
    return f"Expected: {expected}{budget}; {impact}"


def _checks(checks: tuple[CheckResult, ...]) -> list[str]:
    if not checks:
        return ["Preflight: the plan has no checks"]
    bad = [check for check in checks if not check.ok]
    lines = [f"Preflight: {len(checks) - len(bad)} of {count(len(checks), 'check')} passed"]
    for check in bad:
        weight = "blocks" if check.blocker else "warning"
        title = plain(check.title or check.check, 100)
        lines.append(f"- {weight}: {title} on {plain(check.where, 120)}: {plain(check.found, 200)}")
    return lines


def _steps(plan: ResolvedPlan) -> list[str]:
    lines = []
    for number, step in enumerate(plan.steps, 1):
        lines.append(f"{number}. *{plain(step.title, 100)}*{_marks(step)} on {_where(step)}")
        lines += [f"   {code(command, 400)}{where}" for command, where in _commands(step)]
    return lines


def _marks(step: ResolvedStep) -> str:
    marks = [
        *(["destructive"] if step.destructive else []),
        *(["check"] if step.only_checks else []),
        *([f"looks again at {some(step.guard, 4)}"] if step.guard else []),
        *([f"wants the phrase '{step.confirm}'"] if step.confirm else []),
    ]
    return f" ({plain('; '.join(marks), 200)})" if marks else ""


def _where(step: ResolvedStep) -> str:
    hosts = [plain(host, 64) for host in dict.fromkeys(unit.host for unit in step.units)]
    if step.chooses_one:
        words = {p.On.ONE_REACHABLE: "the first that answers", p.On.NEWEST: "the newest"}
        word = words.get(step.on, "the one elected")
        return f"{word} of {some(hosts)}"
    wave = "" if step.batch >= len(step.units) else f", {step.batch} at a time"
    return some(hosts) + wave


def _commands(step: ResolvedStep) -> list[tuple[str, str]]:
    """The different commands of a step, and where each runs if not everywhere."""
    by: dict[str, list[str]] = {}
    for unit in step.units:
        by.setdefault(command_words(unit), []).append(unit.host + (f" {unit.item}" if unit.item else ""))
    if len(by) == 1:
        return [(next(iter(by)), "")]
    return [(command, f" on {plain(some(where, 4), 200)}") for command, where in by.items()]


def command_words(unit: Unit) -> str:
    """The exact words as a shell would need them quoted, or "script, N lines"."""
    command = unit.do or unit.verify.command
    if command.script is not None:
        return f"script, {count(len(command.script.strip().splitlines()), 'line')}"
    return shlex.join(command.argv)


def _document(preview: Preview, asked: StartRequest) -> str:
    plan = preview.plan
    parts = ["# Preview of a rollback", "", *_top(preview, asked), ""]
    for number, step in enumerate(plan.steps, 1):
        parts += [f"## {number}. {plain(step.title, 100)}{_marks(step)}", ""]
        parts += [f"On {_where(step)}; {count(len(step.units), 'unit')}.", ""]
        if step.destructive:
            parts += [f"Loses {plain(step.loses or 'what was there', 200)}.", ""]
        parts += _scripts(step) or [fence("\n".join(f"{u.key}: {one_line(command_words(u))}" for u in step.units)), ""]
    return "\n".join(parts)


def _scripts(step: ResolvedStep) -> list[str]:
    """Each different script once, whole, with the units it runs as."""
    by: dict[str, list[str]] = {}
    for unit in step.units:
        command = unit.do or unit.verify.command
        if command.script is None:
            return []
        by.setdefault(command.script, []).append(unit.key)
    parts: list[str] = []
    for script, units in by.items():
        parts += [f"Script of {plain(', '.join(units), 2_000)}:", "", fence(script), ""]
    return parts


COMMAND = Command(
    name="preview",
    usage=USAGE,
    summary="Show what would run where, what is lost and whether it may; changes nothing.",
    handle=handle,
    options=(TO, ACCEPT),
    max_words=MAX_WORDS,
    offline=True,
    group="Look",
    examples=("preview prod-east --to newton",),
)
