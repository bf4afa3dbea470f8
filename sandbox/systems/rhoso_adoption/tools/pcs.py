"""
`pcs`, as far as runbooks use it. Verbs and exit statuses after pcs(8) 0.11: 0, or 1 with "Error: …" on stderr; what
runs is listed as crm_mon lists it. `--wait` says whether the resource is where it should be once all has settled.
"""

from __future__ import annotations

from sandbox.systems.rhoso_adoption.tools import cib, pacemaker
from sandbox.systems.rhoso_adoption.tools.pcs_show import config_of, constraint_lines, resource_lines, status_lines
from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.systems.tools.machine import Machine


def main(machine: Machine, argv: list[str]) -> int:
    words = Words(argv, ("-f",))
    for length in (2, 1):
        verb = " ".join(words.rest[:length])
        if verb in VERBS:
            return VERBS[verb](machine, words.rest[length:], words)
    raise SaysNoError(f"Error: Unknown command '{' '.join(argv)}'; see 'pcs --help'")


def _known(machine: Machine, name: str) -> None:
    if name not in machine.shared(pacemaker.STATE).read()["resources"]:
        raise SaysNoError(f"Error: bundle/clone/group/resource '{name}' does not exist")


def _switch(key: str, value: str | None) -> Callable[[Machine, list[str], Words], int]:
    def switch(machine: Machine, names: list[str], words: Words) -> int:
        for name in names:
            _known(machine, name)
            with machine.shared(pacemaker.STATE) as cluster:
                pacemaker.set_meta(cluster, name, key, value)
        pacemaker.settle(machine)
        if words.has("--wait") and key == "target-role":
            for name in names:
                _waited(machine, name, wanted=value is None)
        return 0

    return switch


def _waited(machine: Machine, name: str, *, wanted: bool) -> None:
    resource = machine.shared(pacemaker.STATE).read()["resources"][name]
    runs = pacemaker.running(machine, name)
    if wanted and not runs:
        raise SaysNoError(f"Error: resource '{name}' is not running on any node")
    if not wanted and runs:
        raise SaysNoError(f"Error: resource '{name}' is running on {runs} of {resource.get('replicas', 1)} nodes")
    print(f"Resource '{name}' is {'running' if runs else 'not running'}")


def _resource_status(machine: Machine, names: list[str], words: Words) -> int:
    cluster = machine.shared(pacemaker.STATE).read()
    for name in names:
        if name not in cluster["resources"]:
            raise SaysNoError(f"Error: resource or tag id '{name}' not found")
    wanted = names or [name for name, resource in cluster["resources"].items() if resource["kind"] != "stonith"]
    print("\n".join(line for name in wanted for line in resource_lines(machine, name, cluster)))
    return 0


def _resource_config(machine: Machine, names: list[str], words: Words) -> int:
    resources = machine.shared(pacemaker.STATE).read()["resources"]
    for name in names:
        if name not in resources:
            raise SaysNoError(f"Warning: Unable to find resource '{name}'\nError: No resource found")
    print("\n".join(line for name in names or list(resources) for line in config_of(name, resources[name])))
    return 0


def _delete(machine: Machine, names: list[str], words: Words) -> int:
    for name in names:
        _known(machine, name)
        with machine.shared(pacemaker.STATE) as cluster:
            del cluster["resources"][name]
            cluster["epoch"] += 1
        print(f"Attempting to stop: {name}... Stopped")
    return 0


def _cleanup(machine: Machine, names: list[str], words: Words) -> int:
    with machine.shared(pacemaker.STATE) as cluster:
        cluster["failures"] = []
    pacemaker.settle(machine)
    print(f"Cleaned up {names[0] if names else 'all resources'} on all nodes")
    return 0


def _property(machine: Machine, rest: list[str], words: Words) -> int:
    pairs = [word.partition("=") for word in rest if "=" in word]
    if not pairs:
        raise SaysNoError("Error: expected name=value")
    with machine.shared(pacemaker.STATE) as cluster:
        for name, _, value in pairs:
            cluster["properties"][name] = value
            if not value:
                del cluster["properties"][name]
        cluster["epoch"] += 1
    pacemaker.settle(machine)
    return 0


def _properties(machine: Machine, rest: list[str], words: Words) -> int:
    print("Cluster Properties:")
    for name, value in sorted(machine.shared(pacemaker.STATE).read()["properties"].items()):
        print(f" {name}: {value}")
    return 0


def _standby(*, standby: bool) -> Callable[[Machine, list[str], Words], int]:
    def set_standby(machine: Machine, names: list[str], words: Words) -> int:
        with machine.shared(pacemaker.STATE) as cluster:
            for name in names or [machine.name]:
                if name not in cluster["nodes"]:
                    raise SaysNoError(f"Error: Node '{name}' does not appear to exist in configuration")
                cluster["nodes"][name]["standby"] = standby
        pacemaker.settle(machine)
        return 0

    return set_standby


