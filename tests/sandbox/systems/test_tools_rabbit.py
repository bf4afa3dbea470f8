"""The RabbitMQ cluster: who starts first, what a flag closes for ever, how a node is made new."""

import json
from typing import Any

import pytest

from sandbox.systems.tools import rabbit, units
from sandbox.systems.tools.machine import Machine
from tests.sandbox.systems.rack import Rack

FLAGS = {"3.13": ["quorum_queue", "stream_queue"], "4.0": ["khepri_db", "quorum_queue", "stream_queue"]}


@pytest.fixture
def nodes(rack: Rack) -> list[Machine]:
    machines = rack.add("controller-1", "controller-2", "controller-3")
    rabbit.furnish(machines, version="3.13.7", flags_of=FLAGS)
    for machine in machines:
        units.define(machine, "rabbitmq", daemon=rabbit.DAEMON)
        units.start(machine, "rabbitmq")
    return machines


def status(rack: Rack, host: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(rack.run(host, "rabbitmqctl cluster_status --formatter json"))
    return found


def test_healthy(rack: Rack, nodes: list[Machine]) -> None:
    said = status(rack, "controller-2")
    everybody = [f"rabbit@{machine.name}" for machine in nodes]
    assert (said["running_nodes"], said["disk_nodes"], said["partitions"]) == (everybody, everybody, {})
    assert "rabbit@controller-3" in rack.run("controller-1", "rabbitmqctl cluster_status")
    rack.run("controller-1", "rabbitmqctl await_online_nodes 3 && rabbitmq-diagnostics -q check_running")
    flags = rack.run("controller-1", "rabbitmqctl -q list_feature_flags name state").splitlines()
    assert flags == ["quorum_queue\tenabled", "stream_queue\tenabled"]


@pytest.mark.usefixtures("nodes")
def test_one_that_is_down(rack: Rack) -> None:
    rack.run("controller-3", "systemctl stop rabbitmq")

    said = rack.ask("controller-3", "rabbitmqctl cluster_status")
    assert (said.code, "unable to perform an operation on node 'rabbit@controller-3'" in said.err) == (69, True)
    assert len(status(rack, "controller-1")["running_nodes"]) == 2
    assert rack.ask("controller-1", "rabbitmqctl await_online_nodes 3").code == 75
    assert rack.ask("controller-1", "rabbitmq-diagnostics check_if_node_is_quorum_critical").code == 70
    assert rack.ask("controller-1", "rabbitmqctl frobnicate").code == 64


def test_the_last_to_stop_is_the_first_to_start(rack: Rack, nodes: list[Machine]) -> None:
    for name in ("controller-3", "controller-2", "controller-1"):
        rack.run(name, "systemctl stop rabbitmq")

    assert rack.ask("controller-3", "systemctl start rabbitmq").code == 1
    assert "timeout_waiting_for_tables [rabbit@controller-1" in rack.run(
        "controller-3", "journalctl -u rabbitmq -o cat"
    )
    for name in ("controller-1", "controller-2", "controller-3"):
        rack.run(name, "systemctl start rabbitmq")
    assert len(status(rack, "controller-3")["running_nodes"]) == 3


@pytest.mark.usefixtures("nodes")
def test_reset_and_join(rack: Rack) -> None:
    assert rack.ask("controller-3", "rabbitmqctl reset").code == 70
    rack.run("controller-3", "rabbitmqctl stop_app")
    assert rack.ask("controller-3", "rabbitmqctl list_queues").code == 69
    rack.run("controller-3", "rabbitmqctl force_reset && rabbitmqctl start_app")
    assert status(rack, "controller-3")["disk_nodes"] == ["rabbit@controller-3"]
    rack.run(
        "controller-3", "rabbitmqctl stop_app && rabbitmqctl join_cluster rabbit@controller-1 && rabbitmqctl start_app"
    )
    assert len(status(rack, "controller-1")["running_nodes"]) == 3


def test_a_flag_closes_the_way_back(rack: Rack, nodes: list[Machine]) -> None:
    """C-P2: the old version does not start on what the new one has enabled, until the broker is made new."""
    with nodes[0].shared("rabbitmq") as state:
        state["version"] = "4.0.5"
    for name in ("controller-1", "controller-2", "controller-3"):
        rack.run(name, "systemctl restart rabbitmq")
    assert "khepri_db\tdisabled" in rack.run("controller-1", "rabbitmqctl -q list_feature_flags")
    rack.run("controller-1", "rabbitmqctl enable_feature_flag all")
    for name in ("controller-3", "controller-2", "controller-1"):
        rack.run(name, "systemctl stop rabbitmq")
    with nodes[0].shared("rabbitmq") as state:
        state["version"] = "3.13.7"

    assert rack.ask("controller-1", "systemctl start rabbitmq").code == 1
    assert "not supported by RabbitMQ 3.13.7: khepri_db" in rack.run("controller-1", "journalctl -u rabbitmq -o cat")
    for machine in nodes:
        rack.run(machine.name, f"rm -rf {machine.path(rabbit.MNESIA)}")
        rack.run(machine.name, "systemctl start rabbitmq")
    assert rack.run("controller-1", "rabbitmqctl -q list_feature_flags").count("enabled") == 2


@pytest.mark.usefixtures("nodes")
def test_definitions_and_policies(rack: Rack) -> None:
    rack.run("controller-1", """rabbitmqctl set_policy ha-all "" '{"ha-mode":"all"}'""")
    assert "ha-all" in rack.run("controller-2", "rabbitmqctl list_policies")
    rack.run("controller-1", "rabbitmqctl export_definitions /var/tmp/definitions.json")
    assert (
        json.loads(rack.machines["controller-1"].read("/var/tmp/definitions.json"))["policies"][0]["name"] == "ha-all"
    )
