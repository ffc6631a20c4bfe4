"""Callers who are limited to businesses or to one calendar see and change nothing else, whatever the route."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from booking_fixtures import NOW, Json, Tenant
from series_requests import MONDAYS, series_request

from booking import worker
from booking.storage.policies import PolicyCache
from booking.storage.tables import LIMITS, TENANT_TABLES, UNLIMITED_TABLES
from slotstream_servicekit.testing.limits import (
    BUSINESS,
    CALENDAR,
    HIDDEN,
    KINDS,
    NOT_FOUND,
    OPEN,
    SHARED,
    Expected,
    Kind,
    Probe,
    check_complete,
    check_controls,
    check_tables,
    claims_of,
    routes_of,
    walk,
)

pytestmark = pytest.mark.service

VERBS = ("approve", "decline", "confirm", "cancel", "complete", "no-show", "dismiss", "reopen", "archive", "unarchive")
WATCHED = sorted(set(TENANT_TABLES) - {"idempotency_keys"})
BULK = "/v1/appointments/bulk"
REPORTS = {"from": "2027-02-01T00:00:00Z", "to": "2027-05-01T00:00:00Z"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What the limited caller is not to see: another business, or another calendar of the same business."""

    kind: Kind
    business: Json
    staff: Json
    service: Json
    needs_approval: Json
    client: Json
    by_verb: dict[str, Json]
    appointment: Json
    forced: Json
    series: Json
    hold: Json
    order: Json
    limited: httpx2.AsyncClient

    @property
    def marks(self) -> set[str]:
        """What no answer to the limited caller may hold."""
        things = [*self.by_verb.values(), self.appointment, self.forced, self.series, self.hold]
        marks = {thing["id"] for thing in things} | {self.staff["id"], self.staff["name"]}
        if self.kind == "businesses":
            marks |= {entry[name] for entry in (self.business, self.service) for name in ("id", "name")}
        return marks


async def limited_client(tenant: Tenant, kind: Kind, **more: Any) -> httpx2.AsyncClient:
    claims = claims_of(kind, business_id=tenant.business["id"], resource_id=tenant.staff[0]["id"])
    return await tenant.client_as("manager", claims=claims, **{"subject": "limited", **more})


async def outside_of(tenant: Tenant, kind: Kind) -> Outside:
    """Fills the part of the organization that the caller is not to see, as its owner."""
    business = tenant.business
    if kind == "businesses":
        business = await tenant.post(
            "/v1/businesses",
            {"name": "Annex", "zone": "Europe/Berlin", "phone_region": "DE", "currency": "EUR"},
            status=201,
        )
        await tenant.open_hours(owner_id=business["id"])
    staff = await tenant.post(
        "/v1/resources", {"name": "Fiona", "business_ids": [business["id"]], "zone": "Europe/Berlin"}, status=201
    )
    service = await tenant.add_service(business_id=business["id"], name="Reflexology")
    needs_approval = await tenant.add_service(business_id=business["id"], name="Asked for", needs_approval=True)
    client = await tenant.post("/v1/clients", {"name": "Elsa Elsewhere", "phone": "+49 30 901821"}, status=201)
    there = {
        "business_id": business["id"],
        "service_id": service["id"],
        "resource_ids": [staff["id"]],
        "client_id": client["id"],
    }
    past = await tenant.post("/v1/clients", {"name": "Paul Past", "phone": "+49 30 901823"}, status=201)
    by_verb: dict[str, Json] = {}
    for hour, verb in enumerate(VERBS, start=6):
        more = {"service_id": needs_approval["id"]} if verb in {"approve", "decline"} else {}
        starts_at = tenant.at(9, day=0) if verb == "no-show" else tenant.at(hour)
        more |= {"client_id": past["id"]} if verb == "archive" else {}
        by_verb[verb] = await tenant.book(starts_at, **{**there, **more})
    await tenant.post(f"/v1/appointments/{by_verb['reopen']['id']}/dismiss")
    for verb in ("archive", "unarchive"):
        await tenant.post(f"/v1/appointments/{by_verb[verb]['id']}/dismiss")
    await tenant.post(f"/v1/appointments/{by_verb['unarchive']['id']}/archive")
    held = {name: there[name] for name in ("business_id", "service_id", "resource_ids")}
    hold = await tenant.post("/v1/holds", {**held, "starts_at": tenant.at(10, day=3)}, status=201)
    appointment = await tenant.book(tenant.at(12, day=3), **there, notes="a secret")
    forced = await tenant.book(tenant.at(12, day=3), **there, override={"reason": "forced"})
    tenant.now[0] = NOW + timedelta(hours=3)
    order = await tenant.post(BULK, {"verb": "complete", "ids": [str(uuid4()) for _ in range(201)]}, status=202)
    return Outside(
        kind=kind,
        business=business,
        staff=staff,
        service=service,
        needs_approval=needs_approval,
        client=client,
        by_verb=by_verb,
        appointment=appointment,
        forced=forced,
        series=await tenant.post("/v1/series", series_request(tenant, {**MONDAYS, "count": 3}, **there), status=201),
        hold=hold,
        order=order,
        limited=await limited_client(tenant, kind),
    )


