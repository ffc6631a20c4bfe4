from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest
from availability_town import Town, free_of, starts_of

from availability.schemas import BookabilityOut, FirstSlotOut, SlotsOut
from slotstream_servicekit.ids import new_id

pytestmark = pytest.mark.service

MONDAY = {"from": "2026-06-01", "to": "2026-06-02"}


async def slots(client: httpx2.AsyncClient, town: Town, **query: Any) -> httpx2.Response:
    return await client.get("/v1/slots", params={"service_id": str(town.service), **MONDAY, **query})


async def test_slots_are_offered_in_the_hours_with_everyone_who_is_free(
    open_client: httpx2.AsyncClient, town: Town
) -> None:
    answer = await slots(open_client, town)

    SlotsOut.model_validate(answer.json())
    assert answer.json()["zone"] == "Europe/Berlin"
    assert answer.json()["days"][0]["slots"][0]["starts_at"] == "2026-06-01T07:00:00Z"
    assert list(free_of(answer)) == ["09:00", "10:00", "11:00"]
    assert all(set(who) == {str(town.anna), str(town.ben)} for who in free_of(answer).values())


async def test_nothing_is_offered_while_nobody_has_set_hours(client: httpx2.AsyncClient, town: Town) -> None:
    answer = await slots(client, town)

    assert answer.json()["days"] == []


async def test_a_slot_goes_when_it_is_booked_and_returns_when_it_is_cancelled(
    open_client: httpx2.AsyncClient, town: Town
) -> None:
    booked = town.an_appointment("2026-06-01T10:00+02:00", town.anna)
    assert str(town.anna) in free_of(await slots(open_client, town))["10:00"]

    await town.appointments(booked)
    assert free_of(await slots(open_client, town))["10:00"] == [str(town.ben)]

    cancelled = {"version": 2, "occupies": False, "status": "cancelled"}
    await town.appointments(booked.model_copy(update={"appointment": booked.appointment.model_copy(update=cancelled)}))
    assert str(town.anna) in free_of(await slots(open_client, town))["10:00"]


async def test_older_versions_and_repeats_change_nothing(open_client: httpx2.AsyncClient, town: Town) -> None:
    appointment_id = new_id()
    first = town.an_appointment("2026-06-01T09:00+02:00", town.anna, id=appointment_id, version=1)
    moved = town.an_appointment("2026-06-01T11:00+02:00", town.anna, id=appointment_id, version=3)
    only_anna = {"resource_id": str(town.anna)}

    await town.appointments(moved, first)
    assert starts_of(await slots(open_client, town, **only_anna)) == ["09:00", "10:00"]
    await town.appointments(first)
    await town.appointments(moved)
    assert starts_of(await slots(open_client, town, **only_anna)) == ["09:00", "10:00"]


async def test_buffers_of_booked_appointments_block_too(open_client: httpx2.AsyncClient, town: Town) -> None:
    await town.appointments(
        town.an_appointment("2026-06-01T10:00+02:00", town.anna, buffer_before_minutes=10),
        town.an_appointment("2026-06-01T10:00+02:00", town.ben),
    )

    assert starts_of(await slots(open_client, town, resource_id=str(town.anna))) == ["11:00"]
    assert starts_of(await slots(open_client, town, resource_id=str(town.ben))) == ["09:00", "11:00"]


async def test_external_busy_time_blocks_until_its_tombstone(open_client: httpx2.AsyncClient, town: Town) -> None:
    only_anna = {"resource_id": str(town.anna)}
    await town.busy(town.an_external_event("2026-06-01T10:30+02:00", town.anna, "cal:1"))
    assert starts_of(await slots(open_client, town, **only_anna)) == ["09:00"]

    await town.busy(
        town.an_external_event("2026-06-01T09:00+02:00", town.anna, "cal:1", version=3),
        town.an_external_event("2026-06-01T11:00+02:00", town.anna, "cal:2"),
        town.a_tombstone("cal:2"),
    )
    assert starts_of(await slots(open_client, town, **only_anna)) == ["10:00", "11:00"]

    await town.busy(town.an_external_event("2026-06-01T10:00+02:00", town.anna, "cal:1", version=2))
    assert starts_of(await slots(open_client, town, **only_anna)) == ["10:00", "11:00"]
    await town.busy(town.a_tombstone("cal:1"))
    assert starts_of(await slots(open_client, town, **only_anna)) == ["09:00", "10:00", "11:00"]


