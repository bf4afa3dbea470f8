"""Runs, findings and ledgers in words, the same in every reply."""

from collections.abc import Mapping
from datetime import datetime

from commands.text import clock, code, count, duration, plain, some
from core.digest import short
from core.fleet_truth import Truth, truth_table
from core.ledger import Checkpoint, Hop, Ledger, Snapshot
from core.people import Person
from core.pnr import Finding, Findings, Verdict
from core.progress import Progress, measure
from core.resolve import ResolvedPlan
from core.run import RunView
from core.run_states import RunStatus
from core.wishes import say as status_words

_BAR = 18


def name_of(people: Mapping[str, Person], person: str) -> str:
    """The person's name; their id where the roster has dropped them; Belay itself for none."""
    if not person:
        return "Belay"
    known = people.get(person)
    return plain(known.name if known else person, 60)


def headline(view: RunView) -> str:
    """Say which run it is and how it stands: "*R-17* · prod-east · Ocata → Newton: *RUNNING*"."""
    plan = view.run.plan
    route = f"{plain(plan.origin, 60)} → {plain(plan.destination, 60)}"
    return f"*{view.run.id}* · {plain(view.run.target, 64)} · {route}: *{status_words(view.state.status).upper()}*"


def bar(percent: int) -> str:
    full = round(_BAR * percent / 100)
    return "█" * full + "░" * (_BAR - full) + f" {percent} %"


def progress_line(view: RunView, now: datetime) -> str:
    """How far it is, how long it has taken, how long the control plane is down; "" before anything began."""
    progress = measure(view.run.plan, view.state, now)
    if view.state.begun_at is None:
        return ""
    parts = [f"step {progress.current} of {len(progress.steps)}", bar(progress.percent), duration(progress.elapsed_s)]
    if progress.left_s is not None:
        parts.append(f"about {duration(progress.left_s)} left")
    return " · ".join([*parts, *_downtime(view, progress)])


def _downtime(view: RunView, progress: Progress) -> list[str]:
    if not progress.down_s and progress.down_since is None:
        return []
    budget = view.run.plan.impact.rto_minutes
    allowed = f" of {budget:g} min" if budget else ""
    word = "is down for" if progress.down_since else "was down for"
    return [f"control plane {word} {duration(progress.down_s)}{allowed}"]


def approvals_line(view: RunView) -> str:
    names = [name_of(view.people, person) for person in view.tally.counted]
    given = f"approved by {some(names)}" if names else "approved by nobody yet"
    return f"{given}; {count(view.tally.missing, 'approval')} missing" if view.tally.missing else given


def step_lines(view: RunView, now: datetime) -> list[str]:
    """One line a step: its word, title, how many units are over, how long it has taken."""
    lines = []
    for number, step in enumerate(measure(view.run.plan, view.state, now).steps, 1):
        took = f" · {duration(step.elapsed_s)}" if step.elapsed_s else ""
        destructive = " · *destructive*" if step.step.destructive else ""
        lines.append(
            f"{number}. {step.word}: {plain(step.step.title, 100)} · {step.over} of {step.units}{took}{destructive}"
        )
    return lines


def chosen_line(plan: ResolvedPlan, limit: int = 12) -> str:
    """Which items of its fleet a plan would act on: "Acts on 3 of 40 *clusters*: a, b, c"; "" without a fleet."""
    if plan.fleet is None:
        return ""
    names = some([plain(name, 60) for name in plan.items], limit)
    waves = max((step.wave for step in plan.steps), default=0)
    what = plain(plan.fleet.what or plan.fleet.name, 60)
    return f"Acts on {len(plan.items)} of {plan.fleet.found} *{what}* in {count(waves, 'wave')}: {names}"


def fleet_line(view: RunView) -> str:
    """How it stands with the items of the fleet: "*clusters*: 2 reverted (a, b), 38 untouched (37 not chosen)"."""
    table = truth_table(view.run.plan, view.state)
    if table is None:
        return ""
    parts = []
    for truth in Truth:
        names = table.named(truth)
        not_chosen = table.not_chosen if truth is Truth.UNTOUCHED else 0
        if not names and not not_chosen:
            continue
        inside = [some([plain(name, 40) for name in names], 6)] if names else []
        inside += [f"{not_chosen} not chosen"] if not_chosen else []
        parts.append(f"{len(names) + not_chosen} {truth} ({'; '.join(inside)})")
    return f"*{plain(table.what, 60)}*: {', '.join(parts)}"


def next_line(view: RunView) -> str:
    """What happens next, and who has to do it."""
    run, state = view.run.id, view.state
    if state.status is RunStatus.WAITING:
        expires = view.run.subject.expires_at
        return (
            f"{count(view.tally.missing, 'more approval')} needed before {expires:%H:%M} UTC: "
            f"`/rollback approve {run} {short(view.run.digest)}`"
        )
    if state.status in (RunStatus.NEEDS_PERSON, RunStatus.STUCK):
        return _asked(view)
    by = f" by {name_of(view.people, state.by)}" if state.by else ""
    why = f": {plain(state.reason)}" if state.reason else ""
    return {
        RunStatus.DRAFTED: "It is being written down; nothing runs.",
        RunStatus.CLAIMED: "Quorum reached; the points of no return are looked at again, then the first step starts.",
        RunStatus.RUNNING: "It goes on by itself; the board follows it.",
        RunStatus.PAUSED: f"Paused{by}{why}. What runs goes on to its end, nothing new starts; "
        f"`/rollback resume {run}` lets it go on.",
        RunStatus.UNWINDING: f"What was done is being undone, last step first{why}.",
        RunStatus.SUCCEEDED: f"It is over; `/rollback report {run}` has the whole story.",
        RunStatus.FAILED: f"Ended where it stood{by}{why}. `/rollback report {run}` says what is left to do by hand.",
        RunStatus.UNWOUND: f"Everything that was done is undone; the target is as before. `/rollback report {run}`.",
        RunStatus.VETOED: f"Vetoed{by}{why}. Nothing ran; a new request needs a new `/rollback start`.",
        RunStatus.EXPIRED: "Nobody completed the quorum in time. Nothing ran; `/rollback start` asks again.",
        RunStatus.WITHDRAWN: f"Taken back{by}{why}. Nothing ran.",
        RunStatus.REFUSED: f"Refused{why}. Nothing ran.",
    }[state.status]