def probes_of(tenant: Tenant, outside: Outside) -> list[Probe]:
    """At least one request for every route, at what lies outside."""
    business_limit = outside.kind == "businesses"

    def by_kind(businesses: Expected, calendar: Expected) -> Expected:
        return businesses if business_limit else calendar

    refused = by_kind(BUSINESS, CALENDAR)
    there = {
        "business_id": outside.business["id"],
        "service_id": outside.service["id"],
        "resource_ids": [outside.staff["id"]],
    }
    booking = {**there, "client_id": outside.client["id"]}
    appointment, series = outside.appointment["id"], outside.series["id"]
    one_action, action = "GET /v1/actions/{identity}", f"/v1/actions/{outside.appointment['action_id_known']}"
    entries = {"businesses": outside.business, "resources": outside.staff, "services": outside.service}
    return [
        *(probe for plural, entry in entries.items() for probe in _entry_probes(plural, entry, by_kind)),
        Probe(
            route="POST /v1/businesses",
            json={"name": "New", "zone": "Europe/Berlin", "phone_region": "DE", "currency": "EUR"},
            expected=SHARED,
        ),
        Probe(
            route="POST /v1/resources",
            json={"name": "New", "business_ids": [outside.business["id"], tenant.business["id"]]},
            expected=refused,
            controls=business_limit,
        ),
        Probe(
            route="POST /v1/services",
            json={"business_id": outside.business["id"], "name": "New", "duration_minutes": 30},
            expected=refused,
        ),
        Probe(route="POST /v1/actions", json={"name": "New"}, expected=SHARED),
        Probe(route="GET /v1/actions", expected=OPEN),
        Probe(route=one_action, path=action, expected=OPEN),
        Probe(route=one_action.replace("GET", "PATCH"), path=action, json={"name": "Another"}, expected=SHARED),
        Probe(route=one_action.replace("GET", "DELETE"), path=action, expected=SHARED),
        Probe(route="POST /v1/clients", json={"name": "New Person", "phone": "+49 30 901822"}, expected=OPEN),
        Probe(route="GET /v1/clients", expected=OPEN),
        Probe(
            route="GET /v1/clients/{client_id}",
            path=f"/v1/clients/{outside.client['id']}",
            expected=HIDDEN,
        ),
        Probe(
            route="PATCH /v1/clients/{client_id}",
            path=f"/v1/clients/{outside.client['id']}",
            json={"locale": "de"},
            expected=OPEN,
        ),
        Probe(
            route="POST /v1/clients/{client_id}/merge",
            path=f"/v1/clients/{tenant.client['id']}/merge",
            json={"into": outside.client["id"]},
            expected=refused,
            controls=False,
        ),
        Probe(
            route="POST /v1/clients/{client_id}/erase",
            path=f"/v1/clients/{outside.client['id']}/erase",
            json={"open_appointments": "cancel"},
            expected=refused,
            controls=False,
        ),
        Probe(route="POST /v1/holds", json={**there, "starts_at": tenant.at(15, day=4)}, expected=refused),
        Probe(route="GET /v1/holds", expected=HIDDEN),
        Probe(route="GET /v1/holds", params={"business_id": outside.business["id"]}, expected=HIDDEN),
        Probe(route="GET /v1/holds/{hold_id}", path=f"/v1/holds/{outside.hold['id']}", expected=NOT_FOUND),
        Probe(route="GET /v1/overrides", expected=HIDDEN),
        Probe(route="GET /v1/overrides", params={"appointment_id": appointment}, expected=HIDDEN),
        Probe(
            route="POST /v1/series",
            json=series_request(tenant, {**MONDAYS, "count": 2}, "2027-03-08T12:00:00Z", **booking),
            expected=refused,
        ),
        Probe(route="GET /v1/series", expected=HIDDEN),
        Probe(route="GET /v1/series", params={"business_id": outside.business["id"]}, expected=HIDDEN),
        Probe(route="GET /v1/series/{series_id}", path=f"/v1/series/{series}", expected=NOT_FOUND),
        Probe(
            route="PATCH /v1/series/{series_id}",
            path=f"/v1/series/{series}",
            json={"scope": "all", "notes": "changed"},
            expected=NOT_FOUND,
        ),
        Probe(
            route="POST /v1/series/{series_id}/cancel",
            path=f"/v1/series/{series}/cancel",
            json={"scope": "all", "reason": "none of your business"},
            expected=NOT_FOUND,
        ),
        Probe(route="GET /v1/appointments/export", params={"format": "csv"}, expected=HIDDEN),
        Probe(route="GET /v1/appointments/export", params={"format": "csv", "ids": [appointment]}, expected=HIDDEN),
        *(
            Probe(route=f"GET /v1/reports/{report}", params={**REPORTS, **by}, expected=HIDDEN, shows=shows)
            for report, by, shows in (
                ("no-shows", {"by": "staff"}, False),
                ("volume", {"by": "staff"}, True),
                ("volume", {"by": "client"}, False),
                ("revenue", {"by": "staff"}, False),
                ("utilisation", {}, True),
                ("follow-ups", {}, True),
            )
        ),
        Probe(
            route="GET /v1/reports/volume",
            params={**REPORTS, "business_id": outside.business["id"], "by": "staff"},
            expected=HIDDEN,
        ),
        Probe(
            route="POST /v1/appointments/bulk",
            json={"verb": "complete", "ids": [outside.forced["id"]]},
            expected=HIDDEN,
            shows=False,
        ),
        Probe(
            route="POST /v1/appointments/bulk",
            json={"verb": "sms_client", "filter": {"resource_id": [outside.staff["id"]]}, "arguments": {"text": "Hi"}},
            expected=HIDDEN,
            shows=False,
        ),
        Probe(route="GET /v1/bulk/{job_id}", path=f"/v1/bulk/{outside.order['id']}", expected=NOT_FOUND),
        Probe(
            route="GET /v1/bulk/{job_id}/results",
            path=f"/v1/bulk/{outside.order['id']}/results",
            expected=NOT_FOUND,
        ),
        *(
            Probe(
                route=f"POST /v1/appointments/{{appointment_id}}/{verb}",
                path=f"/v1/appointments/{booked['id']}/{verb}",
                json={} if verb == "complete" else {"reason": "so"} if "archive" not in verb else None,
                expected=NOT_FOUND,
            )
            for verb, booked in outside.by_verb.items()
        ),
        Probe(route="POST /v1/appointments", json={**booking, "starts_at": tenant.at(16, day=4)}, expected=refused),
        Probe(route="GET /v1/appointments", expected=HIDDEN),
        Probe(route="GET /v1/appointments", params={"business_id": outside.business["id"]}, expected=HIDDEN),
        Probe(route="GET /v1/appointments", params={"client_id": outside.client["id"]}, expected=HIDDEN),
        Probe(route="GET /v1/appointments", params={"q": "Elsa"}, expected=HIDDEN),
        Probe(route="GET /v1/appointments/counts", expected=HIDDEN, shows=False),
        Probe(route="GET /v1/verbs", expected=OPEN),
        Probe(
            route="GET /v1/appointments/{appointment_id}", path=f"/v1/appointments/{appointment}", expected=NOT_FOUND
        ),
        Probe(
            route="GET /v1/appointments/{appointment_id}",
            path=f"/v1/appointments/{appointment}",
            params={"as_of": (NOW + timedelta(seconds=1)).isoformat()},
            expected=NOT_FOUND,
        ),
        Probe(
            route="PATCH /v1/appointments/{appointment_id}",
            path=f"/v1/appointments/{appointment}",
            json={"notes": "changed"},
            expected=NOT_FOUND,
        ),
        Probe(
            route="GET /v1/appointments/{appointment_id}/history",
            path=f"/v1/appointments/{appointment}/history",
            expected=NOT_FOUND,
        ),
        # What others need goes last: it ends what it names.
        Probe(
            route="POST /v1/appointments/{appointment_id}/reschedule",
            path=f"/v1/appointments/{outside.by_verb['confirm']['id']}/reschedule",
            json={"starts_at": tenant.at(17, day=4)},
            expected=NOT_FOUND,
        ),
        Probe(route="DELETE /v1/holds/{hold_id}", path=f"/v1/holds/{outside.hold['id']}", expected=NOT_FOUND),
        Probe(route="DELETE /v1/clients/{client_id}", path=f"/v1/clients/{outside.client['id']}", expected=OPEN),
    ]


