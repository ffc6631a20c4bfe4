"""Holds: a state while a slot is held, a tombstone when it ends."""

from datetime import datetime
from uuid import UUID

from booking.domain.holds import Hold
from booking.publishers.states import state_record
from slotstream_contracts.holds import HoldState
from slotstream_contracts.topics import HOLDS
from slotstream_servicekit.context import Cause
from slotstream_servicekit.outbox import OutboxRecord, tombstone

HOLD_VERSION = 1


def hold_record(hold: Hold, *, organization_id: UUID, now: datetime, cause: Cause) -> OutboxRecord:
    """A slot that is held, for whoever offers slots. A hold never changes: it is released, used or expires."""
    state = HoldState(
        id=hold.id,
        organization_id=organization_id,
        business_id=hold.business_id,
        service_id=hold.service_id,
        resource_ids=hold.resource_ids,
        starts_at=hold.starts_at,
        ends_at=hold.ends_at,
        blocked_from=hold.blocked[0],
        blocked_to=hold.blocked[1],
        expires_at=hold.expires_at,
        version=HOLD_VERSION,
    )
    return state_record(state, "hold", organization_id, str(hold.id), None, HOLD_VERSION, now, cause)


def hold_tombstone(hold_id: UUID, *, organization_id: UUID) -> OutboxRecord:
    return tombstone(
        organization_id=organization_id,
        topic=HOLDS.name,
        key=str(hold_id),
        type=HoldState.type,
        aggregatetype="hold",
        aggregateid=str(hold_id),
        version=HOLD_VERSION + 1,
    )
