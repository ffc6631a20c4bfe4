"""The API keeps to its OpenAPI document, whatever it is asked."""

import pytest
from calendar_tenant import Tenant

from slotstream_servicekit.testing.fuzzing import assert_a_running_server_keeps_to_its_document

pytestmark = pytest.mark.service


async def test_every_answer_is_one_that_the_openapi_document_declares(tenant: Tenant) -> None:
    connections = [(await tenant.connect(f"https://calendar.example.com/{one}.ics"))["id"] for one in range(3)]
    resources = [str(tenant.resource_id)]
    feeds = [(await tenant.http.post("/v1/feeds", json={"resource_id": resources[0]})).json()["id"] for _ in range(3)]

    statuses = await assert_a_running_server_keeps_to_its_document(
        tenant.app,
        headers={"Authorization": tenant.http.headers["Authorization"]},
        known={"connections": connections, "feeds": feeds, "resource_id": resources},
        max_examples=15,
    )

    assert {200, 201, 204, 404, 422} <= statuses
