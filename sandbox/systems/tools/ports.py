"""`ss`: which ports a host listens on, told from what runs on it: the `ports` of its units and containers."""

from __future__ import annotations

from sandbox.systems.tools import containers, units
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine


def listening(machine: Machine) -> list[tuple[str, int]]:
    """Return (tcp or udp, port) in order; 22 always."""
    found = {("tcp", 22)}
    for unit, state in units.states(machine).values():
        if state == "active":
            found |= {_port(text) for text in unit.get("ports", [])}
    for container in containers.all_of(machine):
        if container["state"] == "running":
            found |= {_port(text) for text in container.get("ports", [])}
    return sorted(found)


def _port(text: str) -> tuple[str, int]:
    kind, _, number = str(text).rpartition(":")
    return kind or "tcp", int(number)


def main(machine: Machine, argv: list[str]) -> int:
    words = Words(argv, ("-f", "--family", "-A", "--query"))
    kinds = {kind for kind, name in (("tcp", "-t"), ("udp", "-u")) if words.has(name, f"--{kind}")} or {"tcp", "udp"}
    if not words.has("-H", "--no-header"):
        print("Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process")
    for kind, port in listening(machine):
        if kind in kinds:
            state = "LISTEN" if kind == "tcp" else "UNCONN"
            print(f"{kind:<5} {state:<6} 0      128          0.0.0.0:{port:<5}     0.0.0.0:*")
    return 0
