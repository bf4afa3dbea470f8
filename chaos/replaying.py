"""Playing single trials again: the one that failed, by its seed, or a victim that dies at a chosen point."""

from collections.abc import AsyncIterator
from functools import partial

from chaos.databases import Databases
from chaos.enumeration import ROUTES, in_turn
from chaos.ground import Ground
from chaos.judging import Expected, expected
from chaos.kinds import random_trial
from chaos.spec import Kill
from chaos.trial import Result, Trial, play


def trial_of(words: str) -> Trial:
    """
    Read "storm:17" (kind and seed), or "chat@after slack: chat.postMessage#2 > before commit: done stop@host-1" (where
    one victim after another dies: on which route, and the nth time it comes by there).

    Raises:
        ValueError: it is neither.
    """
    way, is_point, points = words.partition("@")
    if is_point and way in ROUTES:
        kills = partial(in_turn, [_kill(point) for point in points.split(" > ")])
        forward_or_back, chat = ROUTES[way]
        return Trial(kind="point", seed=0, way=forward_or_back, kills=kills, chat=chat, about=words)
    kind, _, seed = words.partition(":")
    return random_trial(kind, int(seed))


def _kill(point: str) -> Kill:
    label, _, nth = point.partition("#")
    return Kill(label=label, nth=int(nth or 1))


class Comparison:
    """The undisturbed runs, made when they are first asked for."""

    def __init__(self, on: Ground, databases: Databases) -> None:
        self._on, self._databases = on, databases
        self._known: dict[tuple[str, bool], Expected] = {}

    async def like(self, trial: Trial) -> Expected:
        key = trial.way, trial.chat
        if key not in self._known:
            plain = Trial(kind="undisturbed", seed=0, way=trial.way, chat=trial.chat)
            name = f"undisturbed-{trial.way}{'-chat' if trial.chat else ''}"
            result = await play(self._on, self._databases, name, plain, None)
            self._known[key] = expected(result.facts, result.effects, result.points)
        return self._known[key]


async def replay(
    on: Ground, databases: Databases, many: list[str], like: Comparison
) -> AsyncIterator[tuple[str, Result]]:
    for number, words in enumerate(many):
        trial = trial_of(words)
        yield words, await play(on, databases, f"again-{number}", trial, await like.like(trial))
