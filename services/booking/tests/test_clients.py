"""Clients: one person, one record, whichever way they came; and nothing of them once they are forgotten."""

import asyncio
import json
from functools import partial
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from booking_fixtures import Tenant

from booking.storage.connections import connection_of
from booking.storage.contacts import contact_locks, find_contacts
from slotstream_servicekit.testing.plugin import until

CLIENTS = "/v1/clients"


async def a_client(tenant: Tenant, name: str, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = await tenant.post(CLIENTS, {"name": name, **more}, status=201)
    return made


@pytest.mark.parametrize(
    "details",
    [
        {"phone": "030 901820", "phone_region": "DE"},
        {"phone": "+49 (30) 90 18 20"},
        {"email": "GRACE@example.com"},
        {"phone": "+44 20 7946 0018", "email": "grace@example.com"},
    ],
)
async def test_a_duplicate_by_phone_or_email_is_answered_with_the_client_there_is(
    tenant: Tenant, details: dict[str, str]
) -> None:
    await tenant.api.patch(f"{CLIENTS}/{tenant.client['id']}", json={"email": "grace@example.com"})
    answer = await tenant.api.post(CLIENTS, json={"name": "G. Hopper", **details})
    assert (answer.status_code, answer.json()["id"]) == (200, tenant.client["id"])
    booked = await tenant.book(tenant.at(9), client_id=None, client={"name": "G. Hopper", "phone": "+49 30 901820"})
    assert booked["client_id"] == tenant.client["id"]


async def test_a_client_cannot_be_changed_into_the_duplicate_of_another(tenant: Tenant) -> None:
    other = await a_client(tenant, "Alan", phone="+44 20 7946 0018")
    answer = await tenant.api.patch(f"{CLIENTS}/{other['id']}", json={"phone": "+49 30 901820"})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "duplicate_client")
    assert problem["reasons"][0]["conflicts_with"] == [tenant.client["id"]]


async def test_a_clients_page_shows_counts_by_status_and_the_nearest_active_appointment(tenant: Tenant) -> None:
    actions = (await tenant.get("/v1/actions"))["items"]
    late = await tenant.book(tenant.at(15))
    near = await tenant.book(tenant.at(10), action_id=actions[0]["id"])
    gone = await tenant.book(tenant.at(9))
    await tenant.post(f"/v1/appointments/{gone['id']}/cancel", {"reason": "ill"})
    await tenant.post(f"/v1/appointments/{late['id']}/confirm")
    page = await tenant.get(f"{CLIENTS}/{tenant.client['id']}")
    assert page["appointments"] == {"scheduled": 1, "confirmed": 1, "cancelled": 1}
    nearest = page["nearest_appointment"]
    assert (nearest["id"], nearest["starts_at"], nearest["action_name"]) == (
        near["id"],
        tenant.at(10),
        actions[0]["name"],
    )


async def test_a_client_without_active_appointments_has_no_nearest_one(tenant: Tenant) -> None:
    assert (await tenant.get(f"{CLIENTS}/{tenant.client['id']}"))["nearest_appointment"] is None


async def test_a_merged_duplicates_appointments_are_those_of_the_client_it_stands_for(tenant: Tenant) -> None:
    double = await a_client(tenant, "Grace H.", email="grace@example.com")
    await tenant.book(tenant.at(9))
    theirs = await tenant.book(tenant.at(10), client_id=double["id"])
    kept = await tenant.post(f"{CLIENTS}/{double['id']}/merge", {"into": tenant.client["id"]})
    assert (kept["id"], kept["email"]) == (tenant.client["id"], "grace@example.com")
    page = await tenant.get(f"{CLIENTS}/{tenant.client['id']}")
    assert page["appointments"] == {"scheduled": 2}
    listed = (await tenant.get("/v1/appointments", client_id=tenant.client["id"]))["items"]
    assert theirs["id"] in {item["id"] for item in listed}
    assert [item["id"] for item in (await tenant.get(CLIENTS, q="grace"))["items"]] == [tenant.client["id"]]
    states = [record for record in await tenant.outbox() if record["key"] == double["id"]]
    assert states[-1]["payload"]["data"]["merged_into"] == tenant.client["id"]


