"""One system raised on this machine: its hosts, its upgrade that went wrong, and the truth about it."""

import asyncio
import secrets
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from core.ledger import Ledger
from sandbox.hosts import view
from sandbox.hosts.build import Site, new_host, new_site
from sandbox.hosts.guard import guarded
from sandbox.hosts.host import PracticeHost
from sandbox.hosts.layout import free_ports
from sandbox.hosts.nursery import HostFailedError
from sandbox.hosts.serve import USER
from sandbox.systems.findings import Finding
from sandbox.systems.recording import Notebook, Recorder
from sandbox.systems.scenario import Moment, Scenario
from sandbox.systems.system import System
from sandbox.systems.tools.machine import Machine
from sandbox.systems.tools.outfit import fit_out


@dataclass(kw_only=True)
class World:
    """Made by `World.start` or `World.broken`. All it started ends with it, also when its maker is killed."""

    directory: Path
    system: System
    scenario: Scenario
    hosts: dict[str, PracticeHost]
    site: Site
    recorder: Recorder
    pace_s: float = 0.0
    known: dict[str, str] = field(default_factory=dict)  #: what the system's truth has to remember of better days

    @classmethod
    @asynccontextmanager
    async def start(
        cls, system: System, scenario: Scenario, directory: Path | None = None, *, pace_s: float = 0.0
    ) -> AsyncIterator["World"]:
        """
        Raise the healthy world, before its upgrade, in *directory* (None: a temporary one, removed at the end).

        From `upgrade` on stops, starts, dumps and restores take about *pace_s* seconds each, so that people can watch
        and step in.

        Raises:
            FileExistsError: *directory* holds something.
            HostFailedError: a host did not start, or a command that had to work failed.
        """
        if system.own_view and (missing := view.why_not()):
            raise HostFailedError(f"hosts of '{system.name}' need a file system view of their own: {missing}")
        home = _home(directory)
        site = new_site(home, secrets.token_hex(16))
        async with guarded(site.mark, remove=home if directory is None else None) as end:
            world = cls._laid_out(site, system, scenario, pace_s)
            try:
                await asyncio.gather(*(host.power_on() for host in world.hosts.values()))
                await system.heal(world)
                yield world
            finally:
                await asyncio.gather(*(host.disconnect() for host in world.hosts.values()))
                await end()
                await asyncio.gather(*(host.reap() for host in world.hosts.values()))
                await site.nursery.close()

    @classmethod
    @asynccontextmanager
    async def broken(
        cls, system: System, scenario: Scenario, directory: Path | None = None, *, pace_s: float = 0.0
    ) -> AsyncIterator["World"]:
        """Raise the world and let its upgrade go wrong, recorded in a `Notebook`: for whoever has no bot."""
        async with cls.start(system, scenario, directory, pace_s=pace_s) as world:
            await world.upgrade(Notebook(system.target))
            yield world

    @classmethod
    def _laid_out(cls, site: Site, system: System, scenario: Scenario, pace_s: float) -> "World":
        (site.home / "shared").mkdir()
        ports = iter(free_ports(sum(1 + len(spec.services) for spec in system.hosts)))
        hosts = {}
        for spec in system.hosts:
            host = new_host(site, spec.name, port=next(ports), own_view=system.own_view)
            host.ports = {service: next(ports) for service in spec.services}
            fit_out(host.directory, spec.tools, spec.inside, system.tools, hides=system.own_view)
            hosts[spec.name] = host
        notebook = Notebook(system.target)
        world = cls(
            directory=site.home,
            system=system,
            scenario=scenario,
            hosts=hosts,
            site=site,
            recorder=notebook,
            pace_s=pace_s,
        )
        system.furnish(world)
        return world

    async def upgrade(self, recorder: Recorder) -> None:
        """Upgrade it as its automation would, over SSH, recording into *recorder*; then set the scenario's scene."""
        self.recorder = recorder
        await (self.scenario.upgrade or self.system.upgrade)(self)
        await self.scenario.prepare(self)
        for host in self.hosts.values():
            host.set_pace(self.pace_s)

    @property
    def ledger(self) -> Ledger:
        """What was recorded, in a world without a bot."""
        if not isinstance(self.recorder, Notebook):
            raise HostFailedError("the ledger of this world is in its bot; ask that")
        return self.recorder.ledger

    @property
    def client_key(self) -> Path:
        """The private key that opens every host."""
        return self.site.client_key

    @property
    def known_hosts(self) -> Path:
        return self.site.known_hosts

    @property
    def shared(self) -> Path:
        """Where tools keep what belongs to no single host: a cluster's state, a cloud's records."""
        return self.directory / "shared"

    def machine(self, name: str) -> Machine:
        """Return the host as its tools see it: to furnish it, and to look at it from outside."""
        return Machine(str(self.hosts[name].directory))

    def now(self) -> datetime:
        """The time as the upgrade's automation has it."""
        return datetime.now(UTC)

    def in_role(self, role: str) -> list[PracticeHost]:
        return [self.hosts[name] for name in self.system.in_role(role)]

    async def truth(self) -> tuple[Finding, ...]:
        """Look at the system from outside."""
        return await self.system.truth(self)

    async def reach(self, moment: Moment) -> bool:
        """Let happen what the scenario has in store for *moment*; return whether it had anything."""
        hook = self.scenario.at.get(moment)
        if hook is not None:
            await hook(self)
        return hook is not None

    def claims(self, host: PracticeHost) -> list[str]:
        """Return what was ever started on *host* by runs, by the host's own word: "R-1/stop-api@controller-1.do.1"."""
        base = host.path(host.state_dir)
        return sorted(f"{claim.parent.parent.name}/{claim.parent.name}" for claim in base.glob("R-*/*/claim"))

    def inventory(self) -> dict[str, Any]:
        """Return the practice target in the form of a target inventory file."""
        hosts = {
            host.name: {
                "address": "127.0.0.1",
                "port": host.port,
                "user": USER,
                "host_key": host.host_key,
                "state_dir": str(host.state_dir),
            }
            for host in self.hosts.values()
        }
        target = {
            "title": self.system.title,
            "system": self.system.name,
            "channel": "#inc-482",
            "hosts": hosts,
            "roles": self.system.roles,
            "facts": dict(self.system.facts),
        }
        return {"targets": {self.system.target: target}}

    def targets_yaml(self) -> str:
        return yaml.safe_dump(self.inventory(), sort_keys=False)


def _home(directory: Path | None) -> Path:
    if directory is None:
        return Path(tempfile.mkdtemp(prefix="belay-practice-"))
    home = directory.resolve()
    home.mkdir(parents=True, exist_ok=True)
    if any(home.iterdir()):
        raise FileExistsError(f"{home} is not empty; a practice world needs a directory of its own")
    return home
