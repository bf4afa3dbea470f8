"""Adding up what trials came to, and printing it for people and as JSON."""

import json
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos.records import Record

#: Name in the figures -> the findings of a record that it counts.
BAD = {
    "actions_run_twice": "twice",
    "lost_outcomes": "lost",
    "stuck_without_a_person_asked": "stuck",
    "otherwise_wrong": "wrong",
}


@dataclass(kw_only=True)
class Figures:
    database: str
    trials: int = 0
    faults: int = 0  #: injected events that hit their point, kills included
    kills: int = 0
    runs: int = 0
    bad: Counter[str] = field(default_factory=Counter)  #: name in the figures -> how many
    with_host: int = 0  #: endings that died with their host and were told by a probe or a person
    once: int = 0  #: trials in which something was found that was not found again
    seconds: float = 0.0  #: of all trials together; several are played at a time
    kinds: Counter[str] = field(default_factory=Counter)
    points: dict[str, bool] = field(default_factory=dict)  #: killed at on purpose -> hit
    points_left: Collection[str] = ()  #: enumerated and not tried yet
    code: Counter[str] = field(default_factory=Counter)  #: revision -> trials
    places: set[str] = field(default_factory=set)  #: different points at which a victim died
    failures: list[Record] = field(default_factory=list)

    @classmethod
    def of(cls, database: str, records: Iterable[Record]) -> "Figures":
        figures = cls(database=database)
        for one in records:
            figures.add(one)
        return figures

    def add(self, one: Record) -> None:
        self.trials += 1
        self.kills += one["kills"]
        self.faults += one["kills"] + sum(one["faults"].values())
        self.runs += one["runs"]
        self.seconds += one["seconds"]
        self.with_host += len(one["with_host"])
        self.once += bool(one.get("once"))
        self.points |= one["points"]
        self.code[one["code"]] += 1
        self.kinds.update(one["faults"])
        self.kinds["bot killed (SIGKILL)"] += one["kills"]
        self.places.update(one["died_at"])
        for name, found in BAD.items():
            self.bad[name] += len(one[found])
        if any(one[found] for found in BAD.values()):
            self.failures.append(one)

    @property
    def clean(self) -> bool:
        return not self.failures

    def as_data(self) -> dict[str, Any]:
        return {
            "database": self.database,
            "trials": self.trials,
            "faults": self.faults,
            "kills": self.kills,
            "points_enumerated": len(self.points) + len(set(self.points_left) - self.points.keys()),
            "points_played": len(self.points),
            "points_hit": sum(self.points.values()),
            "different_points_killed_at": len(self.places),
            "runs": self.runs,
            **{name: self.bad[name] for name in BAD},
            "endings_that_died_with_their_host": self.with_host,
            "trials_that_failed_once_only": self.once,
            "seconds_of_all_trials": round(self.seconds, 1),
            "trials_by_code": dict(self.code),
            "by_kind": dict(sorted(self.kinds.items())),
            "failures": self.failures,
        }


def print_figures(all_figures: Iterable[Figures], path: str | None) -> None:
    data = [figures.as_data() for figures in all_figures]
    for one in data:
        print()
        for name, value in one.items():
            if isinstance(value, dict):
                print(f"  {name.replace('_', ' ')}")
                for kind, count in value.items():
                    print(f"    {kind:<42} {count}")
            elif name != "failures":
                print(f"  {name.replace('_', ' '):<32} {value}")
        for failure in one["failures"]:
            print(f"  FAILED {json.dumps(failure)}")
    text = json.dumps(data, indent=2)
    if path:
        Path(path).write_text(text + "\n", encoding="utf-8")
