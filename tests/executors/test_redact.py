"""Secrets are masked: the known ones exactly, the others by their shape, however the text is cut."""

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executors.redact import LONGEST_LINE, MASK, Redactor, redact

PEM = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mysql -uroot -pS3cret nova", f"mysql -uroot -p{MASK} nova"),
        ("mysqldump --password=foo db", f"mysqldump --password={MASK} db"),
        ("mysqldump --password foo db", f"mysqldump --password {MASK} db"),
        ("OS_PASSWORD='a b'; x", f"OS_PASSWORD={MASK}; x"),
        ("export TOKEN=abc", f"export TOKEN={MASK}"),
        ("password: hunter2", f"password: {MASK}"),
        ('{"api_key": "k", "n": 1}', f'{{"api_key": {MASK}, "n": 1}}'),
        ("Authorization: Bearer abc.def", f"Authorization: Bearer {MASK}"),
        (
            "connection = mysql+pymysql://nova:pw@10.0.0.1/nova",
            f"connection = mysql+pymysql://nova:{MASK}@10.0.0.1/nova",
        ),
        ("xoxb-12-ab and xapp-1-A", f"{MASK} and {MASK}"),
        ("AKIAABCDEFGHIJKLMNOP", MASK),
        (f"key:\n{PEM}after", f"key:\n{MASK}\nafter"),
        ("ls -p dir; systemctl stop mysql", "ls -p dir; systemctl stop mysql"),
        ("ssh -p 22 web1", "ssh -p 22 web1"),
        ("5 of 7 tokens left", "5 of 7 tokens left"),
    ],
)
def test_shapes(text: str, shown: str) -> None:
    assert redact(text) == shown


@given(st.lists(st.integers(min_value=0, max_value=400), max_size=10))
def test_cutting_the_text_anywhere_changes_nothing(cuts: list[int]) -> None:
    text = f"a s3cret-word here\nmysql -ptopsecret\n{PEM}token=abc def\ntail s3cret-word"
    redactor = Redactor(["s3cret-word"])
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]

    shown = "".join(redactor.feed(text[a:b]) for a, b in itertools.pairwise(edges)) + redactor.finish()

    assert shown == redact(text, ["s3cret-word"])
    assert shown == f"a {MASK} here\nmysql -p{MASK}\n{MASK}\ntoken={MASK} def\ntail {MASK}"


def test_a_secret_in_an_endless_line_is_masked() -> None:
    redactor = Redactor(["s3cret-word"])
    shown = ""
    for n in range(3000):
        shown += redactor.feed(f"{n} s3cret-word ")

    assert len(shown) > LONGEST_LINE  # it does not wait for ever
    shown += redactor.finish()
    assert "cret" not in shown
    assert shown.count(MASK) == 3000


def test_a_private_key_that_never_ends_stays_masked() -> None:
    assert redact("-----BEGIN RSA PRIVATE KEY-----\nAAA\n" + "B" * 100_000) == f"{MASK}\n"


def test_a_secret_of_several_lines_is_masked_line_by_line() -> None:
    assert redact("x\nfirst-line\nsecond-line\n", ["first-line\nsecond-line"]) == f"x\n{MASK}\n{MASK}\n"


def test_words_too_short_to_be_secrets_are_left() -> None:
    assert redact("a cat sat", ["a", "cat", ""]) == "a cat sat"


@pytest.mark.parametrize("evil", ["a", "mysql ", "a.a.", "x://", "password", "authorization: "])
def test_no_text_makes_it_slow(evil: str) -> None:
    began = time.process_time()
    redact(evil * (200_000 // len(evil)))

    assert time.process_time() - began < 5  # a quadratic pattern would take minutes
