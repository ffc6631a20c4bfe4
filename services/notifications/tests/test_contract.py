"""The API keeps to its OpenAPI document, whatever it is asked."""

from datetime import UTC, datetime
from typing import Any

import pytest

from slotstream_servicekit.testing.fuzzing import assert_a_running_server_keeps_to_its_document

pytestmark = pytest.mark.service


async def test_every_answer_is_one_that_the_openapi_document_declares(world: Any) -> None:
    booked = [world.snapshot(starts_at=datetime(2027, 3, day, 9, tzinfo=UTC)) for day in (1, 2, 3)]
    for each in booked:
        await world.hear(world.created(each))
    template = {"kind": "created", "locale": "de", "subject": "Termin", "text": "Hallo {{ client.name }}"}
    templates = [(await world.http.post("/v1/templates", json=template)).json()["id"]]
    rules = [(await world.http.post("/v1/reminder-rules", json={"minutes_before": 60})).json()["id"]]

    statuses = await assert_a_running_server_keeps_to_its_document(
        world.app,
        headers={"Authorization": world.http.headers["Authorization"]},
        known={
            "appointments": [str(each.id) for each in booked],
            "appointment_id": [str(each.id) for each in booked],
            "business_id": [str(world.business_id)],
            "service_id": [str(world.service_id)],
            "clients": [str(world.client_id)],
            "messages": [each["id"] for each in await world.ledger()],
            "reminder-rules": rules,
            "templates": templates,
        },
        max_examples=15,
    )

    assert {200, 201, 204, 404, 422} <= statuses
