"""`sha256sum` and `rm` inside a pod: on the pod's files, wherever they really lie."""

from __future__ import annotations

import hashlib
import os

from sandbox.systems.tools.machine import SaysNoError
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine


def main(machine: Machine, argv: list[str]) -> int:
    words = Words(argv)
    for place in words.rest:
        inside = os.environ["POD_ROOT"] + os.path.join("/", place)
        try:
            if machine.tool == "rm":
                os.remove(inside)
            else:
                with open(inside, "rb") as file:
                    print(f"{hashlib.sha256(file.read()).hexdigest()}  {place}")
        except FileNotFoundError:
            if not words.has("-f", "--force"):
                raise SaysNoError(f"{machine.tool}: {place}: No such file or directory") from None
    return 0
