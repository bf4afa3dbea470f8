"""
A run as a Markdown document, for whoever was not there: what happened when, who decided, what was seen.

Pure: everything comes in as data. All times are UTC. What people and hosts wrote is made plain before it is put in.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bot.report_words import decided, what_happened
from commands.say import name_of, verdict_lines
from commands.text import count, cut, duration, fence, plain
from core.action import Output, Verb
from core.approvals import Approval
from core.codec import from_data
from core.fleet_truth import truth_table
from core.journal import Entry, Kind
from core.pnr import Findings
from core.progress import StepProgress, measure, what_is_left
from core.run import RunView
from core.schedule import units_of
from core.unit_states import UnitStatus
from core.wishes import say

#: Lines of output shown of an action that went well, and of one that did not. The store keeps more, the host all.
_TAIL_LINES = {True: 12, False: 60}
_TAIL_CHARACTERS = 6_000


class Kept(Protocol):
    """What one attempt of one unit's action printed. `store.KeptOutput` is one."""

    @property
    def unit(self) -> str: ...
    @property
    def verb(self) -> Verb: ...
    @property
    def attempt(self) -> int: ...
    @property
    def exit_code(self) -> int | None: ...
    @property
    def at(self) -> datetime: ...
    @property
    def output(self) -> Output: ...


class Head(Protocol):
    """The end of the audit chain: how many lines, and the hash of the last. `store.AuditHead` is one."""

    @property
    def n(self) -> int: ...
    @property
    def hash(self) -> str: ...


