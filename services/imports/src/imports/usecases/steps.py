"""Carrying an import on, one step per transaction, so that a crash costs one step at most."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from imports.domain.model import ImportState
from imports.publishers import booking_of, check_of
from imports.storage.files import change_import, next_at_work, touch
from imports.storage.rows import awaiting, clear_rows, mark_sent, next_rows
from imports.usecases.announcing import announce
from imports.usecases.reading import Reader, read_chunk
from slotstream_servicekit.database import is_unavailable
from slotstream_servicekit.errors import RETRYABLE_KINDS, SlotstreamError
from slotstream_servicekit.outbox import EventTooLargeError, OutboxRecord, enqueue
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

MakeCommand = Callable[..., OutboxRecord]
Batch = tuple[Sequence[Row[Any]], OutboxRecord]

ROWS_PER_COMMAND = 50
"""So many that a command costs little beside its rows; so few that a file's commands spread over the partitions."""


async def advance_import(session: AsyncSession, *, reader: Reader, chunk_rows: int, now: datetime) -> bool:
    """Takes one import that no other worker holds one step further; False where there was nothing to do."""
    found = await next_at_work(session)
    if found is None:
        return False
    match ImportState(found.state):
        case ImportState.READING:
            await _read(session, found, reader=reader, chunk_rows=chunk_rows, now=now)
            return True
        case ImportState.CHECKING:
            return await _send_or_settle(session, found, "check", check_of, chunk_rows=chunk_rows, now=now)
        case _:
            return await _send_or_settle(session, found, "book", booking_of, chunk_rows=chunk_rows, now=now)


async def _read(session: AsyncSession, found: Row[Any], *, reader: Reader, chunk_rows: int, now: datetime) -> None:
    try:
        async with session.begin_nested():
            finished = await read_chunk(session, found, reader=reader, chunk_rows=chunk_rows, now=now)
    except SlotstreamError as error:
        if error.kind in RETRYABLE_KINDS:
            raise
        await _give_up(session, found, error.detail, now=now)
    except Exception as error:
        if is_unavailable(error):
            raise
        # A file that we cannot cope with must not stop the worker, and all other imports with it.
        log.exception("import_failed", import_id=str(found.id))
        await _give_up(session, found, "The file could not be worked through; the service's log says why", now=now)
    else:
        if finished:
            await change_import(session, found, now=now, state=ImportState.CHECKING)


async def _give_up(session: AsyncSession, found: Row[Any], why: str, *, now: datetime) -> None:
    await clear_rows(session, organization_id=found.organization_id, import_id=found.id)
    await change_import(session, found, now=now, state=ImportState.FAILED, failure=why, read_through=0)


async def _send_or_settle(
    session: AsyncSession,
    found: Row[Any],
    verb: str,
    make: MakeCommand,
    *,
    chunk_rows: int,
    now: datetime,
) -> bool:
    """Sends the next commands; once all are answered, moves on. False while answers are awaited."""
    identity: dict[str, UUID] = {"organization_id": found.organization_id, "import_id": found.id}
    rows = await next_rows(session, **identity, column=f"to_{verb}", limit=chunk_rows)
    if rows:
        cuts = range(0, len(rows), ROWS_PER_COMMAND)
        batches = [each for cut in cuts for each in _fitting(found, rows[cut : cut + ROWS_PER_COMMAND], make, now=now)]
        await enqueue(session, [command for _, command in batches])
        commands = {row.number: command.id for batch, command in batches for row in batch}
        await mark_sent(session, **identity, verb=verb, commands=commands)
        await touch(session, found, now=now)
        return True
    if await awaiting(session, **identity, verb=verb):
        await touch(session, found, now=now)
        return False
    if verb == "check":
        await announce(session, found, "checked", now=now, state=ImportState.CHECKED)
    else:
        await announce(session, found, "finished", now=now, state=ImportState.FINISHED)
    return True


def _fitting(found: Row[Any], batch: Sequence[Row[Any]], make: MakeCommand, *, now: datetime) -> list[Batch]:
    """The rows with their command; in halves where they hold so much text that one record would be too large."""
    try:
        return [(batch, make(found, batch, now=now))]
    except EventTooLargeError:
        if len(batch) == 1:
            raise
    half = len(batch) // 2
    return [each for part in (batch[:half], batch[half:]) for each in _fitting(found, part, make, now=now)]
