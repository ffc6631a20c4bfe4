"""Notes and prices are written down after the appointment too; nothing else of it changes then."""

import pytest
from booking_fixtures import Tenant

LIST = "/v1/appointments"


@pytest.mark.parametrize("verb", ["complete", "no-show", "dismiss", "cancel"])
async def test_notes_and_prices_are_changed_later_and_on_record(tenant: Tenant, verb: str) -> None:
    booked = await tenant.book(tenant.at(9))
    tenant.now[0] = tenant.now[0].replace(month=6)
    await tenant.post(f"{LIST}/{booked['id']}/{verb}", {"reason": "ill"} if verb == "cancel" else {})
    path = f"{LIST}/{booked['id']}"
    price = {"amount": "45.00", "currency": "EUR"}
    answer = await tenant.api.patch(path, json={"internal_notes": "paid late", "actual_price": price})
    assert (answer.status_code, answer.json()["actual_price"]) == (200, price)
    newest = (await tenant.get(f"{path}/history"))["items"][-1]
    assert (newest["verb"], newest["fields"]["internal_notes"]) == ("update", {"old": None, "new": "paid late"})
    for other in ({"share_with_client": False}, {"notes": "n", "resource_ids": [tenant.staff[0]["id"]]}):
        refused = await tenant.api.patch(path, json=other)
        assert (refused.status_code, refused.json()["code"]) == (409, "invalid_transition"), other


async def test_nothing_is_written_about_what_was_moved_or_about_an_erased_person(tenant: Tenant) -> None:
    moved = await tenant.book(tenant.at(9))
    await tenant.post(f"{LIST}/{moved['id']}/reschedule", {"starts_at": tenant.at(11)}, status=201)
    refused = await tenant.api.patch(f"{LIST}/{moved['id']}", json={"notes": "late"})
    assert (refused.status_code, refused.json()["code"]) == (409, "invalid_transition")
    await tenant.post(f"/v1/clients/{tenant.client['id']}/erase", {"open_appointments": "cancel"}, status=204)
    (cancelled,) = [row for row in (await tenant.get(LIST))["items"] if row["status"] == "cancelled"]
    refused = await tenant.api.patch(f"{LIST}/{cancelled['id']}", json={"notes": "late"})
    assert (refused.status_code, refused.json()["code"]) == (409, "client_erased")
