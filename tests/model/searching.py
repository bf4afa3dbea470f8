"""How far the model is searched: a little, the same each time in CI; or as far as `BELAY_MODEL_EXAMPLES` says."""

import os

from hypothesis import HealthCheck, Phase, settings

#: Histories of a usual run, and of one marked slow.
FEW, MANY = 40, 3_000
#: Rules in one history, at most.
STEPS = 40

#: Nothing is made smaller: a history that fails is short enough to be read, and making it smaller takes minutes.
BOUNDED = settings(
    max_examples=int(os.environ.get("BELAY_MODEL_EXAMPLES", str(FEW))),
    stateful_step_count=STEPS,
    phases=(Phase.explicit, Phase.generate),
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
LONG = settings(BOUNDED, max_examples=int(os.environ.get("BELAY_MODEL_EXAMPLES", str(MANY))), derandomize=False)
#: A control tells the same each time.
CONTROL = settings(BOUNDED, max_examples=300, derandomize=True)
