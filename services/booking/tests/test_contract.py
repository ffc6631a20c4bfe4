"""The API keeps to its OpenAPI document, whatever it is asked."""

from typing import Any

import pytest

from slotstream_servicekit.testing.fuzzing import assert_a_running_server_keeps_to_its_document

pytestmark = pytest.mark.service


async def test_every_answer_is_one_that_the_openapi_document_declares(world: Any) -> None:
    booked = [await world.book(world.at(hour)) for hour in range(8, 18)]
    series = await world.post(
        "/v1/series", {**world.wish(world.at(19)), "recurrence": {"freq": "weekly", "count": 3}}, status=201
    )
    known = {
        "appointments": [one["id"] for one in booked],
        "series": [series["id"]],
        "businesses": [world.business["id"]],
        "resources": [world.staff[0]["id"]],
        "services": [world.service["id"]],
        "clients": [world.client["id"]],
    }
    statuses = await assert_a_running_server_keeps_to_its_document(
        world.app,
        headers={"Authorization": world.api.headers["Authorization"]},
        known=known,
        max_examples=8,
    )

    assert {200, 201, 404, 409, 422} <= statuses
