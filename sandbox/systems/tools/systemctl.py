"""
`systemctl`, as far as runbooks use it: exit statuses after systemctl(1) (0, 1, 3 not active, 4 no such unit, 5 not
installed), texts and columns after systemd 252 (RHEL 9, Debian 12).
"""

from __future__ import annotations

import fnmatch
import sys

from sandbox.systems.tools import systemctl_shows, units
from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.systems.tools.machine import Machine

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


def _reset_failed(machine: Machine, names: list[str], words: Words) -> int:
    for name, (_, state) in systemctl_shows.chosen(machine, names, words).items():
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
    "show": _each(systemctl_shows.show),
    "status": _each(systemctl_shows.status),
    "list-units": systemctl_shows.list_units,
    "list-unit-files": systemctl_shows.list_unit_files,
    "reset-failed": _reset_failed,
    "daemon-reload": _nothing,
}
