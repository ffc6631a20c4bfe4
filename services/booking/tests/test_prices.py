"""Prices: an appointment has one currency, and history and exports call prices as the API does."""

import csv
import io

import pytest
from booking_fixtures import Json, Tenant

pytestmark = pytest.mark.service

EURO = {"amount": "45.00", "currency": "EUR"}
DOLLAR = {"amount": "50.00", "currency": "USD"}


async def quoted(tenant: Tenant) -> Json:
    return await tenant.book(tenant.at(9), quoted_price=EURO)


async def test_what_was_quoted_in_one_currency_is_not_paid_in_another(tenant: Tenant) -> None:
    booked = await quoted(tenant)
    path = f"/v1/appointments/{booked['id']}"

    completed = await tenant.api.post(f"{path}/complete", json={"actual_price": DOLLAR})
    paid = await tenant.api.patch(path, json={"actual_price": DOLLAR})

    for answer in (completed, paid):
        assert (answer.status_code, answer.json()["code"]) == (422, "currency_mismatch"), answer.text
        assert "EUR" in answer.json()["detail"]
        assert "USD" in answer.json()["detail"]
    assert (await tenant.get(path))["version"] == 1


async def test_what_was_paid_is_not_quoted_in_another_currency_afterwards(tenant: Tenant) -> None:
    booked = await quoted(tenant)
    path = f"/v1/appointments/{booked['id']}"
    await tenant.api.patch(path, json={"actual_price": EURO})

    answer = await tenant.api.patch(path, json={"quoted_price": DOLLAR})
    assert (answer.status_code, answer.json()["code"]) == (422, "currency_mismatch")

    both = await tenant.api.patch(path, json={"quoted_price": DOLLAR, "actual_price": DOLLAR})
    assert (both.status_code, both.json()["quoted_price"]["currency"]) == (200, "USD")


async def test_the_services_price_counts_as_quoted(tenant: Tenant) -> None:
    service = await tenant.add_service(price=EURO)
    booked = await tenant.book(tenant.at(9), service_id=service["id"])
    answer = await tenant.api.post(f"/v1/appointments/{booked['id']}/complete", json={"actual_price": DOLLAR})
    assert answer.json()["code"] == "currency_mismatch"


async def test_a_series_is_not_given_a_price_that_one_of_its_dates_was_not_paid_in(tenant: Tenant) -> None:
    body = {**tenant.request(tenant.at(9)), "recurrence": {"freq": "weekly", "count": 2}}
    series = await tenant.post("/v1/series", body, status=201)
    first = series["occurrences"][0]["appointment_id"]
    await tenant.api.patch(f"/v1/appointments/{first}", json={"actual_price": EURO})

    answer = await tenant.api.patch(f"/v1/series/{series['id']}", json={"scope": "all", "quoted_price": DOLLAR})

    assert (answer.status_code, answer.json()["code"]) == (422, "currency_mismatch")
    assert (await tenant.get(f"/v1/series/{series['id']}"))["quoted_price"] is None


async def test_an_export_labels_each_price_with_its_own_currency(tenant: Tenant) -> None:
    await quoted(tenant)
    paid = await tenant.book(tenant.at(10), quoted_price=DOLLAR)
    await tenant.post(f"/v1/appointments/{paid['id']}/complete", {"actual_price": DOLLAR})

    answer = await tenant.api.get("/v1/appointments/export")

    names = ("quoted_price", "quoted_currency", "actual_price", "actual_currency")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("45.00", "EUR", "", ""),
        ("50.00", "USD", "50.00", "USD"),
    ]


async def test_history_tells_prices_and_places_whole_and_by_the_apis_names(tenant: Tenant) -> None:
    booked = await quoted(tenant)
    path = f"/v1/appointments/{booked['id']}"
    await tenant.api.patch(path, json={"quoted_price": {"amount": "40.00", "currency": "EUR"}})
    await tenant.api.patch(path, json={"quoted_price": None, "location": {"kind": "phone"}})

    [_, cheaper, cleared] = (await tenant.get(f"{path}/history"))["items"]

    assert cheaper["fields"] == {"quoted_price": {"old": EURO, "new": {"amount": "40.00", "currency": "EUR"}}}
    assert cleared["fields"] == {
        "quoted_price": {"old": {"amount": "40.00", "currency": "EUR"}, "new": None},
        "location": {
            "old": {"kind": "business", "text": None, "url": None},
            "new": {"kind": "phone", "text": None, "url": None},
        },
    }
    shown = await tenant.get(path)
    assert set(cheaper["fields"]) | set(cleared["fields"]) <= set(shown)
