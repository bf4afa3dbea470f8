"""
The overview: one message that shows all live runs of a channel while they are too many for their boards.

A line a run, and the whole within Slack's limits: fifty runs fit, further ones are counted.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.mrkdwn import date, escape
from bot.views_blocks import MOST_TEXT, Json, context, header, section
from bot.views_board import Message, headed
from commands.text import count, some
from core.progress import measure
from core.run import RunView
from core.run_states import RunStatus
from core.wishes import say

#: Runs that get a line.
MOST_RUNS = 50
#: Characters of one section, and of all that is not a run's line.
_SECTION, _FRAME = 2_900, 450
#: Characters of one line at most, however few there are; of what a person is asked at most, and at least.
_LINE, _LEAST = 400, 12
#: How much of a target and of its releases is shown: what fits first.
_SHAPES = ((64, 24), (40, 16), (32, 10), (24, 0), (12, 0))
_HOME = re.compile(r"https?://[A-Za-z0-9.:-]{1,80}/")
_NEEDS = (RunStatus.NEEDS_PERSON, RunStatus.STUCK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a line says of a run. All of it follows from the run and its journal up to `seq`, nothing from the time."""

    run_id: str
    seq: int
    target: str
    origin: str
    destination: str
    status: RunStatus
    words: str  #: "RUNNING, step 4 of 9"
    percent: int | None  #: None before anything began
    down_since: datetime | None  #: the control plane
    reason: str  #: what a person has to decide; "" for nothing


@dataclass(frozen=True, slots=True)
class Line:
    run: Summary
    address: str  #: of its board; "" where that is not known


def summary(view: RunView) -> Summary:
    progress = measure(view.run.plan, view.state, view.run.created_at)
    return Summary(
        run_id=view.run.id,
        seq=view.state.seq,
        target=view.run.target,
        origin=view.run.plan.origin,
        destination=view.run.plan.destination,
        status=view.state.status,
        words=headed(view, progress),
        percent=progress.percent if view.state.begun_at else None,
        down_since=progress.down_since if not view.state.status.ended else None,
        reason=view.state.ask.reason if view.state.status in _NEEDS and view.state.ask else "",
    )


def address_of(home: str, channel: str, ts: str) -> str:
    """
    Return the address of a message; "" where it cannot be made.

    Slack's own form, as `chat.getPermalink` answers it, without a call for each run. *home* is `url` of `auth.test`.
    """
    known = _HOME.fullmatch(home) and re.fullmatch(r"[A-Z0-9]+", channel) and re.fullmatch(r"\d+\.\d+", ts)
    return f"{home}archives/{channel}/p{ts.replace('.', '')}" if known else ""


def overview_to_come() -> Message:
    """What is posted; it names no run, for it may stand there for good if the answer to the posting is lost."""
    return Message(text="An overview of the rollbacks under way in this channel follows.", blocks=[])


def overview(lines: Sequence[Line], now: datetime) -> Message:
    """*now*: when the runs were looked at."""
    ordered = sorted(lines, key=lambda line: (line.run.status not in _NEEDS, not line.run.status.ended))
    shown, more = ordered[:MOST_RUNS], len(ordered[MOST_RUNS:])
    blocks = [header(_headline(lines)), context(_as_of(now)), *_sections(_written(shown))]
    blocks += [section(f"… and {count(more, 'more run')}; `/rollback history` lists all.")] if more else []
    return Message(text=_sentence(lines, now), blocks=blocks)


def overview_over(lines: Sequence[Line], now: datetime) -> Message:
    """The last edit: the boards are enough again."""
    live = [line for line in lines if not line.run.status.ended]
    where = "each run's own board is kept up to date again, and this overview is not"
    left = f"Still under way: {some([_name(line) for line in live], 10)}. " if live else ""
    end = f"As of {date(now)}: {where}. {left}`/rollback history` lists what has ended."
    text = f"This overview ended at {now:%H:%M:%S} UTC: {where}."
    return Message(text=text, blocks=[header("Overview: ended"), section(end)])


def _headline(lines: Sequence[Line]) -> str:
    live = [line for line in lines if not line.run.status.ended]
    needs = sum(line.run.status in _NEEDS for line in live)
    waits = f" · {needs} NEED{'S' if needs == 1 else ''} A PERSON" if needs else ""
    return f"Overview: {count(len(live), 'rollback')} under way{waits}"


def _as_of(now: datetime) -> str:
    return (
        f"As of *{date(now)}*. So many run at once that each board is edited only now and then; this message is "
        "edited every few seconds. Buttons and approvals are on the boards."
    )


def _sentence(lines: Sequence[Line], now: datetime) -> str:
    """All in one sentence, for notifications, screen readers and clients without blocks."""
    statuses = [line.run.status for line in lines if not line.run.status.ended]
    each = [f"{statuses.count(status)} {say(status)}" for status in RunStatus if status in statuses]
    needs = [line.run.run_id for line in lines if line.run.status in _NEEDS]
    who = f"; a person is needed by {some(needs)}" if needs else ""
    are = "is" if len(statuses) == 1 else "are"
    what = f"{count(len(statuses), 'rollback')} {are} under way in this channel: {', '.join(each) or 'none'}"
    return f"At {now:%H:%M:%S} UTC {what}{who}."


def _written(lines: Sequence[Line]) -> list[str]:
    """The lines, and what persons are asked as far as there is room for it."""
    room = min(_LINE, (MOST_TEXT - _FRAME) // max(1, len(lines)) - 1)
    written = [_line(line, room) for line in lines]
    asked = sum(bool(line.run.reason) for line in lines)
    left = (MOST_TEXT - _FRAME - sum(map(len, written)) - len(written)) // max(1, asked)
    reason = min(_LINE, left - len(": "))
    return [
        f"{text}: {escape(line.run.reason, reason)}" if line.run.reason and reason >= _LEAST else text
        for line, text in zip(lines, written, strict=True)
    ]


def _line(line: Line, room: int) -> str:
    """One line of at most *room* characters: names are cut, the state never is."""
    run = line.run
    state = f"*{run.words}*" + (f" · {run.percent} %" if run.percent is not None else "")
    state += f" · control plane down since {date(run.down_since, '{time}')}" if run.down_since else ""
    text = ""
    for target, release in _SHAPES:
        route = f" · {escape(run.origin, release)} → {escape(run.destination, release)}" if release else ""
        text = f"{_name(line)} · {escape(run.target, target)}{route} · {state}"
        if len(text) <= room:
            return text
    return text if not line.address else _line(Line(run, ""), room)


def _name(line: Line) -> str:
    return f"<{line.address}|{line.run.run_id}>" if line.address else line.run.run_id


def _sections(lines: Iterable[str]) -> Iterator[Json]:
    kept: list[str] = []
    for line in lines:
        if kept and sum(map(len, kept)) + len(kept) + len(line) > _SECTION:
            yield section("\n".join(kept))
            kept = []
        kept.append(line)
    if kept:
        yield section("\n".join(kept))
