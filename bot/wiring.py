"""The composition root: builds everything once, and closes it in reverse order."""

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from bot.clock import SystemClock
from bot.engine import Engine
from bot.hands import Hands
from bot.judging import NobodyDrives
from bot.looker import Looker
from bot.recorder import Recorder
from bot.replica_seat import Seat
from bot.replicas import Replicas
from bot.service import BelayService
from bot.settings import Settings
from core.action import Executor
from core.errors import PlanError
from core.people import Roster
from core.plan import Plan
from core.ports import Clock
from core.target import Target
from executors.dial import SshSettings
from executors.http import HttpExecutor
from executors.ssh import SshExecutor
from store.config_files import load_roster, load_targets
from store.database import Store
from store.plan_files import load_plans


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What the files say."""

    targets: Mapping[str, Target]
    roster: Roster
    plans: Mapping[str, Plan]
    plan_errors: tuple[PlanError, ...]  #: of files that are left out; one bad file hides no good one


def read_config(settings: Settings) -> Config:
    """
    Raises:
        PlanError: a file is missing or not well formed; the text names file and line.
    """
    for path in (settings.targets_file, settings.roster_file):
        if not path.is_file():
            raise PlanError(
                "", "is missing; deploy/config has an example, and BELAY_CONFIG names the folder", file=str(path)
            )
    plans, errors = load_plans(*settings.plan_folders)
    for error in errors:
        log.error("a plan is left out: %s", error)
    return Config(
        targets=load_targets(settings.targets_file),
        roster=load_roster(settings.roster_file),
        plans=plans,
        plan_errors=tuple(errors),
    )


log = logging.getLogger(__name__)

Listener = Callable[[str], None]


class Bell:
    """Tells whoever shows runs that one has changed. Wired up after both ends exist."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []

    def ring(self, run_id: str) -> None:
        for listener in self.listeners:
            listener(run_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The program's parts, put together."""

    settings: Settings
    config: Config
    clock: Clock
    store: Store
    hands: Hands
    engine: Engine
    service: BelayService
    bell: Bell
    replicas: Replicas | None  #: None: this process drives alone


@asynccontextmanager
async def assemble(
    settings: Settings,
    *,
    clock: Clock | None = None,
    drives: bool = True,
    ssh: Executor | None = None,
    shares: bool = False,
) -> AsyncIterator[Parts]:
    """
    Put everything together but start nothing: no run is driven and no chat is connected yet.

    *ssh* stands in for the usual executor, for whoever stages what happens between two of its calls.
    With `drives=False` this process never drives a run, and may work beside the bot that does. With `shares`
    (PostgreSQL) runs are shared with other replicas instead of driven by the engine alone.

    Raises:
        PlanError: a file is not well formed.
        StoreUnavailableError: the database cannot be opened, or another process has it.
    """
    clock = clock or SystemClock()
    config = read_config(settings)
    async with AsyncExitStack() as stack:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        store = await Store.open(settings.url, alone=drives)
        stack.push_async_callback(store.close)
        ssh = ssh or SshExecutor(ssh_settings(settings))
        hands = Hands({"ssh": ssh, "http": HttpExecutor()}, config.targets)
        stack.push_async_callback(hands.close)
        looker = Looker(hands, clock)
        bell = Bell()
        recorder = Recorder(store, clock, bell.ring)
        engine = Engine(store, recorder, hands, looker, clock)
        stack.push_async_callback(engine.close)
        seat = Seat(settings.data, database=store.place)
        replicas = Replicas(settings.url, store=store, engine=engine, seat=seat) if shares else None
        service = BelayService(
            store=store,
            roster=config.roster,
            plans=config.plans,
            hands=hands,
            looker=looker,
            engine=(replicas or engine) if drives else NobodyDrives(),
            clock=clock,
            changed=bell.ring,
            selections=settings.selections,
        )
        yield Parts(
            settings=settings,
            config=config,
            clock=clock,
            store=store,
            hands=hands,
            engine=engine,
            service=service,
            bell=bell,
            replicas=replicas,
        )


@asynccontextmanager
async def offline_service(settings: Settings) -> AsyncIterator[BelayService]:
    """The service for one command of the command line: nothing is driven here; a running bot picks up what it finds."""
    async with assemble(settings, drives=False) as parts:
        yield parts.service


def ssh_settings(settings: Settings) -> SshSettings:
    return SshSettings(
        known_hosts=(str(settings.known_hosts),) if settings.known_hosts else (),
        ssh_config=str(settings.ssh_config) if settings.ssh_config else None,
        identity_files=tuple(map(str, settings.identity_files)),
        secrets=tuple(word.get_secret_value() for word in settings.secrets),
    )
