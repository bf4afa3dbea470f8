"""
Fleets: which items a plan acts on (hosted clusters, for example), and in which waves.

Pure: what the discovering look printed and what the requester chose come in as text; the chosen items go out.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.errors import RefusedError
from core.items import ITEM
from core.names import did_you_mean, is_name
from core.plan import Fleet, Step

#: What a requester may type to choose: names, labels, versions and files, joined by commas.
SELECTION = r"[A-Za-z0-9][A-Za-z0-9._:/=,@+-]*"
_EVERYTHING = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetItem:
    """One member of a fleet, as the discovering look described it."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The items a run acts on, in the order they are taken. Frozen into the run: nothing is discovered again."""

    fleet: str  #: the name of the plan's list
    items: tuple[FleetItem, ...]
    found: int  #: how many there were to choose from

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(item.name for item in self.items)

    def item(self, name: str) -> FleetItem:
        return next(item for item in self.items if item.name == name)


def read_items(what: str, printed: str) -> tuple[FleetItem, ...]:
    """
    Read what a discovering look printed: a JSON list of {"name", "labels", "version", "facts"}.

    Raises:
        RefusedError: it is no such list, or an item stands in it twice.
    """
    try:
        data = json.loads(printed)
    except ValueError as error:
        raise RefusedError(f"{what} cannot be discovered: the answer should be JSON ({error})") from None
    if not isinstance(data, list):
        raise RefusedError(f"{what} cannot be discovered: the answer should be a list, is {type(data).__name__}")
    found: dict[str, FleetItem] = {}
    for index, each in enumerate(data):
        item = _item(each, f"{what} cannot be discovered: item {index}")
        if item.name in found:
            raise RefusedError(f"{what} cannot be discovered: '{item.name}' stands in the answer twice")
        found[item.name] = item
    return tuple(found.values())


def _item(data: Any, where: str) -> FleetItem:
    if not isinstance(data, dict):
        raise RefusedError(f"{where} should be an object with a name, is {type(data).__name__}")
    if unknown := sorted(set(data) - {"name", "labels", "version", "facts"}):
        raise RefusedError(f"{where} has the unknown key '{unknown[0]}'; known: name, labels, version, facts")
    name, version = data.get("name"), data.get("version", "")
    if not isinstance(name, str) or not ITEM.fullmatch(name) or "," in name:
        raise RefusedError(f"{where} should have a name without white space at its ends, '-' in front or ','")
    if not isinstance(version, str):
        raise RefusedError(f"{where} ('{name}') should have its version as a text")
    labels, facts = _texts(data, "labels", f"{where} ('{name}')"), _texts(data, "facts", f"{where} ('{name}')")
    return FleetItem(name=name, labels=labels, version=version, facts=facts)


def _texts(data: Mapping[str, Any], key: str, where: str) -> dict[str, str]:
    found = data.get(key, {})
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise RefusedError(f'{where} should have {key} as texts: {{"key": "value"}}')
    return dict(found)


def select(
    fleet: Fleet, found: Sequence[FleetItem], chosen: str, lines_of: Callable[[str], Sequence[str]]
) -> Selection:
    """
    Return the items *chosen* names, in the order of its terms; *lines_of* reads a file of names.

    Raises:
        RefusedError: a term chooses nothing, names an item that is not there, or an item lacks a fact.
    """
    known = {item.name: item for item in found}
    taken: dict[str, FleetItem] = {}
    for term in filter(None, (each.strip() for each in chosen.split(","))):
        items = _chosen(term, fleet, known, lines_of)
        if not items:
            raise RefusedError(
                f"'{term}' chooses none of the {len(known)} {fleet.what or fleet.name}{_hint(term, found)}"
            )
        taken |= {item.name: item for item in items}
    if not taken:
        raise RefusedError(f"'{chosen}' chooses no {fleet.what or fleet.name}; name some, or say `all`")
    for item in taken.values():
        _check_facts(item, fleet)
    return Selection(fleet=fleet.name, items=tuple(taken.values()), found=len(known))


def _chosen(
    term: str, fleet: Fleet, known: Mapping[str, FleetItem], lines_of: Callable[[str], Sequence[str]]
) -> list[FleetItem]:
    kind, colon, value = term.partition(":")
    if term == _EVERYTHING:
        return list(known.values())
    if colon and kind == "label":
        key, equals, wanted = value.partition("=")
        if not equals:
            raise RefusedError(f"a label is chosen as label:KEY=VALUE; what came was '{term}'")
        return [item for item in known.values() if item.labels.get(key) == wanted]
    if colon and kind == "version":
        return [item for item in known.values() if item.version == value]
    if colon and kind == "file":
        if not is_name(value):
            raise RefusedError(f"a file of names is chosen by its name alone; what came was '{term}'")
        return [_named(line, fleet, known, f" (file '{value}')") for line in lines_of(value)]
    return [_named(term, fleet, known, "")]


def _named(name: str, fleet: Fleet, known: Mapping[str, FleetItem], source: str) -> FleetItem:
    if name not in known:
        what = fleet.what or fleet.name
        raise RefusedError(f"there is no '{name}' among the {what} now{source}{did_you_mean(name, known)}")
    return known[name]


def _hint(term: str, found: Sequence[FleetItem]) -> str:
    kind, _, value = term.partition(":")
    if kind == "label":
        key = value.partition("=")[0]
        values = {item.labels[key] for item in found if key in item.labels}
        if values:
            return f"; values of '{key}': {', '.join(sorted(values)[:8])}"
        return f"; labels: {', '.join(sorted({each for item in found for each in item.labels})[:8]) or 'none'}"
    if kind == "version":
        return f"; versions: {', '.join(sorted({item.version for item in found if item.version})[:8]) or 'none'}"
    return ""


def _check_facts(item: FleetItem, fleet: Fleet) -> None:
    for fact in fleet.facts:
        value = item.facts.get(fact, "")
        if not ITEM.fullmatch(value):
            what = f"has '{value}'" if value else "has none"
            raise RefusedError(f"'{item.name}' should have the fact '{fact}' as one line with a value; it {what}")


def waves(names: Sequence[str], sizes: Sequence[int]) -> tuple[tuple[str, ...], ...]:
    """Split *names* into waves of these *sizes*; the last size repeats."""
    found: list[tuple[str, ...]] = []
    at = 0
    while at < len(names):
        size = sizes[min(len(found), len(sizes) - 1)]
        found.append(tuple(names[at : at + size]))
        at += size
    return tuple(found)


def groups(steps: Sequence[Step]) -> list[list[Step]]:
    """Steps over a fleet that follow one another belong together; every other step stands alone."""
    found: list[list[Step]] = []
    for step in steps:
        if found and over_fleet(step) and over_fleet(found[-1][-1]):
            found[-1].append(step)
        else:
            found.append([step])
    return found


def over_fleet(part: Step) -> bool:
    return part.foreach is not None and bool(part.foreach.fleet)
