"""The executor `dry_run`: says what would run where, as a person would type it. It runs nothing."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass

from core.action import Action, Ended, Executor, NeverRan, Output, Permit, Sink, Verdict
from core.target import Host
from executors.redact import redact


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One action that would have run."""

    action: Action
    host: Host

    def __str__(self) -> str:
        action, host = self.action, self.host
        user = f"{host.user}@" if host.user else ""
        port = f":{host.port}" if host.port else ""
        head = (
            f"{action.unit} ({action.verb}): on '{host.name}' ({host.executor} {user}{host.address}{port}), "
            f"for at most {action.timeout_s:g} s"
        )
        env = " ".join(f"{name}={shlex.quote(value)}" for name, value in action.env.items())
        if action.script is None:
            return f"{head}\n  {env}{' ' if env else ''}{shlex.join(action.argv)}"
        lines = "\n".join(f"  {line}" for line in action.script.splitlines())
        return f"{head}\n  {env}{' ' if env else ''}/bin/sh <<'EOF'\n{lines}\n  EOF"


class DryRunExecutor:
    """
    Collects what it is asked in `planned`, in order, and tells it to *say*. See `core.action.Executor`.

    Looks change nothing; with *looks* they are really carried out, by that executor.
    """

    def __init__(
        self,
        say: Callable[[str], None] | None = None,
        *,
        looks: Executor | None = None,
        secrets: tuple[str, ...] = (),
    ) -> None:
        self.planned: list[Planned] = []
        self._say = say
        self._looks = looks
        self._secrets = secrets
        self._ended: dict[tuple[str, str, str], Verdict] = {}

    async def run(self, action: Action, host: Host, sink: Sink, permit: Permit) -> Verdict:
        """Say what would run; the same key is said once, as it would run once. Raises what *permit* does."""
        await permit()
        key = _id(action, host)
        if key not in self._ended:
            self._ended[key] = Ended(exit_code=0, output=self._plan(action, host))
        verdict = self._ended[key]
        if isinstance(verdict, Ended):
            sink(verdict.output.text)
        return verdict

    async def attach(self, action: Action, host: Host, sink: Sink) -> Verdict:
        """Nothing ever runs: what was not said before never will be. Raises nothing."""
        return self._ended.setdefault(_id(action, host), NeverRan(reason="a dry run starts nothing"))

    async def stop(self, action: Action, host: Host) -> Verdict:
        return await self.attach(action, host, lambda _: None)

    async def look(self, action: Action, host: Host) -> Ended:
        """
        Raises:
            UnreachableError, AccessDeniedError, OutcomeLostError: as *looks* does, if it was given.
        """
        if self._looks:
            return await self._looks.look(action, host)
        return Ended(exit_code=0, output=self._plan(action, host))

    async def close(self) -> None:
        if self._looks:
            await self._looks.close()

    def _plan(self, action: Action, host: Host) -> Output:
        planned = Planned(action=action, host=host)
        self.planned.append(planned)
        text = redact(f"would run {planned}\n", self._secrets)
        if self._say:
            self._say(text)
        return Output(head=text, size=len(text.encode()))


def _id(action: Action, host: Host) -> tuple[str, str, str]:
    return host.identity, action.run_id, action.key
