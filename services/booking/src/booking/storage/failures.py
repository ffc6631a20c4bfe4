"""What the worker could not do, as its rows tell it."""

import asyncpg

from booking.domain.errors import WorkFailure


def failure_of(row: asyncpg.Record) -> WorkFailure | None:
    code = row["failure_code"]
    return None if code is None else WorkFailure(code=code, failed_at=row["failed_at"])
