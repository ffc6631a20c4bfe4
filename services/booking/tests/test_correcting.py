"""A wrong client, service or length of an open appointment is put right, checked as a booking is, and on record."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from booking_fixtures import NOW, Json, Tenant
from limited_callers import outside_of
from series_requests import MONDAYS, add

pytestmark = pytest.mark.service

LIST = "/v1/appointments"


async def correct(tenant: Tenant, booked: Json, *, status: int = 200, **values: Any) -> Json:
    answer = await tenant.api.patch(f"{LIST}/{booked['id']}", json=values)
    assert answer.status_code == status, answer.text
    corrected: Json = answer.json()
    return corrected


async def someone_else(tenant: Tenant) -> Json:
    made: Json = await tenant.post("/v1/clients", {"name": "Ada Lovelace", "phone": "+49 30 901821"}, status=201)
    return made


async def as_client(tenant: Tenant, client_id: str) -> httpx2.AsyncClient:
    return await tenant.client_as("client", claims={"client": client_id})


async def newest(tenant: Tenant, booked: Json) -> Json:
    entry: Json = (await tenant.get(f"{LIST}/{booked['id']}/history"))["items"][-1]
    return entry


async def blocked(tenant: Tenant, booked: Json) -> list[tuple[str, float]]:
    """Whose time it takes, and for how many minutes."""
    rows = await tenant.rows(
        "SELECT r.name, extract(epoch FROM upper(blocked) - lower(blocked)) / 60 AS minutes FROM occupancy o"
        " JOIN resources r ON r.id = o.resource_id WHERE holder_id = :id ORDER BY r.name",
        id=booked["id"],
    )
    return [(row["name"], float(row["minutes"])) for row in rows]


async def test_a_longer_appointment_keeps_its_start_and_takes_the_longer_time(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))

    corrected = await correct(tenant, booked, duration_minutes=60)

    assert (corrected["starts_at"], corrected["duration_minutes"]) == (booked["starts_at"], 60)
    assert corrected["calendar_sequence"] == booked["calendar_sequence"] + 1
    assert await blocked(tenant, booked) == [("Ada", 60)]
    entry = await newest(tenant, booked)
    assert (entry["verb"], entry["fields"]) == ("update", {"ends_at": {"old": booked["ends_at"], "new": tenant.at(10)}})
    refused = await tenant.api.post(LIST, json=tenant.request(tenant.at(9, 30)))
    assert (refused.status_code, refused.json()["code"]) == (409, "slot_taken")


async def test_what_is_in_the_way_of_the_longer_time_refuses_it_and_changes_nothing(tenant: Tenant) -> None:
    booked, after = await tenant.book(tenant.at(9)), await tenant.book(tenant.at(9, 30))
    late = await tenant.book(tenant.at(20, 30))

    refused = await correct(tenant, booked, status=409, duration_minutes=60)
    closed = await correct(tenant, late, status=409, duration_minutes=180)

    assert [(reason["code"], reason["conflicts_with"]) for reason in refused["reasons"]] == [
        ("slot_taken", [after["id"]])
    ]
    assert closed["code"] == "outside_working_hours"
    assert await blocked(tenant, booked) == [("Ada", 30)]
    assert (await tenant.get(f"{LIST}/{booked['id']}"))["version"] == 1


async def test_staff_may_force_a_longer_time_with_a_reason_which_is_a_record(tenant: Tenant) -> None:
    booked, after = await tenant.book(tenant.at(9)), await tenant.book(tenant.at(9, 30))

    await correct(tenant, booked, duration_minutes=60, override={"reason": "both agreed"})

    override = (await newest(tenant, booked))["override"]
    assert (override["reason"], override["conflicts_with"]) == ("both agreed", [after["id"]])
    assert await blocked(tenant, booked) == [("Ada", 60)]
    integration = await tenant.client_as("integration", scopes=["appointments:write"])
    answer = await integration.patch(
        f"{LIST}/{after['id']}", json={"duration_minutes": 90, "override": {"reason": "I can"}}
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "override_forbidden")


async def test_another_service_brings_its_length_buffers_price_and_room(tenant: Tenant) -> None:
    room = await tenant.post(
        "/v1/resources", {"name": "Room", "kind": "room", "business_ids": [tenant.business["id"]]}, status=201
    )
    ada = tenant.staff[0]["id"]
    other = await tenant.add_service(
        name="Sauna",
        duration_minutes=50,
        buffer_after_minutes=10,
        requires=[[ada], [room["id"]]],
        price={"amount": "80.00", "currency": "EUR"},
    )
    booked = await tenant.book(tenant.at(9))

    corrected = await correct(tenant, booked, service_id=other["id"])

    assert (corrected["service_name"], corrected["duration_minutes"]) == ("Sauna", 50)
    assert (corrected["buffer_after_minutes"], corrected["quoted_price"]["amount"]) == (10, "80.00")
    assert await blocked(tenant, booked) == [("Ada", 60), ("Room", 60)]
    entry = await newest(tenant, booked)
    assert entry["verb"] == "assign"
    assert entry["fields"]["service_id"] == {"old": tenant.service["id"], "new": other["id"]}

    back = await correct(tenant, booked, service_id=tenant.service["id"], duration_minutes=45)

    assert (back["duration_minutes"], back["quoted_price"]) == (45, None)
    assert await blocked(tenant, booked) == [("Ada", 45)]
    known = await tenant.get(f"{LIST}/{booked['id']}", as_of=(NOW - timedelta(seconds=1)).isoformat(), status=404)
    assert known["code"] == "not_found"


async def test_a_price_that_was_agreed_stays_with_another_service(tenant: Tenant) -> None:
    other = await tenant.add_service(name="Sauna", price={"amount": "80.00", "currency": "EUR"})
    booked = await tenant.book(tenant.at(9), quoted_price={"amount": "5.00", "currency": "EUR"})
    assert (await correct(tenant, booked, service_id=other["id"]))["quoted_price"]["amount"] == "5.00"


async def test_staff_who_cannot_perform_the_right_service_are_in_the_way_until_others_are_named(
    tenant: Tenant,
) -> None:
    bob = await tenant.add_staff("Bob")
    other = await tenant.add_service(name="Sauna", requires=[[bob["id"]]])
    booked = await tenant.book(tenant.at(9))

    refused = await correct(tenant, booked, status=409, service_id=other["id"])
    assert refused["code"] == "resource_cannot_perform"

    await correct(tenant, booked, service_id=other["id"], resource_ids=[bob["id"]])
    assert await blocked(tenant, booked) == [("Bob", 30)]


async def test_a_custom_service_keeps_the_length_and_a_new_name_takes_no_time_anew(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    custom = await correct(tenant, booked, service_name="Tatto")
    assert (custom["service_id"], custom["service_name"], custom["duration_minutes"]) == (None, "Tatto", 30)
    await tenant.open_hours([])
    named = await correct(tenant, booked, service_name="Tattoo")
    assert (named["service_name"], named["calendar_sequence"]) == ("Tattoo", 2)


async def test_a_group_is_joined_and_left_by_a_correction(tenant: Tenant) -> None:
    group = await tenant.add_service(name="Yoga", capacity=2)
    first = await tenant.book(tenant.at(9), service_id=group["id"])
    second = await tenant.book(tenant.at(9), service_id=group["id"])

    assert (await correct(tenant, second, status=409, duration_minutes=45))["code"] == "slot_taken"
    assert (await correct(tenant, first, status=409, service_id=tenant.service["id"]))["code"] == "slot_taken"
    await tenant.post(f"{LIST}/{second['id']}/cancel", {"reason": "ill"})
    alone = await correct(tenant, first, service_id=tenant.service["id"])
    full = await tenant.api.post(LIST, json=tenant.request(tenant.at(9), service_id=group["id"]))

    assert alone["service_id"] == tenant.service["id"]
    assert full.status_code == 409
    await correct(tenant, first, service_id=group["id"])
    await tenant.book(tenant.at(9), service_id=group["id"])


async def test_a_request_takes_time_by_what_its_right_service_says_of_requests(tenant: Tenant) -> None:
    asking = await tenant.add_service(name="Asked", needs_approval=True, pending_occupies=False)
    keeping = await tenant.add_service(name="Kept", needs_approval=True, pending_occupies=True)
    asked = await tenant.book(tenant.at(9), service_id=asking["id"])
    assert await blocked(tenant, asked) == []

    kept = await correct(tenant, asked, service_id=keeping["id"])

    assert (kept["status"], kept["occupies"]) == ("pending", True)
    assert await blocked(tenant, asked) == [("Ada", 30)]
    let_go = await correct(tenant, asked, service_id=asking["id"])
    assert (let_go["occupies"], await blocked(tenant, asked)) == (False, [])


async def test_a_length_that_no_appointment_has_is_refused(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    for values in (
        {"duration_minutes": 0},
        {"duration_minutes": 10**12},
        {"duration_minutes": 30.5},
        {"duration_minutes": None},
        {"service_id": None},
        {"client_id": None},
        {"service_name": ""},
        {"service_name": "a\x00b"},
        {"service_id": str(uuid4()), "service_name": "both"},
    ):
        await correct(tenant, booked, status=422, **values)
    assert (await correct(tenant, booked, status=422, duration_minutes=527_040))["code"] == "too_long"


async def test_what_does_not_exist_here_is_refused_as_in_a_booking(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    stranger = await tenant.client_as(organization=uuid4())
    elsewhere = (await stranger.post("/v1/clients", json={"name": "Else Where"})).json()
    for values, code in (
        ({"client_id": elsewhere["id"]}, "unknown_client"),
        ({"client_id": str(uuid4())}, "unknown_client"),
        ({"service_id": str(uuid4())}, "unknown_service"),
    ):
        assert (await correct(tenant, booked, status=422, **values))["code"] == code
    answer = await stranger.patch(f"{LIST}/{booked['id']}", json={"duration_minutes": 60})
    assert answer.status_code == 404
    assert (await tenant.get(f"{LIST}/{booked['id']}"))["version"] == 1


async def test_whoever_corrects_chooses_whether_clients_are_told(tenant: Tenant) -> None:
    booked, right = await tenant.book(tenant.at(9)), await someone_else(tenant)

    corrected = await correct(tenant, booked, client_id=right["id"], notify=False)

    assert (booked["notify_client"], corrected["notify_client"]) == (True, False)
    answer = await tenant.api.patch(f"{LIST}/{booked['id']}", json={"notify": None})
    assert answer.status_code == 422


async def test_the_right_client_sees_the_appointment_and_the_former_one_does_not_any_more(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    right = await someone_else(tenant)
    former, theirs = await as_client(tenant, tenant.client["id"]), await as_client(tenant, right["id"])
    path = f"/v1/portal/appointments/{booked['id']}"
    assert ((await former.get(path)).status_code, (await theirs.get(path)).status_code) == (200, 404)

    corrected = await correct(tenant, booked, client_id=right["id"])

    assert corrected["client_id"] == right["id"]
    assert corrected["calendar_sequence"] == booked["calendar_sequence"] + 1, "it leaves a calendar"
    assert ((await former.get(path)).status_code, (await theirs.get(path)).status_code) == (404, 200)
    assert (await former.get("/v1/portal/appointments")).json()["items"] == []
    entry = await newest(tenant, booked)
    assert (entry["verb"], entry["fields"]) == (
        "update",
        {"client_id": {"old": tenant.client["id"], "new": right["id"]}},
    )
    [said] = [record for record in await tenant.outbox() if record["type"] == "slotstream.appointment.updated"]
    assert said["payload"]["data"]["appointment"]["client_id"] == right["id"]
    assert said["payload"]["data"]["change"]["fields"]["client_id"]["old"] == tenant.client["id"]


async def test_the_appointment_as_it_was_known_before_is_the_former_clients(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    tenant.now[0] += timedelta(minutes=1)
    await correct(tenant, booked, client_id=(await someone_else(tenant))["id"], duration_minutes=45)
    before = await tenant.get(f"{LIST}/{booked['id']}", as_of=NOW.isoformat())
    assert (before["client_id"], before["duration_minutes"]) == (tenant.client["id"], 30)
    assert (await tenant.get(LIST, client_id=tenant.client["id"]))["items"] == []


async def test_a_merged_client_is_followed_and_an_erased_one_is_refused(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    duplicate, person = [
        await tenant.post("/v1/clients", {"name": name}, status=201) for name in ("Zuse K.", "Konrad Zuse")
    ]
    await tenant.post(f"/v1/clients/{duplicate['id']}/merge", {"into": person["id"]})

    assert (await correct(tenant, booked, client_id=duplicate["id"]))["client_id"] == person["id"]
    unchanged = await correct(tenant, booked, client_id=duplicate["id"])
    assert unchanged["version"] == 2

    gone = await tenant.post("/v1/clients", {"name": "Going Soon"}, status=201)
    await tenant.post(f"/v1/clients/{gone['id']}/erase", status=204)
    assert (await correct(tenant, booked, status=422, client_id=gone["id"]))["code"] == "unknown_client"


async def test_a_date_of_a_series_stays_the_clients_of_the_series_and_may_be_longer(tenant: Tenant) -> None:
    series = await add(tenant, {**MONDAYS, "count": 2})
    [date, _] = (await tenant.get(LIST, series_id=series["id"], sort="starts_at"))["items"]
    refused = await correct(tenant, date, status=409, client_id=(await someone_else(tenant))["id"])
    assert refused["code"] == "client_of_series"
    longer = await correct(tenant, date, duration_minutes=50, client_id=tenant.client["id"])
    assert longer["duration_minutes"] == 50


@pytest.mark.parametrize("verb", ["complete", "no-show", "dismiss", "cancel"])
async def test_what_is_closed_is_not_corrected(tenant: Tenant, verb: str) -> None:
    booked = await tenant.book(tenant.at(9))
    right = await someone_else(tenant)
    tenant.now[0] = tenant.now[0].replace(month=6)
    await tenant.post(f"{LIST}/{booked['id']}/{verb}", {"reason": "ill"} if verb == "cancel" else {})
    for values in (
        {"client_id": right["id"]},
        {"duration_minutes": 60, "notes": "n"},
        {"service_name": "Tattoo"},
    ):
        assert (await correct(tenant, booked, status=409, **values))["code"] == "invalid_transition"


async def test_a_correction_of_another_version_than_was_read_is_refused(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    answer = await tenant.api.patch(
        f"{LIST}/{booked['id']}", json={"duration_minutes": 60}, headers={"If-Match": '"9"'}
    )
    assert (answer.status_code, answer.json()["code"]) == (412, "version_conflict")


async def test_an_open_appointment_that_is_over_is_corrected_too(tenant: Tenant) -> None:
    """Nothing but the slot itself is checked: notice and window are of new bookings."""
    service = await tenant.add_service(name="Far ahead", minimum_notice_minutes=600)
    booked = await tenant.book(tenant.at(9), service_id=tenant.service["id"])
    tenant.now[0] += timedelta(days=2)
    assert (await correct(tenant, booked, service_id=service["id"], duration_minutes=40))["duration_minutes"] == 40


@pytest.mark.parametrize("kind", ["businesses", "calendar"])
async def test_a_limited_caller_corrects_what_they_see_with_what_they_see(tenant: Tenant, kind: Any) -> None:
    outside = await outside_of(tenant, kind)
    own = await tenant.book(tenant.at(9, day=5))
    for values in ({"duration_minutes": 60}, {"client_id": tenant.client["id"]}, {"service_name": "Tattoo"}):
        hidden = await outside.limited.patch(f"{LIST}/{outside.appointment['id']}", json=values)
        assert (hidden.status_code, hidden.json()["code"]) == (404, "not_found")
    if kind == "businesses":
        for service_id in (outside.service["id"], str(uuid4())):
            refused = await outside.limited.patch(f"{LIST}/{own['id']}", json={"service_id": service_id})
            assert (refused.status_code, refused.json()["code"]) == (403, "outside_your_businesses")
    given_away = await outside.limited.patch(
        f"{LIST}/{own['id']}", json={"duration_minutes": 60, "resource_ids": [outside.staff["id"]]}
    )
    assert given_away.status_code == 403
    done = await outside.limited.patch(
        f"{LIST}/{own['id']}", json={"duration_minutes": 60, "client_id": outside.client["id"]}
    )
    assert done.status_code == 200, done.text


async def test_reminders_and_rights_stay_with_those_who_may_write_appointments(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    for role in ("viewer", "agent"):
        api = await tenant.client_as(role)
        assert (await api.patch(f"{LIST}/{booked['id']}", json={"duration_minutes": 60})).status_code == 403