def _constraints(machine: Machine, rest: list[str], words: Words) -> int:
    print("\n".join(constraint_lines(machine.shared(pacemaker.STATE).read(), full=words.has("--full"))))
    return 0


def _remove_constraint(machine: Machine, names: list[str], words: Words) -> int:
    with machine.shared(pacemaker.STATE) as cluster:
        for name in names:
            kept = [element for element in cluster["constraints"] if cib.id_of(element) != name]
            if len(kept) == len(cluster["constraints"]):
                raise SaysNoError(f"Error: Unable to find constraint - '{name}'")
            cluster["constraints"] = kept
            cluster["epoch"] += 1
    return 0


def _add(machine: Machine, element: str) -> int:
    name = cib.id_of(element)
    with machine.shared(pacemaker.STATE) as cluster:
        if name in map(cib.id_of, cluster["constraints"]):
            raise SaysNoError(f"Error: id '{name}' is already in use, please specify another one")
        cluster["constraints"].append(element)
        cluster["epoch"] += 1
    return 0


def _order(machine: Machine, rest: list[str], words: Words) -> int:
    """`constraint order start A then B kind=Optional id=ID`."""
    options = dict(word.split("=", 1) for word in rest if "=" in word)
    named = [word for word in rest if "=" not in word and word not in ("start", "then")]
    first, then = named
    name = options.get("id", f"order-{first}-{then}-{options.get('kind', 'mandatory')}")
    return _add(
        machine,
        f'<rsc_order id="{name}" first="{first}" first-action="start" then="{then}" then-action="start" '
        f'kind="{options.get("kind", "Mandatory")}"/>',
    )


def _colocation(machine: Machine, rest: list[str], words: Words) -> int:
    """`constraint colocation add A with B score=INFINITY id=ID`."""
    options = dict(word.split("=", 1) for word in rest if "=" in word)
    resource, other = (word for word in rest if "=" not in word and word not in ("add", "with"))
    score = options.get("score", "INFINITY")
    name = options.get("id", f"colocation-{resource}-{other}-{score}")
    return _add(machine, f'<rsc_colocation id="{name}" rsc="{resource}" score="{score}" with-rsc="{other}"/>')


def _cib(machine: Machine, rest: list[str], words: Words) -> int:
    text = cib.to_xml(machine.shared(pacemaker.STATE).read())
    if rest:
        machine.write(rest[0], text)
    else:
        print(text, end="")
    return 0


def _cib_push(machine: Machine, rest: list[str], words: Words) -> int:
    """A whole CIB older than the cluster's is refused; with --config its configuration replaces the cluster's."""
    text = machine.read(rest[0]) if rest else ""
    if not text:
        raise SaysNoError(f"Error: unable to read '{' '.join(rest)}': No such file or directory")
    new = cib.configuration(text)
    with machine.shared(pacemaker.STATE) as cluster:
        if not words.has("--config") and new["epoch"] < cluster["epoch"]:
            raise SaysNoError(
                "Error: unable to push cib\nCall cib_apply_diff failed (-205): Update was older than existing "
                "configuration"
            )
        cluster.update({key: new[key] for key in ("properties", "resources", "constraints")})
        cluster["epoch"] += 1
    pacemaker.settle(machine)
    print("CIB updated")
    return 0


def _status(machine: Machine, rest: list[str], words: Words) -> int:
    print("\n".join(status_lines(machine)))
    return 0


VERBS: dict[str, Callable[[Machine, list[str], Words], int]] = {
    "status": _status,
    "status resources": _resource_status,
    "resource": _resource_status,
    "resource status": _resource_status,
    "resource config": _resource_config,
    "resource enable": _switch("target-role", None),
    "resource disable": _switch("target-role", "Stopped"),
    "resource manage": _switch("is-managed", None),
    "resource unmanage": _switch("is-managed", "false"),
    "resource delete": _delete,
    "resource cleanup": _cleanup,
    "stonith delete": _delete,
    "stonith disable": _switch("target-role", "Stopped"),
    "property set": _property,
    "property config": _properties,
    "node standby": _standby(standby=True),
    "node unstandby": _standby(standby=False),
    "constraint": _constraints,
    "constraint list": _constraints,
    "constraint config": _constraints,
    "constraint remove": _remove_constraint,
    "constraint delete": _remove_constraint,
    "constraint order": _order,
    "constraint colocation": _colocation,
    "cluster cib": _cib,
    "cluster cib-push": _cib_push,
}
