"""
`podman` and `docker`: one tool under two names. Texts, Go templates (`--format '{{.Image}}'`) and exit statuses after
podman-run(1), podman-exec(1) (125 podman's own error, 126 cannot be invoked, 127 not found) and docker's, which says 1
where podman says 125 for a container that is not there.
"""

from __future__ import annotations

import os
import sys

from sandbox.systems.tools import containers, podman_store, templates
from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.units import UnitFailedError
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.systems.tools.machine import Machine

RUN_TAKES = (
    *("-v", "--volume", "--volumes-from", "-e", "--env", "--name", "--network", "--net", "-u", "--user", "-p"),
    *("--publish", "--restart", "--entrypoint", "-w", "--workdir", "-l", "--label", "--pid", "--ipc", "--ulimit"),
    *("--env-file", "-h", "--hostname", "--security-opt", "--cap-add", "--mount", "--log-driver", "--log-opt"),
)
EXEC_TAKES = ("-u", "--user", "-e", "--env", "-w", "--workdir", "--env-file")


def main(machine: Machine, argv: list[str]) -> int:
    words = Words(argv, ("--log-level", "--root", "-H", "--host"), stops=True)
    verb, rest = (words.rest or [""])[0], words.rest[1:]
    if verb in ("image", "container", "volume", "network") and rest:
        verb, rest = f"{verb} {rest[0]}", rest[1:]
    verb = SAME.get(verb, verb)
    if verb not in VERBS:
        raise SaysNoError(f"Error: unrecognized command `{machine.tool} {verb}`", 125)
    try:
        return VERBS[verb](machine, rest)
    except containers.NoContainerError as missing:
        if machine.tool == "docker":
            raise SaysNoError(f"Error response from daemon: No such container: {missing}", 1) from missing
        text = f'Error: no container with name or ID "{missing}" found: no such container'
        raise SaysNoError(text, 125) from missing
    except containers.NoImageError as missing:
        raise _no_image(machine, str(missing)) from missing
    except UnitFailedError as failure:
        raise SaysNoError(f"Error: {failure}", 125) from failure


def _no_image(machine: Machine, name: str) -> SaysNoError:
    if machine.tool == "docker":
        return SaysNoError(f"Error response from daemon: No such image: {name}", 1)
    return SaysNoError(f"Error: {name}: image not known", 125)


def _run(machine: Machine, argv: list[str]) -> int:
    words = Words(argv, RUN_TAKES, stops=True)
    if not words.rest:
        raise SaysNoError(f'"{machine.tool} run" requires at least 1 argument', 125)
    image, command = words.rest[0], words.rest[1:]
    try:
        containers.find_image(machine.state("containers").read(), image)
    except containers.NoImageError:
        podman_store.pull(machine, [image], sys.stderr)
    name = words.one("--name") or f"{os.path.basename(image).partition(':')[0]}-{os.getpid()}"
    if name in machine.state("containers").read().get("containers", {}):
        raise SaysNoError(f'Error: creating container storage: the container name "{name}" is already in use', 125)
    about = {"volumes": words.all("-v", "--volume"), "env": words.all("-e", "--env"), "command": command}
    made = containers.create(machine, name, image, **about, restart=words.one("--restart"))
    if words.has("-d", "--detach"):
        containers.run(machine, name)
        print(made["id"])
        return 0
    try:
        entry = words.one("--entrypoint")
        return _inside(machine, name, [*([entry] if entry else []), *command], words.all("-e", "--env"))
    finally:
        if words.has("--rm"):
            containers.remove(machine, name)


def _exec(machine: Machine, argv: list[str]) -> int:
    words = Words(argv, EXEC_TAKES, stops=True)
    if len(words.rest) < 2:
        raise SaysNoError(f'"{machine.tool} exec" requires a container and a command', 125)
    name, command = words.rest[0], words.rest[1:]
    container = containers.get(machine, name)
    if container["state"] != "running":
        if machine.tool == "docker":
            raise SaysNoError(f"Error response from daemon: container {container['id']} is not running", 1)
        raise SaysNoError("Error: can only create exec sessions on running containers: container state improper", 255)
    files = [line for path in words.all("--env-file") for line in machine.read(path).splitlines()]
    return _inside(machine, container["name"], command, [*files, *words.all("-e", "--env")])


