"""
Writing down what happened: the entry, its audit line and the messages it causes are one transaction.

If it cannot be written, it did not happen: intents raise, outcomes wait until they can be written.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tenacity import retry_if_exception, stop_never, wait_exponential
from tenacity.asyncio import AsyncRetrying

from bot.announce import announcements
from core.action import Output, Verb
from core.errors import ConflictError, FencedError, StoreUnavailableError
from core.journal import Kind
from core.ports import Clock
from core.run import Run
from core.state import RunState
from core.wishes import Draft
from store.database import Store
from store.transaction import Transaction

log = logging.getLogger(__name__)


#: What a freeze holds back: the entries after which a host is touched. Asking a person, or ending, goes on.
STARTS = frozenset({Kind.STARTED, Kind.UNDO_STARTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """What a unit's action printed, to be kept with its outcome."""

    unit: str
    verb: Verb
    attempt: int
    output: Output
    exit_code: int | None


class Recorder:
    """Appends to journals. `changed` is called after each commit with the run's id."""

    def __init__(self, store: Store, clock: Clock, changed: Callable[[str], None]) -> None:
        self._store = store
        self._clock = clock
        self.changed = changed

    async def intend(self, run: Run, drafts: Sequence[Draft], *, seq: int, epoch: int) -> RunState:
        """
        Record what is about to be done, on top of exactly the state it was decided on.

        Raises:
            ConflictError: something happened meanwhile; decide again.
            FencedError: another driver has the run.
            StoreUnavailableError: it was not written, so it must not be done.
        """
        async with self._store.begin() as tx:
            if any(draft.kind in STARTS for draft in drafts) and await tx.frozen() is not None:
                raise ConflictError("Belay is frozen; nothing may start")
            after = await append(tx, self._clock, run, drafts, seq=seq, epoch=epoch)
        self.changed(run.id)
        return after

    async def outcome(
        self, run: Run, drafts: Sequence[Draft], *, epoch: int, printed: Sequence[Printed] = ()
    ) -> RunState:
        """
        Record what has happened, on top of whatever else did. Waits as long as the database is away: what the
        host did is not lost meanwhile, it can be asked again.

        Raises:
            FencedError: another driver has the run, and will ask the host itself.
        """
        async for attempt in until_written():
            with attempt:
                return await self._outcome(run, drafts, epoch, printed)
        raise AssertionError("tenacity gives up only by raising")

    async def _outcome(self, run: Run, drafts: Sequence[Draft], epoch: int, printed: Sequence[Printed]) -> RunState:
        async with self._store.begin() as tx:
            before = await tx.state(run.id)
            for each in printed:
                await tx.add_output(
                    run.id,
                    each.unit,
                    each.verb,
                    each.attempt,
                    output=each.output,
                    exit_code=each.exit_code,
                    at=self._clock.now(),
                )
            after = await append(tx, self._clock, run, drafts, seq=before.seq, epoch=epoch)
        self.changed(run.id)
        return after


def until_written() -> AsyncRetrying:
    """Try again for as long as the database is away; a stale epoch ends it at once."""
    return AsyncRetrying(
        retry=retry_if_exception(_may_pass),
        wait=wait_exponential(multiplier=0.05, max=2),  # seconds
        stop=stop_never,
        reraise=True,
        before_sleep=lambda state: log.warning("not written yet: %s", state.outcome and state.outcome.exception()),
    )


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, (StoreUnavailableError, ConflictError)) and not isinstance(error, FencedError)


async def append(
    tx: Transaction,
    clock: Clock,
    run: Run,
    drafts: Sequence[Draft],
    *,
    seq: int,
    by: str = "",
    epoch: int | None = None,
) -> RunState:
    """Append *drafts* and queue the messages they cause, in the caller's transaction."""
    before = await tx.state(run.id)
    after = await tx.append(run.id, drafts, seq=seq, at=clock.now(), by=by, epoch=epoch)
    entries = await tx.entries(run.id, after=before.seq)
    for message in announcements(run, before, after, entries):
        await tx.send(message)
    return after
