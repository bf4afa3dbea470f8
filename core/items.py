"""What a `foreach` goes over on one target: pairs of an item and a host, all hosts of one item before the next item."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from core.errors import RefusedError
from core.ledger import Ledger
from core.plan import Foreach, Plan
from core.target import Host, Target

#: What a recorded item may look like. It becomes a word of a command: neither empty, nor an option, nor hidden.
ITEM = re.compile(r"[^\s\x00-\x1f-][^\x00-\x1f]*")

Pair = tuple[str, Host]


def pairs(
    foreach: Foreach | None,
    hosts: Sequence[Host],
    *,
    what: str,
    plan: Plan,
    target: Target,
    ledger: Ledger,
    chosen: Sequence[str] = (),
) -> tuple[Pair, ...]:
    """
    Return what is to be done once each; the item is "" where there is no `foreach`. *what* names the step or look,
    *chosen* the items of the fleet that the requester chose.

    Raises:
        RefusedError: the items are not recorded, are none, or cannot be words of a command.
    """
    if foreach is None:
        return tuple(("", host) for host in hosts)
    if foreach.baseline:
        return _of_baseline(foreach.baseline, hosts, what=what, plan=plan, ledger=ledger)
    items = chosen if foreach.fleet else foreach.items or _of_fact(foreach.fact, what, target)
    return tuple((item, host) for item in items for host in hosts)


def text_of(value: Any) -> str:
    """Return a fact as its file spells it: `true`, not Python's True."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _of_fact(fact: str, what: str, target: Target) -> tuple[str, ...]:
    items = target.facts.get(fact)
    if not isinstance(items, list) or not items:
        raise RefusedError(
            f"{what} goes over the fact '{fact}', which target '{target.id}' has not recorded as a list "
            "with something in it"
        )
    found = tuple(map(text_of, items))
    _check(found, what, f"fact '{fact}'")
    return found


def _of_baseline(name: str, hosts: Sequence[Host], *, what: str, plan: Plan, ledger: Ledger) -> tuple[Pair, ...]:
    """Each host's own list; the items in the order in which they are met, host after host."""
    may_be_empty = plan.baseline(name).may_be_empty
    own: dict[str, tuple[str, ...]] = {}
    for host in hosts:
        recorded = ledger.baseline.get(f"{name}@{host.name}", ledger.baseline.get(name))
        if recorded is None or not (recorded.strip() or may_be_empty):
            raise RefusedError(
                f"{what} goes over the baseline '{name}', of which nothing is recorded for '{host.name}'; "
                f"record it with `belay baseline capture {ledger.target} {plan.id}` while the target is on the old "
                "release"
            )
        own[host.name] = list_of(recorded)
        _check(own[host.name], what, f"baseline '{name}' of '{host.name}'")
    items = dict.fromkeys(item for found in own.values() for item in found)
    return tuple((item, host) for item in items for host in hosts if item in own[host.name])


def list_of(recorded: str) -> tuple[str, ...]:
    """Return the items of a recorded list: a line each, blank ones left out."""
    return tuple(line.strip() for line in recorded.splitlines() if line.strip())


def _check(items: Iterable[str], what: str, source: str) -> None:
    seen: set[str] = set()
    for item in items:
        if not ITEM.fullmatch(item):
            raise RefusedError(f"{what} cannot go over '{item}' ({source}): no usable word")
        if item in seen:
            raise RefusedError(f"{what} would go over '{item}' twice ({source})")
        seen.add(item)
