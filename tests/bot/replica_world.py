"""Several real `belay serve` processes on one PostgreSQL, one practice world and one workspace."""

import asyncio
import json
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp

from bot.stage import CHANNEL, practice_world, roster_of
from core.run_states import RunStatus
from sandbox.systems.practice import SYSTEM
from sandbox.systems.world import World
from sandbox.workspace import Workspace
from sandbox.workspace import World as ChatWorld
from sandbox.workspace.messages import Message
from store.database import Store
from tests.postgres import PostgresServer, free_port

TARGET = SYSTEM.target

#: Seconds. What the issue allows between the death of a replica and another one at work.
TAKEN_OVER_S = 15.0
PATIENCE_S = 90.0


#: `python -m bot` of the next version, as far as journals go.
NEWER = """
import core.journal as journal
journal.VERSION += 1
journal.Entry.__init__.__kwdefaults__['version'] = journal.VERSION
from bot.__main__ import main
raise SystemExit(main())
"""


class Wire:
    """A link to the database that can go dead: nothing passes any more, and nobody is told."""

    def __init__(self, to_port: int) -> None:
        self.port = 0
        self._to_port = to_port
        self._passes = asyncio.Event()
        self._passes.set()
        self._server: asyncio.Server | None = None
        self._pumps: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        self._passes.clear()

    def mend(self) -> None:
        self._passes.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._passes.wait()
        there, back = await asyncio.open_connection("127.0.0.1", self._to_port)
        pumps = {asyncio.create_task(self._pump(reader, back)), asyncio.create_task(self._pump(there, writer))}
        self._pumps |= pumps
        await asyncio.wait(pumps)
        self._pumps -= pumps

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                await self._passes.wait()
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass  # the other end is gone, which is told on below
        finally:
            writer.close()

    async def close(self) -> None:
        self.mend()
        if self._server is not None:
            self._server.close()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)


@dataclass(kw_only=True)
class Replica:
    name: str
    wire: Wire  #: to the database
    process: asyncio.subprocess.Process
    url: str
    log: Path

    async def look(self) -> dict[str, Any]:
        """What /readyz says; {} if nobody answers."""
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session,
                session.get(f"{self.url}/readyz") as response,
            ):
                answer: dict[str, Any] = await response.json()
                return answer
        except (aiohttp.ClientError, TimeoutError):
            return {}

    async def is_ready(self) -> bool:
        if self.process.returncode is not None:
            raise AssertionError(f"{self.name} ended with {self.process.returncode}: {self.log.read_text()[-2_000:]}")
        return bool((await self.look()).get("ok"))

    async def answers(self) -> bool:
        return bool(await self.look())

    async def drives(self) -> bool:
        return bool((await self.look()).get("replica", {}).get("drives"))

    async def writes(self) -> bool:
        return bool((await self.look()).get("replica", {}).get("writes"))

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def end(self) -> None:
        self.wire.mend()
        if self.process.returncode is None:
            self.signal(signal.SIGCONT)
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), 20)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        await self.wire.close()


