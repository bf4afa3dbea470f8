"""Where trials take place: three practice hosts, the bad line to each, and a zygote. One trial at a time on it."""

import asyncio
import secrets
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from chaos.link import BadLink, Schedule
from chaos.plan import HOSTS, TARGET, plan
from chaos.zygote import Zygote
from sandbox.hosts.build import Site, new_host, new_site
from sandbox.hosts.guard import guarded
from sandbox.hosts.host import PracticeHost
from sandbox.hosts.layout import free_ports
from sandbox.hosts.serve import USER


@dataclass(kw_only=True)
class Ground:
    name: str
    home: Path
    site: Site
    hosts: dict[str, PracticeHost]
    links: dict[str, BadLink]
    zygote: Zygote
    second: Zygote  #: for the trials with two bots

    @property
    def homes(self) -> dict[str, str]:
        return {name: str(host.directory / "home") for name, host in self.hosts.items()}

    def use(self, schedule: Schedule) -> None:
        for link in self.links.values():
            link.schedule = schedule

    async def quiet(self, within_s: float) -> None:
        await asyncio.gather(*(link.quiet(within_s) for link in self.links.values()))

    def new_boot(self, host: PracticeHost) -> None:
        """Let *host* have booted again, as far as victims can tell."""
        (host.directory / "home" / "boot_id").write_text(secrets.token_hex(8) + "\n")

    def write_config(
        self, folder: Path, trial: str, *, channel: str = "", accounts: dict[str, str] | None = None
    ) -> None:
        """Write what a team would write: targets, roster, plan."""
        config = folder / "config"
        (config / "plans").mkdir(parents=True)
        (folder / "data").mkdir()
        (config / "ssh_config").touch()
        known = accounts or {name: f"T1/U-{name}" for name in ("ana", "bo", "cy")}
        people = {
            name: {"name": name.title(), "accounts": [account], "may": ["request", "approve", "operate"]}
            for name, account in known.items()
        }
        _write(config / "targets.yaml", {"targets": {TARGET: self._target(trial, channel)}})
        _write(config / "roster.yaml", {"people": people})
        _write(config / "plans" / "chaos.yaml", plan(trial))

    def _target(self, trial: str, channel: str) -> dict[str, Any]:
        hosts = {
            name: {
                "address": "127.0.0.1",
                "port": self.links[name].port,
                "user": USER,
                "host_key": host.host_key,
                "state_dir": str(self.state_dir(host, trial)),
            }
            for name, host in self.hosts.items()
        }
        return {
            "system": "chaos",
            "hosts": hosts,
            "roles": {"all": list(HOSTS)},
            **({"channel": channel} if channel else {}),
        }

    def state_dir(self, host: PracticeHost, trial: str) -> Path:
        return host.directory / "var" / "belay" / trial

    def clear(self, trial: str) -> None:
        for host in self.hosts.values():
            shutil.rmtree(host.directory / "home" / trial, ignore_errors=True)
            shutil.rmtree(self.state_dir(host, trial), ignore_errors=True)


def _write(path: Path, data: Any) -> None:
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")


@asynccontextmanager
async def ground(name: str, home: Path, ours: tuple[socket.socket, socket.socket]) -> AsyncIterator[Ground]:
    """
    Three hosts in *home*, powered on. Everything ends with the block, also if we are killed.

    *ours*: our ends of two zygotes.
    """
    (home / "hosts").mkdir(parents=True)
    site = new_site(home / "hosts", secrets.token_hex(16))
    ports = free_ports(len(HOSTS))
    hosts = {host: new_host(site, host, port=port) for host, port in zip(HOSTS, ports, strict=True)}
    async with AsyncExitStack() as stack:
        zygote, second = [await Zygote.of(end) for end in ours]
        stack.push_async_callback(zygote.close)
        stack.push_async_callback(second.close)
        end = await stack.enter_async_context(guarded(site.mark, remove=None))
        links = {host: BadLink(each.port) for host, each in hosts.items()}
        found = Ground(name=name, home=home, site=site, hosts=hosts, links=links, zygote=zygote, second=second)
        try:
            for host in hosts.values():
                found.new_boot(host)
            await asyncio.gather(*(host.power_on() for host in hosts.values()))
            await asyncio.gather(*(link.open() for link in links.values()))
            yield found
        finally:
            await asyncio.gather(*(link.close() for link in links.values()))
            await asyncio.gather(*(host.disconnect() for host in hosts.values()))
            await end()
            await asyncio.gather(*(host.reap() for host in hosts.values()))
            await site.nursery.close()
