"""
The upgrade that goes wrong: every cluster of the fleet to the next z, as a fleet's automation would do it with `oc`.

It waits for each rollout and believes it: all of them end as Completed. What the new release breaks, it does not ask.
"""

from sandbox.systems.hosted_control_plane import names
from sandbox.systems.scenario import Act
from sandbox.systems.world import World

_COMPLETED = "--for=jsonpath='{.status.version.history[0].state}'=Completed --timeout=60s"


def upgrade_to(version: str) -> Act:
    """Return an upgrade of the whole fleet to *version*."""

    async def upgrade(world: World) -> None:
        bastion, recorder = world.hosts["bastion-1"], world.recorder
        await recorder.begin(names.OLD, version)
        await recorder.capture()
        patch = f'{{"spec":{{"release":{{"image":"{names.image(version)}"}}}}}}'
        clusters = f"$(oc get hostedclusters -n {names.NAMESPACE} -o jsonpath='{{.items[*].metadata.name}}')"
        await bastion.run(f"oc patch hostedclusters -n {names.NAMESPACE} --type=merge -p '{patch}' {clusters}")
        await bastion.run(f"oc wait hostedclusters -n {names.NAMESPACE} {_COMPLETED} {clusters}")
        await recorder.mark("control-planes-upgraded", f"to {version}")

    return upgrade
