"""A small world for tests of engine and service: a plan, hosts in memory, four people, a real SQLite file."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.engine import Engine
from bot.hands import Hands
from bot.looker import Looker
from bot.recorder import Recorder
from bot.service import BelayService
from core.people import Account, May, Person, Roster
from core.ports import StartRequest
from core.reader import build_plan
from core.run import Actor, RunView
from core.run_states import RunStatus
from core.state import RunState
from core.target import Host, Target
from store.database import Store
from tests.practice_executor import MemoryExecutor, printed

HOSTS = ("a", "b", "c")
LOOK = {"argv": ["check"], "timeout_s": 5, "expect": {"exit": 0}}


def plan_data(**changes: Any) -> dict[str, Any]:
    """Stop (parallel, can be undone), restore (on one, destructive, guarded), start (one after another)."""
    data: dict[str, Any] = {
        "id": "old",
        "version": "1",
        "system": "test",
        "from": "ocata",
        "to": "newton",
        "roles": {"controller": {"min": 3}, "compute": {"min": 1}},
        "points_of_no_return": [
            {
                "id": "computes-converted",
                "event": "a compute was converted",
                "checkpoints": ["compute-upgraded"],
                "probes": [
                    {
                        "role": "compute",
                        "argv": ["touched"],
                        "timeout_s": 5,
                        "reversible": {"equals": "no"},
                        "crossed": {"equals": "yes"},
                    }
                ],
            }
        ],
        "steps": [
            {
                "id": "stop",
                "role": "controller",
                "do": {"argv": ["svc", "stop"], "timeout_s": 30},
                "undo": {"argv": ["svc", "start"], "timeout_s": 30},
                "verify": LOOK,
                "effects": {"control_plane": "down"},
            },
            {
                "id": "restore",
                "role": "controller",
                "on": "first",
                "do": {"argv": ["restore"], "timeout_s": 30},
                "verify": LOOK,
                "destructive": True,
                "loses": "all writes since the snapshot",
                "guard": ["computes-converted"],
            },
            {
                "id": "start",
                "role": "controller",
                "order": "serial",
                "do": {"argv": ["svc", "start"], "timeout_s": 30},
                "verify": LOOK,
                "effects": {"control_plane": "up"},
            },
        ],
        "validations": [{"id": "answers", "role": "controller", **LOOK}],
        "approvals": {"needed": 2, "expires_min": 30},
    }
    return {**data, **changes}


def person(name: str, *rights: May) -> Person:
    return Person(id=name, name=name.title(), accounts=(f"T1/U-{name}",), may=frozenset(rights))


ROSTER = Roster(
    {
        "ana": person("ana", May.REQUEST, May.APPROVE, May.OPERATE),
        "bo": person("bo", May.REQUEST, May.APPROVE, May.OPERATE),
        "cy": person("cy", May.APPROVE, May.OPERATE),
        "dee": person("dee", May.REQUEST, May.OPERATE),
    }
)


def actor(name: str, way: str = "reaction") -> Actor:
    return Actor(person=ROSTER.people[name], account=Account(id=f"T1/U-{name}"), way=way)


class TestClock:
    """The real time, shifted by hand."""

    __test__ = False

    def __init__(self) -> None:
        self.shift = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.shift


class Vouching:
    """A witness who knows everybody, unless told otherwise."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.before_claim: Callable[[str], Any] | None = None

    async def account(self, account_id: str) -> Account:
        return self.accounts.get(account_id, Account(id=account_id))

    async def reconcile(self, run_id: str) -> None:
        if self.before_claim is not None:
            await self.before_claim(run_id)


@dataclass(kw_only=True)
class Bot:
    store: Store
    engine: Engine
    service: BelayService
    hosts: MemoryExecutor
    clock: TestClock
    witness: Vouching
    hands: Hands
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, run_id: str, *statuses: RunStatus, timeout_s: float = 20) -> RunView:
        """Wait until the run has one of *statuses*."""
        return await self.when(run_id, lambda state: state.status in statuses, timeout_s=timeout_s)

    async def when(self, run_id: str, holds: Callable[[RunState], bool], *, timeout_s: float = 20) -> RunView:
        """Wait until *holds* of the run's state."""
        async with asyncio.timeout(timeout_s):
            while True:
                self.changed.clear()
                view = await self.service.run(run_id)
                if holds(view.state):
                    return view
                await self.changed.wait()

    async def ask(self, **changes: Any) -> str:
        view = await self.service.start(replace(REQUEST, **changes), actor("ana", "command"))
        return view.run.id

    async def asked_and_agreed(self) -> str:
        run_id = await self.ask()
        await self.service.approve(run_id, actor("bo"))
        await self.service.approve(run_id, actor("cy"))
        return run_id


REQUEST = StartRequest(target="prod", plan="newton", reason="wrong answers", typed="prod")


def target() -> Target:
    hosts = tuple(Host(name=name, address=f"{name}.test", executor="memory") for name in HOSTS)
    roles = {"controller": HOSTS, "compute": ("c",)}
    return Target(id="prod", system="test", hosts=hosts, roles=roles, channel="C1")


def memory_hosts() -> MemoryExecutor:
    hosts = MemoryExecutor()
    hosts.answers["computes-converted.0@c"] = printed("no")
    return hosts


@asynccontextmanager
async def bot(
    folder: Path,
    hosts: MemoryExecutor,
    *,
    plan: dict[str, Any] | None = None,
    store: Store | None = None,
    selections: Path | None = None,
) -> AsyncIterator[Bot]:
    """A bot on the database in *folder* and on *hosts*; start another one on both to see what a restart does."""
    clock = TestClock()
    opened = store or await Store.open(f"sqlite:///{folder / 'belay.db'}")
    hands = Hands({"memory": hosts}, {"prod": target()})
    looker = Looker(hands, clock)
    plans = {"old": build_plan(plan or plan_data())}
    changed = asyncio.Event()
    recorder = Recorder(opened, clock, lambda _run: changed.set())
    engine = Engine(opened, recorder, hands, looker, clock)
    service = BelayService(
        store=opened,
        roster=ROSTER,
        plans=plans,
        hands=hands,
        looker=looker,
        engine=engine,
        clock=clock,
        changed=lambda _run: changed.set(),
        selections=selections,
    )
    witness = Vouching()
    service.witness = witness
    try:
        await engine.start()
        yield Bot(
            store=opened,
            engine=engine,
            service=service,
            hosts=hosts,
            clock=clock,
            witness=witness,
            hands=hands,
            changed=changed,
        )
    finally:
        await engine.close()
        if store is None:
            await opened.close()
