"""The API keeps to its OpenAPI document, whatever it is asked."""

import httpx2
import pytest
from availability_town import Town

from slotstream_servicekit.testing.fuzzing import assert_a_running_server_keeps_to_its_document

pytestmark = pytest.mark.service


async def test_every_answer_is_one_that_the_openapi_document_declares(
    open_client: httpx2.AsyncClient, town: Town
) -> None:
    override = {"on": "2026-06-01", "intervals": [{"from": "10:00", "to": "12:00"}]}
    absence = {"starts_at": "2026-06-02T09:00:00Z", "ends_at": "2026-06-03T09:00:00Z"}
    made = [
        (await open_client.post(path, json=body)).json()["id"]
        for path, body in (
            (f"/v1/resources/{town.anna}/date-overrides", override),
            (f"/v1/resources/{town.anna}/time-off", absence),
            (f"/v1/businesses/{town.business}/date-overrides", override),
            (f"/v1/businesses/{town.business}/closures", absence),
        )
    ]
    await town.appointments(town.an_appointment("2026-06-01T09:00+02:00", town.anna))
    people, businesses, services = [str(town.anna), str(town.ben)], [str(town.business)], [str(town.service)]

    statuses = await assert_a_running_server_keeps_to_its_document(
        town.app,
        headers={"Authorization": open_client.headers["Authorization"]},
        known={
            "resources": people,
            "resource_id": people,
            "resource_ids": people,
            "businesses": businesses,
            "business_id": businesses,
            "service_id": services,
            "date-overrides": made,
            "time-off": made,
            "closures": made,
        },
        max_examples=15,
    )

    assert {200, 201, 204, 404, 422} <= statuses