async def test_a_service_that_needs_a_room_as_well_is_offered_when_both_are_free(
    open_client: httpx2.AsyncClient, town: Town
) -> None:
    room = new_id()
    await town.catalogue(
        town.a_resource(room, kind="room"), town.a_service(requires=[[town.anna, town.ben], [room]], version=2)
    )
    await town.appointments(
        town.an_appointment("2026-06-01T09:00+02:00", town.anna),
        town.an_appointment("2026-06-01T10:00+02:00", room),
    )

    found = (await slots(open_client, town)).json()["days"][0]["slots"]

    assert [(slot["local_time"], slot["places"]) for slot in found] == [
        ("09:00", [[str(town.ben)], [str(room)]]),
        ("11:00", [sorted([str(town.anna), str(town.ben)]), [str(room)]]),
    ]


async def test_a_group_session_has_seats_until_it_is_full(open_client: httpx2.AsyncClient, town: Town) -> None:
    await town.catalogue(town.a_service(capacity=2, version=2))
    one, two = (town.an_appointment("2026-06-01T09:00+02:00", town.anna) for _ in range(2))

    async def seats() -> list[tuple[str, int]]:
        answer = await slots(open_client, town, resource_id=str(town.anna))
        return [(slot["local_time"], slot["seats"]) for slot in answer.json()["days"][0]["slots"]]

    await town.appointments(one)
    assert await seats() == [("09:00", 1), ("10:00", 2), ("11:00", 2)]
    await town.appointments(two)
    assert await seats() == [("10:00", 2), ("11:00", 2)]


async def test_days_and_times_are_shown_in_the_clients_zone(open_client: httpx2.AsyncClient, town: Town) -> None:
    answer = await slots(open_client, town, zone="Pacific/Auckland", to="2026-06-03")

    assert starts_of(answer) == ["19:00", "20:00", "21:00"] * 2
    assert [day["date"] for day in answer.json()["days"]] == ["2026-06-01", "2026-06-02"]


async def test_slots_in_a_repeated_hour_say_which_pass_they_are_of(client: httpx2.AsyncClient, town: Town) -> None:
    night = [{"weekday": day, "intervals": [{"from": "01:00", "to": "05:00"}]} for day in range(7)]
    await client.put(f"/v1/businesses/{town.business}/schedule", json={"weekly": night})

    for window in ({"from": "2026-10-25", "to": "2026-10-26"}, {"from": "2026-10-25T00:00:00Z", "to": "2026-10-26"}):
        asked = {"service_id": str(town.service), **window, "detail": "starts"}
        slots = (await client.get("/v1/slots", params=asked)).json()["days"][0]["slots"]
        repeated = [(slot["local_time"], slot["utc_offset"]) for slot in slots if slot["local_time"] == "02:00"]
        assert repeated == [("02:00", "+02:00"), ("02:00", "+01:00")]
        first = (
            await client.get(
                "/v1/slots/first", params={"service_id": str(town.service), "from": "2026-10-25T01:00:00Z"}
            )
        ).json()
        assert (first["slot"]["local_time"], first["slot"]["utc_offset"]) == ("02:00", "+01:00")


async def test_notice_moves_the_offer_as_time_passes_although_answers_are_kept(
    open_client: httpx2.AsyncClient, town: Town
) -> None:
    await town.catalogue(town.a_service(minimum_notice_minutes=60, version=2))

    for clock, expected in (
        ("2026-06-01T06:00:00Z", ["09:00", "10:00", "11:00"]),
        ("2026-06-01T06:00:01Z", ["10:00", "11:00"]),
        ("2026-06-01T07:00:00Z", ["10:00", "11:00"]),
        ("2026-06-01T07:00:01Z", ["11:00"]),
        ("2026-06-01T09:00:00Z", []),
    ):
        town.clock.now = datetime.fromisoformat(clock)
        assert starts_of(await slots(open_client, town)) == expected, clock


async def test_the_booking_window_moves_at_the_businesss_midnight(open_client: httpx2.AsyncClient, town: Town) -> None:
    await town.catalogue(town.a_service(booking_window_days=0, version=2))

    town.clock.now = datetime(2026, 5, 31, 21, 59, 59, tzinfo=UTC)
    assert starts_of(await slots(open_client, town)) == []
    town.clock.now = datetime(2026, 5, 31, 22, tzinfo=UTC)
    assert starts_of(await slots(open_client, town)) == ["09:00", "10:00", "11:00"]


