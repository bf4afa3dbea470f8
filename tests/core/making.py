"""A small plan, a target and people for it, and journals written as one line of words."""

import copy
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from core.approvals import Approval
from core.codec import to_data
from core.fleet import Selection
from core.journal import Entry, Kind
from core.ledger import Ledger, Snapshot
from core.people import May, Person, Roster
from core.plan import Plan
from core.pnr import Finding, Findings, Reason, Verdict
from core.reader import build_plan
from core.resolve import ResolvedPlan, resolve
from core.schedule import AskPerson, Decision, Do, Elect, Finish, PassOver, Probe, Recover, Rest, Retry, Undo
from core.state import Ask, RunState, replay
from core.target import Host, Target

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ALL = frozenset(May)


def later(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def look(*argv: str, **more: Any) -> dict[str, Any]:
    return {"argv": list(argv), "timeout_s": 10, "expect": {"exit": 0}, **more}


def act(*argv: str) -> dict[str, Any]:
    return {"argv": list(argv), "timeout_s": 60}


_PLAN: dict[str, Any] = {
    "id": "back",
    "version": "1",
    "system": "practice",
    "title": "Back to Ocata",
    "from": "newton",
    "to": "ocata",
    "roles": {"controller": {"min": 1}, "compute": None},
    "parameters": {"region": {"default": "east", "what": "where"}},
    "snapshots": {"db": {"kind": "dump"}},
    "points_of_no_return": [
        {
            "id": "converted",
            "event": "an agent was converted",
            "checkpoints": ["compute-upgraded"],
            "probes": [
                {
                    "role": "compute",
                    **act("agent", "touched"),
                    "ttl_s": 120,
                    "reversible": {"exit": 0, "equals": "no"},
                    "crossed": {"matches": "^yes"},
                }
            ],
        }
    ],
    "preflight": [{"id": "room", "role": "controller", **look("df")}],
    "steps": [
        {
            "id": "stop",
            "title": "stop it",
            "role": "controller",
            "do": act("svc", "stop"),
            "undo": act("svc", "start"),
            "verify": look("svc", "state"),
            "effects": {"control_plane": "down"},
            "usual_s": 10,
        },
        {
            "id": "restore",
            "role": "controller",
            "on": "first",
            "do": act("db", "restore", "{snapshot.db.place}"),
            "verify": look("db", "check"),
            "destructive": True,
            "loses": "all writes since",
            "guard": ["converted"],
            "usual_s": 20,
        },
        {
            "id": "start",
            "role": "controller",
            "order": "serial",
            "do": act("svc", "start", "{region}"),
            "verify": look("svc", "state"),
            "effects": {"control_plane": "up"},
            "usual_s": 10,
        },
    ],
    "validations": [{"id": "answers", "role": "controller", "on": "first", **look("curl", "{address}")}],
}


def plan_data(steps: Mapping[str, Mapping[str, Any]] | None = None, **changes: Any) -> dict[str, Any]:
    """The plan as its author wrote it; *steps* changes single steps by id, *changes* whole keys."""
    data = copy.deepcopy(_PLAN)
    data.update(changes)
    for step in data["steps"]:
        step.update((steps or {}).get(step["id"], {}))
    return data


def make_plan(steps: Mapping[str, Mapping[str, Any]] | None = None, **changes: Any) -> Plan:
    return build_plan(plan_data(steps, **changes))


def make_target(controllers: int = 2, computes: int = 1, **facts: Any) -> Target:
    names = {
        "controller": [f"c{n}" for n in range(1, controllers + 1)],
        "compute": [f"k{n}" for n in range(1, computes + 1)],
    }
    hosts = tuple(Host(name=name, address=f"{name}.example") for group in names.values() for name in group)
    roles = {role: tuple(group) for role, group in names.items()}
    return Target(id="east", system="practice", hosts=hosts, roles=roles, facts=facts)


SNAPSHOT = Snapshot(name="db", kind="dump", place="/backup/db", sha256="ab" * 32, taken_at=T0, engine_version="10.6")


def make_ledger(**changes: Any) -> Ledger:
    return Ledger(**{"target": "east", "snapshots": {"db": SNAPSHOT}, **changes})


def resolved(
    steps: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    target: Target | None = None,
    ledger: Ledger | None = None,
    given: Mapping[str, str] | None = None,
    selection: Selection | None = None,
    **changes: Any,
) -> ResolvedPlan:
    return resolve(make_plan(steps, **changes), target or make_target(), ledger or make_ledger(), given, selection)


def person(name: str, *accounts: str, may: frozenset[May] = ALL) -> Person:
    return Person(id=name, name=name.title(), accounts=accounts or (f"T/{name}",), may=may)


def roster(*people: Person) -> Roster:
    return Roster({each.id: each for each in people})


def approval(who: str, plan: str = "p", verdict: str = "v", at: datetime = T0, account: str = "") -> Approval:
    return Approval(person=who, account=account or f"T/{who}", plan_digest=plan, verdict_digest=verdict, at=at)


def findings(verdict: Verdict = Verdict.REVERSIBLE, at: datetime = T0, point: str = "converted") -> Findings:
    reason = Reason(verdict=verdict, where="k1", found="looked", at=at)
    return Findings(at=at, points=(Finding(point=point, verdict=verdict, reasons=(reason,)),))


#: The way of every run to its first step.
BEGUN = "drafted submitted claimed begun "


def story(words: str) -> list[Entry]:
    """
    Write a journal, one second an entry.

    A word is `kind` or `unit:kind`; what it says is added after slashes: `probed/restore/crossed`,
    `elected/restore/c1`, `confirmed/restore`, `asked/retry,skip/stop@c1`, `approved/bo`.
    """
    return [_entry(number, word) for number, word in enumerate(words.split(), 1)]


def _entry(number: int, word: str) -> Entry:
    at = later(number)
    if "@" in word.partition("/")[0]:
        unit, _, kind = word.rpartition(":")
        kind, _, reason = kind.partition("/")
        return Entry(seq=number, kind=Kind(kind), at=at, unit=unit, data={"reason": reason} if reason else {})
    name, *said = word.split("/")
    kind = Kind(name)
    return Entry(seq=number, kind=kind, at=at, data=_said(kind, said, at))


def _said(kind: Kind, said: list[str], at: datetime) -> dict[str, Any]:
    first, second = (*said, "", "")[:2]
    match kind:
        case Kind.PROBED:
            return {"findings": to_data(findings(Verdict(second or "reversible"), at)), "step": first}
        case Kind.ELECTED:
            return {"step": first, "host": second}
        case Kind.CONFIRMED | Kind.STOPPED:
            return {"step": first}
        case Kind.ASKED:
            choices = tuple(first.split(",")) if first else ("retry", "skip", "abort")
            return dict(to_data(Ask(reason="asked", units=tuple(second.split(",")) if second else (), choices=choices)))
        case Kind.APPROVED:
            return dict(to_data(approval(first, at=at)))
        case Kind.APPROVAL_REMOVED:
            return {"person": first}
        case _:
            return {}


def state_after(words: str) -> RunState:
    return replay(story(words))


def say(decision: Decision) -> str:
    """Say a decision in the words of the stories: "do stop@c1 stop@c2"."""
    match decision:
        case Do(_, units) | Retry(_, units):
            verb = "do" if isinstance(decision, Do) else "retry"
            return f"{verb} {' '.join(unit.key for unit in units)}"
        case Undo(units) | Recover(units):
            verb = "undo" if isinstance(decision, Undo) else "recover"
            return f"{verb} {' '.join(unit.key for unit in units)}"
        case PassOver(over):
            return f"pass over {' '.join(over)}"
        case Probe(step):
            return f"probe {step.id}"
        case Elect(step):
            return f"elect {step.id}"
        case AskPerson(ask):
            return f"ask {','.join(ask.choices)} {' '.join(ask.units) or ask.step}"
        case Finish(status):
            return f"finish {status}"
        case Rest():
            return "rest"
