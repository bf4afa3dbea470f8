from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from executors.ssh import SshExecutor
from tests.executors.sshd import SSHD, Sshd
from tests.needs import missing


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    if not Path(SSHD).exists():
        missing(f"{SSHD} is not installed: `make debs` as root installs openssh-server")
    server = Sshd(folder=tmp_path_factory.mktemp("sshd")).start()
    yield server
    server.stop()


@pytest.fixture
async def ssh(sshd: Sshd) -> AsyncIterator[SshExecutor]:
    executor = SshExecutor(sshd.settings())
    yield executor
    await executor.close()
