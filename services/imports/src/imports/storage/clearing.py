"""Removing what people typed from rows and files, and leaving what tells that a row was imported."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

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
    WHERE organization_id = :organization_id AND (contacts && CAST(:contacts AS text[]) OR client_id = :client_id)
        AND import_id IN (
            SELECT id FROM imports WHERE organization_id = :organization_id AND created_at <= :before)
    RETURNING import_id
    """
)
_REMOVE_FILES = text(
    "DELETE FROM import_files WHERE organization_id = :organization_id AND import_id = ANY(:import_ids)"
)
_REMOVE_UNREAD = text(
    """
    WITH unread AS (
        UPDATE imports SET state = 'failed', updated_at = :now, version = version + 1,
            failure = 'A client was erased: upload the file again'
        WHERE organization_id = :organization_id AND state IN ('uploaded', 'reading', 'failed')
            AND created_at <= :before
        RETURNING organization_id, id
    ), rows AS (
        DELETE FROM import_rows USING unread
        WHERE import_rows.organization_id = unread.organization_id AND import_rows.import_id = unread.id
    )
    DELETE FROM import_files USING unread
    WHERE import_files.organization_id = unread.organization_id AND import_files.import_id = unread.id
    """
)


# A file may be named after the person. The upload's answer is kept for repetitions, with the name in it.
_FORGET_NAMES = text(
    """
    WITH forgotten AS (
        UPDATE imports SET file_name = 'erased' WHERE organization_id = :organization_id
            AND (id = ANY(:import_ids) OR (created_at <= :before AND state = 'failed'))
        RETURNING id
    )
    UPDATE idempotency_keys AS k SET body = convert_to('{}', 'UTF8') FROM forgotten AS f
    WHERE k.organization_id = :organization_id AND position(convert_to(f.id::text, 'UTF8') IN k.body) > 0
    """
)


class ClearingStore:
    """Rows and files of any import."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def clear_rows(self, organization_id: UUID, import_id: UUID) -> None:
        await self._session.execute(_CLEAR_ALL, {"organization_id": organization_id, "import_id": import_id})

    async def clear_rows_of(
        self, organization_id: UUID, client_id: UUID, contacts: Sequence[str], *, before: datetime
    ) -> Sequence[UUID]:
        """A client's rows, by id and by contact, of imports from before an instant; the imports that they are in."""
        parameters = {
            "organization_id": organization_id,
            "client_id": client_id,
            "contacts": list(contacts),
            "reasons": _ERASED,
            "before": before,
        }
        rows = await self._session.execute(_CLEAR_ERASED, parameters)
        return sorted({row.import_id for row in rows})

    async def remove_files(self, organization_id: UUID, import_ids: Sequence[UUID]) -> None:
        parameters = {"organization_id": organization_id, "import_ids": list(import_ids)}
        await self._session.execute(_REMOVE_FILES, parameters)

    async def forget_names(self, organization_id: UUID, import_ids: Sequence[UUID], *, before: datetime) -> None:
        """The names of these files, and of those that failed before an instant: whom they name is not known."""
        parameters = {"organization_id": organization_id, "import_ids": list(import_ids), "before": before}
        await self._session.execute(_FORGET_NAMES, parameters)

    async def remove_unread_files(self, organization_id: UUID, *, before: datetime, now: datetime) -> None:
        """Files, of imports from before an instant, whose rows are not all stored: whom they name is not known."""
        parameters = {"organization_id": organization_id, "before": before, "now": now}
        await self._session.execute(_REMOVE_UNREAD, parameters)
