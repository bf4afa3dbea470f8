"""Hypothesis, bounded: the same examples every time in CI, new ones on a developer's machine."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "belay",
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "100")),
    deadline=None,
    database=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("belay")