def render_report(
    view: RunView, entries: Sequence[Entry], outputs: Sequence[Kept], audit_head: Head | None, now: datetime
) -> str:
    """Return the whole story of *view*, as it stands at *now*."""
    parts = [
        _title(view),
        _facts(view, audit_head, now),
        _agreed(view, entries),
        _looks(view, entries),
        _timeline(view, entries),
        _steps(view, outputs, now),
        _decisions(view, entries),
        _fleet(view),
        _left(view),
        _kept(view, outputs),
        _outputs([each for each in outputs if each.exit_code or not _keeps(view, each)]),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def cell(text: str, limit: int = 300) -> str:
    """Return *text* so that it stays inside one cell of a table."""
    return plain(text, limit).replace("\\", "\\\\").replace("|", "\\|")


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The rows hold Markdown already; what others wrote went through `cell`."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def utc(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""


def _title(view: RunView) -> str:
    plan = view.run.plan
    return f"# Rollback {view.run.id}: {cell(view.run.target)}, {cell(plan.origin)} → {cell(plan.destination)}"


def _facts(view: RunView, head: Head | None, now: datetime) -> str:
    run, state = view.run, view.state
    progress = measure(run.plan, state, now)
    ended = utc(state.ended_at) or f"not yet, at {utc(now)}"
    why = f": {cell(state.reason, 600)}" if state.reason else ""
    rows = [
        ("Outcome", f"**{say(state.status)}**{why}"),
        ("Asked for by", f"{name_of(view.people, run.requester)}, {utc(run.created_at)}"),
        ("Reason", cell(run.reason, 1_000)),
        ("Incident", cell(run.incident)),
        ("Plan", f"{cell(run.plan.plan)} {cell(run.plan.version)}"),
        ("Plan digest", f"`{run.digest}`"),
        ("Parameters", cell(", ".join(f"{name}={value}" for name, value in run.plan.parameters.items()), 1_000)),
        ("Snapshots", cell(", ".join(f"{name} sha256 {sha}" for name, sha in run.plan.snapshots.items()), 1_000)),
        ("Warnings", cell("; ".join(state.warnings), 1_000)),
        ("Begun", utc(state.begun_at) or "never; nothing ran"),
        ("Ended", ended),
        ("Took", duration(progress.elapsed_s) if state.begun_at else ""),
        ("Control plane down", _downtime(view, progress.down_s, still=progress.down_since is not None)),
        ("Stopped", _stopped(view)),
        ("Loses", cell("; ".join(run.plan.losses), 1_000)),
        ("Audit head", f"line {head.n}, `{head.hash}`" if head else ""),
    ]
    return table(("", "times are UTC"), [row for row in rows if row[1]])


def _stopped(view: RunView) -> str:
    stopped = view.state.stopped
    if stopped is None:
        return ""
    step = view.run.plan.step(stopped.step)
    who = name_of(view.people, stopped.by)
    why = f"{cell(stopped.reason, 600)}. What holds: {cell(step.abort_point, 600)}"
    return f"before “{cell(step.title, 100)}” by {who}: {why}"


def _downtime(view: RunView, down_s: float, *, still: bool) -> str:
    if view.state.begun_at is None:
        return ""
    budget = view.run.plan.impact.rto_minutes
    allowed = f" of {budget:g} min allowed" if budget else ""
    return f"{duration(down_s)}{allowed}{', and still down as far as the steps tell' if still else ''}"


def _agreed(view: RunView, entries: Sequence[Entry]) -> str:
    policy = view.run.plan.policy
    rows = [_vote(view, entry) for entry in entries if entry.kind in _VOTES]
    ignored = [f"- {_who(view, a)}: does not count, {plain(why)}" for a, why in view.tally.ignored]
    parts = [
        "## Who agreed",
        f"{count(policy.needed, 'approval')} needed beside the requester, within {policy.expires_min:g} min.",
        table(("when", "who", "what", "how"), rows) if rows else "Nobody approved or vetoed.",
        "\n".join(ignored) if view.state.begun_at is None else "",
    ]
    return "\n\n".join(filter(None, parts))


_VOTES: Mapping[Kind, str] = {
    Kind.APPROVED: "approved",
    Kind.APPROVAL_REMOVED: "took the approval back",
    Kind.VETOED: "vetoed",
    Kind.CLAIMED: "the approvals were spent; the run could start",
}


def _vote(view: RunView, entry: Entry) -> tuple[str, str, str, str]:
    person = str(entry.data.get("person", "")) or entry.by
    how = str(entry.data.get("way", ""))
    if account := str(entry.data.get("account", "")):
        how += f" by {account}"
    reason = entry.data.get("reason", "")
    people = entry.data.get("people", ())
    names = ", ".join(name_of(view.people, str(each)) for each in people)
    words = cell(" ".join(filter(None, (how, str(reason), names))), 600)
    return utc(entry.at), name_of(view.people, person), _VOTES[entry.kind], words


def _who(view: RunView, approval: Approval) -> str:
    return name_of(view.people, approval.person)


def _looks(view: RunView, entries: Sequence[Entry]) -> str:
    parts = ["## Points of no return"]
    for index, entry in enumerate(entries):
        if entry.kind is Kind.PROBED:
            findings = from_data(Findings, entry.data["findings"])
            title = f"### {utc(entry.at)}, {_occasion(view, entries, index)}: {findings.verdict}"
            parts += [title, "\n".join(verdict_lines(findings, view.run.accepted))]
    if len(parts) == 1:
        parts.append("Never looked at: nothing was put up for approval.")
    return "\n\n".join(parts)


def _occasion(view: RunView, entries: Sequence[Entry], index: int) -> str:
    step = str(entries[index].data.get("step", ""))
    following = entries[index + 1].kind if index + 1 < len(entries) else None
    if step:
        titles = {each.id: each.title for each in view.run.plan.steps}
        return f"before the step “{plain(titles.get(step, step), 100)}”"
    if following is Kind.CLAIMED:
        return "at the claim"
    if not any(entry.kind is Kind.SUBMITTED for entry in entries[:index]):
        return "when it was asked for"
    return "when it was refused" if following is Kind.REFUSED else "while it waited for approvals"


def _timeline(view: RunView, entries: Sequence[Entry]) -> str:
    plan = view.run.plan
    rows = [(utc(e.at), name_of(view.people, e.by), cell(what_happened(e, plan), 600)) for e in entries]
    return "## Timeline\n\n" + table(("when", "who", "what"), rows)


def _steps(view: RunView, outputs: Sequence[Kept], now: datetime) -> str:
    if view.state.begun_at is None:
        return ""
    parts = ["## Steps and hosts"]
    for number, step in enumerate(measure(view.run.plan, view.state, now).steps, 1):
        took = f", {duration(step.elapsed_s)}" if step.elapsed_s else ""
        usual = f" (usually {duration(step.step.usual_s)})" if step.step.usual_s else ""
        mark = "; destructive" if step.step.destructive else ""
        parts.append(f"### {number}. {plain(step.step.title, 100)}: {step.word}{took}{usual}{mark}")
        parts.append(_units(view, step, outputs, now))
    return "\n\n".join(parts)


def _units(view: RunView, step: StepProgress, outputs: Sequence[Kept], now: datetime) -> str:
    codes = {(o.unit, o.verb): o.exit_code for o in sorted(outputs, key=lambda o: o.attempt)}
    rows = []
    for unit in units_of(step.step, view.state) or step.step.units:
        state = view.state.unit(unit.key)
        verb = Verb.UNDO if state.undo_attempt else Verb.DO
        exit_code = codes.get((unit.key, verb), codes.get((unit.key, Verb.VERIFY)))
        end = state.ended_at or (now if state.status in (UnitStatus.RUNNING, UnitStatus.UNDOING) else None)
        took = duration((end - state.started_at).total_seconds()) if end and state.started_at else ""
        was_unknown = state.ever_unknown and state.status is not UnitStatus.UNKNOWN
        word = f"{state.status}{', was unknown in between' if was_unknown else ''}"
        exit_word = "" if exit_code is None else str(exit_code)
        rows.append((cell(unit.key, 120), word, took, exit_word, str(state.attempt or ""), cell(state.reason)))
    return table(("unit", "state", "took", "exit", "attempts", "why"), rows)


def _decisions(view: RunView, entries: Sequence[Entry]) -> str:
    rows = [
        (utc(e.at), name_of(view.people, e.by), cell(decided(e), 200), cell(str(e.data.get("reason", "")), 600))
        for e in entries
        if decided(e)
    ]
    taken = [
        f"- {plain(point, 80)} was unknown, and taken on by the quorum in these words: {plain(words)}"
        for point, words in view.run.accepted.items()
    ]
    if not rows and not taken:
        return ""
    said = table(("when", "who", "what", "in their words"), rows) if rows else ""
    return "\n\n".join(filter(None, ("## What people decided", said, "\n".join(taken))))


def _fleet(view: RunView) -> str:
    table_ = truth_table(view.run.plan, view.state)
    if table_ is None:
        return ""
    rows = [(cell(name, 120), str(truth)) for name, truth in table_.items.items()]
    title = f"## How it stands with the {plain(table_.what, 60)}"
    rest = f"{table_.not_chosen} more are there, not chosen and untouched." if table_.not_chosen else ""
    return "\n\n".join(filter(None, (title, table(("which", "how"), rows), rest)))


def _left(view: RunView) -> str:
    left = what_is_left(view.run.plan, view.state)
    if view.state.begun_at is None:
        return ""
    if not left:
        return "## What is left\n\nNothing: every unit is done, skipped with a reason, or undone."
    return "## What is left\n\n" + "\n".join(f"- {plain(line)}" for line in left)


def _kept(view: RunView, outputs: Sequence[Kept]) -> str:
    """Evidence and lists the plan wants kept, whole as the store has them; of several attempts the last."""
    last = {each.unit: each for each in sorted(outputs, key=lambda each: each.attempt) if _keeps(view, each)}
    titles: dict[str, list[str]] = {}
    for each in last.values():
        text = each.output.text.strip()
        exit_word = (
            ""
            if each.exit_code == 0
            else ", its end was not seen"
            if each.exit_code is None
            else (f", exit {each.exit_code}")
        )
        shown = fence(text) if text else "Nothing was printed."
        titles.setdefault(_keeps(view, each), []).append(
            f"{plain(each.unit, 120)}, {utc(each.at)}{exit_word}:\n\n{shown}"
        )
    parts = [f"### {plain(title, 100)}\n\n" + "\n\n".join(found) for title, found in titles.items()]
    return "\n\n".join(["## Kept", *parts]) if parts else ""


def _keeps(view: RunView, output: Kept) -> str:
    """Return the title under which *output* is kept, or ""."""
    step = view.run.plan.step_of(output.unit)
    return step.keeps if output.verb is (Verb.VERIFY if step.only_checks else Verb.DO) else ""


def _outputs(outputs: Sequence[Kept]) -> str:
    parts = []
    for kept in sorted(outputs, key=lambda each: each.at):
        text = kept.output.text.strip()
        if not text and kept.exit_code == 0:
            continue
        exit_word = "its end was not seen" if kept.exit_code is None else f"exit {kept.exit_code}"
        size = f", {kept.output.size:,} bytes" if kept.output.size else ""
        what = f"{plain(kept.unit, 120)}: {kept.verb}, attempt {kept.attempt}"
        parts.append(f"### {what}, {exit_word}, {utc(kept.at)}{size}")
        parts.append(fence(tail(text, _TAIL_LINES[kept.exit_code == 0])) if text else "It printed nothing.")
    return "\n\n".join(["## What the hosts printed", *parts]) if parts else ""


def tail(text: str, lines: int) -> str:
    """Return the last *lines*, bounded, and say how many lines stand before them."""
    all_lines = text.splitlines()
    kept = [cut(line, 1_000) for line in all_lines[-lines:]]
    while len(kept) > 1 and sum(map(len, kept)) > _TAIL_CHARACTERS:
        kept.pop(0)
    before = len(all_lines) - len(kept)
    return "\n".join([*([f"… {count(before, 'line')} before …"] if before else []), *kept])
