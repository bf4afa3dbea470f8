"""Commands, looks, conditions and what they are repeated over, from the mapping their author wrote."""

from collections.abc import Mapping
from typing import Any

from core import plan as p
from core.conditions import Condition
from core.errors import PlanError
from core.fields import Fields, join, regex, say, text, texts

#: No command may be given more time than a day.
LONGEST_S = 86_400.0
SHORTEST_S = 0.001

COMMAND = ("argv", "script", "timeout_s")
LOOK = (*COMMAND, "expect", "every_s", "within_s")
_WAYS = "{fact: NAME}, {baseline: NAME} or {items: NAME}"
_CONDITION = ("exit", "equals", "differs", "matches", "lacks", "empty", "at_least", "at_most")


def foreach(f: Fields) -> p.Foreach | None:
    """Return what the place is repeated over; None where it says nothing of it."""
    value, where = f.data.get("foreach"), f.at("foreach")
    if "foreach" not in f.data:
        return None
    if isinstance(value, Mapping):
        return _foreach_of(Fields(value, where, ("fact", "baseline", "items")))
    if not isinstance(value, list):
        raise PlanError(where, f"should be a list, or {_WAYS}; is {say(value)}")
    if not value:
        raise PlanError(where, "is an empty list: the step would do nothing and be called done")
    return p.Foreach(items=texts(value, where))


def _foreach_of(f: Fields) -> p.Foreach:
    if len(f.data) != 1:
        raise PlanError(f.where, f"should name one thing: {_WAYS}")
    if f.has("items"):
        return p.Foreach(fleet=f.name("items"))
    if f.has("baseline"):
        return p.Foreach(baseline=f.name("baseline"))
    return p.Foreach(fact=f.text("fact"))


def order(data: Any, where: str) -> p.Order:
    if data == "parallel":
        return p.Order()
    if data == "serial":
        return p.Order(batch=1)
    if not isinstance(data, Mapping) or len(data) != 1:
        raise PlanError(where, f"should be parallel, serial, {{batch: 2}} or {{percent: 33}}, is {say(data)}")
    f = Fields(data, where, ("batch", "percent"))
    if f.has("batch"):
        return p.Order(batch=f.whole("batch", low=1))
    return p.Order(percent=f.whole("percent", low=1, high=100))


def look(f: Fields, key: str) -> p.Look | None:
    return look_of(Fields(f.data[key], f.at(key), LOOK)) if f.has(key) else None


def look_of(f: Fields) -> p.Look:
    return p.Look(
        command=command(f),
        expect=condition(f, "expect"),
        every_s=f.number("every_s", 2.0, low=0.05, high=LONGEST_S),
        within_s=f.number("within_s", 0.0, high=LONGEST_S),
    )


def command_at(f: Fields, key: str) -> p.Command | None:
    return command(Fields(f.data[key], f.at(key), COMMAND)) if f.has(key) else None


def command(f: Fields) -> p.Command:
    if f.has("argv") == f.has("script"):
        both = "not both" if f.has("argv") else "and there is neither"
        raise PlanError(f.at("argv"), f"a command is either words (argv) or a script, {both}")
    f.need("timeout_s", "no command may wait for ever")
    timeout_s = f.number("timeout_s", low=SHORTEST_S, high=LONGEST_S)
    if f.has("script"):
        return p.Command(script=f.text("script"), timeout_s=timeout_s)
    return p.Command(argv=_argv(f.data["argv"], f.at("argv")), timeout_s=timeout_s)


def _argv(data: Any, where: str) -> tuple[str, ...]:
    if not isinstance(data, list) or not data:
        raise PlanError(where, f"should be a list of words, not a shell line; is {say(data)}")
    # An empty word is a legal argument (`grep ''`), but nothing can be called by it.
    words = tuple(each if each == "" else text(each, join(where, i)) for i, each in enumerate(data))
    if not words[0]:
        raise PlanError(join(where, 0), "should name a program, is empty")
    return words


def condition(f: Fields, key: str) -> Condition:
    f.need(key, "for example {exit: 0}")
    c = Fields(f.data[key], f.at(key), _CONDITION)
    if not c.data:
        raise PlanError(c.where, "tests nothing; for example {exit: 0}")
    return Condition(
        exit=_exit(c.data["exit"], c.at("exit")) if c.has("exit") else None,
        equals=c.text("equals") if c.has("equals") else None,
        differs=c.text("differs") if c.has("differs") else None,
        matches=regex(c.data["matches"], c.at("matches")) if c.has("matches") else None,
        lacks=regex(c.data["lacks"], c.at("lacks")) if c.has("lacks") else None,
        empty=c.flag("empty") if c.has("empty") else None,
        at_least=c.number("at_least", low=-1e18) if c.has("at_least") else None,
        at_most=c.number("at_most", low=-1e18) if c.has("at_most") else None,
    )


def _exit(data: Any, where: str) -> tuple[int, ...]:
    codes = data if isinstance(data, list) else [data]
    for code in codes:
        if isinstance(code, bool) or not isinstance(code, int) or not 0 <= code <= 255:
            raise PlanError(where, f"should be an exit status from 0 to 255, or a list of them, is {say(code)}")
    if not codes:
        raise PlanError(where, "is an empty list: nothing could ever fit")
    return tuple(codes)
