"""
From a plan to what will happen: hosts chosen, parameters filled in, batches counted, snapshots named.

The result is frozen into the run as data. Editing a file afterwards changes nothing under way.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from core import plan as p
from core.conditions import Condition
from core.digest import digest
from core.errors import PlanError, RefusedError
from core.ledger import Ledger
from core.pnr import Question
from core.target import Host, Target

#: What a recorded item may look like. It becomes a word of a command: neither empty, nor an option, nor hidden.
_ITEM = re.compile(r"[^\s\x00-\x1f-][^\x00-\x1f]*")
_REFERENCE = re.compile(r"\{([a-z_][A-Za-z0-9_.@-]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A step on one host (and for one item): the unit of state, retry and audit."""

    key: str  #: "stop-api@controller-1", "start@controller-1[nova-api]"
    host: str
    item: str = ""
    do: p.Command | None
    undo: p.Command | None
    verify: p.Look
    probe: p.Look | None
    elect: p.Look | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedStep:
    """One step with its units in the order they are taken; `batch` of them at a time."""

    id: str
    title: str = field(default="", metadata=p.PROSE)
    units: tuple[Unit, ...]
    on: p.On
    batch: int
    retries: int = 0
    retry_wait_s: float = 5.0
    idempotent: bool = False
    destructive: bool = False
    loses: str = field(default="", metadata=p.PROSE)
    confirm: str = ""
    guard: tuple[str, ...] = ()
    max_failures: int = 0
    on_failure: p.OnFailure = p.OnFailure.ASK
    control_plane: str = ""
    usual_s: float = field(default=0.0, metadata=p.PROSE)
    validation: bool = False  #: one of the checks after the steps

    @property
    def only_checks(self) -> bool:
        return all(unit.do is None for unit in self.units)

    @property
    def chooses_one(self) -> bool:
        """True if the host is chosen when the step's turn comes."""
        return self.on in (p.On.ONE_REACHABLE, p.On.ELECTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedProbe:
    host: str
    probe: int
    command: p.Command
    reversible: Condition
    crossed: Condition
    ttl_s: float
    asks: str = field(default="", metadata=p.PROSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedPoint:
    id: str
    event: str = field(default="", metadata=p.PROSE)
    way_forward: str = field(default="", metadata=p.PROSE)
    checkpoints: tuple[str, ...]
    probes: tuple[ResolvedProbe, ...]
    may_accept_unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedCheck:
    id: str
    title: str = field(default="", metadata=p.PROSE)
    host: str
    look: p.Look
    severity: p.Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedPlan:
    """Everything that will happen on one target, in order."""

    plan: str
    version: str = field(default="", metadata=p.PROSE)
    title: str = field(default="", metadata=p.PROSE)
    target: str
    origin: str
    destination: str
    hosts: Mapping[str, str]  #: name -> identity
    parameters: Mapping[str, str]
    snapshots: Mapping[str, str]  #: name -> sha256
    points: tuple[ResolvedPoint, ...]
    preflight: tuple[ResolvedCheck, ...]
    steps: tuple[ResolvedStep, ...]  #: validations come last
    policy: p.Policy
    impact: p.Impact = field(default=p.Impact(), metadata=p.PROSE)

    @property
    def digest(self) -> str:
        return digest(self)

    @property
    def checkpoint_names(self) -> Mapping[str, tuple[str, ...]]:
        """Each point of no return -> the checkpoints that mean it was crossed."""
        return {point.id: point.checkpoints for point in self.points}

    def questions(self, points: Iterable[str] | None = None) -> tuple[Question, ...]:
        """What has to be answered about the named points, or about all."""
        wanted = {point.id for point in self.points} if points is None else set(points)
        return tuple(
            Question(point=point.id, probe=probe.probe, host=probe.host, ttl_s=probe.ttl_s)
            for point in self.points
            if point.id in wanted
            for probe in point.probes
        )

    def step(self, step_id: str) -> ResolvedStep:
        return next(step for step in self.steps if step.id == step_id)

    def unit(self, key: str) -> Unit:
        return next(unit for step in self.steps for unit in step.units if unit.key == key)

    def step_of(self, key: str) -> ResolvedStep:
        return next(step for step in self.steps for unit in step.units if unit.key == key)

    @property
    def losses(self) -> tuple[str, ...]:
        return tuple(step.loses for step in self.steps if step.destructive and step.loses)

    @property
    def usual_s(self) -> float:
        """How long the whole usually takes, seconds; 0 where the plan does not say."""
        return sum(step.usual_s for step in self.steps) or self.impact.minutes * 60


def resolve(plan: p.Plan, target: Target, ledger: Ledger, given: Mapping[str, str] | None = None) -> ResolvedPlan:
    """
    Raises:
        RefusedError: the plan does not fit this target: another system, a role without hosts, a parameter or
            snapshot that is missing, a value that does not match its pattern.
    """
    if plan.system != target.system:
        raise RefusedError(
            f"plan '{plan.id}' is for '{plan.system}' and target '{target.id}' is a '{target.system}'; "
            f"`/rollback plans {target.id}` lists the plans that fit"
        )
    _check_roles(plan, target)
    parameters = _parameters(plan, target, given or {})
    snapshots = _snapshots(plan, ledger)
    words = _words(target, parameters, snapshots, ledger)
    steps = [_step(step, target, words) for step in plan.steps if _applies(step, target)]
    steps += [_validation(check, target, words) for check in plan.validations]
    used = sorted({unit.host for step in steps for unit in step.units})
    points = tuple(_point(point, target, words) for point in plan.points_of_no_return)
    used = sorted({*used, *(probe.host for point in points for probe in point.probes)})
    return ResolvedPlan(
        plan=plan.id,
        version=plan.version,
        title=plan.title,
        target=target.id,
        origin=plan.origin,
        destination=plan.destination,
        hosts={name: target.host(name).identity for name in used},
        parameters=parameters,
        snapshots={name: snapshot["sha256"] for name, snapshot in snapshots.items()},
        points=points,
        preflight=tuple(each for check in plan.preflight for each in _checks(check, target, words)),
        steps=tuple(steps),
        policy=plan.approvals,
        impact=plan.impact,
    )


def _check_roles(plan: p.Plan, target: Target) -> None:
    for name, role in plan.roles.items():
        found = len(target.roles.get(name, ()))
        if found < role.min:
            raise RefusedError(
                f"plan '{plan.id}' needs {role.min} host(s) in the role '{name}' and target '{target.id}' "
                f"has {found}; add them to the targets file"
            )


def _parameters(plan: p.Plan, target: Target, given: Mapping[str, str]) -> dict[str, str]:
    for name in given:
        if name not in plan.parameters:
            raise RefusedError(
                f"plan '{plan.id}' has no parameter '{name}'; it has: {', '.join(plan.parameters) or '-'}"
            )
    values = {}
    for name, parameter in plan.parameters.items():
        value = given.get(name, target.facts.get(parameter.fact or name, parameter.default))
        if value is None:
            raise RefusedError(f"plan '{plan.id}' needs the parameter '{name}' ({parameter.what}); give {name}=VALUE")
        text = _text(value)
        if not re.fullmatch(parameter.pattern, text):
            raise RefusedError(f"parameter '{name}' should look like {parameter.pattern}, is '{text}'")
        values[name] = text
    return values


def _text(value: Any) -> str:
    """Return a fact as its file spells it: `true`, not Python's True."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _snapshots(plan: p.Plan, ledger: Ledger) -> dict[str, dict[str, str]]:
    found = {}
    for name, need in plan.snapshots.items():
        snapshot = ledger.snapshots.get(name)
        if snapshot is None:
            raise RefusedError(
                f"plan '{plan.id}' restores the snapshot '{name}' and none is recorded for '{ledger.target}'; "
                f"record it with `belay snapshot {ledger.target} {name} ...`"
            )
        if snapshot.kind != need.kind:
            raise RefusedError(f"snapshot '{name}' should be a {need.kind}, the ledger has a {snapshot.kind}")
        found[name] = {
            "place": snapshot.place,
            "sha256": snapshot.sha256,
            "engine_version": snapshot.engine_version,
            "host": snapshot.host,
        }
    return found


def _words(
    target: Target, parameters: Mapping[str, str], snapshots: Mapping[str, Mapping[str, str]], ledger: Ledger
) -> dict[str, str]:
    words = {"target": target.id, **parameters}
    words |= {f"snapshot.{name}.{k}": v for name, facts in snapshots.items() for k, v in facts.items()}
    return words | {f"baseline.{fact}": value for fact, value in ledger.baseline.items()}


def _applies(step: p.Step, target: Target) -> bool:
    return step.when is None or target.facts.get(step.when.fact) == step.when.equals


def _hosts(role: str, on: p.On, target: Target) -> tuple[Host, ...]:
    hosts = target.in_role(role)
    return hosts[:1] if on is p.On.FIRST else hosts


def _items(step: p.Step, target: Target) -> tuple[str, ...]:
    if not step.foreach_fact:
        return step.foreach or ("",)
    items = target.facts.get(step.foreach_fact)
    if not isinstance(items, list) or not items:
        raise RefusedError(
            f"step '{step.id}' goes over the fact '{step.foreach_fact}', which target '{target.id}' has not "
            "recorded as a list with something in it"
        )
    found = tuple(map(_text, items))
    for index, item in enumerate(found):
        if not _ITEM.fullmatch(item):
            raise RefusedError(f"step '{step.id}' cannot go over '{item}' (fact '{step.foreach_fact}'): no usable word")
        if item in found[:index]:
            raise RefusedError(f"step '{step.id}' would go over '{item}' twice (fact '{step.foreach_fact}')")
    return found


def _step(step: p.Step, target: Target, words: Mapping[str, str]) -> ResolvedStep:
    units = []
    for item in _items(step, target):
        for host in _hosts(step.role, step.on, target):
            local = {**_local(words, host), "item": item}
            key = f"{step.id}@{host.name}" + (f"[{item}]" if item else "")
            units.append(
                Unit(
                    key=key,
                    host=host.name,
                    item=item,
                    do=fill_command(step.do, local) if step.do else None,
                    undo=fill_command(step.undo, local) if step.undo else None,
                    verify=fill_look(step.verify, local),
                    probe=fill_look(step.probe, local) if step.probe else None,
                    elect=fill_look(step.elect, local) if step.elect else None,
                )
            )
    return ResolvedStep(
        id=step.id,
        title=step.title or step.id.replace("-", " "),
        units=tuple(units),
        on=step.on,
        batch=step.order.size(len(units)),
        retries=step.retries,
        retry_wait_s=step.retry_wait_s,
        idempotent=step.idempotent,
        destructive=step.destructive,
        loses=step.loses,
        confirm=step.confirm,
        guard=step.guard,
        max_failures=step.max_failures,
        on_failure=step.on_failure,
        control_plane=step.control_plane,
        usual_s=step.usual_s,
    )


def _validation(check: p.Check, target: Target, words: Mapping[str, str]) -> ResolvedStep:
    units = tuple(
        Unit(key=f"{check.id}@{each.host}", host=each.host, do=None, undo=None, verify=each.look, probe=None)
        for each in _checks(check, target, words)
    )
    return ResolvedStep(
        id=check.id,
        title=check.title or check.id.replace("-", " "),
        units=units,
        on=check.on,
        batch=max(1, len(units)),
        idempotent=True,
        on_failure=p.OnFailure.ASK if check.severity is p.Severity.BLOCKER else p.OnFailure.CONTINUE,
        validation=True,
    )


def _checks(check: p.Check, target: Target, words: Mapping[str, str]) -> tuple[ResolvedCheck, ...]:
    return tuple(
        ResolvedCheck(
            id=check.id,
            title=check.title,
            host=host.name,
            look=fill_look(check.look, _local(words, host)),
            severity=check.severity,
        )
        for host in _hosts(check.role, check.on, target)
    )


def _point(point: p.PointOfNoReturn, target: Target, words: Mapping[str, str]) -> ResolvedPoint:
    probes = []
    for index, probe in enumerate(point.probes):
        for host in _hosts(probe.role, probe.on, target):
            local = _local(words, host)
            probes.append(
                ResolvedProbe(
                    host=host.name,
                    probe=index,
                    command=fill_command(probe.command, local),
                    reversible=fill_condition(probe.reversible, local),
                    crossed=fill_condition(probe.crossed, local),
                    ttl_s=probe.ttl_s,
                    asks=probe.asks,
                )
            )
    return ResolvedPoint(
        id=point.id,
        event=point.event,
        way_forward=point.way_forward,
        checkpoints=point.checkpoints,
        probes=tuple(probes),
        may_accept_unknown=point.may_accept_unknown,
    )


def _local(words: Mapping[str, str], host: Host) -> dict[str, str]:
    """Return the words on one host: its own baseline ("baseline.fact@host") stands in for the fact's name."""
    suffix = f"@{host.name}"
    own = {key.removesuffix(suffix): value for key, value in words.items() if key.endswith(suffix)}
    return {**words, **own, "host": host.name, "address": host.address}


def fill(text: str, words: Mapping[str, str]) -> str:
    """
    Put values for `{name}`; a brace that is no reference stays as it is.

    Raises:
        RefusedError: a name has no value here (a baseline or snapshot that was never recorded, or without this part).
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if not words.get(name):
            raise RefusedError(f"'{{{name}}}' has no value here; record it, or give it as a parameter")
        return words[name]

    return _REFERENCE.sub(value, text)


def fill_command(command: p.Command, words: Mapping[str, str]) -> p.Command:
    """Fill argv word by word. A script is not touched: its values travel as environment variables."""
    return replace(command, argv=tuple(fill(word, words) for word in command.argv), env=_environment(command, words))


def _environment(command: p.Command, words: Mapping[str, str]) -> dict[str, str]:
    if command.script is None:
        return {}
    # Of recorded facts a script gets its own host's; those of all the others could be thousands.
    return {environment_name(name): value for name, value in words.items() if "@" not in name}


def environment_name(word: str) -> str:
    """Return the variable by which a script reads *word*: "snapshot.db.place" is SNAPSHOT_DB_PLACE."""
    return re.sub(r"[^A-Za-z0-9]", "_", word).upper()


def fill_condition(condition: Condition, words: Mapping[str, str]) -> Condition:
    texts: dict[str, Any] = {
        name: fill(value, words) for name in ("equals", "differs") if (value := getattr(condition, name)) is not None
    }
    return replace(condition, **texts)


def fill_look(look: p.Look, words: Mapping[str, str]) -> p.Look:
    return replace(look, command=fill_command(look.command, words), expect=fill_condition(look.expect, words))


def references(text: str) -> tuple[str, ...]:
    """The names a text refers to; for the reader and the linter."""
    return tuple(_REFERENCE.findall(text))


def check_unique(keys: Iterable[str]) -> None:
    """
    Raises:
        PlanError: a unit would exist twice.
    """
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            raise PlanError("steps", f"the unit '{key}' would exist twice; items and hosts have to differ")
        seen.add(key)
