"""
From a plan to what will happen: hosts chosen, parameters filled in, batches counted, snapshots named.

The result is frozen into the run as data. Editing a file afterwards changes nothing under way.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from core import plan as p
from core.conditions import Condition
from core.digest import digest
from core.errors import PlanError, RefusedError
from core.fleet import Selection, groups, over_fleet, waves
from core.givens import check_system, parameters_of, recorded_words
from core.items import Pair, pairs
from core.ledger import Ledger
from core.pnr import Question
from core.snapshots import snapshot_words, snapshots_of
from core.target import Host, Target, place
from core.words import fill, fill_command, fill_condition, fill_look, on_host


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
    abort_point: str = field(default="", metadata=p.PROSE)
    keeps: str = ""
    guard: tuple[str, ...] = ()
    max_failures: int = 0
    on_failure: p.OnFailure = p.OnFailure.ASK
    control_plane: str = ""
    usual_s: float = field(default=0.0, metadata=p.PROSE)
    validation: bool = False  #: one of the checks after the steps
    group: str = ""  #: steps over a fleet that follow one another; "" for any other step
    wave: int = 0  #: its number in the group, from 1

    @property
    def only_checks(self) -> bool:
        return all(unit.do is None for unit in self.units)

    @property
    def chooses_one(self) -> bool:
        """True if the host is chosen when the step's turn comes."""
        return self.on in (p.On.ONE_REACHABLE, p.On.ELECTED, p.On.NEWEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedProbe:
    host: str
    item: str = ""
    probe: int
    command: p.Command
    reversible: Condition
    crossed: Condition
    ttl_s: float
    asks: str = field(default="", metadata=p.PROSE)

    @property
    def where(self) -> str:
        return place(self.host, self.item)


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
    item: str = ""
    look: p.Look
    severity: p.Severity

    @property
    def where(self) -> str:
        return place(self.host, self.item)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedFleet:
    """The items people agreed to, and how many of them may fail before a person is asked."""

    name: str
    what: str = field(default="", metadata=p.PROSE)
    items: tuple[str, ...]
    max_failures: int = 0
    found: int = field(default=0, metadata=p.PROSE)  #: how many there were to choose from


#: The group of validations over a fleet's items: they are about every group.
EVERY_GROUP = "*"


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
    fleet: ResolvedFleet | None = None
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

    def questions(
        self, points: Iterable[str] | None = None, *, items: Collection[str] | None = None
    ) -> tuple[Question, ...]:
        """What has to be answered about the named points, or about all; of a fleet about these *items* only."""
        wanted = {point.id for point in self.points} if points is None else set(points)
        return tuple(
            Question(point=point.id, probe=probe.probe, host=probe.host, item=probe.item, ttl_s=probe.ttl_s)
            for point in self.points
            if point.id in wanted
            for probe in point.probes
            if items is None or probe.item not in self.items or probe.item in items
        )

    @property
    def items(self) -> tuple[str, ...]:
        """The items of the fleet, in the order they are taken; () without one."""
        return self.fleet.items if self.fleet else ()

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Site:
    """What a plan is resolved against."""

    plan: p.Plan
    target: Target
    ledger: Ledger
    words: Mapping[str, str]
    selection: Selection | None

    def pairs(self, part: p.Part, what: str, chosen: Sequence[str] | None = None) -> tuple[Pair, ...]:
        """Return what *part* is done on, in order: an item ("" for none) and a host; of a fleet these *chosen*."""
        hosts = self.target.in_role(part.role)
        hosts = hosts[:1] if part.on is p.On.FIRST else hosts
        if chosen is None:
            chosen = self.selection.names if self.selection else ()
        return pairs(
            part.foreach, hosts, what=what, plan=self.plan, target=self.target, ledger=self.ledger, chosen=chosen
        )

    def words_at(self, part: p.Part, item: str, host: Host) -> dict[str, str]:
        words = on_host(self.words, host)
        if item:
            words["item"] = item
        if self.selection is not None and part.foreach is not None and part.foreach.fleet:
            words |= {f"item.{fact}": value for fact, value in self.selection.item(item).facts.items()}
        return words


def resolve(
    plan: p.Plan,
    target: Target,
    ledger: Ledger,
    given: Mapping[str, str] | None = None,
    selection: Selection | None = None,
) -> ResolvedPlan:
    """
    Resolve the plan; one with a fleet wants the *selection* of its items.

    Raises:
        RefusedError: the plan does not fit this target: another system, a role without hosts, a parameter, snapshot
            or baseline that is missing, a value that does not match its pattern.
    """
    check_system(plan, target)
    _check_roles(plan, target)
    parameters = parameters_of(plan, target, given or {})
    words = recorded_words(target, parameters, ledger)
    snapshots = snapshots_of(plan, target, ledger, words)
    words |= snapshot_words(snapshots)
    if plan.fleet is not None and selection is None:
        raise RefusedError(f"nobody chose which {plan.fleet.what or plan.fleet.name} plan '{plan.id}' is to act on")
    site = _Site(plan=plan, target=target, ledger=ledger, words=words, selection=selection)
    steps = [step for step in _steps([each for each in plan.steps if _applies(each, target)], site) if step.units]
    steps += [step for each in plan.validations if (step := _validation(each, site)).units]
    points = tuple(_point(point, site) for point in plan.points_of_no_return)
    used = {unit.host for step in steps for unit in step.units}
    used |= {probe.host for point in points for probe in point.probes}
    preflight = tuple(each for check in plan.preflight for each in _checks(check, site))
    used |= {check.host for check in preflight}
    return ResolvedPlan(
        plan=plan.id,
        version=plan.version,
        title=plan.title,
        target=target.id,
        origin=fill(plan.origin, words),
        destination=fill(plan.destination, words),
        hosts={name: target.host(name).identity for name in sorted(used)},
        parameters=parameters,
        fleet=_fleet(plan.fleet, selection),
        snapshots={name: snapshot.sha256 for name, snapshot in snapshots.items()},
        points=points,
        preflight=preflight,
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


def _applies(step: p.Step, target: Target) -> bool:
    return step.when is None or target.facts.get(step.when.fact) == step.when.equals


def _fleet(fleet: p.Fleet | None, selection: Selection | None) -> ResolvedFleet | None:
    if fleet is None or selection is None:
        return None
    return ResolvedFleet(
        name=fleet.name,
        what=fleet.what or fleet.name,
        items=selection.names,
        max_failures=fleet.max_failures,
        found=selection.found,
    )


def _steps(steps: Sequence[p.Step], site: _Site) -> Iterator[ResolvedStep]:
    """Steps over a fleet that follow one another are unrolled wave by wave."""
    for number, group in enumerate(groups(steps), 1):
        fleet = site.plan.fleet
        if fleet is None or site.selection is None or not over_fleet(group[0]):
            yield _step(group[0], site)
            continue
        found = waves(site.selection.names, fleet.waves)
        for wave, chosen in enumerate(found, 1):
            for step in group:
                paused = step if step is not group[0] or wave == 1 else _after_pause(step, fleet)
                resolved = _step(paused, site, chosen=chosen, suffix=f".w{wave}")
                title = f"{resolved.title} (wave {wave} of {len(found)})" if len(found) > 1 else resolved.title
                yield replace(resolved, title=title, group=f"{fleet.name}.{number}", wave=wave)


def _after_pause(step: p.Step, fleet: p.Fleet) -> p.Step:
    """The first step of a later wave: a person lets it begin, or stops here."""
    confirm = step.confirm or fleet.pause
    stands = step.abort_point or "the waves so far stand, the others stay untouched"
    return replace(step, confirm=confirm, abort_point=stands) if confirm else step


def _step(step: p.Step, site: _Site, *, chosen: Sequence[str] | None = None, suffix: str = "") -> ResolvedStep:
    units = []
    for item, host in site.pairs(step, f"step '{step.id}'", chosen):
        local = site.words_at(step, item, host)
        units.append(
            Unit(
                key=f"{step.id}{suffix}@{place(host.name, item)}",
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
        id=step.id + suffix,
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
        abort_point=step.abort_point,
        keeps=step.keeps,
        guard=step.guard,
        max_failures=step.max_failures,
        on_failure=step.on_failure,
        control_plane=step.control_plane,
        usual_s=step.usual_s,
    )


def _validation(check: p.Check, site: _Site) -> ResolvedStep:
    units = tuple(
        Unit(
            key=f"{check.id}@{each.where}",
            host=each.host,
            item=each.item,
            do=None,
            undo=None,
            verify=each.look,
            probe=None,
        )
        for each in _checks(check, site)
    )
    return ResolvedStep(
        id=check.id,
        title=check.title or check.id.replace("-", " "),
        units=units,
        on=check.on,
        batch=max(1, len(units)),
        idempotent=True,
        keeps=check.keeps,
        group=EVERY_GROUP if check.foreach and check.foreach.fleet else "",
        on_failure=p.OnFailure.ASK if check.severity is p.Severity.BLOCKER else p.OnFailure.CONTINUE,
        validation=True,
    )


def _checks(check: p.Check, site: _Site) -> tuple[ResolvedCheck, ...]:
    return tuple(
        ResolvedCheck(
            id=check.id,
            title=check.title,
            host=host.name,
            item=item,
            look=fill_look(check.look, site.words_at(check, item, host)),
            severity=check.severity,
        )
        for item, host in site.pairs(check, f"check '{check.id}'")
    )


def _point(point: p.PointOfNoReturn, site: _Site) -> ResolvedPoint:
    probes = []
    for index, probe in enumerate(point.probes):
        for item, host in site.pairs(probe, f"point of no return '{point.id}'"):
            local = site.words_at(probe, item, host)
            probes.append(
                ResolvedProbe(
                    host=host.name,
                    item=item,
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
