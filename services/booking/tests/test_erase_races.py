"""Whatever gives a client an appointment while that client is erased: none stays open, and no word of them comes back."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from booking_commands import work_through
from booking_fixtures import Json, Tenant
from series_requests import MONDAYS, add, series_request

from slotstream_contracts.base import Actor
from slotstream_contracts.commands import AppointmentRequest, BookAppointment
from slotstream_servicekit.testing.plugin import until

pytestmark = pytest.mark.service

CLIENTS = "/v1/clients"
PHONE = "+49 30 901821"
LEFT_OPEN = """
SELECT a.id FROM appointments a JOIN clients c ON c.organization_id = a.organization_id AND c.id = a.client_id
WHERE c.erased AND a.status IN ('pending', 'scheduled', 'confirmed')
"""
GOING_ON = "SELECT s.id FROM series s JOIN clients c ON c.id = s.client_id WHERE c.erased AND s.status = 'active'"
TEXT_LEFT = """
SELECT c.id FROM clients c LEFT JOIN appointments a ON a.client_id = c.id
WHERE c.erased AND (c.name <> '' OR c.phone IS NOT NULL OR c.email IS NOT NULL OR a.notes IS NOT NULL)
"""
HALF_ERASED = """
SELECT d.id FROM clients d JOIN clients p ON p.id = d.merged_into WHERE p.erased AND NOT d.erased
"""

Way = Callable[[Tenant, Json], Awaitable[Callable[[], Awaitable[object]]]]
"""Prepares what it needs, and returns what then gives the person an appointment."""


async def _a_person(tenant: Tenant) -> Json:
    made: Json = await tenant.post(CLIENTS, {"name": "Zuse Konrad", "phone": PHONE}, status=201)
    return made


def _request(tenant: Tenant, person: Json, hour: int = 11, **more: object) -> Json:
    return tenant.request(tenant.at(hour), **{"client_id": person["id"], "notes": "Zuse", **more})


async def by_id(tenant: Tenant, person: Json) -> Callable[[], Awaitable[object]]:
    return lambda: tenant.api.post("/v1/appointments", json=_request(tenant, person))


async def by_phone(tenant: Tenant, person: Json) -> Callable[[], Awaitable[object]]:
    details = {"name": "Zuse Konrad", "phone": PHONE, "email": "zuse@example.com"}
    return lambda: tenant.api.post("/v1/appointments", json=_request(tenant, person, client_id=None, client=details))


async def by_override(tenant: Tenant, person: Json) -> Callable[[], Awaitable[object]]:
    """Over the person's own appointment, whose seat it moves into its session."""
    request = _request(tenant, person, 9, override={"reason": "Zuse insists"})
    return lambda: tenant.api.post("/v1/appointments", json=request)


async def by_hold(tenant: Tenant, person: Json) -> Callable[[], Awaitable[object]]:
    request = _request(tenant, person)
    hold = await tenant.post(
        "/v1/holds", {name: request[name] for name in ("business_id", "service_id", "starts_at")}, status=201
    )
    return lambda: tenant.api.post("/v1/appointments", json={**request, "hold_id": hold["id"]})


async def by_series(tenant: Tenant, person: Json) -> Callable[[], Awaitable[object]]:
    body = series_request(tenant, {**MONDAYS, "count": 2}, client_id=person["id"])
    return lambda: tenant.api.post("/v1/series", json=body)


async def by_moving_a_series(tenant: Tenant, person: Json) -> Callable[[], Awaitable[object]]:
    series = await add(tenant, {**MONDAYS, "count": 2}, client_id=person["id"])
    body = {"scope": "all", "local_time": "12:00"}
    return lambda: tenant.api.patch(f"/v1/series/{series['id']}", json=body)


async def by_moving(tenant: Tenant, person: Json) -> Callable[[], Awaitable[object]]:
    booked = await tenant.post("/v1/appointments", _request(tenant, person), status=201)
    move = {"starts_at": tenant.at(13)}
    return lambda: tenant.api.post(f"/v1/appointments/{booked['id']}/reschedule", json=move)


async def by_reopening(tenant: Tenant, person: Json) -> Callable[[], Awaitable[object]]:
    path = f"/v1/appointments/{(await tenant.post('/v1/appointments', _request(tenant, person), status=201))['id']}"
    await tenant.post(f"{path}/cancel", {"reason": "ill"})
    return lambda: tenant.api.post(f"{path}/reopen", json={"reason": "well again"})


async def by_command(tenant: Tenant, person: Json) -> Callable[[], Awaitable[object]]:
    command = BookAppointment(
        actor=Actor(type="user", id="u"),
        appointment_id=uuid4(),
        request=AppointmentRequest.model_validate({**_request(tenant, person), "source": "import"}),
    )

    async def done() -> None:
        async with tenant.database.system_transaction() as session:
            await work_through(session, tenant, [command])

    return done


