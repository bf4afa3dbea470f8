"""
`rabbitmqctl`, `rabbitmq-diagnostics`, `rabbitmq-upgrade`: texts and exit statuses after rabbitmqctl(8): 64 wrong words,
69 the node cannot be reached, 70 it refused.
"""

from __future__ import annotations

import json
import time

from sandbox.systems.tools import rabbit
from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.systems.tools.machine import Machine
    from sandbox.systems.tools.state import Data

TAKES_VALUE = ("-n", "--node", "--formatter", "-t", "--timeout", "-p", "--vhost", "--priority", "--apply-to")


def main(machine: Machine, argv: list[str]) -> int:
    words = Words(argv, TAKES_VALUE)
    verb, rest = (words.rest or ["help"])[0], words.rest[1:]
    if verb not in VERBS:
        raise SaysNoError(f"Command '{verb}' not found. Did you mean 'status'?", 64)
    with machine.shared("rabbitmq") as state:
        node = state.get("nodes", {}).get(machine.name, {})
        if not node.get("running"):
            raise SaysNoError(
                f"Error: unable to perform an operation on node 'rabbit@{machine.name}'. "
                "Please see diagnostics information and suggestions below.",
                69,
            )
        if verb not in WITHOUT_APP and not node["app"]:
            text = (
                f"Error: this command requires the 'rabbit' app to be running on the target node rabbit@{machine.name}."
            )
            raise SaysNoError(f"{text} Start it with 'rabbitmqctl start_app'.", 69)
        return VERBS[verb](machine, state, rest, words)


def _cluster(machine: Machine, state: Data) -> Data:
    found: Data = state["clusters"][state["nodes"][machine.name]["cluster"]]
    return found


def _tell(words: Words, text: str) -> None:
    if not words.has("-q", "--quiet", "-s", "--silent"):
        print(text)


def _cluster_status(machine: Machine, state: Data, rest: list[str], words: Words) -> int:
    cluster, running = _cluster(machine, state), rabbit.running(state, machine.name)
    about = {
        "cluster_name": "rabbit@overcloud",
        "disk_nodes": [f"rabbit@{host}" for host in cluster["hosts"]],
        "ram_nodes": [],
        "running_nodes": [f"rabbit@{host}" for host in running],
        "partitions": state.get("partitions", {}),
        "alarms": [],
        "versions": {
            f"rabbit@{host}": {"rabbitmq_version": state["nodes"][host]["version"], "rabbitmq_name": "RabbitMQ"}
            for host in running
        },
    }
    if words.one("--formatter") == "json":
        print(json.dumps(about))
        return 0
    _tell(words, f"Cluster status of node rabbit@{machine.name} ...")
    for title, key in (("Disk Nodes", "disk_nodes"), ("Running Nodes", "running_nodes")):
        print(f"{title}\n\n" + "\n".join(about[key]) + "\n")
    print("Network Partitions\n\n" + (json.dumps(about["partitions"]) if about["partitions"] else "(none)"))
    return 0


def _flags(machine: Machine, state: Data, rest: list[str], words: Words) -> int:
    cluster, node = _cluster(machine, state), state["nodes"][machine.name]
    known = rabbit.known_flags(state["flags_of"], node["version"])
    rows = [{"name": flag, "state": "enabled" if flag in cluster["flags"] else "disabled"} for flag in known]
    columns = rest or ["name", "state"]
    if words.one("--formatter") == "json":
        print(json.dumps([{column: row.get(column, "") for column in columns} for row in rows]))
        return 0
    _tell(words, "Listing feature flags ...")
    if not words.has("-q", "--quiet", "-s", "--silent", "--no-table-headers"):
        print("\t".join(columns))
    for row in rows:
        print("\t".join(row.get(column, "") for column in columns))
    return 0


def _enable_flag(machine: Machine, state: Data, rest: list[str], words: Words) -> int:
    cluster = _cluster(machine, state)
    known = [rabbit.known_flags(state["flags_of"], state["nodes"][host]["version"]) for host in cluster["hosts"]]
    everybodys = set(known[0]).intersection(*known)
    wanted = everybodys if rest == ["all"] else set(rest)
    if unsupported := sorted(wanted - everybodys):
        raise SaysNoError(f"Error: {{:error, :unsupported}}: {', '.join(unsupported)}", 70)
    cluster["flags"] = sorted({*cluster["flags"], *wanted})
    return 0


def _await(machine: Machine, state: Data, rest: list[str], words: Words) -> int:
    running = rabbit.running(state, machine.name)
    _tell(words, f"Will wait for {rest[0]} nodes to join the cluster of rabbit@{machine.name}. Timeout is 300 seconds.")
    if len(running) >= int(rest[0]):
        return 0
    raise SaysNoError(f"Error: timeout: {len(running)} of {rest[0]} nodes are online", 75)


def _stop_app(machine: Machine, state: Data, rest: list[str], words: Words) -> int:
    _tell(words, f"Stopping rabbit application on node rabbit@{machine.name} ...")
    state["nodes"][machine.name].update(app=False, stopped_at=time.time())
    return 0


