"""
The practice cloud: three controllers with "nova-api, practice edition" over HTTP, two computes, a SQLite database.

It starts on Newton, is really upgraded to Ocata, and then really answers wrongly: what a rollback undoes here are
files, processes and a database, and what a probe reads is what is there. Nothing of it needs root, namespaces or a
Debian package. `machine/` is what gets copied onto its hosts.
"""

from sandbox.systems.practice import truth, upgrade
from sandbox.systems.practice.furnish import furnish
from sandbox.systems.practice.scenarios import SCENARIOS
from sandbox.systems.system import HostSpec, System

SYSTEM = System(
    name="practice",
    title="Practice cloud east",
    target="prod-east",
    plan="newton",
    hosts=(
        HostSpec(name="controller-1", roles=("controller", "database"), services=("nova-api", "db")),
        HostSpec(name="controller-2", roles=("controller",), services=("nova-api",)),
        HostSpec(name="controller-3", roles=("controller",), services=("nova-api",)),
        HostSpec(name="compute-1", roles=("compute",)),
        HostSpec(name="compute-2", roles=("compute",)),
    ),
    facts={"service": "nova-api", "old_release": upgrade.ORIGIN, "new_release": upgrade.DESTINATION},
    own_view=False,
    furnish=furnish,
    heal=upgrade.start_old_version,
    upgrade=upgrade.upgrade,
    truth=truth.truth,
    scenarios=tuple(SCENARIOS.values()),
)
