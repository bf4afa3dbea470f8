"""The practice cloud as a system: a deployment host, three controllers with everything, two computes."""

from sandbox.systems.kolla import furnish, layout, truth, upgrade
from sandbox.systems.kolla.scenarios import SCENARIOS
from sandbox.systems.system import System

SYSTEM = System(
    name="kolla",
    title="Kolla cloud, west",
    target="cloud-west",
    plan="kolla-upgrade",
    hosts=layout.HOSTS,
    facts={
        "canary": furnish.CANARY,
        "cloud": "overcloud",
        "services": list(layout.TAGS),
        "stop_tags": ",".join(layout.STOPPED),
    },
    tools={
        "ansible": "sandbox.systems.kolla.tools.ansible",
        "kolla-ansible": "sandbox.systems.kolla.tools.kolla_ansible",
    },
    furnish=furnish.furnish,
    heal=furnish.heal,
    upgrade=upgrade.upgrade,
    truth=truth.truth,
    scenarios=SCENARIOS,
)
