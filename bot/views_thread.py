"""How the messages under a board read: what was announced as facts becomes words when it is posted."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.mrkdwn import code, date, entities, escape, mention, pre
from bot.views_blocks import Json, section
from bot.views_board import Message
from commands.say import name_of
from commands.text import count, duration, some
from core.action import Verb
from core.journal import Kind
from core.progress import measure, what_is_left
from core.resolve import ResolvedStep
from core.run import RunView
from core.run_states import RunStatus
from store.records import KeptOutput

Facts = Mapping[str, Any]

#: Characters of a failed unit's output that are posted; the whole is in the report.
TAIL_CHARACTERS = 1_800
_DECIDED = {
    Kind.PAUSED: "paused it: what runs goes on to its end, nothing new starts",
    Kind.RESUMED: "let it go on",
    Kind.CONFIRMED: "typed the confirmation of",
    Kind.STOPPED: "stopped here; this step and all later ones are passed over, and the validations run:",
    Kind.ABORTED: "aborted it: what was done is undone, last step first",
    Kind.RETRIED: "lets it be tried again:",
    Kind.RECHECK: "wants the host asked again:",
    Kind.UNDO_RETRIED: "lets the undoing be tried again:",
    Kind.SKIPPED: "skipped",
    Kind.SETTLED_DONE: "looked at the host and says it is done:",
    Kind.SETTLED_FAILED: "looked at the host and says it failed:",
    Kind.SETTLED_UNDONE: "looked at the host and says it is undone:",
}
_ENDED = {
    RunStatus.SUCCEEDED: "has succeeded",
    RunStatus.FAILED: "was ended where it stood",
    RunStatus.UNWOUND: "was undone; the target is as it was before",
    RunStatus.VETOED: "was vetoed; nothing ran",
    RunStatus.EXPIRED: "expired without its quorum; nothing ran",
    RunStatus.WITHDRAWN: "was withdrawn; nothing ran",
    RunStatus.REFUSED: "was refused; nothing ran",
}


def render(facts: Facts, view: RunView, outputs: Sequence[KeptOutput], team: str, now: datetime) -> Message:
    """
    Return the message for one announcement.

    *outputs* is what the run's actions printed so far; *team* the workspace in which people are mentioned.
    """
    text = _RENDER[str(facts["what"])](facts, view, now)
    text = text.replace(_REQUESTER, _mention(view, team))
    blocks: list[Json] = [section(text)]
    if facts["what"] == "unit_failed" and (tail := _tail(facts, outputs)):
        blocks.append(section(pre(tail, TAIL_CHARACTERS)))
    return Message(text=text, blocks=blocks)


#: Stands for the mention until the workspace is known; no escaped text can hold it.
_REQUESTER = "\x00"


def _mention(view: RunView, team: str) -> str:
    person = view.people.get(view.run.requester)
    return mention(person, team) if person else escape(view.run.requester, 60)


def _claimed(facts: Facts, view: RunView, _now: datetime) -> str:
    people = some([_name(view, person) for person in facts["people"]])
    return f"Quorum reached: {people} approved plan `{view.run.digest[:8]}`. The first step starts."


def _approval_dropped(facts: Facts, view: RunView, _now: datetime) -> str:
    reason = escape(facts["reason"], 300)
    return f"{_name(view, facts['person'])}'s approval no longer counts: {reason}."


def _person_needed(facts: Facts, view: RunView, _now: datetime) -> str:
    words = {"skip": "stop here"} if facts.get("confirm") else {}
    choices = " or ".join(words.get(each, each) for each in facts.get("choices", ())) or "resume or abort"
    return f"*{view.run.id} needs a person:* {escape(facts['reason'], 900)}. Choose on the board: {choices}."


def _unit_failed(facts: Facts, view: RunView, _now: datetime) -> str:
    unit, reason = code(facts["unit"], 200), escape(facts["reason"], 600) or "no reason was given"
    what = "Undoing" if facts["verb"] == "undo" else "Step"
    title = _title(view, facts["step"])
    if not facts["seen"]:
        return f"{what} *{title}*: the end of {unit} was not seen, so its outcome is *unknown*: {reason}"
    again = "; it is tried again by itself" if facts["again"] else ""
    return f"{what} *{title}*: {unit} *failed*: {reason}{again}"


def _step_done(facts: Facts, view: RunView, _now: datetime) -> str:
    number = next(i for i, step in enumerate(view.run.plan.steps, 1) if step.id == facts["step"])
    words = ", ".join(f"{n} of {facts['units']} {word}" for word, n in facts["counts"].items())
    hosts = some([escape(host, 64) for host in facts["hosts"]], 6)
    step = f"Step {number} of {len(view.run.plan.steps)}, *{_title(view, facts['step'])}*"
    return f"{step}: {words} in {duration(facts['took_s'])} ({hosts})"


def _step_undone(facts: Facts, view: RunView, _now: datetime) -> str:
    hosts = some([escape(host, 64) for host in facts["hosts"]], 6)
    return f"*{_title(view, facts['step'])}* is undone ({hosts})"


def _decision(facts: Facts, view: RunView, _now: datetime) -> str:
    words = [f"{_name(view, facts['by'])} {_DECIDED[Kind(facts['decision'])]}"]
    words += [some([code(unit, 120) for unit in facts.get("units", ())], 6)]
    words += [f"*{_title(view, facts['step'])}*"] if facts.get("step") else []
    reason = f" ({escape(facts['reason'], 500)})" if facts.get("reason") else ""
    return " ".join(filter(None, words)) + reason


def _ended(facts: Facts, view: RunView, now: datetime) -> str:
    status = RunStatus(facts["status"])
    by = f" by {_name(view, facts['by'])}" if facts["by"] and status is not RunStatus.SUCCEEDED else ""
    reason = f": {escape(facts['reason'], 1_200)}" if facts["reason"] else ""
    lines = [f"{_REQUESTER} *{view.run.id}* on {escape(view.run.target, 64)} {_ENDED[status]}{by}{reason}"]
    if view.state.begun_at is not None:
        lines += _figures(view, now)
    return "\n".join(lines)


def _figures(view: RunView, now: datetime) -> list[str]:
    progress = measure(view.run.plan, view.state, now)
    took = f"Took {duration(progress.elapsed_s)}, begun {date(view.state.begun_at or now)}"
    down = f"; control plane down {duration(progress.down_s)}" if progress.down_s else ""
    approvers = some([_name(view, approval.person) for approval in view.state.approvals])
    lines = [f"{took}{down}; approved by {approvers}."]
    if view.state.status is not RunStatus.UNWOUND and (left := what_is_left(view.run.plan, view.state)):
        lines.append(f"Left as it is, {count(len(left), 'unit')}: {some([code(each, 120) for each in left], 6)}")
    return lines


_RENDER: Mapping[str, Callable[[Facts, RunView, datetime], str]] = {
    "claimed": _claimed,
    "approval_dropped": _approval_dropped,
    "person_needed": _person_needed,
    "unit_failed": _unit_failed,
    "step_done": _step_done,
    "step_undone": _step_undone,
    "decision": _decision,
    "ended": _ended,
}


def _tail(facts: Facts, outputs: Sequence[KeptOutput]) -> str:
    """The end of what the failed attempt printed: of the command itself, or of what checked it afterwards."""
    of_unit = [kept for kept in outputs if kept.unit == facts["unit"]]
    wanted = [kept for kept in of_unit if kept.verb is Verb(facts["verb"]) and kept.attempt == facts["attempt"]]
    return (wanted or of_unit)[-1].output.text if of_unit else ""


def _title(view: RunView, step_id: str) -> str:
    step: ResolvedStep = view.run.plan.step(step_id)
    return escape(step.title or step.id, 120)


def _name(view: RunView, person: str) -> str:
    return entities(name_of(view.people, person), 60)
