"""Carrying an import on, one step per transaction, so that a crash costs one step at most."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from imports.domain.imports import STAGES, Import, ImportState
from imports.domain.rows import RowToSend, RowToUndo, Stage
from imports.domain.validation import Judging
from imports.publishers import Happened, rows_command, undo_command
from imports.storage.commands import RowCommandStore
from imports.storage.imports import ImportStore
from imports.storage.rows import RowStore
from imports.usecases.events import announce, save_import
from imports.usecases.reading import FileCursor, compare_with_book, read_chunk
from slotstream_servicekit.context import Actor, Cause, Context
from slotstream_servicekit.database import is_unavailable
from slotstream_servicekit.errors import RETRYABLE_KINDS, SlotstreamError
from slotstream_servicekit.outbox import EventTooLargeError, OutboxRecord, enqueue
from slotstream_servicekit.telemetry import current_traceparent, get_logger

log = get_logger(__name__)

ROWS_PER_COMMAND = 50
"""So many that a command costs little beside its rows; so few that a file's commands spread over the partitions."""
MOST_FAILURES = 5
_SYSTEM = Actor(type="system", id="imports")
_UNFORESEEN = "The file could not be worked through; the service's log says why"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    rows: Sequence[RowToSend] | Sequence[RowToUndo]
    command: OutboxRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSteps:
    """What a worker needs to carry imports on; `cursor` is its own.

    Of one import at most `awaited_rows` are with booking at a time. All organizations' commands share its topic, and
    whoever comes later waits behind those that are in it already.
    """

    cursor: FileCursor
    judging: Judging
    chunk_rows: int
    awaited_rows: int
    answer_timeout: timedelta

    async def advance(self, *, session: AsyncSession, now: datetime) -> bool:
        """Takes one import that is due, and that no other worker holds, one step further; False where there is none.

        Whatever goes wrong stays with that import: it is given up, or comes again later, and the others go on.
        """
        imported = await ImportStore(session).lock_next_due(now)
        if imported is None:
            return False
        cause = Cause(correlation_id=str(imported.id), traceparent=current_traceparent())
        context = Context(organization_id=imported.organization_id, actor=_SYSTEM, cause=cause, now=now)
        try:
            async with session.begin_nested():
                await self._step(session, imported, context)
        except SlotstreamError as error:
            if error.kind in RETRYABLE_KINDS:
                raise
            await _give_up(session, imported, error.detail, context)
        except Exception as error:
            if is_unavailable(error):
                raise
            log.exception("import_step_failed", import_id=str(imported.id), state=str(imported.state))
            await _put_off(session, imported, context)
        return True

    async def _step(self, session: AsyncSession, imported: Import, context: Context) -> None:
        if imported.state is ImportState.READING:
            await self._read(session, imported, context)
        else:
            await self._send_or_settle(session, imported, STAGES[imported.state], context)

    async def _read(self, session: AsyncSession, imported: Import, context: Context) -> None:
        read_through = await read_chunk(
            session=session,
            imported=imported,
            cursor=self.cursor,
            judging=self.judging,
            chunk_rows=self.chunk_rows,
            now=context.now,
        )
        if read_through is None:
            checking = replace(imported, state=ImportState.CHECKING, waiting_since=context.now)
            await save_import(session=session, imported=checking, context=context)
        else:
            # To the end of the queue, without a new version.
            await ImportStore(session).save(replace(imported, read_through=read_through, due_at=context.now))

    async def _send_or_settle(self, session: AsyncSession, imported: Import, stage: Stage, context: Context) -> None:
        """Sends the next commands, as far as there is room; once all are answered, moves on."""
        store = RowCommandStore(session, imported.organization_id, imported.id)
        room = self.awaited_rows - await store.count_awaited(stage, limit=self.awaited_rows)
        has_room = room >= ROWS_PER_COMMAND
        batches = await self._next_batches(store, stage, imported, context, limit=room) if has_room else []
        if batches:
            await enqueue(session, [batch.command for batch in batches])
            await store.mark_sent(stage, {row.number: batch.command.id for batch in batches for row in batch.rows})
            await ImportStore(session).save(replace(imported, waiting_since=context.now, due_at=context.now))
        elif await store.is_open(stage):
            await self._wait(session, imported, context)
        else:
            if stage is Stage.CHECK:
                await compare_with_book(session=session, imported=imported, judging=self.judging, now=context.now)
            await _settle(session, imported, stage, context)

    async def _next_batches(
        self, store: RowCommandStore, stage: Stage, imported: Import, context: Context, *, limit: int
    ) -> list[Batch]:
        limit = min(limit, self.chunk_rows)
        if stage is Stage.UNDO:
            return _undo_batches(imported, await store.next_to_undo(limit=limit), context)
        rows = await store.next(stage, limit=limit)
        return [batch for portion in _portions(stage, imported, rows, context) for batch in portion]

    async def _wait(self, session: AsyncSession, imported: Import, context: Context) -> None:
        """Until answers wake the import, or none has come for too long."""
        until = imported.waiting_since + self.answer_timeout
        if context.now < until:
            await ImportStore(session).save(replace(imported, due_at=until))
            return
        minutes = self.answer_timeout // timedelta(minutes=1)
        await _stall(
            session, imported, f"Booking has not answered for {minutes} minutes: try again, or cancel", context
        )


