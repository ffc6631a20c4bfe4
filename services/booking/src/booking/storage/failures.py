"""What the worker could not do, as the rows of its work tell it."""

from datetime import datetime
from uuid import UUID

import asyncpg

from booking.domain.errors import WorkFailure
from slotstream_servicekit.database import Connection


def failure_of(row: asyncpg.Record) -> WorkFailure | None:
    code = row["failure_code"]
    return None if code is None else WorkFailure(code=code, failed_at=row["failed_at"])


class PutOff:
    """Has a row that the worker failed at tried again later, so that the others have their turn, and notes why.

    `due` is the column that says when a row is tried. `only` is met by the rows that are still to be tried.
    """

    def __init__(self, table: str, *, due: str, only: str = "true") -> None:
        self._statement = f"""
            UPDATE {table} SET {due} = $3, failure_code = $4, failed_at = $5
            WHERE organization_id = $1 AND id = $2 AND {only}
        """

    async def __call__(
        self, connection: Connection, organization_id: UUID, row_id: UUID, *, until: datetime, failure: WorkFailure
    ) -> None:
        await connection.execute(self._statement, organization_id, row_id, until, failure.code, failure.failed_at)
