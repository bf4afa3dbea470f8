"""What actions printed: bounded and redacted before it comes here."""

from datetime import datetime

from sqlmodel import col, select

from core.action import Output, Verb
from core.codec import from_data, to_data
from store.parts import Part
from store.records import KeptOutput
from store.tables import OutputRow


class OutputsPart(Part):
    async def add_output(
        self, run_id: str, unit: str, verb: Verb, attempt: int, *, output: Output, exit_code: int | None, at: datetime
    ) -> None:
        """Keep what one attempt printed. Seen again (attached after a crash, verified again), it is replaced."""
        which = {"run_id": run_id, "unit": unit, "verb": verb, "attempt": attempt}
        what = {"exit_code": exit_code, "at": at, "output": to_data(output)}
        await self._put(OutputRow, which, what)

    async def outputs(self, run_id: str, *, unit: str = "") -> list[KeptOutput]:
        """Return those of the run, or of one unit, in the order they were first kept."""
        query = select(OutputRow).where(OutputRow.run_id == run_id).order_by(col(OutputRow.number))
        if unit:
            query = query.where(OutputRow.unit == unit)
        return [
            KeptOutput(
                unit=row.unit,
                verb=Verb(row.verb),
                attempt=row.attempt,
                exit_code=row.exit_code,
                at=row.at,
                output=from_data(Output, row.output, where="output"),
            )
            for row in (await self._session.exec(query)).all()
        ]
