"""
A plan: a runbook as data, as its author wrote it. Nothing here knows a host or a run.

`core.reader` makes it from a mapping; `core.resolve` makes of it what will happen on one target.
Fields marked as prose are for people: the digest leaves them out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from core.conditions import Condition

PROSE = {"prose": True}


class On(StrEnum):
    """Which hosts of its role a step acts on."""

    ALL = "all"
    FIRST = "first"
    ONE_REACHABLE = "one_reachable"  #: the first that answers when the step's turn comes
    ELECTED = "elected"  #: the first whose `elect` look says yes when the step's turn comes
    #: All have to say yes, each printing "HISTORY NUMBER": the one with the highest number, if the histories agree.
    NEWEST = "newest"


class OnFailure(StrEnum):
    ASK = "ask"  #: the run stops and a person decides
    CONTINUE = "continue"  #: recorded, shown, and passed over (for what is nice to have)


class Severity(StrEnum):
    BLOCKER = "blocker"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Words, or a script on stdin with the parameters in its environment. Never a shell line."""

    argv: tuple[str, ...] = ()
    script: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)  #: filled in when resolved: what a script may read
    timeout_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A command that only looks, and what its answer has to be. Asked again every `every_s` for `within_s`."""

    command: Command
    expect: Condition
    every_s: float = 2.0
    within_s: float = 0.0  #: 0: asked once


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How a step goes over its units: `batch` at a time; or a share of them, in percent, rounded down to ≥ 1."""

    batch: int = 0  #: 0: all at once
    percent: int = 0  #: used when `batch` is 0 and this is not

    def size(self, units: int) -> int:
        if self.batch:
            return self.batch
        return max(1, units * self.percent // 100) if self.percent else max(1, units)


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """The step is part of the run only where the target's fact says so."""

    fact: str
    equals: Any = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreach:
    """What a step or a look is repeated over. Exactly one of these is set."""

    items: tuple[str, ...] = ()
    fact: str = ""  #: the name of a fact of the target that holds the items
    baseline: str = ""  #: the id of a baseline that holds a list: each host goes over its own
    fleet: str = ""  #: the name of the plan's fleet: what the requester chose of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    id: str
    title: str = field(default="", metadata=PROSE)
    why: str = field(default="", metadata=PROSE)
    role: str
    on: On = On.ALL
    elect: Look | None = None
    order: Order = Order()
    foreach: Foreach | None = None
    when: When | None = None
    do: Command | None = None  #: None: a step that only checks
    undo: Command | None = None
    verify: Look
    probe: Look | None = None  #: settles an unknown outcome: holds if the step has taken effect
    retries: int = 0  #: by itself, after a failure; only where the step is idempotent
    retry_wait_s: float = 5.0
    idempotent: bool = False
    destructive: bool = False
    loses: str = field(default="", metadata=PROSE)
    confirm: str = ""  #: a phrase a person has to type before the step
    abort_point: str = field(default="", metadata=PROSE)  #: why stopping right before the step is safe; "": it is not
    keeps: str = ""  #: the report's title for what the step prints: evidence, a list of orphans
    guard: tuple[str, ...] = ()  #: points of no return probed again right before each of its waves
    max_failures: int = 0
    on_failure: OnFailure = OnFailure.ASK
    control_plane: str = ""  #: "down" or "up" once the step has begun or ended; "" leaves it as it is
    usual_s: float = field(default=0.0, metadata=PROSE)  #: how long it usually takes, seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A look before (preflight) or after (validation) the steps."""

    id: str
    title: str = field(default="", metadata=PROSE)
    role: str
    on: On = On.ALL
    foreach: Foreach | None = None
    look: Look
    severity: Severity = Severity.BLOCKER
    keeps: str = ""  #: of a validation: the report's title for what it prints


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One question to the live system about a point of no return, asked of every host of the role."""

    role: str
    on: On = On.ALL
    foreach: Foreach | None = None
    command: Command
    reversible: Condition
    crossed: Condition  #: neither holds: unknown; both hold: crossed
    ttl_s: float = 120.0  #: an answer older than this is no answer
    asks: str = field(default="", metadata=PROSE)  #: the question in words


#: What may have a `foreach`.
Part = Step | Check | Probe


@dataclass(frozen=True, slots=True, kw_only=True)
class PointOfNoReturn:
    id: str
    event: str = field(default="", metadata=PROSE)
    way_forward: str = field(default="", metadata=PROSE)  #: what to do once it is crossed
    checkpoints: tuple[str, ...] = ()  #: a recorded checkpoint of one of these names means crossed
    probes: tuple[Probe, ...] = ()
    may_accept_unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    min: int = 1
    reachable: str = "all"  #: "all", "any" or "none" have to answer before anyone is asked to approve
    what: str = field(default="", metadata=PROSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A value the plan's commands may use as `{name}`, from the request, a fact of the target, or a default."""

    pattern: str = r"[A-Za-z0-9._:/@+][A-Za-z0-9._:/@+-]*"  #: no leading '-': a value must not become an option
    default: str | None = None
    fact: str = ""
    what: str = field(default="", metadata=PROSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A fact captured before the upgrade, with which probes and people compare the live system later."""

    id: str
    what: str = field(default="", metadata=PROSE)
    role: str
    on: On = On.ALL  #: all: one value a host, kept as ID@HOST; first: one value, kept as ID
    command: Command  #: it only looks
    lines: bool = False  #: the value is a list, a line an item
    may_be_empty: bool = False
    compare: bool = True  #: whether it should still be the same later


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """A list of things of one kind on one target, of which the requester chooses some; they are taken in waves."""

    name: str
    what: str = field(default="", metadata=PROSE)
    role: str  #: whose hosts know it; the first that answers is asked
    discover: Command  #: a look that prints the list, see `core.fleet.read_items`
    select: str  #: the parameter by which the requester chooses
    facts: tuple[str, ...] = ()  #: what every chosen item has to have; commands use {item.NAME}
    waves: tuple[int, ...]  #: sizes; the last repeats; the first is the canary
    pause: str = ""  #: a phrase a person has to type between two waves
    max_failures: int = 0  #: items that may fail over the whole run before it stops and asks


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotNeed:
    """A snapshot the plan restores, and what the ledger has to say of it before anyone is asked to approve."""

    kind: str
    what: str = field(default="", metadata=PROSE)
    name: str = ""  #: which of the ledger's snapshots; may have words; "": the one of the same name
    engine: str = ""  #: what the recorded engine version has to begin with, in whole components; may have words
    covers: tuple[str, ...] = ()  #: words the recorded coverage has to have
    max_before_upgrade_h: float = 0.0  #: taken at most so long before the upgrade, and not after; 0: at any time


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Who has to agree. `needed` counts people beside the requester, and is at least 1 whatever a file says."""

    needed: int = 2
    expires_min: float = 30.0

    def __post_init__(self) -> None:
        if self.needed < 1:
            raise ValueError("approvals/needed: should be at least 1 person beside the requester")


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    control_plane: str = "down"
    workloads: str = "untouched"
    minutes: float = 0.0  #: expected
    rto_minutes: float = 0.0  #: the budget; 0: none stated


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    id: str
    version: str
    system: str
    title: str = field(default="", metadata=PROSE)
    summary: str = field(default="", metadata=PROSE)
    origin: str  #: the release the target is on now ("from"); may have words
    destination: str  #: the release it goes back to ("to"); may have words
    impact: Impact = field(default=Impact(), metadata=PROSE)
    roles: Mapping[str, Role]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    fleet: Fleet | None = None
    baselines: tuple[Baseline, ...] = ()
    snapshots: Mapping[str, SnapshotNeed] = field(default_factory=dict)
    points_of_no_return: tuple[PointOfNoReturn, ...]
    preflight: tuple[Check, ...] = ()
    steps: tuple[Step, ...]
    validations: tuple[Check, ...] = ()
    approvals: Policy = Policy()

    @property
    def chosen_by(self) -> str:
        """The parameter by which the requester chooses items of the fleet; "" without one."""
        return self.fleet.select if self.fleet else ""

    @property
    def names(self) -> tuple[str, ...]:
        """What it may be called by: its id, and the release it goes back to where the file itself names one."""
        return (self.id,) if "{" in self.destination else (self.id, self.destination)

    def baseline(self, baseline_id: str) -> Baseline:
        return next(each for each in self.baselines if each.id == baseline_id)