async def by_correcting(tenant: Tenant, person: Json) -> Callable[[], Awaitable[object]]:
    """Somebody else's appointment turns out to be the person's."""
    booked = await tenant.book(tenant.at(11))
    correction = {"client_id": person["id"], "notes": "Zuse", "duration_minutes": 45}
    return lambda: tenant.api.patch(f"/v1/appointments/{booked['id']}", json=correction)


async def by_merging(tenant: Tenant, person: Json) -> Callable[[], Awaitable[object]]:
    other = await tenant.post(CLIENTS, {"name": "Zuse K."}, status=201)
    await tenant.post("/v1/appointments", _request(tenant, other), status=201)
    return lambda: tenant.api.post(f"{CLIENTS}/{other['id']}/merge", json={"into": person["id"]})


async def by_adding_them_again(tenant: Tenant, person: Json) -> Callable[[], Awaitable[object]]:
    details = {"name": "Konrad Zuse", "phone": PHONE, "email": "zuse@example.com"}
    return lambda: tenant.api.post(CLIENTS, json=details)


async def by_adding_them_unseen(tenant: Tenant, person: Json) -> Callable[[], Awaitable[object]]:
    """By a caller who may not learn of clients, and so gets a stand-in for the one there is."""
    api = await tenant.client_as("integration", scopes=["clients:write"])
    details = {"name": "Konrad Zuse", "phone": PHONE}
    return lambda: api.post(CLIENTS, json=details)


WAYS: tuple[Way, ...] = (
    by_id,
    by_phone,
    by_override,
    by_hold,
    by_series,
    by_moving_a_series,
    by_moving,
    by_reopening,
    by_command,
    by_correcting,
    by_merging,
    by_adding_them_again,
    by_adding_them_unseen,
)


async def _waiting(tenant: Tenant) -> int:
    async with tenant.as_owner() as other:
        count: int = await other.fetchval(
            """
            SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
            WHERE NOT l.granted AND a.datname = current_database()
            """
        )
        return count


async def _assert_nothing_left(tenant: Tenant) -> None:
    for query in (LEFT_OPEN, GOING_ON, TEXT_LEFT, HALF_ERASED):
        assert await tenant.rows(query) == [], query


@pytest.mark.parametrize("held", ["appointments", "overrides"])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_nothing_stays_open_for_a_client_who_is_erased_meanwhile(tenant: Tenant, way: Way, held: str) -> None:
    """The erase is stopped at its first row (an appointment) or near its last (an override), and the way goes then."""
    person = await _a_person(tenant)
    first = await tenant.book(tenant.at(9))
    theirs = await tenant.post(
        "/v1/appointments", _request(tenant, person, 9, override={"reason": "Zuse insists"}), status=201
    )
    assert first["id"] != theirs["id"]
    go = await way(tenant, person)
    key = {"appointments": "id", "overrides": "appointment_id"}[held]
    async with tenant.as_owner() as owner:
        await owner.execute("SET slotstream.organization = '*'")
        async with owner.transaction():
            await owner.execute(f"SELECT 1 FROM {held} WHERE {key} = $1 FOR UPDATE", UUID(theirs["id"]))
            erase = {"open_appointments": "cancel"}
            erasing = asyncio.create_task(tenant.api.post(f"{CLIENTS}/{person['id']}/erase", json=erase))
            await until(lambda: _is_waiting(tenant, 1), what="the erase waits")
            going = asyncio.ensure_future(go())
            await until(lambda: _done_or_waiting(going, tenant), what="the other goes or waits")
    answer = await erasing
    await going

    assert answer.status_code == 204, answer.text
    await _assert_nothing_left(tenant)
    rows = await tenant.rows("SELECT erased FROM clients WHERE id = :id", id=UUID(person["id"]))
    assert [row["erased"] for row in rows] == [True]


async def _is_waiting(tenant: Tenant, at_least: int) -> bool:
    return await _waiting(tenant) >= at_least


async def _done_or_waiting(going: "asyncio.Future[Any]", tenant: Tenant) -> bool:
    return going.done() or await _is_waiting(tenant, 2)


async def test_what_is_booked_but_not_committed_is_seen_by_the_erase(tenant: Tenant) -> None:
    person = await _a_person(tenant)
    command = await by_command(tenant, person)
    async with tenant.as_owner() as owner:
        await owner.execute("SET slotstream.organization = '*'")
        async with owner.transaction():
            # What the command writes last: it has booked by then.
            await owner.execute("LOCK TABLE command_results IN EXCLUSIVE MODE")
            booking = asyncio.ensure_future(command())
            await until(lambda: _is_waiting(tenant, 1), what="the booking waits")
            erase = {"open_appointments": "cancel"}
            erasing = asyncio.create_task(tenant.api.post(f"{CLIENTS}/{person['id']}/erase", json=erase))
            await until(lambda: _done_or_waiting(erasing, tenant), what="the erase goes or waits")
    await booking
    assert (await erasing).status_code == 204
    await _assert_nothing_left(tenant)


