"""
Plans, from the mapping their author wrote to `core.plan.Plan`. The format is shown in docs/plan-format.yaml.

What can be known without a target is checked here, so that nothing of it can surprise anyone at night. What may be
legal and is still a trap is `core.lint`'s business.
"""

from dataclasses import replace
from typing import Any

from core import plan as p
from core.errors import PlanError
from core.fields import Fields, join, name, one_of, say
from core.fleet import SELECTION
from core.plan_checks import check_plan
from core.read_commands import COMMAND, LONGEST_S, LOOK, command, command_at, condition, foreach, look, look_of, order

_PLAN = (
    *("id", "version", "system", "title", "summary", "from", "to", "impact", "roles", "parameters", "items"),
    *("baselines", "snapshots", "points_of_no_return", "preflight", "steps", "validations", "approvals"),
)
_BASELINE = ("id", "what", "role", "on", "lines", "may_be_empty", "compare", *COMMAND)
_FLEET = ("what", "discover", "select", "facts", "waves", "pause", "max_failures")
_CHECK = ("id", "title", "role", "on", "foreach", "severity", *LOOK)
_VALIDATION = (*_CHECK, "keeps")
_PROBE = ("role", "on", "foreach", *COMMAND, "ttl_s", "asks", "reversible", "crossed")
_POINT = ("id", "event", "way_forward", "checkpoints", "may_accept_unknown", "probes")
_STEP = (
    *("id", "title", "why", "role", "on", "elect", "order", "foreach", "when", "do", "undo", "verify", "probe"),
    *("retries", "retry_wait_s", "idempotent", "destructive", "loses", "confirm", "guard", "max_failures"),
    *("abort_point", "keeps", "on_failure", "effects", "usual_s"),
)


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
    fleet = _fleet(f)
    parameters = {key: _parameter(value, f"parameters/{key}") for key, value in f.named("parameters").items()}
    chosen = parameters.get(fleet.select) if fleet else None
    if fleet is not None and chosen is not None and chosen.pattern == p.Parameter().pattern:
        parameters[fleet.select] = replace(chosen, pattern=SELECTION)
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
        parameters=parameters,
        fleet=fleet,
        baselines=tuple(_baseline(each, at) for at, each in f.items("baselines")),
        snapshots={key: _snapshot(value, f"snapshots/{key}") for key, value in f.named("snapshots").items()},
        points_of_no_return=tuple(_point(each, at) for at, each in f.items("points_of_no_return")),
        preflight=tuple(_check(each, at, _CHECK) for at, each in f.items("preflight")),
        steps=tuple(_step(each, at) for at, each in f.items("steps")),
        validations=tuple(_check(each, at, _VALIDATION) for at, each in f.items("validations")),
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


def _fleet(plan: Fields) -> p.Fleet | None:
    named = plan.named("items")
    for key in [*named][1:]:
        raise PlanError(f"items/{key}", f"a plan acts on one list of items at most; '{next(iter(named))}' is there")
    return next((_fleet_of(key, value) for key, value in named.items()), None)


def _fleet_of(key: str, data: Any) -> p.Fleet:
    f = Fields(data, f"items/{key}", _FLEET)
    look = Fields(f.need("discover", "how to find out what there is"), f.at("discover"), ("role", *COMMAND))
    return p.Fleet(
        name=key,
        what=f.text("what", ""),
        role=look.name("role"),
        discover=command(look),
        select=f.text("select"),
        facts=tuple(name(each, join(f.at("facts"), i)) for i, each in enumerate(f.words("facts"))),
        waves=_waves(f),
        pause=f.text("pause", ""),
        max_failures=f.whole("max_failures", 0),
    )


def _waves(f: Fields) -> tuple[int, ...]:
    sizes = f.need("waves", "how many at a time: [1, 2, 10]; the last repeats")
    if not isinstance(sizes, list) or not sizes:
        raise PlanError(f.at("waves"), f"should be a list of sizes like [1, 2, 10], is {say(sizes)}")
    for index, size in enumerate(sizes):
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise PlanError(join(f.at("waves"), index), f"should be a whole number from 1 on, is {say(size)}")
    return tuple(sizes)


