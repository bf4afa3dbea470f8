"""`make bench`: everything, each figure with its goal, kept in bench/results.json."""

import argparse
import asyncio
import json
import os
import platform
from pathlib import Path

from bench import acks, demo_start, idle, scale, steps

RESULTS = Path(__file__).with_name("results.json")

#: figure -> (goal, "max" or "min", unit)
GOALS: dict[str, tuple[float, str, str]] = {
    "ack_p99_ms": (acks.GOAL_MS, "max", "ms"),
    "step_vs_mux_ratio": (4.0, "max", "times the same commands over OpenSSH multiplexing"),
    "ansible_30x3_speedup": (20.0, "min", "times faster than ansible-playbook"),
    "demo_page_s": (demo_start.GOAL_S, "max", "s"),
    "idle_rss_mb": (idle.GOAL_MB, "max", "MB"),
    "idle_cpu_percent": (idle.GOAL_PERCENT, "max", "% of a core"),
    **scale.GOALS,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "only", nargs="*", choices=["acks", "idle", "demo", "steps", "scale", []], help="what to measure"
    )
    chosen = set(parser.parse_args().only) or {"acks", "idle", "demo", "steps"}
    figures: dict[str, float] = {}
    if "idle" in chosen:
        figures |= asyncio.run(idle.measure())
    if "demo" in chosen:
        figures |= asyncio.run(demo_start.measure())
    if "acks" in chosen:
        figures |= asyncio.run(acks.measure())
    if "scale" in chosen:  # takes minutes: only where it is asked for
        figures |= asyncio.run(scale.measure())
    if "steps" in chosen:
        figures |= steps.measure()
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
