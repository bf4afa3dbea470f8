"""The model of the whole: whatever happens in whatever order, the invariants hold."""

import pytest
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import Model
from tests.model.searching import BOUNDED, LONG


def test_whatever_happens() -> None:
    run_state_machine_as_test(Model, settings=BOUNDED)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_whatever_happens_for_long() -> None:
    run_state_machine_as_test(Model, settings=LONG)
