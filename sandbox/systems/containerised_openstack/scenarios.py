"""What can be practised on the way back from Ocata to Newton."""

from sandbox.systems.containerised_openstack.truth import evidence_kept
from sandbox.systems.scenario import End, Scenario

SCENARIOS = (
    Scenario(
        name="D1",
        title="Nothing stands in the way",
        what_to_expect="Newton is back with its data, the new state is kept as evidence, and a commit is refused.",
        end=End.SUCCEEDED,
        also=evidence_kept,
    ),
)
