"""
A Kubernetes API server of the practice world: one JSON state for each (see `kubeconfig`), and its controllers.

What is kept: `kinds` (plural -> group, kind, short names, whether it lives in a namespace), `objects` (plural ->
"namespace/name" -> object), `controllers` (modules of the system), `alarms` (what a controller will do at a time),
`outage` (why it does not answer), `viewers` (users who may only look), `refuses_writes` (why no write succeeds).
Values of objects may change later by themselves: `state.later`.

A controller has `changed(store, plural, old, new)`, called after each write (new None: removed), and
`due(store, alarm)`. It acts within the same write; what takes time it leaves to `later` or to an alarm.
Words of errors after k8s.io/apimachinery/pkg/api/errors and client-go.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from importlib import import_module

from sandbox.systems.tools.kinds import KINDS, Kind
from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.state import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from sandbox.systems.tools.state import Data, State


class Store:
    """The objects while nobody else writes. Made by `Server.reading` and `Server.writing`."""

    def __init__(self, data: Data, user: str = "", path: str = "") -> None:
        self.data = data
        self.user = user
        self.path = path  #: of the server's state; other servers' lie beside it

    def _all(self, plural: str) -> dict[str, Data]:
        found: dict[str, Data] = self.data.setdefault("objects", {}).setdefault(plural, {})
        return found

    def kind(self, word: str) -> Kind:
        """
        Raises:
            SaysNoError: the server knows no such kind.
        """
        known = {**KINDS, **self.data.get("kinds", {})}
        name, _, group = word.lower().partition(".")
        for plural, (its_group, kind, short, namespaced) in known.items():
            if name in (plural, kind.lower(), *short) and (not group or its_group == group):
                return Kind(plural, its_group, kind, namespaced)
        raise SaysNoError(f'error: the server doesn\'t have a resource type "{word}"')

    def find(self, plural: str, namespace: str, name: str) -> Data | None:
        """Return the object itself, not a copy; None if there is none."""
        return self._all(plural).get(_key(namespace, name))

    def get(self, kind: Kind, namespace: str, name: str) -> Data:
        """
        Raises:
            SaysNoError: there is none.
        """
        found = self.find(kind.plural, namespace if kind.namespaced else "", name)
        if found is None:
            raise SaysNoError(f'Error from server (NotFound): {kind.resource} "{name}" not found')
        return found

    def list(self, plural: str, namespace: str | None = None) -> list[Data]:
        """Return the objects of a kind by name, in one namespace or in all (None)."""
        found = self._all(plural).values()
        mine = [one for one in found if namespace in (None, one["metadata"].get("namespace", ""))]
        return sorted(mine, key=lambda one: (one["metadata"].get("namespace", ""), one["metadata"]["name"]))

    def put(self, plural: str, name: str, namespace: str = "", **parts: Any) -> Data:
        """Create or replace an object, as the system that describes it wants it. Controllers are not told."""
        group, kind, *_ = {**KINDS, **self.data.get("kinds", {})}[plural]
        metadata = {"name": name, "uid": self._uid(), "generation": 1, **parts.pop("metadata", {})}
        if namespace:
            metadata["namespace"] = namespace
        made = {"apiVersion": f"{group}/v1" if group else "v1", "kind": kind, "metadata": metadata, **parts}
        metadata.setdefault("creationTimestamp", stamp(time.time()))
        self._all(plural)[_key(namespace, name)] = made
        self._touched(made)
        return made

    def create(self, kind: Kind, given: Data, *, dry_run: bool = False) -> Data:
        """
        Make what is *given*; with *dry_run* only judge whether it could be made.

        Raises:
            SaysNoError: it is there already, or the user may not.
        """
        metadata = given["metadata"]
        namespace = metadata.get("namespace", "") if kind.namespaced else ""
        self._may("create", kind, namespace, metadata["name"])
        if self.find(kind.plural, namespace, metadata["name"]) is not None:
            raise SaysNoError(f'Error from server (AlreadyExists): {kind.resource} "{metadata["name"]}" already exists')
        if dry_run:
            return given
        parts = {key: value for key, value in given.items() if key not in ("apiVersion", "kind", "metadata")}
        made = self.put(kind.plural, metadata["name"], namespace, metadata=dict(metadata), **parts)
        self._tell(kind.plural, None, made)
        return made

    def patch(self, kind: Kind, namespace: str, name: str, patch: Data) -> bool:
        """
        Merge *patch* (RFC 7396) into the object; return whether anything changed.

        Raises:
            SaysNoError: there is no such object, or the user may not.
        """
        self._may("patch", kind, namespace, name)
        here = self.get(kind, namespace, name)
        old, new = settled(here), merged(here, patch)
        if settled(new) == old:
            return False
        if settled(new).get("spec") != old.get("spec"):
            new["metadata"]["generation"] = old["metadata"].get("generation", 1) + 1
        here.clear()
        here.update(new)
        self._touched(here)
        if here["metadata"].get("deletionTimestamp") and not here["metadata"].get("finalizers"):
            self.remove(kind.plural, here)
        else:
            self._tell(kind.plural, old, here)
        return True

    def delete(self, kind: Kind, namespace: str, name: str, *, cascade: bool = True) -> None:
        """
        Remove the object; one with finalizers stays until they are gone.

        Raises:
            SaysNoError: there is no such object, or the user may not.
        """
        self._may("delete", kind, namespace, name)
        here = self.get(kind, namespace, name)
        if here["metadata"].get("finalizers"):
            old = settled(here)
            here["metadata"].setdefault("deletionTimestamp", stamp(time.time()))
            self._touched(here)
            self._tell(kind.plural, old, here)
        else:
            self.remove(kind.plural, here, cascade=cascade)

    def remove(self, plural: str, here: Data, *, cascade: bool = True) -> None:
        """Take the object out, and with *cascade* what it owns."""
        metadata = here["metadata"]
        if self._all(plural).pop(_key(metadata.get("namespace", ""), metadata["name"]), None) is None:
            return
        self._tell(plural, settled(here), None)
        if cascade:
            for each in list(self.data["objects"]):
                for one in self.list(each):
                    if any(o.get("uid") == metadata["uid"] for o in one["metadata"].get("ownerReferences", [])):
                        self.remove(each, one)
        if plural == "namespaces":
            for each in list(self.data["objects"]):
                for one in self.list(each, metadata["name"]):
                    self.remove(each, one)

    def alarm(self, controller: str, in_s: float, **what: Any) -> None:
        """Let *controller* (a module) do something *in_s* seconds from now."""
        self.data.setdefault("alarms", []).append({"at": time.time() + in_s, "controller": controller, **what})

    def ring(self) -> None:
        """Let controllers do what is due by now, earliest first."""
        while due := [alarm for alarm in self.data.get("alarms", []) if alarm["at"] <= time.time()]:
            first = min(due, key=lambda alarm: float(alarm["at"]))
            self.data["alarms"].remove(first)
            import_module(first["controller"]).due(self, first)

    def _may(self, verb: str, kind: Kind, namespace: str, name: str) -> None:
        if self.user in self.data.get("viewers", []):
            where = f' in the namespace "{namespace}"' if kind.namespaced else " at the cluster scope"
            raise SaysNoError(
                f'Error from server (Forbidden): {kind.resource} "{name}" is forbidden: User "{self.user}" cannot '
                f'{verb} resource "{kind.plural}" in API group "{kind.group}"{where}'
            )
        if problem := current(self.data.get("refuses_writes", "")):
            raise SaysNoError(f"Error from server (InternalError): {problem}")

    def _tell(self, plural: str, old: Data | None, new: Data | None) -> None:
        for controller in self.data.get("controllers", []):
            import_module(controller).changed(self, plural, old, new)

    def _touched(self, here: Data) -> None:
        self.data["resource_version"] = self.data.get("resource_version", 1000) + 1
        here["metadata"]["resourceVersion"] = str(self.data["resource_version"])

    def _uid(self) -> str:
        self.data["uids"] = self.data.get("uids", 0) + 1
        return f"00000000-0000-4000-8000-{self.data['uids']:012}"


class Server:
    """One API server, by the address kubeconfigs have for it ("api.mgmt-1.example.net:6443")."""

    def __init__(self, address: str, state: State) -> None:
        self.address = address
        self.state = state

    def reading(self) -> Store:
        """
        Raises:
            SaysNoError: it does not answer.
        """
        data = self.state.read()
        self._check(data)
        if any(alarm["at"] <= time.time() for alarm in data.get("alarms", [])):
            with self.state as data:
                Store(data, path=self.state.path).ring()
        return Store(data, path=self.state.path)

    @contextmanager
    def writing(self, user: str = "") -> Iterator[Store]:
        """
        Raises:
            SaysNoError: it does not answer.
        """
        with self.state as data:
            self._check(data)
            store = Store(data, user, self.state.path)
            store.ring()
            yield store

    def _check(self, data: Data) -> None:
        if not data:
            host = self.address.rpartition(":")[0]
            raise SaysNoError(f"Unable to connect to the server: dial tcp: lookup {host}: no such host")
        match data.get("outage", ""):
            case "":
                return
            case "refused":
                raise SaysNoError(
                    f"The connection to the server {self.address} was refused - did you specify the right host or port?"
                )
            case text:
                raise SaysNoError(f"Unable to connect to the server: {text}")


def stamp(at: float) -> str:
    """Return a time as Kubernetes writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def settled(value: Any) -> Any:
    """Return *value* as it is by now: what changes by itself is what it has become."""
    value = current(value)
    if isinstance(value, dict):
        return {key: settled(each) for key, each in value.items()}
    return [settled(each) for each in value] if isinstance(value, list) else value


def merged(into: Any, patch: Any) -> Any:
    """Return a merge patch's result (RFC 7396): null removes, a list is replaced as a whole."""
    if not isinstance(patch, dict):
        return patch
    into = current(into)
    result = dict(into) if isinstance(into, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def _key(namespace: str, name: str) -> str:
    return f"{namespace}/{name}"
