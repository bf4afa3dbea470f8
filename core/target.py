"""What can be rolled back, and where: targets and their hosts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


def place(host: str, item: str) -> str:
    """Name a host, or an item on it: "controller-1[nova-api]"."""
    return f"{host}[{item}]" if item else host


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One machine (or one endpoint) an executor acts on."""

    name: str  #: unique in its target; the word in plans, boards and journals
    address: str  #: what is dialled; an alias of ssh_config is fine
    port: int | None = None  #: None: ssh_config's, else 22
    user: str | None = None  #: None: ssh_config's, else the bot's own user
    executor: str = "ssh"
    host_key: str | None = None  #: pinned public key ("ssh-ed25519 AAAA…"); None: known_hosts decides
    state_dir: str = "/var/lib/belay"  #: where the run-once protocol keeps its claims on the host

    @property
    def identity(self) -> str:
        """What makes it this host and not another: part of the plan's digest."""
        return f"{self.executor}://{self.user or ''}@{self.address}:{self.port or ''}#{self.host_key or ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A named environment that can be rolled back: a cloud, a site, one hosted cluster."""

    id: str
    title: str = ""
    system: str  #: which family of upgrades it belongs to; plans name theirs
    hosts: tuple[Host, ...]
    roles: Mapping[str, tuple[str, ...]]  #: role -> names of hosts, in the order they are acted on
    facts: Mapping[str, Any] = field(default_factory=dict)  #: values plans may use as parameters
    channel: str = ""  #: where its board goes when nobody says otherwise

    def host(self, name: str) -> Host:
        """
        Raises:
            KeyError: the target has no such host.
        """
        for host in self.hosts:
            if host.name == name:
                return host
        raise KeyError(name)

    def in_role(self, role: str) -> tuple[Host, ...]:
        return tuple(self.host(name) for name in self.roles.get(role, ()))
