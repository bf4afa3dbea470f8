"""What a test needs of the machine and does not find: skipped with the reason on a person's machine, failed in CI."""

import os
from typing import NoReturn

import pytest

from sandbox.hosts import view


def missing(what: str) -> NoReturn:
    """*what*: what is missing and how to get it. A test that cannot run is not counted as passed in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}; in CI it has to be there")
    pytest.skip(what)


@pytest.fixture(autouse=True, scope="module")
def own_view() -> None:
    """Import it into a module whose practice hosts need a file system view of their own."""
    if why := view.why_not():
        missing(why)
