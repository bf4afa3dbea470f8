import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commands import find
from commands.base import Command, Option
from commands.grammar import MAX_CHARACTERS, arrange, check_clean, hidden, quote, read
from core.errors import RefusedError

REASON = Option(name="reason", what="why")
LEAVE = Option(name="leave", what="undo nothing", takes_value=False)
MANY = Option(name="accept-unknown", what="a point", repeats=True)
VERB = Command(
    name="verb", usage="verb A B", summary="", handle=find("targets").handle, options=(REASON, LEAVE, MANY), max_words=2
)


def parsed(text: str) -> tuple[tuple[str, ...], dict[str, str]]:
    words, options = arrange(VERB, read(text).tokens)
    return words, dict(options)


@pytest.mark.parametrize(
    ("text", "words", "options"),
    [
        ("verb", (), {}),
        ("verb a b", ("a", "b"), {}),
        ("  verb\ta   b ", ("a", "b"), {}),
        ('verb "a b" c', ("a b", "c"), {}),
        ("verb 'a b' c", ("a b", "c"), {}),
        ("verb “a b” c", ("a b", "c"), {}),
        ("verb „a b“ c", ("a b", "c"), {}),
        ("verb ‘a b’ c", ("a b", "c"), {}),
        ('verb “a b" c', ("a b", "c"), {}),
        ("verb it's fine", ("it's", "fine"), {}),
        ('verb --reason "it\'s fine, "really""', (), {"reason": 'it\'s fine, "really"'}),
        ('verb --reason ""', (), {"reason": ""}),
        ("verb --reason=why a", ("a",), {"reason": "why"}),
        ('verb --reason="why not" a', ("a",), {"reason": "why not"}),
        ("verb —reason why", (), {"reason": "why"}),
        ("verb –reason why", (), {"reason": "why"}),
        ("verb --REASON why", (), {"reason": "why"}),
        ("verb a --leave b", ("a", "b"), {"leave": ""}),
        ('verb "--leave"', ("--leave",), {}),
        ('verb --reason "--leave"', (), {"reason": "--leave"}),
        ('verb --accept-unknown a="x y" --accept-unknown b=z', (), {"accept-unknown": "a=x y\nb=z"}),
        ("verb <@U1|ana>", ("<@U1|ana>",), {}),
        ("verb $(reboot) ;reboot", ("$(reboot)", ";reboot"), {}),
        ("verb a\\nb", ("a\\nb",), {}),
    ],
)
def test_a_line_is_read_as(text: str, words: tuple[str, ...], options: dict[str, str]) -> None:
    assert parsed(text) == (words, options)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("verb a b c", "'c' is one word too many"),
        ('verb "a b', "is not closed"),
        ("verb --reson why", "no option '--reson'; did you mean 'reason'?"),
        ("verb -x", "no option '--x'"),
        ("verb --reason", "--reason wants a value (why)"),
        ("verb --reason --leave", "--reason wants a value"),
        ("verb --reason a --reason b", "--reason is given twice"),
        ("verb --leave=yes", "--leave takes no value"),
        ("verb a\nb", "one line at a time"),
        ("verb a\x00b", "U+0000"),
        ("verb a\u202eb", "U+202E"),
        ("verb a\u2066b", "U+2066"),
        ("verb a\u200bb", "U+200B"),
        ("verb a\ud800b", "U+D800"),
        ("verb " + "a" * 1000, "1,000 are allowed"),
    ],
)
def test_a_line_is_refused(text: str, says: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        parsed(text)
    assert says in str(refusal.value)


def test_long_words_are_cut_in_messages() -> None:
    with pytest.raises(RefusedError) as refusal:
        parsed("verb a b " + "x" * 900)
    assert len(str(refusal.value)) < 200


def test_an_emoji_made_of_several_is_ordinary_text() -> None:
    assert parsed('verb "👩‍🚒 says so"')[0] == ("👩‍🚒 says so",)


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        line = read(text)
        arrange(VERB, line.tokens)
    except RefusedError:
        return
    assert not any(hidden(c) for token in line.tokens for c in token.text)


@settings(deadline=None)
@given(st.lists(st.text(alphabet="abc '\"“”’=-—\\$`<>|é", max_size=12), min_size=1, max_size=2))
def test_a_quoted_word_is_read_back(words: list[str]) -> None:
    tokens = read("verb " + " ".join(map(quote, words))).tokens
    for word, token in zip(words, tokens, strict=True):
        assert token.text in (word, "".join("´" if c in '"“”„‟' else c for c in word))


def test_the_bound_is_the_whole_line() -> None:
    check_clean("a" * MAX_CHARACTERS)
    with pytest.raises(RefusedError):
        check_clean("a" * (MAX_CHARACTERS + 1))