def _entry_probes(plural: str, entry: Json, by_kind: Callable[[Expected, Expected], Expected]) -> Sequence[Probe]:
    one, path = f"/v1/{plural}/{{identity}}", f"/v1/{plural}/{entry['id']}"
    return (
        Probe(route=f"GET /v1/{plural}", expected=by_kind(HIDDEN, OPEN)),
        Probe(route=f"GET {one}", path=path, expected=by_kind(NOT_FOUND, OPEN)),
        Probe(
            route=f"PATCH {one}", path=path, json={"name": entry["name"] + "!"}, expected=by_kind(NOT_FOUND, CALENDAR)
        ),
        Probe(route=f"DELETE {one}", path=path, expected=by_kind(NOT_FOUND, CALENDAR), controls=False),
    )


def _portal_probes(tenant: Tenant) -> list[Probe]:
    """The portal is for clients and the public page for visitors: no member of staff has them, limited or not."""
    return [
        Probe(
            route=route,
            path=route.partition(" ")[2].replace("{appointment_id}", str(uuid4())),
            expected=(403, "forbidden"),
            controls=False,
        )
        for route in sorted(routes_of(tenant.app))
        if " /v1/portal/" in route or " /v1/public/" in route
    ]


@pytest.mark.parametrize("kind", KINDS)
async def test_no_route_shows_or_changes_what_lies_outside(tenant: Tenant, kind: Kind) -> None:
    outside = await outside_of(tenant, kind)
    own = await tenant.book(tenant.at(9))
    actions = (await tenant.get("/v1/actions"))["items"]
    outside.appointment["action_id_known"] = actions[0]["id"]
    probes = [*probes_of(tenant, outside), *_portal_probes(tenant)]
    check_complete(tenant.app, probes)
    await walk(probes, limited=outside.limited, marks=outside.marks, database=tenant.database, tables=WATCHED)
    seen = (await outside.limited.get("/v1/appointments")).json()["items"]
    assert [item["id"] for item in seen] == [own["id"]]
    await check_controls(probes, unlimited=tenant.api, marks=outside.marks)


