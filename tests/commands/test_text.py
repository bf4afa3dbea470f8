import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commands.grammar import hidden
from commands.text import LIMIT, code, count, duration, fence, fit, plain, some


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("stop_api@controller-1[nova-api]", "stop_api@controller-1[nova-api]"),
        ("*approved*", "∗approved∗"),
        ("_so_", "＿so＿"),
        ("<!channel> <@U1> <https://evil|ok>", "‹!channel› ‹@U1› ‹https://evil|ok›"),
        ("> quoted\nsecond", "› quoted second"),
        ("`code` ~gone~", "ˋcodeˋ ∼gone∼"),
        (":white_check_mark: approved", "∶white_check_mark: approved"),
        ("a\u202eb\x1b[31m", "a�b�[31m"),
        ("[here](https://evil)", "[here] (https://evil)"),
        ("12:43 it's 5 o'clock", "12:43 it's 5 o'clock"),
        ("x" * 400, "x" * 299 + "…"),
    ],
)
def test_what_people_wrote_is_made_plain(written: str, shown: str) -> None:
    assert plain(written) == shown


@settings(deadline=None)
@given(st.text())
def test_nothing_written_is_markup_any_more(text: str) -> None:
    shown = plain(text)
    assert not re.search(r"[*`~<>\n\r]|:[a-z0-9_+'-]+:|\]\(|(?<![^\W_])_|_(?![^\W_])", shown)
    assert not any(hidden(c) for c in shown)
    assert len(shown) <= 300


@settings(deadline=None)
@given(st.text())
def test_nothing_ends_a_code_span(text: str) -> None:
    span = code(text)
    assert span[0] == span[-1] == "`"
    assert span.count("`") == 2
    assert not set("<>\n\r") & set(span)


@settings(deadline=None)
@given(st.text(alphabet="`a\n"))
def test_nothing_ends_a_fence(text: str) -> None:
    lines = fence(text).split("\n")
    assert lines[0] == lines[-1]
    assert not any(re.fullmatch(rf"\s*{lines[0]}`*\s*", line) for line in lines[1:-1])


@settings(deadline=None)
@given(st.lists(st.text(max_size=500) | st.text("&a", max_size=500)), st.integers(min_value=100, max_value=3000))
def test_lines_always_fit(lines: list[str], limit: int) -> None:
    text = fit(lines, limit)
    assert len(text.replace("&", "&amp;")) <= limit


def test_what_does_not_fit_is_counted() -> None:
    text = fit([f"line {i}" for i in range(1000)])
    kept = text.split("\n")
    assert len(text) <= LIMIT
    assert kept[-1] == f"… and {1000 - len(kept) + 1} more"


def test_lists_numbers_and_times() -> None:
    assert some(list("abcd"), 2) == "a, b and 2 more"
    assert (count(1, "host"), count(3, "host")) == ("1 host", "3 hosts")
    assert [duration(s) for s in (0.4, 59, 60, 372, 3600, 7500)] == [
        "0 s",
        "59 s",
        "1 min",
        "6 min 12 s",
        "1 h",
        "2 h 5 min",
    ]
