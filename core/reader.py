"""
Plans, from the mapping their author wrote to `core.plan.Plan`. The format is shown in docs/plan-format.yaml.

What can be known without a target is checked here, so that nothing of it can surprise anyone at night. What may be
legal and is still a trap is `core.lint`'s business.
"""

from collections.abc import Mapping
from typing import Any

from core import plan as p
from core.conditions import Condition
from core.errors import PlanError
from core.fields import Fields, join, name, one_of, regex, say, text, texts
from core.plan_checks import check_plan

#: No command may be given more time than a day.
LONGEST_S = 86_400.0
SHORTEST_S = 0.001

_PLAN = (
    *("id", "version", "system", "title", "summary", "from", "to", "impact", "roles", "parameters", "snapshots"),
    *("points_of_no_return", "preflight", "steps", "validations", "approvals"),
)
_COMMAND = ("argv", "script", "timeout_s")
_LOOK = (*_COMMAND, "expect", "every_s", "within_s")
_CHECK = ("id", "title", "role", "on", "severity", *_LOOK)
_PROBE = ("role", "on", *_COMMAND, "ttl_s", "asks", "reversible", "crossed")
_POINT = ("id", "event", "way_forward", "checkpoints", "may_accept_unknown", "probes")
_STEP = (
    *("id", "title", "why", "role", "on", "elect", "order", "foreach", "when", "do", "undo", "verify", "probe"),
    *("retries", "retry_wait_s", "idempotent", "destructive", "loses", "confirm", "guard", "max_failures"),
    *("on_failure", "effects", "usual_s"),
)
_CONDITION = ("exit", "equals", "differs", "matches", "lacks", "empty", "at_least", "at_most")


def build_plan(data: Any, *, file: str = "") -> p.Plan:
    """
    Read a plan.

    Raises:
        PlanError: it is not well formed; `where` is a path such as "steps/3/do/argv", counted from 0.
    """
    try:
        plan = _plan(Fields(data, "", _PLAN))
        check_plan(plan)
    except PlanError as error:
        raise error.located(file, None) from None
    return plan


def _plan(f: Fields) -> p.Plan:
    return p.Plan(
        id=f.name("id"),
        version=f.text("version"),
        system=f.name("system"),
        title=f.text("title", ""),
        summary=f.text("summary", ""),
        origin=f.text("from"),
        destination=f.text("to"),
        impact=_impact(f.data.get("impact", {}), f.at("impact")),
        roles={key: _role(value, f"roles/{key}") for key, value in f.named("roles").items()},
        parameters={key: _parameter(value, f"parameters/{key}") for key, value in f.named("parameters").items()},
        snapshots={key: _snapshot(value, f"snapshots/{key}") for key, value in f.named("snapshots").items()},
        points_of_no_return=tuple(_point(each, at) for at, each in f.items("points_of_no_return")),
        preflight=tuple(_check(each, at) for at, each in f.items("preflight")),
        steps=tuple(_step(each, at) for at, each in f.items("steps")),
        validations=tuple(_check(each, at) for at, each in f.items("validations")),
        approvals=_policy(f.data.get("approvals", {}), f.at("approvals")),
    )


def _impact(data: Any, where: str) -> p.Impact:
    f = Fields(data, where, ("control_plane", "workloads", "minutes", "rto_minutes"))
    return p.Impact(
        control_plane=f.text("control_plane", p.Impact().control_plane),
        workloads=f.text("workloads", p.Impact().workloads),
        minutes=f.number("minutes", 0.0),
        rto_minutes=f.number("rto_minutes", 0.0),
    )


def _role(data: Any, where: str) -> p.Role:
    f = Fields({} if data is None else data, where, ("min", "reachable", "what"))
    reachable = one_of(f.data.get("reachable", "all"), ("all", "any", "none"), f.at("reachable"))
    return p.Role(min=f.whole("min", 1, low=1), reachable=reachable, what=f.text("what", ""))


def _parameter(data: Any, where: str) -> p.Parameter:
    f = Fields({} if data is None else data, where, ("pattern", "default", "fact", "what"))
    return p.Parameter(
        pattern=f.pattern("pattern") or p.Parameter().pattern,
        default=f.text("default") if f.has("default") else None,
        fact=f.text("fact", ""),
        what=f.text("what", ""),
    )


def _snapshot(data: Any, where: str) -> p.SnapshotNeed:
    f = Fields(data, where, ("kind", "what"))
    return p.SnapshotNeed(kind=f.name("kind"), what=f.text("what", ""))


def _policy(data: Any, where: str) -> p.Policy:
    f = Fields(data, where, ("needed", "expires_min"))
    return p.Policy(
        needed=f.whole("needed", p.Policy().needed, low=1),
        expires_min=f.number("expires_min", p.Policy().expires_min, low=1, high=1440),
    )


