"""`make bench`: everything, each figure with its goal, kept in bench/results.json."""

import argparse
import asyncio
import json
import os
import platform
from collections.abc import Callable
from pathlib import Path

from bench import acks, demo_start, idle, restart, scale, steps

RESULTS = Path(__file__).with_name("results.json")

#: figure -> (goal, "max" or "min", unit)
GOALS: dict[str, tuple[float, str, str]] = {
    "ack_p99_ms": (acks.GOAL_MS, "max", "ms"),
    "step_vs_mux_ratio": (4.0, "max", "times the same commands over OpenSSH multiplexing"),
    "ansible_30x3_speedup": (20.0, "min", "times faster than ansible-playbook"),
    "demo_page_s": (demo_start.GOAL_S, "max", "s"),
    "idle_rss_mb": (idle.GOAL_MB, "max", "MB"),
    "idle_cpu_percent": (idle.GOAL_PERCENT, "max", "% of a core"),
    **restart.GOALS,
    **scale.GOALS,
}


#: Part -> what measures it. The last ones take minutes each: only where they are asked for.
PARTS: dict[str, Callable[[], dict[str, float]]] = {
    "idle": lambda: asyncio.run(idle.measure()),
    "demo": lambda: asyncio.run(demo_start.measure()),
    "acks": lambda: asyncio.run(acks.measure()),
    "steps": steps.measure,
    "waiting": lambda: asyncio.run(scale.waiting()),
    "restart": lambda: asyncio.run(restart.measure()),
    "many": lambda: asyncio.run(scale.many()),
}
SHORT, SCALE = ("idle", "demo", "acks", "steps"), ("waiting", "restart", "many")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("only", nargs="*", choices=[*PARTS, "scale", []], help="what to measure; scale: the long parts")
    asked = parser.parse_args().only or SHORT
    chosen = {part for word in asked for part in (SCALE if word == "scale" else (word,))}
    figures: dict[str, float] = {}
    for part, measure in PARTS.items():
        if part in chosen:
            figures |= measure()
    for name, value in figures.items():
        print(_line(name, value))
    known = json.loads(RESULTS.read_text())["figures"] if RESULTS.exists() else {}
    machine = {"python": platform.python_version(), "cores": os.cpu_count(), "load": os.getloadavg()[0]}
    kept = {"machine": machine, "figures": known | {name: round(value, 3) for name, value in figures.items()}}
    RESULTS.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n")


def _line(name: str, value: float) -> str:
    if name not in GOALS:
        return f"{name:24} {value:10.2f}"
    goal, bound, unit = GOALS[name]
    met = value <= goal if bound == "max" else value >= goal
    word = f"goal {'≤' if bound == 'max' else '≥'} {goal:g}: {'met' if met else 'MISSED'}"
    return f"{name:24} {value:10.2f} {unit} ({word}; {value / goal:.2f} of it)"


if __name__ == "__main__":
    main()
