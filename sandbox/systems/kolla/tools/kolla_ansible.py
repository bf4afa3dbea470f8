"""
`kolla-ansible`, as far as a way back and an upgrade use it. Which release it is of, its virtual environment says
(KOLLA_RELEASE); without one it is of the newer.

After kolla-ansible (1a681814): `deploy` runs each role's bootstrap (db_sync) and asserts that neither libvirt nor
RabbitMQ goes back; `deploy-containers` only makes containers be as wanted; `stop` stops what its tags name, all of it
where there are none; an image is pulled only where its name names nothing.
"""

from __future__ import annotations

import json
import os
import re

from sandbox.systems.kolla.tools import mariadb, schema, site
from sandbox.systems.tools import containers, galera, rabbit
from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.systems.tools.machine import Machine

TAKES = ("-i", "--inventory", "-e", "--extra-vars", "-t", "--tags", "--skip-tags", "--configdir", "--passwords")
SURE = "--yes-i-really-really-mean-it"


class Play:
    """One call: on which machine, of which release, with which words."""

    def __init__(self, machine: Machine, words: Words) -> None:
        self.machine = machine
        self.words = words
        about = site.known(machine)
        self.release = os.environ.get("KOLLA_RELEASE") or max(about["tags"])
        self.tag = str(about["tags"][self.release])
        named = [tag for one in words.all("-t", "--tags") for tag in one.split(",")]
        self.roles = [role for role in about["order"] if not named or role in named]
        self.skipped = [tag for one in words.all("--skip-tags") for tag in one.split(",")]

    def extra(self, name: str) -> object:
        """Return a variable given with -e, as NAME=VALUE or in JSON; None if it was not."""
        for given in self.words.all("-e", "--extra-vars"):
            if given.startswith("{"):
                found = json.loads(given)
                if name in found:
                    return found[name]
            elif given.startswith(f"{name}="):
                return given.partition("=")[2]
        return None


def main(machine: Machine, argv: list[str]) -> int:
    words = Words(argv, TAKES)
    verb = (words.rest or [""])[0]
    if verb not in VERBS:
        raise SaysNoError(f"kolla-ansible: '{verb}' is not a kolla-ansible command. See 'kolla-ansible --help'.", 2)
    inventory = words.one("-i", "--inventory")
    if not machine.read(inventory):
        raise SaysNoError(f"Inventory file {inventory} does not exist or is not readable", 1)
    if not machine.read(f"{words.one('--configdir', default='/etc/kolla')}/globals.yml"):
        raise SaysNoError("globals.yml not found in the configuration directory", 1)
    machine.linger(f"kolla-ansible {verb}", 0.5)
    VERBS[verb](Play(machine, words))
    print("PLAY RECAP: failed=0")
    return 0


def _stop(play: Play) -> None:
    if not play.words.has(SURE):
        raise SaysNoError(f"WARNING: this will stop all containers. To confirm, add {SURE}", 1)
    kept = play.extra("skip_stop_containers") or []
    for container, host in site.parts(play.machine, play.roles):
        if isinstance(kept, list) and container in kept:
            continue
        try:
            containers.halt(host, container)
        except containers.NoContainerError:
            if not play.words.has("--ignore-missing"):
                raise SaysNoError(
                    f"fatal: [{host.name}]: FAILED! => No such container: {container} to stop", 2
                ) from None


def _configure(play: Play) -> None:
    for container, host in site.parts(play.machine, play.roles):
        site.configure(host, container, play.release)


def _containers(play: Play) -> None:
    if "mariadb" in play.roles:
        mariadb.check_runs(play.machine)
    for role in play.roles:
        if role == "rabbitmq":
            _start_rabbit(play)
        for container, host in site.parts(play.machine, [role]):
            changed = site.ensure(host, container, play.tag)
            if changed and container == "mariadb":
                mariadb.wait_synced(host)


def _start_rabbit(play: Play) -> None:
    """The one that stopped last first; the others follow in the order of the inventory."""
    nodes = play.machine.shared("rabbitmq").read()["nodes"]
    hosts = [host for _, host in site.parts(play.machine, ["rabbitmq"])]
    for host in sorted(hosts, key=lambda one: -float(nodes.get(one.name, {}).get("stopped_at", 0.0))):
        site.ensure(host, "rabbitmq", play.tag)
    _cluster_rabbit(hosts)


