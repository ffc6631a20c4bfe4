"""Removing what people typed from imports, and leaving what tells that a row was imported."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from imports.domain.catalogue import fold
from imports.domain.rows import NAMED

# The identity is a digest; appointments and outcomes are needed to undo, and to know a row that comes again.
_CLEARED = """
    field_values = '{}', requested = NULL, outcome_reasons = '[]', contacts = '{}', to_check = false,
    to_book = false, check_id = NULL, override = NULL, resource_id = NULL, blocked_from = NULL, blocked_to = NULL,
    free_ids = NULL
"""
_CLEAR_ALL = text(
    f"""
    UPDATE import_rows SET {_CLEARED}, reasons = '[]'
    WHERE organization_id = :organization_id AND import_id = :import_id
    """
)
_ERASED = '[{"code": "client_erased", "detail": "The client was erased", "conflicts_with": []}]'
_CLEAR_ERASED = text(
    f"""
    UPDATE import_rows SET {_CLEARED}, reasons = CAST(:reasons AS jsonb),
        dropped = dropped OR outcome IS NULL, state = CASE WHEN outcome IS NULL THEN 'invalid' ELSE state END,
        revision = revision + 1
    WHERE organization_id = :organization_id AND (
        contacts && CAST(:contacts AS text[]) OR client_id = :client_id
        OR client_id IS NULL AND contacts && CAST(:names AS text[]))
        AND import_id IN (
            SELECT id FROM imports WHERE organization_id = :organization_id AND created_at <= :before)
    """
)
_OF_THEN = "organization_id = :organization_id AND created_at <= :before"
# In one order, as everybody who locks several; and before their rows, as everybody who changes those.
_LOCK = text(
    """
    SELECT i.id FROM imports AS i
    JOIN unnest(CAST(:organizations AS uuid[]), CAST(:befores AS timestamptz[])) AS e(organization_id, before)
        ON i.organization_id = e.organization_id AND i.created_at <= e.before
    ORDER BY i.organization_id, i.id FOR UPDATE OF i
    """
)
_FAIL_UNREAD = text(
    f"""
    WITH unread AS (
        UPDATE imports SET state = 'failed', updated_at = :now, version = version + 1,
            failure = 'A client was erased: upload the file again'
        WHERE {_OF_THEN} AND state IN ('uploaded', 'reading', 'failed')
        RETURNING organization_id, id
    )
    DELETE FROM import_rows USING unread
    WHERE import_rows.organization_id = unread.organization_id AND import_rows.import_id = unread.id
    """
)
_REMOVE_FILES = text(
    f"""
    DELETE FROM import_files
    WHERE organization_id = :organization_id AND import_id IN (SELECT id FROM imports WHERE {_OF_THEN})
    """
)
# Columns are called as their fields, so that what is still to be corrected can be downloaded. Rows that are judged
# anew need the meaning of their words for statuses.
_IN_REVIEW = "state IN ('checking', 'checked', 'stalled')"
_FORGET_WORDS = text(
    f"""
    UPDATE imports SET file_name = 'import ' || to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'), headers = '[]',
        mapping = mapping || jsonb_build_object(
            'columns', (SELECT coalesce(jsonb_object_agg(name, name), '{{}}')
                        FROM jsonb_object_keys(mapping -> 'columns') AS name),
            'statuses', CASE WHEN {_IN_REVIEW} THEN mapping -> 'statuses' ELSE '{{}}' END),
        warnings = CASE WHEN {_IN_REVIEW} THEN CAST(:warnings AS jsonb) ELSE '[]' END,
        undo_reason = CASE WHEN undo_reason IS NOT NULL THEN 'The import was undone' END
    WHERE {_OF_THEN}
    """
)
_WARNING = (
    '[{"code": "file_erased", "detail": "A client was erased: the file and the names of its columns are gone. What is '
    'listed here can still be imported", "conflicts_with": []}]'
)
_WORDS_IN_REVIEW = text(
    f"""
    SELECT i.id, i.mapping -> 'statuses' AS statuses, ARRAY(
        SELECT DISTINCT r.field_values ->> 'status' FROM import_rows AS r
        WHERE r.organization_id = i.organization_id AND r.import_id = i.id AND r.field_values ? 'status') AS words
    FROM imports AS i WHERE {_OF_THEN} AND {_IN_REVIEW} AND mapping -> 'statuses' <> '{{}}'
    """
)
_KEEP_STATUSES = text(
    """
    UPDATE imports SET mapping = jsonb_set(mapping, '{statuses}', CAST(:statuses AS jsonb))
    WHERE organization_id = :organization_id AND id = :import_id
    """
)
# Answers are kept for repetitions, with the names in them.
_FORGET_ANSWERS = text(
    """
    UPDATE idempotency_keys AS k SET body = convert_to('{}', 'UTF8') FROM imports AS i
    WHERE k.organization_id = :organization_id AND i.organization_id = :organization_id AND i.created_at <= :before
        AND position(convert_to(i.id::text, 'UTF8') IN k.body) > 0
    """
)
# Earlier versions remembered columns by their names.
_FORGET_NAMED_MAPPINGS = text(
    "DELETE FROM mappings WHERE organization_id = :organization_id AND mapping -> 'ranks' IS NULL"
)
_FORGET_REMEMBERED_WORDS = text(
    """
    UPDATE mappings SET mapping = mapping || '{"statuses": {}}'
    WHERE organization_id = :organization_id AND mapping -> 'statuses' <> '{}'
    """
)


class ClearingStore:
    """What any import holds of what people typed."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def clear_rows(self, organization_id: UUID, import_id: UUID) -> None:
        await self._session.execute(_CLEAR_ALL, {"organization_id": organization_id, "import_id": import_id})

    async def lock(self, before: Mapping[UUID, datetime]) -> None:
        """Holds the imports of these organizations from before an instant: nobody writes back what is taken."""
        parameters = {"organizations": list(before), "befores": list(before.values())}
        await self._session.execute(_LOCK, parameters)

    async def clear_rows_of(
        self, organization_id: UUID, client_id: UUID, contacts: Sequence[str], *, before: datetime
    ) -> None:
        """A client's rows, by id and by contact, of imports from before an instant.

        By a name as well where the row tells nothing else and is not booked, so that nobody knows who bears it there.
        """
        parameters = {
            "organization_id": organization_id,
            "client_id": client_id,
            "contacts": [digest for digest in contacts if not digest.startswith(NAMED)],
            "names": [digest for digest in contacts if digest.startswith(NAMED)],
            "reasons": _ERASED,
            "before": before,
        }
        await self._session.execute(_CLEAR_ERASED, parameters)

    async def clear_unknown(self, organization_id: UUID, *, before: datetime, now: datetime) -> None:
        """All that may name anybody, and does not tell whom, of imports from before an instant.

        Files, rows of those that are not all read, names of files and columns, and the words of statuses that no
        row has any more. Remembered mappings keep what holds none of the files' words.
        """
        of_then = {"organization_id": organization_id, "before": before}
        await self._session.execute(_FAIL_UNREAD, {**of_then, "now": now})
        await self._session.execute(_REMOVE_FILES, of_then)
        await self._forget_unused_statuses(organization_id, before)
        await self._session.execute(_FORGET_WORDS, {**of_then, "warnings": _WARNING})
        await self._session.execute(_FORGET_ANSWERS, of_then)
        for statement in (_FORGET_NAMED_MAPPINGS, _FORGET_REMEMBERED_WORDS):
            await self._session.execute(statement, {"organization_id": organization_id})

    async def _forget_unused_statuses(self, organization_id: UUID, before: datetime) -> None:
        of_then = {"organization_id": organization_id, "before": before}
        for row in (await self._session.execute(_WORDS_IN_REVIEW, of_then)).all():
            used = {fold(word) for word in row.words}
            kept = {word: status for word, status in row.statuses.items() if word in used}
            parameters = {"organization_id": organization_id, "import_id": row.id}
            await self._session.execute(_KEEP_STATUSES, {**parameters, "statuses": orjson.dumps(kept).decode()})
