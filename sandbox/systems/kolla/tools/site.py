"""
The deployment as kolla-ansible knows it: which containers a role has on which hosts, and how they are made to be as
wanted. Shared state "kolla": services (role -> container -> hosts), order of the roles, tags (release -> tag), heads
(database -> revisions before, expanded, contracted), contracts, versions, repository, fails (role -> at which stage).
"""

from __future__ import annotations

import os

from sandbox.systems.tools import containers
from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.units import UnitFailedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.systems.tools.machine import Machine
    from sandbox.systems.tools.state import Data

#: Volumes by the container that has them.
VOLUMES = {"mariadb": "mariadb", "rabbitmq": "rabbitmq"}


def furnish(machine: Machine, **about: object) -> None:
    machine.shared("kolla").write({"fails": {}, **about})


def known(machine: Machine) -> Data:
    return machine.shared("kolla").read()


def at(machine: Machine, host: str) -> Machine:
    return machine if host == machine.name else machine.other(host)


def parts(machine: Machine, roles: list[str]) -> Iterator[tuple[str, Machine]]:
    """Yield the containers of *roles* with the host each is on, host after host."""
    services = known(machine)["services"]
    for role in roles:
        for container, hosts in services.get(role, {}).items():
            for host in hosts:
                yield container, at(machine, host)


def image(machine: Machine, container: str, tag: str) -> str:
    return f"{known(machine)['repository']}/{container.replace('_', '-')}:{tag}"


def create(host: Machine, container: str, tag: str) -> None:
    """
    Make the container from what the tag names on its host; pulled only where it names nothing, as Kolla does it.

    Raises:
        SaysNoError: neither the host nor the registry has it.
    """
    name = image(host, container, tag)
    volume = VOLUMES.get(container)
    try:
        _present(host, name)
    except containers.NoImageError as missing:
        raise SaysNoError(f"fatal: [{host.name}]: FAILED! => manifest for {missing} not found", 2) from missing
    if volume:
        os.makedirs(host.path(f"/var/lib/docker/volumes/{volume}/_data"), exist_ok=True)
    containers.create(host, container, name, [f"{volume}:/var/lib/{volume}"] if volume else [], restart="always")


def _present(host: Machine, name: str) -> str:
    try:
        return containers.find_image(host.state("containers").read(), name)
    except containers.NoImageError:
        return containers.pull(host, name)


def configure(host: Machine, container: str, release: str) -> None:
    """Write what kolla-ansible of *release* renders for the container."""
    host.write(f"/etc/kolla/{container}/config.json", f'{{"rendered_by": "{release}"}}\n')


def ensure(host: Machine, container: str, tag: str) -> bool:
    """
    Let the container run from the image the tag names on its host; return whether anything was changed.

    Raises:
        SaysNoError: it does not start.
    """
    wanted = _wanted(host, container, tag)
    found = host.state("containers").read().get("containers", {}).get(container)
    try:
        if found is not None and found["image"] == wanted:
            if containers.running(host, container):
                return False
            containers.run(host, container)
            return True
        if found is not None:
            containers.halt(host, container)
            containers.remove(host, container)
        create(host, container, tag)
        containers.run(host, container)
    except UnitFailedError as failure:
        raise SaysNoError(
            f"fatal: [{host.name}]: FAILED! => container {container} did not start: {failure}", 2
        ) from failure
    return True


def _wanted(host: Machine, container: str, tag: str) -> str:
    try:
        return _present(host, image(host, container, tag))
    except containers.NoImageError as missing:
        raise SaysNoError(f"fatal: [{host.name}]: FAILED! => manifest for {missing} not found", 2) from missing
