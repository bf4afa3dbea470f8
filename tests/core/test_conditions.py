"""What an answer is held against."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.conditions import Condition


@pytest.mark.parametrize(
    ("condition", "exit_code", "stdout", "holds"),
    [
        (Condition(exit=(0,)), 0, "whatever", True),
        (Condition(exit=(0,)), 1, "whatever", False),
        (Condition(exit=(0, 3)), 3, "", True),
        (Condition(equals="active"), 1, " active\n", True),  # white space around is none of ours
        (Condition(equals="active"), 0, "inactive", False),
        (Condition(equals=" active "), 0, "active", True),
        (Condition(differs="active"), 0, "failed", True),
        (Condition(differs="active"), 0, "active\n", False),
        (Condition(matches="^yes"), 0, "no\nyes, it is", True),  # on any line
        (Condition(matches="^yes"), 0, "oh yes", False),
        (Condition(lacks="(?i)error"), 0, "fine", True),
        (Condition(lacks="(?i)error"), 0, "some ERROR", False),
        (Condition(empty=True), 0, " \n", True),
        (Condition(empty=True), 0, "x", False),
        (Condition(empty=False), 0, "x", True),
        (Condition(empty=False), 0, "", False),
        (Condition(at_least=3), 0, "3 of 5", True),
        (Condition(at_least=3), 0, "2.9", False),
        (Condition(at_most=3), 0, "free: -7", True),
        (Condition(at_least=1, at_most=3), 0, "2", True),
        (Condition(at_least=1, at_most=3), 0, "4", False),
        (Condition(at_least=0), 0, "no number here", False),
        (Condition(exit=(0,), equals="a"), 1, "a", False),  # all have to hold
        (Condition(exit=(0,), equals="a"), 0, "b", False),
        (Condition(exit=(0,), equals="a"), 0, "a", True),
    ],
)
def test_holds(condition: Condition, exit_code: int, stdout: str, holds: bool) -> None:
    assert condition.holds(exit_code, stdout) is holds


@given(st.integers(0, 255), st.text())
def test_a_condition_that_tests_nothing_never_holds(exit_code: int, stdout: str) -> None:
    assert not Condition().holds(exit_code, stdout)


@given(st.text())
def test_equals_and_differs_are_opposites(stdout: str) -> None:
    assert Condition(equals="x").holds(0, stdout) is not Condition(differs="x").holds(0, stdout)


@given(st.text())
def test_matches_and_lacks_are_opposites(stdout: str) -> None:
    assert Condition(matches="[a-z]+").holds(0, stdout) is not Condition(lacks="[a-z]+").holds(0, stdout)


@given(st.integers(-1000, 1000), st.integers(-1000, 1000))
def test_bounds(value: int, bound: int) -> None:
    assert Condition(at_least=bound).holds(0, f"n={value}") is (value >= bound)
    assert Condition(at_most=bound).holds(0, f"n={value}") is (value <= bound)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (Condition(exit=(0,), equals="active"), "exit 0 and equal to 'active'"),
        (Condition(exit=(0, 3)), "exit 0 or 3"),
        (Condition(differs="a", lacks="b"), "other than 'a' and without 'b'"),
        (Condition(empty=True), "nothing printed"),
        (Condition(empty=False, at_least=2), "something printed and at least 2"),
        (Condition(), "never"),
    ],
)
def test_in_words(condition: Condition, words: str) -> None:
    assert str(condition) == words
