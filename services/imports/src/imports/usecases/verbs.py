"""Confirming an import, undoing it, cancelling it, and trying again what did not come to an end."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from imports.domain.imports import STAGES, Import, ImportState, WrongStateError
from imports.domain.rows import RowOverride
from imports.publishers import Happened
from imports.storage.commands import RowCommandStore
from imports.storage.imports import FileStore, ImportStore
from imports.usecases.events import announce, save_import
from imports.usecases.review import check_may_override
from slotstream_servicekit.context import Context
from slotstream_servicekit.ids import new_id

_BEFORE_BOOKING = frozenset(
    {ImportState.UPLOADED, ImportState.READING, ImportState.CHECKING, ImportState.CHECKED, ImportState.FAILED}
)


async def confirm_import(
    *,
    session: AsyncSession,
    context: Context,
    import_id: UUID,
    notify: bool,
    override_all: str | None,
    expected_version: int | None,
) -> Import:
    """Books what can be booked. Clients are told only where `notify` asks for it."""
    imported = await ImportStore(session).lock(context.organization_id, import_id, expected_version=expected_version)
    if imported.state is not ImportState.CHECKED:
        raise WrongStateError(f"Only a checked import can be confirmed; this one is {imported.state}")
    force = None
    if override_all is not None:
        check_may_override(context.actor)
        force = RowOverride(reason=override_all, actor=context.actor)
    await RowCommandStore(session, context.organization_id, import_id).choose(force=force)
    confirmed = replace(
        imported,
        state=ImportState.BOOKING,
        notify=notify,
        confirmed_by=context.actor,
        waiting_since=context.now,
        failures=0,
    )
    return await announce(
        session=session, imported=confirmed, happened=Happened.CONFIRMED, actor=context.actor, context=context
    )


async def undo_import(
    *, session: AsyncSession, context: Context, import_id: UUID, reason: str, expected_version: int | None
) -> Import:
    """Has everything taken back that this import has booked and nobody has changed since.

    An undone import can be undone again where booking said later that it had booked something all the same.
    """
    imported = await ImportStore(session).lock(context.organization_id, import_id, expected_version=expected_version)
    if imported.state not in (ImportState.FINISHED, ImportState.UNDONE):
        raise WrongStateError(f"Only a finished import can be undone; this one is {imported.state}")
    chosen = await RowCommandStore(session, context.organization_id, import_id).choose_to_undo()
    if imported.state is ImportState.UNDONE and not chosen:
        raise WrongStateError("The import is undone already")
    undoing = replace(
        imported,
        state=ImportState.UNDOING,
        undo_id=new_id(),
        undo_reason=reason,
        undone_by=context.actor,
        failure=None,
        failures=0,
        waiting_since=context.now,
    )
    return await save_import(session=session, imported=undoing, context=context)


async def retry_import(
    *, session: AsyncSession, context: Context, import_id: UUID, expected_version: int | None
) -> Import:
    """Sends again what booking has not answered. What it has done already is not done twice."""
    imported = await ImportStore(session).lock(context.organization_id, import_id, expected_version=expected_version)
    if imported.state is not ImportState.STALLED:
        raise WrongStateError(f"Only a stalled import can be tried again; this one is {imported.state}")
    state = imported.stalled_in or ImportState.CHECKING
    await RowCommandStore(session, context.organization_id, import_id).send_again(STAGES[state])
    resumed = replace(imported, state=state, stalled_in=None, failure=None, waiting_since=context.now, failures=0)
    return await save_import(session=session, imported=resumed, context=context)


async def cancel_import(
    *, session: AsyncSession, context: Context, import_id: UUID, expected_version: int | None
) -> Import:
    """Ends an import. What was booked by then stays, and can be undone: it is then finished, not cancelled."""
    imported = await ImportStore(session).lock(context.organization_id, import_id, expected_version=expected_version)
    rows = RowCommandStore(session, context.organization_id, import_id)
    where = imported.stalled_in if imported.state is ImportState.STALLED else imported.state
    ended = replace(imported, failure=None, stalled_in=None)
    if where in _BEFORE_BOOKING:
        await rows.give_up_checking()
        await FileStore(session).remove(context.organization_id, import_id)
        ended = replace(ended, state=ImportState.CANCELLED)
        return await announce(
            session=session, imported=ended, happened=Happened.CANCELLED, actor=context.actor, context=context
        )
    if where is ImportState.BOOKING:
        await rows.give_up_booking()
        ended = replace(ended, state=ImportState.FINISHED)
        return await announce(
            session=session, imported=ended, happened=Happened.FINISHED, actor=context.actor, context=context
        )
    if where is ImportState.UNDOING:
        await rows.give_up_undoing()
        ended = replace(ended, state=ImportState.FINISHED)
        return await save_import(session=session, imported=ended, context=context)
    raise WrongStateError(f"An import that is {imported.state} cannot be cancelled")
