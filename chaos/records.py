"""
What each trial came to, one line of JSON a trial. Figures are added up from nothing else.

A campaign that is interrupted, or continued on another day with other seeds, goes on in the same file: lines are only
ever added, and one that was cut off while it was written is none.
"""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from chaos.enumeration import where
from chaos.trial import Result, Trial

Record = Mapping[str, Any]


def record(result: Result, points: Mapping[str, bool], once: Sequence[str] = ()) -> Record:
    """*points*: those that are settled now, and whether each was hit. *once*: what was found, and not found again."""
    trial, found = result.trial, result.findings
    return {
        "code": revision(),
        "database": result.database,
        "trial": replayed_as(trial),
        "way": where((trial.way, trial.chat)),
        "kills": result.kills,
        "faults": dict(result.faults),
        "died_at": result.last_words,
        "points": dict(points),
        "runs": result.runs,
        "seconds": round(result.seconds, 1),
        "twice": found.twice,
        "lost": found.lost,
        "stuck": found.stuck,
        "wrong": [*found.broken, *found.wrong],
        "with_host": found.with_host,
        "once": list(once),
    }


@cache
def revision() -> str:
    """Which code is tried, as git names it; "" where there is no git."""
    try:
        named = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return named.stdout.strip()


def replayed_as(trial: Trial) -> str:
    """The words with which `--replay` plays it again."""
    return trial.about if trial.kind == "point" else f"{trial.kind}:{trial.seed}"


class Records:
    """Those of one file, or of nothing but this process."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.all: list[Record] = []
        if path is not None and path.exists():
            self.all += _whole_lines(path)
            self._append("\n")  # ends a line that was cut off

    def add(self, one: Record) -> None:
        self.all.append(one)
        self._append(json.dumps(one) + "\n")

    def _append(self, text: str) -> None:
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(text)

    def of(self, database: str) -> list[Record]:
        return [one for one in self.all if one["database"] == database]


def _whole_lines(path: Path) -> Iterator[Record]:
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            one = json.loads(line)
        except ValueError:
            continue
        yield one
