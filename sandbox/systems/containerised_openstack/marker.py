"""The state the upgrade's automation keeps of itself on the management host, and the commit that asks it."""

from sandbox.hosts.host import Said
from sandbox.systems.containerised_openstack.layout import MGMT, UPGRADE_STATE
from sandbox.systems.world import World

#: The team's playbook: nothing may be committed but a finished upgrade; not one that is being taken back, or was.
_COMMIT = (
    f"flock {UPGRADE_STATE}.lock sh -c '"
    f"state=$(cat {UPGRADE_STATE}); "
    '[ "$state" = upgraded ] || { echo "cannot commit: the upgrade is $state" >&2; exit 1; }; '
    f"echo committed >{UPGRADE_STATE}'"
)


async def set_state(world: World, state: str) -> None:
    await world.hosts[MGMT].run(f"echo {state} >{UPGRADE_STATE}")


async def commit(world: World) -> Said:
    """Try to commit, as the team's playbook does it, and return what that said."""
    return await world.hosts[MGMT].ask(_COMMIT)
