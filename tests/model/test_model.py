"""The model of the whole: whatever happens in whatever order, the invariants hold."""

from hypothesis import Phase, settings

from tests.model.machine import Model

TestModel = Model.TestCase
TestModel.settings = settings(
    max_examples=60, stateful_step_count=40, phases=(Phase.generate,), report_multiple_bugs=False
)
