"""
A plan as a page for whoever has to understand it at night: everything it says, in Markdown, and nothing else.

Pure: made from the plan alone, so that page and plan cannot drift apart; hosts and recorded values are filled in where
a target is given.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bot.explain_steps import command_block, command_line, in_code, look_lines, step_section, where_words
from bot.report import cell, table
from commands.text import duration, plain
from core.plan import Fleet, Plan, PointOfNoReturn, Probe
from core.plan_checks import names_used
from core.words import fill_known, in_words

_TARGET = "TARGET"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What is known of one target: its hosts, and values for words."""

    target: str = _TARGET
    hosts: Mapping[str, Sequence[str]] = field(default_factory=dict)  #: role -> names
    words: Mapping[str, str] = field(default_factory=dict)


def explain(plan: Plan, site: Site | None = None) -> str:
    """Return the page without its title; headings begin at the second level."""
    site = site or Site()
    parts = [
        _head(plan),
        _hosts(plan, site),
        _parameters(plan),
        _fleet(plan, site),
        _losses(plan),
        _points(plan, site),
        _needs(plan, site),
        _checkpoints(plan, site),
        _preflight(plan, site),
        _steps(plan, site),
        _validations(plan, site),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _head(plan: Plan) -> str:
    impact = plan.impact
    rows = [
        ("Plan", f"`{plan.id}`, version {cell(plan.version)}, for `{plan.system}`"),
        ("Goes", f"from {cell(in_words(plan.origin))} back to {cell(in_words(plan.destination))}"),
        ("Control plane", cell(impact.control_plane)),
        ("Workloads", cell(impact.workloads)),
        ("Takes", f"about {impact.minutes:g} min" if impact.minutes else "the plan does not say"),
        ("Budget", f"{impact.rto_minutes:g} min" if impact.rto_minutes else "none stated"),
        ("Agreed to by", f"{plan.approvals.needed} beside the requester, within {plan.approvals.expires_min:g} min"),
    ]
    return "\n\n".join(filter(None, ("## What it undoes", plain(plan.summary, 2_000), table(("", ""), rows))))


def _hosts(plan: Plan, site: Site) -> str:
    answer = {"all": "all of them", "any": "one of them", "none": "none; see the probes"}
    rows = [
        (
            f"`{name}`",
            ", ".join(site.hosts.get(name, ())) or f"at least {role.min}",
            answer[role.reachable],
            cell(role.what),
        )
        for name, role in plan.roles.items()
    ]
    return "## Hosts\n\n" + table(("role", "hosts", "have to answer before anyone is asked", "what they are"), rows)


def _parameters(plan: Plan) -> str:
    rows = [
        (f"`{name}`", cell(each.what), _source(plan, name), in_code(each.pattern))
        for name, each in plan.parameters.items()
    ]
    return "## What the requester may say\n\n" + table(("name", "what", "else", "looks like"), rows) if rows else ""


def _source(plan: Plan, name: str) -> str:
    each = plan.parameters[name]
    if name == plan.chosen_by:
        return "has to be said"
    default = f", else {in_code(each.default)}" if each.default is not None else ""
    return f"the target's fact `{each.fact or name}`{default}"


def _fleet(plan: Plan, site: Site) -> str:
    fleet = plan.fleet
    if fleet is None:
        return ""
    what = plain(fleet.what or fleet.name, 100)
    facts = f" Each needs the facts {', '.join(f'`{fact}`' for fact in fleet.facts)}." if fleet.facts else ""
    how = (
        f"The requester says `{fleet.select}=…`: names, `label:KEY=VALUE`, `version:VERSION`, `file:NAME` or `all`, "
        f"joined by commas, in the order they are to be taken. What is there is asked on the first host of "
        f"`{fleet.role}` that answers.{facts}"
    )
    return "\n\n".join((f"## Which {what}", how, command_block(fleet.discover, site.words), _waves(fleet)))


def _waves(fleet: Fleet) -> str:
    sizes = ", ".join(map(str, fleet.waves))
    pause = (
        f" Between two waves a person types `{fleet.pause}`, or stops: the waves so far stand." if fleet.pause else ""
    )
    may = "none may" if not fleet.max_failures else f"at most {fleet.max_failures} may"
    return (
        f"They go in waves of {sizes} (the last size repeats; the first wave is the canary).{pause} Over the whole run "
        f"{may} fail before a person is asked. One that failed or was skipped gets nothing more of its steps."
    )


def _losses(plan: Plan) -> str:
    lost = [
        f"- {plain(step.loses, 600)} (step {number}, {plain(step.title or step.id, 100)})"
        for number, step in enumerate(plan.steps, 1)
        if step.destructive
    ]
    if not lost:
        return "## What is lost\n\nNothing: no step of the plan is destructive."
    return "## What is lost\n\n" + "\n".join(lost) + "\n\nFrom the start of the first of them there is only forward."


def _points(plan: Plan, site: Site) -> str:
    rows: list[tuple[str, ...]] = []
    scripts: list[str] = []
    for point in plan.points_of_no_return:
        for number, probe in enumerate(point.probes, 1):
            shown, block = _probe_words(point, number, probe, site)
            scripts += [block] if block else []
            first = number == 1
            rows.append(
                (
                    f"`{point.id}`: {cell(point.event, 600)}" if first else "",
                    f"{cell(probe.asks, 300)} {shown}".strip() + f", on {where_words(probe, site.hosts)}",
                    in_code(fill_known(str(probe.reversible), site.words)),
                    in_code(fill_known(str(probe.crossed), site.words)),
                    cell(point.way_forward, 600) if first else "",
                )
            )
    heads = ("event", "asked", "reversible if", "crossed if", "the way forward")
    intro = (
        "Any of these forbids the way back, by itself: one that is recorded, or that the live system shows. No answer "
        "is `unknown`, and that forbids it too."
    )
    may = [f"`{point.id}`" for point in plan.points_of_no_return if point.may_accept_unknown]
    accept = f"The quorum may take an `unknown` of {', '.join(may)} on itself, in words." if may else ""
    return "\n\n".join(filter(None, ("## Points of no return", intro, table(heads, rows), accept, *scripts)))


def _probe_words(point: PointOfNoReturn, number: int, probe: Probe, site: Site) -> tuple[str, str]:
    """Return the command for a cell of the table, and the block below it where it is a script."""
    line = command_line(probe.command, site.words)
    if probe.command.script is None and "\n" not in line:
        return in_code(line), ""
    name = f"{point.id}, probe {number}"
    return f"(script: {cell(name)})", f"### {plain(name)}\n\n{command_block(probe.command, site.words)}"


def _needs(plan: Plan, site: Site) -> str:
    parts = [*_baselines(plan, site), *_snapshots(plan, site)]
    return "\n\n".join(["## What has to be recorded before the upgrade", *parts]) if parts else ""


def _baselines(plan: Plan, site: Site) -> Iterator[str]:
    declared = {each.id for each in plan.baselines}
    used = {name.removeprefix("baseline.") for name in names_used(plan) if name.startswith("baseline.")}
    if by_hand := sorted(fact for fact in used if fact.partition("@")[0] not in declared):
        facts = " ".join(f"{fact}=…" for fact in by_hand)
        yield f"```sh\nbelay baseline record {site.target} {facts}\n```"
    if not plan.baselines:
        return
    yield f"```sh\nbelay baseline capture {site.target} {plan.id}\n```"
    for each in plan.baselines:
        kind = "a list, a line an item" if each.lines else "one text"
        held = "" if each.compare else "; the upgrade may change it"
        empty = "; it may be empty" if each.may_be_empty else ""
        yield (
            f"- `{each.id}`: {plain(each.what, 300)} ({kind}{held}{empty}), on {where_words(each, site.hosts)}\n\n"
            f"{command_block(each.command, site.words)}"
        )


def _snapshots(plan: Plan, site: Site) -> Iterator[str]:
    for name, need in plan.snapshots.items():
        wants = [f"of kind `{need.kind}`"]
        wants += [f"written by the engine {plain(in_words(need.engine))}"] if need.engine else []
        wants += [f"covering {plain(', '.join(need.covers))}"] if need.covers else []
        wants += (
            [f"taken at most {need.max_before_upgrade_h:g} h before the upgrade, and not after its beginning"]
            if need.max_before_upgrade_h
            else []
        )
        which = f", the one called by {in_words(need.name)}" if need.name else ""
        more = " --engine-version …" if need.engine else ""
        more += f' --covers "{" ".join(need.covers)}"' if need.covers else ""
        yield (
            f"- the snapshot `{name}`{plain(which)}: {plain(need.what, 300)}; {', '.join(wants)}\n\n"
            f"```sh\nbelay snapshot {site.target} {'NAME' if need.name else name} --kind {need.kind} --place … "
            f"--sha256 …{more}\n```"
        )


def _checkpoints(plan: Plan, site: Site) -> str:
    tasks = [_task(site.target, name, point.event) for point in plan.points_of_no_return for name in point.checkpoints]
    if not tasks:
        return ""
    return "\n\n".join(
        (
            "## What the upgrade's automation records",
            "One task for each event, where it happens; from then on every way back is refused.",
            "```yaml\n" + "\n".join(tasks) + "\n```",
        )
    )


def _task(target: str, name: str, event: str) -> str:
    evidence = "{{ inventory_hostname }} by job {{ tower_job_id | default('-') }}"
    return (
        f'- name: "Tell Belay: {" ".join(event.split()).replace(chr(34), chr(39))}"\n'
        f"  ansible.builtin.uri:\n"
        f'    url: "{{{{ belay_url }}}}/api/v1/targets/{target}/checkpoints"\n'
        f"    method: POST\n"
        f'    headers: {{Authorization: "Bearer {{{{ belay_token }}}}"}}\n'
        f"    body_format: json\n"
        f'    body: {{name: {name}, evidence: "{evidence}"}}\n'
        f"    status_code: 201"
    )


def _preflight(plan: Plan, site: Site) -> str:
    if not plan.preflight:
        return ""
    parts = ["## Looked at before anyone is asked to approve"]
    for check in plan.preflight:
        weight = "" if check.severity == "blocker" else " A warning: shown, and passed over."
        head = f"### {plain(check.title or check.id, 200)}"
        parts += [head, f"On {where_words(check, site.hosts)}.{weight}", *look_lines(check.look, site.words)]
    return "\n\n".join(parts)


def _steps(plan: Plan, site: Site) -> str:
    usual = sum(step.usual_s for step in plan.steps)
    took = f" They usually take {duration(usual)}." if usual else ""
    intro = (
        f"In this order, each on its hosts; nothing starts before the one above is over and was verified.{took} Where "
        "an outcome was not seen, the host is asked, then the step's probe, then a person: nothing is run again on a "
        "guess."
    )
    sections = [
        step_section(plan, number, site.words, where_words(step, site.hosts))
        for number, step in enumerate(plan.steps, 1)
    ]
    return "\n\n".join(["## Steps", intro, *sections])


def _validations(plan: Plan, site: Site) -> str:
    if not plan.validations:
        return ""
    parts = ["## Looked at after the steps"]
    for check in plan.validations:
        blocks = check.severity == "blocker"
        fails = "Where it does not hold, a person is asked." if blocks else "A warning: shown, and passed over."
        keeps = f" What it prints is kept in the report as “{plain(check.keeps, 100)}”." if check.keeps else ""
        parts += [
            f"### {plain(check.title or check.id, 200)}",
            f"On {where_words(check, site.hosts)}. {fails}{keeps}",
            *look_lines(check.look, site.words),
        ]
    return "\n\n".join(parts)
