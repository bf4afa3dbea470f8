"""What the parts of a plan owe each other: names that name something, words that have a value, ids given once."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from core import plan as p
from core import snapshots
from core.conditions import Condition
from core.errors import PlanError
from core.names import did_you_mean
from core.words import environment_name, references

T = TypeVar("T")

#: Words every command may use.
COMMON_WORDS = ("target", "host", "address")
#: Words about what was recorded of the upgrade, facts of the baseline and snapshots aside.
UPGRADE_WORDS = ("upgrade.origin", "upgrade.destination", "hop.current", "hop.open")
#: Variables beginning like these stand for what was recorded; a parameter must not look like one of them.
_RECORDED = ("upgrade_", "hop_", "snapshot_", "baseline_", "item_")

#: Variables a script's shell or its programs live by; a parameter must not stand in their place.
_KEPT = re.compile(
    r"PATH|HOME|SHELL|IFS|ENV|BASH_ENV|PWD|OLDPWD|USER|LOGNAME|TERM|TMPDIR|LANG|TZ|PS[0-9]|CDPATH|HOSTALIASES"
    r"|(LC|LD|DYLD|GIT|SSH)_.*|BASH.*|SHELLOPTS|PYTHON(PATH|HOME|STARTUP)|PERL5?(LIB|OPT)|NODE_(OPTIONS|PATH)"
)
#: How the steps over a fleet are called once their waves are known.
_WAVE = re.compile(r".*\.w[0-9]+")
_PARAMETER = re.compile(r"[a-z_][A-Za-z0-9_-]*")
_TEMPLATE = re.compile(r"\{\{-?\s*([A-Za-z_][A-Za-z0-9_.]*)\s*(?:\|[^}]*)?-?\}\}")
_BRACED = re.compile(r"(?<!\$)\{([a-z_][A-Za-z0-9_.@-]*)\}")


def check_plan(plan: p.Plan) -> None:
    """
    Raises:
        PlanError: something is missing, given twice, or refers to nothing.
    """
    _check_present(plan)
    _check_ids("points_of_no_return", [point.id for point in plan.points_of_no_return])
    _check_ids("baselines", [each.id for each in plan.baselines])
    _check_ids("preflight", [check.id for check in plan.preflight])
    _check_ids("steps", [step.id for step in plan.steps])
    _check_ids("validations", [check.id for check in plan.validations], taken=[step.id for step in plan.steps])
    _check_roles(plan)
    _check_parameters(plan)
    if plan.fleet is not None:
        _check_fleet(plan, plan.fleet)
    _check_foreach(plan)
    _check_filled(plan)
    for at, baseline in _each("baselines", plan.baselines):
        _only_on(baseline.on, (p.On.ALL, p.On.FIRST), at)
    for at, point in _each("points_of_no_return", plan.points_of_no_return):
        _check_point(point, at)
    for at, step in _each("steps", plan.steps):
        _check_step(plan, step, at)
    for at, check in _each("preflight", plan.preflight):
        _only_on(check.on, (p.On.ALL, p.On.FIRST), at)
    for at, check in _each("validations", plan.validations):
        _only_on(check.on, (p.On.ALL, p.On.FIRST, p.On.ONE_REACHABLE), at)
    for at, command, words in commands(plan):
        _check_words(command, at, words)
    for at, condition, words in _conditions(plan):
        _check_condition(condition, at, words)


def _each(where: str, items: Sequence[T]) -> Iterator[tuple[str, T]]:
    return ((f"{where}/{index}", item) for index, item in enumerate(items))


def _check_present(plan: p.Plan) -> None:
    if not plan.roles:
        raise PlanError("roles", "is required; a plan that names no role reaches no host")
    if not plan.points_of_no_return:
        raise PlanError("points_of_no_return", "is required; without one nobody can know whether going back is safe")
    if not plan.steps:
        raise PlanError("steps", "is required; a plan without steps does nothing")


def _check_ids(where: str, ids: Sequence[str], taken: Sequence[str] = ()) -> None:
    for index, each in enumerate(ids):
        if each in ids[:index] or each in taken:
            raise PlanError(f"{where}/{index}/id", f"'{each}' is taken; ids of steps and checks have to differ")


def _check_roles(plan: p.Plan) -> None:
    used = [(f"items/{plan.fleet.name}/discover/role", plan.fleet.role)] if plan.fleet else []
    used += [(f"{at}/role", baseline.role) for at, baseline in _each("baselines", plan.baselines)]
    used += [(f"{at}/role", step.role) for at, step in _each("steps", plan.steps)]
    used += [(f"{at}/role", check.role) for at, check in _each("preflight", plan.preflight)]
    used += [(f"{at}/role", check.role) for at, check in _each("validations", plan.validations)]
    for at, point in _each("points_of_no_return", plan.points_of_no_return):
        used += [(f"{where}/role", probe.role) for where, probe in _each(f"{at}/probes", point.probes)]
    for where, role in used:
        if role not in plan.roles:
            raise PlanError(where, f"'{role}' is no role of this plan{did_you_mean(role, plan.roles)}")


def _check_fleet(plan: p.Plan, fleet: p.Fleet) -> None:
    where = f"items/{fleet.name}"
    parameter = plan.parameters.get(fleet.select)
    if parameter is None:
        near = did_you_mean(fleet.select, plan.parameters)
        raise PlanError(f"{where}/select", f"'{fleet.select}' is no parameter of this plan{near}")
    if parameter.default is not None or parameter.fact:
        raise PlanError(f"parameters/{fleet.select}", "what is chosen is said by the requester: no default, no fact")
    names = [environment_name(fact) for fact in fleet.facts]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise PlanError(f"{where}/facts/{index}", f"a script could not tell it from another (both are ITEM_{name})")


def _check_foreach(plan: p.Plan) -> None:
    lists = {each.id: each.lines for each in plan.baselines}
    for at, part in repeated(plan):
        name = part.foreach.baseline if part.foreach else ""
        if name and name not in lists:
            raise PlanError(
                f"{at}/foreach/baseline", f"'{name}' is no baseline of this plan{did_you_mean(name, lists)}"
            )
        if name and not lists[name]:
            raise PlanError(f"{at}/foreach/baseline", f"the baseline '{name}' is one text; say `lines: true` there")
        fleet = part.foreach.fleet if part.foreach else ""
        if fleet and (plan.fleet is None or fleet != plan.fleet.name):
            near = did_you_mean(fleet, [plan.fleet.name] if plan.fleet else [])
            raise PlanError(f"{at}/foreach/items", f"'{fleet}' is none of this plan's `items`{near}")
        if fleet and isinstance(part, p.Step) and part.max_failures:
            raise PlanError(
                f"{at}/max_failures", f"failures are counted over the whole run: items/{fleet}/max_failures"
            )


def _check_filled(plan: p.Plan) -> None:
    """The words of releases and of what snapshots have to be; no host has a say in them."""
    known = frozenset(("target", *UPGRADE_WORDS, *plan.parameters))
    for name, need in plan.snapshots.items():
        _check_references(references(need.name), f"snapshots/{name}/name", known)
        _check_references(references(need.engine), f"snapshots/{name}/engine", known)
    for key, release in (("from", plan.origin), ("to", plan.destination)):
        _check_references(references(release), key, known | _snapshot_words(plan))


def repeated(plan: p.Plan) -> Iterator[tuple[str, p.Part]]:
    """Yield everything that may have a `foreach`, with its path."""
    for at, point in _each("points_of_no_return", plan.points_of_no_return):
        yield from _each(f"{at}/probes", point.probes)
    yield from _each("preflight", plan.preflight)
    yield from _each("steps", plan.steps)
    yield from _each("validations", plan.validations)


def _check_parameters(plan: p.Plan) -> None:
    variables: dict[str, str] = {}
    for name, parameter in plan.parameters.items():
        where = f"parameters/{name}"
        if not _PARAMETER.fullmatch(name):
            raise PlanError(where, "a parameter's name is a small letter, then letters, digits, '_' and '-'")
        if name in (*COMMON_WORDS, "item"):
            raise PlanError(where, f"'{name}' has a meaning of its own; choose another name")
        if name.replace("-", "_").startswith(_RECORDED):
            raise PlanError(where, f"'{name}' reads like something recorded; choose another name")
        variable = environment_name(name)
        if _KEPT.fullmatch(variable):
            raise PlanError(where, f"a script would get it as {variable}, which programs live by; choose another name")
        if variable in variables:
            raise PlanError(where, f"a script could not tell it from '{variables[variable]}' (both are {variable})")
        variables[variable] = name
        if parameter.default is not None and not re.fullmatch(parameter.pattern, parameter.default):
            raise PlanError(f"{where}/default", f"should look like {parameter.pattern}, is '{parameter.default}'")


def _check_point(point: p.PointOfNoReturn, at: str) -> None:
    if not point.probes:
        raise PlanError(f"{at}/probes", "is required; a point of no return nobody looks at is always unknown")
    for where, probe in _each(f"{at}/probes", point.probes):
        _only_on(probe.on, (p.On.ALL, p.On.FIRST), where)
        if probe.reversible == probe.crossed:
            raise PlanError(f"{where}/crossed", "is the same condition as `reversible`; no answer could ever tell")


def _check_step(plan: p.Plan, step: p.Step, at: str) -> None:
    if step.destructive and not step.loses:
        raise PlanError(f"{at}/loses", "is required of a destructive step; approvers have to read what is lost")
    if step.do is None and (step.undo or step.destructive):
        raise PlanError(f"{at}/do", "is required of a step that can be undone or is destructive")
    if plan.fleet is not None and _WAVE.fullmatch(step.id):
        raise PlanError(f"{at}/id", f"'{step.id}' reads like the name of a wave; choose another")
    if step.abort_point and not step.confirm:
        raise PlanError(f"{at}/confirm", "is required of an abort point: stopping is offered when the phrase is asked")
    if (step.on in (p.On.ELECTED, p.On.NEWEST)) != (step.elect is not None):
        raise PlanError(
            f"{at}/elect", "`on: elected` (or newest) and `elect` belong together: how else to choose the host"
        )
    known = [point.id for point in plan.points_of_no_return]
    for index, point in enumerate(step.guard):
        if point not in known:
            raise PlanError(
                f"{at}/guard/{index}", f"'{point}' is no point of no return of this plan{did_you_mean(point, known)}"
            )


def _only_on(on: p.On, allowed: tuple[p.On, ...], at: str) -> None:
    if on not in allowed:
        raise PlanError(f"{at}/on", f"should be {' or '.join(allowed)} here, is '{on}'")


def commands(plan: p.Plan) -> Iterator[tuple[str, p.Command, frozenset[str]]]:
    """Yield every command with its path and the words it may use."""
    early = frozenset((*COMMON_WORDS, *plan.parameters))
    if plan.fleet is not None:
        yield f"items/{plan.fleet.name}/discover", plan.fleet.discover, early - {plan.fleet.select}
    for at, baseline in _each("baselines", plan.baselines):
        yield at, baseline.command, early
    for where, probe, known in _probes(plan):
        yield where, probe.command, known
    for where, look, known in _looks(plan):
        yield where, look.command, known
    for at, step in _each("steps", plan.steps):
        for key, command in (("do", step.do), ("undo", step.undo)):
            if command is not None:
                yield f"{at}/{key}", command, _words_of(plan, step)


def names_used(plan: p.Plan) -> frozenset[str]:
    """The words the plan refers to in braces, wherever they stand; what scripts read as variables is not among them."""
    texts = [word for _, command, _ in commands(plan) for word in command.argv]
    texts += [text or "" for _, condition, _ in _conditions(plan) for text in (condition.equals, condition.differs)]
    texts += [text for need in plan.snapshots.values() for text in (need.name, need.engine)]
    return frozenset(name for text in (*texts, plan.origin, plan.destination) for name in references(text))


def _probes(plan: p.Plan) -> Iterator[tuple[str, p.Probe, frozenset[str]]]:
    for at, point in _each("points_of_no_return", plan.points_of_no_return):
        for where, probe in _each(f"{at}/probes", point.probes):
            yield where, probe, _words_of(plan, probe)


def _looks(plan: p.Plan) -> Iterator[tuple[str, p.Look, frozenset[str]]]:
    for part, checks in (("preflight", plan.preflight), ("validations", plan.validations)):
        for at, check in _each(part, checks):
            yield at, check.look, _words_of(plan, check)
    for at, step in _each("steps", plan.steps):
        for key, look in (("elect", step.elect), ("verify", step.verify), ("probe", step.probe)):
            if look is not None:
                yield f"{at}/{key}", look, _words_of(plan, step)


def _conditions(plan: p.Plan) -> Iterator[tuple[str, Condition, frozenset[str]]]:
    for where, probe, known in _probes(plan):
        yield f"{where}/reversible", probe.reversible, known
        yield f"{where}/crossed", probe.crossed, known
    for where, look, known in _looks(plan):
        yield f"{where}/expect", look.expect, known


def _words_of(plan: p.Plan, part: p.Part) -> frozenset[str]:
    """The words *part* may use, recorded facts (baseline.FACT) aside."""
    item = ["item"] if part.foreach else []
    if part.foreach and part.foreach.fleet and plan.fleet:
        item += [f"item.{fact}" for fact in plan.fleet.facts]
    return frozenset((*COMMON_WORDS, *UPGRADE_WORDS, *plan.parameters, *_snapshot_words(plan), *item))


def _snapshot_words(plan: p.Plan) -> frozenset[str]:
    return frozenset(f"snapshot.{name}.{word}" for name in plan.snapshots for word in snapshots.WORDS)


def _check_words(command: p.Command, at: str, words: frozenset[str]) -> None:
    for index, word in enumerate(command.argv):
        _check_references(references(word), f"{at}/argv/{index}", words)
    for index, line in enumerate((*command.argv, command.script or "")):
        where = f"{at}/script" if index == len(command.argv) else f"{at}/argv/{index}"
        for template in _TEMPLATE.findall(line):
            raise PlanError(where, f"'{{{{ {template} }}}}' is not filled in here; argv takes {{name}}, a script $NAME")
    for braced in _BRACED.findall(command.script or ""):
        if braced in words:
            variable = environment_name(braced)
            raise PlanError(f"{at}/script", f"'{{{braced}}}' is not filled in in a script; write \"${variable}\"")


def _check_condition(condition: Condition, at: str, words: frozenset[str]) -> None:
    for key, value in (("equals", condition.equals), ("differs", condition.differs)):
        _check_references(references(value or ""), f"{at}/{key}", words)


def _check_references(names: Iterable[str], where: str, words: frozenset[str]) -> None:
    for name in names:
        if name.startswith("baseline.") and len(name) > len("baseline."):
            continue
        if name == "item" and name not in words:
            raise PlanError(where, "'{item}' has a value only where there is a `foreach`")
        if name not in words:
            raise PlanError(where, f"'{{{name}}}' names nothing{did_you_mean(name, words)}; or baseline.FACT")
