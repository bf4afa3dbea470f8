"""Small checks that combine into the shape of a block; each says where (JSON pointer) and what is wrong."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    pointer: str  #: "/blocks/0/text"
    message: str


#: Looks at a value at a pointer and yields what is wrong with it.
Check = Callable[[Any, str], Iterator[Problem]]


def string(*, most: int, least: int = 0) -> Check:
    def check(value: Any, at: str) -> Iterator[Problem]:
        if not isinstance(value, str):
            yield Problem(at, f"must be a string, not {type(value).__name__}")
        elif len(value) > most:
            yield Problem(at, f"must be less than {most + 1} characters")
        elif len(value) < least:
            yield Problem(at, f"must be more than {least - 1} characters")

    return check


def flag(value: Any, at: str) -> Iterator[Problem]:
    if not isinstance(value, bool):
        yield Problem(at, "must be a boolean")


def number(*, least: int = 0, most: int | None = None) -> Check:
    def check(value: Any, at: str) -> Iterator[Problem]:
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or value < least or (most is not None and value > most):
            yield Problem(at, f"must be a whole number from {least}" + (f" to {most}" if most else ""))

    return check


def real(value: Any, at: str) -> Iterator[Problem]:
    if not isinstance(value, int | float) or isinstance(value, bool):
        yield Problem(at, "must be a number")


def word(*words: str) -> Check:
    def check(value: Any, at: str) -> Iterator[Problem]:
        if value not in words:
            yield Problem(at, f"must be one of {', '.join(words)}")

    return check


def anything(_value: Any, _at: str) -> Iterator[Problem]:
    yield from ()


def array(of: Check, *, most: int, least: int = 1) -> Check:
    def check(value: Any, at: str) -> Iterator[Problem]:
        if not isinstance(value, list):
            yield Problem(at, "must be an array")
            return
        if len(value) > most:
            yield Problem(at, f"no more than {most} items allowed")
        if len(value) < least:
            yield Problem(at, f"no fewer than {least} items allowed")
        for index, each in enumerate(value):
            yield from of(each, f"{at}/{index}")

    return check


def text(*kinds: str, most: int, least: int = 1) -> Check:
    """A text object: {"type": one of *kinds*, "text": ...}."""
    kinds = kinds or ("plain_text", "mrkdwn")
    length = string(most=most, least=least)

    def check(value: Any, at: str) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield Problem(at, "must be an object with type and text")
            return
        if value.get("type") not in kinds:
            yield Problem(f"{at}/type", f"must be one of {', '.join(kinds)}")
            return
        allowed = {"type", "text", "emoji"} if value["type"] == "plain_text" else {"type", "text", "verbatim"}
        yield from _unknown(value, allowed, at)
        yield from length(value.get("text"), f"{at}/text")

    return check


def shape(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object with exactly these fields; `type` is always allowed."""
    fields = {"type": anything, **required, **(optional or {})}

    def check(value: Any, at: str) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield Problem(at, "must be an object")
            return
        yield from _unknown(value, set(fields), at)
        for name in required:
            if value.get(name) is None:
                yield Problem(at, f"missing required field: {name}")
        for name, each in value.items():
            if name in fields and each is not None:
                yield from fields[name](each, f"{at}/{name}")

    return check


def any_of(names: tuple[str, ...], check: Check) -> Check:
    """An object in which at least one of *names* must be there."""

    def both(value: Any, at: str) -> Iterator[Problem]:
        yield from check(value, at)
        if isinstance(value, dict) and not any(value.get(name) for name in names):
            yield Problem(at, f"missing required field: {' or '.join(names)}")

    return both


def by_type(shapes: Mapping[str, Check]) -> Check:
    """An object whose `type` chooses its shape."""

    def check(value: Any, at: str) -> Iterator[Problem]:
        if not isinstance(value, dict) or "type" not in value:
            yield Problem(at, "missing required field: type")
        elif str(value["type"]) not in shapes:
            yield Problem(f"{at}/type", f"unsupported type: {value['type']}")
        else:
            yield from shapes[str(value["type"])](value, at)

    return check


def _unknown(value: Json, allowed: set[str], at: str) -> Iterator[Problem]:
    for name in value:
        if name not in allowed:
            yield Problem(at, f"invalid additional property: {name}")
