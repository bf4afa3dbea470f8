"""What can be practised: E1 to E6 as the facts name them, and what people meet beside them."""

from sandbox.systems.fast_forward import layout
from sandbox.systems.fast_forward.truth import first_snapshot_kept
from sandbox.systems.scenario import Scenario, End

SCENARIOS = (
    Scenario(
        name="E1",
        title="A chain of three hops fails in the second, at step 8",
        what_to_expect="Back to the snapshot of before the upgrade, past the hop that ended well; newton serves again.",
        end=End.SUCCEEDED,
    ),
    Scenario(
        name="E4",
        title="Back to the snapshot of a hop that ended well",
        what_to_expect="Named by the requester: ocata's data and ocata's services; the first snapshot stays whole.",
        end=End.SUCCEEDED,
        parameters={"snapshot": "after-ocata"},
        also=first_snapshot_kept,
    ),
)
