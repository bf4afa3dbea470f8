"""
The practice stage: a system whose upgrade went wrong, a local chat workspace, and the bot between them.

Shared by `belay demo` (people play) and `belay drill` (a script plays), and by the tests of both. The bot on it is the
same one that serves a real workspace: only three settings differ.
"""

import logging
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import SecretStr

from bot.backstage import Backstage
from bot.clock import SystemClock
from bot.serve import Running, running
from bot.service import BelayService
from bot.settings import Settings
from bot.slack_doctor import SCOPES
from bot.wiring import ssh_settings
from commands import ALL
from core.ledger import Snapshot
from core.people import Account, May, Person
from core.run import Actor
from executors.ssh import SshExecutor
from sandbox.systems.recording import AUTOMATION
from sandbox.systems.scenario import Scenario
from sandbox.systems.system import System
from sandbox.systems.world import World
from sandbox.workspace import CommandHint, WordHint, Workspace, default_world
from sandbox.workspace import World as ChatWorld

log = logging.getLogger(__name__)

CHANNEL = "#inc-482"

#: Who may do what on the stage. The others (a guest, a stranger, another bot) are there to be refused.
ROSTER: Mapping[str, tuple[str, ...]] = {
    "ana": ("request", "operate"),
    "bo": ("request", "approve", "operate"),
    "cy": ("request", "approve", "operate"),
    "dee": ("request", "approve", "operate"),
}


@dataclass(kw_only=True)
class Stage:
    world: World
    workspace: Workspace
    bot: Running
    backstage: Backstage

    @property
    def service(self) -> BelayService:
        return self.bot.parts.service

    @property
    def scenario(self) -> Scenario:
        return self.world.scenario

    @property
    def target(self) -> str:
        return self.world.system.target


@asynccontextmanager
async def stage(
    system: System, scenario: Scenario, *, port: int = 0, directory: Path | None = None, pace_s: float = 0.0
) -> AsyncIterator[Stage]:
    """
    Raise the curtain: the system upgraded and broken, workspace open on *port*, bot connected.

    The bot is there before the upgrade is, which tells it what it does. *pace_s* is what the hosts' slower commands
    take longer than they need, so that people can watch and press Pause.
    """
    async with AsyncExitStack() as stack:
        home = directory or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="belay-")))
        world = await stack.enter_async_context(World.start(system, scenario, home / "hosts", pace_s=pace_s))
        workspace = await stack.enter_async_context(Workspace.serve(practice_world(), port=port))
        settings = write_settings(home, world, workspace)
        backstage = Backstage(ssh=SshExecutor(ssh_settings(settings)), world=world, clock=SystemClock())
        bot = await stack.enter_async_context(running(settings, ssh=backstage))
        await world.upgrade(Automation(bot.parts.service, system.target, scenario.plan or system.plan))
        backstage.service = bot.parts.service
        yield Stage(world=world, workspace=workspace, bot=bot, backstage=backstage)


def practice_world() -> ChatWorld:
    world = default_world()
    words = tuple(WordHint(word=c.name, description=c.summary, usage=c.usage.removeprefix(c.name).strip()) for c in ALL)
    rollback = CommandHint(
        command="/rollback",
        description="Take back a failed upgrade, together",
        usage_hint="start | status | help",
        words=words,
    )
    return replace(world, app=replace(world.app, commands=(rollback,), scopes=tuple(sorted(SCOPES))))


def write_settings(home: Path, world: World, workspace: Workspace) -> Settings:
    """Write the configuration files a team would write, and return the settings that name them."""
    config = home / "config"
    config.mkdir()
    inventory: dict[str, Any] = world.inventory()
    for target in inventory["targets"].values():
        target["channel"] = workspace.channel(CHANNEL).id
    (config / "targets.yaml").write_text(yaml.safe_dump(inventory, sort_keys=False), encoding="utf-8")
    (config / "roster.yaml").write_text(yaml.safe_dump(roster_of(workspace), sort_keys=False), encoding="utf-8")
    if world.system.own_plans:
        (config / "plans").mkdir()
        for name, text in world.system.own_plans.items():
            (config / "plans" / name).write_text(text, encoding="utf-8")
    no_config = config / "ssh_config"  # empty: the person's own must not change what is practised
    no_config.touch()
    return Settings(
        config=config,
        data=home / "data",
        database_url="",
        listen_host="127.0.0.1",
        listen_port=0,
        slack_bot_token=SecretStr(workspace.bot_token),
        slack_app_token=SecretStr(workspace.app_token),
        slack_api_url=workspace.api_url,
        known_hosts=world.known_hosts,
        ssh_config=no_config,
        identity_files=[world.client_key],
    )


def roster_of(workspace: Workspace) -> dict[str, Any]:
    """Return the roster file's content for the people of *workspace* who are on `ROSTER`."""
    people = {
        name: {
            "name": workspace.person(name).spec.real_name,
            "accounts": [f"{workspace.world.team_id}/{workspace.person(name).id}"],
            "may": list(may),
        }
        for name, may in ROSTER.items()
    }
    return {"people": people}


class Automation:
    """A `Recorder` at the bot's own door: the upgrade's automation, with a token of its own."""

    def __init__(self, service: BelayService, target: str, plan: str) -> None:
        self._service = service
        self._target = target
        self._plan = plan
        account = Account(id=f"api:{AUTOMATION}")
        person = Person(id=account.id, name=AUTOMATION, accounts=(), may=frozenset({May.OPERATE}))
        self._actor = Actor(person=person, account=account, way="api")

    async def begin(self, origin: str, destination: str) -> None:
        await self._service.begin_upgrade(self._target, origin, destination, self._actor)

    async def mark(self, checkpoint: str, evidence: str = "") -> None:
        await self._service.mark(self._target, checkpoint, self._actor, evidence)

    async def snapshot(self, snapshot: Snapshot) -> None:
        await self._service.record_snapshot(self._target, snapshot, self._actor)

    async def baseline(self, facts: Mapping[str, str]) -> None:
        await self._service.record_baseline(self._target, facts, self._actor)

    async def capture(self) -> None:
        await self._service.capture_baseline(self._target, self._plan, self._actor, log.debug)

    async def hop(self, origin: str, destination: str, snapshot: str = "") -> None:
        await self._service.begin_hop(self._target, origin, destination, self._actor, snapshot=snapshot)

    async def hop_done(self, destination: str) -> None:
        await self._service.end_hop(self._target, destination, self._actor)
