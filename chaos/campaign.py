"""Which trials are played: every point once, then what chance and the seed make of it, until the goals are reached."""

import asyncio
import json
import random
import signal
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from socket import socket

from chaos.databases import Databases
from chaos.enumeration import Enumeration
from chaos.figures import Figures
from chaos.ground import Ground, ground
from chaos.judging import Expected, expected
from chaos.kinds import MIX, ON_POSTGRES, random_trial
from chaos.records import Records, record, replayed_as
from chaos.trial import Result, Trial, play


class NotUndisturbedError(Exception):
    """The run without faults did not go as it should; there is nothing to compare with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goals:
    """The campaign ends when both numbers are reached, records of earlier ones included, or the time is up."""

    faults: int
    kills: int
    seconds: float
    seed: int = 1
    points: str = "all"  #: enumerated: "all" points, one of each of the "kinds", or "none"
    mix: tuple[str, ...] = ()  #: only these random trials
    again: bool = False  #: what slowness may explain is played once more, and counts if it is found again


class Campaign:
    def __init__(self, databases: Databases, goals: Goals, home: Path, records: Records) -> None:
        earlier = records.of(databases.kind)
        self.figures = Figures.of(databases.kind, earlier)
        self._records = records
        self._databases = databases
        self._goals = goals
        self._home = home
        self._rng = random.Random(f"{goals.seed}/{len(earlier)}")  # other trials than those that were played already
        self._want: dict[tuple[str, bool], Expected] = {}
        self._began = time.monotonic()
        self._number = 0
        self._ended = False

    async def run(self, zygotes: list[tuple[socket, socket]]) -> Figures:
        """Play on as many grounds as there are pairs of zygotes."""
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self.end)
        await self._databases.prepare()
        async with AsyncExitStack() as stack:
            grounds = [
                await stack.enter_async_context(ground(f"g{n}", self._home / f"g{n}", ours))
                for n, ours in enumerate(zygotes)
            ]
            await self._undisturbed(grounds[0])
            points = self._points()
            await asyncio.gather(*(self._work(each, points) for each in grounds))
        self.figures.points_left = points.points
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
                    raise NotUndisturbedError(f"the run without faults: {result.findings.words()}")
                self._want[way, chat] = expected(result.facts, result.effects, result.points)

    def _points(self) -> Enumeration:
        routes = {} if self._goals.points == "none" else {route: want.points for route, want in self._want.items()}
        kinds_only = self._goals.points == "kinds"
        return Enumeration(routes, self._rng, kinds_only=kinds_only, done=self.figures.points)

    def _name(self) -> str:
        self._number += 1
        return f"t{self._number}"

    def _over(self) -> bool:
        return self._ended or time.monotonic() - self._began > self._goals.seconds

    def _reached(self) -> bool:
        return self.figures.faults >= self._goals.faults and self.figures.kills >= self._goals.kills

    def _may_play(self, kind: str) -> bool:
        able = kind not in ON_POSTGRES or self._databases.kind == "postgres"
        return able and (not self._goals.mix or kind in self._goals.mix)

    async def _work(self, on: Ground, points: Enumeration) -> None:
        mix = {kind: n for kind, n in MIX.items() if self._may_play(kind)}
        while not self._over():
            trial = points.next()
            if trial is None:
                if self._reached():
                    return
                kind = self._rng.choices(list(mix), list(mix.values()))[0]
                trial = random_trial(kind, seed=self._rng.randrange(1 << 30))
            result, once = await self._play(on, trial), list[str]()
            if self._goals.again and result.findings.may_be_slowness:
                once = result.findings.words()
                print(f"once more, {once} was found: {replayed_as(trial)}", flush=True)
                result = await self._play(on, trial)
            self._note(result, points.settle(trial, result.kills), once)

    async def _play(self, on: Ground, trial: Trial) -> Result:
        return await play(on, self._databases, self._name(), trial, self._want[trial.way, trial.chat])

    def _note(self, result: Result, points: dict[str, bool], once: list[str]) -> None:
        one = record(result, points, once)
        self._records.add(one)
        self.figures.add(one)
        if not result.findings.clean:
            print(f"FAILED {json.dumps(one)}", flush=True)
        elif self.figures.trials % 25 == 0:
            f = self.figures
            took = time.monotonic() - self._began
            print(f"{f.database}: {took:.0f} s, {f.trials} trials, {f.faults} faults, {f.kills} kills", flush=True)
