"""The practice fleet, described."""

from sandbox.systems.hosted_control_plane import names
from sandbox.systems.hosted_control_plane.furnish import furnish
from sandbox.systems.hosted_control_plane.scenarios import SCENARIOS
from sandbox.systems.hosted_control_plane.truth import truth
from sandbox.systems.hosted_control_plane.upgrade import upgrade_to
from sandbox.systems.system import HostSpec, System

_TOOLS = "sandbox.systems.hosted_control_plane.tools"

SYSTEM = System(
    name="hosted-control-plane",
    title="Hosted clusters, east",
    target="mgmt-east",
    plan="hosted-z-stream",
    hosts=(HostSpec(name="bastion-1", roles=("mgmt",), tools=("oc", "ocm"), inside=("etcdctl",)),),
    facts={"context": names.CONTEXT, "look_every_s": "0.2", "rollout_s": "4"},
    tools={"etcdctl": f"{_TOOLS}.etcdctl", "ocm": f"{_TOOLS}.ocm"},
    furnish=furnish,
    upgrade=upgrade_to(names.NEW),
    truth=truth,
    scenarios=SCENARIOS,
)