@dataclass(kw_only=True)
class Fleet:
    home: Path
    database: str
    server: PostgresServer
    hosts: World
    workspace: Workspace
    store: Store
    replicas: list[Replica] = field(default_factory=list)
    _started: int = 0

    async def start(
        self, *, newer: bool = False, ready: bool = True, environment: Mapping[str, str] | None = None
    ) -> Replica:
        """
        One more replica, ready to work unless there is a reason why it should not be.

        `newer`: of a version that writes journals the others cannot read.
        """
        self._started += 1
        name, wire = f"replica-{self._started}", Wire(self.server.port)
        await wire.open()
        replica = await self._start(name, wire, ("-c", NEWER) if newer else ("-m", "bot"), environment or {})
        await until(replica.is_ready if ready else replica.answers, f"{name} to be ready")
        return replica

    async def start_again(self, dead: Replica) -> Replica:
        """The same one anew, in the data folder it had and with the same settings."""
        self.replicas.remove(dead)
        replica = await self._start(dead.name, dead.wire, ("-m", "bot"), {})
        await until(replica.is_ready, f"{replica.name} to be ready")
        return replica

    async def _start(self, name: str, wire: Wire, program: Sequence[str], more: Mapping[str, str]) -> Replica:
        port, log = free_port(), self.home / f"{name}.log"
        database = self.database.replace(str(self.server.port), str(wire.port))
        with log.open("ab") as file:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, *program, "serve"),
                env={**self._environment(name, port, database), **more},
                stdout=file,
                stderr=file,
            )
        replica = Replica(name=name, wire=wire, process=process, url=f"http://127.0.0.1:{port}", log=log)
        self.replicas.append(replica)
        return replica

    def _environment(self, name: str, port: int, database: str) -> dict[str, str]:
        return {
            **{key: value for key, value in os.environ.items() if "proxy" not in key.lower()},
            "BELAY_CONFIG": str(self.home / "config"),
            "BELAY_DATA": str(self.home / name),
            "BELAY_DATABASE_URL": database,
            "BELAY_LISTEN_PORT": str(port),
            "BELAY_KNOWN_HOSTS": str(self.hosts.known_hosts),
            "BELAY_SSH_CONFIG": str(self.home / "config" / "ssh_config"),
            "BELAY_IDENTITY_FILES": json.dumps([str(self.hosts.client_key)]),
            "SLACK_BOT_TOKEN": self.workspace.bot_token,
            "SLACK_APP_TOKEN": self.workspace.app_token,
            "BELAY_SLACK_API_URL": self.workspace.api_url,
        }

    async def end(self) -> None:
        await asyncio.gather(*(replica.end() for replica in self.replicas))
        self.replicas.clear()

    # -- people ------------------------------------------------------------------------------------------------

    async def ask(self) -> str:
        """Ana asks for the run; returns its id once its board stands."""
        before = len(self.boards())
        line = f"/rollback start {TARGET} --to nowhere --reason drill --confirm {TARGET}"
        seen = await self.workspace.person("ana").command(CHANNEL, line)
        await self.workspace.wait_for(lambda: len(self.boards()) > before, PATIENCE_S)
        found = re.search(r"R-\d+", self.boards()[-1].text)
        assert found, (self.boards()[-1].text, seen.replies())
        return found[0]

    def agree(self) -> None:
        for name in ("bo", "cy"):
            self.workspace.person(name).react(self.boards()[-1], "white_check_mark")

    def boards(self) -> list[Message]:
        bot = self.workspace.bot_user_id
        return [m for m in self.workspace.messages(CHANNEL) if m.user == bot and m.thread_ts in (None, m.ts)]

    def thread(self, board: Message) -> list[str]:
        return [m.text for m in self.workspace.messages(CHANNEL) if m.thread_ts == board.ts and m.ts != board.ts]

    # -- what is true ------------------------------------------------------------------------------------------

    async def status(self, run_id: str) -> RunStatus:
        """As the row says, which also who cannot read the journal may read."""
        return RunStatus(await self._ask(f"SELECT status FROM run WHERE id = '{run_id}'"))

    async def epoch(self, run_id: str) -> int:
        async with self.store.look() as tx:
            return (await tx._run_row(run_id)).epoch

    async def until(self, run_id: str, *statuses: RunStatus) -> None:
        async def there() -> bool:
            return await self.status(run_id) in statuses

        await until(there, f"{run_id} to be {statuses}")

    async def versions(self, run_id: str) -> set[int]:
        """Of the entries in its journal."""
        return set(await self._ask(f"SELECT array_agg(DISTINCT version) FROM journal WHERE run_id = '{run_id}'"))

    async def _ask(self, query: str) -> Any:
        return await asyncio.to_thread(self.server.ask, query, database=self.database.rpartition("/")[2])

    async def driver(self) -> Replica:
        """The replica that drives, once one does."""
        found: list[Replica] = []

        async def there() -> bool:
            found.extend([replica for replica in self.replicas if await replica.drives()])
            return bool(found)

        await until(there, "a replica that drives")
        return found[0]

    async def until_step(self, run_id: str, count: int) -> None:
        """Until *count* actions of the run have had their effect."""

        async def there() -> bool:
            return len(self.effects(run_id)) >= count

        await until(there, f"{count} effects of {run_id}")

    def effects(self, run_id: str) -> dict[str, str]:
        """Unit -> what its actions wrote on the host: "1" for once."""
        found = {}
        for host in self.hosts.hosts.values():
            for file in host.directory.rglob(f"effects-{run_id}/*"):
                found[file.name] = file.read_text()
        return found