async def test_window_and_grid_go_by_the_zone_that_the_businesss_hours_are_kept_in(
    open_client: httpx2.AsyncClient, town: Town
) -> None:
    await town.catalogue(town.a_service(booking_window_days=0, version=2))
    hours = [{"weekday": day, "intervals": [{"from": "09:00", "to": "11:00"}]} for day in range(7)]
    await open_client.put(
        f"/v1/businesses/{town.business}/schedule", json={"weekly": hours, "zone": "Australia/Adelaide"}
    )

    town.clock.now = datetime(2026, 6, 1, 14, 29, 59, tzinfo=UTC)  # a second before midnight in Adelaide
    assert starts_of(await slots(open_client, town, to="2026-06-04", zone="Australia/Adelaide")) == []
    town.clock.now = datetime(2026, 6, 1, 14, 30, tzinfo=UTC)
    offered = await slots(open_client, town, to="2026-06-04", zone="Australia/Adelaide")
    assert starts_of(offered) == ["09:00", "10:00"]
    assert offered.json()["days"][0]["slots"][0]["starts_at"] == "2026-06-01T23:30:00Z"


async def test_a_change_of_schedule_or_catalogue_shows_at_once(open_client: httpx2.AsyncClient, town: Town) -> None:
    assert len(starts_of(await slots(open_client, town))) == 3
    closure = {"starts_at": "2026-06-01T09:00:00+02:00", "ends_at": "2026-06-01T10:00:00+02:00"}
    await open_client.post(f"/v1/businesses/{town.business}/closures", json=closure)
    assert starts_of(await slots(open_client, town)) == ["10:00", "11:00"]

    await town.catalogue(town.a_service(duration_minutes=120, version=2))
    assert starts_of(await slots(open_client, town)) == ["10:00"]
    await town.catalogue(town.a_service(archived=True, version=3))
    assert (await slots(open_client, town)).status_code == 404


async def test_rows_that_a_rebuild_sweeps_away_free_their_slots(open_client: httpx2.AsyncClient, town: Town) -> None:
    from sqlalchemy import text

    await town.busy(town.an_external_event("2026-06-01T10:00+02:00", town.anna, "cal:1"))
    assert len(starts_of(await slots(open_client, town, resource_id=str(town.anna)))) == 2
    async with town.fresh.database.system_transaction() as session:
        await session.execute(text("DELETE FROM external_busy WHERE applied_at < clock_timestamp()"))

    assert len(starts_of(await slots(open_client, town, resource_id=str(town.anna)))) == 3


async def test_starts_alone_make_a_short_answer(open_client: httpx2.AsyncClient, town: Town) -> None:
    slot = (await slots(open_client, town, detail="starts")).json()["days"][0]["slots"][0]

    assert slot == {
        "starts_at": "2026-06-01T07:00:00Z",
        "ends_at": "2026-06-01T08:00:00Z",
        "local_time": "09:00",
        "utc_offset": "+02:00",
        "free": 2,
        "seats": 1,
    }


@pytest.mark.parametrize("accepted", ["gzip", "br, gzip;q=0.5", "GZIP"])
async def test_slots_are_sent_compressed_to_whom_takes_them_so(
    open_client: httpx2.AsyncClient, town: Town, accepted: str
) -> None:
    async def sent(encodings: str) -> httpx2.Response:
        week = {"service_id": str(town.service), "from": "2026-06-01T00:00:00Z", "to": "2026-06-08T00:00:00Z"}
        return await open_client.get("/v1/slots", params=week, headers={"Accept-Encoding": encodings})

    plain = await sent("identity")

    for _ in range(2):
        packed = await sent(accepted)
        refused = await sent("gzip;q=0, identity")

        assert packed.headers["content-encoding"] == "gzip"
        assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 2
        assert packed.json() == refused.json() == plain.json()
        assert "content-encoding" not in refused.headers
        assert refused.headers["vary"] == "Accept-Encoding"


async def test_a_custom_service_needs_a_business_and_a_length(open_client: httpx2.AsyncClient, town: Town) -> None:
    custom = {**MONDAY, "business_id": str(town.business), "duration_minutes": "90"}

    assert starts_of(await open_client.get("/v1/slots", params=custom))[-1] == "10:30"
    assert (await open_client.get("/v1/slots", params={**MONDAY, "duration_minutes": "90"})).status_code == 422


async def test_a_business_without_staff_is_booked_by_its_own_calendar(
    open_client: httpx2.AsyncClient, town: Town
) -> None:
    own = new_id()
    await town.catalogue(
        town.a_resource(own, kind="business"),
        town.a_resource(town.anna, archived=True, version=2),
        town.a_resource(town.ben, archived=True, version=2),
    )

    assert set(map(tuple, free_of(await slots(open_client, town)).values())) == {(str(own),)}


