"""
What workloads feel: which traffic flows, and every moment it did not. Shared by the world; nothing is taken back.

A unit or container may say that it `carries` something ("the tunnels of compute-1"); while one of them is stopped, that
traffic is out. `outages` is the ping log a judge reads: it has an entry for each interruption, however short.
"""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine
    from sandbox.systems.tools.state import Data


def flows(machine: Machine, carrier: Data, *, up: bool) -> None:
    """Note that what *carrier* (a unit, a container) carries flows from now on, or not."""
    if carrier.get("carries"):
        interrupt(machine, str(carrier["carries"]), over=up)


def interrupt(machine: Machine, what: str, *, over: bool = False) -> None:
    with machine.shared("dataplane") as plane:
        outages = plane.setdefault("outages", [])
        unfinished = [outage for outage in outages if outage["what"] == what and outage["end"] is None]
        if over:
            for outage in unfinished:
                outage["end"] = time.time()
        elif not unfinished:
            outages.append({"what": what, "begin": time.time(), "end": None, "by": f"{machine.name}: {machine.tool}"})


def outages(machine: Machine) -> list[Data]:
    """Return every interruption so far: what, begin, end (None: not over), by."""
    found: list[Data] = machine.shared("dataplane").read().get("outages", [])
    return found


def out(machine: Machine, what: str) -> bool:
    """Return whether that traffic is interrupted now."""
    return any(outage["what"] == what and outage["end"] is None for outage in outages(machine))


def place(machine: Machine, address: str, host: str, domain: str) -> None:
    """Let the workload *domain* on *host* answer at *address*: see `ping`."""
    with machine.shared("dataplane") as plane:
        plane.setdefault("addresses", {})[address] = {"host": host, "domain": domain}
