"""Codes for visitors: those of the last hour, which are counted."""

from dataclasses import asdict
from datetime import datetime
from uuid import UUID
from zlib import crc32

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from dashboard.domain.booking_codes import BookingCode
from dashboard.storage.tables import booking_codes
from slotstream_servicekit.locks import LockClass

_LOCKS = 1_024


class BookingCodeStore:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, code: BookingCode) -> None:
        await self._session.execute(insert(booking_codes).values(asdict(code)))

    async def lock_recipient(self, recipient: bytes) -> None:
        """Until the transaction ends, so that two who ask at once are counted one after the other."""
        await self._session.execute(
            text("SELECT pg_advisory_xact_lock(:class, :key)"),
            {"class": int(LockClass.BOOKING_CODES), "key": crc32(recipient) % _LOCKS},
        )

    async def count_since(self, since: datetime, *, recipient: bytes, network: bytes) -> tuple[int, int]:
        """How many were made for the recipient, and how many were asked for from the network."""
        counted: list[int] = []
        for column, value in ((booking_codes.c.recipient, recipient), (booking_codes.c.network, network)):
            statement = select(func.count()).where(column == value, booking_codes.c.created_at > since)
            counted.append(int(await self._session.scalar(statement) or 0))
        return counted[0], counted[1]

    async def find(self, code_id: UUID, *, lock: bool = False) -> BookingCode | None:
        statement = select(booking_codes).where(booking_codes.c.id == code_id)
        row = (await self._session.execute(statement.with_for_update() if lock else statement)).mappings().first()
        return BookingCode(**row) if row is not None else None

    async def tried(self, code_id: UUID, *, used_at: datetime | None) -> None:
        """Counts an attempt; `used_at` where it was right."""
        await self._session.execute(
            update(booking_codes)
            .where(booking_codes.c.id == code_id)
            .values(attempts=booking_codes.c.attempts + 1, used_at=func.coalesce(booking_codes.c.used_at, used_at))
        )