def _point(data: Any, where: str) -> p.PointOfNoReturn:
    f = Fields(data, where, _POINT)
    return p.PointOfNoReturn(
        id=f.name("id"),
        event=f.text("event"),
        way_forward=f.text("way_forward", ""),
        checkpoints=tuple(name(each, join(f.at("checkpoints"), i)) for i, each in enumerate(f.words("checkpoints"))),
        probes=tuple(_probe(each, at) for at, each in f.items("probes")),
        may_accept_unknown=f.flag("may_accept_unknown"),
    )


def _probe(data: Any, where: str) -> p.Probe:
    f = Fields(data, where, _PROBE)
    return p.Probe(
        role=f.name("role"),
        on=f.choice("on", p.On, p.On.ALL),
        command=_command(f),
        reversible=_condition(f, "reversible"),
        crossed=_condition(f, "crossed"),
        ttl_s=f.number("ttl_s", 120.0, low=5, high=LONGEST_S),
        asks=f.text("asks", ""),
    )


def _check(data: Any, where: str) -> p.Check:
    f = Fields(data, where, _CHECK)
    return p.Check(
        id=f.name("id"),
        title=f.text("title", ""),
        role=f.name("role"),
        on=f.choice("on", p.On, p.On.ALL),
        look=_look_of(f),
        severity=f.choice("severity", p.Severity, p.Severity.BLOCKER),
    )


def _step(data: Any, where: str) -> p.Step:
    f = Fields(data, where, _STEP)
    items, items_fact = _foreach(f)
    return p.Step(
        id=f.name("id"),
        title=f.text("title", ""),
        why=f.text("why", ""),
        role=f.name("role"),
        on=f.choice("on", p.On, p.On.ALL),
        elect=_look(f, "elect"),
        order=_order(f.data.get("order", "parallel"), f.at("order")),
        foreach=items,
        foreach_fact=items_fact,
        when=_when(f.data["when"], f.at("when")) if f.has("when") else None,
        do=_command_at(f, "do"),
        undo=_command_at(f, "undo"),
        verify=_verify(f),
        probe=_look(f, "probe"),
        retries=f.whole("retries", 0, high=100),
        retry_wait_s=f.number("retry_wait_s", 5.0, high=LONGEST_S),
        idempotent=f.flag("idempotent"),
        destructive=f.flag("destructive"),
        loses=f.text("loses", ""),
        confirm=f.text("confirm", ""),
        guard=f.words("guard"),
        max_failures=f.whole("max_failures", 0),
        on_failure=f.choice("on_failure", p.OnFailure, p.OnFailure.ASK),
        control_plane=_effects(f.data.get("effects", {}), f.at("effects")),
        usual_s=f.number("usual_s", 0.0),
    )


def _verify(f: Fields) -> p.Look:
    f.need("verify", "a command that ended well has not yet had its effect; say how to see it")
    return _look_of(Fields(f.data["verify"], f.at("verify"), _LOOK))


def _foreach(f: Fields) -> tuple[tuple[str, ...], str]:
    """Return the items, or the name of the fact that holds them."""
    value = f.data.get("foreach")
    if "foreach" not in f.data:
        return (), ""
    if isinstance(value, Mapping):
        return (), Fields(value, f.at("foreach"), ("fact",)).text("fact")
    if not isinstance(value, list):
        raise PlanError(f.at("foreach"), f"should be a list or {{fact: NAME}}, is {say(value)}")
    if not value:
        raise PlanError(f.at("foreach"), "is an empty list: the step would do nothing and be called done")
    return texts(value, f.at("foreach")), ""


def _order(data: Any, where: str) -> p.Order:
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


def _when(data: Any, where: str) -> p.When:
    f = Fields(data, where, ("fact", "equals"))
    equals = f.data.get("equals", True)
    if not isinstance(equals, str | int | float):
        raise PlanError(f.at("equals"), f"should be a text, a number, true or false, is {say(equals)}")
    return p.When(fact=f.text("fact"), equals=equals)


def _effects(data: Any, where: str) -> str:
    f = Fields(data, where, ("control_plane",))
    return one_of(f.data["control_plane"], ("down", "up"), f.at("control_plane")) if f.has("control_plane") else ""


def _look(f: Fields, key: str) -> p.Look | None:
    return _look_of(Fields(f.data[key], f.at(key), _LOOK)) if f.has(key) else None


def _look_of(f: Fields) -> p.Look:
    return p.Look(
        command=_command(f),
        expect=_condition(f, "expect"),
        every_s=f.number("every_s", 2.0, low=0.05, high=LONGEST_S),
        within_s=f.number("within_s", 0.0, high=LONGEST_S),
    )


def _command_at(f: Fields, key: str) -> p.Command | None:
    return _command(Fields(f.data[key], f.at(key), _COMMAND)) if f.has(key) else None


def _command(f: Fields) -> p.Command:
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


def _condition(f: Fields, key: str) -> Condition:
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
