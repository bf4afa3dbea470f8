"""
One replica: the bot's own service, engine and Slack handlers, on the world's database, hosts and chat.

It moves only when it is told to (`Gate`), and can die at each of its points: its tasks and objects are thrown away.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

from bot.engine import Engine
from bot.hands import Hands
from bot.looker import Looker
from bot.recorder import Recorder
from bot.service import BelayService
from bot.slack_clicks import Clicks
from bot.slack_commands import Commands
from bot.slack_dialogs import Dialogs
from bot.slack_inbox import CLICK, COMMAND, EVENT, Inbox, envelope_of
from bot.slack_people import People
from bot.slack_reactions import Reactions
from core.errors import BelayError
from core.people import Account
from core.reader import build_plan
from store.engines import Engines
from store.records import InboxItem
from tests.bot.world import target
from tests.model.chat import ChatAccounts, NobodyTold, event_of
from tests.model.pace import Gate
from tests.model.people import roster
from tests.model.plan import plan_data
from tests.model.reach import CALLER, Caller, GatedHosts, GatedStore
from tests.model.shared import Shared

#: What another replica left in the inbox for so long is taken up: as `bot.serve` has it.
LEFT_FOR = timedelta(seconds=30)


@dataclass
class Job:
    """In place of the job queue: whoever is told about a run passes it on to the replica that drives it."""

    replica: "Replica"

    def wake(self, run_id: str) -> None:
        holder = self.replica.shared.holders.get(run_id)
        if holder is None or holder.dead or not holder.engine.tell(run_id):
            self.replica.shared.holders[run_id] = self.replica
            self.replica.engine.wake(run_id)


@dataclass
class Replica:
    name: str
    shared: Shared
    engines: Engines  #: its ways to the database; it leaves them closed to whoever comes in its place
    gate: Gate = field(default_factory=Gate)
    tasks: dict[asyncio.Task[Any], None] = field(default_factory=dict)
    handled: set[str] = field(default_factory=set)  #: ids of what came and was handled here
    errors: list[BaseException] = field(default_factory=list)  #: what ended one of its tasks and should not have
    dead: bool = False

    def __post_init__(self) -> None:
        shared = self.shared
        self.store = GatedStore.at(self.engines, self.gate, shared.turns, shared.ticks, shared.committed)
        self.hands = Hands({"memory": GatedHosts(shared.hosts, self.gate)}, {"prod": target()})
        looker = Looker(self.hands, shared.loop)
        recorder = Recorder(self.store, shared.loop, lambda _run: None)
        self.engine = Engine(self.store, recorder, self.hands, looker, shared.loop)
        self.service = BelayService(
            store=self.store,
            roster=roster(),
            plans={"old": build_plan(plan_data())},
            hands=self.hands,
            looker=looker,
            engine=Job(self),
            clock=shared.loop,
            changed=lambda _run: None,
        )
        self.service.witness = self
        self._front()

    def _front(self) -> None:
        """The handlers of `bot.slack`, without the sockets."""
        self._accounts = ChatAccounts(self.shared.chat, self.gate)
        people, answers = People(self._accounts, self.service), NobodyTold()
        self.reactions = Reactions(
            service=self.service,
            store=self.store,
            people=people,
            answers=answers,
            bot_user="U-belay",
            later=self._later,
        )
        dialogs = cast("Dialogs", None)  # nothing here opens one
        self._commands = Commands(service=self.service, people=people, answers=answers, dialogs=dialogs)
        self._clicks = Clicks(service=self.service, store=self.store, people=people, answers=answers, dialogs=dialogs)
        self.inbox = Inbox(self.store, self.shared.loop, self._handle, left_for=LEFT_FOR, holder=self._seat)

    def _seat(self) -> str:
        """Whoever is started in the place of a dead one has its name, and a mark more."""
        return self.name.rstrip("'")

    # -- as a witness ------------------------------------------------------------------------------------------

    async def account(self, account_id: str) -> Account:
        return await self._accounts.by_id(account_id)

    async def reconcile(self, run_id: str) -> None:
        await self.reactions.reconcile(run_id)

    # -- what comes in -----------------------------------------------------------------------------------------

    def _later(self, run_id: str) -> None:
        self.shared.unread.append(run_id)

    async def receive(self, body: dict[str, Any]) -> None:
        """As the middleware of `bot.slack`: written down, acknowledged, worked off."""
        envelope = envelope_of(body)
        assert envelope is not None
        try:
            if await self.inbox.take(envelope, body):
                self.inbox.release(body)
        except BelayError:
            if envelope.kind == EVENT:  # without an acknowledgement it comes again
                self.shared.chat.on_their_way.append(body)

    async def _handle(self, item: InboxItem) -> None:
        self.shared.handles(self.name, item.event_id, again=item.event_id in self.handled)
        self.handled.add(item.event_id)
        match item.kind:
            case kind if kind == EVENT:
                await self.reactions.on_event(event_of(item.payload))
            case kind if kind == COMMAND:
                await self._commands.on_command(item.payload)
            case kind if kind == CLICK:
                await self._clicks.on_click(item.payload)
            case other:
                raise AssertionError(f"nothing sends a {other}")

    # -- moving ------------------------------------------------------------------------------------------------

    async def take_over(self, run_id: str) -> None:
        """Drive *run_id* from now on, whoever did before."""
        self.shared.holders[run_id] = self
        self.engine.wake(run_id)

    async def sweep(self, unread: Iterable[str]) -> None:
        await self.service.sweep()
        await self.inbox.replay()
        for run_id in unread:
            await self.reactions.reconcile(run_id, additions=True)

    def begin(self, doing: Coroutine[Any, Any, Any]) -> None:
        """Begin something on behalf of this replica; it goes as far as its next point."""
        if self.dead:
            doing.close()
            return
        CALLER.set(Caller(self.name))
        self.shared.loop.create_task(self._refusable(doing))
        CALLER.set(Caller())
        self.shared.loop.settle()

    async def _refusable(self, doing: Coroutine[Any, Any, Any]) -> None:
        """What is refused is an answer; anything else is a bug."""
        try:
            await doing
        except BelayError:
            return
        except Exception as error:  # noqa: BLE001  # `World.check` raises it
            self.errors.append(error)

    def go_on(self, points: int, which: int = 0) -> int:
        """Pass up to *points* of its points; where it sleeps for some seconds, they pass. Returns how many it did."""
        loop = self.shared.loop
        for done in range(points):
            if not self.gate.let_pass(which):
                sleep_s = loop.next_timer_s()
                if sleep_s is None or sleep_s > PATIENCE_S:
                    return done
                loop.go_on(sleep_s)
            loop.settle()
        return points

    def kill(self) -> None:
        """Nothing of it is ever done again; what runs on hosts goes on."""
        self.dead = True
        self.gate.close()
        while self.tasks:
            for task in tuple(self.tasks):
                task.cancel()
            self.shared.loop.settle()
        self.begin_closing()

    def begin_closing(self) -> None:
        self.shared.loop.create_task(self.store.close())
        self.shared.loop.settle()


#: Seconds of sleep that pass by themselves when a replica is to go on: between two tries, not until an expiry.
PATIENCE_S = 12.0
