"""
`ovs-vsctl`: get, set and remove of the record Open_vSwitch, and list-br. State "ovs": external_ids, version, bridges.
"""

from __future__ import annotations

from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine


def main(machine: Machine, argv: list[str]) -> int:
    words = Words(argv, ("-t", "--timeout", "--db"))
    if words.has("--version", "-V"):
        print(f"ovs-vsctl (Open vSwitch) {machine.state('ovs').read().get('version', '2.17.9')}")
        return 0
    match words.rest:
        case ["get", "Open_vSwitch" | "open_vswitch" | "open", ".", column]:
            return _get(machine, column, quiet=words.has("--if-exists"))
        case ["set", "Open_vSwitch" | "open_vswitch" | "open", ".", *pairs]:
            with machine.state("ovs") as ovs:
                for pair in pairs:
                    name, _, value = pair.partition("=")
                    ovs.setdefault("external_ids", {})[name.partition(":")[2]] = value.strip('"')
            return 0
        case ["remove", "Open_vSwitch" | "open_vswitch" | "open", ".", "external_ids" | "external-ids", *keys]:
            with machine.state("ovs") as ovs:
                for key in keys:
                    ovs.get("external_ids", {}).pop(key, None)
            return 0
        case ["list-br"]:
            print("\n".join(machine.state("ovs").read().get("bridges", ["br-int"])))
            return 0
        case ["show"]:
            print("\n".join(f"    Bridge {name}" for name in machine.state("ovs").read().get("bridges", ["br-int"])))
            return 0
        case _:
            raise SaysNoError(f"ovs-vsctl: unknown command '{' '.join(words.rest)}'; use --help for help")


def _get(machine: Machine, column: str, *, quiet: bool) -> int:
    ids = machine.state("ovs").read().get("external_ids", {})
    name, _, key = column.partition(":")
    if name not in ("external_ids", "external-ids"):
        raise SaysNoError(f'ovs-vsctl: Open_vSwitch does not contain a column whose name matches "{name}"')
    if not key:
        print("{" + ", ".join(f"{one}={_quoted(value)}" for one, value in sorted(ids.items())) + "}")
        return 0
    key = key.strip('"')
    if key not in ids:
        if quiet:
            print()
            return 0
        raise SaysNoError(f'ovs-vsctl: no key {key} in Open_vSwitch record "." column external_ids')
    print(_quoted(ids[key]))
    return 0


def _quoted(value: str) -> str:
    """As ovs-vsctl writes a string: bare if it is a word, else in quotes."""
    return value if value.replace("_", "").replace("-", "").isalnum() and not value[:1].isdigit() else f'"{value}"'
