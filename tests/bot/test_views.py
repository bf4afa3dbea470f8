"""Everything shown fits Slack's limits and says what it should, whatever people and hosts wrote."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import mrkdwn, views
from bot.slack_forms import values_of
from bot.views_board import board
from bot.views_buttons import ASKS_WORDS, Clicked, read_value, value_of, verbs
from bot.views_home import home
from bot.views_modal import message_modal, preview_modal, reason_modal, start_modal
from bot.views_steps import MOST_LINES, clock_of, steps_block
from core.action import Output, Verb
from core.journal import Kind
from core.progress import measure
from core.run_states import RunStatus
from core.unit_states import UnitStatus
from store.records import KeptOutput
from tests.bot.views_making import (
    HOSTILE,
    NOON,
    a_preview,
    a_view,
    check_home,
    check_message,
    check_modal,
    texts_of,
)
from tests.fakes import make_plan, make_target

LATER = NOON + timedelta(minutes=7)
WORDS = st.one_of(
    st.text(max_size=200), st.just(HOSTILE), st.just("&" * 10_000), st.just("`" * 400), st.just("x" * 10_000)
)


@pytest.mark.parametrize("status", RunStatus)
@pytest.mark.parametrize("words", [HOSTILE, "&<>" * 4_000, "", "plain words"])
def test_a_board_fits_in_every_state(status: RunStatus, words: str) -> None:
    view = a_view(words, status=status, steps=60, hosts=3, units=UnitStatus.FAILED, done=40)

    shown = board(view, LATER)

    check_message(shown.text, shown.blocks)


@given(words=WORDS, status=st.sampled_from(RunStatus), units=st.sampled_from(UnitStatus), done=st.integers(0, 9))
@settings(max_examples=20, deadline=None)
def test_a_board_fits_whatever_was_written(words: str, status: RunStatus, units: UnitStatus, done: int) -> None:
    view = a_view(words, status=status, steps=9, hosts=2, units=units, done=done)

    shown = board(view, LATER)

    check_message(shown.text, shown.blocks)


def test_a_board_of_200_hosts_and_60_steps_fits() -> None:
    view = a_view(HOSTILE, status=RunStatus.RUNNING, steps=60, hosts=200, units=UnitStatus.RUNNING, done=7)

    shown = board(view, LATER)

    check_message(shown.text, shown.blocks)


@pytest.mark.parametrize("status", RunStatus)
def test_the_state_is_a_word_in_header_and_sentence(status: RunStatus) -> None:
    shown = board(a_view(status=status), LATER)

    header = shown.blocks[0]["text"]["text"]
    word = {RunStatus.WAITING: "WAITING FOR APPROVALS", RunStatus.NEEDS_PERSON: "NEEDS A PERSON"}.get(
        status, status.value.upper()
    )
    assert word in header
    assert "R-17" in shown.text
    assert shown.text.endswith(".")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (RunStatus.WAITING, ("approve", "veto", "withdraw", "details")),
        (RunStatus.CLAIMED, ("details",)),
        (RunStatus.RUNNING, ("pause", "abort", "details")),
        (RunStatus.PAUSED, ("resume", "abort", "leave", "details")),
        (RunStatus.NEEDS_PERSON, ("retry", "skip", "abort", "leave", "details")),
        (RunStatus.STUCK, ("retry", "skip", "leave", "details")),
        (RunStatus.UNWINDING, ("details",)),
        (RunStatus.SUCCEEDED, ("report",)),
        (RunStatus.REFUSED, ("report",)),
    ],
)
def test_buttons_are_what_can_be_asked(status: RunStatus, expected: tuple[str, ...]) -> None:
    assert verbs(a_view(status=status)) == expected


@pytest.mark.parametrize("status", [RunStatus.RUNNING, RunStatus.PAUSED, RunStatus.NEEDS_PERSON])
def test_once_a_destructive_step_began_abort_is_not_offered_and_the_board_says_why(status: RunStatus) -> None:
    view = a_view(status=status, destructive=0)

    assert "abort" not in verbs(view)
    assert "from here only forward" in str(board(view, LATER).blocks)


def test_before_it_the_board_says_until_when_aborting_is_safe() -> None:
    view = a_view(status=RunStatus.RUNNING, destructive=2)

    assert "Aborting is safe until step 3" in str(board(view, LATER).blocks)


def test_every_button_has_words_for_a_screen_reader_and_says_what_was_seen() -> None:
    for status in RunStatus:
        view = a_view("x" * 200, status=status)
        rows = [block for block in board(view, LATER).blocks if block["type"] == "actions"]
        for element in rows[0]["elements"]:
            assert 0 < len(element["accessibility_label"]) <= 75
            assert element["value"] == value_of(view)
            assert element["value"].startswith("R-17:3f9c12ab")


def test_a_value_that_is_none_of_ours_is_read_as_nothing() -> None:
    assert read_value("R-17:3f9c12ab") == Clicked("R-17", "3f9c12ab", "")
    assert read_value("R-17:3f9c12ab:41") == Clicked("R-17", "3f9c12ab", "41")
    assert read_value("R-17") == Clicked()
    assert read_value("") == Clicked()


def test_done_steps_of_a_long_plan_are_counted() -> None:
    view = a_view(status=RunStatus.RUNNING, steps=40, done=25)
    progress = measure(view.run.plan, view.state, LATER)

    lines = steps_block(progress.steps, progress.current).splitlines()

    assert len(lines) <= MOST_LINES + 3
    assert "steps done" in lines[1]
    assert lines[-2].startswith("… ")
    assert "waiting" in lines[-2]


def test_what_failed_is_never_among_the_counted() -> None:
    view = a_view(status=RunStatus.RUNNING, steps=40, done=1, units=UnitStatus.FAILED)
    progress = measure(view.run.plan, view.state, LATER)

    assert "✗ failed" in steps_block(progress.steps, 30)


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (21, "0:21"), (725, "12:05"), (3_723, "1:02:03")])
def test_a_clock(seconds: float, shown: str) -> None:
    assert clock_of(seconds) == shown


FACTS = [
    {"what": "claimed", "people": ["bo", "p1"]},
    {"what": "approval_dropped", "person": "bo", "reason": HOSTILE},
    {"what": "person_needed", "reason": HOSTILE * 50, "choices": ["retry", "abort"]},
    {"what": "step_done", "step": "s0", "units": 3, "counts": {"done": 3}, "hosts": [HOSTILE] * 200, "took_s": 3},
    {"what": "step_undone", "step": "s0", "units": 3, "counts": {"undone": 3}, "hosts": ["h"], "took_s": 3},
    *({"what": "decision", "decision": k, "by": "bo", "units": [HOSTILE] * 40, "reason": HOSTILE * 40} for k in
      (Kind.RETRIED, Kind.SKIPPED, Kind.SETTLED_DONE, Kind.RECHECK, Kind.UNDO_RETRIED)),
    {"what": "decision", "decision": "stopped", "by": "bo", "reason": "enough", "step": "s0"},
    {"what": "decision", "decision": "confirmed", "by": "bo", "reason": "", "step": "s0"},
    {"what": "decision", "decision": "paused", "by": "bo", "reason": HOSTILE, "step": ""},
]  # fmt: skip


@pytest.mark.parametrize("facts", FACTS, ids=lambda facts: str(facts["what"]))
def test_a_message_of_the_thread_fits(facts: dict[str, object]) -> None:
    shown = views.render(facts, a_view(HOSTILE, status=RunStatus.RUNNING), (), "T1", LATER)

    check_message(shown.text, shown.blocks)


@pytest.mark.parametrize("status", [status for status in RunStatus if status.ended])
def test_the_end_mentions_the_requester_once(status: RunStatus) -> None:
    facts = {"what": "ended", "status": status.value, "by": "bo", "reason": HOSTILE * 90, "person": "ana"}

    shown = views.render(facts, a_view(HOSTILE, status=status), (), "T1", LATER)

    check_message(shown.text, shown.blocks, mentions=1)
    assert shown.text.startswith("<@U1>")
    elsewhere = views.render(facts, a_view(HOSTILE, status=status), (), "T2", LATER)
    assert "<@" not in elsewhere.text


def test_a_failure_shows_the_end_of_what_was_printed() -> None:
    view = a_view(status=RunStatus.NEEDS_PERSON)
    printed = Output(head="first\n", tail=f"{HOSTILE}\n" * 500 + "last words", left_out=9_000, size=99_999)
    kept = KeptOutput(unit="s0@h", verb=Verb.DO, attempt=1, exit_code=3, at=NOON, output=printed)
    facts = {
        "what": "unit_failed",
        "step": "s0",
        "unit": "s0@h",
        "verb": "do",
        "attempt": 1,
        "seen": True,
        "reason": HOSTILE,
        "again": False,
    }

    shown = views.render(facts, view, (kept,), "T1", LATER)

    check_message(shown.text, shown.blocks)
    assert shown.blocks[1]["text"]["text"].endswith("last words\n```")


@given(words=WORDS, refused=st.booleans())
@settings(max_examples=20, deadline=None)
def test_the_preview_fits(words: str, refused: bool) -> None:
    check_modal(preview_modal(a_preview(words, steps=60, refused=refused), nonce="n"))


@pytest.mark.parametrize("verb", ASKS_WORDS)
def test_a_decision_fits(verb: str) -> None:
    for words in (HOSTILE, "x" * 10_000, ""):
        check_modal(reason_modal(verb, a_view(words, status=RunStatus.NEEDS_PERSON, hosts=200)))


def test_the_first_page_fits_and_asks_for_the_right_things() -> None:
    targets = [make_target(f"prod-{i}") for i in range(150)]
    plans = [make_plan(f"plan-{i}", "x" * 200) for i in range(150)]

    for page in (
        start_modal(targets, plans, chosen="prod-3", nonce="n" * 22),
        start_modal(targets, [], chosen="", nonce="n"),
        start_modal(targets, [], chosen="prod-1", nonce="n"),
        start_modal([], [], chosen="", nonce="n"),
        message_modal("A title that is much longer than Slack allows", "text"),
    ):
        check_modal(page)


def test_another_target_has_another_block_of_plans() -> None:
    first, second = (
        start_modal([make_target("a"), make_target("b")], [make_plan()], chosen=name, nonce="n")["blocks"]
        for name in ("a", "b")
    )

    named = [[block["block_id"] for block in page] for page in (first, second)]
    assert [block for block in named[0] if block in named[1]] == ["target", "incident", "reason", "typed"]
    assert [block for block in named[0] if block not in named[1]] == ["plan-a", "parameters-a", "accepted-a"]


def test_app_home_fits() -> None:
    runs = [a_view(HOSTILE, status=status) for status in RunStatus for _ in range(9)]

    check_home(home(runs, LATER))
    assert "Nothing is running" in str(home([], LATER))


@given(text=WORDS, limit=st.integers(2, 400))
@settings(max_examples=100, deadline=None)
def test_escaped_text_carries_nothing_and_stays_within_its_limit(text: str, limit: int) -> None:
    for made in (mrkdwn.escape(text, limit), mrkdwn.code(text, max(4, limit)), mrkdwn.entities(text, limit)):
        assert len(made) <= max(4, limit)
        assert "<" not in made
        assert ">" not in made
    assert not set(mrkdwn.escape(text, limit)) & set("*`~")
    assert mrkdwn.code(text, 100).count("`") == 2
    assert mrkdwn.pre(text, 300).count("`") == 6
    assert len(mrkdwn.pre(text, 300)) <= 300


def test_plain_text_has_nothing_to_decode() -> None:
    assert mrkdwn.plain_text("a & <b>", 10) == "a ＆ ‹b›"
    assert mrkdwn.plain_text("", 10) == "-"


def test_values_of_an_empty_dialog() -> None:
    assert values_of({}) == {}
    blank = {
        "state": {"values": {"b": {"x": {"type": "plain_text_input", "value": None}, "y": {"selected_option": None}}}}
    }
    assert values_of(blank) == {"x": "", "y": ""}


def test_texts_of_finds_them_all() -> None:
    assert len(texts_of(board(a_view(), LATER).blocks)) > 10