async def test_a_merged_clients_phone_and_email_lead_to_the_survivor(tenant: Tenant) -> None:
    double = await a_client(tenant, "Grace H.", phone="+44 20 7946 0018", email="grace@example.com")
    await tenant.post(f"{CLIENTS}/{double['id']}/merge", {"into": tenant.client["id"]})
    for details in ({"phone": "+44 20 7946 0018"}, {"email": "grace@example.com"}):
        answer = await tenant.api.post(CLIENTS, json={"name": "Grace Hopper", **details})
        assert (answer.status_code, answer.json()["id"]) == (200, tenant.client["id"])
        assert answer.json()["client_notes"] == [], "a duplicate's phone and e-mail are the person's own"


async def test_whoever_books_for_a_merged_client_books_for_the_survivor(tenant: Tenant) -> None:
    double = await a_client(tenant, "Grace H.")
    await tenant.post(f"{CLIENTS}/{double['id']}/merge", {"into": tenant.client["id"]})
    assert (await tenant.book(tenant.at(9), client_id=double["id"]))["client_id"] == tenant.client["id"]


async def test_booking_tells_what_of_the_client_is_otherwise_to_those_who_may_read_clients(tenant: Tenant) -> None:
    typed = {"name": "G. Hopper", "phone": "+49 30 901820", "email": "grace@example.com"}
    booked = await tenant.book(tenant.at(9), client_id=None, client=typed)
    assert booked["client_id"] == tenant.client["id"]
    assert [(note["code"], note["field"]) for note in booked["client_notes"]] == [
        ("differs", "name"),
        ("filled_in", "email"),
    ]
    assert (await tenant.get(f"{CLIENTS}/{tenant.client['id']}"))["email"] == "grace@example.com"
    caller = await tenant.client_as(role="integration", scopes=("appointments:book",))
    request = tenant.request(tenant.at(10), client=typed)
    del request["client_id"]
    told = await caller.post("/v1/appointments", json=request)
    assert (told.status_code, told.json()["client_notes"]) == (201, [])
    update = await caller.post("/v1/appointments", json={**request, "client_match": "update"})
    assert update.status_code == 403


async def test_a_source_is_the_callers_own_unless_a_scope_lets_them_state_another(tenant: Tenant) -> None:
    refused = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(9), source="portal"))
    assert refused.status_code == 403
    assert "appointments:source" in refused.json()["detail"]
    scopes = ("appointments:book", "appointments:source")
    system = await tenant.client_as(role="integration", scopes=scopes)
    stated = await system.post("/v1/appointments", json=tenant.request(tenant.at(9), source="portal"))
    derived = await system.post("/v1/appointments", json=tenant.request(tenant.at(10)))
    assert (stated.json()["source"], derived.json()["source"]) == ("portal", "api")


async def test_a_merged_clients_page_names_the_survivor_and_is_not_changed(tenant: Tenant) -> None:
    double = await a_client(tenant, "Grace H.", phone="+44 20 7946 0018")
    path = f"{CLIENTS}/{double['id']}"
    await tenant.post(f"{path}/merge", {"into": tenant.client["id"]})
    assert (await tenant.get(path))["merged_into"] == tenant.client["id"]
    answer = await tenant.api.patch(path, json={"name": "Somebody"})
    assert (answer.status_code, answer.json()["code"]) == (409, "client_merged")
    assert answer.json()["reasons"][0]["conflicts_with"] == [tenant.client["id"]]


async def test_what_is_typed_of_a_known_client_fills_what_they_lack_and_the_answer_says_so(tenant: Tenant) -> None:
    typed = {"name": "Grace Hopper", "phone": "030 901820", "email": "Grace@example.com", "phone_region": "DE"}
    answer = (await tenant.api.post(CLIENTS, json=typed)).json()
    assert (answer["id"], answer["email"], answer["version"]) == (tenant.client["id"], "grace@example.com", 2)
    assert [(note["code"], note["field"]) for note in answer["client_notes"]] == [("filled_in", "email")]
    states = [record["payload"]["data"] for record in await tenant.outbox() if record["key"] == tenant.client["id"]]
    assert states[-1]["email"] == "grace@example.com"


