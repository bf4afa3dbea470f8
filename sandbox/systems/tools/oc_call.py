"""One call of `oc`: where it goes, which objects its words name, and waiting for them."""

from __future__ import annotations

import time

from sandbox.systems.tools import kubeconfig
from sandbox.systems.tools.machine import SaysNoError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sandbox.systems.tools.kinds import Kind
    from sandbox.systems.tools.kube import Store
    from sandbox.systems.tools.kubeconfig import Context
    from sandbox.systems.tools.machine import Machine
    from sandbox.systems.tools.state import Data
    from sandbox.systems.tools.words import Words

#: How often `oc` looks while it waits, seconds. The real one watches; nobody can tell the two apart.
LOOKS_EVERY_S = 0.05
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


class Call:
    """One call: its verb's words, where it goes, and the host it was made on."""

    def __init__(self, machine: Machine, words: Words, before: Words) -> None:
        self.machine, self.words, self._before = machine, words, before
        self._context: Context | None = None

    @property
    def context(self) -> Context:
        if self._context is None:
            file, name, namespace = self._said("--kubeconfig"), self._said("--context"), self._said("-n", "--namespace")
            self._context = kubeconfig.chosen(self.machine, file, name, namespace)
        return self._context

    def _said(self, *names: str) -> str:
        return self.words.one(*names, default=self._before.one(*names))

    @property
    def namespace(self) -> str | None:
        """The namespace that is meant; None for all."""
        return None if self.words.has("-A", "--all-namespaces") else self.context.namespace

    @property
    def rest(self) -> list[str]:
        return self.words.rest[1:]


def targets(call: Call, store: Store) -> list[tuple[Kind, list[Data]]]:
    """
    Return what the words after the verb name: TYPE, TYPE NAME…, TYPE/NAME…, TYPE,TYPE; by kind.

    Raises:
        SaysNoError: a kind or an object is not there.
    """
    words, forgiving = (
        call.rest,
        call.words.has("--ignore-not-found") and call.words.one("--ignore-not-found") != "false",
    )
    if not words:
        raise SaysNoError("error: You must specify the type of resource to get.")
    if "/" in words[0]:
        named = [(store.kind(word.partition("/")[0]), [word.partition("/")[2]]) for word in words]
    else:
        named = [(store.kind(word), words[1:]) for word in words[0].split(",")]
    found = []
    for kind, names in named:
        if names:
            found.append((kind, list(_each(call, store, kind, names, forgiving=forgiving))))
        else:
            here = store.list(kind.plural, call.namespace if kind.namespaced else None)
            found.append((kind, _selected(here, call.words)))
    return found


def _selected(objects: list[Data], words: Words) -> list[Data]:
    if not words.has("-l", "--selector", "--field-selector"):
        return objects
    from sandbox.systems.tools.selectors import selected  # noqa: PLC0415  # slow to load

    return selected(objects, words)


def _each(call: Call, store: Store, kind: Kind, names: Iterable[str], *, forgiving: bool) -> Iterable[Data]:
    if kind.namespaced and call.namespace is None:
        raise SaysNoError("error: a resource cannot be retrieved by name across all namespaces")
    for name in names:
        if forgiving and store.find(kind.plural, call.context.namespace if kind.namespaced else "", name) is None:
            continue
        yield store.get(kind, call.context.namespace, name)


def is_gone(store: Store, kind: Kind, namespace: str, name: str, uid: str) -> bool:
    here = store.find(kind.plural, namespace, name)
    return here is None or here["metadata"]["uid"] != uid


def until(call: Call, holds: Callable[[Store], bool], *, timed_out: str = "", default: str = "0s") -> None:
    """Wait, for --timeout at most; 0 is for ever, as with the real one: whoever called it has to end it."""
    text = call.words.one("--timeout", default=default)
    limit_s = float(text[:-1]) * _UNITS[text[-1]] if text[-1:] in _UNITS else float(text or 0)
    deadline = time.monotonic() + limit_s
    while not holds(call.context.server.reading()):
        if limit_s and time.monotonic() >= deadline:
            raise SaysNoError(timed_out or "error: timed out waiting for the condition")
        time.sleep(LOOKS_EVERY_S)