def _cluster_rabbit(hosts: list[Machine]) -> None:
    """Nodes that begin with nothing find the first one by its configuration, and join it."""
    with hosts[0].shared("rabbitmq") as state:
        first = state["nodes"][hosts[0].name]["cluster"]
        for host in hosts[1:]:
            if state["clusters"][state["nodes"][host.name]["cluster"]]["hosts"] == [host.name]:
                rabbit.leave(state, host.name)
                state["clusters"][first]["hosts"].append(host.name)
                state["nodes"][host.name]["cluster"] = first


def _deploy(play: Play) -> None:
    _asserts(play)
    for role in play.roles:
        schema.bootstrap(play.machine, role, play.release)
    _configure(play)
    _containers(play)


def _asserts(play: Play) -> None:
    """Neither libvirt nor RabbitMQ may go back, unless the check is skipped or the container is gone."""
    for role, container, check in (
        ("rabbitmq", "rabbitmq", "rabbitmq-version-check"),
        ("nova", "nova_libvirt", "nova-libvirt-version-check"),
    ):
        if role not in play.roles or check in play.skipped:
            continue
        for name, host in site.parts(play.machine, [role]):
            state = host.state("containers").read()
            if name != container or name not in state.get("containers", {}):
                continue
            wanted = state["images"].get(containers.find_image(state, site.image(host, name, play.tag)), {})
            runs = state["images"][state["containers"][name]["image"]]
            if _version(wanted["labels"]) < _version(runs["labels"]):
                text = (
                    f"fatal: [{host.name}]: FAILED! => {{'assertion': 'the version of {container} must not go back'}}"
                )
                raise SaysNoError(text, 2)


def _version(labels: dict[str, str]) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", str(labels.get("engine") or labels.get("release", "0")))]


def _upgrade(play: Play) -> None:
    """Role after role: expand, new containers, contract; `fails` says where it ends early."""
    fails = site.known(play.machine)["fails"]
    for role in play.roles:
        schema.expand(play.machine, role)
        for container, host in site.parts(play.machine, [role]):
            site.configure(host, container, play.release)
            changed = site.ensure(host, container, play.tag)
            if changed and container == "mariadb":
                mariadb.wait_synced(host)
        schema.new_code(play.machine, role, play.release)
        if role == "rabbitmq":
            _enable_flags(play)
        if fails.get(role) == "before contract":
            raise SaysNoError(f"RUNNING HANDLER [{role} : Finish {role} database upgrade]\nfatal: FAILED!", 2)
        schema.contract(play.machine, role)


def _enable_flags(play: Play) -> None:
    """What its post-deploy does after the swap: every flag of the new series."""
    with play.machine.shared("rabbitmq") as state:
        for cluster in state["clusters"].values():
            versions = [state["nodes"][host]["version"] for host in cluster["hosts"]]
            cluster["flags"] = rabbit.known_flags(state["flags_of"], min(versions))


def _pull(play: Play) -> None:
    for container, host in site.parts(play.machine, play.roles):
        containers.pull(host, site.image(host, container, play.tag))


def _check(play: Play) -> None:
    for container, host in site.parts(play.machine, play.roles):
        if not containers.running(host, container):
            raise SaysNoError(f"fatal: [{host.name}]: FAILED! => container {container} is not running", 2)


def _backup(play: Play) -> None:
    mariadb.backup(play.machine)


def _recovery(play: Play) -> None:
    mariadb.recover(play.machine, play.tag, str(play.extra("mariadb_recover_inventory_name") or ""))
    for host in (host for _, host in site.parts(play.machine, ["mariadb"])):
        if galera.status(host).get("wsrep_cluster_status") != "Primary":
            raise SaysNoError(f"fatal: [{host.name}]: FAILED! => assertion: wsrep_cluster_status == 'Primary'", 2)


VERBS: dict[str, Callable[[Play], None]] = {
    "stop": _stop,
    "genconfig": _configure,
    "deploy": _deploy,
    "deploy-containers": _containers,
    "upgrade": _upgrade,
    "pull": _pull,
    "check": _check,
    "mariadb-backup": _backup,
    "mariadb-recovery": _recovery,
}
