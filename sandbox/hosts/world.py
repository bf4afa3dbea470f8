"""The whole practice world: five hosts, an upgrade that really went wrong, and the truth about it."""

import asyncio
import secrets
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from core.ledger import Checkpoint, Ledger, Snapshot
from sandbox.hosts import truth, upgrade
from sandbox.hosts.build import Site, new_host, new_site
from sandbox.hosts.guard import guarded
from sandbox.hosts.host import PracticeHost
from sandbox.hosts.layout import free_ports
from sandbox.hosts.scenarios import Moment, Scenario
from sandbox.hosts.serve import USER

TARGET = "prod-east"
CONTROLLERS = ("controller-1", "controller-2", "controller-3")
COMPUTES = ("compute-1", "compute-2")


@dataclass(kw_only=True)
class PracticeWorld:
    """Made by `PracticeWorld.start`. Everything it started ends with it, also when its maker is killed."""

    directory: Path
    scenario: Scenario
    hosts: dict[str, PracticeHost]
    client_key: Path  #: the private key that opens every host
    known_hosts: Path
    ledger: Ledger = field(default_factory=lambda: Ledger(target=TARGET))

    @classmethod
    @asynccontextmanager
    async def start(
        cls, directory: Path | None, scenario: Scenario, *, pace_s: float = 0.0
    ) -> AsyncIterator["PracticeWorld"]:
        """
        Make the world in *directory* (None: a temporary one, removed at the end), run the old version,
        upgrade it for real, and set the scene. From then on stops, starts, dumps and restores take about *pace_s*
        seconds each, so that people can watch and step in.

        Raises:
            FileExistsError: *directory* holds something.
            HostFailedError: a host did not start, or a command that had to work failed.
        """
        home = _home(directory)
        mark = secrets.token_hex(16)
        async with guarded(mark, remove=home if directory is None else None) as end:
            world = cls._laid_out(new_site(home, mark), scenario)
            try:
                await world.come_up()
                for host in world.hosts.values():
                    host.set_pace(pace_s)
                yield world
            finally:
                await asyncio.gather(*(host.disconnect() for host in world.hosts.values()))
                await end()
                await asyncio.gather(*(host.reap() for host in world.hosts.values()))

    @classmethod
    def _laid_out(cls, site: Site, scenario: Scenario) -> "PracticeWorld":
        ports = iter(free_ports(len(COMPUTES) + 2 * len(CONTROLLERS) + 1))
        database = next(ports)
        hosts = {}
        for name in (*CONTROLLERS, *COMPUTES):
            services = {"nova-api": next(ports)} if name in CONTROLLERS else {}
            if name == CONTROLLERS[0]:
                services["db"] = database
            hosts[name] = new_host(
                site,
                name,
                role="controller" if name in CONTROLLERS else "compute",
                port=next(ports),
                services=services,
                database=f"http://127.0.0.1:{database}",
            )
        return cls(
            directory=site.home,
            scenario=scenario,
            hosts=hosts,
            client_key=site.client_key,
            known_hosts=site.known_hosts,
        )

    async def come_up(self) -> None:
        """Power on, run the old version, upgrade it, set the scene. Part of `start`; called once."""
        await asyncio.gather(*(host.power_on() for host in self.hosts.values()))
        await upgrade.start_old_version(self.controllers)
        facts = await upgrade.baseline(self.controllers, self.computes)
        self.ledger = await upgrade.upgrade(TARGET, self.controllers, facts)
        self._record(self.scenario.checkpoints)
        await self.scenario.prepare(self)

    def _record(self, more: tuple[tuple[str, str], ...]) -> None:
        now = datetime.now(UTC)
        recorded = tuple(
            Checkpoint(name=name, at=now, by=upgrade.AUTOMATION, evidence=evidence) for name, evidence in more
        )
        self.ledger = replace(self.ledger, checkpoints=self.ledger.checkpoints + recorded)

    @property
    def controllers(self) -> list[PracticeHost]:
        return [self.hosts[name] for name in CONTROLLERS]

    @property
    def computes(self) -> list[PracticeHost]:
        return [self.hosts[name] for name in COMPUTES]

    @property
    def snapshot(self) -> Snapshot:
        """The dump of the database from right before the upgrade."""
        return self.ledger.snapshots[upgrade.SNAPSHOT]

    @property
    def service_urls(self) -> dict[str, str]:
        """nova-api on each controller, by its name."""
        return {host.name: f"http://127.0.0.1:{host.ports['nova-api']}" for host in self.controllers}

    async def answer(self) -> dict[str, Any]:
        """Ask the service on every controller and say whether it is the old one, with the old data: see `truth`."""
        expected = self.ledger.baseline["servers-sha256"]
        return await truth.answer(self.service_urls, release=upgrade.ORIGIN, servers_sha256=expected)

    async def reach(self, moment: Moment) -> bool:
        """Let happen what the scenario has in store for *moment*; return whether it had anything."""
        hook = self.scenario.at.get(moment)
        if hook is not None:
            await hook(self)
        return hook is not None

    def inventory(self) -> dict[str, Any]:
        """Return the practice target in the form of a target inventory file."""
        hosts = {
            host.name: {
                "address": "127.0.0.1",
                "port": host.port,
                "user": USER,
                "host_key": host.host_key,
                "state_dir": str(host.directory / "var" / "belay"),
            }
            for host in self.hosts.values()
        }
        target = {
            "title": "Practice cloud east",
            "system": "practice",
            "channel": "#inc-482",
            "hosts": hosts,
            "roles": {
                "controller": list(CONTROLLERS),
                "database": [CONTROLLERS[0]],
                "compute": list(COMPUTES),
            },
            "facts": {"service": "nova-api", "old_release": upgrade.ORIGIN, "new_release": upgrade.DESTINATION},
        }
        return {"targets": {TARGET: target}}

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