async def test_a_resource_that_cannot_perform_the_service_is_offered_nothing(
    open_client: httpx2.AsyncClient, town: Town
) -> None:
    await town.catalogue(town.a_service(requires=[[town.anna]], version=2))

    assert starts_of(await slots(open_client, town, resource_id=str(town.ben))) == []
    assert (await slots(open_client, town, resource_id=str(new_id()))).status_code == 404


async def test_the_first_slot_is_found_months_ahead(open_client: httpx2.AsyncClient, town: Town) -> None:
    leave = {"starts_at": "2026-05-01T00:00:00Z", "ends_at": "2026-11-02T09:30:00Z"}
    for one in (town.anna, town.ben):
        await open_client.post(f"/v1/resources/{one}/time-off", json=leave)

    answer = await open_client.get("/v1/slots/first", params={"service_id": str(town.service)})

    FirstSlotOut.model_validate(answer.json())
    assert answer.json()["slot"]["starts_at"] == "2026-11-02T10:00:00Z"
    until = {"service_id": str(town.service), "to": "2026-07-01"}
    assert (await open_client.get("/v1/slots/first", params=until)).json()["slot"] is None


async def bookability(client: httpx2.AsyncClient, town: Town, start: str, *resources: UUID, **more: Any) -> Any:
    body = {"service_id": str(town.service), "starts_at": start, "resource_ids": [str(one) for one in resources]}
    answer = await client.post("/v1/bookability", json={**body, **more})
    assert answer.status_code == 200, answer.text
    BookabilityOut.model_validate(answer.json())
    return answer.json()


async def test_bookability_gives_every_reason(open_client: httpx2.AsyncClient, town: Town) -> None:
    booked = town.an_appointment("2026-06-01T11:00+02:00", town.anna)
    await town.appointments(booked)
    await town.busy(town.an_external_event("2026-06-01T12:00+02:00", town.anna, "cal:1"))

    found = await bookability(open_client, town, "2026-06-01T11:30:00+02:00", town.anna)

    assert not found["bookable"]
    assert [reason["code"] for reason in found["reasons"]] == ["outside_working_hours", "external_busy", "slot_taken"]
    assert found["reasons"][2]["conflicts_with"] == [str(booked.appointment.id)]


async def test_bookability_of_any_resource_says_who_is_free(open_client: httpx2.AsyncClient, town: Town) -> None:
    booked = town.an_appointment("2026-06-01T10:00+02:00", town.anna)
    await town.appointments(booked)

    found = await bookability(open_client, town, "2026-06-01T10:15:00+02:00")

    assert found == {"bookable": True, "reasons": [], "resource_ids": [str(town.ben)]}
    ignoring = {"ignore_appointment_ids": [str(booked.appointment.id)]}
    assert (await bookability(open_client, town, "2026-06-01T10:15:00+02:00", town.anna, **ignoring))["bookable"]


async def test_what_is_offered_is_bookable_and_what_is_not_is_not(open_client: httpx2.AsyncClient, town: Town) -> None:
    await town.appointments(
        town.an_appointment("2026-06-01T09:20+02:00", town.anna),
        town.an_appointment("2026-06-01T10:00+02:00", town.ben),
    )
    offered = {slot["starts_at"] for slot in (await slots(open_client, town)).json()["days"][0]["slots"]}
    start = datetime(2026, 6, 1, 4, tzinfo=UTC)

    for hours in range(10):
        moment = (start + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")
        assert (await bookability(open_client, town, moment))["bookable"] == (moment in offered), moment


async def test_a_custom_service_with_two_named_resources_is_offered_when_both_are_free(
    open_client: httpx2.AsyncClient, town: Town
) -> None:
    await town.appointments(
        town.an_appointment("2026-06-01T09:00+02:00", town.anna),
        town.an_appointment("2026-06-01T10:00+02:00", town.ben),
    )
    custom = {"business_id": str(town.business), "duration_minutes": 60}
    both = [str(town.anna), str(town.ben)]

    offered = await open_client.get("/v1/slots", params={**MONDAY, **custom, "resource_id": both})
    judged = {
        hour: (
            await open_client.post(
                "/v1/bookability",
                json={**custom, "starts_at": f"2026-06-01T{hour}+02:00", "resource_ids": both},
            )
        ).json()["bookable"]
        for hour in ("09:00", "10:00", "11:00")
    }

    assert set(starts_of(offered)) & {"09:00", "10:00", "11:00"} == {"11:00"}
    assert judged == {"09:00": False, "10:00": False, "11:00": True}
