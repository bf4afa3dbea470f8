"""
The containers and images of a host, kept in the state "containers"; the registries they come from, shared by the world.

An image is known by its digest and may have any number of names ("registry/ns/nova-api:17.1"); a name can be moved, a
digest cannot. A container may have a daemon, as units have (see `defaults`), and a unit may be a container: one with
`daemon=containers.DAEMON` and `container={"name": …, "image": …}` runs it.
"""

from __future__ import annotations

import time
from importlib import import_module

from sandbox.systems.tools import dataplane
from sandbox.systems.tools.state import current
from sandbox.systems.tools.units import UnitFailedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.systems.tools.machine import Machine
    from sandbox.systems.tools.state import Data

#: What a unit whose service is a container names as its daemon.
DAEMON = "sandbox.systems.tools.container_unit"


class NoImageError(Exception):
    """Neither this host nor the registry has the image."""


class NoContainerError(Exception):
    """There is no container of that name."""


def digest_of(text: str) -> str:
    """Return a digest made of *text*, for furnishing."""
    return f"sha256:{_sha256(text)}"


def _sha256(text: str) -> str:
    from hashlib import sha256  # noqa: PLC0415  # slow to load, and most calls do without

    return sha256(text.encode()).hexdigest()


def publish(machine: Machine, name: str, digest: str = "", **labels: object) -> str:
    """Put an image under *name* into the registry (move the name, if it is there), and return its digest."""
    digest = digest or digest_of(name)
    with machine.shared("registry") as registry:
        registry.setdefault("names", {})[name] = digest
        registry.setdefault("labels", {})[digest] = labels
    return digest


def withdraw(machine: Machine, name: str) -> None:
    """Take a name and its image out of the registry: nobody can pull it any more, by tag or by digest."""
    with machine.shared("registry") as registry:
        digest = registry.get("names", {}).pop(name, "")
        registry.get("labels", {}).pop(digest, None)


def pull(machine: Machine, name: str) -> str:
    """
    Fetch the image the registry has under *name* ("…:TAG" or "…@sha256:…"), and return its digest.

    Raises:
        NoImageError: the registry has none of that name.
    """
    registry = machine.shared("registry").read()
    repository, at, wanted = name.partition("@")
    digest = str(registry.get("names", {}).get(tagged(name), ""))
    if at:
        # A registry keeps an image whose name has moved on, until somebody prunes it.
        digest = wanted if repository and wanted in registry.get("labels", {}) else ""
    if not digest:
        raise NoImageError(name)
    with machine.state("containers") as state:
        images = state.setdefault("images", {})
        if not at:
            for other in images.values():
                if tagged(name) in other["names"]:
                    other["names"].remove(tagged(name))
        image = images.setdefault(digest, {"names": [], "labels": registry["labels"].get(digest, {})})
        image["names"].append(name if at else tagged(name))
        image["names"] = sorted(set(image["names"]))
    return digest


def name_image(state: Data, digest: str, wanted: str) -> None:
    """Let *wanted* name the host's image *digest*, and no other."""
    for image in state["images"].values():
        if tagged(wanted) in image["names"]:
            image["names"].remove(tagged(wanted))
    state["images"][digest]["names"] = sorted({*state["images"][digest]["names"], tagged(wanted)})


def tagged(name: str) -> str:
    return name if ":" in name.rpartition("/")[2] or "@" in name else f"{name}:latest"


def find_image(state: Data, name: str) -> str:
    """
    Return the digest of the image *name* means here: a name, a digest, or the start of an id.

    Raises:
        NoImageError: this host has none.
    """
    images: Data = state.get("images", {})
    bare = name.partition("@")[2] or name
    for digest, image in images.items():
        if bare in (digest, digest[7:]) or name in image["names"] or tagged(name) in image["names"]:
            return str(digest)
        if len(name) >= 8 and digest[7:].startswith(name):
            return str(digest)
    wanted = bare.removeprefix("sha256:")
    for digest in images if len(wanted) >= 8 else ():
        if image_id(digest).startswith(wanted):
            return str(digest)
    raise NoImageError(name)


