"""
30 steps on 3 hosts, a barrier after each step: Belay's run-once protocol beside plain commands.

    python -m bench.steps [--json] [--rounds N] [--no-ansible]

Three real sshd on loopback, interleaved rounds, medians. Every step is `echo step`. OpenSSH multiplexing is measured
twice: spoken directly to the control socket, the least it can cost, which is what `step_vs_mux_ratio` compares with;
and as `ssh -S`, a process a command, which is what scripts do (`step_vs_mux_process_ratio`). Connections are made
beforehand in all three. Ansible's time, and ours beside it, are whole runs, connecting included
(`ansible_30x3_speedup`). All hosts' work is done on this machine's cores too; in service each host does its own.
"""

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from bench.mux import Master, null_device
from core.action import Action, Ended, Verb
from core.target import Host
from executors.dial import SshSettings
from executors.ssh import SshExecutor
from tests.executors.sshd import Sshd
from tests.practice_executor import allowed

STEPS = 30
HOSTS = 3
COMMAND = "echo step"


class Ours:
    """The executor, its connections kept, one run of STEPS a call."""

    def __init__(self, servers: list[Sshd]) -> None:
        self.executor = SshExecutor(_settings(servers))
        self.hosts = [server.host(f"web{n}") for n, server in enumerate(servers)]
        self.runs = 0

    async def run(self) -> float:
        self.runs += 1
        began = time.perf_counter()
        for step in range(STEPS):
            await asyncio.gather(*(self._one(step, host) for host in self.hosts))
        return time.perf_counter() - began

    async def _one(self, step: int, host: Host) -> None:
        action = Action(
            run_id=f"R-{os.getpid()}-{self.runs}",
            unit=f"step{step}@{host.name}",
            verb=Verb.DO,
            argv=tuple(COMMAND.split()),
            timeout_s=30,
        )
        verdict = await self.executor.run(action, host, lambda _: None, allowed)
        if not isinstance(verdict, Ended) or verdict.exit_code or verdict.output.text != "step\n":
            raise RuntimeError(f"{action.unit} went wrong: {verdict}")


def _settings(servers: list[Sshd]) -> SshSettings:
    one = servers[0].settings()
    known = tuple(str(server.folder / "known_hosts") for server in servers)
    keys = tuple(str(server.folder / "user_key") for server in servers)
    return replace(one, known_hosts=known, identity_files=keys)


def with_processes(masters: list[Master]) -> float:
    began = time.perf_counter()
    for _ in range(STEPS):
        running = [master.by_process(COMMAND) for master in masters]
        if any(process.wait() for process in running):
            raise RuntimeError("ssh -S failed")
    return time.perf_counter() - began


def directly(masters: list[Master]) -> float:
    null = null_device()
    began = time.perf_counter()
    for _ in range(STEPS):
        sessions = [master.directly(COMMAND, null) for master in masters]
        if any(session.wait() for session in sessions):
            raise RuntimeError("a command over the mux socket failed")
    took_s = time.perf_counter() - began
    os.close(null)
    return took_s


