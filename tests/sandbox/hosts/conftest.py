from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.hosts.build import lone_host
from sandbox.hosts.host import PracticeHost


@pytest_asyncio.fixture
async def host(tmp_path: Path) -> AsyncIterator[PracticeHost]:
    async with lone_host(tmp_path) as one:
        yield one


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_host(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PracticeHost]:
    """For tests that leave the host as they found it."""
    async with lone_host(tmp_path_factory.mktemp("shared")) as one:
        yield one
