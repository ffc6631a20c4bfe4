"""What appointments are called in the systems that they come from: one appointment per name, business and source."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from booking.storage.tables.appointments import EXTERNAL_IDS
from slotstream_servicekit.database import Connection


class _Named(Protocol):
    """A request or an appointment, as far as its external id goes."""

    @property
    def business_id(self) -> UUID: ...

    @property
    def source(self) -> str: ...

    @property
    def external_id(self) -> str | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalKey:
    """An external id where it is unique."""

    business_id: UUID
    source: str
    external_id: str

    @classmethod
    def of(cls, named: _Named) -> "ExternalKey | None":
        """None where there is no external id."""
        if named.external_id is None:
            return None
        return cls(business_id=named.business_id, source=named.source, external_id=named.external_id)


_HOLDERS: Final = """
SELECT a.id, a.business_id, a.source, a.external_id
FROM unnest($2::uuid[], $3::text[], $4::text[]) AS k(business_id, source, external_id)
JOIN appointments a ON a.organization_id = $1 AND a.business_id = k.business_id AND a.source = k.source
 AND a.external_id = k.external_id
WHERE a.external_id IS NOT NULL AND a.status NOT IN ('cancelled', 'rescheduled')
"""


@dataclass(frozen=True, slots=True)
class ExternalIdStore:
    """The external ids of one organization's appointments, within the transaction of `connection`."""

    connection: Connection
    organization_id: UUID

    async def holders(self, keys: Collection[ExternalKey]) -> dict[ExternalKey, UUID]:
        """The appointments that have these external ids. A cancelled or moved one has none any more."""
        if not keys:
            return {}
        rows = await self.connection.fetch(
            _HOLDERS,
            self.organization_id,
            [key.business_id for key in keys],
            [key.source for key in keys],
            [key.external_id for key in keys],
        )
        return {
            ExternalKey(business_id=row["business_id"], source=row["source"], external_id=row["external_id"]): row["id"]
            for row in rows
        }

    async def check_at_commit(self) -> None:
        """Lets two appointments share an external id until the transaction ends: the one that takes the other's
        place is written before the other is closed.
        """
        await self.connection.execute(f"SET CONSTRAINTS {EXTERNAL_IDS} DEFERRED")
