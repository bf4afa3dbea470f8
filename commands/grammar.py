"""
The closed grammar of a typed line: a verb, words, `--options`. Nothing in it is ever run or expanded.

Quotes open at the start of a word or after "=", and close before white space or the end, so that `it's` needs none.
Typographic quotes and dashes count as the plain ones: chat clients and documents put them in unasked.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from commands.base import Command, Option
from core.errors import RefusedError, UnknownNameError
from core.names import did_you_mean

#: Characters of one line; a reason fits, a pasted log does not.
MAX_CHARACTERS = 1_000

_DOUBLE = frozenset('"“”„‟')
_SINGLE = frozenset("'‘’‚‛")
_LONG_DASHES = "—–―"
#: Invisible, and yet part of ordinary writing: joiners of scripts and of emoji.
_JOINERS = frozenset("\u200c\u200d")


@dataclass(frozen=True, slots=True)
class Token:
    text: str
    quoted: bool  #: it began with a quote, so a leading "--" means nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A typed line before anyone looked at what its verb allows."""

    verb: str  #: lower case; "" for an empty line
    tokens: tuple[Token, ...]


def hidden(character: str) -> bool:
    """True for what a reader cannot see or what turns text around: controls, bidi overrides, lone surrogates."""
    category = unicodedata.category(character)
    if category == "Cf":
        return character not in _JOINERS
    return category in ("Cc", "Cs", "Co", "Zl", "Zp")


def check_clean(text: str) -> None:
    """
    Raises:
        RefusedError: *text* is too long or holds characters that hide what it says.
    """
    if len(text) > MAX_CHARACTERS:
        raise RefusedError(
            f"the line has {len(text)} characters, {MAX_CHARACTERS:,} are allowed; put the long story in the thread"
        )
    for place, character in enumerate(text, 1):
        if character in "\r\n":
            raise RefusedError("one line at a time; a line break is not allowed")
        if character != "\t" and hidden(character):
            raise RefusedError(
                f"character {place} (U+{ord(character):04X}) is hidden or turns the text around; type it again by hand"
            )


def read(text: str) -> Line:
    """
    Take a typed line apart into its verb and the rest.

    Raises:
        RefusedError: hidden characters, too long, or a quote that is not closed.
    """
    check_clean(text)
    tokens = tuple(_tokens(text))
    if not tokens:
        return Line(verb="", tokens=())
    return Line(verb=tokens[0].text.lower(), tokens=tokens[1:])


def _tokens(text: str) -> Iterable[Token]:
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        token, place = _token(text, place)
        yield token


def _token(text: str, start: int) -> tuple[Token, int]:
    if text[start] in _DOUBLE | _SINGLE:
        inside, end = _quoted(text, start)
        return Token(inside, quoted=True), end
    word, place = "", start
    while place < len(text) and not text[place].isspace():
        if text[place] in _DOUBLE | _SINGLE and word.endswith("="):
            inside, end = _quoted(text, place)
            return Token(_plain_dashes(word) + inside, quoted=False), end
        word += text[place]
        place += 1
    return Token(_plain_dashes(word), quoted=False), place


def _quoted(text: str, start: int) -> tuple[str, int]:
    kind = _DOUBLE if text[start] in _DOUBLE else _SINGLE
    for place in range(start + 1, len(text)):
        last = place + 1 == len(text) or text[place + 1].isspace()
        if text[place] in kind and last:
            return text[start + 1 : place], place + 1
    raise RefusedError(f"the quote that opens at {shown(text[start : start + 20])} is not closed; add the closing one")


def _plain_dashes(word: str) -> str:
    return "--" + word[1:] if word[:1] in tuple(_LONG_DASHES) else word


def arrange(command: Command, tokens: Sequence[Token]) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """
    Sort *tokens* into the words and options *command* allows.

    Raises:
        RefusedError: an unknown option, one without its value or given twice, or too many words.
    """
    known = {option.name: option for option in command.options}
    words: list[str] = []
    options: dict[str, str] = {}
    rest = list(tokens)
    while rest:
        token = rest.pop(0)
        if token.quoted or not token.text.startswith("-"):
            words.append(token.text)
            continue
        option, value = _option(command, known, token.text)
        if option.takes_value and value is None:
            value = _value(command, option, rest)
        _store(options, option, value or "")
    if len(words) > command.max_words:
        extra = shown(words[command.max_words])
        raise RefusedError(
            f"{extra} is one word too many; put words that belong together in quotes. usage: {command.usage}"
        )
    return tuple(words), options


def _option(command: Command, known: Mapping[str, Option], text: str) -> tuple[Option, str | None]:
    name, equals, value = text.lstrip("-").partition("=")
    option = known.get(name.lower())
    if option is None:
        near = did_you_mean(name, known) if known else "; it takes none"
        raise UnknownNameError(f"`{command.name}` has no option {shown('--' + name)}{near}")
    if equals and not option.takes_value:
        raise RefusedError(f"--{option.name} takes no value")
    return option, value if equals else None


def _value(command: Command, option: Option, rest: list[Token]) -> str:
    if not rest or (rest[0].text.startswith("--") and not rest[0].quoted):
        raise RefusedError(f"--{option.name} wants a value ({option.what}). usage: {command.usage}")
    return rest.pop(0).text


def _store(options: dict[str, str], option: Option, value: str) -> None:
    if option.name not in options:
        options[option.name] = value
    elif option.repeats:
        options[option.name] += "\n" + value
    else:
        raise RefusedError(f"--{option.name} is given twice; which one is meant?")


def assignment(word: str) -> tuple[str, str] | None:
    """Return the name and value of `NAME=VALUE`, or None if *word* is not one."""
    name, equals, value = word.partition("=")
    return (name, value) if equals and name else None


def shown(word: str, limit: int = 60) -> str:
    """A typed word for a message: quoted and bounded."""
    return f"'{word if len(word) <= limit else word[: limit - 1] + '…'}'"


def quote(word: str) -> str:
    """Write *word* so that `read` gives it back as one word."""
    plain = word and not any(c.isspace() for c in word) and word[0] not in (*_DOUBLE, *_SINGLE, "-", *_LONG_DASHES)
    if plain and "=" not in word:
        return word
    # A quote inside closes only where white space follows; then the other kind is used.
    for mark, kind in (('"', _DOUBLE), ("'", _SINGLE)):
        if not any(c in kind and (i + 1 == len(word) or word[i + 1].isspace()) for i, c in enumerate(word)):
            return f"{mark}{word}{mark}"
    return '"' + "".join("´" if c in _DOUBLE else c for c in word) + '"'
