"""
Taking one safeguard out of the victim on purpose. A chaos harness that then finds nothing is broken itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import executors.link
from bot.driver import Driver
from bot.engine import Engine
from bot.recorder import Recorder
from bot.slack_posts import Posts
from bot.unit_work import Result, UnitWork
from core.resolve import ResolvedStep, Unit
from core.state import RunState, UnitState


def _run_again() -> None:
    """Instead of asking the host what became of it, start it again."""

    async def recover(self: UnitWork, state: UnitState) -> Result:
        self.attempt += 1
        return await self.do()

    _replace(UnitWork, "recover", recover)


def _act_first() -> None:
    """Act, and write the intent afterwards."""
    do = Driver._do

    async def act_first(self: Driver, state: RunState, step: ResolvedStep, units: Sequence[Unit]) -> None:
        for unit in units:
            work = self._work(state, unit)
            work.attempt += 1
            await work.do()
        await do(self, state, step, units)

    _replace(Driver, "_do", act_first)


def _ignore_claims() -> None:
    """On the host, whoever comes may start; and what was cancelled may start later."""
    text = executors.link._PREAMBLE.decode()
    text = text.replace("once_take() {", 'once_take() {\n  echo "$@" >"$dir/claim"\n  return 0\n}\nonce_took() {')
    text = text.replace('if [ -e "$dir/claim" ]; then\n    (once_open', "if false; then\n    (once_open")
    _replace(executors.link, "_PREAMBLE", text.encode())


def _drop_output() -> None:
    """Write down the ending without what was printed."""
    outcome = Recorder.outcome

    async def silent(self: Recorder, *args: Any, printed: Any = (), **rest: Any) -> RunState:
        return await outcome(self, *args, printed=[replace(p, exit_code=None) for p in printed], **rest)

    _replace(Recorder, "outcome", silent)


def _forget_drivers() -> None:
    """After a start, drive nothing that was under way."""

    async def start(self: Engine) -> None:
        return None

    _replace(Engine, "start", start)


def _post_blindly() -> None:
    """Post again what may have been posted, without looking for it."""

    async def found(self: Posts, message: Any, board: Any) -> None:
        return None

    _replace(Posts, "_found", found)


WAYS: dict[str, Callable[[], None]] = {
    "run-again": _run_again,
    "act-first": _act_first,
    "ignore-claims": _ignore_claims,
    "drop-output": _drop_output,
    "forget-drivers": _forget_drivers,
    "post-blindly": _post_blindly,
}


def apply(name: str) -> None:
    if name:
        WAYS[name]()


def _replace(owner: Any, name: str, by: Any) -> None:
    setattr(owner, name, by)
