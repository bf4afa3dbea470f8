"""What the contract's tests need of each executor: a place to act on, and a count of what took effect there."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import asyncssh
from aiohttp import web

from core.action import Action, Executor, Verb
from core.target import Host
from executors.dry_run import DryRunExecutor
from executors.http import HttpExecutor, HttpSettings
from executors.ssh import SshExecutor
from tests.executors.sshd import Sshd, free_port, keygen
from tests.practice_executor import MemoryExecutor, printed

#: unit -> (what it answers, after how many seconds)
KINDS = {"ok": (0, 0.0), "bad": (4, 0.0), "slow": (0, 0.6)}


#: What nobody here knows of is waited for, for as long as another one might still send it.
QUICK_HTTP = HttpSettings(call_lives_s=1.0, connect_timeout_s=0.5)


@dataclass(kw_only=True)
class Kit:
    executor: Executor
    host: Host
    folder: Path
    effects: Counter[str] = field(default_factory=Counter)
    acts: bool = True  #: false for the one that runs nothing
    proves: bool = True  #: it can prove that something never ran

    def action(self, kind: str, unit: str, verb: Verb = Verb.DO) -> Action:
        code, pause_s = KINDS[kind]
        script = f"echo x >>{self.folder}/{unit}; echo hello; sleep {pause_s}; exit {code}"
        return Action(run_id="R-1", unit=f"{unit}@web1", verb=verb, script=script, timeout_s=10)

    def effect(self, unit: str) -> int:
        path = self.folder / unit
        return len(path.read_text().splitlines()) if path.exists() else 0

    def shorten_calls(self, lives_s: float) -> float:
        """Let calls count for a shorter time, also of the links there are; return what it was before."""
        executor: Any = self.executor
        if isinstance(executor, MemoryExecutor):
            before_s, executor.call_lives_s = executor.call_lives_s, lives_s
            return before_s
        before_s = float(executor._settings.call_lives_s)
        executor._settings = replace(executor._settings, call_lives_s=lives_s)
        for place in getattr(executor, "_places", {}).values():
            place.link._settings = executor._settings
        return before_s

    def unreachable(self) -> Host:
        return replace(self.host, port=free_port())


class HttpKit(Kit):
    def action(self, kind: str, unit: str, verb: Verb = Verb.DO) -> Action:
        method = "GET" if verb.only_looks else "POST"
        return Action(run_id="R-1", unit=f"{unit}@web1", verb=verb, argv=(method, f"/{kind}/{unit}"), timeout_s=10)

    def effect(self, unit: str) -> int:
        return self.effects[unit]


@asynccontextmanager
async def openssh(sshd: Sshd, folder: Path) -> AsyncIterator[Kit]:
    yield Kit(executor=SshExecutor(sshd.settings()), host=sshd.host(state_dir=str(folder / "state")), folder=folder)


async def pump(source: Any, to: Any) -> None:
    """Copy until the source ends; a far end that is gone is drained all the same."""
    with suppress(OSError, asyncssh.Error):
        while data := await source.read(65536):
            to.write(data)
            await to.drain()
    to.close()


@asynccontextmanager
async def asyncssh_server(sshd: Sshd, folder: Path) -> AsyncIterator[Kit]:
    """Another SSH server than OpenSSH, with real processes behind it."""

    children: list[asyncio.subprocess.Process] = []
    clients: list[asyncssh.SSHServerConnection] = []

    class Server(asyncssh.SSHServer):
        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            clients.append(conn)

    async def serve(process: asyncssh.SSHServerProcess[bytes]) -> None:
        child = await asyncio.create_subprocess_shell(
            process.command or "exit 1",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        children.append(child)
        assert child.stdin
        assert child.stdout
        assert child.stderr
        await asyncio.gather(
            pump(process.stdin, child.stdin), pump(child.stdout, process.stdout), pump(child.stderr, process.stderr)
        )
        process.exit(await child.wait())

    key = keygen(folder / "host_key")
    server = await asyncssh.create_server(
        Server,
        "127.0.0.1",
        0,
        server_host_keys=[str(key)],
        authorized_client_keys=str(sshd.folder / "authorized_keys"),
        process_factory=serve,
        encoding=None,
    )
    port = server.sockets[0].getsockname()[1]
    host = sshd.host(port=port, host_key=key.with_suffix(".pub").read_text(), state_dir=str(folder / "state"))
    try:
        kit = Kit(executor=SshExecutor(sshd.settings()), host=host, folder=folder)
        yield kit
        await kit.executor.close()
    finally:
        server.close()
        for client in clients:
            client.close()
        await asyncio.gather(server.wait_closed(), *(client.wait_closed() for client in clients))
        await asyncio.gather(*(child.wait() for child in children))


@asynccontextmanager
async def http(_sshd: Sshd, folder: Path) -> AsyncIterator[Kit]:
    effects: Counter[str] = Counter()

    async def answer(request: web.Request) -> web.Response:
        effects[request.match_info["unit"]] += 1
        code, pause_s = KINDS[request.match_info["kind"]]
        await asyncio.sleep(pause_s)
        return web.Response(text="hello\n", status=code * 100 or 200)

    app = web.Application()
    app.router.add_route("*", "/{kind}/{unit}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server: Any = site._server
    host = Host(name="web1", address="127.0.0.1", port=server.sockets[0].getsockname()[1], executor="http")
    try:
        yield HttpKit(executor=HttpExecutor(QUICK_HTTP), host=host, folder=folder, effects=effects, proves=False)
    finally:
        await runner.cleanup()


@asynccontextmanager
async def dry_run(_sshd: Sshd, folder: Path) -> AsyncIterator[Kit]:
    yield Kit(executor=DryRunExecutor(), host=Host(name="web1", address="web1"), folder=folder, acts=False)


class MemoryKit(Kit):
    """The fake of other tests, asked what it stands for."""

    @property
    def hosts(self) -> MemoryExecutor:
        assert isinstance(self.executor, MemoryExecutor)
        return self.executor

    def action(self, kind: str, unit: str, verb: Verb = Verb.DO) -> Action:
        code, pause_s = KINDS[kind]
        name = f"{unit}@web1"
        self.hosts.answers[name] = printed("hello\n", code)
        if pause_s:
            self.hosts.hold[name] = asyncio.Event()
            asyncio.get_running_loop().call_later(pause_s, self.hosts.hold[name].set)
        return Action(run_id="R-1", unit=name, verb=verb, argv=(kind,), timeout_s=10)

    def effect(self, unit: str) -> int:
        looks = sum(action.unit == f"{unit}@web1" for _, action in self.hosts.looks)
        return self.hosts.effects["web1", f"{unit}@web1", "do"] + looks

    def unreachable(self) -> Host:
        self.hosts.unreachable.add("gone")
        return replace(self.host, name="gone")


@asynccontextmanager
async def memory(_sshd: Sshd, folder: Path) -> AsyncIterator[Kit]:
    yield MemoryKit(executor=MemoryExecutor(), host=Host(name="web1", address="web1"), folder=folder)


ALL = {"openssh": openssh, "asyncssh": asyncssh_server, "http": http, "dry_run": dry_run, "memory": memory}
