from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.systems.practice import SYSTEM
from sandbox.systems.world import World
from tests.sandbox.systems.hosted import Fleet, upgraded_fleet
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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def upgraded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """One fleet of hosted clusters for all tests of a module."""
    async with upgraded_fleet(tmp_path_factory.mktemp("world") / "world") as fleet:
        yield fleet


@pytest_asyncio.fixture(loop_scope="module")
async def fleet(upgraded: Fleet) -> AsyncIterator[Fleet]:
    """The fleet as its upgrade left it."""
    async with upgraded.as_it_is():
        yield upgraded
