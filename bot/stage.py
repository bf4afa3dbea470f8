"""
The practice stage: hosts whose upgrade went wrong, a local chat workspace, and the bot between them.

Shared by `belay demo` (people play) and `belay drill` (a script plays), and by the tests of both. The bot on it is the
same one that serves a real workspace: only three settings differ.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import SecretStr

from bot.serve import Running, running
from bot.service import BelayService
from bot.settings import Settings
from bot.slack_doctor import SCOPES
from bot.wiring import ssh_settings
from commands import ALL
from core.action import Action, Ended, Sink, Verb, Verdict
from core.ledger import Ledger
from core.names import pick
from core.people import Account, May, Person
from core.run import Actor
from core.run_states import RunStatus
from core.target import Host
from executors.ssh import SshExecutor
from sandbox.hosts.scenarios import SCENARIOS, Moment, Scenario
from sandbox.hosts.world import PracticeWorld
from sandbox.workspace import CommandHint, WordHint, Workspace, World, default_world

CHANNEL = "#inc-482"
TARGET = "prod-east"

#: Who may do what on the stage. The others (a guest, a stranger, another bot) are there to be refused.
ROSTER: Mapping[str, tuple[str, ...]] = {
    "ana": ("request", "operate"),
    "bo": ("request", "approve", "operate"),
    "cy": ("request", "approve", "operate"),
    "dee": ("request", "approve", "operate"),
}

#: The upgrade's automation, which recorded the ledger.
AUTOMATION = Actor(
    person=Person(id="api:upgrade-job", name="upgrade-job", accounts=(), may=frozenset({May.OPERATE})),
    account=Account(id="api:upgrade-job"),
    way="api",
)


@dataclass(kw_only=True)
class Stage:
    scenario: Scenario
    hosts: PracticeWorld
    workspace: Workspace
    bot: Running
    reached: dict[Moment, asyncio.Task[bool]] = field(default_factory=dict)

    @property
    def service(self) -> BelayService:
        return self.bot.parts.service

    async def reach(self, moment: Moment) -> None:
        """Let happen, once, what the scenario has in store for *moment*; return when it has happened."""
        if moment not in self.reached:
            self.reached[moment] = asyncio.create_task(self.hosts.reach(moment))
        await asyncio.shield(self.reached[moment])


def scenario_named(name: str) -> Scenario:
    """
    Raises:
        UnknownNameError: there is none; the text offers the nearest.
    """
    return SCENARIOS[pick("scenario", name, SCENARIOS)]


@asynccontextmanager
async def stage(
    scenario: Scenario, *, port: int = 0, directory: Path | None = None, pace_s: float = 0.0
) -> AsyncIterator[Stage]:
    """
    Raise the curtain: hosts upgraded and broken, workspace open on *port*, bot connected.

    *pace_s* is what the hosts' slower commands take longer than they need, so that people can watch and press Pause.
    """
    async with AsyncExitStack() as stack:
        home = directory or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="belay-")))
        hosts = await stack.enter_async_context(PracticeWorld.start(home / "hosts", scenario, pace_s=pace_s))
        workspace = await stack.enter_async_context(Workspace.serve(practice_world(), port=port))
        settings = write_settings(home, hosts, workspace)
        backstage = _Backstage(SshExecutor(ssh_settings(settings)))
        bot = await stack.enter_async_context(running(settings, ssh=backstage))
        found = Stage(scenario=scenario, hosts=hosts, workspace=workspace, bot=bot)
        await record_ledger(found.service, hosts.ledger)
        backstage.stage = found
        yield found


def practice_world() -> World:
    world = default_world()
    words = tuple(WordHint(word=c.name, description=c.summary, usage=c.usage.removeprefix(c.name).strip()) for c in ALL)
    rollback = CommandHint(
        command="/rollback",
        description="Take back a failed upgrade, together",
        usage_hint="start | status | help",
        words=words,
    )
    return replace(world, app=replace(world.app, commands=(rollback,), scopes=tuple(sorted(SCOPES))))


def write_settings(home: Path, hosts: PracticeWorld, workspace: Workspace) -> Settings:
    """Write the configuration files a team would write, and return the settings that name them."""
    config = home / "config"
    config.mkdir()
    inventory: dict[str, Any] = hosts.inventory()
    for target in inventory["targets"].values():
        target["channel"] = workspace.channel(CHANNEL).id
    (config / "targets.yaml").write_text(yaml.safe_dump(inventory, sort_keys=False), encoding="utf-8")
    (config / "roster.yaml").write_text(yaml.safe_dump(roster_of(workspace), sort_keys=False), encoding="utf-8")
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
        known_hosts=hosts.known_hosts,
        ssh_config=no_config,
        identity_files=[hosts.client_key],
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


async def record_ledger(service: BelayService, ledger: Ledger) -> None:
    """Record what the upgrade's automation would have recorded while it ran."""
    target = ledger.target
    if ledger.upgrade is not None:
        await service.begin_upgrade(target, ledger.upgrade.origin, ledger.upgrade.destination, AUTOMATION)
    for snapshot in ledger.snapshots.values():
        await service.record_snapshot(target, snapshot, AUTOMATION)
    if ledger.baseline:
        await service.record_baseline(target, ledger.baseline, AUTOMATION)
    for checkpoint in ledger.checkpoints:
        await service.mark(target, checkpoint.name, AUTOMATION, checkpoint.evidence)


class _Backstage:
    """The SSH executor, with what the scenario lets happen between the last approval and the claim's own look."""

    def __init__(self, ssh: SshExecutor) -> None:
        self._ssh = ssh
        self.stage: Stage | None = None

    async def look(self, action: Action, host: Host) -> Ended:
        if self.stage is not None and action.verb is Verb.PROBE and await self._claims(action.run_id):
            await self.stage.reach(Moment.BEFORE_CLAIM)
        return await self._ssh.look(action, host)

    async def _claims(self, run_id: str) -> bool:
        """Whether this look is the one a claim would rest on: everybody has agreed, nothing has begun."""
        if self.stage is None or not run_id.startswith("R-"):
            return False
        view = await self.stage.service.run(run_id)
        return view.state.status is RunStatus.WAITING and view.tally.reached

    async def run(self, action: Action, host: Host, sink: Sink) -> Verdict:
        return await self._ssh.run(action, host, sink)

    async def attach(self, action: Action, host: Host, sink: Sink) -> Verdict:
        return await self._ssh.attach(action, host, sink)

    async def stop(self, action: Action, host: Host) -> Verdict:
        return await self._ssh.stop(action, host)

    async def close(self) -> None:
        await self._ssh.close()


async def watch_for_guarded_step(found: Stage) -> None:
    """Once a run is under way, let happen what the scenario has in store before its guarded step."""
    changed = changes(found)
    while Moment.BEFORE_GUARDED_STEP not in found.reached:
        for view in await found.service.runs(active=True):
            if view.state.status is RunStatus.RUNNING:
                await found.reach(Moment.BEFORE_GUARDED_STEP)
                return
        await anext(changed)


async def changes(found: Stage) -> AsyncIterator[str]:
    """Yield the id of each run that changes, as it does."""
    queue: asyncio.Queue[str] = asyncio.Queue()
    found.bot.parts.bell.listeners.append(queue.put_nowait)
    try:
        while True:
            yield await queue.get()
    finally:
        found.bot.parts.bell.listeners.remove(queue.put_nowait)
