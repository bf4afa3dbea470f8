"""Playing single trials again: the one that failed, by its seed, or a victim that dies at a chosen point."""

from collections.abc import AsyncIterator
from functools import partial

from chaos.campaign import one_kill, random_trial
from chaos.databases import Databases
from chaos.ground import Ground
from chaos.judging import Expected, expected
from chaos.trial import Result, Trial, play


def trial_of(words: str) -> Trial:
    """
    Read "storm:17" (kind and seed), or "chat@after slack: chat.postMessage#2" (where the victim dies: with a chat,
    "forward" or "back" without, and the nth time it comes by there).

    Raises:
        ValueError: it is neither.
    """
    way, is_point, point = words.partition("@")
    if is_point and way in ("chat", "forward", "back"):
        label, _, nth = point.partition("#")
        kills = partial(one_kill, label, int(nth or 1))
        forward = "forward" if way == "chat" else way
        return Trial(kind="point", seed=0, way=forward, kills=kills, chat=way == "chat", about=label)
    kind, _, seed = words.partition(":")
    return random_trial(kind, int(seed))


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
