"""
`oc exec`, `rsh` and `cp`: into pods of the practice world. A pod's files lie in the world, whichever host asks; its
commands are those a host finds only inside containers, and know by their environment in which pod they are.

The exit status of a command in a pod is `oc`'s own, as with the real one: 1 of a command and 1 of `oc` look alike.
"""

from __future__ import annotations

import os
import sys

from sandbox.systems.tools.kube import settled
from sandbox.systems.tools.machine import SaysNoError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.kube import Store
    from sandbox.systems.tools.machine import Machine
    from sandbox.systems.tools.oc_call import Call
    from sandbox.systems.tools.state import Data


def pod_root(machine: Machine, server: str, namespace: str, pod: str) -> str:
    """Return where the files of a pod lie; they last as long as the world does."""
    return f"{machine.world}/shared/pods/{server.partition(':')[0]}/{namespace}/{pod}"


def execute(call: Call) -> int:
    """`oc exec POD [-c CONTAINER] -- WORDS`; also deploy/NAME, sts/NAME: the first of its pods."""
    if len(call.rest) < 2:
        raise SaysNoError("error: you must specify at least one command for the container")
    name, command = call.rest[0], call.rest[1:]
    pod = _pod(call.context.server.reading(), call.context.namespace, name)
    container = _container(pod, call.words.one("-c", "--container"))
    root = pod_root(call.machine, call.context.server.address, call.context.namespace, pod["metadata"]["name"])
    os.makedirs(root, exist_ok=True)
    environment = {
        **os.environ,
        "PATH": f"{call.machine.directory}/inside:{os.environ['PATH']}",
        "POD": pod["metadata"]["name"],
        "POD_NAMESPACE": call.context.namespace,
        "POD_CONTAINER": container,
        "POD_SERVER": call.context.server.address,
        "POD_ROOT": root,
    }
    status = _run(command, environment)
    if status:
        print(f"command terminated with exit code {status}", file=sys.stderr)
    return status


def _run(command: list[str], environment: dict[str, str]) -> int:
    sys.stdout.flush()
    child = os.fork()
    if not child:
        try:
            os.execvpe(command[0], command, environment)
        except OSError:
            text = f'exec: "{command[0]}": executable file not found in $PATH'
            print(f"error: Internal error occurred: error executing command in container: {text}", file=sys.stderr)
            sys.stderr.flush()
            os._exit(127)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return status if status >= 0 else 128 - status


def _pod(store: Store, namespace: str, name: str) -> Data:
    word, slash, rest = name.partition("/")
    if slash and store.kind(word).plural != "pods":
        owner = store.get(store.kind(word), namespace, rest)
        mine = [p for p in store.list("pods", namespace) if _owned(p, owner["metadata"]["uid"])]
        if not mine:
            raise SaysNoError(f"error: unable to find a pod for {word}/{rest}")
        return _running(settled(mine[0]))
    found: Data = settled(store.get(store.kind("pods"), namespace, rest or word))
    return _running(found)


def _owned(pod: Data, uid: str) -> bool:
    return any(owner.get("uid") == uid for owner in pod["metadata"].get("ownerReferences", []))


def _running(pod: Data) -> Data:
    phase = pod.get("status", {}).get("phase", "Running")
    if phase in ("Succeeded", "Failed"):
        raise SaysNoError(f"error: cannot exec into a container in a completed pod; current phase is {phase}")
    if phase != "Running":
        name = pod["metadata"]["name"]
        raise SaysNoError(f"Error from server (BadRequest): pod {name} does not have a host assigned")
    return pod


def _container(pod: Data, wanted: str) -> str:
    names = [container["name"] for container in pod.get("spec", {}).get("containers", [])]
    if wanted and names and wanted not in names:
        name = pod["metadata"]["name"]
        raise SaysNoError(f"Error from server (BadRequest): container {wanted} is not valid for pod {name}")
    return wanted or (names or [""])[0]


def copy(call: Call) -> int:
    """`oc cp [-c CONTAINER] SOURCE DESTINATION`, one of them NAMESPACE/POD:PATH or POD:PATH."""
    if len(call.rest) != 2:
        raise SaysNoError("error: source and destination are required")
    source, destination = (_place(call, word) for word in call.rest)
    if not os.path.exists(source):
        if ":" in call.rest[0]:
            path = call.rest[0].partition(":")[2]
            raise SaysNoError(f"tar: {path.lstrip('/')}: Cannot stat: No such file or directory")
        raise SaysNoError(f"error: {call.rest[0]} doesn't exist in local filesystem")
    os.makedirs(os.path.dirname(destination) or ".", exist_ok=True)
    with open(source, "rb") as there, open(destination, "wb") as here:
        here.write(there.read())
    return 0


def _place(call: Call, word: str) -> str:
    where, colon, path = word.partition(":")
    if not colon:
        return word
    namespace, slash, pod = where.rpartition("/")
    namespace = namespace if slash else call.context.namespace
    found = _pod(call.context.server.reading(), namespace, pod)
    _container(found, call.words.one("-c", "--container"))
    return pod_root(call.machine, call.context.server.address, namespace, pod) + os.path.join("/", path)
