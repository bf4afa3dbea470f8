"""`journalctl [-u UNIT]… [-n N] [-o cat]`: what units left. Options that choose a time are taken and do nothing."""

from __future__ import annotations

import fnmatch
import json
import time

from sandbox.systems.tools import units
from sandbox.systems.tools.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.machine import Machine

TAKES_VALUE = ("-u", "--unit", "-n", "--lines", "-o", "--output", "--since", "-S", "--until", "-U", "-p", "-b")


def main(machine: Machine, argv: list[str]) -> int:
    words = Words(argv, TAKES_VALUE)
    globs = [units.full(name) for name in words.all("-u", "--unit")]
    try:
        with open(f"{machine.directory}/log/journal") as journal:
            entries = [json.loads(line) for line in journal]
    except FileNotFoundError:
        entries = []
    bare = "cat" in words.all("-o", "--output")
    wanted = [one for one in entries if not globs or any(fnmatch.fnmatch(one["unit"], glob) for glob in globs)]
    lines = [_line(machine, one, bare=bare) for one in wanted]
    count = words.one("-n", "--lines", default="all")
    print("\n".join(lines if count == "all" else lines[-int(count) :]) or "-- No entries --")
    return 0


def _line(machine: Machine, entry: dict[str, object], *, bare: bool) -> str:
    if bare:
        return str(entry["text"])
    at = time.strftime("%b %d %H:%M:%S", time.localtime(float(str(entry["at"]))))
    return f"{at} {machine.name} {str(entry['unit']).rpartition('.')[0]}[{entry['pid']}]: {entry['text']}"
