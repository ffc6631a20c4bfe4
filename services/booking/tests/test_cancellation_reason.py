"""Why an appointment was cancelled stands with it: in answers, lists and exports, and nowhere for ever."""

import json

from booking_fixtures import Tenant

LIST = "/v1/appointments"
REASON = "Grandmother in hospital"


async def test_the_reason_is_on_the_appointment_in_lists_and_exports(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    assert booked["cancellation_reason"] is None
    cancelled = await tenant.post(f"{LIST}/{booked['id']}/cancel", {"reason": REASON})
    assert cancelled["cancellation_reason"] == REASON
    assert (await tenant.get(f"{LIST}/{booked['id']}"))["cancellation_reason"] == REASON
    assert (await tenant.get(LIST))["items"][0]["cancellation_reason"] == REASON
    export = await tenant.api.get(
        f"{LIST}/export", params={"format": "csv", "fields": ["status", "cancellation_reason"]}
    )
    assert export.text.splitlines()[1] == f"cancelled,{REASON}"


async def test_a_refused_request_has_its_reason_and_what_is_open_again_has_none(tenant: Tenant) -> None:
    asked_for = await tenant.add_service(needs_approval=True)
    booked = await tenant.book(tenant.at(9), service_id=asked_for["id"])
    declined = await tenant.post(f"{LIST}/{booked['id']}/decline", {"reason": REASON})
    assert declined["cancellation_reason"] == REASON
    again = await tenant.post(f"{LIST}/{booked['id']}/reopen")
    assert again["cancellation_reason"] is None
    known_then = await tenant.get(f"{LIST}/{booked['id']}", as_of=declined["updated_at"])
    assert known_then["cancellation_reason"] in {REASON, None}


async def test_each_date_of_a_cancelled_series_and_of_a_bulk_order_has_it(tenant: Tenant) -> None:
    booked = [await tenant.book(tenant.at(hour)) for hour in (9, 10)]
    order = {"verb": "cancel", "ids": [row["id"] for row in booked], "arguments": {"reason": REASON}}
    await tenant.post(f"{LIST}/bulk", order)
    assert [row["cancellation_reason"] for row in (await tenant.get(LIST))["items"]] == [REASON, REASON]


async def test_no_message_tells_it_and_an_erase_clears_it_everywhere(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    await tenant.post(f"{LIST}/{booked['id']}/cancel", {"reason": REASON})
    assert REASON not in json.dumps(await tenant.outbox(), default=str)
    (event,) = [row["payload"] for row in await tenant.outbox() if row["type"] == "slotstream.appointment.cancelled"]
    assert event["data"]["change"]["has_reason"]
    assert "cancellation_reason" not in event["data"]["change"]["fields"]
    await tenant.post(f"/v1/clients/{tenant.client['id']}/erase", status=204)
    assert (await tenant.get(f"{LIST}/{booked['id']}"))["cancellation_reason"] is None
    for table in ("appointments", "history", "overrides", "idempotency_keys", "outbox"):
        rows = await tenant.rows(f"SELECT t::text AS line FROM {table} AS t")
        assert all(REASON not in row["line"] for row in rows), table