def _start_app(machine: Machine, state: Data, rest: list[str], words: Words) -> int:
    _tell(words, f"Starting node rabbit@{machine.name} ...")
    state["nodes"][machine.name]["app"] = True
    return 0


def _reset(machine: Machine, state: Data, rest: list[str], words: Words) -> int:
    if state["nodes"][machine.name]["app"]:
        text = "Mnesia is still running on node rabbit@"
        raise SaysNoError(f"Error:\n{text}{machine.name}. Please stop the node with rabbitmqctl stop_app first.", 70)
    _tell(words, f"Resetting node rabbit@{machine.name} ...")
    rabbit.leave(state, machine.name)
    rabbit.alone(state, machine.name)
    return 0


def _join(machine: Machine, state: Data, rest: list[str], words: Words) -> int:
    node, host = state["nodes"][machine.name], rest[0].rpartition("@")[2]
    if node["app"]:
        raise SaysNoError(f"Error:\nMnesia is still running on node rabbit@{machine.name}. Please stop it first.", 70)
    other = state["nodes"].get(host, {})
    if not other.get("running") or not other.get("app"):
        raise SaysNoError(f"Error: unable to perform an operation on node 'rabbit@{host}'.", 69)
    cluster = state["clusters"][other["cluster"]]
    if machine.name in cluster["hosts"]:
        print(f"The node rabbit@{machine.name} is already a member of this cluster")
        return 0
    _tell(words, f"Clustering node rabbit@{machine.name} with {rest[0]}")
    rabbit.leave(state, machine.name)
    cluster["hosts"] = sorted([*cluster["hosts"], machine.name])
    node["cluster"] = other["cluster"]
    return 0


def _forget(machine: Machine, state: Data, rest: list[str], words: Words) -> int:
    rabbit.leave(state, rest[0].rpartition("@")[2])
    return 0


def _set_policy(machine: Machine, state: Data, rest: list[str], words: Words) -> int:
    policies = _cluster(machine, state)["policies"]
    policies[:] = [one for one in policies if one["name"] != rest[0]]
    policies.append({"name": rest[0], "pattern": rest[1], "definition": json.loads(rest[2])})
    _tell(words, f'Setting policy "{rest[0]}" for pattern "{rest[1]}" to "{rest[2]}" ...')
    return 0


def _list_policies(machine: Machine, state: Data, rest: list[str], words: Words) -> int:
    for one in _cluster(machine, state)["policies"]:
        print(f"/\t{one['name']}\t{one['pattern']}\tall\t{json.dumps(one['definition'])}\t0")
    return 0


def _list_queues(machine: Machine, state: Data, rest: list[str], words: Words) -> int:
    _tell(words, "Timeout: 60.0 seconds ...\nListing queues for vhost / ...\nname\tmessages")
    for number in range(_cluster(machine, state)["queues"]):
        print(f"conductor.{number}\t0")
    return 0


def _export(machine: Machine, state: Data, rest: list[str], words: Words) -> int:
    text = json.dumps({"rabbit_version": state["nodes"][machine.name]["version"], **_cluster(machine, state)})
    if rest and rest[0] != "-":
        machine.write(rest[0], text + "\n")
    else:
        print(text)
    return 0


def _quorum_critical(machine: Machine, state: Data, rest: list[str], words: Words) -> int:
    cluster, running = _cluster(machine, state), rabbit.running(state, machine.name)
    if (len(running) - 1) * 2 <= len(cluster["hosts"]):
        raise SaysNoError(
            f"Error:\nThere are queues with only a quorum of replicas: rabbit@{machine.name} has to stay up", 70
        )
    print(f"There are no queues that would lose their quorum if rabbit@{machine.name} is shut down.")
    return 0


def _fine(machine: Machine, state: Data, rest: list[str], words: Words) -> int:
    _tell(words, f"Node rabbit@{machine.name} is up: ping succeeded")
    return 0


def _status(machine: Machine, state: Data, rest: list[str], words: Words) -> int:
    print(f"RabbitMQ version: {state['nodes'][machine.name]['version']}\nNode name: rabbit@{machine.name}")
    return 0


def _version(machine: Machine, state: Data, rest: list[str], words: Words) -> int:
    print(state["nodes"][machine.name]["version"])
    return 0


WITHOUT_APP = frozenset({"start_app", "stop_app", "reset", "force_reset", "join_cluster", "status", "ping", "version"})
VERBS: dict[str, Callable[[Machine, Data, list[str], Words], int]] = {
    "cluster_status": _cluster_status,
    "list_feature_flags": _flags,
    "enable_feature_flag": _enable_flag,
    "await_online_nodes": _await,
    "stop_app": _stop_app,
    "start_app": _start_app,
    "reset": _reset,
    "force_reset": _reset,
    "join_cluster": _join,
    "forget_cluster_node": _forget,
    "set_policy": _set_policy,
    "list_policies": _list_policies,
    "list_queues": _list_queues,
    "export_definitions": _export,
    "status": _status,
    "version": _version,
    "server_version": _version,
    "ping": _fine,
    "check_running": _fine,
    "check_local_alarms": _fine,
    "check_if_node_is_quorum_critical": _quorum_critical,
    "drain": _fine,
    "revive": _fine,
}
