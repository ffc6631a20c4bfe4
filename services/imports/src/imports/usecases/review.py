"""Correcting, dropping and forcing single rows before the import is confirmed."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from imports.domain.conflicts import conflicts_inside
from imports.domain.mapping import Field
from imports.domain.model import ImportState, RowState, WrongStateError
from imports.domain.validation import RowRules, judge
from imports.storage import rows as stored_rows
from imports.storage.files import change_import, import_of
from imports.usecases.reading import rows_to_store, rules_of, span_of
from slotstream_servicekit.errors import NotFoundError

REVIEWABLE = frozenset({ImportState.CHECKING, ImportState.CHECKED})
REVISION_STEP = 1_000_000
"""Keeps the ids of commands about an edited row apart from those that a new mapping would make."""


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
    now: datetime,
) -> Row[Any]:
    """Edits a row and judges it anew, drops or takes it back, or forces its conflict."""
    found = await import_of(session, organization_id=organization_id, import_id=import_id, locked=True)
    if found.state not in REVIEWABLE:
        raise WrongStateError(f"Rows of an import that is {found.state} cannot be changed")
    row = await stored_rows.row_of(session, organization_id=organization_id, import_id=import_id, number=number)
    if row is None:
        raise NotFoundError("The import has no such row")
    rules = await rules_of(session, found, now=now)
    if dropped is not None and dropped != row.dropped:
        row = await stored_rows.change_row(session, row, dropped=dropped, to_check=False, check_id=None)
    if override_reason is not None or withdraw_override:
        row = await stored_rows.change_row(session, row, override_reason=override_reason)
    if values is not None or dropped is not None:
        row = await _judged_anew(session, found, row, values or {}, rules)
        await _judge_those_it_obstructed(session, found, row.number, rules)
        if found.state == ImportState.CHECKED:
            await change_import(session, found, now=now, state=ImportState.CHECKING)
    return row


async def _judged_anew(
    session: AsyncSession, found: Row[Any], row: Row[Any], edits: Mapping[Field, str], rules: RowRules
) -> Row[Any]:
    values = {**{Field(name): text for name, text in row.field_values.items()}, **edits}
    stored = (await rows_to_store(session, found, [(row.number, values, judge(values, rules))]))[0]
    stored["revision"] = row.revision + REVISION_STEP
    if not row.dropped and stored["state"] != RowState.INVALID:
        stored = await _with_obstacles(session, found, stored, rules)
    stored["to_check"] = stored["to_check"] and not row.dropped
    return await stored_rows.change_row(session, row, **stored, check_id=None)


async def _with_obstacles(
    session: AsyncSession, found: Row[Any], stored: dict[str, Any], rules: RowRules
) -> dict[str, Any]:
    """Adds what else in the file takes the same identity or time."""
    wish, number = stored["wish"], stored["number"]
    same = await stored_rows.same_key_before(
        session, organization_id=found.organization_id, import_id=found.id, number=number, row_key=stored["row_key"]
    )
    if same is not None:
        repeated = {"code": "duplicate_row", "detail": f"The same as row {same}", "conflicts_with": [str(same)]}
        return {**stored, "state": RowState.INVALID, "reasons": [repeated], "to_check": False}
    own = span_of(number, wish["starts_at"], wish["duration_minutes"], wish["resource_id"])
    neighbours = await stored_rows.overlapping(
        session,
        organization_id=found.organization_id,
        import_id=found.id,
        number=number,
        starts_at=own.starts_at,
        ends_at=own.ends_at,
    )
    spans = [span_of(each.number, each.starts_at, int(each.minutes), each.resource_id) for each in neighbours]
    before = {each for each, _ in conflicts_inside(spans, staff=rules.catalogue.staff)}
    after = dict(conflicts_inside([*spans, own], staff=rules.catalogue.staff))
    for each, reason in after.items():
        if each == number or each not in before:
            others = tuple(str(span.row) for span in spans)
            added = {**asdict(reason), "conflicts_with": list(others if each != number else reason.conflicts_with)}
            return {**stored, "state": RowState.CONFLICT, "reasons": [*stored["reasons"], added]}
    return stored


async def _judge_those_it_obstructed(session: AsyncSession, found: Row[Any], number: int, rules: RowRules) -> None:
    """Rows that were only in this row's way may be free now."""
    obstructed = await stored_rows.obstructed_by(
        session, organization_id=found.organization_id, import_id=found.id, number=number
    )
    for row in obstructed:
        await _judged_anew(session, found, row, {}, rules)
