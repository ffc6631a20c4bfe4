"""Correcting, dropping and forcing single rows before the import is confirmed."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from imports.domain.conflicts import Span, conflict_with
from imports.domain.mapping import Field
from imports.domain.model import ImportState, RowState, WrongStateError
from imports.domain.validation import RowRules, judge
from imports.storage import rows as stored_rows
from imports.storage.files import change_import, import_of
from imports.usecases.reading import rows_to_store, rules_of, span_of
from slotstream_servicekit.errors import NotFoundError, Reason, VersionConflictError

REVIEWABLE = frozenset({ImportState.CHECKING, ImportState.CHECKED})
MOST_FREED = 200
"""Of the rows that one row was in the way of, so many are judged anew at once."""
_IN_THE_FILE = frozenset({"duplicate_row", "conflict_in_file"})


async def change_row(
    session: AsyncSession,
    *,
    organization_id: UUID,
    import_id: UUID,
    number: int,
    values: Mapping[Field, str] | None,
    dropped: bool | None,
    override_reason: str | None,
    withdraw_override: bool,
    expected_version: int | None,
    now: datetime,
) -> Row[Any]:
    """Edits a row and judges it anew, drops or takes it back, or forces its conflict."""
    found = await import_of(session, organization_id=organization_id, import_id=import_id, locked=True)
    if found.state not in REVIEWABLE:
        raise WrongStateError(f"Rows of an import that is {found.state} cannot be changed")
    row = await stored_rows.row_of(session, organization_id=organization_id, import_id=import_id, number=number)
    if row is None:
        raise NotFoundError("The import has no such row")
    if expected_version is not None and expected_version != row.revision:
        raise VersionConflictError(row.revision)
    before = row
    rules = await rules_of(session, found, now=now)
    if dropped is not None and dropped != row.dropped:
        row = await stored_rows.change_row(session, row, dropped=dropped, to_check=False, check_id=None)
    if override_reason is not None or withdraw_override:
        row = await stored_rows.change_row(session, row, override_reason=override_reason, revision=row.revision + 1)
    if values is not None or dropped is not None:
        row = await _judged_anew(session, found, row, values or {}, rules)
        await _judge_those_it_obstructed(session, found, before, rules)
        if found.state == ImportState.CHECKED:
            await change_import(session, found, now=now, state=ImportState.CHECKING)
    return row


async def _judged_anew(
    session: AsyncSession, found: Row[Any], row: Row[Any], edits: Mapping[Field, str], rules: RowRules
) -> Row[Any]:
    values = {**{Field(name): text for name, text in row.field_values.items()}, **edits}
    stored = (await rows_to_store(session, found, [(row.number, values, judge(values, rules))]))[0]
    stored["revision"] = row.revision + 1
    if not row.dropped and stored["state"] != RowState.INVALID:
        stored |= await _obstacles(session, found, stored, staff=rules.catalogue.staff)
    stored["to_check"] = stored["to_check"] and not row.dropped
    return await stored_rows.change_row(session, row, **stored, check_id=None)


async def _obstacles(
    session: AsyncSession, found: Row[Any], stored: Mapping[str, Any], *, staff: int
) -> dict[str, Any]:
    """What else in the file takes the same identity or time, as changes to the row; none where nothing does."""
    identity: dict[str, Any] = {"organization_id": found.organization_id, "import_id": found.id}
    number: int = stored["number"]
    twins = await stored_rows.rows_of_key(session, **identity, number=number, row_key=stored["row_key"])
    same = next((each.number for each in twins if each.state != RowState.INVALID), None)
    if same is not None:
        reason = Reason("duplicate_row", f"The same as row {same}", (str(same),))
        return {"state": RowState.INVALID, "reasons": [asdict(reason)], "to_check": False}
    own = Span(number, stored["starts_at"], stored["ends_at"], stored["resource_id"])
    neighbours = await stored_rows.overlapping(
        session, **identity, number=number, starts_at=own.starts_at, ends_at=own.ends_at
    )
    if conflict := conflict_with(own, [span_of(each) for each in neighbours], staff=staff):
        return {"state": RowState.CONFLICT, "reasons": [*stored["reasons"], asdict(conflict)]}
    return {}


async def _judge_those_it_obstructed(session: AsyncSession, found: Row[Any], before: Row[Any], rules: RowRules) -> None:
    """Rows that were only in the way of this one, as it was, may be free now."""
    identity: dict[str, Any] = {"organization_id": found.organization_id, "import_id": found.id}
    if before.starts_at is None:
        return
    twins = await stored_rows.rows_of_key(session, **identity, number=before.number, row_key=before.row_key)
    neighbours = await stored_rows.overlapping(
        session,
        **identity,
        number=before.number,
        starts_at=before.starts_at,
        ends_at=before.ends_at,
        states=(RowState.CONFLICT,),
    )
    obstructed = {
        row.number: row for row in (*twins, *neighbours) if _IN_THE_FILE & {each["code"] for each in row.reasons}
    }
    for number in sorted(obstructed)[:MOST_FREED]:
        await _judged_anew(session, found, obstructed[number], {}, rules)