_AFTER = {
    Stage.CHECK: (ImportState.CHECKED, Happened.CHECKED),
    Stage.BOOK: (ImportState.FINISHED, Happened.FINISHED),
    Stage.UNDO: (ImportState.UNDONE, Happened.UNDONE),
}


async def _settle(session: AsyncSession, imported: Import, stage: Stage, context: Context) -> None:
    """Every row of the stage is answered."""
    if stage is Stage.UNDO:
        left = (await RowCommandStore(session, imported.organization_id, imported.id).counts()).new
        if left:
            failure = f"{left} rows could not be undone: each says why"
            finished = replace(imported, state=ImportState.FINISHED, failure=failure, failures=0)
            await save_import(session=session, imported=finished, context=context)
            return
    state, happened = _AFTER[stage]
    settled = replace(imported, state=state, failures=0)
    actor = _asked_by(stage, imported)
    await announce(session=session, imported=settled, happened=happened, actor=actor, context=context)


def _asked_by(stage: Stage, imported: Import) -> Actor:
    """Who had the import checked, booked or undone."""
    actors = {
        Stage.CHECK: imported.mapped_by,
        Stage.BOOK: imported.confirmed_by,
        Stage.UNDO: imported.undone_by,
    }
    return actors[stage] or imported.uploaded_by


async def _give_up(session: AsyncSession, imported: Import, reason: str, context: Context) -> None:
    """Before anything is sent to be booked, the rows go and the file can be mapped again."""
    if imported.state in (ImportState.BOOKING, ImportState.UNDOING):
        await _stall(session, imported, reason, context)
        return
    await RowStore(session, imported.organization_id, imported.id).clear()
    failed = replace(imported, state=ImportState.FAILED, failure=reason, read_through=0)
    await save_import(session=session, imported=failed, context=context)


async def _put_off(session: AsyncSession, imported: Import, context: Context) -> None:
    """Once more later; a file that cannot be read will not read better then."""
    failures = imported.failures + 1
    if imported.state is ImportState.READING or failures >= MOST_FAILURES:
        await _give_up(session, imported, _UNFORESEEN, context)
        return
    due_at = context.now + timedelta(seconds=2**failures)
    await ImportStore(session).save(replace(imported, failures=failures, due_at=due_at))


async def _stall(session: AsyncSession, imported: Import, reason: str, context: Context) -> None:
    stalled = replace(imported, state=ImportState.STALLED, stalled_in=imported.state, failure=reason)
    await save_import(session=session, imported=stalled, context=context)


def _portions(stage: Stage, imported: Import, rows: Sequence[RowToSend], context: Context) -> Iterator[list[Batch]]:
    """Commands for the rows, each in the name of one actor: who forced a row, else who had all checked or booked."""
    usual = _asked_by(stage, imported)
    by_actor: dict[Actor, list[RowToSend]] = {}
    for row in rows:
        by_actor.setdefault(row.override.actor if row.override else usual, []).append(row)
    for actor, rows_of_actor in by_actor.items():
        for cut in range(0, len(rows_of_actor), ROWS_PER_COMMAND):
            portion = rows_of_actor[cut : cut + ROWS_PER_COMMAND]
            yield _fitting(stage, imported, portion, actor, context)


def _undo_batches(imported: Import, rows: Sequence[RowToUndo], context: Context) -> list[Batch]:
    actor = _asked_by(Stage.UNDO, imported)
    portions = [rows[cut : cut + ROWS_PER_COMMAND] for cut in range(0, len(rows), ROWS_PER_COMMAND)]
    return [
        Batch(rows=portion, command=undo_command(imported, portion, actor=actor, context=context))
        for portion in portions
    ]


def _fitting(stage: Stage, imported: Import, rows: Sequence[RowToSend], actor: Actor, context: Context) -> list[Batch]:
    """The rows with their command; in halves where they hold so much text that one record would be too large."""
    try:
        return [Batch(rows=rows, command=rows_command(stage, imported, rows, actor=actor, context=context))]
    except EventTooLargeError:
        if len(rows) == 1:
            raise
    half = len(rows) // 2
    return [batch for part in (rows[:half], rows[half:]) for batch in _fitting(stage, imported, part, actor, context)]
