"""The practice cloud as a system: three controllers, two computes, and the undercloud that upgrades them."""

from sandbox.systems.fast_forward import furnish, layout, truth, upgrade
from sandbox.systems.fast_forward.scenarios import SCENARIOS
from sandbox.systems.system import System

_LVM = "sandbox.systems.fast_forward.tools.lvm"

SYSTEM = System(
    name="fast-forward",
    title="Practice cloud between two releases",
    target="cloud-east",
    plan="fast-forward",
    hosts=layout.HOSTS,
    facts={"ceph": "here", "canary": furnish.CANARY, "cloud": "overcloud"},
    tools={
        **dict.fromkeys(("lvs", "lvcreate", "lvconvert", "mount", "umount", "mountpoint"), _LVM),
        "rpm": "sandbox.systems.fast_forward.tools.rpm",
    },
    furnish=furnish.furnish,
    heal=furnish.heal,
    upgrade=upgrade.upgrade,
    truth=truth.truth,
    scenarios=SCENARIOS,
)
