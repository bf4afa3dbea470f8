"""Which host gets a step that runs on one of several: for the newest every one is asked, and has to tell."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.election import Choice, choose
from bot.looker import Answer
from core.action import Ended, Output
from core.resolve import ResolvedStep
from core.run import Run
from tests.core.making import look, resolved

RUN = cast("Run", SimpleNamespace(id="R-1", plan=None))
HANDS = cast("Any", SimpleNamespace(host=lambda _plan, name: name))


class Told:
    """A looker whose hosts say what they are given to say; one that has nothing to say does not answer."""

    def __init__(self, **words: str) -> None:
        self.words = words
        self.asked: list[str] = []

    async def ask(self, _run: str, _unit: str, _look: object, host: str) -> Answer:
        self.asked.append(host)
        if host not in self.words:
            return Answer(holds=None, found=f"cannot reach '{host}'")
        said = Ended(exit_code=0, stdout=self.words[host], output=Output())
        return Answer(holds=not self.words[host].startswith("no"), found=self.words[host], ended=said)


def step(on: str) -> ResolvedStep:
    return resolved({"stop": {"on": on, "elect": look("position", "{host}")}}).step("stop")


async def chosen(on: str, **words: str) -> tuple[Choice, list[str]]:
    told = Told(**words)
    return await choose(RUN, step(on), HANDS, cast("Any", told)), told.asked


async def test_the_newest_is_chosen_once_all_have_told() -> None:
    assert await chosen("newest", c1="u 999", c2="u 1000") == (Choice("c2", "u 1000"), ["c1", "c2"])


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"c1": "u 999"}, "c2: cannot reach 'c2'"),
        ({"c1": "u 999", "c2": "no position"}, "c2: no position"),
        ({"c1": "u 1", "c2": "v 2"}, "the histories differ (c1: u, c2: v)"),
        ({"c1": "u 1", "c2": "u"}, "c2 should tell a history and a number, says 'u'"),
    ],
)
async def test_one_that_does_not_tell_may_be_the_newest(words: dict[str, str], why: str) -> None:
    choice, asked = await chosen("newest", **words)

    assert choice == Choice("", why)
    assert asked == ["c1", "c2"]


async def test_the_elected_is_the_first_that_says_yes() -> None:
    assert await chosen("elected", c1="no", c2="yes") == (Choice("c2", "yes"), ["c1", "c2"])
    assert await chosen("elected", c1="yes") == (Choice("c1", "yes"), ["c1"])
