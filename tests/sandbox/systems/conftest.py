from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.hosts import view
from sandbox.systems.containerised_openstack.system import SYSTEM as CONTAINERISED_OPENSTACK
from sandbox.systems.practice import SYSTEM
from sandbox.systems.world import World
from tests.needs import missing
from tests.sandbox.systems.desk import Desk, as_it_was, desk_of
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


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cloud(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """The containerised cloud as its upgrade left it, raised once for all that ask at it and change nothing."""
    if why := view.why_not():
        missing(why)
    async with desk_of(CONTAINERISED_OPENSTACK, "D1", tmp_path_factory.mktemp("containers") / "world") as desk:
        yield desk


@pytest_asyncio.fixture(loop_scope="session")
async def fresh(cloud: Desk) -> AsyncIterator[Desk]:
    """The same, put back afterwards as it was."""
    async with as_it_was(cloud):
        yield cloud
