"""Hosts without SSH: directories with tools, for asking the tools what they do. Each call is a real process."""

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.hosts import view
from sandbox.systems.tools.machine import Machine
from sandbox.systems.tools.outfit import SCRIPTS, SHARED, fit_out


@dataclass(frozen=True, slots=True)
class Said:
    code: int
    out: str
    err: str


@dataclass
class Rack:
    directory: Path
    machines: dict[str, Machine] = field(default_factory=dict)

    def add(self, *names: str) -> list[Machine]:
        """Hosts with every shared command, on the PATH and inside containers."""
        (self.directory / "shared").mkdir(parents=True, exist_ok=True)
        for name in names:
            host = self.directory / name
            for part in ("bin", "etc", "log", "state"):
                (host / part).mkdir(parents=True)
            view.lay_out(host)
            fit_out(host, [*SHARED, *SCRIPTS], SHARED, {})
            self.machines[name] = Machine(str(host))
        return list(self.machines.values())

    def ask(self, host: str, line: str, *, stdin: str = "", inside: bool = False) -> Said:
        """Run a line of shell on *host*; `inside`: as in a container of it."""
        directory = self.directory / host
        first = f"{directory}/inside:" if inside else ""
        done = subprocess.run(
            ["/bin/sh", "-c", line],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            cwd=directory,
            env={"PATH": f"{first}{directory}/bin:{os.defpath}", "PRACTICE_ROOT": str(directory), "HOME": "/root"},
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def run(self, host: str, line: str, *, stdin: str = "") -> str:
        """The same, for what has to work; returns its output without the last newline."""
        said = self.ask(host, line, stdin=stdin)
        assert said.code == 0, f"{line} on {host}: {said}"
        return said.out.rstrip("\n")
