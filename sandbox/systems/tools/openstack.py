"""
`openstack`, the client: lists, in its formats (-f table, json, value, csv; -c COLUMN), of what the cloud's databases
hold, through the cloud's services (see `cloud`). Errors are the real client's, exit status 1; 2 for wrong words.
"""

from __future__ import annotations

import json
import sys

from sandbox.systems.tools import cloud, containers, units
from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.systems.tools.machine import Machine

TAKES_VALUE = (
    *("-f", "--format", "-c", "--column", "--os-cloud", "--project", "--user", "--host", "--service", "--interface"),
    *("--domain", "--timeout", "--os-compute-api-version", "--sort-column", "--status", "--name", "--agent-type"),
)

#: Command -> service, columns, query. A query's columns are in the order of the titles.
LISTS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "user list": ("keystone", ("ID", "Name"), "SELECT id, name FROM user ORDER BY name"),
    "project list": ("keystone", ("ID", "Name"), "SELECT id, name FROM project ORDER BY name"),
    "service list": ("keystone", ("ID", "Name", "Type"), "SELECT id, name, type FROM service ORDER BY name"),
    "endpoint list": (
        "keystone",
        ("ID", "Region", "Service Name", "Service Type", "Enabled", "Interface", "URL"),
        (
            "SELECT e.id, e.region_id, s.name, s.type, e.enabled, e.interface, e.url FROM endpoint e "
            "JOIN service s ON s.id = e.service_id ORDER BY s.name, e.interface"
        ),
    ),
    "server list": (
        "nova",
        ("ID", "Name", "Status", "Host"),
        "SELECT uuid, display_name, vm_state, host FROM instances WHERE deleted = 0 ORDER BY display_name",
    ),
    "compute service list": (
        "nova",
        ("ID", "Binary", "Host", "Zone", "Status", "State", "Updated At"),
        (
            "SELECT id, binary, host, 'nova', CASE disabled WHEN 0 THEN 'enabled' ELSE 'disabled' END, "
            "'up', updated_at "
            "FROM services WHERE deleted = 0 ORDER BY id"
        ),
    ),
    "network agent list": (
        "neutron",
        ("ID", "Agent Type", "Host", "Availability Zone", "Alive", "State", "Binary"),
        "SELECT id, agent_type, host, 'nova', ':-)', 'UP', binary FROM agents ORDER BY host, binary",
    ),
    "network list": ("neutron", ("ID", "Name"), "SELECT id, name FROM networks ORDER BY name"),
    "port list": ("neutron", ("ID", "Name", "Status"), "SELECT id, name, status FROM ports ORDER BY id"),
    "volume service list": (
        "cinder",
        ("Binary", "Host", "Zone", "Status", "State", "Updated At"),
        (
            "SELECT binary, host, 'nova', CASE disabled WHEN 0 THEN 'enabled' ELSE 'disabled' END, 'up', updated_at "
            "FROM services WHERE deleted = 0 ORDER BY binary"
        ),
    ),
    "volume list": (
        "cinder",
        ("ID", "Name", "Status", "Size"),
        "SELECT id, display_name, status, size FROM volumes WHERE deleted = 0 ORDER BY display_name",
    ),
    "image list": (
        "glance",
        ("ID", "Name", "Status"),
        "SELECT id, name, status FROM images WHERE deleted = 0 ORDER BY name",
    ),
    "stack list": ("heat", ("ID", "Stack Name", "Stack Status"), "SELECT id, name, status FROM stack ORDER BY name"),
}
#: Commands whose rows are services of hosts: the column with the host's state, the one with the host, and the binary's.
ALIVE = {
    "compute service list": ("State", "up", "down", "Binary"),
    "volume service list": ("State", "up", "down", "Binary"),
    "network agent list": ("Alive", ":-)", "XXX", "Binary"),
}


