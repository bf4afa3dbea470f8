"""What `systemctl` shows of units: properties, status, lists. Columns after systemd 252."""

from __future__ import annotations

import fnmatch
import json
import sys

from sandbox.systems.tools import units

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine
    from sandbox.systems.tools.state import Data
    from sandbox.systems.tools.words import Words


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


def show(machine: Machine, name: str, words: Words) -> int:
    known = _properties(machine, name)
    wanted = [p for text in words.all("-p", "--property", "-P") for p in text.split(",")] or list(known)
    bare = words.has("--value") or words.has("-P")
    for key in wanted:
        if key in known:
            print(known[key] if bare else f"{key}={known[key]}")
    return 0


def status(machine: Machine, name: str, words: Words) -> int:
    if name not in machine.state("units").read():
        print(f"Unit {name} could not be found.", file=sys.stderr)
        return 4
    about = _properties(machine, name)
    mark = {"active": "●", "failed": "×"}.get(about["ActiveState"], "○")
    print(f"{mark} {name} - {about['Description']}")
    print(f"     Loaded: {about['LoadState']} (/etc/systemd/system/{name}; {about['UnitFileState']})")
    print(f"     Active: {about['ActiveState']} ({about['SubState']})")
    return 0 if about["ActiveState"] == "active" else 3


def list_units(machine: Machine, names: list[str], words: Words) -> int:
    everything = words.has("-a", "--all")
    wanted = {state for text in words.all("--state") for state in text.split(",")}
    found = []
    for name, (unit, state) in chosen(machine, names, words).items():
        if (state in wanted) if wanted else (everything or state != "inactive"):
            load = "masked" if unit["enabled"] == "masked" else "loaded"
            about = {"unit": name, "load": load, "active": state, "sub": _sub(state)}
            found.append({**about, "description": str(unit["description"])})
    return _table(found, words, "units")


def list_unit_files(machine: Machine, names: list[str], words: Words) -> int:
    wanted = {state for text in words.all("--state") for state in text.split(",")}
    files = chosen(machine, names, words).items()
    found = [{"unit_file": name, "state": str(unit["enabled"]), "preset": "disabled"} for name, (unit, _) in files]
    return _table([row for row in found if not wanted or row["state"] in wanted], words, "unit files")


def chosen(machine: Machine, globs: list[str], words: Words) -> dict[str, tuple[Data, str]]:
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
