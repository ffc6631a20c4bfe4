"""The API keeps to its OpenAPI document, whatever it is asked."""

import pytest
from booking_fixtures import Tenant

from slotstream_servicekit.testing.fuzzing import assert_a_running_server_keeps_to_its_document

pytestmark = pytest.mark.service


async def test_every_answer_is_one_that_the_openapi_document_declares(tenant: Tenant) -> None:
    booked = [await tenant.book(tenant.at(hour)) for hour in range(8, 18)]
    series = await tenant.post(
        "/v1/series", {**tenant.request(tenant.at(19)), "recurrence": {"freq": "weekly", "count": 3}}, status=201
    )
    waiting = await tenant.post(
        "/v1/waiting-list",
        {
            "business_id": tenant.business["id"],
            "service_id": tenant.service["id"],
            "client_id": tenant.client["id"],
            "window_from": tenant.at(8),
            "window_to": tenant.at(18),
        },
        status=201,
    )
    known = {
        "waiting-list": [waiting["id"]],
        "appointments": [booking["id"] for booking in booked],
        "series": [series["id"]],
        "businesses": [tenant.business["id"]],
        "resources": [tenant.staff[0]["id"]],
        "services": [tenant.service["id"]],
        "clients": [tenant.client["id"]],
    }
    statuses = await assert_a_running_server_keeps_to_its_document(
        tenant.app,
        headers={"Authorization": tenant.api.headers["Authorization"]},
        known=known,
        max_examples=8,
    )

    assert {200, 201, 404, 409, 422} <= statuses
