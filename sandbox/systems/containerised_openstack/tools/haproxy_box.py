"""HAProxy in a container: it listens on what its configuration says when it starts, and on nothing else until then."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine
    from sandbox.systems.tools.state import Data

DAEMON = __name__
CONFIG = "/etc/openstack/haproxy/haproxy.cfg"


def start(machine: Machine, carrier: Data, name: str) -> None:
    ports = re.findall(r"^\s*bind \S+:(\d+)", machine.read(CONFIG), re.MULTILINE)
    with machine.state("containers") as state:
        state["containers"][name]["ports"] = [f"tcp:{port}" for port in ports]


def stop(machine: Machine, carrier: Data, name: str) -> None:
    """Its ports close with its container."""
