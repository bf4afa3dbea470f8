"""
The units of a host: what `systemctl` starts, stops and shows, kept in the state "units".

A unit may have a daemon: a module with `start(machine, unit, name)`, `stop(machine, unit, name)` and, if what it runs
can die by itself, `alive(machine, unit, name)`. `start` and `stop` raise `UnitFailedError` with what the journal gets.
"""

from __future__ import annotations

import json
import os
import time
from importlib import import_module

from sandbox.systems.tools import dataplane
from sandbox.systems.tools.state import current, later, wait_until

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.systems.tools.machine import Machine
    from sandbox.systems.tools.state import Data

#: Seconds a unit takes to start and to stop, unless it says otherwise: enough to be seen, not to be waited for.
START_S, STOP_S = 0.02, 0.01


class UnitFailedError(Exception):
    """The unit did not do as it was told; the text is the last line of its journal."""


def define(machine: Machine, *names: str, **about: object) -> None:
    """
    Add units of those names (".service" may be left out). *about*, all optional:

    enabled ("enabled", "disabled", "static", "masked"), active (now), description, daemon and what it wants to know,
    start_s, stop_s, ready_s (active that much earlier than it answers), dies_s (active, and failed so much later),
    fails (the text it fails to start with) and fails_times (0: always), ports (["tcp:5000"]), release, carries
    (what stops flowing while it is stopped: see `dataplane`).
    """
    with machine.state("units") as units:
        for name in names:
            unit = {"enabled": "enabled", "active": "inactive", "description": name, **about}
            units[full(name)] = unit
            if unit["active"] == "active":
                unit["since"] = time.time()


def change(machine: Machine, name: str, **about: object) -> None:
    """Change what is known of one unit; None takes it away."""
    with machine.state("units") as units:
        unit = units[full(name)]
        for key, value in about.items():
            if value is None:
                unit.pop(key, None)
            else:
                unit[key] = value


def remove(machine: Machine, *names: str) -> None:
    """Take the unit files away, as if they had never been there."""
    with machine.state("units") as units:
        for name in names:
            units.pop(full(name), None)


def full(name: str) -> str:
    """Return the name with its suffix: systemctl takes "keystone" for "keystone.service"."""
    known = (".service", ".timer", ".socket", ".target", ".path", ".mount", ".slice", ".scope")
    return name if name.endswith(known) else f"{name}.service"


def state_of(machine: Machine, name: str) -> str:
    """Return active, inactive, failed, activating; "" if there is no such unit."""
    name = full(name)
    unit = machine.state("units").read().get(name)
    return "" if unit is None else _state(machine, unit, name)


def active(machine: Machine, name: str) -> bool:
    return state_of(machine, name) == "active"


def answers(machine: Machine, name: str) -> bool:
    """Return whether the unit is active and has had the time it needs until it answers (`ready_s`)."""
    unit = machine.state("units").read().get(full(name), {})
    return active(machine, name) and time.time() - unit.get("since", 0.0) >= unit.get("ready_s", 0.0)


def _state(machine: Machine, unit: Data, name: str) -> str:
    found = str(current(unit["active"]))
    alive = _daemon(unit, "alive")
    if found == "active" and alive is not None and not alive(machine, unit, name):
        return "failed"
    return found


def states(machine: Machine) -> dict[str, tuple[Data, str]]:
    """Return every unit by name, with its state now."""
    units = machine.state("units").read()
    return {name: (unit, _state(machine, unit, name)) for name, unit in sorted(units.items())}


def start(machine: Machine, name: str) -> None:
    """
    Start a unit that is there, and return when its start is over; nothing happens to one that is active.

    Raises:
        UnitFailedError: it did not start.
    """
    name = full(name)
    unit = machine.state("units").read()[name]
    if _state(machine, unit, name) == "active":
        return
    _set(machine, name, later("activating", "active", unit.get("start_s", START_S)))
    try:
        _may_start(machine, unit, name)
        if begin := _daemon(unit, "start"):
            begin(machine, unit, name)
    except UnitFailedError as failure:
        _set(machine, name, "failed")
        log(machine, name, str(failure))
        log(machine, name, f"{name}: Failed with result 'exit-code'.")
        raise
    wait_until(machine.state("units").read()[name]["active"])
    dies_s = unit.get("dies_s", 0.0)
    _set(machine, name, later("active", "failed", dies_s) if dies_s else "active")
    dataplane.flows(machine, unit, up=True)
    log(machine, name, f"Started {unit['description']}.")


def _may_start(machine: Machine, unit: Data, name: str) -> None:
    if not unit.get("fails"):
        return
    times = unit.get("fails_times", 0)
    if times == 1:
        change(machine, name, fails=None, fails_times=None)
    elif times > 1:
        change(machine, name, fails_times=times - 1)
    raise UnitFailedError(unit["fails"])


def stop(machine: Machine, name: str) -> None:
    """
    Stop a unit that is there; nothing happens to one that is not active.

    Raises:
        UnitFailedError: it did not stop.
    """
    name = full(name)
    unit = machine.state("units").read()[name]
    if _state(machine, unit, name) in ("active", "activating"):
        time.sleep(unit.get("stop_s", STOP_S))
        if end := _daemon(unit, "stop"):
            end(machine, unit, name)
        dataplane.flows(machine, unit, up=False)
        log(machine, name, f"Stopped {unit['description']}.")
    _set(machine, name, "inactive")


def _daemon(unit: Data, verb: str) -> Callable[[Machine, Data, str], object] | None:
    module = unit.get("daemon")
    found: Callable[[Machine, Data, str], object] | None = (
        getattr(import_module(module), verb, None) if module else None
    )
    return found


def _set(machine: Machine, name: str, active: object) -> None:
    with machine.state("units") as units:
        unit = units[name]
        unit["active"] = active
        unit["since"] = time.time()


def log(machine: Machine, name: str, text: str) -> None:
    """Add a line to the unit's journal."""
    with open(f"{machine.directory}/log/journal", "a") as journal:
        journal.write(json.dumps({"at": time.time(), "unit": full(name), "text": text, "pid": os.getpid()}) + "\n")
