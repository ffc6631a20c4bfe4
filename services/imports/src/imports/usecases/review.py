"""Correcting, dropping and forcing single rows before the import is confirmed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from imports.domain.conflicts import conflict_with
from imports.domain.imports import REVIEWABLE, Import, ImportState, WrongStateError
from imports.domain.mapping import Field
from imports.domain.rows import ImportRow, RowOverride, RowState
from imports.domain.validation import Judging, RowRules, judge
from imports.storage.imports import ImportStore
from imports.storage.rows import RowStore
from imports.usecases.events import save_import
from imports.usecases.reading import JudgedRow, rows_to_store, rules_of
from slotstream_servicekit.context import Actor, Context
from slotstream_servicekit.errors import ForbiddenError, NotFoundError, Reason, VersionConflictError

MOST_FREED = 200
"""Of the rows that one row was in the way of, so many are judged anew at once."""
_IN_THE_FILE = ("duplicate_row", "conflict_in_file")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChange:
    """What to change of a row; None leaves it as it is."""

    values: Mapping[Field, str] | None = None
    dropped: bool | None = None
    override_reason: str | None = None
    withdraws_override: bool = False


def check_may_override(actor: Actor) -> None:
    """What nobody may force in the book directly is not forced by way of a file. Raises ForbiddenError."""
    if not actor.may_override:
        raise ForbiddenError("Only members of staff may force a conflict")


async def change_row(
    *,
    session: AsyncSession,
    context: Context,
    import_id: UUID,
    number: int,
    change: RowChange,
    judging: Judging,
    expected_version: int | None,
) -> ImportRow:
    """Edits a row and judges it anew, drops or takes it back, or forces its conflict."""
    imported = await ImportStore(session).lock(context.organization_id, import_id)
    if imported.state not in REVIEWABLE:
        raise WrongStateError(f"Rows of an import that is {imported.state} cannot be changed")
    store = RowStore(session, context.organization_id, import_id)
    before = await store.find(number)
    if before is None:
        raise NotFoundError("The import has no such row")
    if expected_version is not None and expected_version != before.revision:
        raise VersionConflictError(before.revision)
    row = replace(_with_override(before, change, context.actor), revision=before.revision + 1)
    if change.dropped is not None:
        row = replace(row, dropped=change.dropped)
    if change.values is None and change.dropped is None:
        await store.save(row)
        return row
    rules = await rules_of(session=session, imported=imported, judging=judging, now=context.now)
    row = await _judge_anew(session, imported, row, change.values or {}, rules)
    await _judge_those_it_obstructed(session, imported, before, rules)
    if imported.state is ImportState.CHECKED:
        imported = replace(imported, state=ImportState.CHECKING, waiting_since=context.now)
    await save_import(session=session, imported=imported, context=context)
    return row


def _with_override(row: ImportRow, change: RowChange, actor: Actor) -> ImportRow:
    """An override holds for the row as it was seen: it ends with any change of what the row says."""
    if change.override_reason is not None:
        check_may_override(actor)
        return replace(row, override=RowOverride(reason=change.override_reason, actor=actor))
    if change.withdraws_override or change.values is not None:
        return replace(row, override=None)
    return row


async def _judge_anew(
    session: AsyncSession, imported: Import, row: ImportRow, edits: Mapping[Field, str], rules: RowRules
) -> ImportRow:
    values = {**row.values, **edits}
    judged = JudgedRow(row.number, values, judge(values, rules))
    (fresh,) = await rows_to_store(session=session, imported=imported, chunk=[judged])
    # What was corrected may stand in other cells still.
    contacts = tuple(dict.fromkeys((*fresh.contacts, *row.contacts)))
    fresh = replace(fresh, contacts=contacts, revision=row.revision, dropped=row.dropped, override=row.override)
    if not fresh.dropped and fresh.state is not RowState.INVALID:
        fresh = await _with_obstacles(session, fresh, rules)
    fresh = replace(fresh, to_check=fresh.to_check and not fresh.dropped)
    await RowStore(session, row.organization_id, row.import_id).save(fresh)
    return fresh


async def _with_obstacles(session: AsyncSession, row: ImportRow, rules: RowRules) -> ImportRow:
    """Marks the row where others in the file have the same identity or take the same time."""
    store = RowStore(session, row.organization_id, row.import_id)
    twins = await store.of_key(row.row_key, other_than=row.number) if row.row_key is not None else ()
    same = next((twin.number for twin in twins if twin.state is not RowState.INVALID), None)
    if same is not None:
        return row.refused_as(RowState.INVALID, Reason("duplicate_row", f"The same as row {same}", (str(same),)))
    if row.span is None:
        return row
    neighbours = [neighbour.span for neighbour in await store.overlapping(row.span) if neighbour.span is not None]
    conflict = conflict_with(row.span, neighbours, catalogue=rules.catalogue)
    return row if conflict is None else row.refused_as(RowState.CONFLICT, conflict)


async def _judge_those_it_obstructed(
    session: AsyncSession, imported: Import, before: ImportRow, rules: RowRules
) -> None:
    """Rows that were only in the way of this one, as it was, may be free now."""
    store = RowStore(session, before.organization_id, before.import_id)
    twins = await store.of_key(before.row_key, other_than=before.number) if before.row_key is not None else ()
    neighbours = await store.overlapping(before.span, states=[RowState.CONFLICT]) if before.span is not None else ()
    obstructed = {row.number: row for row in (*twins, *neighbours) if row.has_reason(*_IN_THE_FILE)}
    for number in sorted(obstructed)[:MOST_FREED]:
        row = obstructed[number]
        await _judge_anew(session, imported, replace(row, revision=row.revision + 1), {}, rules)
