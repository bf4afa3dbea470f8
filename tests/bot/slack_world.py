"""The whole front-end on a local workspace: the real service and engine, hosts in memory, people who click."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.engine import Engine
from bot.hands import Hands
from bot.looker import Looker
from bot.recorder import Recorder
from bot.service import BelayService
from bot.slack import SlackFrontEnd, SlackSettings
from bot.slack_writer import MayWrite, alone
from core.people import May, Person, Roster
from core.reader import build_plan
from core.run import RunView
from core.target import Target
from sandbox.workspace import PersonSpec, Timing, Workspace, World, default_world
from sandbox.workspace.actor import Actor as Someone
from sandbox.workspace.faults import Kind
from sandbox.workspace.messages import Message
from store.database import Store
from tests.bot.world import TestClock, memory_hosts, plan_data, target
from tests.practice_executor import MemoryExecutor

CHANNEL = "inc-482"
#: On the roster as approvers, though none of them may count: the account is what bars them.
BARRED = ("eve", "sam", "deploybot")


def roster(world: World) -> Roster:
    rights = {
        "ana": {May.REQUEST, May.APPROVE, May.OPERATE},
        "bo": {May.REQUEST, May.APPROVE, May.OPERATE},
        "cy": {May.APPROVE, May.OPERATE},
        "dee": {May.REQUEST, May.OPERATE},
        **{name: {May.APPROVE} for name in BARRED},
    }
    ids = {person.name: person.id for person in world.people}
    return Roster(
        {
            name: Person(
                id=name, name=name.title(), accounts=(f"{world.team_id}/{ids[name]}",), may=frozenset(rights[name])
            )
            for name in rights
        }
    )


@dataclass(kw_only=True)
class Belay:
    """The bot and the workspace it is in."""

    workspace: Workspace
    store: Store
    service: BelayService
    engine: Engine
    front: SlackFrontEnd
    hosts: MemoryExecutor
    clock: TestClock
    http_url: str = ""

    def person(self, name: str) -> Someone:
        return self.workspace.person(name)

    async def start(self, by: str = "ana", target: str = "prod") -> str:
        """`/rollback start …` in one line; returns the run's id once its board stands."""
        line = f'/rollback start {target} --to newton --reason "wrong answers" --confirm {target}'
        seen = await self.person(by).command(CHANNEL, line)
        reply = await seen.reply()
        run_id = reply.text.split("*")[1]
        await self.board(run_id)
        async with asyncio.timeout(5):
            while not await self._placed(run_id):
                await asyncio.sleep(0.01)
        return run_id

    async def _placed(self, run_id: str) -> bool:
        """Slack shows a board a moment before Belay has written down which message it is."""
        async with self.store.look() as tx:
            board = await tx.board(run_id)
        return board is not None and bool(board.ts)

    async def board(self, run_id: str) -> Message:
        found = await self.workspace.wait_for(lambda: self.find_board(run_id))
        assert found is not None
        return found

    def find_board(self, run_id: str) -> Message | None:
        everything = [m for place in self.workspace.hub.state.channels.values() for m in place.messages.values()]
        boards = [m for m in everything if header_of(m).startswith(f"{run_id} ")]
        return boards[-1] if boards else None

    async def shows(self, run_id: str, words: str, timeout_s: float = 10.0) -> Message:
        """Wait until the run's board has *words* in its header."""

        def there() -> Message | None:
            message = self.find_board(run_id)
            return message if message and words in header_of(message) else None

        found = await self.workspace.wait_for(there, timeout_s)
        assert found is not None
        return found

    def thread(self, board: Message) -> list[str]:
        return [message.text for message in self.workspace.messages(CHANNEL, thread_ts=board.ts)]

    async def view(self, run_id: str) -> RunView:
        return await self.service.run(run_id)

    async def counted(self, run_id: str) -> tuple[str, ...]:
        return (await self.view(run_id)).tally.counted

    async def until(self, condition: Callable[[], Any], timeout_s: float = 5.0) -> None:
        await self.workspace.wait_for(condition, timeout_s)

    async def settled(self, *, timeout_s: float = 10.0) -> None:
        """Wait until everything that is on its way to the bot has arrived and is handled."""
        inbox, courier = self.front._inbox, self.workspace.hub.courier
        async with asyncio.timeout(timeout_s):
            while courier._tasks._running or inbox._answering or inbox._working:
                await asyncio.sleep(0.01)


