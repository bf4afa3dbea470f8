"""
What holds for all tests.

Hypothesis is bounded: the same examples every time in CI, new ones on a developer's machine. What takes longest begins
first.
"""

import os
import re
from pathlib import Path

import pytest
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

#: Modules of half a minute and more, the longest first: no worker is to be left alone with one of them at the end.
LONG = (
    "bot/test_replicas_processes.py",
    "faults/test_slack_faults.py",
    "net/test_runs.py",
    "net/test_links.py",
    "bot/test_slack_overview.py",
    "e2e/test_scenarios.py",
    "e2e/test_drills_all.py",
    "e2e/test_page.py",
    "bot/test_cli_doctor.py",
)
#: What asks about the plans of the five systems, each on its practice cloud: `make test-plans`.
PLANS = re.compile(r"sandbox/systems/test_(rhoso|hosted|kolla|containerised|fast_forward)|e2e/test_kill_fast_forward")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    assert all((here / name).is_file() for name in LONG)

    def place(item: pytest.Item) -> int:
        name = item.path.relative_to(here).as_posix()
        return LONG.index(name) if name in LONG else len(LONG)

    for item in items:
        if PLANS.match(item.path.relative_to(here).as_posix()):
            item.add_marker("plans")
    items.sort(key=place)
