"""
One logical volume of a host, mounted on a directory, and its snapshots: what the commands of `lvm` act on.

State "lvm": group, origin (its name), place (where it is mounted), mounted, uuid, snapshots (name -> uuid, percent,
invalid, made, pending, merging). What the volume holds while it is not mounted lies in HOST/lvm/ORIGIN, what a
snapshot holds in HOST/lvm/NAME. After lvmsnapshot: a snapshot that ran full is void; merging one writes to the origin,
so every other one fills up by as much.
"""

from __future__ import annotations

import os

from sandbox.systems.tools import galera
from sandbox.systems.tools.datadir import new_uuid
from sandbox.systems.tools.machine import SaysNoError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine
    from sandbox.systems.tools.state import Data

#: Per cent of a snapshot that an upgrade's hop fills.
HOP = 11.0


def furnish(machine: Machine, *, group: str, origin: str, place: str) -> None:
    """Put *place*, as it is, on a volume of its own that is mounted there."""
    about = {"group": group, "origin": origin, "place": place, "mounted": True, "uuid": new_uuid(), "snapshots": {}}
    machine.state("lvm").write(about)


def held(machine: Machine, name: str) -> str:
    """Return where what a snapshot, or the volume that is not mounted, holds lies outside of any host's view."""
    return f"{machine.directory}/lvm/{name}"


def busy(machine: Machine) -> bool:
    """Whether a process has files of the volume open."""
    return machine.name in machine.shared("galera").read().get("members", {})


def take(machine: Machine, name: str, at: float) -> None:
    """`lvcreate --snapshot`: keep what the volume holds now."""
    from shutil import copytree  # noqa: PLC0415  # slow to load, and few calls need it

    with machine.state("lvm") as lvm:
        if name in lvm["snapshots"]:
            raise SaysNoError(f'  Logical Volume "{name}" already exists in volume group "{lvm["group"]}"', 5)
        for snapshot in lvm["snapshots"].values():
            snapshot["percent"] = min(100.0, snapshot["percent"] + HOP)
        copytree(_content(machine, lvm), held(machine, name))
        lvm["snapshots"][name] = {"uuid": new_uuid(), "percent": 0.0, "invalid": False, "made": at, "pending": False}


def _content(machine: Machine, lvm: Data) -> str:
    return machine.path(lvm["place"]) if lvm["mounted"] else held(machine, lvm["origin"])


def merge(machine: Machine, name: str) -> bool:
    """
    `lvconvert --merge`: make the volume what the snapshot holds; the snapshot is gone then.

    Return False where the volume is open: it is put off until nobody has it open, and nothing says so but a line.
    """
    with machine.state("lvm") as lvm:
        snapshot = lvm["snapshots"][name]
        if full(snapshot):
            raise SaysNoError(f"  Unable to merge invalidated snapshot LV {lvm['group']}/{name}.", 5)
        if lvm["mounted"]:
            snapshot["pending"] = True
            return False
        _merge_now(machine, lvm, name)
        return True


def _merge_now(machine: Machine, lvm: Data, name: str) -> None:
    from shutil import rmtree  # noqa: PLC0415

    snapshot = lvm["snapshots"].pop(name)
    rmtree(held(machine, lvm["origin"]))
    os.rename(held(machine, name), held(machine, lvm["origin"]))
    for other in lvm["snapshots"].values():
        other["percent"] = min(100.0, other["percent"] + snapshot["percent"])


def full(snapshot: Data) -> bool:
    return bool(snapshot["invalid"] or snapshot["percent"] >= 100)


def unmount(machine: Machine) -> None:
    with machine.state("lvm") as lvm:
        if not lvm["mounted"]:
            raise SaysNoError(f"umount: {lvm['place']}: not mounted.", 32)
        if busy(machine):
            raise SaysNoError(f"umount: {lvm['place']}: target is busy.", 32)
        os.makedirs(f"{machine.directory}/lvm", exist_ok=True)
        os.rename(machine.path(lvm["place"]), held(machine, lvm["origin"]))
        os.mkdir(machine.path(lvm["place"]))
        lvm["mounted"] = False
        for name in [name for name, snapshot in lvm["snapshots"].items() if snapshot["pending"]]:
            _merge_now(machine, lvm, name)


def mount(machine: Machine) -> None:
    with machine.state("lvm") as lvm:
        if lvm["mounted"]:
            raise SaysNoError(f"mount: /dev/mapper/{lvm['origin']} already mounted on {lvm['place']}.", 32)
        os.rmdir(machine.path(lvm["place"]))
        os.rename(held(machine, lvm["origin"]), machine.path(lvm["place"]))
        lvm["mounted"] = True


def datadir_is_mounted(machine: Machine) -> bool:
    """For judges: whether the server's data is on its volume."""
    return bool(machine.state("lvm").read()["mounted"]) and not galera.datadir(machine).empty
