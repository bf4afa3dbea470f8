"""The plan of the model: a parallel step with a way back, a guarded one without, and one that may be done again."""

from typing import Any

from tests.bot import world


def plan_data() -> dict[str, Any]:
    data = world.plan_data()
    steps = {step["id"]: step for step in data["steps"]}
    steps["start"].update(idempotent=True, retries=1)
    return data
