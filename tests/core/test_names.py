"""Words people type: near ones are offered, hostile ones refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.action import Action, Verb
from core.errors import UnknownNameError
from core.names import did_you_mean, is_name, pick


@pytest.mark.parametrize("word", ["a", "prod-east", "R-17", "v1.2_3", "0", "x" * 63])
def test_names(word: str) -> None:
    assert is_name(word)


@pytest.mark.parametrize(
    "word", ["", "-x", ".x", "a b", "a/b", "a;b", "a\n", "$(x)", "ä", "a\u202eb", "x" * 64, "a@b", "../x", "a'"]
)
def test_no_names(word: str) -> None:
    assert not is_name(word)


def test_a_near_one_is_offered() -> None:
    assert did_you_mean("newtn", ["ocata", "newton"]) == "; did you mean 'newton'?"
    assert did_you_mean("zzz", ["ocata", "newton"]) == "; known: newton, ocata"
    assert did_you_mean("zzz", []) == ""
    assert did_you_mean("zzz", [f"n{i}" for i in range(10, 99)]).count(",") == 7


def test_a_known_one_is_taken_and_another_refused() -> None:
    assert pick("plan", "newton", ["newton"]) == "newton"
    with pytest.raises(UnknownNameError, match=r"^no plan 'newtn' for prod-east; did you mean 'newton'\?$"):
        pick("plan", "newtn", ["newton"], context="for prod-east")


def _key(unit: str, verb: Verb = Verb.DO, attempt: int = 1) -> str:
    return Action(run_id="R-1", unit=unit, verb=verb, attempt=attempt, argv=("x",), timeout_s=1).key


@given(st.text(), st.text())
def test_two_units_never_share_a_claim_on_a_host(one: str, other: str) -> None:
    assert (_key(one) == _key(other)) == (one == other)


@given(st.text(max_size=40))
def test_a_claim_is_a_safe_word(unit: str) -> None:
    assert all(c.isascii() and (c.isalnum() or c in "-_.+") for c in _key(unit))


def test_another_attempt_is_another_claim() -> None:
    assert len({_key("a"), _key("a", attempt=2), _key("a", Verb.UNDO)}) == 3
