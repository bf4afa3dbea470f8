"""
`systemctl`, as far as runbooks use it: exit statuses after systemctl(1) (0, 1, 3 not active, 4 no such unit, 5 not
installed), texts and columns after systemd 252 (RHEL 9, Debian 12).
"""

from __future__ import annotations

import fnmatch
import json
import sys

from sandbox.systems.tools import units
from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.systems.tools.machine import Machine
    from sandbox.systems.tools.state import Data

TAKES_VALUE = ("-p", "--property", "-o", "--output", "-t", "--type", "--state", "-n", "--lines", "-P", "--job-mode")


def main(machine: Machine, argv: list[str]) -> int:
    words = Words(argv, TAKES_VALUE)
    verb, names = (words.rest or ["list-units"])[0], words.rest[1:]
    if verb not in VERBS:
        raise SaysNoError(f"Unknown command verb {verb}.")
    return VERBS[verb](machine, names, words)


def _each(act: Callable[[Machine, str, Words], int]) -> Callable[[Machine, list[str], Words], int]:
    """Do it to every unit named; the last bad status is the answer."""

    def all_of(machine: Machine, names: list[str], words: Words) -> int:
        if not names:
            raise SaysNoError("Too few arguments.")
        return max([act(machine, name, words) for name in _expanded(machine, names)], default=0)

    return all_of


def _expanded(machine: Machine, names: list[str]) -> list[str]:
    known = machine.state("units").read()
    found: list[str] = []
    for name in names:
        glob = any(character in name for character in "*?[")
        found += sorted(n for n in known if fnmatch.fnmatch(n, units.full(name))) if glob else [units.full(name)]
    return found


def _complain(text: str, status: int) -> int:
    print(text, file=sys.stderr)
    return status


def _missing(machine: Machine, name: str) -> bool:
    return name not in machine.state("units").read()


def _start(machine: Machine, name: str, words: Words) -> int:
    unit = machine.state("units").read().get(name)
    if unit is None:
        return _complain(f"Failed to start {name}: Unit {name} not found.", 5)
    if unit["enabled"] == "masked":
        return _complain(f"Failed to start {name}: Unit {name} is masked.", 1)
    try:
        units.start(machine, name)
    except units.UnitFailedError:
        if words.has("--no-block"):
            return 0
        return _complain(
            f"Job for {name} failed because the control process exited with error code.\n"
            f'See "systemctl status {name}" and "journalctl -xeu {name}" for details.',
            1,
        )
    return 0


def _stop(machine: Machine, name: str, words: Words) -> int:
    if _missing(machine, name):
        return _complain(f"Failed to stop {name}: Unit {name} not loaded.", 5)
    try:
        units.stop(machine, name)
    except units.UnitFailedError as failure:
        return _complain(f"Job for {name} failed: {failure}", 1)
    return 0


def _restart(machine: Machine, name: str, words: Words) -> int:
    if _missing(machine, name):
        return _complain(f"Failed to restart {name}: Unit {name} not found.", 5)
    return _stop(machine, name, words) or _start(machine, name, words)


def _try_restart(machine: Machine, name: str, words: Words) -> int:
    return _restart(machine, name, words) if units.active(machine, name) else 0


def _enabling(state: str) -> Callable[[Machine, str, Words], int]:
    verb = {"enabled": "enable", "disabled": "disable", "masked": "mask", "unmasked": "unmask"}[state]

    def set_state(machine: Machine, name: str, words: Words) -> int:
        unit = machine.state("units").read().get(name)
        if unit is None:
            return _complain(f"Failed to {verb} unit: Unit file {name} does not exist.", 1)
        if unit["enabled"] == "masked" and state == "enabled":
            return _complain(f"Failed to enable unit: Unit file /etc/systemd/system/{name} is masked.", 1)
        if state == "masked":
            units.change(machine, name, enabled="masked", enabled_before=unit["enabled"])
        elif state == "unmasked":
            units.change(machine, name, enabled=unit.get("enabled_before", unit["enabled"]), enabled_before=None)
        else:
            units.change(machine, name, enabled=state)
        if words.has("--now"):
            return _start(machine, name, words) if state == "enabled" else _stop(machine, name, words)
        return 0

    return set_state


def _is_active(machine: Machine, names: list[str], words: Words) -> int:
    return _any(machine, names, words, "active", 3)


def _is_failed(machine: Machine, names: list[str], words: Words) -> int:
    return _any(machine, names, words, "failed", 1)


def _any(machine: Machine, names: list[str], words: Words, wanted: str, otherwise: int) -> int:
    states = [units.state_of(machine, name) for name in _expanded(machine, names)]
    if not words.has("-q", "--quiet"):
        for state in states:
            print(state or "inactive")
    if wanted in states:
        return 0
    return 4 if states and not any(states) else otherwise


def _is_enabled(machine: Machine, names: list[str], words: Words) -> int:
    status = 1
    for name in _expanded(machine, names):
        unit = machine.state("units").read().get(name)
        if unit is None:
            _complain(f"Failed to get unit file state for {name}: No such file or directory", 1)
            continue
        if not words.has("-q", "--quiet"):
            print(unit["enabled"])
        if unit["enabled"] in ("enabled", "static", "alias", "indirect", "generated"):
            status = 0
    return status


