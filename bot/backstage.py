"""The executor of the practice stage: the real one, and what a scenario lets happen between two of its calls."""

import asyncio
from dataclasses import dataclass, field

from core.action import Action, Ended, Executor, Permit, Sink, Verb, Verdict
from core.ports import Clock, Service
from core.run_states import RunStatus
from core.schedule import Do, Probe, decide
from core.target import Host
from sandbox.systems.scenario import BEFORE_CLAIM, Moment, before, during
from sandbox.systems.world import World


@dataclass(kw_only=True)
class Backstage:
    """Before the curtain is up (`service` is None) it only passes calls on."""

    ssh: Executor
    world: World
    clock: Clock
    service: Service | None = None
    _reached: dict[Moment, asyncio.Task[bool]] = field(default_factory=dict)

    async def look(self, action: Action, host: Host) -> Ended:
        if action.verb is Verb.PROBE and self._open and action.run_id.startswith("R-"):
            await self._reach_by_probe(action.run_id)
        return await self.ssh.look(action, host)

    async def run(self, action: Action, host: Host, sink: Sink, permit: Permit) -> Verdict:
        if action.verb is Verb.DO and self._open:
            step = action.unit.partition("@")[0]
            await self._reach(*(before(name) for name in _names(step)))
            self._begin(*(during(name) for name in _names(step)))
        return await self.ssh.run(action, host, sink, permit)

    async def attach(self, action: Action, host: Host, sink: Sink) -> Verdict:
        return await self.ssh.attach(action, host, sink)

    async def stop(self, action: Action, host: Host) -> Verdict:
        return await self.ssh.stop(action, host)

    async def close(self) -> None:
        await self.ssh.close()
        await asyncio.gather(*self._reached.values())

    @property
    def missed(self) -> list[str]:
        """What the scenario has in store and the run never came to."""
        return [f"{m.when} {m.step}".rstrip() for m in self.world.scenario.at if m not in self._reached]

    @property
    def _open(self) -> bool:
        """Whether something is still to happen, or happens just now: then everybody waits for it."""
        return bool(self.missed) or not all(task.done() for task in self._reached.values())

    async def _reach_by_probe(self, run_id: str) -> None:
        """Find out which moment this look at the points of no return belongs to: a claim's, or a step's guard."""
        if self.service is None:
            return
        view = await self.service.run(run_id)
        if view.state.status is RunStatus.WAITING and view.tally.reached:
            await self._reach(BEFORE_CLAIM)
        decision = decide(view.run.plan, view.state, self.clock.now())
        if isinstance(decision, Probe | Do):
            await self._reach(*(before(name) for name in _names(decision.step.id)))

    async def _reach(self, *moments: Moment) -> None:
        """Let happen, once, what the scenario has in store; return when it has happened."""
        self._begin(*moments)
        await asyncio.gather(*(asyncio.shield(self._reached[m]) for m in moments if m in self._reached))

    def _begin(self, *moments: Moment) -> None:
        for moment in moments:
            if moment in self.world.scenario.at and moment not in self._reached:
                self._reached[moment] = asyncio.create_task(self.world.reach(moment))


def _names(step: str) -> tuple[str, ...]:
    """A step's id, and without its wave: "patch.w2" and "patch"."""
    base, _, wave = step.rpartition(".w")
    return (step, base) if wave.isdigit() and base else (step,)
