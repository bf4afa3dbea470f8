"""How `pcs` shows the cluster: resources as crm_mon lists them, their configuration, constraints, the whole status."""

from __future__ import annotations

import re

from sandbox.systems.rhoso_adoption.tools import pacemaker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine
    from sandbox.systems.tools.state import Data

_ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')


def resource_lines(machine: Machine, name: str, cluster: Data) -> list[str]:
    """Return the lines of one resource: a bundle has one for itself and one for each replica."""
    resource = cluster["resources"][name]
    marks = [mark for mark, is_so in _marks(cluster, resource) if is_so]
    suffix = f" ({', '.join(marks)})" if marks else ""
    lines = []
    if resource["kind"] == "bundle":
        title = "Container bundle set" if resource["replicas"] > 1 else "Container bundle"
        lines.append(f"  * {title}: {name} [{resource['image']}]:")
    indent = "    " if lines else "  "
    for replica, node, role in pacemaker.replicas(machine, name, resource, cluster):
        where = f"{role} {node}".rstrip()
        lines.append(f"{indent}* {replica}\t({resource['agent']}):\t {where}{suffix}")
    return lines


def _marks(cluster: Data, resource: Data) -> list[tuple[str, bool]]:
    return [("disabled", pacemaker.disabled(resource)), ("unmanaged", pacemaker.unmanaged(cluster, resource))]


def config_of(name: str, resource: Data) -> list[str]:
    title = {"bundle": "Bundle", "clone": "Clone"}.get(resource["kind"], "Resource")
    lines = [f"{title}: {name}" if title != "Resource" else f"Resource: {name} ({resource['agent']})"]
    if resource["kind"] == "bundle":
        lines.append(f"  Podman: image={resource['image']} replicas={resource['replicas']}")
    if resource["meta"]:
        lines.append(f"  Meta Attributes: {name}-meta_attributes")
        lines += [f"    {key}={value}" for key, value in sorted(resource["meta"].items())]
    return lines


def constraint_lines(cluster: Data, *, full: bool) -> list[str]:
    found: dict[str, list[str]] = {"location": [], "order": [], "colocation": []}
    for element in cluster["constraints"]:
        about = dict(_ATTRIBUTE.findall(element))
        tail = f" (id:{about['id']})" if full else ""
        if element.startswith("<rsc_order"):
            text = f"  start {about['first']} then start {about['then']} (kind:{about.get('kind', 'Mandatory')}){tail}"
            found["order"].append(text)
        elif element.startswith("<rsc_colocation"):
            found["colocation"].append(f"  {about['rsc']} with {about['with-rsc']} (score:{about['score']}){tail}")
        else:
            found["location"].append(f"  {about['rsc']}{tail}")
    return [
        *("Location Constraints:", *found["location"]),
        *("Ordering Constraints:", *found["order"]),
        *("Colocation Constraints:", *found["colocation"]),
        "Ticket Constraints:",
    ]


def status_lines(machine: Machine) -> list[str]:
    cluster = machine.shared(pacemaker.STATE).read()
    nodes, resources = sorted(cluster["nodes"]), cluster["resources"]
    up = [node for node in nodes if cluster["nodes"][node].get("online", True)]
    partition = "partition with quorum" if pacemaker.quorate(cluster) else "partition WITHOUT quorum"
    instances = sum(int(resource.get("replicas", 1)) for resource in resources.values())
    off = sum(1 for resource in resources.values() if pacemaker.disabled(resource))
    lines = [
        "Cluster name: tripleo_cluster",
        "Cluster Summary:",
        "  * Stack: corosync (Pacemaker is running)",
        f"  * Current DC: {up[0] if up else 'NONE'} (version 2.1.5-9.el9_2.4) - {partition}",
        f"  * {len(nodes)} nodes configured",
        f"  * {instances} resource instances configured" + (f" ({off} DISABLED)" if off else ""),
        "",
    ]
    if cluster["properties"].get("maintenance-mode") == "true":
        lines += ["              *** Resource management is DISABLED ***", ""]
    lines += ["Node List:", *_nodes(cluster, nodes), "", "Full List of Resources:"]
    lines += [line for name in resources for line in resource_lines(machine, name, cluster)]
    if cluster["failures"]:
        lines += ["", "Failed Resource Actions:", *(f"  * {text}" for text in cluster["failures"])]
    daemons = [f"  {daemon}: active/enabled" for daemon in ("corosync", "pacemaker", "pcsd")]
    return [*lines, "", "Daemon Status:", *daemons]


def _nodes(cluster: Data, nodes: list[str]) -> list[str]:
    lines = [f"  * Node {node}: standby" for node in nodes if cluster["nodes"][node].get("standby")]
    up = [n for n in nodes if cluster["nodes"][n].get("online", True) and not cluster["nodes"][n].get("standby")]
    down = [node for node in nodes if not cluster["nodes"][node].get("online", True)]
    lines += [f"  * Online: [ {' '.join(up)} ]"] if up else []
    return lines + ([f"  * OFFLINE: [ {' '.join(down)} ]"] if down else [])
