"""Applying what booking answered to checks, bookings and undoings. Safe to run twice on the same answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from imports.domain.imports import AT_WORK, Import, ImportState
from imports.domain.rows import Outcome, RowAnswer
from imports.publishers import Happened
from imports.storage.commands import AnswerStore, RowCommandStore
from imports.storage.imports import ImportStore
from imports.usecases.events import announce, save_import
from slotstream_servicekit.context import Actor, Cause, Context
from slotstream_servicekit.errors import Reason

_BOOKING = Actor(type="system", id="booking")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What booking said of one appointment, or, without `appointment_id`, of all that the command asks for.

    `kept_ids` are what an undo left as it was.
    """

    command_id: UUID
    organization_id: UUID
    batch_id: UUID | None
    verb: Literal["check", "book", "undo"]
    succeeded: bool
    appointment_id: UUID | None = None
    client_id: UUID | None = None
    already_done: bool = False
    reasons: tuple[Reason, ...] = ()
    kept_ids: tuple[UUID, ...] = ()


async def apply_answers(*, session: AsyncSession, answers: Sequence[Answer], now: datetime) -> None:
    """Answers to commands that are not ours, or no longer awaited, change nothing."""
    about_rows = await _with_import(session, [answer for answer in answers if answer.verb != "undo"])
    # Before their rows, as everybody does who changes an import.
    imports = await _lock(session, about_rows)
    if checks := [_row_answer(answer) for answer in about_rows if answer.verb == "check"]:
        await AnswerStore(session).apply_checks(checks)
    if bookings := [_row_answer(answer) for answer in about_rows if answer.verb == "book"]:
        await AnswerStore(session).apply_bookings(bookings)
    for imported in imports:
        await _wake(session, imported, now)
    if undoings := {answer.command_id: answer for answer in answers if answer.verb == "undo"}:
        for imported in await ImportStore(session).lock_undone_by(list(undoings)):
            if imported.undo_command_id is not None:
                await _apply_undoing(session, imported, undoings[imported.undo_command_id], now)


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
    done = Outcome.ALREADY_DONE if answer.already_done else Outcome.BOOKED
    outcome = done if answer.succeeded else Outcome.REFUSED
    is_check = answer.verb == "check"
    return RowAnswer(
        command_id=answer.command_id,
        organization_id=answer.organization_id,
        import_id=answer.batch_id or UUID(int=0),
        appointment_id=answer.appointment_id,
        client_id=answer.client_id,
        outcome=None if is_check else outcome,
        reasons=() if is_check and answer.succeeded else answer.reasons,
    )


async def _wake(session: AsyncSession, imported: Import, now: datetime) -> None:
    """An import that works goes on, and one that had given up waiting does so too."""
    if imported.state is ImportState.STALLED and imported.stalled_in is not None:
        resumed = replace(imported, state=imported.stalled_in, stalled_in=None, failure=None, waiting_since=now)
        await save_import(session=session, imported=resumed, context=_context_of(imported, now))
    elif imported.state in AT_WORK:
        await ImportStore(session).save(replace(imported, due_at=now, waiting_since=now))


async def _apply_undoing(session: AsyncSession, imported: Import, answer: Answer, now: datetime) -> None:
    context = _context_of(imported, now)
    is_awaited = ImportState.UNDOING in (imported.state, imported.stalled_in)
    if not is_awaited or imported.organization_id != answer.organization_id:
        return
    settled = replace(imported, stalled_in=None, failure=None)
    if not answer.succeeded:
        failure = "; ".join(reason.detail for reason in answer.reasons)
        refused = replace(settled, state=ImportState.FINISHED, failure=failure)
        await save_import(session=session, imported=refused, context=context)
        return
    await RowCommandStore(session, imported.organization_id, imported.id).mark_undone(kept=answer.kept_ids)
    await announce(
        session=session,
        imported=replace(settled, state=ImportState.UNDONE),
        happened=Happened.UNDONE,
        actor=imported.undone_by or imported.uploaded_by,
        context=context,
    )


def _context_of(imported: Import, now: datetime) -> Context:
    cause = Cause(correlation_id=str(imported.id))
    return Context(organization_id=imported.organization_id, actor=_BOOKING, cause=cause, now=now)
