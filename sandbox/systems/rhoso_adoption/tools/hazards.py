"""
What must never happen: two clouds writing to one back end. Noted when it begins, never taken back; a judge reads it.

The source's cinder-volume, cinder-backup and manila-share must not run while the podified cloud's do: both would manage
the same volumes and shares, and neither knows of the other.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine
    from sandbox.systems.tools.state import Data

#: The source's Pacemaker resource -> how the podified pod of the same service begins.
SAME_BACK_END = {
    "openstack-cinder-volume": "cinder-volume",
    "openstack-cinder-backup": "cinder-backup",
    "openstack-manila-share": "manila-share",
}
OPENSHIFT = "kube-api.ocp.example.net"


def starts(machine: Machine, resource: str) -> None:
    """A resource of the source is about to start."""
    other = SAME_BACK_END.get(resource)
    pods: Data = machine.shared(OPENSHIFT).read().get("objects", {}).get("pods", {}) if other else {}
    for pod in pods.values():
        if other and pod["metadata"]["name"].startswith(other):
            note(machine, f"{resource} was started while the podified {pod['metadata']['name']} ran")


def note(machine: Machine, what: str) -> None:
    with machine.shared("hazards") as hazards:
        hazards.setdefault("noted", []).append(what)


def noted(machine: Machine) -> list[str]:
    found: list[str] = machine.shared("hazards").read().get("noted", [])
    return found
