"""
`lvs`, `lvcreate --snapshot`, `lvconvert --merge`, and `mount`, `umount`, `mountpoint` of the one volume they are about:
see `volumes`. Attributes and texts after lvm2 (lvs(8), lvconvert(8)), exit status 5 where it refuses.
"""

from __future__ import annotations

import time

from sandbox.systems.fast_forward.tools import volumes
from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine
    from sandbox.systems.tools.state import Data

TAKES_VALUE = ("-o", "--options", "--separator", "--units", "-n", "--name", "-L", "--size", "-l", "-S", "--select")


def main(machine: Machine, argv: list[str]) -> int:
    lvm = machine.state("lvm").read()
    if lvm.get("unreadable"):
        raise SaysNoError("  /dev/sdb: read failed after 0 of 4096 at 0: Input/output error", 5)
    words = Words(argv, TAKES_VALUE)
    match machine.tool:
        case "lvs":
            return _lvs(lvm, words)
        case "lvcreate":
            volumes.take(machine, words.one("-n", "--name"), time.time())
            print(f'  Logical volume "{words.one("-n", "--name")}" created.')
        case "lvconvert":
            return _convert(machine, lvm, words)
        case "umount":
            volumes.unmount(machine)
        case "mount":
            volumes.mount(machine)
        case _:
            return 0 if lvm["mounted"] and words.rest == [lvm["place"]] else 32
    return 0


def _named(lvm: Data, path: str) -> str:
    """Return the volume's name of "GROUP/NAME"."""
    group, _, name = path.partition("/")
    if group != lvm["group"]:
        raise SaysNoError(f'  Volume group "{group}" not found', 5)
    if name and name not in (lvm["origin"], *lvm["snapshots"]):
        raise SaysNoError(f'  Failed to find logical volume "{path}"', 5)
    return name


def _lvs(lvm: Data, words: Words) -> int:
    wanted = _named(lvm, words.rest[0]) if words.rest else ""
    columns = words.one("-o", "--options", default="lv_name,lv_attr").split(",")
    for name in [wanted] if wanted else [lvm["origin"], *lvm["snapshots"]]:
        known = _origin(lvm) if name == lvm["origin"] else _snapshot(lvm, name)
        print("  " + words.one("--separator", default=" ").join(known[column] for column in columns))
    return 0


def _origin(lvm: Data) -> dict[str, str]:
    merging = any(snapshot["pending"] for snapshot in lvm["snapshots"].values())
    kind = "O" if merging else "o" if lvm["snapshots"] else "-"
    attr = f"{kind}wi-a{'o' if lvm['mounted'] else '-'}s---" if kind != "-" else "-wi-ao----"
    return {"lv_name": lvm["origin"], "lv_uuid": lvm["uuid"], "origin": "", "snap_percent": "", "lv_attr": attr}


def _snapshot(lvm: Data, name: str) -> dict[str, str]:
    snapshot = lvm["snapshots"][name]
    attr = f"{'S' if snapshot['pending'] else 's'}wi-{'I' if snapshot['invalid'] else 'a'}-s---"
    percent = f"{snapshot['percent']:.2f}"
    uuid = snapshot["uuid"]
    return {"lv_name": name, "lv_uuid": uuid, "origin": lvm["origin"], "snap_percent": percent, "lv_attr": attr}


def _convert(machine: Machine, lvm: Data, words: Words) -> int:
    if not words.has("--merge") or not words.rest:
        raise SaysNoError("  No command with matching syntax recognised.  Run 'lvconvert --help' for more info.", 3)
    path = words.rest[0]
    machine.linger("merging")
    if volumes.merge(machine, _named(lvm, path)):
        print(f"  Merging of volume {path} started.\n  {lvm['group']}/{lvm['origin']}: Merged: 100.00%")
    else:
        print("  Delaying merge since origin is open.")
        print(f"  Merging of snapshot {path} will occur on next activation of {lvm['group']}/{lvm['origin']}.")
    return 0