def test_every_table_has_limits_or_a_reason_why_not() -> None:
    check_tables(LIMITS, UNLIMITED_TABLES, tables=TENANT_TABLES)


@pytest.mark.parametrize("kind", KINDS)
async def test_within_the_limits_everything_goes_on(tenant: Tenant, kind: Kind) -> None:
    await tenant.add_staff("Bob")
    limited = await limited_client(tenant, kind)
    request = tenant.request(tenant.at(9))
    booked = (await limited.post("/v1/appointments", json=request, headers={"Idempotency-Key": "a"})).json()
    again = await limited.post("/v1/appointments", json=request, headers={"Idempotency-Key": "a"})
    assert again.json() == booked
    moved = await limited.post(f"/v1/appointments/{booked['id']}/reschedule", json={"starts_at": tenant.at(10)})
    assert moved.status_code == 201, moved.text
    new = moved.json()["appointment"]
    for verb, body in (("confirm", {}), ("complete", {}), ("reopen", {}), ("cancel", {"reason": "ill"})):
        answer = await limited.post(f"/v1/appointments/{new['id']}/{verb}", json=body)
        assert answer.status_code == 200, answer.text
    history = (await limited.get(f"/v1/appointments/{new['id']}/history")).json()
    assert [entry["verb"] for entry in history["items"]] == ["create", "confirm", "complete", "reopen", "cancel"]
    series = await limited.post("/v1/series", json=series_request(tenant, {**MONDAYS, "count": 3}))
    assert series.status_code == 201, series.text
    changed = await limited.patch(f"/v1/series/{series.json()['id']}", json={"scope": "all", "local_time": "11:30"})
    assert changed.status_code == 200, changed.text