def _properties(machine: Machine, name: str) -> dict[str, str]:
    unit = machine.state("units").read().get(name)
    state = units.state_of(machine, name) or "inactive"
    if unit is None:
        return {"Id": name, "LoadState": "not-found", "ActiveState": state, "SubState": "dead", "UnitFileState": ""}
    return {
        "Id": name,
        "Description": str(unit["description"]),
        "LoadState": "masked" if unit["enabled"] == "masked" else "loaded",
        "ActiveState": state,
        "SubState": _sub(state),
        "UnitFileState": str(unit["enabled"]),
        "Result": "exit-code" if state == "failed" else "success",
        "NRestarts": "0",
        "MainPID": str(1000 + sum(map(ord, name)) % 30_000) if state == "active" else "0",
        "ActiveEnterTimestampMonotonic": str(int(unit.get("since", 0.0) * 1e6)) if state == "active" else "0",
    }


def _sub(state: str) -> str:
    return {"active": "running", "failed": "failed", "activating": "start"}.get(state, "dead")


def _show(machine: Machine, name: str, words: Words) -> int:
    known = _properties(machine, name)
    wanted = [p for text in words.all("-p", "--property", "-P") for p in text.split(",")] or list(known)
    bare = words.has("--value") or words.has("-P")
    for key in wanted:
        if key in known:
            print(known[key] if bare else f"{key}={known[key]}")
    return 0


def _status(machine: Machine, name: str, words: Words) -> int:
    if _missing(machine, name):
        return _complain(f"Unit {name} could not be found.", 4)
    about = _properties(machine, name)
    mark = {"active": "●", "failed": "×"}.get(about["ActiveState"], "○")
    print(f"{mark} {name} - {about['Description']}")
    print(f"     Loaded: {about['LoadState']} (/etc/systemd/system/{name}; {about['UnitFileState']})")
    print(f"     Active: {about['ActiveState']} ({about['SubState']})")
    return 0 if about["ActiveState"] == "active" else 3


def _list_units(machine: Machine, names: list[str], words: Words) -> int:
    everything = words.has("-a", "--all")
    wanted = {state for text in words.all("--state") for state in text.split(",")}
    found = []
    for name, (unit, state) in _chosen(machine, names, words).items():
        if (state in wanted) if wanted else (everything or state != "inactive"):
            load = "masked" if unit["enabled"] == "masked" else "loaded"
            about = {"unit": name, "load": load, "active": state, "sub": _sub(state)}
            found.append({**about, "description": str(unit["description"])})
    return _table(found, words, "units")


def _list_unit_files(machine: Machine, names: list[str], words: Words) -> int:
    wanted = {state for text in words.all("--state") for state in text.split(",")}
    chosen = _chosen(machine, names, words).items()
    found = [{"unit_file": name, "state": str(unit["enabled"]), "preset": "disabled"} for name, (unit, _) in chosen]
    return _table([row for row in found if not wanted or row["state"] in wanted], words, "unit files")


def _chosen(machine: Machine, globs: list[str], words: Words) -> dict[str, tuple[Data, str]]:
    types = {kind for text in words.all("-t", "--type") for kind in text.split(",")}
    found = units.states(machine)
    if globs:
        found = {n: one for n, one in found.items() if any(fnmatch.fnmatch(n, units.full(glob)) for glob in globs)}
    return {n: one for n, one in found.items() if not types or n.rpartition(".")[2] in types}


def _table(rows: list[dict[str, str]], words: Words, what: str) -> int:
    if "json" in words.all("-o", "--output"):
        print(json.dumps(rows, separators=(",", ":")))
        return 0
    legend = not words.has("--no-legend") and "false" not in words.all("--legend")
    columns = list(rows[0]) if rows else []
    widths = {c: max(len(c), *(len(row[c]) for row in rows)) for c in columns}
    if legend and rows:
        print(" ".join(c.upper().replace("_", " ").ljust(widths[c]) for c in columns).rstrip())
    for row in rows:
        print(" ".join(row[c].ljust(widths[c]) for c in columns).rstrip())
    if legend:
        print(f"\n{len(rows)} {what} listed." if what == "unit files" else f"\n{len(rows)} loaded units listed.")
    return 0


def _reset_failed(machine: Machine, names: list[str], words: Words) -> int:
    for name, (_, state) in _chosen(machine, names, words).items():
        if state == "failed":
            units.change(machine, name, active="inactive")
    return 0


def _nothing(machine: Machine, names: list[str], words: Words) -> int:
    return 0


VERBS: dict[str, Callable[[Machine, list[str], Words], int]] = {
    "start": _each(_start),
    "stop": _each(_stop),
    "restart": _each(_restart),
    "try-restart": _each(_try_restart),
    "enable": _each(_enabling("enabled")),
    "disable": _each(_enabling("disabled")),
    "mask": _each(_enabling("masked")),
    "unmask": _each(_enabling("unmasked")),
    "is-active": _is_active,
    "is-failed": _is_failed,
    "is-enabled": _is_enabled,
    "show": _each(_show),
    "status": _each(_status),
    "list-units": _list_units,
    "list-unit-files": _list_unit_files,
    "reset-failed": _reset_failed,
    "daemon-reload": _nothing,
}
