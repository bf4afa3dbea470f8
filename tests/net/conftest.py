from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.executors.sshd import SSHD
from tests.needs import missing
from tests.net.namespaces import Network, network


@pytest.fixture(scope="module")
def net() -> Iterator[Network]:
    """A network for a module's tests, which run inside it, in the bot's place."""
    if not Path(SSHD).exists():
        missing(f"{SSHD} is not installed: `make debs` as root installs openssh-server")
    with network() as made, made.inside():
        yield made
