"""Rows as they go to booking: which are to be sent, which are awaited, and what was answered."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from imports.domain.rows import RowAnswer, RowCounts, RowOverride, RowState, RowToSend, RowToUndo, Stage
from imports.storage.documents import (
    override_document,
    override_from,
    reason_documents,
    requested_from,
)
from imports.storage.tables import import_rows

# All rows of a command carry its id. An answer is about one of them, or about all where it names no appointment.
_CHECKED = text(
    """
    UPDATE import_rows AS r
    SET to_check = false, check_id = NULL, free_ids = a.free, reasons = r.reasons || a.reasons,
        state = CASE WHEN jsonb_array_length(a.reasons) > 0 THEN 'conflict' ELSE r.state END
    FROM jsonb_to_recordset(CAST(:answers AS jsonb))
        AS a(id uuid, organization uuid, batch uuid, appointment uuid, free uuid[], reasons jsonb)
    WHERE r.organization_id = a.organization AND r.import_id = a.batch AND r.check_id = a.id
      AND (a.appointment IS NULL OR r.appointment_id = a.appointment)
    """
)
_BOOKED = text(
    """
    UPDATE import_rows AS r SET to_book = false, outcome = a.outcome, outcome_reasons = a.reasons, client_id = a.client
    FROM jsonb_to_recordset(CAST(:answers AS jsonb))
        AS a(id uuid, organization uuid, batch uuid, appointment uuid, client uuid, outcome text, reasons jsonb)
    WHERE r.organization_id = a.organization AND r.import_id = a.batch AND r.book_id = a.id
      AND (r.outcome IS NULL OR r.outcome = 'unknown')
      AND (a.appointment IS NULL OR r.appointment_id = a.appointment)
    """
)
# What could not be undone keeps its outcome, with the reasons.
_UNDONE = text(
    """
    UPDATE import_rows AS r
    SET to_undo = false, undo_id = NULL, outcome = coalesce(a.outcome, r.outcome), outcome_reasons = a.reasons
    FROM jsonb_to_recordset(CAST(:answers AS jsonb))
        AS a(id uuid, organization uuid, batch uuid, appointment uuid, outcome text, reasons jsonb)
    WHERE r.organization_id = a.organization AND r.import_id = a.batch AND r.undo_id = a.id
      AND (a.appointment IS NULL OR r.appointment_id = a.appointment)
    """
)
_COUNTS = text(
    """
    SELECT count(*) AS rows,
        count(*) FILTER (WHERE dropped) AS dropped,
        count(*) FILTER (WHERE state = 'ok' AND NOT dropped) AS ok,
        count(*) FILTER (WHERE state = 'warning' AND NOT dropped) AS warnings,
        count(*) FILTER (WHERE state = 'conflict' AND NOT dropped) AS conflicts,
        count(*) FILTER (WHERE state = 'conflict' AND NOT dropped AND override IS NOT NULL) AS overridden,
        count(*) FILTER (WHERE state = 'invalid' AND NOT dropped) AS invalid,
        count(*) FILTER (WHERE check_id IS NOT NULL OR to_check) AS unchecked,
        count(*) FILTER (WHERE to_book OR book_id IS NOT NULL) AS chosen,
        count(*) FILTER (WHERE outcome IN ('booked', 'already_done', 'kept')) AS booked,
        count(*) FILTER (WHERE outcome = 'booked') AS new,
        count(*) FILTER (WHERE outcome = 'already_done') AS already_done,
        count(*) FILTER (WHERE outcome = 'refused') AS failed,
        count(*) FILTER (WHERE outcome = 'undone') AS undone,
        count(*) FILTER (WHERE outcome = 'unknown') AS unknown
    FROM import_rows WHERE organization_id = :organization_id AND import_id = :import_id
    """
)
_MINE = "organization_id = :organization_id AND import_id = :import_id"
_FORCE = text(
    f"""
    UPDATE import_rows SET override = CAST(:override AS jsonb)
    WHERE {_MINE} AND state = 'conflict' AND override IS NULL
    """
)
_CHOOSE = text(
    f"""
    UPDATE import_rows SET to_book = true
    WHERE {_MINE} AND NOT dropped AND appointment_id IS NOT NULL
      AND (state IN ('ok', 'warning') OR (state = 'conflict' AND override IS NOT NULL))
    """
)
# Also what was booked already when it was last sent, and what nobody has answered: booking knows whose it is.
_CHOOSE_TO_UNDO = text(
    f"""
    WITH chosen AS (
        UPDATE import_rows SET to_undo = true, undo_id = NULL, outcome_reasons = '[]'
        WHERE {_MINE} AND outcome IN ('booked', 'already_done', 'unknown') AND appointment_id IS NOT NULL
        RETURNING 1
    ) SELECT EXISTS (SELECT FROM chosen)
    """
)
_UNDO_GIVEN_UP = text(f"UPDATE import_rows SET to_undo = false WHERE {_MINE} AND to_undo")
_GIVEN_UP = text(
    f"""
    UPDATE import_rows SET to_book = false, outcome = CASE WHEN book_id IS NULL THEN NULL ELSE 'unknown' END
    WHERE {_MINE} AND (to_book OR book_id IS NOT NULL) AND outcome IS NULL
    """
)
_UNCHECKED = text(f"UPDATE import_rows SET to_check = false, check_id = NULL WHERE {_MINE}")


_AWAITED = {
    Stage.CHECK: "check_id IS NOT NULL",
    Stage.BOOK: "book_id IS NOT NULL AND outcome IS NULL",
    Stage.UNDO: "undo_id IS NOT NULL",
}


class RowCommandStore:
    """The rows of one import on their way to booking and back."""

    def __init__(self, session: AsyncSession, organization_id: UUID, import_id: UUID) -> None:
        self._session = session
        self._identity: dict[str, UUID] = {"organization_id": organization_id, "import_id": import_id}

    async def next(self, stage: Stage, *, limit: int) -> list[RowToSend]:
        """Rows whose command is still to be sent: checked in the file's order, booked by their start.

        Rows that take anybody are booked after all that name somebody are answered: see `domain.conflicts`.
        """
        rows = await self._next(stage, limit=limit, named=True)
        if rows or await self._awaits_answers(stage, "resource_id IS NOT NULL"):
            return rows
        return await self._next(stage, limit=limit, named=False)

    async def _next(self, stage: Stage, *, limit: int, named: bool) -> list[RowToSend]:
        columns = ("number", "revision", "appointment_id", "requested", "override", "state")
        query = (
            select(*(import_rows.c[name] for name in columns))
            .where(
                import_rows.c.organization_id == self._identity["organization_id"],
                import_rows.c.import_id == self._identity["import_id"],
                import_rows.c[f"to_{stage}"],
            )
            .limit(limit)
        )
        if stage is Stage.CHECK:
            query = query.order_by(import_rows.c.number)
        else:
            resource_id = import_rows.c.resource_id
            query = query.order_by(import_rows.c.starts_at, import_rows.c.number)
            query = query.where(resource_id.is_not(None) if named else resource_id.is_(None))
        return [
            RowToSend(
                number=row.number,
                revision=row.revision,
                appointment_id=row.appointment_id,
                requested=requested,
                override=override_from(row.override) if row.state == RowState.CONFLICT else None,
            )
            for row in await self._session.execute(query)
            if (requested := requested_from(row.requested)) is not None
        ]

    async def next_to_undo(self, *, limit: int) -> list[RowToUndo]:
        """Rows whose undoing is still to be asked for, in the file's order."""
        query = (
            select(import_rows.c.number, import_rows.c.revision, import_rows.c.appointment_id)
            .where(
                import_rows.c.organization_id == self._identity["organization_id"],
                import_rows.c.import_id == self._identity["import_id"],
                import_rows.c.to_undo,
            )
            .order_by(import_rows.c.number)
            .limit(limit)
        )
        return [
            RowToUndo(number=row.number, revision=row.revision, appointment_id=row.appointment_id)
            for row in await self._session.execute(query)
        ]

    async def mark_sent(self, stage: Stage, commands: Mapping[int, UUID]) -> None:
        """Each row, by number, awaits the answer to the command that it is in."""
        await self._session.execute(
            text(
                f"UPDATE import_rows AS r SET to_{stage} = false, {stage}_id = c.id "
                "FROM unnest(CAST(:numbers AS integer[]), CAST(:ids AS uuid[])) AS c(number, id) "
                "WHERE r.organization_id = :organization_id AND r.import_id = :import_id AND r.number = c.number"
            ),
            {**self._identity, "numbers": list(commands), "ids": list(commands.values())},
        )

    async def is_open(self, stage: Stage) -> bool:
        """Whether commands are still to be sent or answered."""
        # Asked one by one, each has a partial index; together they would read every row.
        to_send = await self._session.execute(
            text(f"SELECT EXISTS (SELECT FROM import_rows WHERE {_MINE} AND to_{stage})"), self._identity
        )
        return bool(to_send.scalar_one()) or await self._awaits_answers(stage)

    async def _awaits_answers(self, stage: Stage, condition: str = "true") -> bool:
        awaited = await self._session.execute(
            text(f"SELECT EXISTS (SELECT FROM import_rows WHERE {_MINE} AND {_AWAITED[stage]} AND {condition})"),
            self._identity,
        )
        return bool(awaited.scalar_one())

    async def count_awaited(self, stage: Stage, *, limit: int) -> int:
        """How many rows are with booking, up to `limit`. Those that are to be sent once more are not."""
        counted = await self._session.execute(
            text(
                f"SELECT count(*) FROM (SELECT FROM import_rows WHERE {_MINE} AND {_AWAITED[stage]} "
                f"AND NOT to_{stage} LIMIT :limit) AS awaited"
            ),
            {**self._identity, "limit": limit},
        )
        return int(counted.scalar_one())

    async def send_again(self, stage: Stage) -> None:
        """Rows whose answer did not come are to be sent once more; a late answer to the former command still counts."""
        await self._session.execute(
            text(f"UPDATE import_rows SET to_{stage} = true WHERE {_MINE} AND {_AWAITED[stage]}"), self._identity
        )

    async def counts(self) -> RowCounts:
        row = (await self._session.execute(_COUNTS, self._identity)).one()
        return RowCounts(**row._mapping)  # noqa: SLF001 - the public name of a row's columns

    async def choose(self, *, force: RowOverride | None) -> None:
        """Marks for booking what can be booked; conflicts only with an override of their own, or `force`."""
        if force is not None:
            override = orjson.dumps(override_document(force)).decode()
            await self._session.execute(_FORCE, {**self._identity, "override": override})
        await self._session.execute(_CHOOSE, self._identity)

    async def choose_to_undo(self) -> bool:
        """Marks for undoing whatever this import may have booked; whether there is anything."""
        chosen = await self._session.execute(_CHOOSE_TO_UNDO, self._identity)
        return bool(chosen.scalar_one())

    async def give_up_undoing(self) -> None:
        """What is not asked for stays; what is undone all the same is known once booking says so."""
        await self._session.execute(_UNDO_GIVEN_UP, self._identity)

    async def give_up_booking(self) -> None:
        """What is not sent stays unbooked; of what is sent and not answered nobody knows."""
        await self._session.execute(_GIVEN_UP, self._identity)

    async def give_up_checking(self) -> None:
        await self._session.execute(_UNCHECKED, self._identity)


