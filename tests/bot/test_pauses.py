"""Python looks for garbage while nothing runs; what a start loaded is left out."""

import gc
from collections.abc import Iterator

import pytest

from bot import pauses
from bot.pauses import Pauses


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_what_a_start_loaded_is_not_walked_again() -> None:
    Pauses().begin()

    assert gc.get_freeze_count() > 10_000
    assert gc.get_threshold()[2] > 100_000, "a full walk comes only when it is asked for"


def test_a_full_walk_waits_until_nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 1_000.0
    monkeypatch.setattr("time.monotonic", lambda: now_s)
    found = Pauses()

    now_s += pauses.IDLE_S
    assert not found.perhaps(busy=True)
    assert found.perhaps(busy=False)
    assert not found.perhaps(busy=False), "it was done just now"

    now_s += pauses.BUSY_S
    assert found.perhaps(busy=True), "some day it has to be done"
