"""App Home: what runs now and what ran lately, for whoever opens it."""

from collections.abc import Sequence
from datetime import datetime

from bot.mrkdwn import date, entities, escape
from bot.views_blocks import Json, button, context, divider, header, section
from bot.views_board import state_word
from bot.views_buttons import PREFIX, value_of
from commands.say import bar, name_of
from commands.text import duration
from core.progress import measure
from core.run import RunView

#: Runs shown of each kind; each takes two blocks of the 100 Slack allows.
MOST_LIVE, MOST_RECENT = 20, 15


def home(views: Sequence[RunView], now: datetime) -> Json:
    """*views* newest first, ended or not."""
    live = [view for view in views if not view.state.status.ended][:MOST_LIVE]
    recent = [view for view in views if view.state.status.ended][:MOST_RECENT]
    blocks = [header("Belay"), section("Type `/rollback` in a channel; `/rollback help` explains every word.")]
    blocks += [divider(), header("Under way")]
    blocks += [block for view in live for block in _live(view, now)] or [section("Nothing is running.")]
    blocks += [divider(), header("Lately")]
    blocks += [_recent(view) for view in recent] or [section("No run has ended yet.")]
    return {"type": "home", "blocks": blocks}


def _live(view: RunView, now: datetime) -> list[Json]:
    progress = measure(view.run.plan, view.state, now)
    blocks = [section(_line(view), _details(view))]
    if view.state.begun_at is not None:
        step = f"step {progress.current} of {len(progress.steps)}"
        blocks.append(context(f"{bar(progress.percent)} · {step} · {duration(progress.elapsed_s)}"))
    return blocks


def _recent(view: RunView) -> Json:
    ended = view.state.ended_at or view.run.created_at
    when = date(ended, "{date_short_pretty} {time}")
    return section(f"{_line(view)}\n{when}", _details(view))


def _line(view: RunView) -> str:
    run = view.run
    route = f"{escape(run.plan.origin, 60)} → {escape(run.plan.destination, 60)}"
    who = entities(name_of(view.people, run.requester), 60)
    return f"*{run.id}* · {escape(run.target, 64)} · {route} · *{state_word(view)}*\n{who}: {escape(run.reason, 200)}"


def _details(view: RunView) -> Json:
    return button("Details", f"{PREFIX}details", value_of(view), spoken=f"Show details of {view.run.id}")
