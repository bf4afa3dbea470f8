"""`oc patch`, `delete`, `create`, `apply`, `annotate`, `label` and `scale`."""

from __future__ import annotations

import json
import sys

from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.oc_call import is_gone, targets, until

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.systems.tools.kinds import Kind
    from sandbox.systems.tools.kube import Store
    from sandbox.systems.tools.oc_call import Call
    from sandbox.systems.tools.state import Data


def _each_written(call: Call, act: Callable[[Store, Kind, Data], str]) -> list[str]:
    """Do *act* to each object that is named, all or none, and print what became of it."""
    with call.context.server.writing(call.context.user) as store:
        said = [act(store, kind, one) for kind, objects in targets(call, store) for one in objects]
    for line in said:
        print(line)
    return said


def patch(call: Call) -> int:
    kind_of_patch = call.words.one("--type", default="strategic")
    given = call.words.one("-p", "--patch")
    if kind_of_patch not in ("merge", "strategic"):
        raise SaysNoError(f'error: --type must be one of [json merge strategic], not "{kind_of_patch}"')
    try:
        patch = json.loads(given)
    except ValueError as error:
        raise SaysNoError(f'error: unable to parse "{given}": yaml: {error}') from None

    def act(store: Store, kind: Kind, one: Data) -> str:
        if kind_of_patch == "strategic" and kind.group.count("."):
            raise SaysNoError(
                "Error from server (UnsupportedMediaType): the body of the request was in an unknown format - accepted "
                "media types include: application/json-patch+json, application/merge-patch+json, "
                "application/apply-patch+yaml"
            )
        name = one["metadata"]["name"]
        done = store.patch(kind, one["metadata"].get("namespace", ""), name, patch)
        return f"{kind.singular}/{name} patched{'' if done else ' (no change)'}"

    _each_written(call, act)
    return 0


def marks(field: str, past: str) -> Callable[[Call], int]:
    """`oc annotate` and `oc label`: KEY=VALUE sets, KEY- removes."""

    def mark(call: Call) -> int:
        pairs = [word for word in call.rest if "=" in word or word.endswith("-")]
        call.words.rest = [word for word in call.words.rest if word not in pairs]
        changes = {
            (pair.partition("=")[0] if "=" in pair else pair[:-1]): (pair.partition("=")[2] if "=" in pair else None)
            for pair in pairs
        }

        def act(store: Store, kind: Kind, one: Data) -> str:
            name, here = one["metadata"]["name"], one["metadata"].get(field, {})
            clash = [key for key, value in changes.items() if value is not None and here.get(key, value) != value]
            if clash and not call.words.has("--overwrite"):
                raise SaysNoError(
                    f"error: --overwrite is false but found the following declared {field[:-1]}(s): "
                    f"'{clash[0]}' already has a value ({here[clash[0]]})"
                )
            done = store.patch(kind, one["metadata"].get("namespace", ""), name, {"metadata": {field: changes}})
            return f"{kind.singular}/{name} {past if done or field == 'annotations' else 'not ' + past}"

        _each_written(call, act)
        return 0

    return mark


def delete(call: Call) -> int:
    gone: list[tuple[Kind, str, str, str]] = []

    def act(store: Store, kind: Kind, one: Data) -> str:
        metadata = one["metadata"]
        namespace = metadata.get("namespace", "")
        store.delete(kind, namespace, metadata["name"], cascade=call.words.one("--cascade") != "orphan")
        gone.append((kind, namespace, metadata["name"], metadata["uid"]))
        return f'{kind.singular} "{metadata["name"]}" deleted'

    if not _each_written(call, act) and not call.words.has("--ignore-not-found"):
        print("No resources found")
    if call.words.one("--wait", default="true") != "false":
        for kind, namespace, name, uid in gone:

            def holds(store: Store, kind: Kind = kind, at: tuple[str, str, str] = (namespace, name, uid)) -> bool:
                return is_gone(store, kind, *at)

            until(call, holds)
    return 0


annotate = marks("annotations", "annotated")
label = marks("labels", "labeled")


def create(call: Call) -> int:
    place = call.words.one("-f", "--filename")
    text = sys.stdin.read() if place == "-" else _read(place)
    try:
        given = json.loads(text)
    except ValueError as error:
        raise SaysNoError(f"error: error parsing {place}: manifests of practice worlds are JSON: {error}") from None
    said, dry_run = [], call.words.one("--dry-run") == "server"
    with call.context.server.writing(call.context.user) as store:
        for one in given["items"] if given.get("kind") == "List" else [given]:
            kind = store.kind(one["kind"])
            if kind.namespaced:
                one["metadata"].setdefault("namespace", call.context.namespace)
            namespace, name = one["metadata"].get("namespace", ""), one["metadata"]["name"]
            if call.words.rest[0] == "apply" and store.find(kind.plural, namespace, name) is not None:
                done = store.patch(kind, namespace, name, one)
                said.append(f"{kind.singular}/{name} {'configured' if done else 'unchanged'}")
            else:
                store.create(kind, one, dry_run=dry_run)
                said.append(f"{kind.singular}/{name} created{' (server dry run)' if dry_run else ''}")
    print("\n".join(said))
    return 0


def _read(place: str) -> str:
    try:
        with open(place) as file:
            return file.read()
    except OSError:
        raise SaysNoError(f'error: the path "{place}" does not exist') from None


def scale(call: Call) -> int:
    replicas = int(call.words.one("--replicas", default="-1"))
    if replicas < 0:
        raise SaysNoError("error: The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0")

    def act(store: Store, kind: Kind, one: Data) -> str:
        name = one["metadata"]["name"]
        store.patch(kind, one["metadata"].get("namespace", ""), name, {"spec": {"replicas": replicas}})
        return f"{kind.singular}/{name} scaled"

    _each_written(call, act)
    return 0
