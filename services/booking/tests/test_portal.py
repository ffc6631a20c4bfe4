"""The portal: clients and their own appointments."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from booking_fixtures import NOW, Json, Tenant
from series_requests import MONDAYS, add, patch

pytestmark = pytest.mark.service


async def as_client(
    tenant: Tenant, client_id: object = None, *, organization: UUID | None = None, **headers: str
) -> httpx2.AsyncClient:
    claims = {"client": str(client_id or tenant.client["id"])}
    return await tenant.client_as("client", organization=organization, headers=headers, claims=claims)


async def act(api: httpx2.AsyncClient, booked: Json, verb: str, **body: Any) -> httpx2.Response:
    shown = {"shown_starts_at": booked["starts_at"], **body}
    return await api.post(f"/v1/portal/appointments/{booked['id']}/{verb}", json=shown)


async def someone_else(tenant: Tenant) -> Json:
    made: Json = await tenant.post("/v1/clients", {"name": "Ada Lovelace", "phone": "+49 30 901821"}, status=201)
    return made


async def test_a_client_sees_their_own_shared_open_appointments_by_their_start(tenant: Tenant) -> None:
    later = await tenant.book(tenant.at(14), notes="knee", internal_notes="difficult", quoted_price=EUROS)
    soon = await tenant.book(tenant.at(9))
    await tenant.book(tenant.at(10), share_with_client=False)
    await tenant.book(tenant.at(11), client_id=(await someone_else(tenant))["id"])
    cancelled = await tenant.book(tenant.at(12))
    await tenant.post(f"/v1/appointments/{cancelled['id']}/cancel", {"reason": "ill"})

    answer = await (await as_client(tenant)).get("/v1/portal/appointments")

    assert answer.status_code == 200, answer.text
    assert [item["id"] for item in answer.json()["items"]] == [soon["id"], later["id"]]
    assert answer.json()["items"][0]["verbs"] == ["confirm", "cancel", "reschedule"]
    assert answer.json()["items"][0]["business"]["name"] == "Mitte"
    assert not any(word in answer.text for word in ("knee", "difficult", "45.00", "price", "901820", "Grace", "notes"))


async def test_a_date_of_a_series_says_how_calendars_know_it_also_once_it_has_moved(tenant: Tenant) -> None:
    """By the series' entry and the start that the rule has, as the mails name it (RFC 5545 §3.8.4.4)."""
    made = await add(tenant, {**MONDAYS, "count": 3})
    single = await tenant.book("2027-03-10T09:00:00Z")
    dates = [one["appointment_starts_at"] for one in made["occurrences"]]
    second = made["occurrences"][1]["occurs_on"]
    moved = await patch(tenant, made, scope="this", occurs_on=second, starts_at=dates[1].replace("T09", "T13"))
    assert moved["occurrences"][1]["appointment_starts_at"] != dates[1]

    client = await as_client(tenant)
    items = (await client.get("/v1/portal/appointments")).json()["items"]

    told = {item["starts_at"]: (item["series_calendar_uid"], item["recurs_at"]) for item in items}
    uid = f"{made['id']}@slotstream"
    assert told == {
        dates[0]: (uid, dates[0]),
        dates[1].replace("T09", "T13"): (uid, dates[1]),
        dates[2]: (uid, dates[2]),
        single["starts_at"]: (None, None),
    }
    for item in items:
        answer = await client.get(f"/v1/portal/appointments/{item['id']}")
        one = answer.json()["appointment"]
        assert (one["series_calendar_uid"], one["recurs_at"]) == told[item["starts_at"]]


EUROS = {"amount": "45.00", "currency": "EUR"}