@pytest.mark.parametrize(
    ("match", "name", "note"),
    [("keep", "Grace Hopper", "differs"), ("update", "Amazing Grace", "updated")],
)
async def test_another_name_for_a_known_phone_is_told_and_kept_or_taken_over_as_the_caller_says(
    tenant: Tenant, match: str, name: str, note: str
) -> None:
    typed = {"name": "Amazing Grace", "phone": "+49 30 901820", "client_match": match}
    answer = (await tenant.api.post(CLIENTS, json=typed)).json()
    assert (answer["id"], answer["name"]) == (tenant.client["id"], name)
    [told] = answer["client_notes"]
    assert (told["code"], told["field"], told["given"], told["kept"]) == (note, "name", "Amazing Grace", "Grace Hopper")


async def test_two_people_who_share_a_phone_are_two_clients_where_the_caller_says_so(tenant: Tenant) -> None:
    child = {"name": "Charles Hopper", "phone": "+49 30 901820"}
    made = await tenant.api.post(CLIENTS, json={**child, "client_match": "new"})
    assert (made.status_code, made.json()["client_notes"]) == (201, [])
    again = (await tenant.api.post(CLIENTS, json=child)).json()
    assert again["id"] == made.json()["id"], "of two with one phone, the one of that name is meant"


async def test_an_email_that_is_another_clients_is_not_taken_over(tenant: Tenant) -> None:
    await a_client(tenant, "Alan", email="alan@example.com")
    typed = {"name": "Grace Hopper", "phone": "+49 30 901820", "email": "alan@example.com", "client_match": "update"}
    answer = (await tenant.api.post(CLIENTS, json=typed)).json()
    assert (answer["id"], answer["email"]) == (tenant.client["id"], None)
    assert [note["code"] for note in answer["client_notes"]] == ["belongs_to_another"]


async def test_an_archived_client_who_comes_back_is_the_same_client(tenant: Tenant) -> None:
    await tenant.api.delete(f"{CLIENTS}/{tenant.client['id']}")
    answer = (await tenant.api.post(CLIENTS, json={"name": "Grace Hopper", "phone": "+49 30 901820"})).json()
    assert (answer["id"], answer["archived"]) == (tenant.client["id"], False)
    assert [note["code"] for note in answer["client_notes"]] == ["unarchived"]


async def test_who_may_not_read_clients_learns_of_none_by_adding_one(tenant: Tenant) -> None:
    caller = await tenant.client_as(role="integration", scopes=("appointments:book",))
    identity = str(uuid4())
    typed = {"id": identity, "name": "G.", "phone": "+49 30 901820"}
    of_known = await caller.post(CLIENTS, json=typed)
    of_new = await caller.post(CLIENTS, json={"name": "G.", "phone": "+49 30 901821"})
    assert (of_known.status_code, of_new.status_code) == (201, 201)
    varying = {"id", "phone"}
    assert {name: value for name, value in of_known.json().items() if name not in varying} == {
        name: value for name, value in of_new.json().items() if name not in varying
    }
    assert (of_known.json()["id"], of_known.headers["etag"]) == (identity, of_new.headers["etag"])
    assert (await tenant.get(f"{CLIENTS}/{identity}"))["merged_into"] == tenant.client["id"]


async def test_who_may_only_book_does_not_overwrite_a_client(tenant: Tenant) -> None:
    caller = await tenant.client_as(role="agent")
    typed = {"name": "Amazing Grace", "phone": "+49 30 901820", "client_match": "update"}
    assert (await caller.post(CLIENTS, json=typed)).status_code == 403


@pytest.mark.parametrize(
    ("name", "queries"),
    [
        ("Ölkur Björnsdóttir", ("Ölkur", "ölkur", "olkur", "OLKUR", "bjornsdottir")),
        ("Jürgen Müller", ("Müller", "muller", "mueller", "MUELLER", "juergen mueller")),
        ("Jan Mueller", ("müller", "muller", "mueller")),
        ("Łukasz Straße", ("lukasz", "łukasz", "strasse", "STRAßE")),
        ("مُحَمَّد", ("محمد", "مُحَمَّد", "محمَّد")),
        ("محمد", ("مُحَمَّد",)),
        ("Ναταλία", ("ναταλια", "ΝΑΤΑΛΊΑ")),
    ],
)
async def test_case_accents_and_vowel_signs_do_not_matter_in_a_search(
    tenant: Tenant, name: str, queries: tuple[str, ...]
) -> None:
    client = await a_client(tenant, name)
    booked = await tenant.book(tenant.at(9), client_id=client["id"])
    for query in queries:
        assert [item["id"] for item in (await tenant.get(CLIENTS, q=query))["items"]] == [client["id"]], query
        listed = (await tenant.get("/v1/appointments", q=query))["items"]
        assert [item["id"] for item in listed] == [booked["id"]], query