def header_of(message: Message) -> str:
    return next((str(block["text"]["text"]) for block in message.blocks if block["type"] == "header"), "")


@asynccontextmanager
async def belay(
    folder: Path,
    *,
    world: World | None = None,
    timing: Timing | None = None,
    http: bool = False,
    workspace: Workspace | None = None,
    store: Store | None = None,
    faults: dict[str, Kind] | None = None,
    **changes: Any,
) -> AsyncIterator[Belay]:
    """
    The bot in a workspace of its own, or in *workspace*; over Socket Mode, or signed HTTP.

    *changes*: see `_assemble`.
    """
    async with AsyncExitStack() as stack:
        if workspace is None:
            workspace = await stack.enter_async_context(Workspace.serve(world, timing=timing))
        if store is None:
            store = await _store_in(folder)
            stack.push_async_callback(store.close)
        for method, kind in (faults or {}).items():
            workspace.fail(method, kind, times=1)
        bot = _assemble(workspace, store, http=http, **changes)
        stack.push_async_callback(bot.engine.close)
        if http:
            await _over_http(bot, stack)
        stack.push_async_callback(bot.front.close)
        await bot.front.start()
        await bot.engine.start()
        yield bot


_MIGRATED: list[bytes] = []


async def _store_in(folder: Path) -> Store:
    """A database of its own; migrating is done once and copied from then on."""
    file = folder / "belay.db"
    if not _MIGRATED:
        await (await Store.open(f"sqlite:///{file}")).close()
        _MIGRATED.append(file.read_bytes())
    file.write_bytes(_MIGRATED[0])
    return await Store.open(f"sqlite:///{file}")


def _assemble(
    place: Workspace,
    store: Store,
    *,
    http: bool,
    plan: dict[str, Any] | None = None,
    targets: Mapping[str, str] | None = None,  # name -> the channel of its boards
    hosts: MemoryExecutor | None = None,
    may_write: MayWrite = alone,
    **settings: Any,  # of `SlackSettings`
) -> Belay:
    clock, hosts = TestClock(), hosts or memory_hosts()
    inventory = {name: _target(name, place.channel(of).id) for name, of in (targets or {"prod": CHANNEL}).items()}
    hands = Hands({"memory": hosts}, inventory)
    looker = Looker(hands, clock)
    ring: list[Callable[[], None]] = []

    def changed(_run_id: str) -> None:
        for each in ring:
            each()

    engine = Engine(store, Recorder(store, clock, changed), hands, looker, clock)
    service = BelayService(
        store=store,
        roster=roster(place.world),
        plans={"old": build_plan(plan or plan_data())},
        hands=hands,
        looker=looker,
        engine=engine,
        clock=clock,
        changed=changed,
    )
    slack = SlackSettings(
        bot_token=place.bot_token,
        app_token="" if http else place.app_token,
        signing_secret=place.signing_secret if http else "",
        api_url=place.api_url,
        **{"post_gap_s": 0.02, "edit_gap_s": 0.05, **settings},
    )
    front = SlackFrontEnd(slack, store=store, service=service, clock=clock, may_write=may_write)
    service.witness = front
    ring.append(front.wake)
    return Belay(workspace=place, store=store, service=service, engine=engine, front=front, hosts=hosts, clock=clock)


def _target(name: str, channel: str) -> Target:
    return replace(target(), id=name, channel=channel)


async def _over_http(bot: Belay, stack: AsyncExitStack) -> None:
    app = web.Application()
    bot.front.http_routes(app)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    bot.http_url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"


def a_world(*more: PersonSpec, **changes: Any) -> World:
    world = default_world()
    return replace(world, people=(*world.people, *more), **changes)
