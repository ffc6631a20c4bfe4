"""One line for the audit trail."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.audit import AuditAction, AuditEntry
from dashboard.storage import AuditStore
from slotstream_servicekit.context import Context
from slotstream_servicekit.ids import new_id


async def add_audit_entry(
    *,
    session: AsyncSession,
    context: Context,
    action: AuditAction,
    subject_type: str,
    subject_id: UUID | str,
    address: str | None = None,
    details: Mapping[str, object] | None = None,
) -> None:
    """With the transaction of what it tells: neither is there without the other."""
    await AuditStore(session).add(
        AuditEntry(
            id=new_id(),
            organization_id=context.organization_id,
            at=context.now,
            actor_type=context.actor.type,
            actor_id=context.actor.id,
            action=action,
            subject_type=subject_type,
            subject_id=str(subject_id),
            address=address,
            details=details or {},
        )
    )
