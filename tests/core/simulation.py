"""
A small world without I/O: hosts that run, fail, lose and forget; people who decide at random; a driver that dies.

The driver here does what the real one does: decide, write the intent, act, write the outcome. What it is for is the
journal it leaves behind, and the hosts' own record of what really ran.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from core import wishes
from core.codec import to_data
from core.errors import RefusedError
from core.journal import Entry, Kind
from core.pnr import Verdict
from core.resolve import ResolvedPlan, Unit
from core.run_states import RunStatus
from core.schedule import AskPerson, Do, Elect, Finish, PassOver, Probe, Recover, Rest, Retry, Undo, decide
from core.state import RunState, apply
from core.unit_states import UnitStatus
from core.wishes import Draft
from tests.core.making import T0, findings

#: From here on hosts work, nobody is killed and people decide to get on: every run has to end.
CALM_AFTER = 120
LONGEST = 400


class Killed(Exception):  # noqa: N818 (it is no error: the test wants it)
    """The driver died between two entries."""


@dataclass
class World:
    plan: ResolvedPlan
    random: Random
    state: RunState = field(default_factory=RunState)
    journal: list[Entry] = field(default_factory=list)
    now: datetime = T0
    turns: int = 0
    ran: dict[tuple[str, str, int], int] = field(default_factory=dict)  #: what hosts really ran, and how often
    kills: int = 0

    @property
    def calm(self) -> bool:
        return self.turns > CALM_AFTER

    def live(self) -> None:
        """Live through one run to its end."""
        for kind in (Kind.DRAFTED, Kind.SUBMITTED, Kind.CLAIMED, Kind.BEGUN):
            self.write(Draft(kind=kind))
        while not self.state.status.ended:
            self.turns += 1
            assert self.turns < LONGEST, [(e.kind.value, e.unit) for e in self.journal[-20:]]
            self.now += timedelta(seconds=self.random.choice([1, 1, 1, 5, 1 if self.calm else 150]))
            try:
                self.turn()
            except Killed:
                self.kills += 1

    def write(self, draft: Draft) -> None:
        entry = Entry(
            seq=self.state.seq + 1, kind=draft.kind, at=self.now, unit=draft.unit, data=dict(to_data(draft.data))
        )
        self.state = apply(self.state, entry)
        self.journal.append(entry)

    def maybe_die(self) -> None:
        if not self.calm and self.random.random() < 0.08:
            raise Killed

    def turn(self) -> None:
        if self.random.random() < (0.0 if self.calm else 0.06):
            self.wish()
        self.perform()

    def perform(self) -> None:  # noqa: C901 (one case for each of the answers there are)
        match decide(self.plan, self.state, self.now):
            case Do(_, units):
                self.do(units)
            case Undo(units):
                self.undo(units)
            case Recover(units):
                self.recover(units)
            case Retry(_, units):
                for unit in units:
                    self.write(Draft(kind=Kind.RETRIED, unit=unit.key))
            case PassOver(over):
                for key, why in over.items():
                    self.write(Draft(kind=Kind.SKIPPED, unit=key, data={"reason": why}))
            case Probe(step):
                self.probe(step.id)
            case Elect(step):
                host = self.random.choice(step.units).host
                self.write(Draft(kind=Kind.ELECTED, data={"step": step.id, "host": host}))
            case AskPerson(ask):
                self.write(Draft(kind=Kind.ASKED, data=to_data(ask)))
            case Finish(status):
                self.write(Draft(kind=Kind.SUCCEEDED if status is RunStatus.SUCCEEDED else Kind.UNWOUND))
            case Rest():
                self.wish()

    def probe(self, step: str) -> None:
        verdict = Verdict.REVERSIBLE
        if not self.calm:
            verdict = self.random.choices(list(Verdict), weights=[8, 1, 1])[0]
        self.write(Draft(kind=Kind.PROBED, data={"findings": to_data(findings(verdict, self.now)), "step": step}))
        self.maybe_die()

    def do(self, units: Iterable[Unit]) -> None:
        wave = [(unit, self.state.unit(unit.key).attempt + 1) for unit in units]
        for unit, attempt in wave:
            self.write(Draft(kind=Kind.STARTED, unit=unit.key, data={"attempt": attempt}))
            self.maybe_die()
        for unit, attempt in self.random.sample(wave, len(wave)):
            self.maybe_die()
            if not self.calm and self.random.random() < 0.05:
                self.write(Draft(kind=Kind.UNIT_FAILED, unit=unit.key, data={"reason": "unreachable", "began": False}))
                continue
            self.act(unit.key, "do", attempt)
            self.maybe_die()
            self.outcome(unit.key)

    def act(self, unit: str, verb: str, attempt: int) -> None:
        """The host's own record: the same key never runs twice, for the host would attach."""
        key = (unit, verb, attempt)
        self.ran[key] = self.ran.get(key, 0) + 1

    def outcome(self, unit: str) -> None:
        ends = ["done"] if self.calm else ["done"] * 7 + ["failed", "failed", "lost"]
        match self.random.choice(ends):
            case "done":
                self.write(Draft(kind=Kind.ACTED, unit=unit))
                self.maybe_die()
                self.write(Draft(kind=Kind.DONE, unit=unit))
            case "failed":
                self.write(Draft(kind=Kind.UNIT_FAILED, unit=unit, data={"reason": "exit 1"}))
            case _:
                self.write(Draft(kind=Kind.LOST, unit=unit, data={"reason": "link dropped"}))

    def undo(self, units: Iterable[Unit]) -> None:
        for unit in units:
            attempt = self.state.unit(unit.key).undo_attempt + 1
            self.write(Draft(kind=Kind.UNDO_STARTED, unit=unit.key))
            self.maybe_die()
            self.act(unit.key, "undo", attempt)
            self.maybe_die()
            self.undo_outcome(unit.key)

    def undo_outcome(self, unit: str) -> None:
        ends = [Kind.UNDONE] if self.calm else [Kind.UNDONE] * 6 + [Kind.UNDO_FAILED, Kind.UNDO_LOST]
        self.write(Draft(kind=self.random.choice(ends), unit=unit, data={"reason": "said so"}))

    def recover(self, units: Iterable[Unit]) -> None:
        for unit in units:
            now = self.state.unit(unit.key)
            if now.status is UnitStatus.UNDOING:
                if (unit.key, "undo", now.undo_attempt) in self.ran:
                    self.undo_outcome(unit.key)
                else:
                    self.write(Draft(kind=Kind.UNDO_NEVER_RAN, unit=unit.key))
                continue
            if now.status is UnitStatus.UNKNOWN:
                self.write(Draft(kind=Kind.RECHECK, unit=unit.key))
            self.maybe_die()
            if (unit.key, "do", now.attempt) in self.ran:
                self.outcome(unit.key)
            else:
                self.write(Draft(kind=Kind.NEVER_RAN, unit=unit.key))

    def wish(self) -> None:
        """Somebody decides something; what is refused changes nothing."""
        for name in self.likely_wishes():
            try:
                drafts = self.ask_for(name)
            except RefusedError:
                continue
            for draft in drafts:
                self.write(draft)
            if drafts:
                return

    def likely_wishes(self) -> list[str]:
        names = ["resume", "retry", "settle", "skip", "abort", "leave"]
        if self.calm:
            return names
        return self.random.sample([*names, "pause"], 2)

    def ask_for(self, name: str) -> list[Draft]:
        plan, state = self.plan, self.state
        asked = list(state.ask.units) if state.ask else []
        some: Any = [] if self.calm or not asked else self.random.sample(asked, self.random.randint(0, len(asked)))
        match name:
            case "pause":
                return wishes.pause(state, "wait")
            case "resume":
                return wishes.resume(state, state.ask.confirm if state.ask else "")
            case "retry":
                return wishes.retry(plan, state, some)
            case "skip":
                return wishes.skip(plan, state, some, "not needed")
            case "settle":
                unit = self.random.choice(asked or [plan.steps[0].units[0].key])
                words = ("done", "undone") if self.calm else wishes.SETTLE_WORDS
                outcome = "undone" if state.unit(unit).status is UnitStatus.STUCK else self.random.choice(words)
                return wishes.settle(plan, state, unit, outcome, "looked")
            case "abort":
                return wishes.abort(plan, state, "enough")
            case _:
                return (
                    wishes.abort(plan, state, "enough", leave=True) if self.random.random() < 0.2 or self.calm else []
                )
