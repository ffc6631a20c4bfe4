"""What notifications keeps of others is compared with their topics; a row that is otherwise raises the gauge."""

from datetime import timedelta
from uuid import uuid4

import pytest
from notifications_salon import Salon, _state_event
from sqlalchemy import text

from notifications.audited import audited_projections
from slotstream_contracts.envelope import parse
from slotstream_contracts.topics import CATALOGUE, CLIENTS, USERS
from slotstream_contracts.users import UserState
from slotstream_servicekit.testing.drift import StoredRecord, drift_found, state_record, tombstone_record

pytestmark = pytest.mark.service

NONE = {"catalogue": 0, "clients": 0, "users": 0, "appointment_texts": 0}

LEFT_OVER = """
INSERT INTO appointment_texts (organization_id, id, service_name, version, applied_at)
VALUES (:organization, :gone, 'left over', 1, now())
"""


async def _drift(salon: Salon, records: list[StoredRecord]) -> dict[str, float]:
    return await drift_found(
        service="notifications-under-test",
        database=salon.database,
        decode=parse,
        audited=audited_projections(clock=lambda: salon.now, kept=timedelta(days=90)),
        records=records,
    )


@pytest.mark.parametrize(
    ("spoil", "drifting"),
    [
        ("UPDATE catalogue SET email = 'other@example.com' WHERE kind = 'business'", "catalogue"),
        ("DELETE FROM catalogue WHERE kind = 'service'", "catalogue"),
        ("UPDATE clients SET email = 'other@example.com'", "clients"),
        ("UPDATE clients SET id = :gone", "clients"),
        ("UPDATE users SET state = 'deactivated'", "users"),
        ("UPDATE users SET business_ids = ARRAY[id::uuid]", "users"),
        (LEFT_OVER, "appointment_texts"),
    ],
)
async def test_a_row_that_is_otherwise_than_its_topic_says_is_found(salon: Salon, spoil: str, drifting: str) -> None:
    for table in NONE:
        await salon.execute(f"DELETE FROM {table}")
    gone_id = uuid4()
    client, business, service = salon.client(), salon.business(), salon.service()
    user = UserState(
        id=uuid4(),
        organization_id=salon.organization_id,
        email="ada@salon.example",
        name="Ada",
        locale="en",
        role="staff",
        state="active",
        business_ids=(salon.business_id,),
        updated_at=salon.now,
        version=1,
    )
    await salon.receive_states(client, business, service, user)
    records = [
        state_record(CATALOGUE.name, f"business:{business.id}", _state_event(business)),
        state_record(CATALOGUE.name, f"service:{service.id}", _state_event(service)),
        state_record(CLIENTS.name, str(client.id), _state_event(client)),
        state_record(USERS.name, str(user.id), _state_event(user)),
        tombstone_record(USERS.name, str(gone_id), organization_id=salon.organization_id, sequence=9),
        tombstone_record(CLIENTS.name, str(gone_id), organization_id=salon.organization_id, sequence=9),
    ]
    assert await _drift(salon, records) == NONE

    values = {"gone": gone_id, "organization": salon.organization_id}
    async with salon.database.system_transaction() as session:
        await session.execute(text(spoil), {name: value for name, value in values.items() if f":{name}" in spoil})

    found = await _drift(salon, records)
    assert {name for name, count in found.items() if count} == {drifting}
