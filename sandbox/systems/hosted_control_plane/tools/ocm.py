"""
`ocm`, the client of the service that owns the clusters: get, post, delete of its API, and whoami.

What of /api/clusters_mgmt/v1 is there: clusters/ID/node_pools, and the upgrade policies of a control plane
(clusters/ID/control_plane/upgrade_policies) and of a node pool (…/node_pools/NAME/upgrade_policies), as
openshift-online/ocm-api-model names them. Errors are JSON on stderr and exit status 1.
"""

from __future__ import annotations

import json
import re
import sys

from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine
    from sandbox.systems.tools.state import Data

_PATH = re.compile(
    r"/api/clusters_mgmt/v1/clusters/(?P<id>[^/]+)/(?:(?P<pools>node_pools)|control_plane/upgrade_policies|"
    r"node_pools/(?P<pool>[^/]+)/upgrade_policies)(?:/(?P<policy>[^/]+))?"
)


def main(machine: Machine, argv: list[str]) -> int:
    words = Words(argv, ("--body", "--parameter", "--header"))
    verb, state = (words.rest or [""])[0], machine.shared("ocm")
    if outage := state.read().get("outage"):
        raise SaysNoError(f"Error: can't send request: {outage}")
    if verb == "whoami":
        print(json.dumps({"kind": "Account", "username": "sre-east"}, indent=2))
        return 0
    if verb not in ("get", "post", "delete") or len(words.rest) != 2:
        raise SaysNoError(f'Error: unknown command "{" ".join(words.rest)}" for "ocm"')
    with state as data:
        answer = _answer(data, verb, words.rest[1], words.one("--body"))
    if answer is not None:
        print(json.dumps(answer, indent=2))
    return 0


def _answer(data: Data, verb: str, path: str, body: str) -> Data | None:
    found = _PATH.fullmatch(path.partition("?")[0])
    cluster = data["clusters"].get(found["id"]) if found else None
    if found is None or cluster is None:
        raise _no(404, f"'{path}' can't be found")
    if found["pools"]:
        return _list("NodePool", [{"kind": "NodePool", "id": name} for name in cluster["node_pools"]])
    if found["pool"] and found["pool"] not in cluster["node_pools"]:
        raise _no(404, f"Node pool '{found['pool']}' can't be found")
    kind = "NodePoolUpgradePolicy" if found["pool"] else "ControlPlaneUpgradePolicy"
    policies = cluster["node_pools"][found["pool"]] if found["pool"] else cluster["policies"]
    if verb == "get":
        return _list(kind, [{"kind": kind, **policy} for policy in policies])
    if verb == "delete":
        _delete(policies, found["policy"])
        return None
    return _post(data, policies, kind, json.loads(_read(body)))


def _read(body: str) -> str:
    if body:
        with open(body) as file:
            return file.read()
    return sys.stdin.read()


def _delete(policies: list[Data], wanted: str | None) -> None:
    policy = next((one for one in policies if one["id"] == wanted), None)
    if policy is None:
        raise _no(404, f"Upgrade policy with id '{wanted}' doesn't exist")
    if policy.get("state", {}).get("value") == "started":
        raise _no(400, "Upgrade policy can't be deleted, the upgrade has started")
    policies.remove(policy)


def _post(data: Data, policies: list[Data], kind: str, given: Data) -> Data:
    if missing := [name for name in ("schedule_type", "upgrade_type") if name not in given]:
        raise _no(400, f"Attribute '{missing[0]}' is mandatory")
    if policies:
        raise _no(409, "There is already an upgrade policy")
    data["made"] = data.get("made", 0) + 1
    policy = {**given, "id": f"policy-{data['made']:04}", "state": {"value": "scheduled"}}
    policies.append(policy)
    return {"kind": kind, **policy}


def _list(kind: str, items: list[Data]) -> Data:
    return {"kind": f"{kind}List", "page": 1, "size": len(items), "total": len(items), "items": items}


def _no(status: int, reason: str) -> SaysNoError:
    error = {"kind": "Error", "id": str(status), "code": f"CLUSTERS-MGMT-{status}", "reason": reason}
    return SaysNoError(json.dumps(error, indent=2))
