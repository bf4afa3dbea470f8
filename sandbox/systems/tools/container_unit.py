"""A unit whose service is a container: what systemctl does with it."""

from __future__ import annotations

from sandbox.systems.tools import containers
from sandbox.systems.tools.units import UnitFailedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine
    from sandbox.systems.tools.state import Data


def start(machine: Machine, unit: Data, name: str) -> None:
    """Run the unit's container: the one there is, or a new one from the image the unit (or its file) names."""
    wanted = unit["container"]
    try:
        if wanted.get("fresh") or wanted["name"] not in machine.state("containers").read().get("containers", {}):
            containers.create(machine, wanted["name"], _image(machine, wanted))
        containers.run(machine, wanted["name"])
    except containers.NoImageError as missing:
        raise UnitFailedError(f"Error: {missing}: image not known") from missing


def _image(machine: Machine, wanted: Data) -> str:
    """The image's name; where an operator writes it, after IMAGE= in a file the unit reads."""
    path = wanted.get("image_file")
    if not path:
        return str(wanted["image"])
    try:
        with open(machine.path(path)) as file:
            found = [line.partition("=")[2].strip().strip("\"'") for line in file if line.startswith("IMAGE=")]
    except FileNotFoundError:
        found = []
    if not found:
        raise UnitFailedError(f"{path}: there is no IMAGE= in it")
    return found[-1]


def stop(machine: Machine, unit: Data, name: str) -> None:
    if unit["container"]["name"] in machine.state("containers").read().get("containers", {}):
        containers.halt(machine, unit["container"]["name"])


def alive(machine: Machine, unit: Data, name: str) -> bool:
    return containers.running(machine, unit["container"]["name"])