def _asked(view: RunView) -> str:
    run, ask = view.run.id, view.state.ask
    if ask is None:
        return f"A person has to decide: `/rollback resume {run}` or `/rollback abort {run}`."
    unit = ask.units[0] if ask.units else "UNIT"
    lines = {
        "confirm": f'/rollback resume {run} --confirm "{ask.confirm}"',
        "retry": f"/rollback retry {run}",
        "skip": f'/rollback skip {run} --reason "…"',
        "settle": f'/rollback settle {run} {unit} done --reason "what you saw"',
        "abort": f"/rollback abort {run}",
        "leave": f'/rollback abort {run} --leave --reason "…"',
    }
    if ask.may_stop:
        lines["skip"] += " (to stop here)"
    choices = " or ".join(code(lines.get(choice, f"/rollback {choice} {run}"), 200) for choice in ask.choices)
    return f"A person has to decide: {plain(ask.reason, 500)}. Choose: {choices}"


def verdict_lines(findings: Findings, accepted: Mapping[str, str] | None = None) -> list[str]:
    """One line a point of no return: the verdict, what was found, where and when."""
    if not findings.points:
        return ["- point of no return: *UNKNOWN*, the plan names none, so nothing was looked at"]
    return [_verdict_line(finding, findings.at, accepted or {}) for finding in findings.points]


def _verdict_line(finding: Finding, now: datetime, accepted: Mapping[str, str]) -> str:
    worst = [reason for reason in finding.reasons if reason.verdict is finding.verdict]
    line = f"- {code(finding.point, 80)}: *{finding.verdict.upper()}*"
    if finding.verdict is Verdict.REVERSIBLE:
        hosts = len({reason.where for reason in finding.reasons})
        oldest = min((reason.at for reason in finding.reasons if reason.at), default=now)
        line += f", {count(hosts, 'place')} looked at {clock(oldest, now)}"
    same: dict[tuple[str, str], list[str]] = {}
    for reason in worst:
        # Of what is reversible the oldest look counts, and stands in the line already.
        when = f" ({clock(reason.at, now)})" if reason.at and finding.verdict is not Verdict.REVERSIBLE else ""
        same.setdefault((reason.found, when), []).append(plain(reason.where, 64))
    parts = [f"{some(where, 3)}: {plain(found, 160)}{when}" for (found, when), where in same.items()]
    evidence = "; ".join(parts[:3]) or "nothing looked"
    more = f" and {len(parts) - 3} more" if len(parts) > 3 else ""
    words = accepted.get(finding.point)
    taken = f" (unknown taken on: {plain(words)})" if words and finding.verdict is Verdict.UNKNOWN else ""
    return f"{line}: {evidence}{more}{taken}"


def ledger_lines(ledger: Ledger, now: datetime) -> list[str]:
    if ledger.upgrade is None:
        return ["Ledger: no upgrade is recorded"]
    upgrade = ledger.upgrade
    route = f"{plain(upgrade.origin, 60)} → {plain(upgrade.destination, 60)}"
    lines = [f"Ledger: upgrade {route}, begun {clock(upgrade.started_at, now)} by {plain(upgrade.by, 60)}"]
    if ledger.hops:
        lines.append(f"- hops: {'; '.join(_hop(hop, now) for hop in ledger.hops)}")
    lines += [f"- checkpoint {_checkpoint(checkpoint, now)}" for checkpoint in ledger.checkpoints[-8:]]
    lines += [
        f"- snapshot {code(snapshot.name, 64)} ({plain(snapshot.kind, 40)}{_release(snapshot)}), "
        f"taken {clock(snapshot.taken_at, now)}"
        for snapshot in ledger.snapshots.values()
    ]
    if ledger.baseline:
        lines.append(f"- {count(len(ledger.baseline), 'baseline fact')}")
    return lines


def _hop(hop: Hop, now: datetime) -> str:
    route = f"{plain(hop.origin, 40)} → {plain(hop.destination, 40)}"
    before = f" (snapshot {code(hop.snapshot, 64)})" if hop.snapshot else ""
    if hop.ended_at is None:
        return f"{route} *open*, begun {clock(hop.began_at, now)}{before}"
    return f"{route} done {clock(hop.ended_at, now)}{before}"


def _release(snapshot: Snapshot) -> str:
    return f" of {plain(snapshot.release, 40)}" if snapshot.release else ""


def _checkpoint(checkpoint: Checkpoint, now: datetime) -> str:
    evidence = f": {plain(checkpoint.evidence, 160)}" if checkpoint.evidence else ""
    return f"{code(checkpoint.name, 64)} {clock(checkpoint.at, now)} by {plain(checkpoint.by, 60)}{evidence}"


def run_line(view: RunView, now: datetime) -> str:
    """A run in one line, for lists."""
    who = name_of(view.people, view.run.requester)
    return f"- {headline(view)} · asked by {who} {clock(view.run.created_at, now)} · {plain(view.run.reason, 80)}"
