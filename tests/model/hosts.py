"""
Hosts in memory that keep their own record of everything that ever began on them.

Once at most for a key, as `tests.practice_executor` does it and its contract test asks. They outlive every replica, and
do to it what networks and machines do: they go away, answer late, lose the link, die in the middle, fail.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from core.action import Action, Ended, Lost, Output, Sink, Verb, Verdict
from core.errors import OutcomeLostError
from core.target import Host
from tests.bot.service_world import QUESTION
from tests.model.reach import CALLER, ON_ITS_WAY, Caller
from tests.practice_executor import Claim, MemoryExecutor, printed

Key = tuple[str, str, str]  #: host, run, the action's key


@dataclass(slots=True, kw_only=True)
class Start:
    """Something began on a host."""

    moment: int
    by: Caller  #: whose call it was
    host: str
    action: Action
    ended_at: int | None = None
    verdict: Verdict | None = None

    @property
    def key(self) -> Key:
        return (self.host, self.action.run_id, self.action.key)

    def __str__(self) -> str:
        return f"{self.action.run_id} {self.action.key} by {self.by.replica}"


@dataclass(frozen=True, slots=True)
class Look:
    """The point of no return was looked at for a run: when, and when the ledger had been read before that."""

    moment: int
    at_s: float  #: by the clock
    ledger_moment: int


async def _on_its_way() -> None:
    await ON_ITS_WAY.get()()


class ModelHosts(MemoryExecutor):
    """`fates` says how what starts next will end; while `slow`, nothing ends before `finish`."""

    def __init__(self, ticks: "count[int]", now_s: Callable[[], float]) -> None:
        super().__init__()
        self._ticks = ticks
        self._now_s = now_s
        self.starts: list[Start] = []
        self.began: Callable[[Start], None] = lambda _start: None  #: called in the very moment
        self.called: Callable[[Action, Caller], None] = lambda _action, _by: None  #: the same, of each call to start
        self.looked: dict[str, Look] = {}  #: run -> the last answered look at its point of no return
        self.crossed_at: int | None = None  #: when the live system went past the point of no return
        self.fates: list[str] = []
        self.slow = False
        self.drops: list[str] = []  #: what happens to the next calls: "before", "late", "after"
        self.late: list[tuple[float, Action, Host, Caller]] = []  #: on their way, until when they count, sender gone
        self.answers[QUESTION] = self._is_crossed
        self.on_its_way = _on_its_way

    async def _arrived(self, action: Action, host: Host, sink: Sink, until_s: float) -> Verdict:
        self.called(action, CALLER.get())
        self._reach(host)
        drop = self.drops.pop(0) if self.drops else ""
        if drop == "late":
            self.late.append((until_s, action, host, CALLER.get()))
        if drop in ("before", "late"):
            raise OutcomeLostError(f"the link to {host.name} dropped")
        if drop == "after":
            self.drop_link_once.add(action.unit)
        return await super()._arrived(action, host, sink, until_s)

    def deliver_late(self) -> None:
        """A call arrives that nobody waits for any more."""
        if not self.late:
            return
        until_s, action, host, caller = self.late.pop(0)
        if self._now_s() > until_s:
            return
        key = (host.name, action.run_id, action.key)
        if host.name not in self.unreachable and key not in self._claims:
            self._claims[key] = Claim()
            self._start(action, host, self._claims[key], caller)

    def _begin(self, action: Action, host: Host, claim: Claim) -> None:
        self._start(action, host, claim, CALLER.get())

    def _start(self, action: Action, host: Host, claim: Claim, caller: Caller) -> None:
        self.effects[host.name, action.unit, str(action.verb)] += 1
        start = Start(moment=next(self._ticks), by=caller, host=host.name, action=action)
        self.began(start)
        self.starts.append(start)
        if not self.slow:
            self._finish(start, claim)

    def running(self) -> list[Start]:
        return [start for start in self.starts if start.ended_at is None]

    def finish(self, which: int) -> None:
        running = self.running()
        if running:
            start = running[which % len(running)]
            self._finish(start, self._claims[start.key])

    def _finish(self, start: Start, claim: Claim) -> None:
        fate = self.fates.pop(0) if self.fates else ""
        match fate:
            case "fails":
                claim.verdict = Ended(exit_code=1, output=Output(head="no", size=2))
            case "dies":
                claim.verdict = Lost(reason="its supervisor was killed")
            case _:
                claim.verdict = Ended(exit_code=0)
        self._ended(start, claim)

    def _ended(self, start: Start, claim: Claim) -> None:
        start.verdict, start.ended_at = claim.verdict, next(self._ticks)
        claim.done.set()

    async def stop(self, action: Action, host: Host) -> Verdict:
        self._reach(host)
        key = (host.name, action.run_id, action.key)
        for start in self.running():
            if start.key == key:
                claim = self._claims[key]
                claim.verdict = Ended(exit_code=143, killed=True)
                self._ended(start, claim)
        return await self.attach(action, host, lambda _text: None)

    async def look(self, action: Action, host: Host) -> Ended:
        ended = await super().look(action, host)
        if action.unit == QUESTION and action.verb is Verb.PROBE:
            self.looked[action.run_id] = Look(
                next(self._ticks), asyncio.get_running_loop().time(), CALLER.get().read_at
            )
        return ended

    def _is_crossed(self, action: Action, host: Host) -> Ended:
        return printed("yes" if self.crossed_at else "no")(action, host)

    def cross(self) -> None:
        """The live system goes past the point of no return; nothing leads back."""
        self.crossed_at = self.crossed_at or next(self._ticks)
