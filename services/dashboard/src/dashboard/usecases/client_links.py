"""Links of clients: made by staff, revoked all at once, and judged when they are opened."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.audit import AuditAction
from dashboard.storage import RevocationStore
from dashboard.usecases.audit import add_audit_entry
from slotstream_servicekit.client_links import ClientLink, ShownAppointment
from slotstream_servicekit.context import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRequest:
    client_id: UUID
    appointment: ShownAppointment | None
    lifetime: timedelta


async def create_client_link(*, session: AsyncSession, context: Context, request: LinkRequest) -> ClientLink:
    """A link for staff to hand over. One that is made right after a revocation works."""
    now = context.now.replace(microsecond=0)
    revoked_at = await RevocationStore(session).revoked_at(context.organization_id, request.client_id)
    issued_at = now if revoked_at is None else max(now, _whole_second_after(revoked_at))
    await add_audit_entry(
        session=session,
        context=context,
        action=AuditAction.CLIENT_LINK_CREATED,
        subject_type="client",
        subject_id=request.client_id,
    )
    return ClientLink(
        organization_id=context.organization_id,
        client_id=request.client_id,
        issued_at=issued_at,
        expires_at=now + request.lifetime,
        appointment=request.appointment,
    )


async def revoke_client_links(*, session: AsyncSession, context: Context, client_id: UUID) -> None:
    """Ends every link of the client that was made up to now, whoever made it."""
    await RevocationStore(session).put(context.organization_id, client_id, revoked_at=context.now)
    await add_audit_entry(
        session=session,
        context=context,
        action=AuditAction.CLIENT_LINKS_REVOKED,
        subject_type="client",
        subject_id=client_id,
    )


async def is_revoked(*, session: AsyncSession, link: ClientLink) -> bool:
    revoked_at = await RevocationStore(session).revoked_at(link.organization_id, link.client_id)
    return revoked_at is not None and link.issued_at <= revoked_at


def link_to(link: ClientLink, appointment: ShownAppointment | None) -> ClientLink:
    """The same right for another page: it expires and is revoked with the link that it comes from."""
    return replace(link, appointment=appointment)


def _whole_second_after(instant: datetime) -> datetime:
    return instant.replace(microsecond=0) + timedelta(seconds=1)
