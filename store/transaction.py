"""One transaction: everything the store can do, all of it or nothing."""

from store.freezes import FreezesPart
from store.inbox import InboxPart
from store.journal import JournalPart
from store.ledger import LedgerPart
from store.outbox import OutboxPart
from store.outputs import OutputsPart
from store.overviews import OverviewsPart
from store.tables import CounterRow


class Transaction(JournalPart, LedgerPart, InboxPart, OutboxPart, OverviewsPart, OutputsPart, FreezesPart):
    """
    Made by `Store.begin` and `Store.look`, and of no use after them.

    Methods stand in one file an idea: runs, journal, locks (and claims), ledger, inbox, outbox, boards, overviews,
    outputs, audit, freezes. Times come from the caller, aware. An error inside `begin` undoes the whole transaction.
    """

    async def lock_writers(self) -> None:
        """Wait until no other process writes (PostgreSQL)."""
        await self.audit_head(lock=True)

    async def beat(self) -> None:
        """Write something that is of no account."""
        row = await self._session.get(CounterRow, "beat") or CounterRow(name="beat", value=0)
        row.value = (row.value + 1) % 1_000_000
        await self._add(row)