def ansible(folder: Path, servers: list[Sshd]) -> float | None:
    """Seconds of one `ansible-playbook` with pipelining and ControlPersist; None where there is none."""
    program = shutil.which("ansible-playbook", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    if program is None:
        return None
    lines = [
        f"web{n} ansible_host=127.0.0.1 ansible_port={server.port} ansible_python_interpreter={sys.executable} "
        f"ansible_ssh_private_key_file={server.folder}/user_key "
        f"ansible_ssh_common_args='-o UserKnownHostsFile={server.folder}/known_hosts -o IdentitiesOnly=yes'"
        for n, server in enumerate(servers)
    ]
    (folder / "inventory").write_text("\n".join(lines) + "\n")
    tasks = "".join(f"    - command: {COMMAND}\n" for _ in range(STEPS))
    (folder / "book.yml").write_text(f"- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}")
    (folder / "ansible.cfg").write_text(
        f"[defaults]\nforks = {HOSTS}\nlocal_tmp = {folder}/local\nremote_tmp = {folder}/remote\n"
        f"[ssh_connection]\npipelining = true\ncontrol_path_dir = {folder}/cp\n"
        "ssh_args = -o ControlMaster=auto -o ControlPersist=60s\n"
    )
    environment = {**os.environ, "ANSIBLE_CONFIG": str(folder / "ansible.cfg"), "ANSIBLE_HOME": str(folder)}
    began = time.perf_counter()
    subprocess.run(
        [program, "-i", str(folder / "inventory"), str(folder / "book.yml")],
        check=True,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    took_s = time.perf_counter() - began
    for path in (folder / "cp").glob("*"):
        subprocess.run(["ssh", "-o", f"ControlPath={path}", "-O", "exit", "any"], check=False, capture_output=True)
    return took_s


async def _rounds(servers: list[Sshd], masters: list[Master], rounds: int) -> dict[str, list[float]]:
    ours = Ours(servers)
    took: dict[str, list[float]] = {"ours": [], "processes": [], "direct": []}
    peers: dict[str, Callable[[list[Master]], float]] = {"processes": with_processes, "direct": directly}
    await ours.run()  # connects; everybody else is connected too
    for _ in range(rounds):
        took["ours"].append(await ours.run())
        for name, peer in peers.items():
            took[name].append(await asyncio.to_thread(peer, masters))
    await ours.executor.close()
    return took


async def _whole_run(servers: list[Sshd]) -> float:
    began = time.perf_counter()
    ours = Ours(servers)
    ours.runs = 1000  # keys of its own
    await ours.run()
    await ours.executor.close()
    return time.perf_counter() - began


def measure(rounds: int = 7, *, with_ansible: bool = True, say: Callable[[str], None] = print) -> dict[str, float]:
    """Measure, tell *say* a table, and return the figures: seconds (`…_s`) and ratios."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="belay-bench-")))
        servers = []
        for n in range(HOSTS):
            server = Sshd(folder=folder / f"sshd{n}").start()
            stack.callback(server.stop)
            servers.append(server)
        masters = []
        for server in servers:
            masters.append(Master.start(server))
            stack.callback(masters[-1].stop)
        took = asyncio.run(_rounds(servers, masters, rounds))
        whole = asyncio.run(_whole_run(servers))
        book = ansible(folder, servers) if with_ansible else None
    ours, processes, direct = (statistics.median(took[name]) for name in ("ours", "processes", "direct"))
    figures = {
        "steps_ours_s": ours,
        "steps_mux_s": direct,
        "steps_mux_process_s": processes,
        "step_vs_mux_ratio": ours / direct,
        "step_vs_mux_process_ratio": ours / processes,
        "steps_ours_with_connecting_s": whole,
    }
    if book:
        figures |= {"ansible_30x3_s": book, "ansible_30x3_speedup": book / whole}
    _tell(figures, rounds, say)
    return {name: round(value, 3) for name, value in figures.items()}


def _tell(figures: dict[str, float], rounds: int, say: Callable[[str], None]) -> None:
    say(f"{STEPS} steps x {HOSTS} hosts, a barrier after each; `{COMMAND}`; medians of {rounds} interleaved rounds")
    rows = [
        ("Belay, run-once protocol", figures["steps_ours_s"]),
        ("OpenSSH multiplexing, spoken directly", figures["steps_mux_s"]),
        ("OpenSSH multiplexing, `ssh -S` a command", figures["steps_mux_process_s"]),
    ]
    for name, seconds in rows:
        per_step_ms = seconds / STEPS * 1000
        say(f"  {name:<42} {seconds:7.2f} s  {per_step_ms:6.1f} ms a step  ours/this {rows[0][1] / seconds:5.2f}")
    say(f"  {'Belay, connecting included':<42} {figures['steps_ours_with_connecting_s']:7.2f} s")
    if "ansible_30x3_s" in figures:
        say(
            f"  {'ansible-playbook, pipelining, ControlPersist':<42} {figures['ansible_30x3_s']:7.2f} s  "
            f"{figures['ansible_30x3_speedup']:.0f} times ours"
        )
    else:
        say("  ansible-playbook was not measured")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the figures as JSON, the table on stderr")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--no-ansible", action="store_true")
    options = parser.parse_args()
    say = (lambda line: print(line, file=sys.stderr)) if options.json else print
    figures = measure(options.rounds, with_ansible=not options.no_ansible, say=say)
    if options.json:
        print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