async def until(predicate: Callable[[], Awaitable[bool]], what: str, timeout_s: float = PATIENCE_S) -> float:
    """Wait for *predicate*; the seconds it took."""
    began = time.monotonic()
    while not await predicate():
        if time.monotonic() - began > timeout_s:
            raise AssertionError(f"waited {timeout_s:g} s for {what}")
        await asyncio.sleep(0.05)
    return time.monotonic() - began


@asynccontextmanager
async def fleet(home: Path, server: PostgresServer) -> AsyncIterator[Fleet]:
    database = server.url(server.create())
    async with (
        World.broken(SYSTEM, SYSTEM.scenario("reversible"), home / "hosts") as hosts,
        Workspace.serve(reading(practice_world())) as workspace,
    ):
        write_config(home / "config", hosts, workspace)
        store = await Store.open(database, alone=False)
        found = Fleet(home=home, database=database, server=server, hosts=hosts, workspace=workspace, store=store)
        try:
            yield found
        finally:
            await found.end()
            await store.close()


def reading(world: ChatWorld) -> ChatWorld:
    """The app may read its channels: else a message whose record was lost is posted again, by design."""
    return replace(world, app=replace(world.app, scopes=(*world.app.scopes, "channels:history", "groups:history")))


def write_config(folder: Path, hosts: World, workspace: Workspace) -> None:
    (folder / "plans").mkdir(parents=True)
    (folder / "ssh_config").touch()
    target: dict[str, Any] = hosts.inventory()["targets"][SYSTEM.target]
    target["channel"] = workspace.channel(CHANNEL).id
    (folder / "targets.yaml").write_text(json.dumps({"targets": {TARGET: target}}))
    (folder / "roster.yaml").write_text(json.dumps(roster_of(workspace)))
    (folder / "plans" / "replicas.yaml").write_text(json.dumps(plan()))


def plan() -> dict[str, Any]:
    """Three steps on three hosts; each action counts itself on its host, then takes a while."""
    probe = {
        "role": "compute",
        "argv": ["compute-agent", "touched"],
        "timeout_s": 10,
        "reversible": {"equals": "untouched"},
        "crossed": {"matches": "^converted"},
    }
    point = {
        "id": "compute-converted",
        "event": "a compute was converted",
        "checkpoints": ["compute-upgraded"],
        "probes": [probe],
    }
    folder = '"$HOME/effects-$BELAY_RUN"'
    count = f'mkdir -p {folder} && printf %s "$BELAY_ATTEMPT" >>{folder}/"$BELAY_UNIT"; sleep 1.5; echo done'
    look = {"script": f'test -s {folder}/"$BELAY_UNIT"', "timeout_s": 10, "expect": {"exit": 0}}
    steps = [
        {"id": f"step-{n}", "role": "controller", "do": {"script": count, "timeout_s": 60}, "verify": look}
        for n in range(1, STEPS + 1)
    ]
    return {
        "id": "replicas",
        "version": "1",
        "system": "practice",
        "from": "ocata",
        "to": "nowhere",
        "roles": {"controller": {"min": 3}, "compute": {"min": 1, "reachable": "none"}},
        "points_of_no_return": [point],
        "steps": steps,
        "approvals": {"needed": 2},
    }


STEPS = 3
#: Units of a whole run.
UNITS = 3 * STEPS
