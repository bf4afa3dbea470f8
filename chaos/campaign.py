"""Which trials are played: every point once, then what chance and the seed make of it, until the goals are reached."""

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from itertools import chain, repeat
from pathlib import Path
from socket import socket

from chaos.databases import Databases
from chaos.figures import Figures, describe
from chaos.ground import Ground, ground
from chaos.hostfaults import HostFault
from chaos.judging import Expected, expected
from chaos.spec import Kill
from chaos.trial import Result, Trial, play

#: What is played beside each point once: kind -> how often, of all random trials.
MIX = {"relay": 4, "links": 3, "storm": 5, "hosts": 3, "chat": 2}


class NotUndisturbedError(Exception):
    """The run without faults did not go as it should; there is nothing to compare with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goals:
    """The campaign ends when both numbers are reached, or the time is up."""

    faults: int
    kills: int
    seconds: float
    seed: int = 1
    points: str = "all"  #: enumerated: "all" points, one of each of the "kinds", or "none"
    mix: tuple[str, ...] = ()  #: only these random trials


def one_kill(label: str, nth: int, _rng: random.Random) -> Iterator[Kill]:
    yield Kill(label=label, nth=nth)


def relay(rng: random.Random) -> Iterator[Kill]:
    """Kill one victim after another; now and then one is let live long enough to get further."""
    yield Kill(nth=rng.randint(1, 300))
    while True:
        yield Kill(nth=rng.randint(1, 60) if rng.random() < 0.75 else rng.randint(60, 250))


class Campaign:
    def __init__(self, databases: Databases, goals: Goals, home: Path) -> None:
        self.figures = Figures(database=databases.kind)
        self._databases = databases
        self._goals = goals
        self._home = home
        self._want: dict[tuple[str, bool], Expected] = {}
        self._began = time.monotonic()
        self._number = 0
        self._ended = False

    async def run(self, zygotes: list[socket]) -> Figures:
        """Play on as many grounds as there are zygotes."""
        self._began = time.monotonic()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self.end)
        await self._databases.prepare()
        async with AsyncExitStack() as stack:
            grounds = [
                await stack.enter_async_context(ground(f"g{n}", self._home / f"g{n}", ours))
                for n, ours in enumerate(zygotes)
            ]
            await self._undisturbed(grounds[0])
            trials = self._trials()
            await asyncio.gather(*(self._work(each, trials) for each in grounds))
        self.figures.seconds = time.monotonic() - self._began
        return self.figures

    def end(self) -> None:
        """Begin no other trial; the figures so far are printed once those under way have ended."""
        self._ended = True

    async def _undisturbed(self, on: Ground) -> None:
        for way in ("forward", "back"):
            for chat in (False, True):
                trial = Trial(kind="undisturbed", seed=0, way=way, chat=chat)
                result = await play(on, self._databases, self._name(), trial, None)
                if not result.findings.clean:
                    raise NotUndisturbedError(f"the run without faults: {describe(result)}")
                self._want[way, chat] = expected(result.facts, result.effects, result.points)

    def _name(self) -> str:
        self._number += 1
        return f"t{self._number}"

    def _over(self) -> bool:
        goals, figures = self._goals, self.figures
        reached = figures.faults >= goals.faults and figures.kills >= goals.kills
        reached = reached and figures.points_played >= figures.points_enumerated
        return self._ended or reached or time.monotonic() - self._began > goals.seconds

    async def _work(self, on: Ground, trials: Iterator[Trial]) -> None:
        while not self._over():
            trial = next(trials)
            result = await play(on, self._databases, self._name(), trial, self._want[trial.way, trial.chat])
            self._note(result)

    def _note(self, result: Result) -> None:
        self.figures.add(result)
        if result.trial.kind == "point":
            self.figures.points_played += 1
            self.figures.points_hit += result.kills > 0
        if not result.findings.clean:
            print(f"FAILED {describe(result)}", flush=True)
        elif self.figures.trials % 25 == 0:
            f = self.figures
            took = time.monotonic() - self._began
            print(f"{f.database}: {took:.0f} s, {f.trials} trials, {f.faults} faults, {f.kills} kills", flush=True)

    def _trials(self) -> Iterator[Trial]:
        rng = random.Random(self._goals.seed)
        points = self._points(rng)
        self.figures.points_enumerated = len(points)
        mix = {k: n for k, n in MIX.items() if not self._goals.mix or k in self._goals.mix}
        for point in chain(points, repeat(None)):
            if point:
                yield point
            kind = rng.choices(list(mix), list(mix.values()))[0]
            yield random_trial(kind, seed=rng.randrange(1 << 30))

    def _points(self, rng: random.Random) -> list[Trial]:
        """The points of the undisturbed runs; one of each kind (whatever the host) first, the others shuffled."""
        trials: list[Trial] = []
        for (way, chat), want in self._want.items():
            seen: Counter[str] = Counter()
            for label in want.points:
                seen[label] += 1
                if chat and "slack" not in label and "commit" not in label:
                    continue  # the rest is killed at without a chat already
                kills = partial(one_kill, label, seen[label])
                trials.append(Trial(kind="point", seed=len(trials), way=way, kills=kills, chat=chat, about=label))
        rng.shuffle(trials)
        first: dict[tuple[str, str, bool], Trial] = {}
        for trial in trials:
            first.setdefault((trial.way, _kind_of(trial.about), trial.chat), trial)
        kinds = list(first.values())
        return {"none": [], "kinds": kinds, "all": kinds + [trial for trial in trials if trial not in kinds]}[
            self._goals.points
        ]


def _kind_of(label: str) -> str:
    return label.split("+", maxsplit=1)[0].split("@", maxsplit=1)[0]


def random_trial(kind: str, seed: int) -> Trial:
    """A trial of this kind; the same seed gives the same again."""
    rng = random.Random(seed)
    way = rng.choice(("forward", "back"))
    match kind:
        case "relay":
            return Trial(kind=kind, seed=seed, way=way, kills=relay)
        case "links":
            return Trial(kind=kind, seed=seed, way=way, links=rng.randint(5, 25), link_gap=(2, rng.randint(6, 40)))
        case "storm":
            return Trial(
                kind=kind, seed=seed, way=way, kills=relay, links=rng.randint(5, 15), link_gap=(2, rng.randint(20, 80))
            )
        case "hosts":
            kills = relay if rng.random() < 0.3 else None
            return Trial(kind=kind, seed=seed, way=way, kills=kills, hosts=tuple(HostFault))
        case "chat":
            return Trial(kind=kind, seed=seed, way=way, kills=relay, chat=True)
        case _:
            raise ValueError(f"expected one of {', '.join(MIX)}, came {kind!r}")
