"""What `podman` and `docker` say of containers and images: tables, JSON, and the Go templates runbooks use."""

from __future__ import annotations

import json
import re
import time

from sandbox.systems.tools import containers
from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine
    from sandbox.systems.tools.state import Data

FIELD = re.compile(r"\{\{\s*(?:(json|index)\s+)?\.([A-Za-z0-9_.]*)(?:\s+(\d+|\"[^\"]*\"))?\s*\}\}")


def fill(template: str, data: Data) -> str:
    """
    Fill a Go template: `{{.A.B}}`, `{{json .A}}`, `{{index .A 0}}`, `{{index .Labels "x"}}`; tabs and newlines escaped.

    Raises:
        SaysNoError: it names a field that is not there.
    """
    return FIELD.sub(lambda match: _value(match, data), template.replace("\\t", "\t").replace("\\n", "\n"))


def _value(match: re.Match[str], data: Data) -> str:
    how, path, key = match[1], match[2], match[3]
    value: object = data
    for name in filter(None, path.split(".")):
        if not isinstance(value, dict) or name not in value:
            raise SaysNoError(f"Error: template: can't evaluate field {name}", 125)
        value = value[name]
    if how == "index":
        value = _indexed(value, key)
    if how == "json" or isinstance(value, dict | list):
        return json.dumps(value)
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _indexed(value: object, key: str) -> object:
    if isinstance(value, list) and key.isdecimal():
        if int(key) >= len(value):
            raise SaysNoError("Error: template: error calling index: index out of range", 125)
        return value[int(key)]
    return value.get(key.strip('"'), "") if isinstance(value, dict) else ""


def _row(container: Data) -> Data:
    status = f"Up {_span(time.time() - float(container.get('since') or container['created']))}"
    if container["state"] != "running":
        status = {"created": "Created"}.get(container["state"], f"Exited ({container['exit_code']})")
    return {
        "ID": container["id"][:12],
        "Names": container["name"],
        "Name": container["name"],
        "Image": container["image_name"],
        "ImageID": containers.image_id(container["image"])[:12],
        "State": container["state"],
        "Status": status,
        "Command": " ".join(map(str, container.get("command", []))),
    }


def _span(seconds: float) -> str:
    return f"{int(seconds)} seconds" if seconds < 60 else f"{int(seconds // 60)} minutes"


def list_containers(machine: Machine, argv: list[str]) -> int:
    words = Words(argv, ("--filter", "-f", "--format", "-n", "--last"))
    found = [c for c in containers.all_of(machine) if _wanted(c, words)]
    rows = [_row(container) for container in found]
    shape = words.one("--format")
    if words.has("-q", "--quiet"):
        print("\n".join(c["id"] if words.has("--no-trunc") else row["ID"] for c, row in zip(found, rows, strict=True)))
    elif shape == "json":
        print(json.dumps([{**row, "Names": [row["Names"]], "Id": c["id"]} for c, row in zip(found, rows, strict=True)]))
    elif shape:
        lines = [fill(shape.removeprefix("table "), row) for row in rows]
        print("\n".join(lines))
    else:
        print("CONTAINER ID  IMAGE  STATUS  NAMES")
        for row in rows:
            print(f"{row['ID']}  {row['Image']}  {row['Status']}  {row['Names']}")
    return 0


def _wanted(container: Data, words: Words) -> bool:
    filters = [one.partition("=")[::2] for one in words.all("--filter", "-f")]
    names = [value for key, value in filters if key == "name"]
    states = [value for key, value in filters if key == "status"]
    if names and not any(re.search(name, container["name"]) for name in names):
        return False
    if states:
        return container["state"] in states
    return words.has("-a", "--all") or container["state"] == "running"