async def test_services_are_found_whatever_their_accents(tenant: Tenant) -> None:
    service = await tenant.add_service(name="Fußpflege")
    catalogued = await tenant.book(tenant.at(9), service_id=service["id"])
    custom = await tenant.book(tenant.at(10), service_id=None, service_name="Épilation", duration_minutes=30)
    for query, booked in (("fusspflege", catalogued), ("FUẞ", catalogued), ("epilation", custom), ("épi", custom)):
        assert [item["id"] for item in (await tenant.get("/v1/appointments", q=query))["items"]] == [booked["id"]], (
            query
        )


async def test_archived_appointments_are_not_on_a_clients_page(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    await tenant.post(f"/v1/appointments/{booked['id']}/cancel", {"reason": "ill"})
    await tenant.post(f"/v1/appointments/{booked['id']}/archive")
    assert (await tenant.get(f"{CLIENTS}/{tenant.client['id']}"))["appointments"] == {}


async def test_consent_is_unset_until_somebody_gives_it(tenant: Tenant) -> None:
    assert tenant.client["consent"] is None
    states = [record["payload"]["data"] for record in await tenant.outbox() if record["key"] == tenant.client["id"]]
    assert states[0].get("consent") is None


async def test_consent_is_kept_as_it_was_given_none_included(tenant: Tenant) -> None:
    none = await a_client(tenant, "No", consent=[])
    some = await a_client(tenant, "Mail", consent=["email"])
    assert (none["consent"], some["consent"]) == ([], ["email"])
    changed = await tenant.api.patch(f"{CLIENTS}/{some['id']}", json={"consent": ["email", "sms"]})
    assert changed.json()["consent"] == ["email", "sms"]
    states = [record["payload"]["data"]["consent"] for record in await tenant.outbox() if record["key"] == some["id"]]
    assert states == [["email"], ["email", "sms"]]


async def test_appointment_events_name_no_client_and_quote_no_notes(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9), notes="allergic to nuts", internal_notes="pays late")
    await tenant.api.patch(f"/v1/appointments/{booked['id']}", json={"notes": "allergic to milk"})
    said = json.dumps([record["payload"] for record in await tenant.outbox() if "appointment" in record["topic"]])
    for personal in ("Grace", "901820", "allergic", "pays late"):
        assert personal not in said


async def test_internal_notes_are_seen_by_staff_and_not_by_agents_or_integrations(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9), internal_notes="difficult")
    path = f"/v1/appointments/{booked['id']}"
    staff = await tenant.client_as(role="staff")
    assert (await staff.get(path)).json()["internal_notes"] == "difficult"
    agent = await tenant.client_as(role="agent")
    integration = await tenant.client_as(role="integration", scopes=("appointments:read",))
    for caller in (agent, integration):
        for where in (path, f"{path}/history", "/v1/appointments", f"{path}?as_of={tenant.at(8, day=0)}"):
            answer = await caller.get(where)
            assert answer.status_code == 200, where
            assert "difficult" not in answer.text, where


async def test_an_action_named_while_booking_is_added_once(tenant: Tenant) -> None:
    before = {item["name"] for item in (await tenant.get("/v1/actions"))["items"]}
    assert {"Call back", "Site visit"} <= before
    first = await tenant.book(tenant.at(9), action_name="Take measurements")
    second = await tenant.book(tenant.at(10), action_name="take Measurements ")
    assert first["action_id"] == second["action_id"]
    known = await tenant.book(tenant.at(11), action_name="call back")
    assert known["action_name"] == "Call back"
    assert {item["name"] for item in (await tenant.get("/v1/actions"))["items"]} == before | {"Take measurements"}


async def test_an_appointment_says_what_it_belongs_to_in_another_system_and_its_prices(tenant: Tenant) -> None:
    origin = {"kind": "work_order", "reference_id": "W-7", "url": "https://orders.example/W-7"}
    price = {"amount": "45.00", "currency": "EUR"}
    booked = await tenant.book(tenant.at(9), origin=origin, quoted_price=price, share_with_client=False)
    assert (booked["origin"], booked["quoted_price"], booked["actual_price"]) == (origin, price, None)
    assert booked["share_with_client"] is False


