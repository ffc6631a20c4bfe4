"""Applying what booking answered to checks, bookings and undoings. Safe to run twice on the same answers."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from imports.domain.model import ImportState, Outcome
from imports.storage.files import change_import, undoing_import
from imports.storage.rows import apply_bookings, apply_checks, mark_undone
from imports.usecases.announcing import announce
from slotstream_servicekit.errors import Reason


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
    already_done: bool = False
    reasons: tuple[Reason, ...] = ()
    kept_ids: tuple[UUID, ...] = ()


async def apply_answers(session: AsyncSession, *, answers: Sequence[Answer], now: datetime) -> None:
    """Answers to commands that are not ours, or no longer awaited, change nothing."""
    if checks := [_check(each) for each in answers if each.verb == "check"]:
        await apply_checks(session, checks)
    if bookings := [_booking(each) for each in answers if each.verb == "book"]:
        await apply_bookings(session, bookings)
    if undoings := {each.command_id: each for each in answers if each.verb == "undo"}:
        await _apply_undoings(session, undoings, now)


def _check(answer: Answer) -> dict[str, Any]:
    return {
        "id": answer.command_id,
        "organization": answer.organization_id,
        "batch": answer.batch_id,
        "appointment": answer.appointment_id,
        "reasons": [] if answer.succeeded else [asdict(reason) for reason in answer.reasons],
    }


def _booking(answer: Answer) -> dict[str, Any]:
    done = Outcome.ALREADY_DONE if answer.already_done else Outcome.BOOKED
    return {
        "id": answer.command_id,
        "organization": answer.organization_id,
        "batch": answer.batch_id,
        "appointment": answer.appointment_id,
        "outcome": done if answer.succeeded else Outcome.REFUSED,
        "reasons": [asdict(reason) for reason in answer.reasons],
    }


async def _apply_undoings(session: AsyncSession, undoings: dict[UUID, Answer], now: datetime) -> None:
    for found in await undoing_import(session, command_ids=list(undoings)):
        answer = undoings[found.undo_command_id]
        if found.state != ImportState.UNDOING or found.organization_id != answer.organization_id:
            continue
        if not answer.succeeded:
            failure = "; ".join(reason.detail for reason in answer.reasons)
            await change_import(session, found, now=now, state=ImportState.FINISHED, failure=failure)
            continue
        await mark_undone(session, organization_id=found.organization_id, import_id=found.id, kept=answer.kept_ids)
        await announce(session, found, "undone", now=now, state=ImportState.UNDONE)
