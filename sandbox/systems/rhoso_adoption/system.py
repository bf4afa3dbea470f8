"""
The practice cloud as a system: three controllers under Pacemaker, two computes, an edge site with a storage host and a
scale-out host, the undercloud, and a host with `oc` for the OpenShift cluster it was adopted to.
"""

from sandbox.systems.rhoso_adoption import furnish, layout, truth, upgrade
from sandbox.systems.rhoso_adoption.scenarios import SCENARIOS
from sandbox.systems.system import System

SYSTEM = System(
    name="rhoso-adoption",
    title="Practice cloud with an edge site",
    target="cloud-south",
    plan="rhoso-adoption",
    hosts=layout.HOSTS,
    facts={"ceph": "director", "instance_ha": True, "canary": furnish.CANARY, "cloud": "overcloud"},
    tools={
        "cibadmin": "sandbox.systems.rhoso_adoption.tools.cibadmin",
        "mysql": "sandbox.systems.rhoso_adoption.tools.pod_mysql",
        "ovn-sbctl": "sandbox.systems.rhoso_adoption.tools.ovn_sbctl",
        "pcs": "sandbox.systems.rhoso_adoption.tools.pcs",
    },
    furnish=furnish.furnish,
    heal=furnish.heal,
    upgrade=upgrade.upgrade,
    truth=truth.truth,
    scenarios=SCENARIOS,
)