@pytest.mark.parametrize("kind", KINDS)
async def test_a_key_does_not_tell_again_what_its_caller_may_not_see_any_more(tenant: Tenant, kind: Kind) -> None:
    """Somebody who is limited since repeats what they did before, by the fast lane and by the slow one."""
    outside = await outside_of(tenant, kind)
    before = await tenant.client_as("manager", subject="limited")
    there = {"business_id": outside.business["id"], "service_id": outside.service["id"]}
    booking = tenant.request(tenant.at(9, day=6), **there, resource_ids=[outside.staff["id"]], notes="a secret")
    requests = (
        ("/v1/appointments", booking),
        (f"/v1/appointments/{outside.by_verb['confirm']['id']}/confirm", {}),
    )
    for path, body in requests:
        headers = {"Idempotency-Key": f"key of {path}"}
        done = await before.post(path, json=body, headers=headers)
        assert done.is_success, done.text

        repeated = await outside.limited.post(path, json=body, headers=headers)

        assert (repeated.status_code, repeated.json()["code"]) == (422, "idempotency_key_reused")
        assert not [mark for mark in outside.marks if mark in repeated.text]


async def test_a_taken_slot_is_refused_to_a_limited_caller_as_to_others(tenant: Tenant) -> None:
    await tenant.book(tenant.at(9))
    limited = await limited_client(tenant, "calendar")
    answer = await limited.post("/v1/appointments", json=tenant.request(tenant.at(9)))
    assert (answer.status_code, answer.json()["code"]) == (409, "slot_taken")


async def test_a_staff_member_who_names_nobody_books_for_themselves(tenant: Tenant) -> None:
    """Least loaded would be Bob."""
    await tenant.add_staff("Bob")
    await tenant.book(tenant.at(12))
    limited = await limited_client(tenant, "calendar")
    for path, body in (
        ("/v1/appointments", tenant.request(tenant.at(9), resource_ids=None)),
        ("/v1/series", series_request(tenant, {**MONDAYS, "count": 2}, resource_ids=None)),
    ):
        answer = await limited.post(path, json={name: value for name, value in body.items() if value is not None})
        assert answer.status_code == 201, answer.text
    items = (await limited.get("/v1/appointments")).json()["items"]
    assert len(items) == 4
    assert {resource["id"] for item in items for resource in item["resources"]} == {tenant.staff[0]["id"]}


async def test_an_appointment_cannot_be_given_to_another_calendar(tenant: Tenant) -> None:
    bob = await tenant.add_staff("Bob")
    booked = await tenant.book(tenant.at(9))
    limited = await limited_client(tenant, "calendar")
    for answer in (
        await limited.patch(f"/v1/appointments/{booked['id']}", json={"resource_ids": [bob["id"]]}),
        await limited.post(
            f"/v1/appointments/{booked['id']}/reschedule",
            json={"starts_at": tenant.at(10), "resource_ids": [bob["id"]]},
        ),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "outside_your_calendar")
    assert (await tenant.get(f"/v1/appointments/{booked['id']}"))["version"] == booked["version"]


async def test_nobody_of_another_business_is_booked_not_even_by_override(tenant: Tenant) -> None:
    outside = await outside_of(tenant, "businesses")
    answer = await outside.limited.post(
        "/v1/appointments",
        json=tenant.request(tenant.at(9), resource_ids=[outside.staff["id"]], override={"reason": "I can"}),
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "outside_your_businesses")


