"""What is tried again, and what never is."""

from collections.abc import Callable
from typing import Any

import pytest

from core.action import Action, Ended, NeverRan, Permit, Verb, Verdict
from core.errors import AccessDeniedError, BelayError, HostNotReadyError, OutcomeLostError, UnreachableError
from core.target import Host
from executors import retry
from executors.dry_run import DryRunExecutor
from tests.practice_executor import allowed

HOST = Host(name="web1", address="web1")
ACTION = Action(run_id="R-1", unit="one@web1", verb=Verb.DO, argv=("true",), timeout_s=1)


class Scripted(DryRunExecutor):
    """Raises what it was given, in order, and then answers."""

    def __init__(self, *errors: BelayError) -> None:
        super().__init__()
        self.errors = list(errors)
        self.calls: list[str] = []

    def _next(self, name: str) -> None:
        self.calls.append(name)
        if self.errors:
            raise self.errors.pop(0)

    async def run(self, action: Action, host: Host, sink: Callable[[str], None], permit: Permit) -> Verdict:
        await permit()
        self._next("run")
        return Ended(exit_code=0)

    async def attach(self, action: Action, host: Host, sink: Callable[[str], None]) -> Verdict:
        self._next("attach")
        return NeverRan(reason="proof")

    async def look(self, action: Action, host: Host) -> Ended:
        self._next("look")
        return Ended(exit_code=0)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_sleep(_seconds: float) -> None:
        """Time is tenacity's business, which is tested there."""

    decorated: tuple[Any, ...] = (retry.run_when_reachable, retry.look_again)
    for function in decorated:
        monkeypatch.setattr(function.retry, "sleep", no_sleep)


def ignore(_text: str) -> None:
    pass


async def test_an_unreachable_host_is_tried_again() -> None:
    executor = Scripted(UnreachableError("1"), UnreachableError("2"))

    asked = []

    async def permit() -> None:
        asked.append("may I")

    assert isinstance(await retry.run_when_reachable(executor, ACTION, HOST, ignore, permit), Ended)
    assert executor.calls == ["run"] * 3
    assert len(asked) == 3, "each call is permitted for itself: the time between two may be long"


@pytest.mark.parametrize("error", [OutcomeLostError, AccessDeniedError, HostNotReadyError])
async def test_what_may_have_started_or_needs_a_person_is_not(error: type[BelayError]) -> None:
    executor = Scripted(error("x"))

    with pytest.raises(error):
        await retry.run_when_reachable(executor, ACTION, HOST, ignore, allowed)
    assert executor.calls == ["run"]


async def test_a_look_is_repeated() -> None:
    executor = Scripted(OutcomeLostError("1"), UnreachableError("2"))

    assert (await retry.look_again(executor, ACTION, HOST)).exit_code == 0
    assert executor.calls == ["look"] * 3
