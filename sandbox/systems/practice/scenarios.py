"""What can be practised on the cloud: the six cases of a point of no return, and a step that fails half-way."""

from collections.abc import Mapping

from sandbox.systems.scenario import BEFORE_CLAIM, Answer, End, Scenario, before
from sandbox.systems.world import World


async def record_compute_upgraded(world: World) -> None:
    await world.recorder.mark(
        "compute-upgraded", "3 machines of compute-1 were given Ocata's machine type by the upgrade job"
    )


async def convert_compute(world: World) -> None:
    """Convert compute-2 to Ocata for real. Nobody records it."""
    await world.hosts["compute-2"].run("compute-agent convert ocata")


async def power_off_compute(world: World) -> None:
    await world.hosts["compute-1"].stop()


async def mask_service(world: World) -> None:
    """Somebody, investigating, forbade nova-api to start again on controller-2, and forgot."""
    await world.hosts["controller-2"].run("svc mask nova-api dana is reading its memory, do not restart")


async def unmask_service(world: World) -> None:
    await world.hosts["controller-2"].run("svc unmask nova-api")


SCENARIOS: Mapping[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            name="reversible",
            title="Nothing stands in the way",
            what_to_expect="The rollback runs through all its steps and nova-api answers rightly, from Newton.",
            end=End.SUCCEEDED,
        ),
        Scenario(
            name="crossed-recorded",
            title="The upgrade recorded that it went too far",
            what_to_expect="Refused: the ledger has the checkpoint compute-upgraded, although no probe sees it.",
            end=End.REFUSED,
            says=("compute-converted is CROSSED (ledger: checkpoint 'compute-upgraded'",),
            prepare=record_compute_upgraded,
        ),
        Scenario(
            name="crossed-live",
            title="Recorded as reversible, but the live system says otherwise",
            what_to_expect="Refused: the ledger knows nothing, the probe on compute-2 finds it converted.",
            end=End.REFUSED,
            says=("compute-converted is CROSSED (compute-2: converted to ocata",),
            prepare=convert_compute,
        ),
        Scenario(
            name="host-unreachable",
            title="A host does not answer, so nobody knows",
            what_to_expect="Refused: compute-1 is off, the verdict is unknown, and unknown is not reversible.",
            end=End.REFUSED,
            says=("compute-converted is UNKNOWN (compute-1: cannot reach 'compute-1'",),
            prepare=power_off_compute,
        ),
        Scenario(
            name="crossed-before-claim",
            title="Crossed between the last approval and the claim",
            what_to_expect="Everybody agreed, then compute-2 was converted: refused at the claim, nothing runs.",
            end=End.REFUSED,
            says=("compute-converted is CROSSED (compute-2: converted to ocata",),
            at={BEFORE_CLAIM: convert_compute},
        ),
        Scenario(
            name="crossed-mid-run",
            title="Crossed while the run stands before a guarded step",
            what_to_expect="The services are stopped, then compute-2 is converted: the restore does not start.",
            end=End.UNWOUND,
            at={before("restore-database"): convert_compute},
            answers=(Answer(word="abort"),),
        ),
        Scenario(
            name="step-fails",
            title="A step fails half-way",
            what_to_expect="nova-api on controller-2 does not start: somebody masked it. Unmask it, then retry.",
            end=End.SUCCEEDED,
            prepare=mask_service,
            answers=(
                Answer(
                    to="start-services@controller-2",
                    word="retry",
                    first=unmask_service,
                    first_says="svc unmask nova-api, on controller-2",
                ),
            ),
        ),
    )
}
