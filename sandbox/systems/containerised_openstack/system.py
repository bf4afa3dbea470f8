"""The practice cloud as a system: a management host, three controllers full of containers, two computes."""

from sandbox.systems.containerised_openstack import furnish, layout, truth, upgrade
from sandbox.systems.containerised_openstack.scenarios import SCENARIOS
from sandbox.systems.system import System

SYSTEM = System(
    name="containerised-openstack",
    title="Practice cloud in containers",
    target="cloud-north",
    plan="ocata-newton",
    hosts=layout.HOSTS,
    facts={"vip": layout.VIP, "canaries": list(layout.CANARIES)},
    furnish=furnish.furnish,
    heal=furnish.heal,
    upgrade=upgrade.upgrade,
    truth=truth.truth,
    scenarios=SCENARIOS,
)
