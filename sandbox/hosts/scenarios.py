"""What can be practised: the six cases of a point of no return, and a step that fails half-way."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.hosts.world import PracticeWorld

Act = Callable[["PracticeWorld"], Awaitable[None]]


class Moment(StrEnum):
    """When something happens behind everybody's back. Whoever plays the scenario calls `world.reach(moment)`."""

    BEFORE_CLAIM = "before_claim"  #: the last approval is given, the claim is not yet made
    BEFORE_GUARDED_STEP = "before_guarded_step"  #: the run is under way, the first guarded step has not begun


async def nothing(world: "PracticeWorld") -> None:
    """The scene is what the upgrade left."""


async def convert_compute(world: "PracticeWorld") -> None:
    """Convert compute-2 to Ocata for real. Nobody records it."""
    await world.hosts["compute-2"].run("compute-agent convert ocata")


async def power_off_compute(world: "PracticeWorld") -> None:
    await world.hosts["compute-1"].stop()


async def mask_service(world: "PracticeWorld") -> None:
    """Somebody, investigating, forbade nova-api to start again on controller-2, and forgot."""
    await world.hosts["controller-2"].run("svc mask nova-api dana is reading its memory, do not restart")


async def unmask_service(world: "PracticeWorld") -> None:
    await world.hosts["controller-2"].run("svc unmask nova-api")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    name: str
    title: str
    what_to_expect: str
    checkpoints: tuple[tuple[str, str], ...] = ()  #: (name, evidence) recorded beside those of the upgrade itself
    prepare: Act = nothing  #: done once the upgrade has gone wrong, before anybody sees the world
    at: Mapping[Moment, Act] = field(default_factory=dict)
    fix: Act | None = None  #: what a person does on the hosts after the failure; then `retry` works
    fix_says: str = ""
    succeeds: bool = False  #: a rollback played to its end leaves the service answering rightly


SCENARIOS: Mapping[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            name="reversible",
            title="Nothing stands in the way",
            what_to_expect="The rollback runs through all its steps and nova-api answers rightly, from Newton.",
            succeeds=True,
        ),
        Scenario(
            name="crossed-recorded",
            title="The upgrade recorded that it went too far",
            what_to_expect="Refused: the ledger has the checkpoint compute-upgraded, although no probe sees it.",
            checkpoints=(
                ("compute-upgraded", "3 machines of compute-1 were given Ocata's machine type by the upgrade job"),
            ),
        ),
        Scenario(
            name="crossed-live",
            title="Recorded as reversible, but the live system says otherwise",
            what_to_expect="Refused: the ledger knows nothing, the probe on compute-2 finds it converted.",
            prepare=convert_compute,
        ),
        Scenario(
            name="host-unreachable",
            title="A host does not answer, so nobody knows",
            what_to_expect="Refused: compute-1 is off, the verdict is unknown, and unknown is not reversible.",
            prepare=power_off_compute,
        ),
        Scenario(
            name="crossed-before-claim",
            title="Crossed between the last approval and the claim",
            what_to_expect="Everybody agreed, then compute-2 was converted: refused at the claim, nothing runs.",
            at={Moment.BEFORE_CLAIM: convert_compute},
        ),
        Scenario(
            name="crossed-mid-run",
            title="Crossed while the run stands before a guarded step",
            what_to_expect="The services are stopped, then compute-2 is converted: the restore does not start.",
            at={Moment.BEFORE_GUARDED_STEP: convert_compute},
        ),
        Scenario(
            name="step-fails",
            title="A step fails half-way",
            what_to_expect="nova-api on controller-2 does not start: somebody masked it. Unmask it, then retry.",
            prepare=mask_service,
            fix=unmask_service,
            fix_says="svc unmask nova-api, on controller-2",
            succeeds=True,
        ),
    )
}
