#!/usr/bin/env python3
"""Draw docs/states.md from the tables in core/run_states.py and core/unit_states.py, so that they cannot differ."""

import sys
from collections import defaultdict
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from core import run_states, unit_states  # noqa: E402 (found by the line above, when run as a program)
from core.journal import Kind  # noqa: E402

S = TypeVar("S", bound=StrEnum)
PAGE = ROOT / "docs" / "states.md"

_HEAD = """\
# States of runs and units

Drawn by `tools/draw_states.py` from `core/run_states.py` and `core/unit_states.py`; a test compares. An arrow is an
entry of the journal; whatever has no arrow raises and changes nothing. Entries that leave the state as it is are
listed below each picture.
"""
_RUN = """
## A run

Only a person moves a run from `waiting` to its first step (by the claim of a quorum), and out of `needs_person`,
`paused` and `stuck`.
"""
_UNIT = """
## A unit

A unit is a step on one host (and for one item). `running` met after a crash means: started, end not seen. It is never
started again before the host was asked. `unknown` waits for the host, a probe or a person; `stuck` for a person.
"""


def diagram(table: Mapping[tuple[S, Kind], S], first: S) -> str:
    """Return the table as a Mermaid state diagram, arrows between the same two states joined."""
    arrows: dict[tuple[str, str], list[str]] = defaultdict(list)
    staying: dict[str, list[str]] = defaultdict(list)
    for (before, kind), after in table.items():
        if before is after:
            staying[before.value].append(kind.value)
        else:
            arrows[before.value, after.value].append(kind.value)
    ends = sorted({after for _, after in arrows} - {before for before, _ in arrows})
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {first.value}"]
    lines += [f"    {before} --> {after}: {', '.join(kinds)}" for (before, after), kinds in arrows.items()]
    lines += [f"    {end} --> [*]" for end in ends]
    lines += ["```", ""]
    lines += [f"- `{state}` stays: {', '.join(kinds)}" for state, kinds in staying.items()]
    return "\n".join(lines).rstrip() + "\n"


def page() -> str:
    runs = diagram(run_states.NEXT, run_states.RunStatus.DRAFTED)
    units = diagram(unit_states.NEXT, unit_states.UnitStatus.PENDING)
    return f"{_HEAD}{_RUN}\n{runs}{_UNIT}\n{units}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