def image_id(digest: str) -> str:
    """Return the id of the image with that digest: another hash, as in real life."""
    return _sha256(f"config of {digest}")


def create(machine: Machine, name: str, image: str, volumes: list[str] | None = None, **about: object) -> Data:
    """
    Make a container that does not run yet. *about*: command, env, restart, ports, carries, stop_s.

    Raises:
        NoImageError: this host has no such image.
    """
    with machine.state("containers") as state:
        digest = find_image(state, image)
        made = _sha256(f"{machine.name} {name} {time.time()}")
        container = {"id": made, "image": digest, "image_name": image, "state": "created", "created": time.time()}
        container["volumes"] = volumes or []
        container = {**container, "exit_code": 0, **state.get("defaults", {}).get(name, {}), **about}
        state.setdefault("containers", {})[name] = container
        for volume in volumes or ():
            source = volume.partition(":")[0]
            if source and not source.startswith("/"):
                state.setdefault("volumes", {}).setdefault(source, {})
    return container


def defaults(machine: Machine, name: str, **about: object) -> None:
    """Let every container made under *name* from now on have *about*: its daemon, its ports, what it carries."""
    with machine.state("containers") as state:
        state.setdefault("defaults", {}).setdefault(name, {}).update(about)


def get(machine: Machine, name: str) -> Data:
    """
    Return the container of that name or id.

    Raises:
        NoContainerError: there is none.
    """
    found: Data = machine.state("containers").read().get("containers", {})
    for known, container in found.items():
        if known == name or (len(name) >= 8 and container["id"].startswith(name)):
            return {"name": known, **container, "state": _state(machine, known, container)}
    raise NoContainerError(name)


def all_of(machine: Machine) -> list[Data]:
    return [get(machine, name) for name in sorted(machine.state("containers").read().get("containers", {}))]


def running(machine: Machine, name: str) -> bool:
    found = machine.state("containers").read().get("containers", {})
    return name in found and get(machine, name)["state"] == "running"


def release_of(machine: Machine, name: str) -> str:
    """Return the release label of the image the container runs from; "" if it has none."""
    state = machine.state("containers").read()
    container = state.get("containers", {}).get(name)
    image = state.get("images", {}).get(container["image"], {}) if container else {}
    return str(image.get("labels", {}).get("release", ""))


def run(machine: Machine, name: str) -> None:
    """
    Start the container.

    Raises:
        NoContainerError: there is none.
        UnitFailedError: its daemon did not start.
    """
    container = get(machine, name)
    if container["state"] == "running":
        return
    try:
        if begin := _daemon(container, "start"):
            begin(machine, container, name)
    except UnitFailedError:
        _set(machine, name, state="exited", exit_code=1)
        raise
    _set(machine, name, state="running", exit_code=0, since=time.time())
    dataplane.flows(machine, container, up=True)


def halt(machine: Machine, name: str) -> None:
    """
    Stop the container; nothing happens to one that does not run.

    Raises:
        NoContainerError: there is none.
    """
    container = get(machine, name)
    if container["state"] != "running":
        return
    time.sleep(container.get("stop_s", 0.0))
    if end := _daemon(container, "stop"):
        end(machine, container, name)
    _set(machine, name, state="exited", exit_code=0)
    dataplane.flows(machine, container, up=False)


def remove(machine: Machine, name: str) -> None:
    with machine.state("containers") as state:
        state.get("containers", {}).pop(name, None)


def _set(machine: Machine, name: str, **about: object) -> None:
    with machine.state("containers") as state:
        state["containers"][name].update(about)


def _state(machine: Machine, name: str, container: Data) -> str:
    found = str(current(container["state"]))
    alive = _daemon(container, "alive")
    return "exited" if found == "running" and alive is not None and not alive(machine, container, name) else found


def _daemon(container: Data, verb: str) -> Callable[[Machine, Data, str], object] | None:
    module = container.get("daemon")
    found: Callable[[Machine, Data, str], object] | None = (
        getattr(import_module(module), verb, None) if module else None
    )
    return found
