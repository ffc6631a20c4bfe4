"""The API keeps to its OpenAPI document, whatever it is asked."""

from uuid import uuid4

import pytest
from dashboard_tenant import Tenant

from slotstream_servicekit.testing.fuzzing import assert_a_running_server_keeps_to_its_document

pytestmark = pytest.mark.service


async def test_every_answer_is_one_that_the_openapi_document_declares(tenant: Tenant) -> None:
    api = tenant.api()
    # Booking knows none of the clients that links are asked for.
    tenant.upstream.status, tenant.upstream.content = 404, b'{"code": "not_found"}'
    users = [
        (await api.post("/v1/users", json={"email": f"u{number}@example.com", "name": "U", "role": "staff"})).json()[
            "id"
        ]
        for number in range(3)
    ]
    clients = [(await api.post("/v1/api-clients", json={"name": "C", "role": "agent"})).json()["id"] for _ in range(3)]

    statuses = await assert_a_running_server_keeps_to_its_document(
        tenant.app,
        headers={"Authorization": api.headers["Authorization"]},
        known={"users": users, "api-clients": clients, "sessions": [str(uuid4())]},
        max_examples=8,
    )

    assert {200, 201, 401, 404, 422} <= statuses
