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
        query = select(OutputRow).where(
            OutputRow.run_id == run_id, OutputRow.unit == unit, OutputRow.verb == verb, OutputRow.attempt == attempt
        )
        row = (await self._session.exec(query)).first()
        if row is None:
            row = OutputRow(run_id=run_id, unit=unit, verb=verb, attempt=attempt, at=at, output={})
        row.exit_code, row.at, row.output = exit_code, at, to_data(output)
        await self._add(row)

    async def outputs(self, run_id: str) -> list[KeptOutput]:
        """Return them in the order they were first kept."""
        query = select(OutputRow).where(OutputRow.run_id == run_id).order_by(col(OutputRow.number))
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
