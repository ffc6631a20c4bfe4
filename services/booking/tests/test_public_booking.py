"""The public page of a business: visitors whom nobody knows, and what they can neither see nor do."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from booking_fixtures import NOW, Json, Tenant

from booking.domain.policy import Policy
from booking.domain.public import PublicLimits
from booking.storage.policies import PolicyCache
from slotstream_servicekit.database import Connection

pytestmark = pytest.mark.service

NOBODY = {"name": "Alan Turing", "phone": "+49 30 901899"}


async def open_page(tenant: Tenant, **more: Any) -> None:
    """The business has a public page, and its service is on it."""
    for path, body in (
        (f"/v1/businesses/{tenant.business['id']}", {"public_booking": True, **more}),
        (f"/v1/services/{tenant.service['id']}", {"public_booking": True}),
    ):
        answer = await tenant.api.patch(path, json=body)
        assert answer.status_code == 200, answer.text


async def visitor(
    tenant: Tenant, business_id: object = None, *, name: str = "visitor:a", organization: UUID | None = None
) -> httpx2.AsyncClient:
    claims = {"businesses": [str(business_id or tenant.business["id"])]}
    return await tenant.client_as("visitor", organization=organization, subject=name, claims=claims)


def wanted(tenant: Tenant, starts_at: str, **more: Any) -> Json:
    return {
        "id": str(uuid4()),
        "service_id": tenant.service["id"],
        "starts_at": starts_at,
        "client": NOBODY,
        "asks_approval": False,
        **more,
    }


async def hold(api: httpx2.AsyncClient, tenant: Tenant, starts_at: str, **more: Any) -> httpx2.Response:
    body = {"service_id": tenant.service["id"], "starts_at": starts_at, **more}
    return await api.post("/v1/public/holds", json=body)


async def book(api: httpx2.AsyncClient, body: Json, **headers: str) -> httpx2.Response:
    return await api.post("/v1/public/appointments", json=body, headers=headers)


async def clients_of(tenant: Tenant) -> list[Json]:
    return list((await tenant.get("/v1/clients"))["items"])


async def test_a_page_is_off_until_it_is_switched_on(tenant: Tenant) -> None:
    api = await visitor(tenant)

    before = [await api.get("/v1/public/page"), await book(api, wanted(tenant, tenant.at(9)))]
    await open_page(tenant)
    page = await api.get("/v1/public/page")

    assert [(answer.status_code, answer.json()["code"]) for answer in before] == [(404, "not_found")] * 2
    assert page.status_code == 200, page.text
    assert page.json()["business"]["name"] == "Mitte"
    assert [service["name"] for service in page.json()["services"]] == ["Massage"]
    assert page.json()["services"][0]["staff"] == [{"id": tenant.staff[0]["id"], "name": "Ada"}]


async def test_only_services_of_the_page_are_shown_held_and_booked(tenant: Tenant) -> None:
    await open_page(tenant)
    internal = await tenant.add_service(name="Internal")
    retired = await tenant.add_service(name="Retired", public_booking=True)
    await tenant.api.patch(f"/v1/services/{retired['id']}", json={"archived": True})
    other = await tenant.post(
        "/v1/businesses",
        {"name": "Annex", "zone": "Europe/Berlin", "phone_region": "DE", "currency": "EUR", "public_booking": True},
        status=201,
    )
    foreign = await tenant.add_service(name="Foreign", business_id=other["id"], public_booking=True)
    stranger = await tenant.post("/v1/resources", {"name": "Eve", "business_ids": [other["id"]]}, status=201)
    api = await visitor(tenant)

    page = await api.get("/v1/public/page")

    assert [service["name"] for service in page.json()["services"]] == ["Massage"]
    for service in (internal, retired, foreign, {"id": str(uuid4())}):
        for answer in (
            await hold(api, tenant, tenant.at(9), service_id=service["id"]),
            await book(api, wanted(tenant, tenant.at(9), service_id=service["id"])),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await hold(api, tenant, tenant.at(9), resource_id=stranger["id"])).status_code == 404
    assert (await book(api, wanted(tenant, tenant.at(9), resource_id=stranger["id"]))).status_code == 404
    assert await tenant.rows("SELECT 1 FROM appointments") == []


async def test_another_organizations_page_is_not_there(tenant: Tenant) -> None:
    await open_page(tenant)
    api = await visitor(tenant, organization=uuid4())

    assert (await api.get("/v1/public/page")).status_code == 404
    assert (await hold(api, tenant, tenant.at(9))).status_code == 404
    assert (await book(api, wanted(tenant, tenant.at(9)))).status_code == 404


async def test_pages_that_are_not_there_take_no_room_in_memory(tenant: Tenant) -> None:
    read: list[UUID] = []

    class ReadPolicies(PolicyCache):
        async def reload(self, connection: Connection, organization_id: UUID) -> Policy:
            read.append(organization_id)
            return await super().reload(connection, organization_id)

    tenant.app.state.dependencies = replace(tenant.app.state.dependencies, policies=ReadPolicies())
    for _ in range(3):
        api = await visitor(tenant, uuid4(), organization=uuid4())
        assert (await api.get("/v1/public/page")).status_code == 404
        assert (await hold(api, tenant, tenant.at(9))).status_code == 404
        assert (await book(api, wanted(tenant, tenant.at(9)))).status_code == 404

    assert read == []
    await open_page(tenant)
    assert (await (await visitor(tenant)).get("/v1/public/page")).status_code == 200
    assert read == [tenant.organization_id]


async def test_a_held_slot_is_booked_by_a_visitor_as_the_client(tenant: Tenant) -> None:
    await open_page(tenant)
    api = await visitor(tenant)
    held = (await hold(api, tenant, tenant.at(9))).json()

    taken = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(9)))
    booked = await book(api, wanted(tenant, tenant.at(9), hold_id=held["id"]))

    assert taken.status_code == 409
    assert booked.status_code == 201, booked.text
    shown = booked.json()["appointment"]
    assert (shown["status"], shown["service_name"], shown["staff"]) == ("scheduled", "Massage", ["Ada"])
    kept = await tenant.get(f"/v1/appointments/{shown['id']}")
    assert kept["source"] == "portal"
    assert (await tenant.get(f"/v1/clients/{kept['client_id']}"))["name"] == "Alan Turing"
    history = (await tenant.get(f"/v1/appointments/{shown['id']}/history"))["items"]
    assert (history[0]["actor"]["type"], history[0]["actor"]["id"]) == ("client", "visitor")
    assert await tenant.rows("SELECT 1 FROM holds") == []
    again = await api.get(f"/v1/public/appointments/{shown['id']}")
    assert again.json()["appointment"]["id"] == shown["id"]
    assert not any(word in again.text + booked.text for word in ("Turing", "901899"))


async def test_a_form_that_is_sent_twice_books_once(tenant: Tenant) -> None:
    await open_page(tenant)
    api = await visitor(tenant)
    body = wanted(tenant, tenant.at(9))

    first, second = [await book(api, body, **{"Idempotency-Key": "k"}) for _ in range(2)]
    other = await book(api, {**body, "client": {"name": "Eve", "phone": "+49 30 901898"}}, **{"Idempotency-Key": "k"})

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(await tenant.rows("SELECT 1 FROM appointments")) == 1


async def test_a_hold_that_ran_out_is_no_obstacle_while_the_slot_is_free(tenant: Tenant) -> None:
    await open_page(tenant)
    api = await visitor(tenant)
    held = (await hold(api, tenant, tenant.at(9))).json()
    for table in ("holds", "occupancy"):
        expired = f"UPDATE {table} SET expires_at = clock_timestamp() - interval '1 second' RETURNING 1"
        assert len(await tenant.rows(expired)) == 1

    booked = await book(api, wanted(tenant, tenant.at(9), hold_id=held["id"]))
    late = await book(api, wanted(tenant, tenant.at(9), hold_id=held["id"]))

    assert booked.status_code == 201, booked.text
    assert (late.status_code, late.json()["code"]) == (409, "slot_taken")
    assert booked.json()["appointment"]["id"] not in late.text


async def test_nobody_elses_hold_is_used_or_given_back(tenant: Tenant) -> None:
    await open_page(tenant)
    request = {name: tenant.request(tenant.at(9))[name] for name in ("business_id", "service_id", "starts_at")}
    of_staff = await tenant.post("/v1/holds", request, status=201)
    api = await visitor(tenant)

    booked = await book(api, wanted(tenant, tenant.at(9), hold_id=of_staff["id"]))
    replaced = await hold(api, tenant, tenant.at(9), replaces=of_staff["id"])

    assert (booked.status_code, booked.json()["code"]) == (409, "slot_taken")
    assert replaced.status_code == 409
    assert len(await tenant.rows("SELECT 1 FROM holds")) == 1


async def test_a_hold_keeps_its_own_slot_and_business_only(tenant: Tenant) -> None:
    await open_page(tenant)
    other = await tenant.post(
        "/v1/businesses",
        {"name": "Annex", "zone": "Europe/Berlin", "phone_region": "DE", "currency": "EUR", "public_booking": True},
        status=201,
    )
    held = (await hold(await visitor(tenant), tenant, tenant.at(9))).json()
    service = await tenant.add_service(name="Annexed", business_id=other["id"], public_booking=True)
    elsewhere = await visitor(tenant, other["id"])

    moved = await book(await visitor(tenant), wanted(tenant, tenant.at(12), hold_id=held["id"]))
    body = wanted(tenant, tenant.at(9), service_id=service["id"], hold_id=held["id"])
    stolen = await book(elsewhere, body)
    await hold(elsewhere, tenant, tenant.at(15), service_id=service["id"], replaces=held["id"])

    assert moved.status_code == 201, moved.text
    assert stolen.status_code == 409, stolen.text
    assert held["id"] in {str(row["id"]) for row in await tenant.rows("SELECT id FROM holds")}


async def test_choosing_another_time_gives_the_first_one_back(tenant: Tenant) -> None:
    await open_page(tenant)
    api = await visitor(tenant)
    first = (await hold(api, tenant, tenant.at(9))).json()

    second = await hold(api, tenant, tenant.at(10), replaces=first["id"])

    assert second.status_code == 201, second.text
    assert [str(row["id"]) for row in await tenant.rows("SELECT id FROM holds")] == [second.json()["id"]]
    assert (await tenant.book(tenant.at(9)))["status"] == "scheduled"


async def test_holds_are_bounded_by_visitor_and_by_business(tenant: Tenant) -> None:
    await open_page(tenant)
    limits = PublicLimits(hold=timedelta(minutes=10), holds_per_visitor=2, holds_per_business=3)
    tenant.app.state.dependencies = replace(tenant.app.state.dependencies, public_limits=limits)
    first, second = [await visitor(tenant, name=f"visitor:{number}") for number in range(2)]

    answers = [await hold(first, tenant, tenant.at(9 + hour)) for hour in range(3)]
    answers += [await hold(second, tenant, tenant.at(15 + hour)) for hour in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201, 409, 201, 409]
    assert {answer.json()["code"] for answer in (answers[2], answers[4])} == {"too_many_holds"}
    # Whoever is refused a hold books nevertheless, and what is given back makes room.
    assert (await book(first, wanted(tenant, tenant.at(11)))).status_code == 201
    swapped = await hold(first, tenant, tenant.at(12), replaces=answers[0].json()["id"])
    assert swapped.status_code == 201, swapped.text


async def test_many_at_once_keep_no_more_than_is_allowed(tenant: Tenant) -> None:
    await open_page(tenant)
    limits = PublicLimits(hold=timedelta(minutes=10), holds_per_visitor=3, holds_per_business=100)
    tenant.app.state.dependencies = replace(tenant.app.state.dependencies, public_limits=limits)
    api = await visitor(tenant)

    answers = await asyncio.gather(*(hold(api, tenant, tenant.at(6 + hour)) for hour in range(8)))

    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 5


async def test_a_known_client_is_neither_found_by_their_phone_nor_changed_nor_told(tenant: Tenant) -> None:
    await open_page(tenant)
    known = await tenant.get(f"/v1/clients/{tenant.client['id']}")
    phone = known["phone"]
    api = await visitor(tenant)
    typed: list[Json] = [
        {"name": "Eve", "phone": phone},
        {"name": "Eve", "phone": phone, "email": "eve@example.com"},
        {"name": "Grace Hopper", "phone": phone, "email": "eve@example.com"},
        {"name": "Grace Hopper", "phone": phone},
        {"name": "Someone New", "phone": "+49 30 901877"},
    ]

    answers = [await book(api, wanted(tenant, tenant.at(9 + hour), client=who)) for hour, who in enumerate(typed)]

    assert [answer.status_code for answer in answers] == [201] * 5
    now = await tenant.get(f"/v1/clients/{tenant.client['id']}")
    assert {name for name in known if known[name] != now[name]} <= {"appointments", "nearest_appointment"}
    owners = [
        (await tenant.get(f"/v1/appointments/{answer.json()['appointment']['id']}"))["client_id"] for answer in answers
    ]
    # Only who gives nothing that is otherwise is the one who is known.
    assert [owner == known["id"] for owner in owners] == [False, False, False, True, False]
    shapes = {frozenset(answer.json()["appointment"]) for answer in answers}
    assert len(shapes) == 1
    assert not any(known["id"] in str(answer.json()["appointment"]) for answer in answers)
    assert not any(phone in answer.text or "Grace" in answer.text for answer in answers)


async def test_an_archived_client_stays_archived(tenant: Tenant) -> None:
    await open_page(tenant)
    await tenant.api.patch(f"/v1/clients/{tenant.client['id']}", json={"archived": True})
    who = {"name": tenant.client["name"], "phone": tenant.client["phone"]}

    booked = await book(await visitor(tenant), wanted(tenant, tenant.at(9), client=who))

    assert booked.status_code == 201, booked.text
    assert booked.json()["client_id"] != tenant.client["id"]
    assert (await tenant.get(f"/v1/clients/{tenant.client['id']}"))["archived"] is True


async def test_whoever_proves_nothing_waits_for_approval_and_takes_the_time_meanwhile(tenant: Tenant) -> None:
    await open_page(tenant)
    api = await visitor(tenant)

    waiting = await book(api, wanted(tenant, tenant.at(9), asks_approval=True))
    second = await book(api, wanted(tenant, tenant.at(9)))
    appointment = waiting.json()["appointment"]
    approved = await tenant.post(f"/v1/appointments/{appointment['id']}/approve")

    assert appointment["status"] == "pending"
    assert second.status_code == 409
    assert approved["status"] == "scheduled"


async def test_notice_and_window_bind_visitors_and_nothing_is_overridden(tenant: Tenant) -> None:
    await open_page(tenant)
    rules = {"minimum_notice_minutes": 2_880, "booking_window_days": 5}
    await tenant.api.patch(f"/v1/services/{tenant.service['id']}", json=rules)
    api = await visitor(tenant)

    answers = [await book(api, wanted(tenant, tenant.at(9, day=day))) for day in (1, 9)]
    forced = await book(api, {**wanted(tenant, tenant.at(9)), "override": {"reason": "please"}})

    assert [answer.json()["code"] for answer in answers] == ["too_short_notice", "beyond_booking_window"]
    assert forced.status_code == 422


@pytest.mark.parametrize(
    "client",
    [
        {"name": "Alan"},
        {"name": "", "phone": "+49 30 901899"},
        {"name": "A\x00", "phone": "+49 30 901899"},
        {"name": "x" * 201, "phone": "+49 30 901899"},
        {"name": "Alan", "phone": "12"},
        {"name": "Alan", "email": "no address"},
        {"name": "Alan", "email": "a" * 250 + "@example.com"},
        {"name": "Alan", "phone": "+49 30 901899", "consent": ["sms"]},
    ],
)
async def test_whom_to_call_is_bounded_text(tenant: Tenant, client: Json) -> None:
    await open_page(tenant)

    answer = await book(await visitor(tenant), wanted(tenant, tenant.at(9), client=client))

    assert answer.status_code == 422, answer.text
    assert len(await clients_of(tenant)) == 1


async def test_only_what_visitors_booked_here_lately_is_shown(tenant: Tenant) -> None:
    await open_page(tenant)
    by_staff = await tenant.book(tenant.at(9))
    api = await visitor(tenant)
    own = (await book(api, wanted(tenant, tenant.at(10)))).json()["appointment"]
    unshared = (await book(api, wanted(tenant, tenant.at(11)))).json()["appointment"]
    await tenant.api.patch(f"/v1/appointments/{unshared['id']}", json={"share_with_client": False})

    for appointment_id in (by_staff["id"], unshared["id"], str(uuid4())):
        assert (await api.get(f"/v1/public/appointments/{appointment_id}")).status_code == 404
    assert (await api.get(f"/v1/public/appointments/{own['id']}")).status_code == 200
    tenant.now[0] = NOW + timedelta(days=3)
    assert (await (await visitor(tenant)).get(f"/v1/public/appointments/{own['id']}")).status_code == 404


async def test_of_an_erased_person_no_kept_answer_is_left(tenant: Tenant) -> None:
    await open_page(tenant)
    booked = await book(await visitor(tenant), wanted(tenant, tenant.at(9)), **{"Idempotency-Key": "k"})
    client_id, appointment_id = booked.json()["client_id"], booked.json()["appointment"]["id"]
    await tenant.post(f"/v1/appointments/{appointment_id}/cancel", {"reason": "ill"})

    await tenant.post(f"/v1/clients/{client_id}/erase", status=204)

    kept = await tenant.rows("SELECT convert_from(body, 'UTF8') AS body FROM idempotency_keys")
    assert kept
    assert not [row["body"] for row in kept if client_id in row["body"] or appointment_id in row["body"]]


@pytest.mark.parametrize(
    "origin",
    [
        "https://example.com/path",
        "https://example.com/",
        "https://*.example.com",
        "*",
        "'self'",
        "http://example.com",
        "https://example.com; script-src *",
        "https://EXAMPLE.com",
        "https://user@example.com",
        "https://exa mple.com",
        "https://example.com:0",
        "javascript:alert(1)",
        "https://bücher.example",
        "https://192.0.2.1",
        "null",
        "",
    ],
)
async def test_what_is_no_origin_is_refused(tenant: Tenant, origin: str) -> None:
    path = f"/v1/businesses/{tenant.business['id']}"
    answer = await tenant.api.patch(path, json={"embed_origins": [origin]})

    assert answer.status_code == 422, answer.text
    assert (await tenant.get(path))["embed_origins"] == []


async def test_origins_are_kept_once_and_only_the_catalogues_writers_set_them(tenant: Tenant) -> None:
    path = f"/v1/businesses/{tenant.business['id']}"
    origins = ["https://www.example.com", "https://xn--bcher-kva.example:8443", "http://localhost:5173"]

    changed = await tenant.api.patch(path, json={"embed_origins": [*origins, origins[0]], "public_booking": True})
    refused = await (await tenant.client_as("staff")).patch(path, json={"public_booking": False})

    assert changed.json()["embed_origins"] == origins
    assert refused.status_code == 403
    assert (await tenant.get(path))["public_booking"] is True
