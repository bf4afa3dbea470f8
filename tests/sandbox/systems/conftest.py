from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.systems.practice import SYSTEM
from sandbox.systems.world import World
from tests.sandbox.systems.rack import Rack


@pytest_asyncio.fixture
async def world(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """A world of its own for the test; `in_scenario` of the test says which."""
    scenario = SYSTEM.scenario(getattr(request, "param", "reversible"))
    async with World.broken(SYSTEM, scenario, tmp_path / "world") as one:
        yield one


@pytest.fixture
def rack(tmp_path: Path) -> Rack:
    return Rack(tmp_path / "rack")
