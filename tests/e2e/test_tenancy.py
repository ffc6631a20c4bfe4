"""Nothing of one organization is visible to another."""

import pytest
from harness.platform import Platform
from harness.world import next_weekday

pytestmark = pytest.mark.e2e


async def test_two_organizations_see_nothing_of_each_other(platform: Platform) -> None:
    ours, theirs = await platform.a_world(), await platform.a_world()
    appointment = await theirs.book(next_weekday(10))
    business, service, staff = theirs.business["id"], theirs.service["id"], theirs.staff[0]["id"]

    reads = [
        ours.booking.get(f"/v1/appointments/{appointment['id']}"),
        ours.booking.get(f"/v1/appointments/{appointment['id']}/history"),
        ours.booking.get(f"/v1/businesses/{business}"),
        ours.booking.get(f"/v1/services/{service}"),
        ours.booking.get(f"/v1/resources/{staff}"),
        ours.booking.get(f"/v1/clients/{appointment['client_id']}"),
        ours.booking.post(f"/v1/appointments/{appointment['id']}/cancel", json={"reason": "not ours"}),
        ours.booking.patch(f"/v1/businesses/{business}", json={"name": "Taken over"}),
        ours.availability.put(f"/v1/resources/{staff}/schedule", json={"weekly": []}),
        ours.availability.get("/v1/slots", params=theirs.slots_query(next_weekday())),
    ]
    for read in reads:
        response = await read
        assert response.status_code == 404, f"{response.request.method} {response.request.url}: {response.text}"

    listed = (await ours.booking.get("/v1/appointments")).json()["items"]
    assert listed == []


async def test_another_organizations_ids_cannot_be_booked(platform: Platform) -> None:
    ours, theirs = await platform.a_world(), await platform.a_world()
    starts_at = next_weekday(10)
    for stolen in (
        {"business_id": theirs.business["id"]},
        {"service_id": theirs.service["id"]},
        {"resource_ids": [theirs.staff[0]["id"]]},
    ):
        response = await ours.booking.post(
            "/v1/appointments", json=ours.booking_of(starts_at) | stolen, headers=ours.fresh_key()
        )
        assert response.status_code in {404, 409, 422}, response.text
    assert (await theirs.booking.get("/v1/appointments")).json()["items"] == []
    assert (await ours.booking.get("/v1/appointments")).json()["items"] == []
