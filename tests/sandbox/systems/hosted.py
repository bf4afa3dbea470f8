"""The hosted fleet without a bot: the plan's own commands, as they are, run on its bastion and judged."""

import json
import shlex
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from core.fleet import FleetItem, Selection, read_items, select
from core.plan import Command, Look, Plan
from core.pnr import Verdict, read
from core.resolve import ResolvedPlan, Unit, resolve
from sandbox.hosts.host import Said
from sandbox.systems.hosted_control_plane import names
from sandbox.systems.hosted_control_plane.system import SYSTEM
from sandbox.systems.world import World
from store.config_files import build_targets
from store.plan_files import read_plan

PLAN = Path(__file__).parents[3] / "plans" / "hosted-control-plane" / "z-stream.yaml"
RUN = "R-7"


@asynccontextmanager
async def upgraded_fleet(directory: Path) -> AsyncIterator["Fleet"]:
    """A fleet whose upgrade went wrong, with the baselines of before it."""
    async with World.start(SYSTEM, SYSTEM.scenario("B1"), directory) as world:
        fleet = await Fleet.of(world)
        await world.upgrade(world.recorder)
        yield fleet


@dataclass(kw_only=True)
class Fleet:
    world: World
    plan: Plan
    facts: dict[str, str]

    @classmethod
    async def of(cls, world: World) -> "Fleet":
        """The world, with the baselines its upgrade's automation would have captured."""
        fleet = cls(world=world, plan=read_plan(PLAN).plan, facts={})
        for baseline in fleet.plan.baselines:
            said = await fleet.ask(baseline.command, {"CONTEXT": names.CONTEXT, "GUESTS": "/root/.kube/hosted"})
            assert said.exit_code == 0, said
            fleet.facts[baseline.id] = said.stdout.strip()
        return fleet

    async def ask(self, command: Command, env: Mapping[str, str] | None = None) -> Said:
        given = {**command.env, **(env or {}), "BELAY_RUN": RUN, "BELAY_KEY": "x"}
        exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in given.items())
        script = command.script if command.script is not None else shlex.join(command.argv)
        place = self.world.hosts["bastion-1"].path("/tmp/command")
        place.write_text(exports + script)
        return await self.world.hosts["bastion-1"].ask("sh /tmp/command")

    async def oc(self, words: str) -> Said:
        """As a person on the bastion."""
        return await self.world.hosts["bastion-1"].ask(f"oc {words}")

    async def must(self, words: str) -> str:
        return await self.world.hosts["bastion-1"].run(f"oc {words}")

    async def discovered(self) -> tuple[FleetItem, ...]:
        assert self.plan.fleet is not None
        said = await self.ask(self.plan.fleet.discover, {"CONTEXT": names.CONTEXT})
        assert said.exit_code == 0, said
        return read_items("hosted clusters", said.stdout)

    async def chosen(self, clusters: str = "cust-01") -> Selection:
        assert self.plan.fleet is not None
        return select(self.plan.fleet, await self.discovered(), clusters, lambda _name: [])

    async def resolved(self, clusters: str = "cust-01", **parameters: str) -> ResolvedPlan:
        target = build_targets(yaml.safe_load(self.world.targets_yaml()))["mgmt-east"]
        ledger = replace(self.world.ledger, baseline=self.facts)
        return resolve(self.plan, target, ledger, {"clusters": clusters, **parameters}, await self.chosen(clusters))

    async def verdicts(self, plan: ResolvedPlan, *points: str) -> dict[str, tuple[Verdict, str]]:
        """Ask the named points of no return about the first cluster chosen; the verdict and what was found."""
        found = {}
        for point in plan.points:
            if points and point.id not in points:
                continue
            probe = point.probes[0]
            said = await self.ask(probe.command)
            found[point.id] = (
                read(probe.reversible, probe.crossed, said.exit_code, said.stdout),
                said.stdout.strip() or said.stderr.strip(),
            )
        return found

    async def verdict(self, point: str, plan: ResolvedPlan | None = None) -> tuple[Verdict, str]:
        return (await self.verdicts(plan or await self.resolved(), point))[point]

    async def holds(self, look: Look) -> bool:
        said = await self.ask(look.command)
        return look.expect.holds(said.exit_code, said.stdout)

    async def do(self, unit: Unit) -> Said:
        assert unit.do is not None
        return await self.ask(unit.do)

    async def undo(self, unit: Unit) -> Said:
        assert unit.undo is not None
        return await self.ask(unit.undo)

    def unit(self, plan: ResolvedPlan, step: str) -> Unit:
        (unit,) = plan.step(f"{step}.w1").units
        return unit

    def objects(self, file: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.world.shared / f"{file}.json").read_text())
        return found

    def write(self, file: str, data: Mapping[str, Any]) -> None:
        (self.world.shared / f"{file}.json").write_text(json.dumps(data))

    @asynccontextmanager
    async def as_it_is(self) -> AsyncIterator["Fleet"]:
        """Whatever is done inside is gone afterwards."""
        aside = self.keep()
        yield self
        self.back(aside)

    def keep(self) -> Path:
        """Put what everybody sees aside, to come back to it: see `back`."""
        aside = self.world.directory / f"aside-{datetime.now(UTC).timestamp()}"
        shutil.copytree(self.world.shared, aside)
        return aside

    def back(self, aside: Path) -> None:
        shutil.rmtree(self.world.shared)
        aside.rename(self.world.shared)
        shutil.rmtree(self.world.hosts["bastion-1"].path("/var/lib/belay-hosted"), ignore_errors=True)
