"""What one booking writes."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from uuid import UUID

from booking.domain.appointments import Appointment
from booking.domain.changes import Change
from booking.domain.clients import Client
from booking.domain.seating import Seat
from slotstream_servicekit.context import Actor
from slotstream_servicekit.http.idempotency import KeyClaim, StoredAnswer
from slotstream_servicekit.outbox import OutboxRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingRow:
    """Everything that one booking writes, computed before the statement."""

    appointment: Appointment
    blocked: tuple[datetime, datetime]
    """The time that its resources are taken, buffers included."""
    takes: tuple[Seat, ...]
    state: bytes
    actor: Actor
    change: Change
    changed_fields: bytes
    records: tuple[OutboxRecord, ...]
    claim: KeyClaim | None = None
    answer: StoredAnswer | None = None
    new_client: Client | None = None
    contact_locks: tuple[int, ...] = ()
    """Of a single booking's new client, the keys that the statement locks before it looks whether there is one by now;
    none where they are held already."""
    beside: frozenset[UUID] | None = None
    """Who was seen in the sessions that the row enters; None where nobody can have entered them since."""

    @property
    def entered(self) -> tuple[Seat, ...]:
        """The seats in sessions of others that somebody may have entered since they were looked at."""
        return () if self.beside is None else tuple(take for take in self.takes if not take.starts_session)

    @property
    def forced(self) -> bool:
        return self.change.override is not None

    @property
    def gate(self) -> int | None:
        """Where those meet who want the same slot of their own at the same instant."""
        if self.forced or len(self.takes) != 1 or not self.takes[0].starts_session:
            return None
        return gate_of(self.takes[0].resource_id, self.appointment.starts_at)


def gate_of(resource_id: UUID, starts_at: datetime) -> int:
    """The key of the advisory lock that is the gate of this slot. Two slots may share one, and wait for nothing."""
    slot = resource_id.bytes + int(starts_at.timestamp()).to_bytes(8, signed=True)
    return int.from_bytes(blake2b(slot, digest_size=4).digest(), signed=True)
