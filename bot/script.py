"""What scripted people do on the practice stage, and what came of it: the body of a drill."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bot.stage import CHANNEL, TARGET, Stage, watch_for_guarded_step
from core.errors import BelayError
from core.names import pick
from core.run import RunView
from core.run_states import RunStatus
from core.unit_states import UnitStatus
from sandbox.workspace.messages import Message

#: Seconds a drill waits for anything to happen before it calls the drill failed.
PATIENCE_S = 120.0


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
    view: RunView | None
    refused: str
    answer_before: dict[str, Any]
    answer: dict[str, Any]
    touched: list[str]  #: hosts on which anything was run
    board: str

    def as_expected(self, *, succeeds: bool) -> bool:
        """A scenario that succeeds ends with the old version answering rightly; any other with nothing broken more."""
        status = self.view.state.status if self.view else None
        if succeeds:
            return status is RunStatus.SUCCEEDED and bool(self.answer["right"])
        stopped = status in (RunStatus.REFUSED, RunStatus.UNWOUND)
        return stopped and self.answer["right"] == self.answer_before["right"] and bool(self.board)


async def play(stage: Stage, plan: str, story: Story) -> Outcome:
    """Ask, agree, watch, and where the scenario wants it, mend and retry. Everything goes through the workspace."""
    before = await stage.hosts.answer()
    story.add(f"the service {describe_answer(before)}")
    guarded = asyncio.create_task(watch_for_guarded_step(stage))
    try:
        refused = await _ask(stage, plan, story)
        if not refused:
            await _agree(stage, story)
        view = await _watch(stage, story)
    finally:
        guarded.cancel()
    answer = await stage.hosts.answer()
    story.add(f"the service {describe_answer(answer)}")
    return Outcome(
        view=view,
        refused=refused,
        answer_before=before,
        answer=answer,
        touched=await _touched(stage),
        board=_board(stage).text if view else "",
    )


async def _ask(stage: Stage, plan: str, story: Story) -> str:
    line = f'/rollback start {TARGET} --to {plan} --incident INC-482 --reason "wrong answers since the upgrade"'
    story.add(f"ana types {line} --confirm {TARGET}")
    seen = await stage.workspace.person("ana").command(CHANNEL, f"{line} --confirm {TARGET}")
    await _until(stage, lambda: seen.replies() or _boards(stage), "an answer to /rollback start")
    await _until(stage, lambda: _boards(stage), "the board in the incident channel")
    story.add(f"board: {_board(stage).text}")
    views = await stage.service.runs(limit=1)
    return views[0].state.reason if views[0].state.status is RunStatus.REFUSED else ""


async def _agree(stage: Stage, story: Story) -> None:
    for name in ("bo", "cy"):
        story.add(f"{name} reacts with :white_check_mark:")
        stage.workspace.person(name).react(_board(stage), "white_check_mark")


async def _watch(stage: Stage, story: Story) -> RunView:
    """Tell each change of status and each step, until the run has ended; decide what a person has to decide."""
    run_id = (await stage.service.runs(limit=1))[0].run.id
    told: set[str] = set()
    changed: asyncio.Event = asyncio.Event()

    def ring(_run: str) -> None:
        changed.set()

    stage.bot.parts.bell.listeners.append(ring)
    status: RunStatus | None = None
    while True:
        changed.clear()
        view = await stage.service.run(run_id)
        _tell_units(view, told, story)
        if view.state.status is not status:
            status = view.state.status
            story.add(f"{run_id} is {status}" + (f": {view.state.reason}" if view.state.reason else ""))
            if status is RunStatus.NEEDS_PERSON:
                await _decide(stage, view, story)
        if status.ended:
            await _until(stage, _shows(stage, status), f"the board to say '{status}'")
            return view
        try:
            await asyncio.wait_for(changed.wait(), PATIENCE_S)
        except TimeoutError:
            raise DrillFailedError(f"nothing happened to {run_id} for {PATIENCE_S:.0f} s; it is {status}") from None


def _shows(stage: Stage, status: RunStatus) -> Callable[[], bool]:
    return lambda: status.value.upper() in _board(stage).text.upper()


def _tell_units(view: RunView, told: set[str], story: Story) -> None:
    for step in view.run.plan.steps:
        for unit in step.units:
            state = view.state.unit(unit.key)
            word = f"{unit.key}: {state.status}"
            if state.status is not UnitStatus.PENDING and word not in told:
                told.add(word)
                story.add(word + (f" ({state.reason})" if state.reason else ""))


async def _decide(stage: Stage, view: RunView, story: Story) -> None:
    ask = view.state.ask
    if ask is None:
        return
    person = stage.workspace.person("bo")
    if ask.units and stage.scenario.fix is not None and "retry" in ask.choices:
        await stage.scenario.fix(stage.hosts)
        story.add(f"somebody mends it: {stage.scenario.fix_says}; bo presses Retry")
        line = f"/rollback retry {view.run.id}"
    else:
        story.add("bo aborts")
        line = f'/rollback abort {view.run.id} --reason "drill"'
    await person.command(CHANNEL, line)


async def _until(stage: Stage, predicate: Callable[[], Any], what: str) -> None:
    try:
        await stage.workspace.wait_for(predicate, PATIENCE_S)
    except TimeoutError:
        raise DrillFailedError(f"waited {PATIENCE_S:.0f} s for {what}") from None


def _boards(stage: Stage) -> list[Message]:
    bot = stage.workspace.bot_user_id
    return [m for m in stage.workspace.messages(CHANNEL) if m.user == bot and m.thread_ts in (None, m.ts)]


def _board(stage: Stage) -> Message:
    return _boards(stage)[0]


def describe_answer(answer: dict[str, Any]) -> str:
    """Return what the service said of itself, on one line: "answers wrongly (controller-1: 500 from ocata, …)"."""
    alike: dict[str, list[str]] = {}
    for name, one in answer["controllers"].items():
        error = f", {one['error']}" if one.get("error") else ""
        alike.setdefault(f"{one['status'] or 'no answer'} from {one['release'] or '?'}{error}", []).append(name)
    said = "; ".join(f"{', '.join(names)}: {words}" for words, names in alike.items())
    return f"answers {'rightly' if answer['right'] else 'wrongly'} ({said})"


async def _touched(stage: Stage) -> list[str]:
    """Hosts that hold a claim of any run: the host's own word that something was started there."""
    touched = []
    for host in stage.hosts.hosts.values():
        claims = host.directory / "var" / "belay"
        if claims.is_dir() and any(claims.iterdir()):
            touched.append(host.name)
    return touched


def plan_named(stage: Stage, plan: str) -> str:
    """
    Raises:
        UnknownNameError: there is no such plan for the practice target.
    """
    return pick("plan", plan, stage.bot.parts.config.plans)
