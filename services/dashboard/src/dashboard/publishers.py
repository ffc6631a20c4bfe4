"""What the dashboard publishes: who signs in, for services that write to them."""

from typing import Final

from dashboard.domain.users import User
from slotstream_contracts import users
from slotstream_contracts.envelope import wrap
from slotstream_contracts.topics import USERS
from slotstream_servicekit.context import Cause
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.outbox import OutboxRecord, record_of, tombstone

SOURCE: Final = "/slotstream/dashboard"


def user_record(user: User, *, cause: Cause) -> OutboxRecord:
    state = users.UserState(
        id=user.id,
        organization_id=user.organization_id,
        email=user.email,
        name=user.name,
        locale=user.locale,
        role=user.role.value,
        state=user.state.value,
        business_ids=user.business_ids,
        resource_id=user.resource_id,
        updated_at=user.updated_at,
        version=user.version,
    )
    envelope = wrap(
        state,
        organization=user.organization_id,
        subject=str(user.id),
        sequence=user.version,
        time=user.updated_at,
        source=SOURCE,
        correlation_id=cause.correlation_id,
        causation_id=cause.causation_id,
        traceparent=cause.traceparent,
        id=new_id(),
    )
    return record_of(envelope, aggregatetype="user")


def user_tombstone(user: User) -> OutboxRecord:
    return tombstone(
        organization_id=user.organization_id,
        topic=USERS.name,
        key=str(user.id),
        type=users.UserState.type,
        aggregatetype="user",
        aggregateid=str(user.id),
        version=user.version + 1,
    )
