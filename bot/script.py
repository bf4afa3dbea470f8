"""What scripted people do on the practice stage: ask, agree, watch, answer. Everything goes through the workspace."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bot.stage import CHANNEL, Stage
from commands.grammar import quote
from core.errors import BelayError
from core.run import RunView
from core.run_states import RunStatus
from core.state import Ask
from core.unit_states import UnitStatus
from sandbox.systems.findings import Finding, describe
from sandbox.systems.scenario import Answer
from sandbox.workspace.messages import Message
from sandbox.workspace.seen import Interaction

#: Seconds a drill waits for anything to happen before it calls the drill failed.
PATIENCE_S = 120.0

REASON = "wrong answers since the upgrade"


class DrillFailedError(BelayError):
    """Something that had to happen did not; the text says what was waited for."""


@dataclass(kw_only=True)
class Story:
    """What happened, with seconds since the curtain rose."""

    started: float
    tell: Callable[[float, str], None]
    lines: list[tuple[float, str]] = field(default_factory=list)

    def add(self, text: str) -> None:
        at = asyncio.get_running_loop().time() - self.started
        self.lines.append((round(at, 2), text))
        self.tell(at, text)


@dataclass(kw_only=True)
class Outcome:
    """What came of it: everything a drill is judged by."""

    view: RunView | None  #: None: it was refused before there was a run
    refused: str  #: what was answered to the request where it put nothing up for approval
    ask: Ask | None  #: the question nobody answered
    before: tuple[Finding, ...]
    truth: tuple[Finding, ...]
    also: tuple[Finding, ...]  #: what else the scenario wants to be true
    claims: dict[str, list[str]]  #: host -> what was ever started on it by runs, by the host's own word
    unused: list[Answer]
    missed: list[str]  #: moments the scenario has something in store for, and the run did not come to
    board: str


@dataclass(kw_only=True)
class Script:
    """The people of one drill."""

    stage: Stage
    plan: str
    story: Story
    answers: list[Answer] = field(init=False)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _told: set[str] = field(default_factory=set)
    _asked: int = 0  #: journal number of the last question that was answered

    def __post_init__(self) -> None:
        self.answers = list(self.stage.scenario.answers)

    async def play(self) -> Outcome:
        """
        Play the scenario to its end.

        Raises:
            DrillFailedError: something that had to happen did not.
        """
        world = self.stage.world
        before = await world.truth()
        self.story.add(f"from outside: {describe(before)}")
        listeners = self.stage.bot.parts.bell.listeners
        listeners.append(self._ring)
        try:
            refused = await self._request()
            if not refused:
                await self._agree()
            ask = await self._watch() if not refused else None
        finally:
            listeners.remove(self._ring)
        truth, also = await world.truth(), await self.stage.scenario.also(world)
        self.story.add(f"from outside: {describe((*truth, *also))}")
        views = await self.stage.service.runs(limit=1)
        return Outcome(
            view=views[0] if views else None,
            refused=refused,
            ask=ask,
            before=before,
            truth=truth,
            also=also,
            claims={host.name: claims for host in world.hosts.values() if (claims := world.claims(host))},
            unused=self.answers,
            missed=self.stage.backstage.missed,
            board=self._board.text if self._boards() else "",
        )

    def _ring(self, _run: str) -> None:
        self._changed.set()

    async def _request(self) -> str:
        """Ana asks. Returns why not, if it is not put up for approval."""
        line = self._line()
        self.story.add(f"ana types {line}")
        seen = await self.stage.workspace.person("ana").command(CHANNEL, line)
        await self._until(lambda: self._boards() or seen.replies(), "an answer to /rollback start")
        views = await self.stage.service.runs(limit=1)
        if not views:
            refused = str(seen.replies()[-1].text)
            self.story.add(f"ana is told: {refused}")
            return refused
        await self._until(self._boards, "the board in the incident channel")
        self.story.add(f"board: {self._board.text}")
        return views[0].state.reason if views[0].state.status is RunStatus.REFUSED else ""

    def _line(self) -> str:
        scenario, target = self.stage.scenario, self.stage.target
        words = [target, *(f"{name}={quote(value)}" for name, value in scenario.parameters.items()), "--to", self.plan]
        words += [f'--accept-unknown {point}="{why}"' for point, why in scenario.accepts.items()]
        return f'/rollback start {" ".join(words)} --incident INC-482 --reason "{REASON}" --confirm {target}'

    async def _agree(self) -> None:
        for name in ("bo", "cy"):
            self.story.add(f"{name} reacts with :white_check_mark:")
            self.stage.workspace.person(name).react(self._board, "white_check_mark")

    async def _watch(self) -> Ask | None:
        """Tell each change and answer each question until the run has ended; return the question that stays open."""
        run_id = (await self.stage.service.runs(limit=1))[0].run.id
        status: RunStatus | None = None
        while True:
            self._changed.clear()
            view = await self.stage.service.run(run_id)
            self._tell_units(view)
            if view.state.status is not status:
                status = view.state.status
                self.story.add(f"{run_id} is {status}" + (f": {view.state.reason}" if view.state.reason else ""))
            if status.ended:
                await self._until(self._shows(status), f"the board to say '{status}'")
                return None
            ask = view.state.ask
            if ask is not None and status is not RunStatus.RUNNING and view.state.asked_seq != self._asked:
                self._asked = view.state.asked_seq
                if not await self._answer(view, ask):
                    return ask
                continue
            try:
                await asyncio.wait_for(self._changed.wait(), PATIENCE_S)
            except TimeoutError:
                raise DrillFailedError(f"nothing happened to {run_id} for {PATIENCE_S:.0f} s; it is {status}") from None

    def _shows(self, status: RunStatus) -> Callable[[], bool]:
        return lambda: status.value.upper() in self._board.text.upper()

    def _tell_units(self, view: RunView) -> None:
        for step in view.run.plan.steps:
            for unit in step.units:
                state = view.state.unit(unit.key)
                word = f"{unit.key}: {state.status}"
                if state.status is not UnitStatus.PENDING and word not in self._told:
                    self._told.add(word)
                    self.story.add(word + (f" ({state.reason})" if state.reason else ""))

    async def _answer(self, view: RunView, ask: Ask) -> bool:
        """Do what the script has for this question; return whether it has anything."""
        self.story.add(f"asked: {ask.reason} [{', '.join(ask.choices)}]")
        answer = next((answer for answer in self.answers if _fits(answer, ask)), None)
        if answer is not None:
            self.answers.remove(answer)
        elif ask.confirm:
            answer = Answer(word="resume")
        else:
            return False
        if answer.first is not None:
            self.story.add(f"first: {answer.first_says or 'something is done on the hosts'}")
            await answer.first(self.stage.world)
        line = answer.line(view.run.id, ask.confirm)
        self.story.add(f"{answer.by} types {line}")
        self._changed.clear()
        seen = await self.stage.workspace.person(answer.by).command(CHANNEL, line)
        await self._taken_or_told(seen, line)
        if seen.replies():
            self.story.add(f"{answer.by} is told: {seen.replies()[-1].text}")
        now = (await self.stage.service.run(view.run.id)).state
        if now.ask is not None and now.asked_seq == self._asked:
            self._asked = 0  # it was refused, so the question stands
        return True

    async def _taken_or_told(self, seen: Interaction, line: str) -> None:
        """Wait until the run has changed, or the person is told why it has not."""
        ways = [
            asyncio.create_task(self._changed.wait()),
            asyncio.create_task(self.stage.workspace.wait_for(seen.replies, PATIENCE_S)),
        ]
        done, _ = await asyncio.wait(ways, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        if not done:
            raise DrillFailedError(f"waited {PATIENCE_S:.0f} s for an answer to '{line}'")

    async def _until(self, predicate: Callable[[], Any], what: str) -> None:
        try:
            await self.stage.workspace.wait_for(predicate, PATIENCE_S)
        except TimeoutError:
            raise DrillFailedError(f"waited {PATIENCE_S:.0f} s for {what}") from None

    def _boards(self) -> list[Message]:
        bot = self.stage.workspace.bot_user_id
        return [m for m in self.stage.workspace.messages(CHANNEL) if m.user == bot and m.thread_ts in (None, m.ts)]

    @property
    def _board(self) -> Message:
        return self._boards()[0]


def _fits(answer: Answer, ask: Ask) -> bool:
    if answer.to and not any(answer.to in words for words in (ask.reason, ask.step, *ask.units)):
        return False
    offered = {"resume": "confirm"}.get(answer.word, answer.word)
    return offered in ask.choices
