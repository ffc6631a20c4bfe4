"""/v1/audit: who signed in, and who changed users and API clients. For owners."""

from dashboard.api.dependencies import Administrator, CurrentDependencies
from dashboard.schemas import AuditEntryOut
from dashboard.storage import AuditStore
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, id_in, page_by_id

router = Router(prefix="/v1/audit", tags=["audit"])

_SCOPE = "audit"


@router.get("")
async def list_audit_entries(
    dependencies: CurrentDependencies, principal: Administrator, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[AuditEntryOut]:
    """Newest first."""
    before = id_in(cursor, scope=_SCOPE)
    async with dependencies.database.transaction(principal.organization_id) as session:
        rows = await AuditStore(session).page(principal.organization_id, before=before, limit=limit + 1)
    items, next_cursor = page_by_id(rows, limit=limit, scope=_SCOPE)
    return Page[AuditEntryOut](items=[AuditEntryOut.model_validate(row) for row in items], next_cursor=next_cursor)