_OF_COMMANDS = text(
    """
    SELECT organization_id, check_id AS command_id, import_id
    FROM import_rows WHERE organization_id = ANY(:organizations) AND check_id = ANY(:ids)
    UNION
    SELECT organization_id, book_id, import_id
    FROM import_rows WHERE organization_id = ANY(:organizations) AND book_id = ANY(:ids) AND outcome IS NULL
    UNION
    SELECT organization_id, undo_id, import_id
    FROM import_rows WHERE organization_id = ANY(:organizations) AND undo_id = ANY(:ids)
    """
)


_ANSWERED = {Stage.CHECK: _CHECKED, Stage.BOOK: _BOOKED, Stage.UNDO: _UNDONE}


class AnswerStore:
    """Booking's answers to rows of any import."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def imports_of(self, commands: Collection[tuple[UUID, UUID]]) -> Mapping[tuple[UUID, UUID], UUID]:
        """The import that each command, by organization and id, is of."""
        organizations, ids = zip(*commands, strict=True)
        parameters = {"organizations": sorted(set(organizations)), "ids": list(ids)}
        rows = await self._session.execute(_OF_COMMANDS, parameters)
        return {(row.organization_id, row.command_id): row.import_id for row in rows}

    async def apply(self, stage: Stage, answers: Sequence[RowAnswer]) -> None:
        await self._session.execute(_ANSWERED[stage], {"answers": _documents(answers)})


def _documents(answers: Sequence[RowAnswer]) -> str:
    documents: list[dict[str, Any]] = [
        {
            "id": answer.command_id,
            "organization": answer.organization_id,
            "batch": answer.import_id,
            "appointment": answer.appointment_id,
            "client": answer.client_id,
            "free": answer.free_ids or None,
            "outcome": answer.outcome,
            "reasons": reason_documents(answer.reasons),
        }
        for answer in answers
    ]
    return orjson.dumps(documents).decode()
