"""What `podman` and `docker` keep: images and volumes."""

from __future__ import annotations

from sandbox.systems.tools import containers
from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from sandbox.systems.tools.machine import Machine


def pull(machine: Machine, argv: list[str], out: TextIO | None = None) -> int:
    words = Words(argv, ("--platform", "--authfile", "--creds"))
    for name in words.rest:
        try:
            digest = containers.pull(machine, name)
        except containers.NoImageError:
            if machine.tool == "docker":
                raise SaysNoError(
                    f"Error response from daemon: manifest for {name} not found: manifest unknown", 1
                ) from None
            registry = name.partition("/")[0]
            text = f"Error: initializing source docker://{name}: reading manifest in {registry}: manifest unknown"
            raise SaysNoError(text, 125) from None
        print(containers.image_id(digest) if machine.tool == "podman" else f"Digest: {digest}", file=out)
    return 0


def remove_image(machine: Machine, argv: list[str]) -> int:
    words = Words(argv)
    for name in words.rest:
        with machine.state("containers") as state:
            digest = containers.find_image(state, name)
            using = [n for n, c in state.get("containers", {}).items() if c["image"] == digest]
            if using and not words.has("-f", "--force"):
                raise SaysNoError(f"Error: image used by {using[0]}: image is in use by a container", 2)
            del state["images"][digest]
        print(f"Deleted: {containers.image_id(digest)}")
    return 0


def tag(machine: Machine, argv: list[str]) -> int:
    """Give an image another name, which no other image has from now on."""
    source, name = Words(argv).rest
    with machine.state("containers") as state:
        digest = containers.find_image(state, source)
        containers.name_image(state, digest, name)
    return 0


def volume_remove(machine: Machine, argv: list[str]) -> int:
    for name in Words(argv).rest:
        with machine.state("containers") as state:
            if name not in state.get("volumes", {}):
                raise SaysNoError(f'Error: no volume with name "{name}" found: no such volume', 1)
            users = [
                n
                for n, c in state.get("containers", {}).items()
                if any(str(v).startswith(f"{name}:") for v in c.get("volumes", []))
            ]
            if users:
                raise SaysNoError(f"Error: volume {name} is being used by the following container(s): {users[0]}", 2)
            del state["volumes"][name]
        machine.clear(f"/var/lib/{'docker' if machine.tool == 'docker' else 'containers/storage'}/volumes/{name}")
        print(name)
    return 0


def volumes(machine: Machine, argv: list[str]) -> int:
    for name in sorted(machine.state("containers").read().get("volumes", {})):
        print(name if Words(argv).has("-q", "--quiet") else f"local       {name}")
    return 0
