"""Adding up results, and printing them for people and as JSON."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos.trial import Result


@dataclass(kw_only=True)
class Figures:
    database: str
    trials: int = 0
    faults: int = 0  #: injected events that hit their point, kills included
    kills: int = 0
    runs: int = 0
    twice: int = 0
    lost: int = 0
    stuck: int = 0
    wrong: int = 0
    with_host: int = 0  #: endings that died with their host and were told by a probe or a person
    seconds: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)
    points_enumerated: int = 0
    points_played: int = 0
    points_hit: int = 0
    places: set[str] = field(default_factory=set)  #: different points at which a victim died
    failures: list[dict[str, Any]] = field(default_factory=list)

    def add(self, result: Result) -> None:
        self.trials += 1
        self.faults += result.total
        self.kills += result.kills
        self.runs += result.runs
        found = result.findings
        self.twice += len(found.twice)
        self.lost += len(found.lost)
        self.stuck += len(found.stuck)
        self.wrong += len(found.wrong)
        self.with_host += len(found.with_host)
        self.kinds.update(result.faults)
        self.kinds["bot killed (SIGKILL)"] += result.kills
        self.places.update(result.last_words)
        if not found.clean:
            self.failures.append(describe(result))

    @property
    def clean(self) -> bool:
        return not (self.twice or self.lost or self.stuck or self.wrong)

    def as_data(self) -> dict[str, Any]:
        return {
            "database": self.database,
            "trials": self.trials,
            "faults": self.faults,
            "kills": self.kills,
            "points_enumerated": self.points_enumerated,
            "points_played": self.points_played,
            "points_hit": self.points_hit,
            "different_points_killed_at": len(self.places),
            "runs": self.runs,
            "actions_run_twice": self.twice,
            "lost_outcomes": self.lost,
            "stuck_without_a_person_asked": self.stuck,
            "otherwise_wrong": self.wrong,
            "endings_that_died_with_their_host": self.with_host,
            "seconds": round(self.seconds, 1),
            "by_kind": dict(sorted(self.kinds.items())),
            "failures": self.failures,
        }


def describe(result: Result) -> dict[str, Any]:
    """What is needed to play it again."""
    trial = result.trial
    return {
        "trial": trial.kind,
        "seed": trial.seed,
        "way": trial.way,
        "died_at": result.last_words,
        "faults": dict(result.faults),
        "found": result.findings.words(),
    }


def print_figures(all_figures: Iterable[Figures], path: str | None) -> None:
    data = [figures.as_data() for figures in all_figures]
    for one in data:
        print()
        for name, value in one.items():
            if name == "by_kind":
                print("  by kind")
                for kind, count in value.items():
                    print(f"    {kind:<42} {count}")
            elif name != "failures":
                print(f"  {name.replace('_', ' '):<32} {value}")
        for failure in one["failures"]:
            print(f"  FAILED {json.dumps(failure)}")
    text = json.dumps(data, indent=2)
    if path:
        Path(path).write_text(text + "\n", encoding="utf-8")