async def test_anothers_and_unshared_and_archived_appointments_are_not_there(tenant: Tenant) -> None:
    another = await tenant.book(tenant.at(9), client_id=(await someone_else(tenant))["id"])
    unshared = await tenant.book(tenant.at(10), share_with_client=False)
    archived = await tenant.book(tenant.at(11))
    await tenant.post(f"/v1/appointments/{archived['id']}/cancel", {"reason": "ill"})
    await tenant.post(f"/v1/appointments/{archived['id']}/archive")
    own = await tenant.book(tenant.at(12))
    client = await as_client(tenant)
    stranger = await as_client(tenant, organization=uuid4())

    for api, booked in [(client, another), (client, unshared), (client, archived), (stranger, own)]:
        assert (await api.get(f"/v1/portal/appointments/{booked['id']}")).status_code == 404
        for verb, body in [("confirm", {}), ("cancel", {}), ("reschedule", {"starts_at": tenant.at(15)})]:
            answer = await act(api, booked, verb, **body)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await tenant.get(f"/v1/appointments/{another['id']}"))["status"] == "scheduled"


async def test_a_confirmation_is_the_clients_own_and_happens_once(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    api = await as_client(tenant)

    first, second = await act(api, booked, "confirm"), await act(api, booked, "confirm")

    assert first.json()["appointment"]["status"] == second.json()["appointment"]["status"] == "confirmed"
    assert second.json()["appointment"]["version"] == 2
    assert first.json()["appointment"]["verbs"] == ["cancel", "reschedule"]
    history = (await tenant.get(f"/v1/appointments/{booked['id']}/history"))["items"]
    assert (history[1]["actor"]["type"], history[1]["actor"]["id"]) == ("client", tenant.client["id"])
    said = [record for record in await tenant.outbox() if record["type"] == "slotstream.appointment.confirmed"]
    assert said[0]["payload"]["data"]["actor"]["type"] == "client"


async def test_a_client_cancels_with_a_reason_or_without(tenant: Tenant) -> None:
    api = await as_client(tenant)
    for hour, reason, kept in [(9, "I am ill", "I am ill"), (10, None, "Cancelled by the client")]:
        booked = await tenant.book(tenant.at(hour))
        answer = await act(api, booked, "cancel", **({"reason": reason} if reason else {}))
        assert answer.json()["appointment"]["status"] == "cancelled"
        history = (await tenant.get(f"/v1/appointments/{booked['id']}/history"))["items"]
        assert (history[1]["reason"], history[1]["actor"]["type"]) == (kept, "client")


async def test_the_notice_of_the_service_binds_clients(tenant: Tenant) -> None:
    await tenant.api.patch(
        f"/v1/services/{tenant.service['id']}",
        json={"cancellation_notice_minutes": 1440, "reschedule_notice_minutes": 1440},
    )
    booked = await tenant.book(tenant.at(6))
    api = await as_client(tenant)

    shown = (await api.get(f"/v1/portal/appointments/{booked['id']}")).json()["appointment"]
    cancelled = await act(api, booked, "cancel")
    moved = await act(api, booked, "reschedule", starts_at=tenant.at(15))

    assert shown["verbs"] == ["confirm"]
    assert (cancelled.status_code, cancelled.json()["code"]) == (409, "notice_passed")
    assert (moved.status_code, moved.json()["code"]) == (409, "notice_passed")


async def test_a_move_frees_the_old_time_and_the_old_link_acts_no_more(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    api = await as_client(tenant)

    moved = await act(api, booked, "reschedule", starts_at=tenant.at(15))

    assert moved.status_code == 201, moved.text
    new = moved.json()["appointment"]
    assert (new["starts_at"], new["status"]) == (tenant.at(15), "scheduled")
    for verb, body in [("confirm", {}), ("cancel", {}), ("reschedule", {"starts_at": tenant.at(16)})]:
        answer = await act(api, booked, verb, **body)
        assert (answer.status_code, answer.json()["code"]) == (409, "overtaken")
    history = (await tenant.get(f"/v1/appointments/{new['id']}/history"))["items"]
    assert history[0]["actor"]["type"] == "client"


async def test_nobody_confirms_a_time_that_they_were_not_shown(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))

    answer = await act(await as_client(tenant), booked, "confirm", shown_starts_at=tenant.at(10))

    assert (answer.status_code, answer.json()["code"]) == (409, "overtaken")
    assert (await tenant.get(f"/v1/appointments/{booked['id']}"))["status"] == "scheduled"


async def test_a_taken_time_is_refused_without_saying_whose_it_is(tenant: Tenant) -> None:
    other = await tenant.book(tenant.at(15), client_id=(await someone_else(tenant))["id"])
    booked = await tenant.book(tenant.at(9))

    answer = await act(await as_client(tenant), booked, "reschedule", starts_at=tenant.at(15))

    assert answer.status_code == 409, answer.text
    assert answer.json()["code"] == answer.json()["reasons"][0]["code"] != "refused"
    assert not any(word in answer.text for word in (other["id"], "Ada"))


async def test_a_merged_client_is_the_survivor(tenant: Tenant) -> None:
    duplicate = await someone_else(tenant)
    of_duplicate = await tenant.book(tenant.at(9), client_id=duplicate["id"])
    of_survivor = await tenant.book(tenant.at(10))
    await tenant.post(f"/v1/clients/{duplicate['id']}/merge", {"into": tenant.client["id"]})

    for client_id in (duplicate["id"], tenant.client["id"]):
        answer = await (await as_client(tenant, client_id)).get("/v1/portal/appointments")
        assert answer.json()["client"]["id"] == tenant.client["id"]
        assert [item["id"] for item in answer.json()["items"]] == [of_duplicate["id"], of_survivor["id"]]


async def test_of_an_erased_client_nothing_is_left_but_whom_to_call(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    api = await as_client(tenant)
    cancelled = await api.post(
        f"/v1/portal/appointments/{booked['id']}/cancel",
        json={"shown_starts_at": booked["starts_at"], "reason": "my secret"},
        headers={"Idempotency-Key": "k"},
    )
    assert cancelled.status_code == 200, cancelled.text
    await tenant.post(f"/v1/clients/{tenant.client['id']}/erase", status=204)

    assert (await api.get("/v1/portal/appointments")).status_code == 404
    assert (await api.get(f"/v1/portal/appointments/{booked['id']}")).status_code == 404
    assert (await act(api, booked, "confirm")).status_code == 404
    contact = await api.get("/v1/portal/contact", params={"appointment_id": booked["id"]})
    assert contact.json()["name"] == "Mitte"
    history = await tenant.rows("SELECT reason FROM history")
    assert history
    assert all(row["reason"] is None for row in history)
    kept = await tenant.rows("SELECT convert_from(body, 'UTF8') AS body FROM idempotency_keys")
    assert kept
    assert all("my secret" not in row["body"] for row in kept)


async def test_what_is_over_is_neither_confirmed_nor_offered(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    tenant.now[0] = NOW + timedelta(days=1, hours=12)
    api = await as_client(tenant)

    answer = await act(api, booked, "confirm")

    assert (answer.status_code, answer.json()["code"]) == (409, "notice_passed")
    assert (await api.get(f"/v1/portal/appointments/{booked['id']}")).json()["appointment"]["verbs"] == []


async def test_only_clients_use_the_portal_and_clients_use_nothing_else(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    client = await as_client(tenant)

    assert (await tenant.api.get("/v1/portal/appointments")).status_code == 403
    for path in ("/v1/appointments", f"/v1/appointments/{booked['id']}", "/v1/clients", "/v1/services"):
        assert (await client.get(path)).status_code == 403
    assert (await client.post(f"/v1/appointments/{booked['id']}/confirm")).status_code == 403


@pytest.mark.parametrize("claim", [None, "", "x", 7, "0195c0de-0000-7000-8000-00000000000\x00"])
async def test_a_clients_token_without_a_client_is_no_token(tenant: Tenant, claim: object) -> None:
    api = await tenant.client_as("client", claims={"client": claim})

    answer = await api.get("/v1/portal/appointments")

    assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")


@pytest.mark.parametrize("reason", ["\x00", "x" * 1_001])
async def test_a_reason_is_bounded_text(tenant: Tenant, reason: str) -> None:
    booked = await tenant.book(tenant.at(9))

    answer = await act(await as_client(tenant), booked, "cancel", reason=reason)

    assert answer.status_code == 422
    assert (await tenant.get(f"/v1/appointments/{booked['id']}"))["status"] == "scheduled"
