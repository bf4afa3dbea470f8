"""Make practice hosts that are laid out and not yet powered on; and one alone, for trying SSH on."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.hosts.guard import guarded
from sandbox.hosts.host import PracticeHost
from sandbox.hosts.layout import free_ports, lay_out, new_key
from sandbox.hosts.nursery import Nursery


@dataclass(frozen=True, slots=True)
class Site:
    """What the hosts of one world share. Close its nursery once the world has ended."""

    home: Path
    client: str  #: the public key every host lets in
    nursery: Nursery

    @property
    def mark(self) -> str:
        return self.nursery.mark

    @property
    def client_key(self) -> Path:
        return self.home / "client_key"

    @property
    def known_hosts(self) -> Path:
        return self.home / "known_hosts"


def new_site(home: Path, mark: str) -> Site:
    """Make a client key and an empty known_hosts in *home*."""
    (home / "known_hosts").touch()
    return Site(home, new_key(home / "client_key"), Nursery(mark=mark))


def new_host(site: Site, name: str, *, port: int, own_view: bool = False) -> PracticeHost:
    """Lay out a host whose SSH server will listen on *port*, and pin its key in the site's known_hosts."""
    directory = site.home / name
    key = lay_out(directory, client=site.client, own_view=own_view)
    with site.known_hosts.open("a") as known:
        known.write(f"[127.0.0.1]:{port} {key}\n")
    return PracticeHost(
        name=name,
        directory=directory,
        port=port,
        host_key=key,
        nursery=site.nursery,
        client_key=site.client_key,
        known_hosts=site.known_hosts,
        own_view=own_view,
    )


@asynccontextmanager
async def lone_host(home: Path, *, own_view: bool = False) -> AsyncIterator[PracticeHost]:
    """
    One powered-on host in *home* that can do nothing but `ping`: enough to try SSH on.

    Raises:
        HostFailedError: its SSH server did not start.
    """
    site = new_site(home, secrets.token_hex(16))
    host = new_host(site, "controller-1", port=free_ports(1)[0], own_view=own_view)
    async with guarded(site.mark, remove=None) as end:
        try:
            await host.power_on()
            yield host
        finally:
            await host.disconnect()
            await end()
            await host.reap()
            await site.nursery.close()
