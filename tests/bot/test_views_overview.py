"""Fifty runs in one message: within Slack's limits, what needs a person first, and nothing that time makes false."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.views_board import Message, board
from bot.views_overview import (
    MOST_RUNS,
    Line,
    address_of,
    overview,
    overview_over,
    overview_to_come,
    summary,
)
from core.run_states import RunStatus
from core.unit_states import UnitStatus
from tests.bot.views_making import HOSTILE, NOON, a_view, check_message

HOME = "https://incident-response-team.slack.com/"
LATER = NOON + timedelta(minutes=7)
LIVE = [status for status in RunStatus if status.driven]


def line(
    number: int = 17, words: str = "words", status: RunStatus = RunStatus.RUNNING, *, home: str = HOME, reason: str = ""
) -> Line:
    run = summary(a_view(words, status=status, steps=30, done=12, units=UnitStatus.DONE))
    run = replace(run, run_id=f"R-{number}", reason=reason or run.reason, down_since=NOON)
    return Line(run, address_of(home, "C0123456789", f"1764273600.{number:06}"))


def shown(message: Message) -> str:
    return "\n".join(block["text"]["text"] for block in message.blocks if block["type"] == "section")


def check(message: Message) -> None:
    check_message(message.text, message.blocks, links=HOME)


@pytest.mark.parametrize("words", [HOSTILE, "&<>" * 400, "", "plain words", "x" * 400, "`*~_" * 100])
@pytest.mark.parametrize("status", [*LIVE, RunStatus.SUCCEEDED, RunStatus.FAILED])
def test_fifty_runs_fit_whatever_was_written(words: str, status: RunStatus) -> None:
    message = overview([line(10_000 + n, words, status) for n in range(50)], LATER)

    check(message)
    assert len(set(re.findall(r"R-\d+", shown(message)))) == 50
    assert "more run" not in shown(message)


@pytest.mark.parametrize("home", [HOME, "", f"https://{'x' * 80}/", "https://a|b>.test/", "javascript:x"])
def test_they_fit_whatever_the_workspace_is_called(home: str) -> None:
    message = overview([line(n, HOSTILE, RunStatus.NEEDS_PERSON, home=home) for n in range(50)], LATER)

    check_message(message.text, message.blocks, links=home)
    assert len(set(re.findall(r"R-\d+", shown(message)))) == 50


@given(words=st.text(max_size=300), statuses=st.lists(st.sampled_from(LIVE), min_size=0, max_size=80))
@settings(max_examples=30, deadline=None)
def test_any_number_in_any_state_fits(words: str, statuses: list[RunStatus]) -> None:
    lines = [line(n, words, status, reason=words) for n, status in enumerate(statuses)]

    check(overview(lines, LATER))
    check(overview_over(lines, LATER))


def test_further_runs_are_counted_and_what_needs_a_person_is_not_among_them() -> None:
    lines = [line(n) for n in range(MOST_RUNS + 13)] + [line(900, status=RunStatus.STUCK)]

    message = overview(lines, LATER)

    check(message)
    assert "… and 14 more runs" in shown(message)
    assert shown(message).splitlines()[0].startswith(f"<{HOME}archives/C0123456789/p1764273600000900|R-900>")
    assert "1 NEEDS A PERSON" in message.blocks[0]["text"]["text"]
    assert "a person is needed by R-900" in message.text


def test_a_line_says_what_the_board_says() -> None:
    message = overview([line(status=RunStatus.RUNNING)], LATER)

    (said,) = shown(message).splitlines()
    assert said.startswith(f"<{HOME}archives/C0123456789/p1764273600000017|R-17> · words · words → words")
    assert "*RUNNING, step 13 of 30* · 40 %" in said
    assert f"control plane down since <!date^{int(NOON.timestamp())}^{{time}}|12:00:00 UTC>" in said


def test_since_when_the_control_plane_is_down_follows_from_the_run() -> None:
    view = a_view(status=RunStatus.RUNNING, units=UnitStatus.RUNNING)
    began = NOON + timedelta(minutes=2)
    units = {key: replace(unit, first_started_at=began) for key, unit in view.state.units.items()}

    assert summary(replace(view, state=replace(view.state, units=units))).down_since == began
    assert summary(a_view(status=RunStatus.WAITING)).down_since is None


def test_what_is_asked_is_said_as_far_as_there_is_room() -> None:
    asks = [line(n, status=RunStatus.NEEDS_PERSON, reason="which one? " * 20) for n in range(50)]
    few, many = overview(asks[:3], LATER), overview(asks[:20] + [line(n) for n in range(20, 50)], LATER)
    all_of_them = overview(asks, LATER)

    assert shown(few).count("which one? " * 19) == 3
    assert shown(many).count("which one? which one?") == 20
    assert shown(all_of_them).count("NEEDS A PERSON, step 13 of 30") == 50
    for message in (few, many, all_of_them):
        check(message)


def test_it_says_when_that_was() -> None:
    message = overview([line()], LATER)

    assert f"As of *<!date^{int(LATER.timestamp())}^{{time_secs}}|12:07:00 UTC>*" in str(message.blocks[1])
    assert message.text == "At 12:07:00 UTC 1 rollback is under way in this channel: 1 running."


def test_nothing_in_a_line_moves_with_the_time() -> None:
    """So a line that was made is right for as long as the run's journal stands still."""
    view = a_view(status=RunStatus.RUNNING, units=UnitStatus.RUNNING)
    first, second = (overview([Line(summary(view), "")], LATER + timedelta(hours=n)) for n in range(2))

    assert shown(first) == shown(second)
    assert first.blocks[1] != second.blocks[1]


def test_what_ended_is_not_counted_as_under_way() -> None:
    message = overview([line(1), line(2, status=RunStatus.SUCCEEDED)], LATER)

    assert "Overview: 1 rollback under way" in message.blocks[0]["text"]["text"]
    assert "*SUCCEEDED*" in shown(message)


def test_the_last_edit_names_what_is_left_and_nobodys_state() -> None:
    message = overview_over([line(1), line(2), line(3, status=RunStatus.SUCCEEDED)], LATER)

    check(message)
    assert "|R-1>" in shown(message)
    assert "|R-2>" in shown(message)
    assert "|R-3>" not in shown(message)
    assert "RUNNING" not in str(message.blocks)


def test_what_is_posted_first_says_nothing_of_any_run() -> None:
    message = overview_to_come()

    check(message)
    assert not re.search(r"R-\d|\d", message.text)


@pytest.mark.parametrize(
    ("channel", "ts"), [("C1", ""), ("", "1.2"), ("#inc", "1.2"), ("C1|x", "1.2"), ("C1", "1.2>"), ("C1", "12")]
)
def test_an_address_that_cannot_be_made_is_none(channel: str, ts: str) -> None:
    assert not address_of(HOME, channel, ts)


@pytest.mark.parametrize("status", LIVE)
def test_a_board_beside_an_overview_says_since_when_and_where_to_look(status: RunStatus) -> None:
    view = a_view(HOSTILE, status=status)

    message = board(view, LATER, overview=f"{HOME}archives/C1/p12")

    check(message)
    assert f"<{HOME}archives/C1/p12|the overview>" in str(message.blocks)
    assert f"as of <!date^{int(LATER.timestamp())}^" in str(message.blocks)
    assert "the overview" not in str(board(view, LATER).blocks)


def test_a_board_of_what_has_ended_points_nowhere() -> None:
    message = board(a_view(status=RunStatus.SUCCEEDED), LATER, overview=f"{HOME}archives/C1/p12")

    assert "overview" not in str(message.blocks)
    assert "as of" not in str(message.blocks)
