"""
The board: one message that shows a run, edited in place. A pure function of the run and the time.

Every part is bounded, so that the whole stays under Slack's limits whatever hosts and people wrote.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from bot.mrkdwn import code, date, entities, escape, lines_within
from bot.views_blocks import Json, actions, context, header, section
from bot.views_buttons import buttons
from bot.views_steps import steps_block
from bot.views_verdicts import verdicts
from commands.say import bar, fleet_line, name_of, next_line
from commands.text import count, duration, plain, some
from core.digest import short
from core.people import May
from core.progress import Progress, measure, what_is_left
from core.run import RunView
from core.run_states import RunStatus
from core.wishes import say

#: How the board names each state; always a word, never only a colour.
WORDS = {RunStatus.WAITING: "WAITING FOR APPROVALS", RunStatus.NEEDS_PERSON: "NEEDS A PERSON"}


@dataclass(frozen=True, slots=True)
class Message:
    """What to post: `text` is for notifications and screen readers, a full sentence."""

    text: str
    blocks: list[Json]


def board(view: RunView, now: datetime, *, overview: str = "") -> Message:
    """*overview*: the address of the message that shows this run too and is edited more often; "" for none."""
    progress = measure(view.run.plan, view.state, now)
    blocks = [header(headline(view, progress)), section(_request(view))]
    blocks += [section(text) for text in _middle(view, progress, now) if text]
    if ask := _next(view, progress):
        blocks.append(section(ask))
    if row := buttons(view):
        blocks.append(actions(row))
    if view.state.status is RunStatus.WAITING:
        blocks.append(context(_how_to_vote(view)))
    if overview and view.state.status.driven:
        blocks.append(context(f"Many rollbacks run at once: <{overview}|the overview> shows this one too, and sooner."))
    return Message(text=sentence(view, progress), blocks=blocks)


def state_word(view: RunView) -> str:
    return WORDS.get(view.state.status, say(view.state.status).upper())


def headline(view: RunView, progress: Progress) -> str:
    """Return "R-17 · prod-east · Ocata → Newton · RUNNING, step 4 of 9"."""
    plan = view.run.plan
    route = f"{plain(plan.origin, 24)} → {plain(plan.destination, 24)}"
    return f"{view.run.id} · {plain(view.run.target, 40)} · {route} · {headed(view, progress)}"


def headed(view: RunView, progress: Progress) -> str:
    """Return the state as headers name it: "RUNNING, step 4 of 9"."""
    if view.state.status in (RunStatus.RUNNING, RunStatus.PAUSED, RunStatus.NEEDS_PERSON):
        return f"{state_word(view)}, step {progress.current} of {len(progress.steps)}"
    return state_word(view)


def sentence(view: RunView, progress: Progress) -> str:
    """The board in one sentence, for notifications, screen readers and clients without blocks."""
    run = view.run
    where = f"{escape(run.target, 64)} to {escape(run.plan.destination, 60)}"
    what = f"Rollback {run.id} of {where} is {say(view.state.status)}"
    match view.state.status:
        case RunStatus.WAITING:
            return f"{what}: {view.tally.missing} of {run.plan.policy.needed} approvals are missing."
        case RunStatus.RUNNING:
            return f"{what}: step {progress.current} of {len(progress.steps)}, {progress.percent} %."
        case RunStatus.NEEDS_PERSON | RunStatus.STUCK if view.state.ask:
            return f"{what}: {escape(view.state.ask.reason)}."
        case _:
            return f"{what}." if not view.state.reason else f"{what}: {escape(view.state.reason)}."


def _request(view: RunView) -> str:
    run = view.run
    incident = f" for {escape(run.incident, 60)}" if run.incident else ""
    asked = f"Asked by *{_name(view, run.requester)}*{incident}: {escape(run.reason, 500)}"
    plan = f"Plan {code(run.plan.plan, 80)} `{short(run.digest)}` · {_hosts(view)}"
    return f"{asked}\n{plan}"


def _hosts(view: RunView) -> str:
    names = [escape(name, 64) for name in view.run.plan.hosts]
    return f"{count(len(names), 'host')}: {some(names, 6)}"


def _middle(view: RunView, progress: Progress, now: datetime) -> Iterator[str]:
    if not view.state.status.ended or view.state.approvals:
        yield _approvals(view)
    if view.state.findings is not None:
        yield verdicts(view.state.findings, view.run.accepted, 2_200)
    if view.state.status is RunStatus.WAITING:
        yield lines_within((f":warning: {escape(each, 300)}" for each in view.state.warnings), 1_000)
        yield _what_it_takes(view)
    if view.state.begun_at is not None:
        yield _bar(view, progress, now)
        yield steps_block(progress.steps, progress.current)
    yield entities(fleet_line(view), 1_200)


def _approvals(view: RunView) -> str:
    when = {approval.person: approval.at for approval in view.state.approvals}
    if view.state.status is not RunStatus.WAITING:
        # Who agreed before the claim stays on the board, whatever the clock or the roster say since.
        given = [f"{_name(view, person)} {date(at)}" for person, at in when.items()]
        return f"Approved by {some(given, 6)}" if given else ""
    given = [f"{_name(view, person)} {date(when[person])}" for person in view.tally.counted]
    needed = max(1, view.run.plan.policy.needed)
    lines = [f"*Approvals: {len(given)} of {needed}*" + (f", by {some(given, 6)}" if given else ", nobody yet")]
    lines += [f"Not counted: {_name(view, a.person)}, {escape(why, 200)}" for a, why in view.tally.ignored[:4]]
    return lines_within(lines, 1_200)


def _what_it_takes(view: RunView) -> str:
    plan = view.run.plan
    lines = [f"Loses: {escape(loss, 300)}" for loss in dict.fromkeys(plan.losses)]
    if plan.usual_s:
        budget = f", {plan.impact.rto_minutes:g} min are allowed" if plan.impact.rto_minutes else ""
        lines.append(
            f"Takes about {duration(plan.usual_s)}; control plane {escape(plan.impact.control_plane, 60)}{budget}"
        )
    return lines_within(lines, 1_000)


def _bar(view: RunView, progress: Progress, now: datetime) -> str:
    """How far and for how long; "as of", for a board may stand a while before it is edited again."""
    parts = [duration(progress.elapsed_s)]
    if progress.left_s is not None:
        parts.append(f"about {duration(progress.left_s)} left")
    if progress.down_since is not None or progress.down_s:
        budget = view.run.plan.impact.rto_minutes
        since = f" since {date(progress.down_since)}" if progress.down_since else ""
        allowed = f" of {budget:g} min allowed" if budget else ""
        word = "is down" if progress.down_since else "was down"
        parts.append(f"control plane {word}{since} for {duration(progress.down_s)}{allowed}")
    if view.state.status.driven:
        parts.append(f"as of {date(now)}")
    return f"{bar(progress.percent)} · {' · '.join(parts)}"


def _next(view: RunView, progress: Progress) -> str:
    """What is asked of people, or how it ended; and how far back one can still go."""
    state, lines = view.state, []
    if state.status in (RunStatus.NEEDS_PERSON, RunStatus.STUCK) and state.ask is not None:
        lines.append(f"*A person has to decide:* {escape(state.ask.reason, 900)}")
        if state.ask.confirm:
            lines.append(f"To go on, type exactly: {code(state.ask.confirm, 200)}")
    elif state.status not in (RunStatus.WAITING, RunStatus.RUNNING):
        lines.append(entities(next_line(view), 1_200))
    if state.status is RunStatus.FAILED:
        left = [f"- {escape(each, 160)}" for each in what_is_left(view.run.plan, state)]
        lines += [f"*Left as it is*, {count(len(left), 'unit')}:", *left[:8]] if left else []
    if state.stopped is not None:
        lines.append(_stopped(view))
    if state.status.driven and (way := _way_back(view, progress)):
        lines.append(way)
    return lines_within(lines, 1_800)


def _stopped(view: RunView) -> str:
    stopped = view.state.stopped
    if stopped is None:
        return ""
    step = view.run.plan.step(stopped.step)
    return (
        f"*Stopped before {escape(step.title, 120)}* by {_name(view, stopped.by)}: {escape(stopped.reason, 300)}. "
        f"What holds now: {escape(step.abort_point, 300)}"
    )


def _way_back(view: RunView, progress: Progress) -> str:
    if view.state.status in (RunStatus.UNWINDING, RunStatus.STUCK):
        return ""
    if progress.only_forward:
        return f"Step {progress.forward_from} has begun: from here only forward."
    if progress.forward_from is not None:
        return f"Aborting is safe until step {progress.forward_from}; after it, only forward."
    return ""


def _how_to_vote(view: RunView) -> str:
    run = view.run
    able = [
        escape(person.name, 60)
        for person in view.people.values()
        if May.APPROVE in person.may and person.id not in run.subject.barred
    ]
    until = run.subject.expires_at
    return (
        f":white_check_mark: or Approve agrees to plan `{short(run.digest)}`, :no_entry_sign: or Veto ends it; "
        f"until <!date^{int(until.timestamp())}^{{time}}|{until:%H:%M} UTC>. "
        f"May approve: {some(able, 12) or 'nobody on the roster'}. "
        f"{_name(view, run.requester)} asked, so does not count."
    )


def _name(view: RunView, person: str) -> str:
    return entities(name_of(view.people, person), 60)