async def test_a_service_of_another_business_is_not_even_named(tenant: Tenant) -> None:
    outside = await outside_of(tenant, "businesses")
    unknown = tenant.request(tenant.at(9), service_id=str(uuid4()))
    foreign = tenant.request(tenant.at(9), service_id=outside.service["id"])
    answers = [(await outside.limited.post("/v1/appointments", json=body)).json() for body in (unknown, foreign)]
    assert [(answer["code"], answer["detail"]) for answer in answers] == [
        ("outside_your_businesses", "You are limited to other businesses than this service's.")
    ] * 2


async def test_an_id_that_is_taken_elsewhere_is_refused_and_not_told_apart(tenant: Tenant) -> None:
    outside = await outside_of(tenant, "businesses")
    body = tenant.request(tenant.at(9), id=outside.appointment["id"])
    answer = await outside.limited.post("/v1/appointments", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "already_exists")


async def test_a_shared_resource_is_seen_by_each_business_and_changed_by_who_has_all(tenant: Tenant) -> None:
    outside = await outside_of(tenant, "businesses")
    both = [tenant.business["id"], outside.business["id"]]
    shared = await tenant.post("/v1/resources", {"name": "Floater", "business_ids": both}, status=201)
    seen = await outside.limited.get(f"/v1/resources/{shared['id']}")
    assert seen.json()["business_ids"] == [tenant.business["id"]]
    refused = await outside.limited.patch(f"/v1/resources/{shared['id']}", json={"name": "Mine"})
    assert (refused.status_code, refused.json()["code"]) == (403, "outside_your_businesses")
    has_both = await tenant.client_as("manager", claims={"businesses": both})
    assert (await has_both.patch(f"/v1/resources/{shared['id']}", json={"name": "Ours"})).status_code == 200


async def test_a_resource_is_not_pulled_out_of_another_business_nor_lent_to_one(tenant: Tenant) -> None:
    outside = await outside_of(tenant, "businesses")
    own = tenant.staff[0]["id"]
    lent = await outside.limited.patch(
        f"/v1/resources/{own}", json={"business_ids": [tenant.business["id"], outside.business["id"]]}
    )
    assert (lent.status_code, lent.json()["code"]) == (403, "outside_your_businesses")


async def test_the_time_of_a_shared_resource_is_taken_for_all_its_businesses(tenant: Tenant) -> None:
    outside = await outside_of(tenant, "businesses")
    both = [tenant.business["id"], outside.business["id"]]
    shared = await tenant.post("/v1/resources", {"name": "Floater", "business_ids": both}, status=201)
    there = {"business_id": outside.business["id"], "service_id": outside.service["id"]}
    await tenant.book(tenant.at(9, day=5), **there, resource_ids=[shared["id"]])
    answer = await outside.limited.post(
        "/v1/appointments", json=tenant.request(tenant.at(9, day=5), resource_ids=[shared["id"]])
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "slot_taken")


async def test_a_client_page_counts_only_what_the_caller_sees(tenant: Tenant) -> None:
    outside = await outside_of(tenant, "businesses")
    own = await tenant.book(tenant.at(20, day=9), client_id=outside.client["id"])
    page = (await outside.limited.get(f"/v1/clients/{outside.client['id']}")).json()
    assert page["appointments"] == {"scheduled": 1}
    assert page["nearest_appointment"]["id"] == own["id"]


async def test_a_client_who_is_seen_whole_is_merged_and_erased(tenant: Tenant) -> None:
    limited = await limited_client(tenant, "businesses")
    await tenant.book(tenant.at(9))
    twin = (await limited.post("/v1/clients", json={"name": "Grace H.", "phone": "+49 30 901829"})).json()
    merged = await limited.post(f"/v1/clients/{twin['id']}/merge", json={"into": tenant.client["id"]})
    assert merged.status_code == 200, merged.text
    erased = await limited.post(f"/v1/clients/{tenant.client['id']}/erase", json={"open_appointments": "cancel"})
    assert erased.status_code == 204, erased.text


