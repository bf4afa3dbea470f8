"""
What is legal in a plan and a trap all the same, with a suggestion for each.

The reader refuses what cannot be meant. This is for what may be meant and usually is not: waits without an end,
checks that check nothing, stops without a start. It reads commands as text, so it can be wrong both ways; whoever
knows better writes the command more plainly. `where` is a path as in the file ("steps/3/verify"), for its line.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from core.lint_clusters import cluster_rules
from core.lint_data import data_rules
from core.lint_finding import Finding, Level
from core.lint_looks import look_rules
from core.lint_restores import restore_rules
from core.lint_scripts import script_rules
from core.lint_stops import stops_without_start
from core.lint_words import destroys, writes
from core.plan import Command, OnFailure, Plan, Step
from core.plan_checks import commands, names_used, repeated
from core.shell_words import calls, script_of
from core.words import environment_name

__all__ = ["Finding", "Level", "lint"]


def lint(plan: Plan) -> tuple[Finding, ...]:
    """Return what is wrong or doubtful about *plan*, in the order of the file."""
    found = [finding for rule in _RULES for finding in rule(plan)]
    return tuple(sorted(found, key=lambda finding: _place(finding.where)))


_PARTS = (
    *("impact", "roles", "parameters", "items", "baselines", "snapshots", "points_of_no_return", "preflight", "steps"),
    "validations",
)


def _place(where: str) -> tuple[object, ...]:
    part, *rest = where.split("/")
    order = _PARTS.index(part) if part in _PARTS else len(_PARTS)
    return (order, [word.zfill(6) if word.isdigit() else word for word in rest])


# -- steps ---------------------------------------------------------------------------------------------------------


def _steps(plan: Plan) -> Iterator[Finding]:
    first = next((i for i, step in enumerate(plan.steps) if step.destructive), None)
    for index, step in enumerate(plan.steps):
        where = f"steps/{index}"
        yield from _destruction(step, where)
        if step.retries and not step.idempotent:
            yield Finding(
                rule="retries-not-idempotent",
                where=f"{where}/retries",
                problem="it is never repeated by itself, because it does not say that doing it twice does no harm",
                suggestion="say `idempotent: true` if that is so, else take `retries` out",
            )
        early = first is None or index < first
        if step.do and not step.undo and not step.destructive and early and not _only_adds(step.do):
            yield Finding(
                rule="no-undo",
                where=where,
                problem="it comes before anything is destroyed and has no `undo`: an abort would leave it done",
                suggestion="say how to take it back, or mark it destructive if that cannot be",
                level=Level.WARNING,
            )


def _only_adds(command: Command) -> bool:
    """A dump or a record of evidence harms nobody when it stays."""
    return all(_ADDS.search(" ".join(call.words[:3])) or not writes(call) for call in calls(command))


_ADDS = re.compile(r"\b(dump|mysqldump|backup|export|capture|save|record|snapshot)\b")


def _destruction(step: Step, where: str) -> Iterator[Finding]:
    if not step.destructive:
        script = script_of(step.do) if step.do else ""
        found = next((what for call in (calls(step.do) if step.do else ()) if (what := destroys(call, script))), "")
        if found:
            yield Finding(
                rule="unmarked-destruction",
                where=f"{where}/do",
                problem=f"`{found}` cannot be taken back, and the step is not marked destructive",
                suggestion="add `destructive: true` and `loses`, so that approvers read it and abort tells the truth",
                level=Level.WARNING,
            )
        return
    if not step.guard:
        yield Finding(
            rule="no-guard",
            where=where,
            problem="it destroys, and names no point of no return to be looked at right before it",
            suggestion="add `guard: [...]`",
        )
    if step.on_failure is OnFailure.CONTINUE or step.max_failures:
        yield Finding(
            rule="failure-passed-over",
            where=where,
            problem="it destroys, and the run would go on although it failed",
            suggestion="let it ask a person: `on_failure: ask`, `max_failures: 0`",
        )
    if step.probe is None and not step.idempotent:
        yield Finding(
            rule="no-probe",
            where=where,
            problem="if its end is not seen, nothing can tell whether it has taken effect: a person has to look",
            suggestion="add a `probe`",
            level=Level.WARNING,
        )


# -- the plan as a whole ---------------------------------------------------------------------------------------------


def _downtime(plan: Plan) -> Iterator[Finding]:
    downs = [i for i, step in enumerate(plan.steps) if step.control_plane == "down"]
    ups = [i for i, step in enumerate(plan.steps) if step.control_plane == "up"]
    if downs and not any(up > downs[-1] for up in ups):
        yield Finding(
            rule="stop-without-start",
            where=f"steps/{downs[-1]}/effects",
            problem="the control plane goes down here and no later step says that it is up again",
            suggestion="say `effects: {control_plane: up}` at the step that brings it back",
        )


def _evidence(plan: Plan) -> Iterator[Finding]:
    touches = next((i for i, step in enumerate(plan.steps) if step.destructive or step.control_plane == "down"), None)
    if touches is not None and not any(step.keeps for step in plan.steps[:touches]):
        yield Finding(
            rule="no-evidence",
            where=f"steps/{touches}",
            problem="nothing of the state it ends is kept with the run: nobody can tell afterwards what there was",
            suggestion="before it, add a step that prints the state, with `keeps: TITLE`",
            level=Level.WARNING,
        )


def _abort_points(plan: Plan) -> Iterator[Finding]:
    down = False
    for index, step in enumerate(plan.steps):
        if step.abort_point and down:
            yield Finding(
                rule="abort-point-while-down",
                where=f"steps/{index}/abort_point",
                problem="stopping here is called safe, and the control plane is still down",
                suggestion="move it behind the step that says `effects: {control_plane: up}`",
            )
        down = {"down": True, "up": False}.get(step.control_plane, down)


def _budget(plan: Plan) -> Iterator[Finding]:
    budget_s = plan.impact.rto_minutes * 60
    if not budget_s:
        return
    worst_s = sum(_longest_s(step) for step in plan.steps)
    usual_s = sum(step.usual_s for step in plan.steps) or plan.impact.minutes * 60
    for seconds, what, level in (
        (usual_s, "what the steps usually take", Level.ERROR),
        (worst_s, "the time-outs of one host and one attempt", Level.WARNING),
    ):
        if seconds > budget_s:
            yield Finding(
                rule="over-budget",
                where="impact/rto_minutes",
                problem=f"{what} add up to {seconds / 60:.0f} min and the budget is {plan.impact.rto_minutes:.0f} min",
                suggestion="shorten time-outs to what a person would wait, or state the budget that is true",
                level=level,
            )
            return


def _longest_s(step: Step) -> float:
    do_s = step.do.timeout_s if step.do else 0.0
    verify_s = max(step.verify.within_s, step.verify.command.timeout_s)
    return (do_s + verify_s) * max(1, len(step.foreach.items) if step.foreach else 1)


def _unused(plan: Plan) -> Iterator[Finding]:
    texts = [text for _, command, _ in commands(plan) for text in (*command.argv, command.script or "")]
    named = names_used(plan)
    for name in plan.parameters:
        if name not in (*named, plan.chosen_by) and not any(environment_name(name) in text for text in texts):
            yield _nothing_uses("parameters", name)
    for name in plan.snapshots:
        words = (f"snapshot.{name}.", f"{environment_name(f'snapshot.{name}')}_")
        if not any(each.startswith(words[0]) for each in named) and not any(words[1] in text for text in texts):
            yield _nothing_uses("snapshots", name)
    for index, each in enumerate(plan.baselines):
        over = any(part.foreach and part.foreach.baseline == each.id for _, part in repeated(plan))
        read = any(environment_name(f"baseline.{each.id}") in text for text in texts)
        if not (each.compare or over or read or {f"baseline.{each.id}"} & {name.partition("@")[0] for name in named}):
            yield replace(_nothing_uses("baselines", each.id), where=f"baselines/{index}")
    roles = {step.role for step in plan.steps} | {check.role for check in (*plan.preflight, *plan.validations)}
    roles |= {each.role for each in plan.baselines} | ({plan.fleet.role} if plan.fleet else set())
    roles |= {probe.role for point in plan.points_of_no_return for probe in point.probes}
    if plan.fleet and not any(part.foreach and part.foreach.fleet for _, part in repeated(plan)):
        yield _nothing_uses("items", plan.fleet.name)
    yield from (_nothing_uses("roles", name) for name in plan.roles if name not in roles)


def _nothing_uses(part: str, name: str) -> Finding:
    return Finding(
        rule="unused",
        where=f"{part}/{name}",
        problem=f"nothing in the plan uses '{name}'",
        suggestion="take it out, or use it",
        level=Level.WARNING,
    )


def _snapshots(plan: Plan) -> Iterator[Finding]:
    """A backup nobody looked at before the database is gone is a hope."""
    early = [check.look.command for check in plan.preflight]
    early += [probe.command for point in plan.points_of_no_return for probe in point.probes]
    texts = [text for command in early for text in (*command.argv, command.script or "")]
    for name in plan.snapshots:
        if not any(f"snapshot.{name}." in text or environment_name(f"snapshot.{name}.") in text for text in texts):
            yield Finding(
                rule="unchecked-snapshot",
                where=f"snapshots/{name}",
                problem="no preflight and no probe looks at it before something is destroyed",
                suggestion=f"check its place and {{snapshot.{name}.sha256}} in preflight",
            )


def _looks_that_write(plan: Plan) -> Iterator[Finding]:
    for where, command, _ in commands(plan):
        if where.endswith(("/do", "/undo")):
            continue
        script = script_of(command)
        if found := next((what for call in calls(command) if (what := writes(call, script))), ""):
            yield Finding(
                rule="look-that-writes",
                where=where,
                problem=f"`{found}` changes something, and a look may be repeated at any time, even in a preview",
                suggestion="only look here; what has to change belongs into a step's `do`",
            )


_RULES: tuple[Callable[[Plan], Iterator[Finding]], ...] = (
    script_rules,
    _steps,
    _downtime,
    _evidence,
    _abort_points,
    _budget,
    _unused,
    _snapshots,
    _looks_that_write,
    look_rules,
    data_rules,
    restore_rules,
    cluster_rules,
    stops_without_start,
)
