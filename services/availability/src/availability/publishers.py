"""What the service publishes: the whole schedule of one owner, on the compacted schedules topic."""

from typing import Final

from availability.domain import OwnerSchedule
from slotstream_contracts.envelope import wrap
from slotstream_contracts.schedules import ScheduleState
from slotstream_scheduling import schedule_to_dict
from slotstream_servicekit.context import Cause
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.outbox import OutboxRecord, record_of

SOURCE: Final = "/slotstream/availability"


def schedule_state(owner: OwnerSchedule, *, cause: Cause) -> OutboxRecord:
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
    envelope = wrap(
        state,
        id=new_id(),
        organization=owner.organization_id,
        subject=str(owner.owner_id),
        sequence=owner.version,
        time=owner.updated_at,
        source=SOURCE,
        correlation_id=cause.correlation_id,
        causation_id=cause.causation_id,
        traceparent=cause.traceparent,
    )
    return record_of(envelope, aggregatetype="schedule")
