"""
A working fake of an executor: hosts in memory that run each key at most once, whoever asks and however often.

It honours the contract of `core.action.Executor`; `tests/executors/test_contract.py` asks it the same questions as the
real ones. The "hosts" outlive the bot, as real ones do: build a second engine on the same object to see what a
restart finds.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from core.action import (
    CALL_LIVES_S,
    PERMIT_HOLDS_S,
    Action,
    Ended,
    Executor,
    Lost,
    NeverRan,
    Output,
    Permit,
    Sink,
    Verb,
    Verdict,
)
from core.errors import HostNotReadyError, NotStartedError, OutcomeLostError, UnreachableError
from core.target import Host


@dataclass(slots=True)
class Claim:
    done: asyncio.Event = field(default_factory=asyncio.Event)
    verdict: Verdict | None = None


async def allowed() -> None:
    """A permit that allows it."""


Answer = Callable[[Action, Host], Ended]


class MemoryExecutor(Executor):
    """`answers` says what a command gives back; by default everything ends with exit 0 and prints nothing."""

    def __init__(self) -> None:
        self.effects: Counter[tuple[str, str, str]] = Counter()  #: (host, unit, verb) -> times it took effect
        self.order: list[str] = []  #: "do stop@a", in the order things took effect
        self.looks: list[tuple[str, Action]] = []
        self.unreachable: set[str] = set()
        self.drop_link_once: set[str] = set()  #: units whose link drops after the start
        self.lose: set[str] = set()  #: units whose supervisor dies
        self.hold: dict[str, asyncio.Event] = {}  #: unit -> its do ends only once this is set
        self.started: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.call_lives_s = CALL_LIVES_S
        self.on_its_way = allowed  #: what happens between the permit and the call's arrival
        self.answers: dict[str, Answer] = {}  #: unit, or unit.verb
        self._claims: dict[tuple[str, str, str], Claim] = {}
        self._tokens: dict[tuple[str, str], str] = {}  #: (host, run) -> which run of this number it knows

    async def run(self, action: Action, host: Host, sink: Sink, permit: Permit) -> Verdict:
        self._reach(host)
        self._know(action, host)
        until_s = await self._permitted(host, permit)
        return await self._arrived(action, host, sink, until_s)

    async def _arrived(self, action: Action, host: Host, sink: Sink, until_s: float) -> Verdict:
        """The call is there; it counts until *until_s* of the loop's time."""
        key = (host.name, action.run_id, action.key)
        if key not in self._claims:
            self._claims[key] = Claim()
            self._begin(action, host, self._claims[key])
        if action.unit in self.drop_link_once:
            self.drop_link_once.discard(action.unit)
            raise OutcomeLostError(f"the link to {host.name} dropped")
        return await self._end(key, sink)

    async def _permitted(self, host: Host, permit: Permit) -> float:
        """Return until when the call counts, which is on its way now."""
        loop = asyncio.get_running_loop()
        while True:
            asked_s = loop.time()
            await permit()
            if loop.time() - asked_s < PERMIT_HOLDS_S:
                break
        await self.on_its_way()
        until_s = asked_s + self.call_lives_s
        if loop.time() > until_s:
            raise UnreachableError(f"the call reached {host.name} too late")
        return until_s

    def _begin(self, action: Action, host: Host, claim: Claim) -> None:
        self.effects[host.name, action.unit, str(action.verb)] += 1
        self.order.append(f"{action.verb} {action.unit}")
        self.started[action.unit].set()
        if action.unit in self.lose:
            claim.verdict = Lost(reason="its supervisor was killed")
        elif action.unit not in self.hold or action.verb is not Verb.DO:
            claim.verdict = self._answer(action, host)
        else:
            asyncio.get_running_loop().create_task(self._later(action, host, claim))
            return
        claim.done.set()

    async def _later(self, action: Action, host: Host, claim: Claim) -> None:
        await self.hold[action.unit].wait()
        if claim.verdict is None:
            claim.verdict = self._answer(action, host)
        claim.done.set()

    def _answer(self, action: Action, host: Host) -> Ended:
        answer = self.answers.get(f"{action.unit}.{action.verb}") or self.answers.get(action.unit)
        return answer(action, host) if answer else Ended(exit_code=0)

    async def _end(self, key: tuple[str, str, str], sink: Sink) -> Verdict:
        claim = self._claims[key]
        await claim.done.wait()
        assert claim.verdict is not None
        if isinstance(claim.verdict, Ended) and claim.verdict.output.text:
            sink(claim.verdict.output.text)
        return claim.verdict

    async def attach(self, action: Action, host: Host, sink: Sink) -> Verdict:
        self._reach(host)
        self._know(action, host)
        key = (host.name, action.run_id, action.key)
        if key not in self._claims:
            spent = Claim(verdict=NeverRan(reason=f"{host.name} has never heard of it; its key is spent"))
            spent.done.set()
            self._claims[key] = spent
        return await self._end(key, sink)

    async def stop(self, action: Action, host: Host) -> Verdict:
        self._reach(host)
        claim = self._claims.get((host.name, action.run_id, action.key))
        if claim is not None and not claim.done.is_set():
            claim.verdict = Ended(exit_code=143, killed=True)
            claim.done.set()
        return await self.attach(action, host, lambda _text: None)

    async def look(self, action: Action, host: Host) -> Ended:
        self._reach(host)
        self.looks.append((host.name, action))
        return self._answer(action, host)

    async def close(self) -> None:
        return None

    def _know(self, action: Action, host: Host) -> None:
        if self._tokens.setdefault((host.name, action.run_id), action.run_token) != action.run_token:
            raise HostNotReadyError(f"{host.name} has kept another run of this number")

    def _reach(self, host: Host) -> None:
        if host.name in self.unreachable:
            raise UnreachableError(f"cannot reach '{host.name}': switched off by the test; nothing was started")


def printed(text: str, exit_code: int = 0) -> Answer:
    """An answer that prints *text* on stdout."""

    def answer(_action: Action, _host: Host) -> Ended:
        return Ended(exit_code=exit_code, stdout=text, output=Output(head=text, size=len(text)))

    return answer


def refuses(error: NotStartedError) -> Answer:
    def answer(_action: Action, _host: Host) -> Ended:
        raise error

    return answer
