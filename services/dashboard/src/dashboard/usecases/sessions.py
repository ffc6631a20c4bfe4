"""Reading, listing and ending sessions."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.audit import AuditAction
from dashboard.domain.errors import SessionNotFoundError
from dashboard.domain.sessions import Session, SignedIn, digest_of
from dashboard.storage import SessionStore
from dashboard.usecases.audit import add_audit_entry
from slotstream_servicekit.context import Context

USE_NOTED_EVERY = timedelta(minutes=1)


async def find_session(*, session: AsyncSession, secret: str, now: datetime, idle: timedelta) -> Session | None:
    """The session of a cookie, unless it is over; that it is used is noted once a minute."""
    sessions = SessionStore(session)
    found = await sessions.find(digest_of(secret))
    if found is None or found.is_over(now=now, idle=idle):
        return None
    if now - found.last_used_at >= USE_NOTED_EVERY:
        await sessions.use(found.id, now=now)
    return found


async def end_session(
    *, session: AsyncSession, context: Context, signed_in: SignedIn, session_id: UUID, address: str
) -> None:
    """Ends one of the person's sessions: this one (signing out) or another. Raises SessionNotFoundError."""
    if not await SessionStore(session).end(session_id, of=signed_in.session):
        raise SessionNotFoundError("There is no such session.")
    own = session_id == signed_in.session.id
    await add_audit_entry(
        session=session,
        context=context,
        action=AuditAction.SIGNED_OUT if own else AuditAction.SESSION_ENDED,
        subject_type="user",
        subject_id=signed_in.user.id,
        address=address,
    )


async def end_other_sessions(*, session: AsyncSession, context: Context, signed_in: SignedIn, address: str) -> int:
    """Ends all of the person's sessions but this one; how many."""
    ended = await SessionStore(session).end_others(signed_in.session)
    if ended:
        await add_audit_entry(
            session=session,
            context=context,
            action=AuditAction.SESSION_ENDED,
            subject_type="user",
            subject_id=signed_in.user.id,
            address=address,
            details={"sessions": ended},
        )
    return ended


async def live_sessions(
    *, session: AsyncSession, session_ids: Collection[UUID], now: datetime, idle: timedelta
) -> frozenset[UUID]:
    """Which of these sessions are not over. A page that is open and listens is no use of it: people walk away."""
    found = [
        known for known in await SessionStore(session).find_all(session_ids) if not known.is_over(now=now, idle=idle)
    ]
    return frozenset(known.id for known in found)
