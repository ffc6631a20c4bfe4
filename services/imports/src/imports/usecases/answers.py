"""Applying what booking answered to checks, bookings and undoings. Safe to run twice on the same answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from imports.domain.imports import AT_WORK, Import, ImportState
from imports.domain.rows import Outcome, RowAnswer, Stage
from imports.storage.commands import AnswerStore
from imports.storage.imports import ImportStore
from imports.usecases.events import save_import
from slotstream_servicekit.context import Actor, Cause, Context
from slotstream_servicekit.errors import Reason

CHANGED_SINCE = "changed_since"
"""Booking's code for what it does not undo because somebody has changed it."""
_BOOKING = Actor(type="system", id="booking")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What booking said of one appointment, or, without `appointment_id`, of all that the command asks for."""

    command_id: UUID
    organization_id: UUID
    batch_id: UUID | None
    stage: Stage
    succeeded: bool
    appointment_id: UUID | None = None
    client_id: UUID | None = None
    already_done: bool = False
    free_ids: tuple[UUID, ...] = ()
    reasons: tuple[Reason, ...] = ()


async def apply_answers(*, session: AsyncSession, answers: Sequence[Answer], now: datetime) -> None:
    """Answers to commands that are not ours, or no longer awaited, change nothing."""
    named = await _with_import(session, answers)
    # Before their rows, as everybody does who changes an import.
    imports = await _lock(session, named)
    for stage in Stage:
        if about_rows := [_row_answer(answer) for answer in named if answer.stage is stage]:
            await AnswerStore(session).apply(stage, about_rows)
    for imported in imports:
        await _wake(session, imported, now)


async def _with_import(session: AsyncSession, answers: Sequence[Answer]) -> Sequence[Answer]:
    """The answers that name their import. A command that could not be read is refused without it: then by its id."""
    unnamed = {
        (answer.organization_id, answer.command_id)
        for answer in answers
        if answer.batch_id is None and not answer.succeeded
    }
    if not unnamed:
        return [answer for answer in answers if answer.batch_id is not None]
    by_command = await AnswerStore(session).imports_of(unnamed)
    named = [
        replace(answer, batch_id=by_command.get((answer.organization_id, answer.command_id)))
        if answer.batch_id is None and not answer.succeeded
        else answer
        for answer in answers
    ]
    return [answer for answer in named if answer.batch_id is not None]


async def _lock(session: AsyncSession, answers: Sequence[Answer]) -> Sequence[Import]:
    keys = {(answer.organization_id, answer.batch_id) for answer in answers if answer.batch_id is not None}
    return await ImportStore(session).lock_many(sorted(keys)) if keys else []


def _row_answer(answer: Answer) -> RowAnswer:
    return RowAnswer(
        command_id=answer.command_id,
        organization_id=answer.organization_id,
        import_id=answer.batch_id or UUID(int=0),
        appointment_id=answer.appointment_id,
        client_id=answer.client_id,
        outcome=_outcome(answer),
        reasons=answer.reasons,
        free_ids=answer.free_ids,
    )


def _outcome(answer: Answer) -> Outcome | None:
    """None where the row's stays what it was: nothing of the sort was booked, or an undo was refused."""
    match answer.stage, answer.succeeded:
        case Stage.BOOK, True:
            return Outcome.ALREADY_DONE if answer.already_done else Outcome.BOOKED
        case Stage.BOOK, False:
            return Outcome.REFUSED
        case Stage.UNDO, True:
            return Outcome.UNDONE
        case Stage.UNDO, False if any(reason.code == CHANGED_SINCE for reason in answer.reasons):
            return Outcome.KEPT
        case _:
            return None


async def _wake(session: AsyncSession, imported: Import, now: datetime) -> None:
    """An import that works goes on, and one that had given up waiting does so too."""
    if imported.state is ImportState.STALLED and imported.stalled_in is not None:
        resumed = replace(imported, state=imported.stalled_in, stalled_in=None, failure=None, waiting_since=now)
        await save_import(session=session, imported=resumed, context=_context_of(imported, now))
    elif imported.state in AT_WORK:
        await ImportStore(session).save(replace(imported, due_at=now, waiting_since=now))
        await ImportStore(session).wake_workers()


def _context_of(imported: Import, now: datetime) -> Context:
    cause = Cause(correlation_id=str(imported.id))
    return Context(organization_id=imported.organization_id, actor=_BOOKING, cause=cause, now=now)
