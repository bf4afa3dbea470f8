"""The newest of several hosts: by numbers, within one history, or not at all."""

import pytest

from core.election import newest
from core.errors import RefusedError


@pytest.mark.parametrize(
    ("answers", "chosen"),
    [
        ({"a": "u 5", "b": "u 7\n", "c": "u 6"}, "b"),
        ({"a": "u 999", "b": "u 1000"}, "b"),  # as text 999 would be the newer one
        ({"a": "u 4294967296", "b": "u 4294967295"}, "a"),  # more than 32 bits
        ({"a": "u 18446744073709551614", "b": "u 99999999999999999999"}, "b"),  # more than 64
        ({"b": "u 7", "a": "u 7"}, "b"),  # of equals, always the same
        ({"a": "cluster one 1", "b": "cluster one 2"}, "b"),
    ],
)
def test_the_highest_number_is_the_newest(answers: dict[str, str], chosen: str) -> None:
    assert newest(answers) == chosen


def test_two_histories_are_nobody_s_to_choose_from() -> None:
    with pytest.raises(RefusedError, match=r"the histories differ \(a: u, b: v\)"):
        newest({"a": "u 1", "b": "v 2"})


@pytest.mark.parametrize("printed", ["", "7", "u", "u -1", "u x", "u 7.5", "u ٣"])
def test_what_tells_no_position_is_refused(printed: str) -> None:
    with pytest.raises(RefusedError, match="b should tell a history and a number"):
        newest({"a": "u 1", "b": printed})
