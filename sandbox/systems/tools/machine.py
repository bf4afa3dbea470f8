"""The host a tool runs on: its name, its state, the world it belongs to. Imports little: every tool starts with it."""

from __future__ import annotations

import json
import os
import sys
import time

from sandbox.systems.tools.state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sandbox.systems.tools.state import Data


class SaysNoError(Exception):
    """The tool refuses or fails: what it prints on stderr, and its exit status."""

    def __init__(self, text: str, status: int = 1) -> None:
        super().__init__(text)
        self.status = status


class Machine:
    def __init__(self, directory: str, tool: str = "") -> None:
        self.directory = directory
        self.tool = tool  #: the name it was called by
        self.name = os.path.basename(directory)
        self.world = os.path.dirname(directory)

    def state(self, what: str) -> State:
        """Return this host's own state of *what* ("units", "containers")."""
        return State(f"{self.directory}/state/{what}.json")

    def shared(self, what: str) -> State:
        """Return the world's state of *what* ("galera", "openshift"), which all its hosts see."""
        return State(f"{self.world}/shared/{what}.json")

    def other(self, name: str) -> Machine:
        """Return another host of the world: for what a cluster does by itself, without SSH."""
        return Machine(f"{self.world}/{name}", self.tool)

    @property
    def others(self) -> list[str]:
        """The names of the world's other hosts."""
        hosts = [entry.name for entry in os.scandir(self.world) if os.path.isdir(f"{entry.path}/state")]
        return sorted(set(hosts) - {self.name})

    def path(self, seen: str) -> str:
        """Return where the file lies that commands on this host see as *seen*: the same from inside and outside."""
        return f"{self.directory}/root{seen}"

    def read(self, seen: str) -> str:
        """Return what is in the file commands see as *seen*; "" if it is not there."""
        try:
            with open(self.path(seen)) as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def write(self, seen: str, text: str) -> None:
        """Make the file commands see as *seen*, and the directories it needs."""
        os.makedirs(os.path.dirname(self.path(seen)), exist_ok=True)
        with open(self.path(seen), "w") as file:
            file.write(text)

    def clear(self, seen: str) -> None:
        """Remove the directory commands see as *seen*, with all in it, if it is there."""
        from shutil import rmtree  # noqa: PLC0415  # slow to load, and few need it

        rmtree(self.path(seen), ignore_errors=True)

    def linger(self, doing: str, share: float = 1.0) -> None:
        """Say on stderr what is being done, and take *share* of the host's pace for it: see `World.start`."""
        print(doing, file=sys.stderr, flush=True)
        try:
            with open(f"{self.directory}/etc/pace") as file:
                pace_s = float(file.read())
        except FileNotFoundError:
            return
        time.sleep(pace_s * share)

    def note(self, words: list[str], began: float, status: int) -> None:
        """Write down that the tool was called: what truths and tests count."""
        call = {
            "at": began,
            "tool": self.tool,
            "words": words,
            "status": status,
            "key": os.environ.get("BELAY_KEY", ""),
        }
        with open(f"{self.directory}/log/calls", "a") as file:
            file.write(json.dumps(call) + "\n")

    def calls(self, tool: str = "", *words: str) -> list[Data]:
        """Return the calls so far, oldest first: all, or those of *tool* that have all of *words*."""
        try:
            with open(f"{self.directory}/log/calls") as file:
                found: list[Data] = [json.loads(line) for line in file]
        except FileNotFoundError:
            return []
        return [one for one in found if tool in ("", one["tool"]) and set(words) <= set(one["words"])]
