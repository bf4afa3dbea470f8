"""Output is bounded in memory and cut between characters, whatever comes."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from executors.output import Bounded, Decoder


@given(st.text(), st.lists(st.integers(min_value=0), max_size=6))
def test_bytes_cut_anywhere_are_the_same_text(text: str, cuts: list[int]) -> None:
    data = text.encode("utf-8", "replace")
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    whole, pieces = Decoder(), Decoder()

    decoded = "".join(pieces.feed(data[a:b]) for a, b in itertools.pairwise(edges))

    assert decoded + pieces.feed(b"", final=True) == whole.feed(data, final=True)


def test_what_is_no_text_shows_as_such() -> None:
    assert Decoder().feed(b"a\0b\xff\x07\t\r\n\x1b[1m", final=True) == "a�b��\t\r\n\x1b[1m"


@given(st.lists(st.text(), max_size=30))
def test_head_and_tail_are_kept_and_the_rest_is_counted(pieces: list[str]) -> None:
    bounded = Bounded(head=10, tail=7)
    for piece in pieces:
        bounded.add(piece)
    whole = "".join(pieces).encode("utf-8", "replace")
    output = bounded.output()
    head, tail = output.head.encode(), output.tail.encode()

    assert output.size == len(whole)
    assert output.left_out == len(whole) - len(head) - len(tail)
    assert whole.startswith(head)
    assert whole.endswith(tail)
    assert len(head) <= 17
    assert len(tail) <= 7
    assert output.left_out == 0 or len(head) > 10 - 4


def test_small_output_is_all_head() -> None:
    bounded = Bounded(head=3, tail=3)
    bounded.add("abcdé")

    assert bounded.output().head == "abcdé"
    assert bounded.output().tail == ""
