"""The API keeps to its OpenAPI document, whatever it is asked."""

from datetime import UTC, datetime

import pytest
from notifications_salon import Salon

from slotstream_servicekit.testing.fuzzing import assert_a_running_server_keeps_to_its_document

pytestmark = pytest.mark.service


async def test_every_answer_is_one_that_the_openapi_document_declares(salon: Salon) -> None:
    booked = [salon.snapshot(starts_at=datetime(2027, 3, day, 9, tzinfo=UTC)) for day in (1, 2, 3)]
    for item in booked:
        await salon.receive(salon.created(item))
    template = {"kind": "created", "locale": "de", "subject": "Termin", "text": "Hallo {{ client.name }}"}
    templates = [(await salon.http.post("/v1/templates", json=template)).json()["id"]]
    rules = [(await salon.http.post("/v1/reminder-rules", json={"minutes_before": 60})).json()["id"]]

    follow_ups = [(await salon.http.post("/v1/follow-up-rules", json={"minutes_after": 60})).json()["id"]]

    statuses = await assert_a_running_server_keeps_to_its_document(
        salon.app,
        headers={"Authorization": salon.http.headers["Authorization"]},
        known={
            "appointments": [str(item.id) for item in booked],
            "appointment_id": [str(item.id) for item in booked],
            "business_id": [str(salon.business_id)],
            "service_id": [str(salon.service_id)],
            "clients": [str(salon.client_id)],
            "messages": [item["id"] for item in await salon.ledger()],
            "reminder-rules": rules,
            "follow-up-rules": follow_ups,
            "templates": templates,
        },
        max_examples=15,
    )

    assert {200, 201, 204, 404, 422} <= statuses
