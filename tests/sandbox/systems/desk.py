"""A practice world without a bot: its baselines captured over SSH, its system's plan resolved and asked by hand."""

import asyncio
import shlex
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import yaml

from core.baselines import looks, value_of
from core.errors import RefusedError
from core.ledger import Ledger
from core.plan import Command, Look, Plan
from core.pnr import Evidence, Findings, Verdict, evaluate, read
from core.resolve import ResolvedPlan, resolve
from core.target import Target
from sandbox.hosts.host import Said
from sandbox.systems.recording import Notebook
from sandbox.systems.system import System
from sandbox.systems.tools.machine import Machine
from sandbox.systems.world import World
from store.config_files import build_targets
from store.plan_files import read_plan

PLANS = Path(__file__).parents[3] / "plans"


def shipped_plan(system: System) -> Plan:
    return read_plan(PLANS / system.name / f"{system.plan}.yaml").plan


async def run(world: World, host: str, command: Command) -> Said:
    """Run one of the plan's commands on *host*, as its executor would: a script on stdin, its words as variables."""
    if command.script is None:
        return await world.hosts[host].ask(shlex.join(command.argv))
    line = shlex.join(["env", *(f"{name}={value}" for name, value in command.env.items()), "sh", "-s"])
    return await world.hosts[host].ask(line, stdin=command.script)


@dataclass
class Clerk(Notebook):
    """A notebook whose captures are real: every look of the plan, on every host, over SSH."""

    world: World = field(init=False)

    async def capture(self) -> None:
        await self.baseline(await captured(self.world, shipped_plan(self.world.system)))


async def captured(world: World, plan: Plan) -> dict[str, str]:
    """Return what the plan's baselines are on *world* now; all of them, or it is refused."""
    wanted = looks(plan, target_of(world))
    said = await asyncio.gather(*(run(world, look.host.name, look.command) for look in wanted))
    facts, faults = {}, []
    for look, answer in zip(wanted, said, strict=True):
        try:
            facts[look.fact] = value_of(look, answer.exit_code, answer.stdout)
        except RefusedError as refused:
            faults.append(f"{look.fact}: {refused} {answer.stderr}")
    if faults:
        raise RefusedError("; ".join(faults))
    return facts


def target_of(world: World) -> Target:
    return build_targets(yaml.safe_load(world.targets_yaml()))[world.system.target]


@dataclass
class Desk:
    """A broken world and the plan resolved for it."""

    world: World
    plan: ResolvedPlan

    @property
    def ledger(self) -> Ledger:
        return self.world.ledger

    def machine(self, host: str) -> Machine:
        return self.world.machine(host)

    async def do(self, host: str, line: str) -> str:
        return await self.world.hosts[host].run(line)

    async def verdicts(self, *points: str) -> dict[str, tuple[Verdict, str]]:
        """Ask everything about *points* (all, if none are named); return each one's verdict and its worst reason."""
        found = await self._findings(points)
        return {
            each.point: (each.verdict, f"{each.reasons[0].where}: {each.reasons[0].found}")
            for each in found.points
            if not points or each.point in points
        }

    async def _findings(self, points: tuple[str, ...]) -> Findings:
        asked = [
            (point, probe) for point in self.plan.points if not points or point.id in points for probe in point.probes
        ]
        evidence = []
        for point, probe in asked:
            try:
                said = await run(self.world, probe.host, probe.command)
                verdict = read(probe.reversible, probe.crossed, said.exit_code, said.stdout)
                words = said.stdout.strip() or said.stderr.strip()
            except OSError as error:
                verdict, words = Verdict.UNKNOWN, str(error)
            at = datetime.now(UTC)
            evidence.append(
                Evidence(point=point.id, probe=probe.probe, host=probe.host, verdict=verdict, found=words, at=at)
            )
        questions = self.plan.questions(points or None)
        names = {name: each for name, each in self.plan.checkpoint_names.items() if not points or name in points}
        return evaluate(names, questions, self.ledger.checkpoints, evidence, datetime.now(UTC))

    async def holds(self, host: str, look: Look) -> tuple[bool, str]:
        said = await run(self.world, host, look.command)
        return look.expect.holds(said.exit_code, said.stdout), said.stdout.strip()

    async def verify(self, key: str) -> tuple[bool, str]:
        """Ask once whether the unit has had its effect, and what was said."""
        unit = self.plan.unit(key)
        return await self.holds(unit.host, unit.verify)

    async def act(self, key: str, *, undo: bool = False) -> Said:
        unit = self.plan.unit(key)
        command = unit.undo if undo else unit.do
        assert command is not None, key
        return await run(self.world, unit.host, command)

    def resolve(self, given: Mapping[str, str] | None = None, **changes: object) -> ResolvedPlan:
        """Resolve the plan again, with what a requester has *given*, and parts of the ledger changed."""
        ledger = replace(self.ledger, **changes)  # type: ignore[arg-type]  # names of a ledger's fields
        return resolve(shipped_plan(self.world.system), target_of(self.world), ledger, given)


@asynccontextmanager
async def desk_of(system: System, scenario: str, home: Path) -> AsyncIterator[Desk]:
    """Raise the system in *home*, let its upgrade go wrong with everything recorded, and resolve its plan."""
    async with World.start(system, system.scenario(scenario), home) as world:
        clerk = Clerk(system.target)
        clerk.world = world
        await world.upgrade(clerk)
        yield Desk(world, resolve(shipped_plan(system), target_of(world), world.ledger))


#: What a test may change of a host beside its state: where plans and upgrades write.
CHANGED = ("etc", "home", "root", "run", "var/lib", "var/tmp")


@asynccontextmanager
async def as_it_was(desk: Desk) -> AsyncIterator[None]:
    """Put back at the end whatever the block changes of files, states, ledger and resolved plan."""
    kept = {path: path.read_bytes() for path in _places(desk.world) if path.is_file()}
    folders = {path for path in _places(desk.world) if path.is_dir()}
    ledger, plan = desk.world.ledger, desk.plan
    try:
        yield
    finally:
        for path in sorted(_places(desk.world), reverse=True):
            if path.is_dir() and path not in folders:
                path.rmdir()
            elif path.is_file() and path not in kept:
                path.unlink()
        for path, content in kept.items():
            if not path.exists() or path.stat().st_size != len(content) or path.read_bytes() != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        recorder = desk.world.recorder
        assert isinstance(recorder, Clerk)
        recorder.ledger, desk.plan = ledger, plan


def _places(world: World) -> list[Path]:
    hosts = [host.directory for host in world.hosts.values()]
    tops = [world.shared, *(h / "state" for h in hosts), *(h / "root" / part for h in hosts for part in CHANGED)]
    return [path for top in tops for path in top.rglob("*") if path.suffix != ".lock" and not path.is_symlink()]
