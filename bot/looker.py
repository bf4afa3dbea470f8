"""Looking at the live system: points of no return, preflight checks, verifications. Nothing here changes anything."""

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from bot.hands import Hands, action_for
from core.action import Ended, Verb
from core.conditions import Condition
from core.errors import NotStartedError, OutcomeLostError
from core.ledger import Checkpoint
from core.plan import Command, Look, Plan, Severity
from core.pnr import Evidence, Findings, Verdict, evaluate, read
from core.ports import Clock
from core.resolve import ResolvedCheck, ResolvedPlan, ResolvedProbe
from core.run import CheckResult
from core.target import Host, Target
from executors.retry import look_again

#: Looks under way at once, over all runs: a fleet of computes is asked in waves, not all in one breath.
LOOKS_AT_ONCE = 32
#: The question whether a host answers at all.
ALIVE = Command(argv=("true",), timeout_s=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of asking."""

    holds: bool | None  #: None: the host gave no answer at all the last time
    found: str  #: what was found, in words
    ended: Ended | None = None  #: the last answer itself


class Looker:
    def __init__(self, hands: Hands, clock: Clock) -> None:
        self._hands = hands
        self._clock = clock
        self._room = asyncio.Semaphore(LOOKS_AT_ONCE)

    async def findings(
        self,
        plan: ResolvedPlan,
        checkpoints: Iterable[Checkpoint],
        *,
        run_id: str = "look",
        items: Collection[str] | None = None,
    ) -> Findings:
        """
        Ask every host everything the points of no return want to know, and judge the answers.

        Of a fleet's items only these *items*, where they are given.
        """
        questions = plan.questions(items=items)
        asked = {(question.point, question.probe, question.host, question.item) for question in questions}
        probes = [
            (point.id, probe)
            for point in plan.points
            for probe in point.probes
            if (point.id, probe.probe, probe.host, probe.item) in asked
        ]
        evidence = await asyncio.gather(*(self._probe(plan, run_id, point, probe) for point, probe in probes))
        now = self._clock.now()
        findings = evaluate(plan.checkpoint_names, questions, checkpoints, evidence, now)
        # They are as old as their oldest answer: whoever goes on from them later counts from there.
        return replace(findings, at=min((answer.at for answer in evidence), default=now))

    async def _probe(self, plan: ResolvedPlan, run_id: str, point: str, probe: ResolvedProbe) -> Evidence:
        unit = f"{point}.{probe.probe}@{probe.where}"
        try:
            host = self._hands.host(plan, probe.host)
            at, ended = await self._look(run_id, unit, Verb.PROBE, probe.command, host)
            verdict = read(probe.reversible, probe.crossed, ended.exit_code, ended.stdout)
            found = said(ended)
        except (NotStartedError, OutcomeLostError) as error:
            # A transport error is never a command's answer.
            verdict, found, at = Verdict.UNKNOWN, str(error), self._clock.now()
        return Evidence(
            point=point, probe=probe.probe, host=probe.host, item=probe.item, verdict=verdict, found=found, at=at
        )

    async def checks(self, plan: ResolvedPlan, *, run_id: str = "look") -> tuple[CheckResult, ...]:
        """Run every preflight check once on each of its hosts."""
        results = await asyncio.gather(*(self._check(plan, run_id, check) for check in plan.preflight))
        return tuple(results)

    async def _check(self, plan: ResolvedPlan, run_id: str, check: ResolvedCheck) -> CheckResult:
        host = self._hands.host(plan, check.host)
        answer = await self.ask(run_id, f"{check.id}@{check.where}", check.look, host)
        return CheckResult(
            check=check.id,
            title=check.title or check.id,
            host=check.host,
            item=check.item,
            ok=bool(answer.holds),
            blocker=check.severity is Severity.BLOCKER,
            found=answer.found,
        )

    async def answering(self, plan: Plan, target: Target) -> tuple[CheckResult, ...]:
        """Ask the hosts of every role that has to be reachable for a sign of life; only those that have a shell."""
        names = {
            name for role, need in plan.roles.items() if need.reachable != "none" for name in target.roles.get(role, ())
        }
        hosts = [host for host in target.hosts if host.name in names and host.executor == "ssh"]
        said = dict(zip((h.name for h in hosts), await asyncio.gather(*map(self._alive, hosts)), strict=True))
        results = []
        for role, need in plan.roles.items():
            silent = {name: why for name in target.roles.get(role, ()) if (why := said.get(name))}
            enough = need.reachable == "any" and len(silent) < len(target.roles.get(role, ()))
            if need.reachable != "none" and not enough:
                results += [_silent(role, need.reachable, name, why) for name, why in silent.items()]
        return tuple(results)

    async def _alive(self, host: Host) -> str:
        """Return why *host* does not answer, or ""."""
        try:
            await self.look("look", f"reachable@{host.name}", Verb.PROBE, ALIVE, host)
        except (NotStartedError, OutcomeLostError) as error:
            return str(error)
        return ""

    async def ask(self, run_id: str, unit: str, look: Look, host: Host) -> Answer:
        """Ask until the expected answer comes or `look.within_s` is over; return the last answer."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + look.within_s
        while True:
            answer = await self._ask_once(run_id, unit, look, host)
            if answer.holds or loop.time() + look.every_s > deadline:
                return answer
            await asyncio.sleep(look.every_s)

    async def _ask_once(self, run_id: str, unit: str, look: Look, host: Host) -> Answer:
        try:
            ended = await self.look(run_id, unit, Verb.VERIFY, look.command, host)
        except (NotStartedError, OutcomeLostError) as error:
            return Answer(holds=None, found=str(error))
        holds = look.expect.holds(ended.exit_code, ended.stdout)
        return Answer(holds=holds, found=said(ended) if holds else unmet(look.expect, ended), ended=ended)

    async def look(self, run_id: str, unit: str, verb: Verb, command: Command, host: Host) -> Ended:
        """
        Raises:
            NotStartedError, OutcomeLostError: the host gave no answer.
        """
        return (await self._look(run_id, unit, verb, command, host))[1]

    async def _look(self, run_id: str, unit: str, verb: Verb, command: Command, host: Host) -> tuple[datetime, Ended]:
        """Also return when it was asked: an answer may be read long after it was given, and is as old as it is."""
        async with self._room:
            asked_at = self._clock.now()
            action = action_for(run_id, unit, verb, command)
            return asked_at, await look_again(self._hands.executor(host), action, host)


def _silent(role: str, wanted: str, host: str, why: str) -> CheckResult:
    title = f"{wanted} host(s) of the role '{role}' have to be reachable"
    return CheckResult(check=f"reachable-{role}", title=title, host=host, ok=False, blocker=True, found=why)


def said(ended: Ended) -> str:
    """Return what a look printed, on one line, at most 200 characters; its exit status where that is not 0."""
    text = " ".join((ended.stdout or ended.output.text).split())
    text = text if len(text) <= 200 else f"{text[:199]}…"
    if ended.exit_code == 0:
        return text or "(nothing printed)"
    return f"exit {ended.exit_code}" + (f": {text}" if text else "")


def unmet(expect: Condition, ended: Ended) -> str:
    return f"expected {expect}, found {said(ended)}"
