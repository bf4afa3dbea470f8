"""Which objects `-l` and `--field-selector` choose (kubernetes.io/docs/concepts/overview/working-with-objects)."""

from __future__ import annotations

import re

from sandbox.systems.tools.kube import settled
from sandbox.systems.tools.machine import SaysNoError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.systems.tools.state import Data
    from sandbox.systems.tools.words import Words

#: Terms are joined by commas, and a set in parentheses has commas of its own.
_TERMS = re.compile(r",(?![^(]*\))")
_SET = re.compile(r"(?P<key>\S+)\s+(?P<op>in|notin)\s+\((?P<values>[^)]*)\)")
_EQUAL = re.compile(r"(?P<key>[^=!\s]+)\s*(?P<op>!=|==?)\s*(?P<value>\S*)")
_THERE = re.compile(r"(?P<not>!?)(?P<key>[A-Za-z0-9][^=!\s]*)")


def selected(objects: list[Data], words: Words) -> list[Data]:
    """
    Raises:
        SaysNoError: a selector cannot be read.
    """
    for text in words.all("-l", "--selector"):
        tests = [_test(term.strip()) for term in _TERMS.split(text) if term.strip()]
        objects = [one for one in objects if all(test(one["metadata"].get("labels", {})) for test in tests)]
    for text in words.all("--field-selector"):
        fields = [_field(term.strip()) for term in text.split(",")]
        objects = [one for one in objects if all(test(settled(one)) for test in fields)]
    return objects


def _test(term: str) -> Callable[[Data], bool]:
    if found := _SET.fullmatch(term):
        values = {value.strip() for value in found["values"].split(",")}
        key, wanted = found["key"], found["op"] == "in"
        return lambda labels: (labels.get(key) in values) is wanted
    if found := _EQUAL.fullmatch(term):
        key, value, same = found["key"], found["value"], found["op"] != "!="
        return lambda labels: (labels.get(key) == value) is same
    if found := _THERE.fullmatch(term):
        key, there = found["key"], not found["not"]
        return lambda labels: (key in labels) is there
    raise SaysNoError(f"error: unable to parse requirement: found '{term}', expected: identifier, '!', or \"in\"")


def _field(term: str) -> Callable[[Data], bool]:
    found = _EQUAL.fullmatch(term)
    if found is None:
        raise SaysNoError(f"error: invalid selector: '{term}'; can't understand '{term}'")
    path, value, same = found["key"].split("."), found["value"], found["op"] != "!="

    def test(one: Data) -> bool:
        here: object = one
        for part in path:
            here = here.get(part, "") if isinstance(here, dict) else ""
        return (str(here) == value) is same

    return test
