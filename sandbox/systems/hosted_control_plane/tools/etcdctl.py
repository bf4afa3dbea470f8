"""
`etcdctl` inside an etcd pod of a hosted control plane: endpoint status and health, snapshot save and status, each with
`-w json`. Fields and texts after etcd-io/etcd etcdctl/README.md; storageVersion is there from 3.6 on.

A snapshot is a JSON file: the revision, the number of keys and a hash over both.
"""

from __future__ import annotations

import json
import os
import zlib

from sandbox.systems.tools.kubeconfig import state_name
from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine
    from sandbox.systems.tools.state import Data

TAKES = ("--cacert", "--cert", "--key", "--endpoints", "-w", "--write-out", "--command-timeout", "--dial-timeout")
CERTIFICATES = {
    "--cacert": "/etc/etcd/tls/etcd-ca/ca.crt",
    "--cert": "/etc/etcd/tls/client/etcd-client.crt",
    "--key": "/etc/etcd/tls/client/etcd-client.key",
}
MEMBERS = 3


def main(machine: Machine, argv: list[str]) -> int:
    words = Words(argv, TAKES)
    match words.rest:
        case ["snapshot", "status", place]:
            _snapshot_status(words, place)
        case ["snapshot", "save", place]:
            _snapshot_save(_etcd(machine, words), words, place)
        case ["endpoint", "status"]:
            _endpoint_status(_etcd(machine, words), words)
        case ["endpoint", "health"]:
            _etcd(machine, words)
            print("https://localhost:2379 is healthy: successfully committed proposal: took = 2.1ms")
        case _:
            raise SaysNoError(f'Error: unknown command "{" ".join(words.rest)}" for "etcdctl"')
    return 0


def _etcd(machine: Machine, words: Words) -> Data:
    """The cluster's own: without its certificates nobody gets in."""
    if any(words.one(option) != place for option, place in CERTIFICATES.items()):
        raise SaysNoError("Error: context deadline exceeded")
    name = os.environ["POD_NAMESPACE"].partition("-")[2]
    found: Data = machine.shared(state_name(os.environ["POD_SERVER"])).read()["hypershift"]["etcd"][name]
    if problem := found.get("outage"):
        raise SaysNoError(f"Error: {problem}")
    return found


def _endpoint_status(etcd: Data, words: Words) -> None:
    members = []
    for number in range(MEMBERS if words.has("--cluster") else 1):
        status = {"header": {"revision": etcd["revision"]}, "version": etcd["version"], "dbSize": 4_200_000}
        if etcd["version"].startswith("3.6"):
            status |= {"storageVersion": etcd["storage"], "downgradeInfo": {"enabled": False}}
        members.append({"Endpoint": f"https://etcd-{number}.etcd-discovery:2379", "Status": status})
    print(json.dumps(members))


def _hash(revision: int, keys: int) -> int:
    return zlib.crc32(f"{revision} {keys}".encode())


def _inside(place: str) -> str:
    return os.environ["POD_ROOT"] + os.path.join("/", place)


def _snapshot_save(etcd: Data, words: Words, place: str) -> None:
    snapshot = {"revision": etcd["revision"], "keys": etcd["keys"]}
    os.makedirs(os.path.dirname(_inside(place)), exist_ok=True)
    with open(_inside(place), "w") as file:
        json.dump({**snapshot, "hash": _hash(etcd["revision"], etcd["keys"])}, file)
    print(f"Snapshot saved at {place}")


def _snapshot_status(words: Words, place: str) -> None:
    try:
        with open(_inside(place)) as file:
            found = json.load(file)
    except FileNotFoundError:
        raise SaysNoError(f"Error: stat {place}: no such file or directory") from None
    except ValueError:
        raise SaysNoError("Error: snapshot file integrity check failed. Failed to open: invalid database") from None
    if found.get("hash") != _hash(found["revision"], found["keys"]):
        raise SaysNoError("Error: snapshot file integrity check failed. Hash differs")
    size = os.path.getsize(_inside(place))
    about = {"hash": found["hash"], "revision": found["revision"], "totalKey": found["keys"], "totalSize": size}
    if words.one("-w", "--write-out") == "json":
        print(json.dumps({**about, "version": ""}))
    else:
        print(f"{found['hash']:x}, {found['revision']}, {found['keys']}, {size} B")
