"""
`oc`, the OpenShift client, against the practice world's API servers (see `kube`): get, patch, delete, create, apply,
annotate, label, scale, wait, exec, rsh, cp, adm release info, config, whoami, version.

Output, texts and exit statuses are kubectl's and oc's: whatever goes wrong ends with 1, a server that does not answer
as well as an object that is not there; only the text tells them apart. Manifests are JSON (which is YAML too).
"""

from __future__ import annotations

from importlib import import_module

from sandbox.systems.tools import kubeconfig, oc_print
from sandbox.systems.tools.kube import settled
from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.oc_call import Call, is_gone, targets, until
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.systems.tools.kinds import Kind
    from sandbox.systems.tools.kube import Store
    from sandbox.systems.tools.machine import Machine

GLOBAL = ("-n", "--namespace", "--context", "--kubeconfig", "--request-timeout", "--as", "-s", "--server", "--cluster")
TAKES = (
    *GLOBAL,
    *("-o", "--output", "-l", "--selector", "-p", "--patch", "--type", "-c", "--container", "-f", "--filename"),
    *("--for", "--timeout", "--replicas", "--cascade", "--grace-period", "--field-selector", "--sort-by", "-L"),
    *("--image-for", "-a", "--registry-config", "--resource-version", "--dry-run", "--field-manager", "--subresource"),
)
FLAGS = (
    *("-A", "--all-namespaces", "-t", "--tty", "-i", "--stdin", "-q", "--quiet", "--no-headers", "--ignore-not-found"),
    *("--wait", "--now", "--force", "--overwrite", "--show-labels", "--show-server", "--client", "--all", "--no-tty"),
)


def main(machine: Machine, argv: list[str]) -> int:
    # What `oc rsh POD` is followed by is the pod's, with or without `--`.
    verb_first = Words(argv, TAKES, stops=True)
    verb = (verb_first.rest or [""])[0]
    if verb not in VERBS:
        raise SaysNoError(f'error: unknown command "{verb}" for "oc"')
    words = Words(argv[argv.index(verb) + 1 :], TAKES, stops=verb == "rsh")
    words.rest.insert(0, verb)
    if unknown := words.unknown((*TAKES, *FLAGS)):
        raise SaysNoError(f"error: unknown flag: {unknown[0]}")
    return VERBS[verb](Call(machine, words, verb_first))


def _get(call: Call) -> int:
    store = call.context.server.reading()
    return oc_print.show(call.words, targets(call, store), call.namespace)


def _wait(call: Call) -> int:
    """`oc wait --for=delete|condition=TYPE[=STATUS]|jsonpath='{…}'=VALUE`; 30 s where no --timeout is given."""
    wanted = call.words.one("--for")
    found = [(kind, one) for kind, objects in targets(call, call.context.server.reading()) for one in objects]
    if not found and wanted != "delete":
        raise SaysNoError("error: no matching resources found")
    for kind, one in found:
        name, namespace, uid = (one["metadata"].get(key, "") for key in ("name", "namespace", "uid"))

        def holds(
            store: Store, kind: Kind = kind, namespace: str = namespace, name: str = name, uid: str = uid
        ) -> bool:
            if wanted == "delete":
                return is_gone(store, kind, namespace, name, uid)
            return oc_print.meets(store.get(kind, namespace, name), wanted)

        text = f"error: timed out waiting for the condition on {kind.plural}/{name}"
        until(call, holds, timed_out=text, default="30s")
        print(f"{kind.singular}/{name} condition met")
    return 0


def _config(call: Call) -> int:
    file = call.words.one("--kubeconfig")
    current, names = kubeconfig.contexts(file)
    match call.rest:
        case ["current-context"]:
            print(current)
        case ["get-contexts"] if call.words.one("-o") == "name":
            print("\n".join(names))
        case _:
            raise SaysNoError(f'error: unknown command "{" ".join(call.rest)}" for "oc config"')
    return 0


def _whoami(call: Call) -> int:
    call.context.server.reading()
    print(f"https://{call.context.server.address}" if call.words.has("--show-server") else call.context.user)
    return 0


def _version(call: Call) -> int:
    print("Client Version: 4.20.0\nKustomize Version: v5.6.0")
    if not call.words.has("--client"):
        store = call.context.server.reading()
        print(f"Kubernetes Version: {settled(store.data.get('version', 'v1.33.5'))}")
    return 0


def _elsewhere(module: str, verb: str) -> Callable[[Call], int]:
    """A verb of another module, which is loaded when somebody uses it: most calls are `get`."""

    def act(call: Call) -> int:
        found: Callable[[Call], int] = getattr(import_module(f"sandbox.systems.tools.{module}"), verb)
        return found(call)

    return act


VERBS: dict[str, Callable[[Call], int]] = {
    "adm": _elsewhere("oc_release", "adm"),
    "annotate": _elsewhere("oc_write", "annotate"),
    "apply": _elsewhere("oc_write", "create"),
    "config": _config,
    "cp": _elsewhere("oc_pods", "copy"),
    "create": _elsewhere("oc_write", "create"),
    "delete": _elsewhere("oc_write", "delete"),
    "exec": _elsewhere("oc_pods", "execute"),
    "get": _get,
    "label": _elsewhere("oc_write", "label"),
    "patch": _elsewhere("oc_write", "patch"),
    "rsh": _elsewhere("oc_pods", "execute"),
    "scale": _elsewhere("oc_write", "scale"),
    "version": _version,
    "wait": _wait,
    "whoami": _whoami,
}
