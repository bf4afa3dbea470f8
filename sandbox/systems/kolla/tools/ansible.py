"""
`ansible GROUP -i INVENTORY -b -o -m command -a "WORDS"`: an ad hoc command on each host of a group, an answer a line. A
file is read with `cat`, anything else has to be a command of that host's. Exit status 2: one failed, 4: unreachable.
"""

from __future__ import annotations

import shlex
import subprocess

from sandbox.systems.kolla.tools import site
from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine

TAKES = ("-i", "--inventory", "-m", "--module-name", "-a", "--args", "-f", "--forks", "-T", "--timeout")
GROUPS = {"mariadb": "mariadb", "compute": "nova_compute"}


def main(machine: Machine, argv: list[str]) -> int:
    words = Words(argv, TAKES)
    if not machine.read(words.one("-i", "--inventory")):
        raise SaysNoError(f"[WARNING]: Unable to parse {words.one('-i')} as an inventory source", 1)
    container = GROUPS.get((words.rest or [""])[0], "")
    status = 0
    for name, host in site.parts(machine, site.known(machine)["order"]):
        if name == container:
            status = max(status, _one(host, shlex.split(words.one("-a", "--args"))))
    return status


def _one(host: Machine, argv: list[str]) -> int:
    if host.name in site.known(host).get("unreachable", ()):
        print(f"{host.name} | UNREACHABLE!: Failed to connect to the host via ssh: No route to host")
        return 4
    code, out = _cat(host, argv[1]) if argv[0] == "cat" else _run(host, argv)
    print(f"{host.name} | {'CHANGED' if not code else 'FAILED'} | rc={code} | (stdout) {out.strip()}".replace("\n", "\\n"))
    return 2 if code else 0


def _cat(host: Machine, path: str) -> tuple[int, str]:
    found = host.read(path)
    return (0, found) if found else (1, "")


def _run(host: Machine, argv: list[str]) -> tuple[int, str]:
    program = f"{host.directory}/bin/{argv[0]}"
    done = subprocess.run([program, *argv[1:]], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout
