"""
`ansible GROUP -i INVENTORY -b -o -m MODULE -a "WORDS"`: an ad hoc task on each host of a group, an answer a line. Of
`command`, a file is read with `cat`, anything else has to be a command of that host's; `copy` and `file` write. Exit
status 2: one failed, 4: unreachable.
"""

from __future__ import annotations

import shlex
import subprocess

from sandbox.systems.kolla.tools import site
from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.systems.tools.machine import Machine

TAKES = ("-i", "--inventory", "-m", "--module-name", "-a", "--args", "-f", "--forks", "-T", "--timeout")
GROUPS = {"mariadb": "mariadb", "compute": "nova_compute", "rabbitmq": "rabbitmq"}


def main(machine: Machine, argv: list[str]) -> int:
    words = Words(argv, TAKES)
    if not machine.read(words.one("-i", "--inventory")):
        raise SaysNoError(f"[WARNING]: Unable to parse {words.one('-i')} as an inventory source", 1)
    container = GROUPS.get((words.rest or [""])[0], "")
    module, given = words.one("-m", "--module-name", default="command"), shlex.split(words.one("-a", "--args"))
    status = 0
    for name, host in site.parts(machine, site.known(machine)["order"]):
        if name == container:
            status = max(status, _one(host, MODULES[module], given))
    return status


def _one(host: Machine, module: Callable[[Machine, list[str]], tuple[int, str]], given: list[str]) -> int:
    if host.name in site.known(host).get("unreachable", ()):
        print(f"{host.name} | UNREACHABLE!: Failed to connect to the host via ssh: No route to host")
        return 4
    code, out = module(host, given)
    said = out.strip().replace("\n", "\\n")
    print(f"{host.name} | {'FAILED' if code else 'CHANGED'} | rc={code} | (stdout) {said}")
    return 2 if code else 0


def _command(host: Machine, argv: list[str]) -> tuple[int, str]:
    if argv[0] == "cat":
        found = host.read(argv[1])
        return (0, found) if found else (1, "")
    done = subprocess.run([f"{host.directory}/bin/{argv[0]}", *argv[1:]], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def _copy(host: Machine, given: list[str]) -> tuple[int, str]:
    about = dict(one.split("=", 1) for one in given)
    host.write(about["dest"], about["content"])
    return 0, ""


def _file(host: Machine, given: list[str]) -> tuple[int, str]:
    return 0, ""  # `copy` makes the directories it needs


MODULES: dict[str, Callable[[Machine, list[str]], tuple[int, str]]] = {
    "command": _command,
    "copy": _copy,
    "file": _file,
}
