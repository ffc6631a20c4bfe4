"""What the service says: the whole schedule of one owner, on the compacted schedules topic."""

from typing import Final

from availability.domain import OwnerSchedule
from slotstream_contracts.envelope import wrap
from slotstream_contracts.schedules import ScheduleState
from slotstream_scheduling import schedule_to_dict
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.outbox import OutboxRecord, record_of
from slotstream_servicekit.telemetry import current_trace_id, current_traceparent

SOURCE: Final = "/slotstream/availability"


def schedule_state(owner: OwnerSchedule) -> OutboxRecord:
    """The outbox record of a schedule's newest version."""
    state = ScheduleState.model_validate(
        {
            **schedule_to_dict(owner.schedule),
            "owner_kind": owner.owner_kind.value,
            "owner_id": owner.owner_id,
            "organization_id": owner.organization_id,
            "updated_at": owner.updated_at,
            "version": owner.version,
        }
    )
    event_id = new_id()
    envelope = wrap(
        state,
        id=event_id,
        organization=owner.organization_id,
        subject=str(owner.owner_id),
        sequence=owner.version,
        time=owner.updated_at,
        source=SOURCE,
        correlation_id=current_trace_id() or str(event_id),
        traceparent=current_traceparent(),
    )
    return record_of(envelope, aggregatetype="schedule")