def list_images(machine: Machine, argv: list[str]) -> int:
    words = Words(argv, ("--filter", "-f", "--format"))
    shape = words.one("--format")
    for digest, image in sorted(machine.state("containers").read().get("images", {}).items()):
        for name in image["names"] or ["<none>:<none>"]:
            repository, _, tag = name.partition("@")[0].rpartition(":")
            if words.rest and words.rest[0] not in (repository, name):
                continue
            row = {"Repository": repository, "Tag": tag, "Digest": digest, "ID": containers.image_id(digest)[:12]}
            if words.has("-q", "--quiet"):
                print(row["ID"])
            else:
                print(fill(shape, row) if shape else f"{repository}  {tag}  {row['ID']}")
    return 0


def inspect_container(machine: Machine, argv: list[str]) -> int:
    words = Words(argv, ("--format", "-f", "--type", "-t"))
    found = []
    for name in words.rest:
        try:
            found.append(about_container(machine, containers.get(machine, name)))
        except containers.NoContainerError:
            if words.one("--type", "-t") == "container":
                raise
            found.append(_about_image(machine, name, "object"))
    return _print(found, words.one("--format", "-f"))


def about_container(machine: Machine, container: Data) -> Data:
    """Return what `inspect` shows of it, as far as runbooks ask."""
    image = machine.state("containers").read().get("images", {}).get(container["image"], {})
    running = container["state"] == "running"
    return {
        "Id": container["id"],
        "Name": container["name"] if machine.tool == "podman" else f"/{container['name']}",
        "Created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(container["created"])),
        "Image": containers.image_id(container["image"]) if machine.tool == "podman" else _sha(container["image"]),
        "ImageName": container["image_name"],
        "ImageDigest": container["image"],
        "State": {
            "Status": container["state"],
            "Running": running,
            "ExitCode": container["exit_code"],
            "Pid": 1000 + int(container["id"][:4], 16) if running else 0,
            "StartedAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(container.get("since", 0))),
            "Health": {"Status": "healthy" if running else "unhealthy"},
        },
        "Config": {
            "Image": container["image_name"],
            "Labels": image.get("labels", {}),
            "Env": container.get("env", []),
            "Cmd": container.get("command", []),
        },
        "HostConfig": {"RestartPolicy": {"Name": container.get("restart", "")}, "Binds": container.get("volumes", [])},
    }


def _sha(digest: str) -> str:
    return f"sha256:{containers.image_id(digest)}"


def inspect_image(machine: Machine, argv: list[str]) -> int:
    words = Words(argv, ("--format", "-f"))
    return _print([_about_image(machine, name, "image") for name in words.rest], words.one("--format", "-f"))


def _about_image(machine: Machine, name: str, kind: str) -> Data:
    state = machine.state("containers").read()
    try:
        digest = containers.find_image(state, name)
    except containers.NoImageError:
        if machine.tool == "docker":
            raise SaysNoError(f"Error: No such {kind}: {name}", 1) from None
        text = "no such object" if kind == "object" else "failed to find image"
        raise SaysNoError(f'Error: {text}: "{name}"', 125) from None
    image = state["images"][digest]
    repositories = sorted({one.partition("@")[0].rpartition(":")[0] or one for one in image["names"]})
    return {
        "Id": containers.image_id(digest) if machine.tool == "podman" else _sha(digest),
        "Digest": digest,
        "RepoTags": [one for one in image["names"] if "@" not in one],
        "RepoDigests": [f"{repository}@{digest}" for repository in repositories],
        "Labels": image.get("labels", {}),
        "Config": {"Labels": image.get("labels", {})},
    }


def _print(found: list[Data], shape: str) -> int:
    if shape:
        print("\n".join(fill(shape, one) for one in found))
    else:
        print(json.dumps(found, indent=4))
    return 0


def image_exists(machine: Machine, argv: list[str]) -> int:
    try:
        containers.find_image(machine.state("containers").read(), argv[0])
    except containers.NoImageError:
        return 1
    return 0


def container_exists(machine: Machine, argv: list[str]) -> int:
    return 0 if argv[0] in machine.state("containers").read().get("containers", {}) else 1
