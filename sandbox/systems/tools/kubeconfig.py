"""
Which API server a client talks to: the kubeconfig file, as `oc` finds it (--kubeconfig, $KUBECONFIG, ~/.kube/config).

Practice kubeconfigs are written as JSON, which is YAML too. The address in it names the server's state in the world.
"""

from __future__ import annotations

import json
import os

from sandbox.systems.tools.kube import Server
from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sandbox.systems.tools.kube import Store
    from sandbox.systems.tools.machine import Machine

_MISSING = """error: Missing or incomplete configuration info.  Please point to an existing, complete config file:

  1. Via the command-line flag --kubeconfig
  2. Via the KUBECONFIG environment variable
  3. In your home directory as ~/.kube/config

To view or setup config directly use the 'config' command."""


class Context:
    """Where a call goes, as whom, and in which namespace if it names none."""

    def __init__(self, name: str, server: Server, user: str, namespace: str) -> None:
        self.name, self.server, self.user, self.namespace = name, server, user, namespace


def kubeconfig(address: str, *, context: str, user: str = "admin", namespace: str = "default") -> str:
    """Return a kubeconfig with one context, for the server at *address*."""
    about = {"cluster": context, "user": user, "namespace": namespace}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": context, "cluster": {"server": f"https://{address}"}}],
            "contexts": [{"name": context, "context": about}],
            "users": [{"name": user, "user": {}}],
            "current-context": context,
        },
        indent=2,
    )


def state_name(address: str) -> str:
    """Return the name under which the world's shared state has the server at *address*."""
    return f"kube-{address.partition(':')[0]}"


def beside(store: Store, address: str) -> Server:
    """Return another server of the world: what a controller of this one reaches over the network."""
    return Server(address, State(f"{os.path.dirname(store.path)}/{state_name(address)}.json"))


def chosen(machine: Machine, file: str, context: str, namespace: str) -> Context:
    """
    Return the context a call is for; "" stands for what the kubeconfig says.

    Raises:
        SaysNoError: there is no kubeconfig, or no such context in it.
    """
    config = _config(file)
    name = context or config.get("current-context", "")
    found = _named(config, "contexts", name).get("context")
    if found is None:
        raise SaysNoError(f'error: context "{context}" does not exist' if context else _MISSING)
    url = _named(config, "clusters", found["cluster"]).get("cluster", {}).get("server", "")
    address = url.removeprefix("https://")
    server = Server(address, machine.shared(state_name(address)))
    return Context(name, server, found.get("user", ""), namespace or found.get("namespace", "default"))


def contexts(file: str) -> tuple[str, list[str]]:
    """Return the current context and the names of all."""
    config = _config(file)
    return config.get("current-context", ""), [one["name"] for one in config.get("contexts", [])]


def _config(file: str) -> dict[str, Any]:
    place = file or os.environ.get("KUBECONFIG", "") or f"{os.environ.get('HOME', '/root')}/.kube/config"
    try:
        with open(place) as opened:
            text = opened.read()
    except OSError:
        raise SaysNoError(f"error: stat {place}: no such file or directory" if file else _MISSING) from None
    try:
        found: dict[str, Any] = json.loads(text or "{}")
    except ValueError:
        raise SaysNoError(f'error: error loading config file "{place}": yaml: cannot be read') from None
    return found


def _named(config: dict[str, Any], part: str, name: str) -> dict[str, Any]:
    return next((one for one in config.get(part, []) if one.get("name") == name), {})
