"""
`oc adm release info IMAGE`: what a release image is, read from the registry. The world's registry is the shared state
`registry`: `releases` (digest -> version, `images`), `tags` (pull spec with a tag -> digest), `outage` (a text).
"""

from __future__ import annotations

import json
import sys

from sandbox.systems.tools.machine import SaysNoError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine
    from sandbox.systems.tools.oc_call import Call
    from sandbox.systems.tools.state import Data
    from sandbox.systems.tools.words import Words


def adm(call: Call) -> int:
    """
    Raises:
        SaysNoError: it is none of the administrator's commands that are there.
    """
    if call.rest[:2] != ["release", "info"]:
        asked = " ".join(call.rest)
        raise SaysNoError(f'error: unknown command "{asked}" for "oc adm"')
    return info(call.machine, call.words)


def info(machine: Machine, words: Words) -> int:
    """
    Raises:
        SaysNoError: the image is not there, or the registry does not answer; the texts differ, the status does not.
    """
    if len(words.rest) != 4:
        raise SaysNoError("error: info expects one argument, a release image pull spec")
    about = _release(machine, words.rest[3])
    if name := words.one("--image-for"):
        if name not in about["images"]:
            raise SaysNoError(f'error: no image tag "{name}" exists in the release image {words.rest[3]}')
        print(about["images"][name])
        return 0
    return _show(about, words.one("-o", "--output"))


def _release(machine: Machine, image: str) -> Data:
    registry = machine.shared("registry").read()
    if outage := registry.get("outage", ""):
        host = image.partition("/")[0]
        raise SaysNoError(f'error: unable to connect to image repository {image}: Get "https://{host}/v2/": {outage}')
    repository, at, digest = image.partition("@")
    digest = digest if at else registry.get("tags", {}).get(image, "")
    found = registry.get("releases", {}).get(digest)
    if found is None:
        raise SaysNoError(f"error: unable to read image {image}: manifest unknown: manifest unknown")
    images = {name: str(spec) for name, spec in found.get("images", {}).items()}
    return {
        "image": f"{repository if at else image.rpartition(':')[0]}@{digest}",
        "digest": digest,
        "metadata": {
            "kind": "cincinnati-metadata-v0",
            "version": found["version"],
            "previous": found.get("previous", []),
        },
        "config": {"architecture": found.get("architecture", "amd64"), "os": "linux"},
        "images": images,
    }


def _show(about: Data, output: str) -> int:
    shape, _, template = output.partition("=")
    if shape == "json":
        print(json.dumps(about, indent=2))
    elif shape == "jsonpath":
        from sandbox.systems.tools.jsonpath import PathError, render  # noqa: PLC0415  # slow to load

        try:
            sys.stdout.write(render(template, about))
        except PathError as error:
            raise SaysNoError(f'error: error executing jsonpath "{template}": {error}') from None
    elif shape:
        raise SaysNoError("error: -o only supports 'name', 'json', 'jsonpath' and 'digest'")
    else:
        print(
            f"Name:       {about['metadata']['version']}\nDigest:     {about['digest']}\nPull From:  {about['image']}"
        )
    return 0