def _inside(machine: Machine, name: str, command: list[str], env: list[str]) -> int:
    """Become the command: what is only in containers is found first, and knows in which it is."""
    if not command:
        return 0
    sys.stdout.flush()
    given = dict(one.partition("=")[::2] for one in env)
    environment = {**os.environ, "PATH": f"{machine.directory}/inside:{os.environ['PATH']}", "CONTAINER": name, **given}
    pid = os.fork()
    if not pid:
        try:
            os.execvpe(command[0], command, environment)
        except OSError:
            print(f'Error: exec: "{command[0]}": executable file not found in $PATH', file=sys.stderr, flush=True)
            os._exit(127)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return status if status >= 0 else 128 - status


def _each(act: Callable[[Machine, str], None]) -> Callable[[Machine, list[str]], int]:
    def all_of(machine: Machine, argv: list[str]) -> int:
        words = Words(argv, ("-t", "--time", "--timeout", "-s", "--signal"))
        names = words.rest
        if words.has("-a", "--all"):
            names = [container["name"] for container in containers.all_of(machine)]
        for name in names:
            try:
                known = containers.get(machine, name)["name"]
            except containers.NoContainerError:
                if words.has("-i", "--ignore"):
                    continue
                raise
            act(machine, known)
            print(name)
        return 0

    return all_of


def _remove(machine: Machine, argv: list[str]) -> int:
    words = Words(argv, ("-t", "--time"))
    for name in words.rest:
        try:
            container = containers.get(machine, name)
        except containers.NoContainerError:
            if words.has("-i", "--ignore") or (words.has("-f", "--force") and machine.tool == "podman"):
                continue
            raise
        if container["state"] == "running" and not words.has("-f", "--force"):
            text = f"cannot remove container {container['id']} as it is running - running or paused containers cannot"
            raise SaysNoError(f"Error: {text} be removed without force: container state improper", 2)
        containers.halt(machine, container["name"])
        containers.remove(machine, container["name"])
        print(name)
    return 0


def _restart(machine: Machine, name: str) -> None:
    containers.halt(machine, name)
    containers.run(machine, name)


def _logs(machine: Machine, argv: list[str]) -> int:
    container = containers.get(machine, Words(argv, ("-n", "--tail", "--since")).rest[0])
    print("\n".join(container.get("log", [])))
    return 0


def _version(machine: Machine, argv: list[str]) -> int:
    version = machine.state("containers").read().get("version", "4.9.4")
    if "--format" in argv or "-f" in argv:
        print(version)
    else:
        print(f"Client:       {machine.tool} Engine\nVersion:      {version}")
    return 0


def _list(machine: Machine, argv: list[str]) -> int:
    return templates.list_containers(machine, argv)


SAME = {
    "container inspect": "inspect",
    "container ls": "ps",
    "container list": "ps",
    "container rm": "rm",
    "image ls": "images",
    "image list": "images",
    "image pull": "pull",
    "image rm": "rmi",
    "image tag": "tag",
    "--version": "version",
}
VERBS: dict[str, Callable[[Machine, list[str]], int]] = {
    "ps": _list,
    "images": templates.list_images,
    "inspect": templates.inspect_container,
    "image inspect": templates.inspect_image,
    "image exists": templates.image_exists,
    "container exists": templates.container_exists,
    "pull": podman_store.pull,
    "run": _run,
    "exec": _exec,
    "start": _each(containers.run),
    "stop": _each(containers.halt),
    "restart": _each(_restart),
    "kill": _each(containers.halt),
    "rm": _remove,
    "rmi": podman_store.remove_image,
    "tag": podman_store.tag,
    "logs": _logs,
    "volume ls": podman_store.volumes,
    "volume rm": podman_store.volume_remove,
    "version": _version,
}