async def _while_merging(
    tenant: Tenant, duplicate: Json, into: Json, then: Callable[[], Awaitable[httpx2.Response]]
) -> httpx2.Response:
    """What comes of `then`, begun when the merge has written the clients and is not committed yet."""
    async with tenant.as_owner() as owner, owner.transaction():
        await owner.execute("LOCK TABLE outbox IN EXCLUSIVE MODE")
        merging = asyncio.create_task(tenant.api.post(f"{CLIENTS}/{duplicate['id']}/merge", json={"into": into["id"]}))
        await until(lambda: _is_waiting(tenant, 1), what="the merge waits")
        going = asyncio.ensure_future(then())
        await until(lambda: _done_or_waiting(going, tenant), what="the other goes or waits")
    assert (await merging).status_code == 200
    return await going


@pytest.mark.parametrize("erased", ["the duplicate", "whom it is merged into"])
async def test_a_duplicate_that_is_being_merged_is_erased_with_the_person(tenant: Tenant, erased: str) -> None:
    person = await _a_person(tenant)
    duplicate = await tenant.post(CLIENTS, {"name": "Zuse K."}, status=201)
    named = duplicate if erased == "the duplicate" else person
    answer = await _while_merging(
        tenant,
        duplicate,
        person,
        lambda: tenant.api.post(f"{CLIENTS}/{named['id']}/erase", json={"open_appointments": "cancel"}),
    )

    assert answer.status_code == 204, answer.text
    await _assert_nothing_left(tenant)
    left = await tenant.rows("SELECT id FROM clients WHERE NOT erased")
    assert [str(row["id"]) for row in left] == [tenant.client["id"]]


async def test_who_was_merged_into_a_duplicate_meanwhile_stands_for_the_same_person(tenant: Tenant) -> None:
    person = await _a_person(tenant)
    duplicate, third = [await tenant.post(CLIENTS, {"name": name}, status=201) for name in ("Zuse K.", "K. Zuse")]
    answer = await _while_merging(
        tenant,
        third,
        duplicate,
        lambda: tenant.api.post(f"{CLIENTS}/{duplicate['id']}/merge", json={"into": person["id"]}),
    )

    assert answer.status_code == 200, answer.text
    merged = await tenant.rows("SELECT id, merged_into FROM clients WHERE merged_into IS NOT NULL")
    assert {str(row["id"]): str(row["merged_into"]) for row in merged} == {
        duplicate["id"]: person["id"],
        third["id"]: person["id"],
    }


async def test_erases_merges_and_bookings_of_the_same_people_never_wait_in_a_circle(tenant: Tenant) -> None:
    async with tenant.as_owner() as owner:
        before = await owner.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    for day in range(1, 4):
        people = [
            await tenant.post(
                CLIENTS, {"name": f"Zuse {day} {number}", "phone": f"+49 30 9028{day}{number}"}, status=201
            )
            for number in range(4)
        ]
        booked = [
            await tenant.post(
                "/v1/appointments",
                {**_request(tenant, person), "starts_at": tenant.at(7 + number, day=day)},
                status=201,
            )
            for number, person in enumerate(people)
        ]
        commands = [
            BookAppointment(
                actor=Actor(type="user", id="u"),
                appointment_id=uuid4(),
                request=AppointmentRequest.model_validate(
                    {**_request(tenant, person), "starts_at": tenant.at(18 - number, day=day), "source": "import"}
                ),
            )
            for number, person in enumerate(people)
        ]

        async def work(batch: list[BookAppointment]) -> None:
            async with tenant.database.system_transaction() as session:
                await work_through(session, tenant, batch)

        erase = {"open_appointments": "cancel"}
        answers = await asyncio.gather(
            work(commands),
            work(list(reversed(commands))),
            tenant.api.post(f"{CLIENTS}/{people[0]['id']}/merge", json={"into": people[3]["id"]}),
            tenant.api.post(f"{CLIENTS}/{people[3]['id']}/erase", json=erase),
            tenant.api.post(f"{CLIENTS}/{people[1]['id']}/erase", json=erase),
            *(
                tenant.api.post(
                    f"/v1/appointments/{appointment['id']}/reschedule",
                    json={"starts_at": tenant.at(12 + number, 30, day=day)},
                )
                for number, appointment in enumerate(booked)
            ),
            *(
                tenant.api.post(
                    "/v1/appointments",
                    json={
                        **_request(tenant, person, client_id=None),
                        "client": {
                            "name": person["name"],
                            "phone": person["phone"],
                            "email": f"z{day}{number}@example.com",
                        },
                        "starts_at": tenant.at(19, 30 * (number % 2), day=day),
                    },
                )
                for number, person in enumerate(people)
            ),
            return_exceptions=True,
        )
        raised = [answer for answer in answers if isinstance(answer, BaseException)]
        assert raised == []
        assert [
            answer.text for answer in answers if isinstance(answer, httpx2.Response) and answer.status_code >= 500
        ] == []
        await _assert_nothing_left(tenant)
    async with tenant.as_owner() as owner:
        await owner.execute("SELECT pg_stat_force_next_flush()")
        after = await owner.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    assert after == before