async def test_an_action_is_not_added_to_the_organizations_list_in_passing(tenant: Tenant) -> None:
    limited = await limited_client(tenant, "businesses")
    body = tenant.request(tenant.at(9), action_name="Juggle")
    answer = await limited.post("/v1/appointments", json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "organization_wide")
    assert (await limited.post("/v1/appointments", json={**body, "action_name": "call back"})).status_code == 201


async def test_a_long_order_is_done_within_the_limits_of_who_gave_it(tenant: Tenant) -> None:
    """An appointment that is moved to another calendar between order and work is left alone."""
    bob = await tenant.add_staff("Bob")
    own, lost = await tenant.book(tenant.at(9)), await tenant.book(tenant.at(10))
    limited = await limited_client(tenant, "calendar")
    ids = [own["id"], lost["id"], *(str(uuid4()) for _ in range(200))]
    order = await limited.post(BULK, json={"verb": "complete", "ids": ids})
    assert order.status_code == 202, order.text
    answer = await tenant.api.patch(f"/v1/appointments/{lost['id']}", json={"resource_ids": [bob["id"]]})
    assert answer.status_code == 200, answer.text
    while await worker.do_one_portion(tenant.database, PolicyCache(), lambda: tenant.now[0]):
        pass
    progress = (await limited.get(f"/v1/bulk/{order.json()['id']}")).json()
    assert (progress["succeeded"], progress["refused"]) == (1, 201)
    assert (await tenant.get(f"/v1/appointments/{lost['id']}"))["status"] == "scheduled"


@pytest.mark.parametrize("change", [{"notes": "new"}, {"local_time": "15:00"}])
async def test_a_series_of_which_a_date_is_in_another_calendar_is_not_half_changed(
    tenant: Tenant, change: Json
) -> None:
    bob = await tenant.add_staff("Bob")
    series = await tenant.post("/v1/series", series_request(tenant, {**MONDAYS, "count": 3}), status=201)
    given = series["occurrences"][1]["appointment_id"]
    answer = await tenant.api.patch(f"/v1/appointments/{given}", json={"resource_ids": [bob["id"]]})
    assert answer.status_code == 200, answer.text
    limited = await limited_client(tenant, "calendar")
    refused = await limited.patch(f"/v1/series/{series['id']}", json={"scope": "all", **change})
    assert (refused.status_code, refused.json()["code"]) == (403, "outside_your_calendar")
    cancelled = await limited.post(f"/v1/series/{series['id']}/cancel", json={"scope": "all", "reason": "x"})
    assert (cancelled.status_code, cancelled.json()["code"]) == (403, "outside_your_calendar")
    assert {row["status"] for row in await tenant.rows("SELECT status FROM appointments")} == {"scheduled"}


async def test_a_caller_limited_to_no_business_sees_nothing(tenant: Tenant) -> None:
    await tenant.book(tenant.at(9))
    nobody = await tenant.client_as("manager", claims={"businesses": []})
    assert (await nobody.get("/v1/appointments")).json()["items"] == []
    assert (await nobody.get("/v1/businesses")).json()["items"] == []


async def test_limits_end_with_their_transaction(tenant: Tenant) -> None:
    """The pool has few connections: those that a limited caller used are used by others."""
    outside = await outside_of(tenant, "businesses")
    for _ in range(3):
        assert (await outside.limited.get(f"/v1/appointments/{outside.appointment['id']}")).status_code == 404
        assert (await tenant.api.get(f"/v1/appointments/{outside.appointment['id']}")).status_code == 200


async def test_the_database_itself_refuses_rows_of_another_business(tenant: Tenant) -> None:
    """Whatever a use case forgets."""
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError

    from slotstream_servicekit.http import Principal
    from slotstream_servicekit.http.rights import Role

    booked = await tenant.book(tenant.at(9))
    limited = Principal(
        subject="x",
        organization_id=tenant.organization_id,
        role=Role.MANAGER,
        business_ids=frozenset([UUID(tenant.business["id"])]),
    )
    with pytest.raises(DBAPIError, match="row-level security"):
        async with tenant.database.transaction(limited) as session:
            await session.execute(
                text("UPDATE appointments SET business_id = :other WHERE id = :id"),
                {"other": uuid4(), "id": UUID(booked["id"])},
            )
