"""
`belay drill --all`: every scenario of every practice system, a few at a time, and a table of what came of them.

Each worker is a process that plays one scenario after the other (`python -m bot.drills`, a name a line in, a result a
line out): loading the bot takes longer than some drills. One that dies or hangs fails its own scenario alone.
"""

import asyncio
import json
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.drill import play
from core.errors import BelayError
from sandbox.systems.catalogue import SYSTEMS, full_name, scenario_named, system_named

#: At a time. A drill keeps about one core busy.
JOBS = 2
#: Seconds until a scenario is given up; a slow machine takes a quarter of it.
PATIENCE_S = 240.0
#: Seconds a worker that has nothing left to do may take to end.
DISMISS_S = 10.0
#: Bytes of one result, its whole story included.
LONGEST_RESULT = 16 * 2**20

Result = Mapping[str, Any]


@dataclass(kw_only=True)
class Crew:
    """Plays scenarios with workers, and tells each result as it comes."""

    names: list[str]
    jobs: int
    tell: bool
    results: dict[str, Result] = field(default_factory=dict)

    async def work(self) -> list[Result]:
        """Return the results in the order of the names."""
        waiting = list(self.names)
        await asyncio.gather(*(self._worker(waiting) for _ in range(min(self.jobs, len(waiting)))))
        return [self.results[name] for name in self.names]

    async def _worker(self, waiting: list[str]) -> None:
        process: asyncio.subprocess.Process | None = None
        while waiting:
            name = waiting.pop(0)
            process = process or await _hire()
            result = await _ask(process, name)
            if result is None:
                await _dismiss(process)
                process = None
                result = _lost(name)
            self.results[name] = result
            if self.tell:
                print(row(result), flush=True)
        if process is not None:
            await _dismiss(process)


async def all_drills(system: str = "", *, jobs: int = JOBS, again: bool = False, as_json: bool = False) -> int:
    """
    Play all scenarios, or those of one system. Returns 0 only if every one ended as it has to.

    *again*: what failed is played once more, alone; on a busy machine one may be too slow for another.

    Raises:
        UnknownNameError: there is no such system.
    """
    chosen = (system_named(system),) if system else SYSTEMS
    names = [full_name(one, scenario) for one in chosen for scenario in one.scenarios]
    began = time.monotonic()
    if not as_json:
        print(_columns("scenario", "expected", "got", "seconds"), flush=True)
    results = await Crew(names=names, jobs=jobs, tell=not as_json).work()
    if again and (once_more := [result["scenario"] for result in results if not result["passed"]]):
        if not as_json:
            print("once more, alone:", flush=True)
        second = await Crew(names=once_more, jobs=1, tell=not as_json).work()
        results = [*(result for result in results if result["passed"]), *second]
    failed = [result for result in results if not result["passed"]]
    if as_json:
        print(json.dumps({"passed": not failed, "seconds": round(time.monotonic() - began, 1), "drills": results}))
    else:
        print(summary(results, time.monotonic() - began))
    return 1 if failed else 0


def row(result: Result) -> str:
    """Return one line of the table."""
    mark = "" if result["passed"] else "  FAILED"
    return _columns(result["scenario"], result["expected"], result["status"], f"{result['seconds']:.1f}") + mark


def summary(results: Sequence[Result], seconds: float) -> str:
    """Return what failed and why, then one line with the count."""
    lines = []
    for result in results:
        if not result["passed"]:
            lines += [f"{result['scenario']} FAILED:", *(f"  {fault}" for fault in result["faults"])]
    passed = sum(result["passed"] for result in results)
    return "\n".join([*lines, f"{passed} of {len(results)} drills ended as they have to, in {seconds:.0f} s"])


def _columns(scenario: str, expected: str, got: str, seconds: str) -> str:
    return f"{scenario:<48} {expected:<16} {got:<16} {seconds:>8}"


async def _hire() -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot.drills"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LONGEST_RESULT,
    )


async def _ask(process: asyncio.subprocess.Process, name: str) -> Result | None:
    """Return the result, or None if the worker gave none."""
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the worker was started without pipes")
    try:
        process.stdin.write(name.encode() + b"\n")
        async with asyncio.timeout(PATIENCE_S):
            line = await process.stdout.readline()
        result: Result = json.loads(line)
    except (TimeoutError, ValueError, ConnectionError):
        return None
    return result


async def _dismiss(process: asyncio.subprocess.Process) -> None:
    """End a worker; what a hung one raised ends with it, by its world's guardian."""
    try:
        async with asyncio.timeout(DISMISS_S):
            await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()


def _lost(name: str) -> Result:
    system, scenario = scenario_named(name)
    fault = f"its worker died, or gave no result within {PATIENCE_S:.0f} s"
    return {
        "passed": False,
        "faults": [fault],
        "system": system.name,
        "scenario": name,
        "expected": scenario.end.value,
        "status": "lost",
        "seconds": PATIENCE_S,
        "story": [],
    }


def main() -> None:
    """Be a worker."""
    logging.basicConfig(level=logging.ERROR)
    for line in sys.stdin:
        name = line.strip()
        system, scenario = scenario_named(name)
        try:
            result = asyncio.run(play(system, scenario))
        except (BelayError, OSError) as error:
            result = {**_lost(name), "faults": [f"{type(error).__name__}: {error}"], "seconds": 0.0}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
