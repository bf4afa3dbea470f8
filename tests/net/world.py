"""The bot as it is in service, put together from files, on hosts of `tests.net.host`; nobody chats."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.settings import Settings
from bot.wiring import Parts, assemble
from core.action import Verb
from core.ports import StartRequest
from core.run import RunView
from core.run_states import RunStatus
from core.state import RunState
from executors.ssh import SshExecutor
from tests.bot.world import ROSTER, Vouching, actor
from tests.net.host import NetHost

TARGET = "prod"
LINES = 30


@dataclass(kw_only=True)
class Team:
    """People, the bot, and the hosts they act on."""

    parts: Parts
    hosts: Sequence[NetHost]
    counters: Path  #: a file for each unit, with the numbers of the attempts that took effect
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def begin(self) -> str:
        """Ask for the run and agree to it."""
        request = StartRequest(target=TARGET, plan="net", reason="wrong answers", typed=TARGET)
        run_id = (await self.parts.service.start(request, actor("ana", "command"))).run.id
        for name in ("bo", "cy"):
            await self.parts.service.approve(run_id, actor(name))
        return run_id

    async def until(self, run_id: str, *statuses: RunStatus, within_s: float = 60) -> RunView:
        return await self.when(run_id, lambda state: state.status in statuses, within_s=within_s)

    async def when(self, run_id: str, holds: Callable[[RunState], bool], *, within_s: float = 60) -> RunView:
        async with asyncio.timeout(within_s):
            while True:
                self._changed.clear()
                view = await self.parts.service.run(run_id)
                if holds(view.state):
                    return view
                await self._changed.wait()

    def effects(self) -> dict[str, str]:
        """
        Unit -> numbers of the attempts that took effect.

        "1" is right, and so is "2" where the first attempt was proven never to have run; "11" and "12" are an action
        that ran twice.
        """
        return {file.name: file.read_text() for file in self.counters.iterdir()}

    async def began(self, run_id: str, unit: str, within_s: float = 60) -> None:
        try:
            async with asyncio.timeout(within_s):
                while not (self.counters / unit).exists():
                    await asyncio.sleep(0.01)
        except TimeoutError:
            state = (await self.parts.service.run(run_id)).state
            raise AssertionError(
                f"{unit} has not begun; the run is {state.status}, {state.ask}, {state.units}"
            ) from None

    async def assert_whole(self, run_id: str) -> None:
        """Each unit took effect once, its exit status and whole output came back, the audit verifies."""
        view = await self.until(run_id, RunStatus.SUCCEEDED)
        assert set(self.effects()) == set(view.state.units)
        assert all(len(attempts) == 1 for attempts in self.effects().values()), self.effects()
        async with self.parts.store.look() as tx:
            outputs = {each.unit: each for each in await tx.outputs(run_id) if each.verb is Verb.DO}
            await tx.verify_audit()
        assert {unit: each.exit_code for unit, each in outputs.items()} == dict.fromkeys(view.state.units, 0)
        whole = "".join(f"line {n}\n" for n in range(LINES))
        assert {unit: each.output.text for unit, each in outputs.items()} == dict.fromkeys(view.state.units, whole)


@asynccontextmanager
async def team(
    folder: Path, hosts: Sequence[NetHost], *, keys: Sequence[Path] = (), timeout_s: float = 30, probe: Any = None
) -> AsyncIterator[Team]:
    """
    A bot of its own in *folder*. A dead link is given up after 2 s instead of 12.

    Actions have *timeout_s*, units *probe*. *keys* instead of the first host's own.
    """
    counters = folder / "counters"
    counters.mkdir(parents=True)
    write_config(folder / "config", hosts, plan(counters, timeout_s, {"probe": probe} if probe else {}))
    settings = Settings(config=folder / "config", data=folder / "data")
    ssh = SshExecutor(
        hosts[0].server.settings(
            identity_files=tuple(map(str, keys)) or (str(hosts[0].server.folder / "user_key"),),
            keepalive_s=0.5,
            dead_after_s=2.0,
            connect_timeout_s=2.0,
        )
    )
    async with assemble(settings, ssh=ssh) as parts:
        parts.service.witness = Vouching()
        made = Team(parts=parts, hosts=hosts, counters=counters)
        parts.bell.listeners.append(lambda _run_id: made._changed.set())
        await parts.engine.start()
        yield made


def write_config(folder: Path, hosts: Sequence[NetHost], runbook: dict[str, Any]) -> None:
    (folder / "plans").mkdir(parents=True)
    people = {
        name: {"name": person.name, "accounts": list(person.accounts), "may": [str(right) for right in person.may]}
        for name, person in ROSTER.people.items()
    }
    # Hosts outlive a test's database. They would take its R-1 for the last one's, and refuse it.
    inventory = {host.name: _entry(host, "" if host.disk else str(folder / "state" / host.name)) for host in hosts}
    target = {"system": "net", "hosts": inventory, "roles": {"all": list(inventory)}}
    for name, data in (
        ("targets.yaml", {"targets": {TARGET: target}}),
        ("roster.yaml", {"people": people}),
        ("plans/net.yaml", runbook),
    ):
        (folder / name).write_text(json.dumps(data))


def _entry(host: NetHost, state_dir: str) -> dict[str, Any]:
    found = host.as_host()
    return {
        "address": found.address,
        "port": found.port,
        "user": found.user,
        "state_dir": state_dir or found.state_dir,
        "host_key": (host.server.folder / "host_key.pub").read_text(),
    }


def plan(counters: Path, timeout_s: float, changes: dict[str, Any]) -> dict[str, Any]:
    """Three steps on all hosts; each action counts itself and prints lines for a second and a half."""
    file = f'{counters}/"$BELAY_UNIT"'
    lines = f"n=0; while [ $n -lt {LINES} ]; do echo line $n; n=$((n+1)); sleep 0.05; done"
    look = {"script": f"test -s {file}", "timeout_s": 10, "expect": {"exit": 0}}
    steps = [
        {
            "id": f"step-{n}",
            "role": "all",
            "do": {"script": f'printf %s "$BELAY_ATTEMPT" >>{file}; {lines}', "timeout_s": timeout_s},
            "verify": look,
            **changes,
        }
        for n in range(1, 4)
    ]
    probe = {
        "role": "all",
        "on": "first",
        "argv": ["echo", "untouched"],
        "timeout_s": 10,
        "reversible": {"equals": "untouched"},
        "crossed": {"equals": "converted"},
    }
    point = {"id": "converted", "event": "a host was converted", "checkpoints": ["host-converted"], "probes": [probe]}
    return {
        "id": "net",
        "version": "1",
        "system": "net",
        "from": "new",
        "to": "old",
        "roles": {"all": {"min": 1}},
        "points_of_no_return": [point],
        "steps": steps,
        "approvals": {"needed": 2},
    }