async def test_clients_of_another_organization_cannot_be_read_merged_or_erased(tenant: Tenant) -> None:
    stranger = await tenant.client_as(organization=uuid4())
    path = f"{CLIENTS}/{tenant.client['id']}"
    assert (await stranger.get(path)).status_code == 404
    assert (await stranger.post(f"{path}/erase")).status_code == 404
    assert (await stranger.post(f"{path}/merge", json={"into": str(uuid4())})).status_code == 404
    assert (await stranger.get(CLIENTS, params={"q": "grace"})).json()["items"] == []


async def test_twelve_who_book_at_once_for_one_unknown_person_make_one_client(tenant: Tenant) -> None:
    ways = (
        {"phone": "+49 30 901822"},
        {"email": "zuse@example.com"},
        {"phone": "030 901822", "email": "ZUSE@example.com"},
    )
    answers = await asyncio.gather(
        *(
            tenant.api.post(
                "/v1/appointments",
                json=tenant.request(
                    tenant.at(7 + number),
                    client_id=None,
                    client={"name": "Zuse", **ways[2 if number < 6 else number % 3]},
                ),
            )
            for number in range(12)
        )
    )

    assert [answer.status_code for answer in answers] == [201] * 12, [answer.text for answer in answers]
    [client] = await tenant.rows("SELECT id FROM clients WHERE name = 'Zuse'")
    assert {answer.json()["client_id"] for answer in answers} == {str(client["id"])}


async def test_who_is_made_by_another_booking_meanwhile_is_booked_for(tenant: Tenant) -> None:
    phone = "+4930901822"
    request = tenant.request(tenant.at(9), client_id=None, client={"name": "Zuse", "phone": phone})
    [(lock_class, key)] = contact_locks(tenant.organization_id, [phone])
    async with tenant.as_owner() as other, other.transaction():
        await other.execute("SELECT pg_advisory_xact_lock($1, $2)", int(lock_class), key)
        booking = asyncio.create_task(tenant.api.post("/v1/appointments", json=request))
        await until(partial(_are_waiting, other, key), what="the booking waits for who makes the client")
        made = uuid4()
        await other.execute("SELECT set_config('slotstream.organization', $1, true)", str(tenant.organization_id))
        await other.execute(
            """
            INSERT INTO clients (organization_id, id, name, phone, search, sort_name, created_at, updated_at)
            VALUES ($1, $2, 'Zuse', $3, 'zuse', 'zuse', now(), now())
            """,
            tenant.organization_id,
            made,
            phone,
        )
    answer = await booking

    assert answer.status_code == 201, answer.text
    assert answer.json()["client_id"] == str(made)
    assert await tenant.rows("SELECT id FROM clients WHERE name = 'Zuse'") == [{"id": made}]


async def _are_waiting(connection: asyncpg.Connection, key: int) -> bool:
    waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = $1::bigint)"
    return bool(await connection.fetchval(waits, key % 2**32))


@pytest.mark.parametrize("statistics", ["of now", "of the first day"])
async def test_a_client_is_found_by_phone_or_mail_without_reading_all_others(tenant: Tenant, statistics: str) -> None:
    await tenant.analyse()
    await tenant.rows(
        """
        INSERT INTO clients (organization_id, id, name, phone, email, search, sort_name, created_at, updated_at)
        SELECT :organization, gen_random_uuid(), 'Zuse', '+4930' || (10000000 + n), 'c' || n || '@example.com',
               'zuse', 'zuse', now(), now()
        FROM generate_series(1, 5000) AS n RETURNING 1
        """,
        organization=tenant.organization_id,
    )
    if statistics == "of now":
        await tenant.analyse()
    async with tenant.database.transaction(tenant.organization_id) as session:
        connection = await connection_of(session)
        read = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'clients'"
        before = await connection.fetchval(read)
        found = await find_contacts(
            connection, tenant.organization_id, phones=["+493010000007"], emails=["c8@example.com"]
        )
        assert len(found) == 2
        assert await connection.fetchval(read) - before < 20
