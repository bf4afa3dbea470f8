"""The lock of a target and the claim of a run: what may happen once."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from core.errors import ConflictError, RefusedError
from store.columns import utc
from store.parts import Part
from store.records import Claim, TargetLock
from store.tables import ClaimRow, RunRow, TargetLockRow


class LocksPart(Part):
    async def lock_target(self, target: str, run_id: str, at: datetime) -> None:
        """
        Reserve *target* for this run. It is given back by `append` when the run ends. Asked again: nothing happens.

        Raises:
            RefusedError: another run has it.
        """
        if await self.check_free(target, run_id) is None:
            await self._add(TargetLockRow(target=target, run_id=run_id, at=at))

    async def check_free(self, target: str, run_id: str = "") -> TargetLock | None:
        """
        Return the lock, if *run_id* has it itself.

        Raises:
            RefusedError: another run has *target*; the text says which, and what to do.
        """
        held = await self.lock_of(target)
        if held is not None and held.run_id != run_id:
            raise RefusedError(
                f"{target} is taken by {held.run_id}, asked for by {held.requester} "
                f"at {held.at:%Y-%m-%d %H:%M} UTC; wait for its end, or withdraw or abort {held.run_id}"
            )
        return held

    async def lock_of(self, target: str) -> TargetLock | None:
        query = select(TargetLockRow, RunRow.requester).where(
            TargetLockRow.target == target, TargetLockRow.run_id == RunRow.id
        )
        found = (await self._session.exec(query)).first()
        if found is None:
            return None
        row, requester = found
        return TargetLock(target=row.target, run_id=row.run_id, requester=requester, at=row.at)

    async def unlock_target(self, target: str, run_id: str) -> None:
        """Give *target* back, if this run has it."""
        row = await self._session.get(TargetLockRow, target)
        if row is not None and row.run_id == run_id:
            await self._remove(row)

    async def claim(
        self, run_id: str, *, digest: str, verdict_digest: str, people: Sequence[str], at: datetime
    ) -> None:
        """
        Spend the run's approvals. Append the CLAIMED entry in the same transaction.

        Raises:
            ConflictError: they were spent before.
        """
        before = await self.claim_of(run_id)
        if before is not None:
            raise ConflictError(
                f"the approvals of {run_id} were spent at {before.at:%Y-%m-%d %H:%M:%S} UTC; look again"
            )
        row = ClaimRow(
            run_id=run_id, digest=digest, verdict_digest=verdict_digest, people=sorted(set(people)), at=utc(at)
        )
        try:
            await self._add(row)
        except IntegrityError as error:
            raise ConflictError(f"the approvals of {run_id} were spent at this very moment; look again") from error

    async def claim_of(self, run_id: str) -> Claim | None:
        row = await self._session.get(ClaimRow, run_id)
        if row is None:
            return None
        return Claim(
            run_id=row.run_id,
            digest=row.digest,
            verdict_digest=row.verdict_digest,
            people=tuple(row.people),
            at=row.at,
        )
