"""What a practice system is: hosts with tools, how it looks when healthy, how its upgrade goes, what is true of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core.names import pick
from sandbox.systems.scenario import Act, Look, Scenario, nothing

if TYPE_CHECKING:
    from sandbox.systems.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSpec:
    name: str
    roles: tuple[str, ...]
    tools: tuple[str, ...] = ()  #: commands on its PATH, of `tools.catalogue` or of the system
    inside: tuple[str, ...] = ()  #: commands found only in its containers: `podman exec C mysql`
    services: tuple[str, ...] = ()  #: what listens on a loopback port of its own: PracticeHost.ports


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """
    Described once, raised as often as it is practised. The four acts follow one another: `furnish` writes files and
    the tools' state before the hosts are powered on, `heal` starts what has to run, `upgrade` goes wrong, and `truth`
    is asked before the request and after its end.
    """

    name: str  #: as plans and `--scenario NAME/SCENARIO` have it
    title: str
    target: str
    plan: str  #: the plan that is drilled where nobody names one
    hosts: tuple[HostSpec, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)  #: of the targets file
    tools: Mapping[str, str] = field(default_factory=dict)  #: commands of its own: name -> module
    own_plans: Mapping[str, str] = field(default_factory=dict)  #: file name -> text of a plan that is not shipped
    own_view: bool = True  #: its hosts have a /var, /etc … of their own: `sandbox.hosts.view`
    furnish: Callable[["World"], None]
    heal: Act = nothing
    upgrade: Act
    truth: Look
    scenarios: tuple[Scenario, ...]

    def scenario(self, name: str) -> Scenario:
        """
        Raises:
            UnknownNameError: there is none; the text offers the nearest.
        """
        known = {scenario.name: scenario for scenario in self.scenarios}
        return known[pick("scenario", name, known)]

    def in_role(self, role: str) -> tuple[str, ...]:
        """Return the names of the hosts in *role*, in their order."""
        return tuple(host.name for host in self.hosts if role in host.roles)

    @property
    def roles(self) -> dict[str, list[str]]:
        names = dict.fromkeys(role for host in self.hosts for role in host.roles)
        return {role: list(self.in_role(role)) for role in names}
