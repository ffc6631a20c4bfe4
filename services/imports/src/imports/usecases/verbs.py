"""Confirming an import and undoing it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from imports.domain.model import ImportState, WrongStateError
from imports.publishers import undo_of
from imports.storage.files import change_import, import_of
from imports.storage.rows import choose_rows
from imports.usecases.announcing import announce
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.outbox import enqueue


async def confirm_import(
    session: AsyncSession,
    *,
    organization_id: UUID,
    import_id: UUID,
    notify: bool,
    override_all: str | None,
    expected_version: int | None,
    now: datetime,
) -> Row[Any]:
    """Books what can be booked. Clients are told only where `notify` asks for it."""
    found = await _locked(session, organization_id, import_id, expected_version)
    if found.state != ImportState.CHECKED:
        raise WrongStateError(f"Only a checked import can be confirmed; this one is {found.state}")
    await choose_rows(session, organization_id=organization_id, import_id=import_id, override_all=override_all)
    return await announce(session, found, "confirmed", now=now, state=ImportState.BOOKING, notify=notify)


async def undo_import(
    session: AsyncSession,
    *,
    organization_id: UUID,
    import_id: UUID,
    reason: str,
    expected_version: int | None,
    now: datetime,
) -> Row[Any]:
    """Asks booking to take back, as one batch, what this import has booked and nobody has changed since."""
    found = await _locked(session, organization_id, import_id, expected_version)
    if found.state != ImportState.FINISHED:
        raise WrongStateError(f"Only a finished import can be undone; this one is {found.state}")
    command_id = new_id()
    await enqueue(session, [undo_of(found, command_id=command_id, reason=reason, now=now)])
    return await change_import(
        session, found, now=now, state=ImportState.UNDOING, undo_command_id=command_id, failure=None
    )


async def _locked(
    session: AsyncSession, organization_id: UUID, import_id: UUID, expected_version: int | None
) -> Row[Any]:
    return await import_of(
        session,
        organization_id=organization_id,
        import_id=import_id,
        locked=True,
        expected_version=expected_version,
    )
