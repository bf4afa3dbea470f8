"""One trial: a run that is disturbed until it has ended, and what was found afterwards."""

import asyncio
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from chaos.chat import Chat, chat
from chaos.chatfaults import misbehave
from chaos.databases import Databases
from chaos.ground import Ground
from chaos.hostfaults import HostFault, disturb
from chaos.judging import Expected, Findings, judge
from chaos.link import Mischief, Schedule
from chaos.spec import NOT_NOW, Kill, Spec, effects
from chaos.watching import drivers, seen
from chaos.zygote import Zygote, left

#: Seconds a victim may take until it is ended and called stuck.
LONGEST_S = 400.0
#: Victims of one trial; the next one is not killed any more.
MOST_VICTIMS = 40
#: Starts in one trial, those that found no database included.
MOST_STARTS = 200
#: Seconds a frozen bot waits for another to take over, and how long at most that one is let work before it wakes up.
FROZEN_S, MOMENT_S = 20.0, 1.5
#: More events than a trial has.
MOST_EVENTS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What to do to one run. The seed decides everything that is left to chance."""

    kind: str
    seed: int
    way: str = "forward"
    kills: Callable[[random.Random], Iterator[Kill]] | None = None  #: one for each victim, as long as there are any
    links: int = 0  #: how many times a link goes wrong at most
    link_kinds: tuple[Mischief, ...] = tuple(Mischief)
    link_gap: tuple[int, int] = (5, 60)
    link_bytes: tuple[int, int] | None = None  #: only chunks of such sizes, on their way to a host
    hosts: tuple[HostFault, ...] = ()  #: what happens to hosts, one after another until the run has ended
    weaken: str = ""
    patience_s: float = 90.0
    chat: bool = False  #: with a local workspace, in which people ask and agree
    twice: bool = False  #: the chat delivers every event twice
    bad_chat: bool = False  #: and answers, cuts and delays as it does on bad days
    replicas: bool = False  #: two bots share the work; both are disturbed. On PostgreSQL only
    points: tuple[str, ...] = ()  #: of the undisturbed run, that it is for; one victim for each, in this order
    about: str = ""  #: the words with which it is replayed, where kind and seed do not say it all


@dataclass(kw_only=True)
class Result:
    trial: Trial
    database: str
    faults: Counter[str] = field(default_factory=Counter)  #: only what hit its point
    kills: int = 0
    runs: int = 0
    findings: Findings = field(default_factory=Findings)
    last_words: list[str] = field(default_factory=list)  #: the points at which victims died
    seconds: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)
    effects: dict[Any, str] = field(default_factory=dict)
    points: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.kills + self.faults.total()


async def play(ground: Ground, databases: Databases, name: str, trial: Trial, want: Expected | None) -> Result:
    """Play *trial* on *ground*. Without *want* nothing is compared: that is how the undisturbed run is made."""
    began = time.monotonic()
    result = Result(trial=trial, database=databases.kind)
    folder = ground.home / name
    async with AsyncExitStack() as stack:
        talk = await stack.enter_async_context(chat()) if trial.chat else None
        if talk:
            ground.write_config(folder, name, channel=talk.channel, accounts=talk.accounts())
        else:
            ground.write_config(folder, name)
        url = await stack.enter_async_context(databases.fresh(folder / "data"))
        spec = Spec(
            role="victim",
            trial=name,
            home=str(folder),
            url=url,
            client_key=str(ground.site.client_key),
            known_hosts=str(ground.site.known_hosts),
            homes=ground.homes,
            way=trial.way,
            weaken=trial.weaken,
            patience_s=trial.patience_s,
            replicas=trial.replicas,
            slack=talk.settings if talk else {},
        )
        async with _disturbed(ground, trial, result), _people(talk, trial, result):
            await _until_over(ground, spec, trial, result)
        await _judge(ground, spec, result, want)
        if talk and result.facts:
            result.findings.wrong += talk.problems(result.facts)
            result.findings.broken += talk.doubles(result.facts)
    result.seconds = time.monotonic() - began
    if result.findings.clean and not trial.weaken:
        ground.clear(name)
        shutil.rmtree(folder)
    return result


@asynccontextmanager
async def _disturbed(ground: Ground, trial: Trial, result: Result) -> AsyncIterator[None]:
    rng = random.Random(trial.seed)
    schedule = Schedule(rng=rng, most=trial.links, kinds=trial.link_kinds, gap=trial.link_gap, sizes=trial.link_bytes)
    ground.use(schedule)
    meddling = asyncio.create_task(disturb(ground, trial.hosts, rng, result.faults)) if trial.hosts else None
    try:
        yield
    finally:
        if meddling:
            meddling.cancel()
            await asyncio.wait({meddling})
        schedule.most = 0
        await ground.quiet(2.0)
        result.faults.update({str(kind): count for kind, count in schedule.hits.items()})
        if schedule.hits[Mischief.LATE]:
            await asyncio.sleep(0.5)  # what was delivered late may be at it still


@asynccontextmanager
async def _people(talk: Chat | None, trial: Trial, result: Result) -> AsyncIterator[None]:
    if talk is None:
        yield
        return
    faults = talk.workspace.faults
    faults.duplicate_events = MOST_EVENTS if trial.twice else 0
    busy = [asyncio.create_task(talk.play())]
    if trial.bad_chat:
        busy.append(asyncio.create_task(misbehave(talk.workspace, random.Random(trial.seed), result.faults)))
    try:
        yield
    finally:
        for task in busy:
            task.cancel()
        for task in busy:
            with suppress(asyncio.CancelledError):
                await task
        if trial.twice:
            result.faults["event delivered twice"] += MOST_EVENTS - faults.duplicate_events
        faults.clear()


async def _until_over(ground: Ground, spec: Spec, trial: Trial, result: Result) -> None:
    async with asyncio.TaskGroup() as seats:
        seats.create_task(_seat(ground.zygote, spec, trial, result))
        if trial.replicas:
            seats.create_task(_seat(ground.second, replace(spec, role="second"), trial, result))
    words = spec.folder / "last-words"
    result.last_words = words.read_text().splitlines() if words.exists() else []


async def _seat(zygote: Zygote, spec: Spec, trial: Trial, result: Result) -> None:
    """One bot after another, until one is left to live to the run's end."""
    rng = random.Random(trial.seed if spec.role == "victim" else f"{spec.role} {trial.seed}")
    kills = trial.kills(rng) if trial.kills else iter(())
    victims, kill = 0, next(kills, None)
    for _ in range(MOST_STARTS):
        code = await _victim(zygote, replace(spec, kill=kill), result, rng)
        if code == -signal.SIGKILL and kill is not None and not kill.freeze:
            result.kills += 1
            victims += 1
            kill = next(kills, None) if victims < MOST_VICTIMS else None
        elif code != NOT_NOW:
            if code != 0:
                result.findings.wrong.append(f"the bot ended with {code}: {_log_end(spec)}")
            return
    result.findings.stuck.append(f"the bot was started {MOST_STARTS} times and is not there")