def main(machine: Machine, argv: list[str]) -> int:
    words = Words(argv, TAKES_VALUE)
    if words.has("--version"):
        print("openstack 6.2.0")
        return 0
    command = " ".join(words.rest[:3]) if " ".join(words.rest[:3]) in LISTS else " ".join(words.rest[:2])
    if command == "token issue":
        cloud.ask(machine, "keystone", "SELECT 1")
        return _print_one({"project_id": "admin", "user_id": "admin"}, words)
    if command not in LISTS:
        raise SaysNoError(
            f"openstack: '{' '.join(words.rest)}' is not an openstack command. See 'openstack --help'.", 2
        )
    service, columns, query = LISTS[command]
    rows = [list(map(_text, row)) for row in cloud.ask(machine, service, query)[1]]
    if command in ALIVE:
        _say_who_is_alive(machine, command, columns, rows)
    if command == "server list":
        rows = [[row[0], row[1], row[2].upper(), row[3]] for row in rows]
    return _print(columns, _filtered(columns, rows, words), words)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _say_who_is_alive(machine: Machine, command: str, columns: tuple[str, ...], rows: list[list[str]]) -> None:
    """A service reports by itself: where none of its units or containers runs, it is seen as down."""
    state, alive, dead, binary = ALIVE[command]
    at = {name: place for place, name in enumerate(columns)}
    for row in rows:
        host = row[at["Host"]].partition("@")[0]
        if not agent_runs(machine, host, row[at[binary]]):
            row[at[state]] = dead
        else:
            row[at[state]] = alive


def agent_runs(machine: Machine, host: str, binary: str) -> bool:
    """
    Return whether the process behind a row of a service list runs: the unit or container the cloud's `agents` name
    for that binary ("nova-compute": {"unit": "tripleo_nova_compute.service"}); one nobody names is taken as running.
    """
    about = machine.shared("cloud").read().get("agents", {}).get(binary)
    if about is None or host not in (*machine.others, machine.name):
        return True
    there = machine if host == machine.name else machine.other(host)
    return units.active(there, about["unit"]) if "unit" in about else containers.running(there, about["container"])


def _filtered(columns: tuple[str, ...], rows: list[list[str]], words: Words) -> list[list[str]]:
    at = {name: place for place, name in enumerate(columns)}
    for option, column in (("--host", "Host"), ("--service", "Binary"), ("--status", "Status"), ("--name", "Name")):
        wanted = words.one(option)
        if wanted and column in at:
            rows = [row for row in rows if row[at[column]].lower() == wanted.lower()]
    return rows


def _print(columns: tuple[str, ...], rows: Sequence[Sequence[str]], words: Words) -> int:
    found = [list(row) for row in rows]
    chosen = words.all("-c", "--column")
    shown = [name for name in columns if not chosen or name in chosen]
    places = [columns.index(name) for name in shown]
    cut = [[row[place] for place in places] for row in found]
    match words.one("-f", "--format", default="table"):
        case "json":
            print(json.dumps([dict(zip(shown, row, strict=True)) for row in cut], indent=2))
        case "value":
            for row in cut:
                print(" ".join(row))
        case "csv":
            import csv  # noqa: PLC0415  # for this format alone

            writer = csv.writer(sys.stdout, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
            writer.writerows([shown, *cut])
        case _:
            _table(shown, cut)
    return 0


def _print_one(fields: dict[str, str], words: Words) -> int:
    """What a `show` prints: a row a field; of those chosen by -c, if any are."""
    chosen = words.all("-c", "--column") or list(fields)
    shown = {name: value for name, value in fields.items() if name in chosen}
    match words.one("-f", "--format", default="table"):
        case "json":
            print(json.dumps(shown, indent=2))
        case "value":
            print("\n".join(shown.values()))
        case _:
            _table(["Field", "Value"], [[name, value] for name, value in shown.items()])
    return 0


def _table(columns: list[str], rows: list[list[str]]) -> None:
    widths = [max(len(name), *(len(row[place]) for row in rows), 0) for place, name in enumerate(columns)]
    line = "+" + "+".join("-" * (width + 2) for width in widths) + "+"
    print(line)
    print("| " + " | ".join(name.ljust(width) for name, width in zip(columns, widths, strict=True)) + " |")
    print(line)
    for row in rows:
        print("| " + " | ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)) + " |")
    if rows:
        print(line)
