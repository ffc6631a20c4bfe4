"""Codes by mail for visitors: asked for within bounds, tried a few times, good for one form."""

import hmac
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.booking_codes import BookingCode, CodeLimits, Verdict
from dashboard.domain.errors import TooManyCodesError
from dashboard.domain.links import Mail, MailKind, Prepared
from dashboard.domain.public import VisitorSecrets
from dashboard.storage import BookingCodeStore, MailStore
from slotstream_servicekit.ids import new_id

COUNTED_FOR: Final = timedelta(hours=1)


async def send_code(
    *,
    session: AsyncSession,
    secrets: VisitorSecrets,
    limits: CodeLimits,
    draft_id: UUID,
    email: str,
    network: str,
    business_name: str,
    locale: str,
    now: datetime,
) -> UUID:
    """Has a code mailed, and gives its id. Raises TooManyCodesError."""
    store = BookingCodeStore(session)
    code = BookingCode(
        id=new_id(),
        draft_id=draft_id,
        recipient=secrets.recipient(email),
        network=secrets.network(network),
        business_name=business_name,
        created_at=now,
        expires_at=now + limits.lifetime,
    )
    await store.lock_recipient(code.recipient)
    to_them, from_there = await store.count_since(now - COUNTED_FOR, recipient=code.recipient, network=code.network)
    if to_them >= limits.per_recipient or from_there >= limits.per_network:
        raise TooManyCodesError("Too many codes were sent within the last hour.")
    await store.add(code)
    await MailStore(session).add(
        Mail(
            id=code.id,
            kind=MailKind.BOOKING_CODE,
            recipient=email,
            locale=locale,
            due_at=now,
            created_at=now,
        )
    )
    return code.id


async def try_code(
    *,
    session: AsyncSession,
    secrets: VisitorSecrets,
    limits: CodeLimits,
    code_id: UUID,
    draft_id: UUID,
    email: str,
    typed: str,
    now: datetime,
) -> Verdict:
    """Counts the attempt, so the transaction is to be committed whatever the verdict.

    A right code is right again for the same draft, which books once: a form that is sent twice is no replay.
    """
    store = BookingCodeStore(session)
    code = await store.find(code_id, lock=True)
    if (
        code is None
        or code.draft_id != draft_id
        or code.recipient != secrets.recipient(email)
        or code.expires_at <= now
        or code.attempts >= limits.attempts
    ):
        return "gone"
    expected = secrets.code(code_id=code_id, draft_id=draft_id, email=email)
    is_right = hmac.compare_digest(expected.encode(), typed.encode())
    await store.tried(code_id, used_at=now if is_right else None)
    return "right" if is_right else "wrong"


async def prepare_code(*, session: AsyncSession, secrets: VisitorSecrets, mail: Mail, now: datetime) -> Prepared | None:
    """None where the code has expired before it could be sent."""
    code = await BookingCodeStore(session).find(mail.id)
    if code is None or code.expires_at <= now:
        return None
    return Prepared(
        recipient=mail.recipient,
        locale=mail.locale,
        organization_name=code.business_name,
        secret=secrets.code(code_id=code.id, draft_id=code.draft_id, email=mail.recipient),
    )
