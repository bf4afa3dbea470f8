"""A dialog is one person's, for a while, and is sent once."""

import pytest

from bot import slack_forms
from bot.slack_forms import Forms, block_of, pairs_of, values_of
from core.errors import RefusedError
from core.ports import StartRequest

REQUEST = StartRequest(target="prod", reason="500s", typed="prod")


def test_each_page_is_sent_once() -> None:
    forms = Forms()
    first = forms.open("U1", "C1")

    second = forms.fill(first, "U1", REQUEST)

    assert forms.take(second, "U1").request == REQUEST
    for used in (first, second, "", "made up"):
        with pytest.raises(RefusedError, match="was sent already"):
            forms.take(used, "U1")


def test_a_dialog_is_nobody_elses() -> None:
    forms = Forms()
    nonce = forms.open("U1", "C1")

    with pytest.raises(RefusedError):
        forms.take(nonce, "U2")
    assert forms.take(nonce, "U1").channel == "C1"


def test_a_dialog_that_stood_open_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    forms = Forms()
    nonce = forms.open("U1", "C1")

    monkeypatch.setattr(slack_forms, "FORM_LIFE_S", -1.0)

    with pytest.raises(RefusedError, match="too old"):
        forms.look(nonce, "U1")


def test_only_so_many_are_kept() -> None:
    forms = Forms()

    opened = [forms.open("U1", "C1") for _ in range(slack_forms.MOST_FORMS + 1)]

    with pytest.raises(RefusedError):
        forms.look(opened[0], "U1")
    assert forms.look(opened[1], "U1")


def test_what_stands_in_the_inputs() -> None:
    view = {
        "state": {
            "values": {
                "plan-prod": {"plan": {"type": "static_select", "selected_option": {"value": "old"}}},
                "reason": {"reason": {"type": "plain_text_input", "value": "x"}},
            }
        }
    }

    assert values_of(view) == {"plan": "old", "reason": "x"}
    assert block_of(view, "plan") == "plan-prod"
    assert block_of(view, "typed") == ""


def test_pairs_one_a_line() -> None:
    assert pairs_of("clusters = cust-a,cust-b\n\n wait=5 ") == {"clusters": "cust-a,cust-b", "wait": "5"}
    assert pairs_of("clusters=label:tier=gold") == {"clusters": "label:tier=gold"}
    assert pairs_of("") == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("clusters", "line 1 should be NAME=VALUE, is 'clusters'"),
        ("a=1\n=2", "line 2 should be NAME=VALUE, is '=2'"),
        ("a=1\na=2", "line 2: a was given before"),
        ("a=", "line 1 should be NAME=VALUE"),
        ("a=\u202e1", "hidden"),
    ],
)
def test_pairs_that_are_none(text: str, said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        pairs_of(text)
