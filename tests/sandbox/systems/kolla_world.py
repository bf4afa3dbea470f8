"""A Kolla practice cloud without a bot: baselines captured over SSH, its plans asked by hand."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from core.plan import Plan
from core.resolve import ResolvedPlan, resolve
from sandbox.systems.kolla import layout
from sandbox.systems.kolla.furnish import PASSWORD
from sandbox.systems.kolla.system import SYSTEM
from sandbox.systems.world import World
from store.plan_files import read_plan
from tests.sandbox.systems.desk import Clerk, Desk, captured, target_of

PLANS = Path(__file__).parents[3] / "plans" / "kolla"
FIRST, SECOND, THIRD = layout.CONTROLLERS
DEPLOY = layout.DEPLOY


def shipped(name: str) -> Plan:
    return read_plan(PLANS / f"{name}.yaml").plan


@dataclass
class KollaClerk(Clerk):
    """Captures what all *plans* want, as an operator does who does not know yet which way back it will be."""

    plans: tuple[str, ...] = ()

    async def capture(self) -> None:
        for name in self.plans:
            await self.baseline(await captured(self.world, shipped(name)))


@dataclass
class KollaDesk(Desk):
    name: str = ""

    def resolve(self, given: Mapping[str, str] | None = None, **changes: object) -> ResolvedPlan:
        ledger = replace(self.ledger, **changes)  # type: ignore[arg-type]  # names of a ledger's fields
        return resolve(shipped(self.name), target_of(self.world), ledger, given)

    def on(self, name: str) -> "KollaDesk":
        """Return a desk for another plan, at the same world."""
        return KollaDesk(self.world, resolve(shipped(name), target_of(self.world), self.ledger), name)

    async def check(self, name: str) -> tuple[bool, str]:
        """Ask a check of preflight on its first host."""
        check = next(check for check in self.plan.preflight if check.id == name)
        return await self.holds(check.host, check.look)

    async def sql(self, statement: str) -> str:
        line = f'docker exec -e MYSQL_PWD={PASSWORD} mariadb mariadb -uroot -NBe "{statement}"'
        return await self.do(FIRST, line)


@asynccontextmanager
async def desk_at(home: Path, scenario: str, *plans: str) -> AsyncIterator[KollaDesk]:
    """Raise the scenario's world and let its upgrade go wrong; the desk is the first plan's."""
    async with World.start(SYSTEM, SYSTEM.scenario(scenario), home) as world:
        clerk = KollaClerk(SYSTEM.target, plans=plans)
        clerk.world = world
        await world.upgrade(clerk)
        plan = resolve(shipped(plans[0]), target_of(world), world.ledger)
        yield KollaDesk(world, plan, plans[0])
