"""A real `belay serve` in a process of its own, on a practice world with as many targets as a benchmark wants."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bot.stage import CHANNEL, practice_world, roster_of
from sandbox.systems.practice import SYSTEM
from sandbox.systems.world import World
from sandbox.workspace import Workspace

#: Steps of the benchmark's plan, and how long each one's command sleeps, seconds.
STEPS, SLEEP_S = 60, 0.5
#: What a practice host's processes are nicer by than the bot's.
HOSTS_NICE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    workspace: Workspace
    world: World
    targets: list[str]
    pid: int
    url: str


@asynccontextmanager
async def bot_on(home: Path, targets: int) -> AsyncIterator[Bench]:
    """A bot as its own process; the workspace and the practice hosts belong to the benchmark."""
    async with hosts_and_chat(home, targets) as (world, workspace, names), bot_process(home, world, workspace) as bot:
        yield Bench(workspace=workspace, world=world, targets=names, pid=bot[0], url=bot[1])


@asynccontextmanager
async def hosts_and_chat(
    home: Path, targets: int, *, plan: dict[str, Any] | None = None, hosts_each: int = 0
) -> AsyncIterator[tuple[World, Workspace, list[str]]]:
    """
    All but the bot, which may then be started more than once on the same *home*.

    With *hosts_each*, every target has that many hosts of its own: names and state directories that share the
    practice hosts' SSH servers.
    """
    async with (
        World.broken(SYSTEM, SYSTEM.scenario("reversible"), home / "hosts") as world,
        Workspace.serve(practice_world()) as workspace,
    ):
        _yield_to_the_bot(world)
        names = [f"cloud-{n:02}" for n in range(1, targets + 1)]
        write_config(home / "config", world, workspace, names, plan)
        if hosts_each:
            _give_own_hosts(home / "config" / "targets.yaml", hosts_each)
        yield world, workspace, names


def _yield_to_the_bot(world: World) -> None:
    """In service hosts have processors of their own. Here they share the bot's, and come after it and the chat."""
    for host in world.hosts.values():
        if host.pid is not None:
            os.setpriority(os.PRIO_PROCESS, host.pid, os.getpriority(os.PRIO_PROCESS, host.pid) + HOSTS_NICE)


def _give_own_hosts(file: Path, hosts_each: int) -> None:
    inventory = json.loads(file.read_text())
    for name, target in inventory["targets"].items():
        servers = [target["hosts"][host] for host in target["roles"]["controller"]]
        mine = {}
        for n in range(hosts_each):
            server = servers[n % len(servers)]
            # In one target no machine has two names; beyond the servers there are, another spelling of the address.
            address = "127.0.0.1" if n < len(servers) else "localhost"
            mine[f"{name}-c{n}"] = {**server, "address": address, "state_dir": f"{server['state_dir']}/{name}-{n}"}
        computes = target["roles"]["compute"]
        target["hosts"] = {**{host: target["hosts"][host] for host in computes}, **mine}
        target["roles"] = {"controller": list(mine), "compute": computes}
    file.write_text(json.dumps(inventory))


def write_config(
    folder: Path, world: World, workspace: Workspace, targets: list[str], plan: dict[str, Any] | None = None
) -> None:
    (folder / "plans").mkdir(parents=True)
    base: dict[str, Any] = world.inventory()["targets"][SYSTEM.target]
    channel = workspace.channel(CHANNEL).id
    inventory = {"targets": {name: {**base, "title": name, "channel": channel} for name in targets}}
    (folder / "targets.yaml").write_text(json.dumps(inventory))
    (folder / "roster.yaml").write_text(json.dumps(roster_of(workspace)))
    (folder / "plans" / "bench.yaml").write_text(json.dumps(plan or bench_plan()))  # JSON is YAML without aliases


def bench_plan(*, steps: int = STEPS, sleep_s: float = SLEEP_S) -> dict[str, Any]:
    """Many short steps on three hosts: a run that is in progress for as long as the benchmark needs."""
    look = {"argv": ["true"], "timeout_s": 10, "expect": {"exit": 0}}
    probe = {
        "role": "compute",
        "argv": ["compute-agent", "touched"],
        "timeout_s": 10,
        "reversible": {"equals": "untouched"},
        "crossed": {"matches": "^converted"},
    }
    waits = [
        {
            "id": f"wait-{n:02}",
            "role": "controller",
            "do": {"argv": ["sleep", str(sleep_s)], "timeout_s": 60},
            "verify": look,
        }
        for n in range(1, steps + 1)
    ]
    return {
        "id": "bench",
        "version": "1",
        "system": "practice",
        "from": "ocata",
        "to": "nowhere",
        "roles": {"controller": {"min": 3}, "compute": {"min": 1, "reachable": "none"}},
        "points_of_no_return": [
            {
                "id": "compute-converted",
                "event": "a compute was converted",
                "checkpoints": ["compute-upgraded"],
                "probes": [probe],
            }
        ],
        "steps": waits,
        "approvals": {"needed": 1},
    }


@asynccontextmanager
async def bot_process(home: Path, world: World, workspace: Workspace) -> AsyncIterator[tuple[int, str]]:
    with free_port() as port:
        env = {
            **{k: v for k, v in os.environ.items() if "proxy" not in k.lower()},
            "BELAY_CONFIG": str(home / "config"),
            "BELAY_DATA": str(home / "data"),
            "BELAY_LISTEN_PORT": str(port),
            "BELAY_KNOWN_HOSTS": str(world.known_hosts),
            "BELAY_SSH_CONFIG": str(home / "none"),
            "BELAY_IDENTITY_FILES": f'["{world.client_key}"]',
            "SLACK_BOT_TOKEN": workspace.bot_token,
            "SLACK_APP_TOKEN": workspace.app_token,
            "BELAY_SLACK_API_URL": workspace.api_url,
        }
    (home / "none").touch()
    with (home / "bot.log").open("ab") as log:
        bot = await asyncio.create_subprocess_exec(sys.executable, "-m", "bot", "serve", env=env, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        await workspace.wait_for(lambda: workspace.connections > 0, 120)
        await _ready(url)
        yield bot.pid, url
    finally:
        if bot.returncode is None:
            bot.terminate()
        await bot.wait()


@contextmanager
def free_port() -> Iterator[int]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


async def _ready(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(600):
            try:
                async with session.get(f"{url}/readyz") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
    raise TimeoutError(f"{url}/readyz did not become ready within 60 s")


def rss_mb(pid: int) -> float:
    """Resident memory of a process, MB of 2**20 bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"no VmRSS for {pid}")


def cpu_s(pid: int) -> float:
    """CPU seconds a process has used, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