async def _victim(zygote: Zygote, spec: Spec, result: Result, rng: random.Random) -> int:
    running = asyncio.create_task(zygote.child(spec))
    thawing = asyncio.create_task(_thaw(zygote, spec, result, rng)) if spec.kill and spec.kill.freeze else None
    done, _ = await asyncio.wait({running}, timeout=LONGEST_S)
    if thawing:
        thawing.cancel()
        await asyncio.wait({thawing})
    if not done:
        result.findings.stuck.append(f"the bot did not come to an end within {LONGEST_S:.0f} s")
        zygote.signal(signal.SIGCONT)
        zygote.signal(signal.SIGUSR1)
        await asyncio.wait({running}, timeout=1)  # it writes where each of its tasks stands
        zygote.signal(signal.SIGKILL)
        await running
        return 0
    return running.result()


async def _thaw(zygote: Zygote, spec: Spec, result: Result, rng: random.Random) -> None:
    """Whenever the victim stands still: let another one take over, if there is anything to, and let it go on."""
    while True:
        await zygote.stopped.wait()
        zygote.stopped.clear()
        replaced = await _replaced(spec)
        await asyncio.sleep(rng.uniform(0, MOMENT_S))
        result.faults[f"bot frozen (SIGSTOP), {'taken over' if replaced else 'nothing to take over'}"] += 1
        zygote.signal(signal.SIGCONT)


async def _replaced(spec: Spec) -> bool:
    """Wait until another one drives what this one drove; False if it drove nothing, or nobody came."""
    ends_at = time.monotonic() + FROZEN_S
    if drivers(spec.folder)[-1:] != [spec.role]:
        return False
    while drivers(spec.folder)[-1] == spec.role:
        if time.monotonic() > ends_at:
            return False
        await asyncio.sleep(0.05)
    return True


def _log_end(spec: Spec) -> str:
    lines = (spec.folder / f"{spec.role}.log").read_text(errors="replace").strip().splitlines()
    return " | ".join(lines[-3:])


async def _judge(ground: Ground, spec: Spec, result: Result, want: Expected | None) -> None:
    while (code := await ground.zygote.child(replace(spec, role="judge", kill=None))) == NOT_NOW:
        continue
    if code:
        result.findings.broken.append(
            f"what is kept cannot be read or verified: {_log_end(replace(spec, role='judge'))}"
        )
    result.facts, report = left(spec, "facts.json"), left(spec, "victim.json")
    result.effects = effects(spec.trial, spec.homes)
    result.runs = len(result.facts.get("runs", ()))
    result.points = list(report.get("points", ()))
    if want is not None and code == 0:
        judged = judge(want, result.facts, result.effects, hosts_failed=bool(result.trial.hosts))
        judged.broken += result.findings.broken
        judged.wrong += result.findings.wrong
        judged.stuck += result.findings.stuck
        result.findings = judged
    for each in (report, left(spec, "second.json")):
        if each.get("stuck"):
            result.findings.stuck.append(str(each["stuck"]))
        if each.get("stalled"):
            result.findings.broken.append(f"drivers broke: {each['stalled']}")
    result.findings.broken += seen(spec.folder)
