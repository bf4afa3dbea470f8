"""Make practice hosts that are laid out and not yet powered on; and one alone, for trying SSH on."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.hosts.guard import guarded
from sandbox.hosts.host import PracticeHost
from sandbox.hosts.layout import free_ports, lay_out, new_key


@dataclass(frozen=True, slots=True)
class Site:
    """What the hosts of one world share."""

    home: Path
    mark: str
    client: str  #: the public key every host lets in

    @property
    def client_key(self) -> Path:
        return self.home / "client_key"

    @property
    def known_hosts(self) -> Path:
        return self.home / "known_hosts"


def new_site(home: Path, mark: str) -> Site:
    """Make a client key and an empty known_hosts in *home*."""
    (home / "known_hosts").touch()
    return Site(home, mark, new_key(home / "client_key"))


def new_host(
    site: Site, name: str, *, role: str, port: int, services: Mapping[str, int], database: str
) -> PracticeHost:
    """Lay out a host whose SSH server will listen on *port*, and pin its key in the site's known_hosts."""
    directory = site.home / name
    key = lay_out(directory, role=role, client=site.client, ports=dict(services), database=database)
    with site.known_hosts.open("a") as known:
        known.write(f"[127.0.0.1]:{port} {key}\n")
    return PracticeHost(
        name=name,
        role=role,
        directory=directory,
        port=port,
        host_key=key,
        world=site.mark,
        client_key=site.client_key,
        known_hosts=site.known_hosts,
        ports=dict(services),
    )


@asynccontextmanager
async def lone_host(home: Path) -> AsyncIterator[PracticeHost]:
    """
    One powered-on controller without a database, in *home*: enough to try SSH on, in 0.2 s.

    Raises:
        HostFailedError: its SSH server did not start.
    """
    site = new_site(home, secrets.token_hex(16))
    port, api = free_ports(2)
    nowhere = "http://127.0.0.1:9"
    host = new_host(site, "controller-1", role="controller", port=port, services={"nova-api": api}, database=nowhere)
    async with guarded(site.mark, remove=None) as end:
        try:
            await host.power_on()
            yield host
        finally:
            await host.disconnect()
            await end()
            await host.reap()
