"""
One mapping of a file, read field by field. Every refusal names its path and what was expected.

A word with an invisible or direction-changing character in it is refused everywhere: what people approve has to be
what they see.
"""

import math
import re
import unicodedata
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from core.errors import PlanError
from core.names import did_you_mean, is_name

E = TypeVar("E", bound=StrEnum)


class Fields:
    """The keys of one mapping. A key that is not among the *known* ones is refused at once."""

    def __init__(self, data: Any, where: str, known: Collection[str]) -> None:
        self.where = where
        self.data = mapping(data, where)
        for key in self.data:
            if key not in known:
                raise PlanError(join(where, key), f"is no key of this place{did_you_mean(str(key), known)}")

    def at(self, key: str) -> str:
        return join(self.where, key)

    def has(self, key: str) -> bool:
        return self.data.get(key) is not None

    def need(self, key: str, hint: str = "") -> Any:
        """
        Raises:
            PlanError: the key is missing, or has nothing in it.
        """
        if not self.has(key):
            raise PlanError(self.at(key), "is required" + (f"; {hint}" if hint else ""))
        return self.data[key]

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text that is not empty; the default, if there is one, where the key is missing."""
        if default is not None and not self.has(key):
            return default
        return text(self.need(key), self.at(key))

    def name(self, key: str) -> str:
        return name(self.need(key), self.at(key))

    def number(self, key: str, default: float | None = None, *, low: float = 0.0, high: float = math.inf) -> float:
        """Return a finite number from *low* to *high*."""
        if default is not None and not self.has(key):
            return default
        value = self.need(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise PlanError(self.at(key), f"should be a number, is {say(value)}")
        if not low <= value <= high:
            bounds = f"at least {low:g}" if high == math.inf else f"from {low:g} to {high:g}"
            raise PlanError(self.at(key), f"should be {bounds}, is {value:g}")
        return float(value)

    def whole(self, key: str, default: int | None = None, *, low: int = 0, high: float = math.inf) -> int:
        value = self.number(key, default, low=low, high=high)
        if value != int(value):
            raise PlanError(self.at(key), f"should be a whole number, is {value:g}")
        return int(value)

    def flag(self, key: str, *, default: bool = False) -> bool:
        value = self.data.get(key, default)
        if not isinstance(value, bool):
            raise PlanError(self.at(key), f"should be true or false, is {say(value)}")
        return value

    def choice(self, key: str, kind: type[E], default: E) -> E:
        if not self.has(key):
            return default
        return kind(one_of(self.data[key], [member.value for member in kind], self.at(key)))

    def words(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, none twice; () where the key is missing."""
        return texts(self.data[key], self.at(key)) if self.has(key) else ()

    def items(self, key: str) -> tuple[tuple[str, Any], ...]:
        """Return the entries of a list, each with its path."""
        value = self.data.get(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            raise PlanError(self.at(key), f"should be a list, is {say(value)}")
        return tuple((join(self.at(key), index), item) for index, item in enumerate(value))

    def named(self, key: str) -> dict[str, Any]:
        """Return a mapping whose keys are names; {} where the key is missing."""
        if not self.has(key):
            return {}
        found = mapping(self.data[key], self.at(key))
        return {name(each, join(self.at(key), each)): value for each, value in found.items()}

    def pattern(self, key: str) -> str | None:
        return regex(self.data[key], self.at(key)) if self.has(key) else None


def join(where: str, key: Any) -> str:
    return f"{where}/{key}" if where else str(key)


def say(value: Any) -> str:
    """Name a value in words a person who wrote YAML knows."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return f"'{value}'"


def mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise PlanError(where, f"should be a mapping (key: value), is {say(value)}")
    return value


def text(value: Any, where: str) -> str:
    if isinstance(value, int | float):
        raise PlanError(where, f"should be text, is {say(value)}; put it in quotes")
    if not isinstance(value, str):
        raise PlanError(where, f"should be text, is {say(value)}")
    if not value.strip():
        raise PlanError(where, "should be text, is empty")
    for character in value:
        if character not in "\n\t" and unicodedata.category(character) in ("Cc", "Cf", "Co", "Cs"):
            raise PlanError(where, f"has the invisible character U+{ord(character):04X} in it; take it out")
    return value


def texts(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise PlanError(where, f"should be a list, is {say(value)}")
    found = tuple(text(item, join(where, index)) for index, item in enumerate(value))
    for index, item in enumerate(found):
        if item in found[:index]:
            raise PlanError(join(where, index), f"'{item}' is listed twice")
    return found


def name(value: Any, where: str) -> str:
    if not is_name(word := text(value, where)):
        raise PlanError(where, f"should be a name (letters, digits, '.', '_', '-'; at most 63), is '{word}'")
    return word


def one_of(value: Any, known: Collection[str], where: str) -> str:
    if not isinstance(value, str) or value not in known:
        raise PlanError(where, f"should be {' or '.join(known)}, is {say(value)}")
    return value


def regex(value: Any, where: str) -> str:
    pattern = text(value, where)
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise PlanError(where, f"'{pattern}' is no regular expression: {error}") from error
    return pattern