def _baseline(data: Any, where: str) -> p.Baseline:
    f = Fields(data, where, _BASELINE)
    return p.Baseline(
        id=f.name("id"),
        what=f.text("what", ""),
        role=f.name("role"),
        on=f.choice("on", p.On, p.On.ALL),
        command=command(f),
        lines=f.flag("lines"),
        may_be_empty=f.flag("may_be_empty"),
        compare=f.flag("compare", default=True),
    )


def _snapshot(data: Any, where: str) -> p.SnapshotNeed:
    f = Fields(data, where, ("kind", "what", "name", "engine", "covers", "max_before_upgrade_h"))
    return p.SnapshotNeed(
        kind=f.name("kind"),
        what=f.text("what", ""),
        name=f.text("name", ""),
        engine=f.text("engine", ""),
        covers=f.words("covers"),
        max_before_upgrade_h=f.number("max_before_upgrade_h", 0.0, high=24 * 366),
    )


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
        foreach=foreach(f),
        command=command(f),
        reversible=condition(f, "reversible"),
        crossed=condition(f, "crossed"),
        ttl_s=f.number("ttl_s", 120.0, low=5, high=LONGEST_S),
        asks=f.text("asks", ""),
    )


def _check(data: Any, where: str, known: tuple[str, ...]) -> p.Check:
    f = Fields(data, where, known)
    return p.Check(
        id=f.name("id"),
        title=f.text("title", ""),
        role=f.name("role"),
        on=f.choice("on", p.On, p.On.ALL),
        foreach=foreach(f),
        look=look_of(f),
        severity=f.choice("severity", p.Severity, p.Severity.BLOCKER),
        keeps=f.text("keeps", ""),
    )


def _step(data: Any, where: str) -> p.Step:
    f = Fields(data, where, _STEP)
    return p.Step(
        id=f.name("id"),
        title=f.text("title", ""),
        why=f.text("why", ""),
        role=f.name("role"),
        on=f.choice("on", p.On, p.On.ALL),
        elect=look(f, "elect"),
        order=order(f.data.get("order", "parallel"), f.at("order")),
        foreach=foreach(f),
        when=_when(f.data["when"], f.at("when")) if f.has("when") else None,
        do=command_at(f, "do"),
        undo=command_at(f, "undo"),
        verify=_verify(f),
        probe=look(f, "probe"),
        retries=f.whole("retries", 0, high=100),
        retry_wait_s=f.number("retry_wait_s", 5.0, high=LONGEST_S),
        idempotent=f.flag("idempotent"),
        destructive=f.flag("destructive"),
        loses=f.text("loses", ""),
        confirm=f.text("confirm", ""),
        abort_point=f.text("abort_point", ""),
        keeps=f.text("keeps", ""),
        guard=f.words("guard"),
        max_failures=f.whole("max_failures", 0),
        on_failure=f.choice("on_failure", p.OnFailure, p.OnFailure.ASK),
        control_plane=_effects(f.data.get("effects", {}), f.at("effects")),
        usual_s=f.number("usual_s", 0.0),
    )


def _verify(f: Fields) -> p.Look:
    f.need("verify", "a command that ended well has not yet had its effect; say how to see it")
    return look_of(Fields(f.data["verify"], f.at("verify"), LOOK))


def _when(data: Any, where: str) -> p.When:
    f = Fields(data, where, ("fact", "equals"))
    equals = f.data.get("equals", True)
    if not isinstance(equals, str | int | float):
        raise PlanError(f.at("equals"), f"should be a text, a number, true or false, is {say(equals)}")
    return p.When(fact=f.text("fact"), equals=equals)


def _effects(data: Any, where: str) -> str:
    f = Fields(data, where, ("control_plane",))
    return one_of(f.data["control_plane"], ("down", "up"), f.at("control_plane")) if f.has("control_plane") else ""
