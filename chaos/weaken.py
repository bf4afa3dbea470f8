"""
Taking one safeguard out of the victim on purpose. A chaos harness that then finds nothing is broken itself.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import executors.link
import store.journal
from bot.driver import Driver
from bot.engine import Engine
from bot.recorder import Recorder
from bot.service import BelayService
from bot.slack_inbox import Body, Envelope, Inbox, kept
from bot.slack_posts import Posts
from bot.unit_work import Result, UnitWork
from core.journal import Kind
from core.resolve import ResolvedStep, Unit
from core.run import RunView
from core.run_states import RunStatus
from core.state import RunState, UnitState
from store.inbox import InboxPart
from store.locks import LocksPart
from store.records import InboxItem


def _run_again() -> None:
    """Instead of asking the host what became of it, start it again."""

    async def recover(self: UnitWork, state: UnitState) -> Result:
        self.attempt += 1
        return await self.do()

    _replace(UnitWork, "recover", recover)


def _act_first() -> None:
    """Act, and write the intent afterwards."""
    do = Driver._do

    async def act_first(self: Driver, state: RunState, step: ResolvedStep, units: Sequence[Unit]) -> None:
        for unit in units:
            work = self._work(state, unit)
            work.attempt += 1
            await work.do()
        await do(self, state, step, units)

    _replace(Driver, "_do", act_first)


def _ignore_claims() -> None:
    """On the host, whoever comes may start; and what was cancelled may start later."""
    text = executors.link._PREAMBLE.decode()
    text = text.replace("once_take() {", 'once_take() {\n  echo "$@" >"$dir/claim"\n  return 0\n}\nonce_took() {')
    text = text.replace('if [ -e "$dir/claim" ]; then\n    (once_open', "if false; then\n    (once_open")
    _replace(executors.link, "_PREAMBLE", text.encode())


def _drop_output() -> None:
    """Write down the ending without what was printed."""
    outcome = Recorder.outcome

    async def silent(self: Recorder, *args: Any, printed: Any = (), **rest: Any) -> RunState:
        return await outcome(self, *args, printed=[replace(p, exit_code=None) for p in printed], **rest)

    _replace(Recorder, "outcome", silent)


def _forget_drivers() -> None:
    """Drive nothing that was under way: neither after a start, nor when it is swept."""

    async def nothing(self: Any) -> None:
        return None

    _replace(Engine, "start", nothing)
    _replace(BelayService, "sweep", nothing)


def _post_blindly() -> None:
    """Post again what may have been posted, without looking for it."""

    async def found(self: Posts, message: Any, board: Any) -> None:
        return None

    _replace(Posts, "_found", found)


def _no_fence() -> None:
    """A driver that was replaced may write, and its last look before a host is touched says nothing."""
    _replace(store.journal, "_check_epoch", lambda _row, _epoch: None)


def _spend_nothing() -> None:
    """Start without writing down which approvals were spent."""

    async def claim(self: LocksPart, run_id: str, **_what: Any) -> None:
        return None

    _replace(LocksPart, "claim", claim)


def _claim_apart() -> None:
    """Spend the approvals in one transaction, and start in another."""
    append = BelayService._append

    async def apart(self: BelayService, run_id: str, wish: Any, *, by: str = "", also: Any = None) -> RunView:
        if also is not None:
            async with self._store.begin() as tx:
                run, state = await tx.run(run_id), await tx.state(run_id)
                if any(draft.kind is Kind.CLAIMED for draft in wish(run, state)):
                    await also(tx, run, replace(state, status=RunStatus.CLAIMED))
        return await append(self, run_id, wish, by=by)

    _replace(BelayService, "_append", apart)


def _acknowledge_first() -> None:
    """Acknowledge what came, and write it down when it is its turn."""
    one = Inbox._one

    async def take(self: Inbox, envelope: Envelope, body: Body) -> bool:
        now = self._clock.now()
        item = InboxItem(event_id=envelope.id, kind=envelope.kind, payload=kept(body), at=now, held_at=now)
        self._answering[envelope.id] = (item, envelope.user, time.monotonic())
        return True

    async def write_and_handle(self: Inbox, item: InboxItem) -> None:
        async with self._store.begin() as tx:
            await tx.receive(item.event_id, item.kind, item.payload, item.at)
        await one(self, item)

    _replace(Inbox, "take", take)
    _replace(Inbox, "_one", write_and_handle)


def _take_twice() -> None:
    """What comes again is taken for something new."""
    receive = InboxPart.receive

    async def always(self: InboxPart, *what: Any) -> bool:
        await receive(self, *what)
        return True

    _replace(InboxPart, "receive", always)


WAYS: dict[str, Callable[[], None]] = {
    "run-again": _run_again,
    "act-first": _act_first,
    "ignore-claims": _ignore_claims,
    "drop-output": _drop_output,
    "forget-drivers": _forget_drivers,
    "post-blindly": _post_blindly,
    "no-fence": _no_fence,
    "spend-nothing": _spend_nothing,
    "claim-apart": _claim_apart,
    "acknowledge-first": _acknowledge_first,
    "take-twice": _take_twice,
}


def apply(name: str) -> None:
    if name:
        WAYS[name]()


def _replace(owner: Any, name: str, by: Any) -> None:
    setattr(owner, name, by)
