"""Which executor acts on which host: the one place where a host's name becomes something that acts."""

from collections.abc import Mapping

from core.action import Action, Executor, Verb
from core.errors import RefusedError
from core.names import pick
from core.plan import Command
from core.resolve import ResolvedPlan
from core.target import Host, Target


class Hands:
    """The executors by name, and the targets as the inventory describes them now."""

    def __init__(self, executors: Mapping[str, Executor], targets: Mapping[str, Target]) -> None:
        self._executors = dict(executors)
        self.targets = targets

    def target(self, target_id: str) -> Target:
        """
        Raises:
            UnknownNameError: there is no such target.
        """
        return self.targets[pick("target", target_id, self.targets)]

    def executor(self, host: Host) -> Executor:
        """
        Raises:
            UnknownNameError: the inventory names an executor that Belay does not have.
        """
        return self._executors[pick("executor", host.executor, self._executors, context=f"for host '{host.name}'")]

    def host(self, plan: ResolvedPlan, name: str) -> Host:
        """
        Return the host, if it is still the one people agreed to.

        Raises:
            RefusedError: the inventory gives it another address, port, user or key than the frozen plan.
        """
        target = self.target(plan.target)
        try:
            host = target.host(name)
        except KeyError:
            raise RefusedError(f"host '{name}' is no longer part of target '{plan.target}'") from None
        if host.identity != plan.hosts[name]:
            raise RefusedError(
                f"host '{name}' is now {host.identity} and was {plan.hosts[name]} when people agreed; "
                "restore the targets file, or start a new run"
            )
        return host

    async def close(self) -> None:
        for executor in self._executors.values():
            await executor.close()


def action_for(
    run_id: str, unit: str, verb: Verb, command: Command, *, attempt: int = 1, run_token: str = ""
) -> Action:
    return Action(
        run_id=run_id,
        run_token=run_token,
        unit=unit,
        verb=verb,
        attempt=attempt,
        argv=command.argv,
        script=command.script,
        env=command.env,
        timeout_s=command.timeout_s,
    )
