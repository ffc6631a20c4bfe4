from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scheduling_worlds import (
    DAY,
    WORK_WEEK,
    a_staffing,
    at,
    businesses,
    calendars,
    days,
    midnight,
    minutes,
    service_rules,
    zones,
)

from slotstream_scheduling import (
    Places,
    ResourceCalendar,
    Schedule,
    ServiceRules,
    Taken,
    first_slot,
    free_places,
    grid_starts,
    judge,
    local_of,
    offer_slots,
    on_grid,
    start_spans,
    weekly_hours,
)
from slotstream_scheduling.spans import contains

HALF_HOUR = ServiceRules(duration=minutes(30), slot_interval=minutes(30))


def offered(zone: str, schedule: Schedule, start: str, end: str, rules: ServiceRules = HALF_HOUR) -> list[str]:
    found = offer_slots(
        rules=rules,
        business=schedule,
        staffing=a_staffing(["own"]),
        calendars={"own": ResourceCalendar("own")},
        now=at("2020-01-01T00:00Z"),
        start=at(start),
        end=at(end),
    )
    return [f"{local_of(slot.start, zone):%H:%M}" for slot in found]


def test_slots_stay_on_the_hour_when_clocks_go_forward() -> None:
    berlin = Schedule("Europe/Berlin", weekly_hours({6: [("01:00", "04:00")]}))

    assert offered("Europe/Berlin", berlin, "2026-03-28T23:00Z", "2026-03-29T22:00Z") == [
        "01:00",
        "01:30",
        "03:00",
        "03:30",
    ]


def test_a_repeated_hour_has_its_slots_twice() -> None:
    berlin = Schedule("Europe/Berlin", weekly_hours({6: [("01:30", "03:30")]}))

    assert offered("Europe/Berlin", berlin, "2026-10-24T22:00Z", "2026-10-25T23:00Z") == [
        "01:30",
        "02:00",
        "02:30",
        "02:00",
        "02:30",
        "03:00",
    ]


def test_half_hour_clock_changes_keep_the_grid_on_the_wall() -> None:
    island = Schedule("Australia/Lord_Howe", weekly_hours({6: [("01:00", "04:00")]}))
    hourly = ServiceRules(duration=minutes(30), slot_interval=minutes(60))

    assert offered(island.zone, island, "2026-10-03T12:00Z", "2026-10-04T12:00Z", hourly) == [
        "01:00",
        "03:00",
    ]


def test_the_grid_does_not_move_with_opening_times() -> None:
    odd = Schedule("UTC", weekly_hours({0: [("09:10", "10:50")]}))

    assert offered("UTC", odd, "2026-06-01T00:00Z", "2026-06-02T00:00Z") == ["09:30", "10:00"]


def test_a_group_session_is_offered_with_the_seats_that_are_left() -> None:
    rules = ServiceRules(duration=minutes(60), slot_interval=minutes(60), capacity=3)
    nine = at("2026-06-01T09:00Z")
    calendar = ResourceCalendar(
        "anna", None, tuple(Taken(f"a{i}", nine, nine + 3600, nine, nine + 3600, "yoga") for i in (1, 2))
    )
    arguments = {
        "rules": rules,
        "business": Schedule("UTC", weekly_hours({0: [("09:00", "11:00")]})),
        "staffing": a_staffing(["anna"]),
        "calendars": {"anna": calendar},
        "now": nine - DAY,
        "start": nine,
        "end": nine + DAY,
    }

    assert [slot.seats for slot in offer_slots(service_id="yoga", **arguments)] == [1, 3]
    assert [slot.start for slot in offer_slots(service_id="pilates", **arguments)] == [nine + 3600]


def test_one_resource_never_fills_two_places() -> None:
    arguments = {
        "rules": HALF_HOUR,
        "business": Schedule("UTC", WORK_WEEK),
        "now": 0,
        "start": at("2026-06-01T00:00Z"),
        "end": at("2026-06-02T00:00Z"),
    }
    two = {one: ResourceCalendar(one) for one in ("a", "b")}

    assert offer_slots(staffing=a_staffing(["a"], ["a"]), calendars=two, **arguments) == ()
    assert len(offer_slots(staffing=a_staffing(["a"], ["a", "b"]), calendars=two, **arguments)) == 16
    assert offer_slots(staffing=a_staffing(["a"], []), calendars=two, **arguments) == ()


def test_the_first_slot_is_found_months_ahead() -> None:
    opening = Schedule("Europe/Berlin", weekly_hours({0: [("09:00", "10:00")]}), overrides=())
    arguments = {
        "rules": HALF_HOUR,
        "business": opening,
        "staffing": a_staffing(["a"]),
        "now": at("2026-01-01T00:00Z"),
        "start": at("2026-01-01T00:00Z"),
        "end": at("2026-12-31T00:00Z"),
    }
    until_june = Taken("leave", at("2026-01-01T00:00Z"), at("2026-06-01T07:30Z"), 0, 1)

    found = first_slot(calendars={"a": ResourceCalendar("a", None, (until_june,))}, **arguments)
    assert found is not None
    assert found.start == at("2026-06-01T09:30+02:00")

    for_ever = Taken("leave", 0, at("2030-01-01T00:00Z"), 0, 1)
    assert first_slot(calendars={"a": ResourceCalendar("a", None, (for_ever,))}, **arguments) is None


@given(zones, days, st.sampled_from((10, 15, 30, 45, 50, 60, 90)))
@settings(max_examples=150, deadline=None)
def test_the_grid_is_what_the_wall_clock_reads(zone: str, day: date, interval: int) -> None:
    start, end = midnight(day) - DAY, midnight(day) + 2 * DAY
    found = set(grid_starts(zone, minutes(interval), start, end))

    for moment in range(start, end, 300):
        wall = local_of(moment, zone)
        assert (moment in found) == ((wall.hour * 60 + wall.minute) % interval == 0 and wall.second == 0)


@given(zones, days)
@settings(max_examples=60, deadline=None)
def test_parts_of_the_grid_make_the_grid(zone: str, day: date) -> None:
    start, middle, end = (midnight(day + timedelta(days=shift)) for shift in (-1, 0, 2))
    whole = grid_starts(zone, minutes(15), start, end)

    assert whole == grid_starts(zone, minutes(15), start, middle) + grid_starts(zone, minutes(15), middle, end)
    assert all(on_grid(zone, minutes(15), moment) for moment in whole[::7])


@given(st.data(), days, service_rules)
@settings(max_examples=120, deadline=None)
def test_a_start_is_offered_exactly_when_it_is_on_the_grid_and_nothing_speaks_against_it(
    data: st.DataObject, day: date, rules: ServiceRules
) -> None:
    business = data.draw(businesses(day))
    world = {one: data.draw(calendars(one, day, rules)) for one in ("a", "b", "c")}
    places = data.draw(st.sampled_from(([["a"]], [["a", "b", "c"]], [["a", "b"], ["c"]], [["a", "b"], ["b", "c"]])))
    named = data.draw(st.sampled_from(((), (), ("b",), ("b", "c"))))
    staffing = a_staffing(*places, named=named)
    start = midnight(day)
    now = start + data.draw(st.sampled_from((-2 * DAY, -3600, 4000, 40_000)))
    common = {"rules": rules, "business": business, "now": now, "service_id": "svc"}
    slots = offer_slots(staffing=staffing, calendars=world, start=start, end=start + DAY, **common)
    by_start = {slot.start: slot for slot in slots}

    assert first_slot(staffing=staffing, calendars=world, start=start, end=start + DAY, **common) == (
        slots[0] if slots else None
    )
    for moment in grid_starts(business.zone, rules.slot_interval, start, start + DAY):
        bookable = {
            chosen
            for chosen in product(*places)
            if len(set(chosen)) == len(chosen)
            and set(named) <= set(chosen)
            and not judge(start=moment, resources=[world[one] for one in chosen], **common)
        }
        free, reasons = free_places(start=moment, staffing=staffing, calendars=world, **common)
        assert (moment in by_start) == bool(bookable) == (not reasons)
        if bookable:
            slot = by_start[moment]
            assert slot.free == free
            assert _choices(free, named) == {tuple(sorted(chosen)) for chosen in bookable}
            assert 1 <= slot.seats <= rules.capacity


def _choices(free: Places, named: tuple[str, ...]) -> set[tuple[str, ...]]:
    """Everybody together that can fill the places, whoever takes which."""
    different = (chosen for chosen in product(*free) if len(set(chosen)) == len(chosen))
    return {tuple(sorted(chosen)) for chosen in different if set(named) <= set(chosen)}


@given(st.data(), days, service_rules)
@settings(max_examples=80, deadline=None)
def test_start_spans_hold_every_bookable_second_not_only_those_on_the_grid(
    data: st.DataObject, day: date, rules: ServiceRules
) -> None:
    business = data.draw(businesses(day))
    calendar = data.draw(calendars("a", day, rules))
    start = midnight(day)
    spans = start_spans(
        rules=rules, business=business, calendar=calendar, start=start, end=start + DAY, service_id="svc"
    )

    for edge in {edge for span in spans for edge in span} | set(range(start, start + DAY, 7777)):
        for moment in (edge - 1, edge, edge + 1):
            if start <= moment < start + DAY:
                reasons = judge(
                    start=moment,
                    now=start - 100 * DAY,
                    rules=ServiceRules(
                        duration=rules.duration,
                        buffer_before=rules.buffer_before,
                        buffer_after=rules.buffer_after,
                        capacity=rules.capacity,
                    ),
                    business=business,
                    resources=[calendar],
                    service_id="svc",
                )
                assert contains(spans, moment, moment + 1) == (not reasons)


@pytest.mark.parametrize("staff", [100])
def test_a_hundred_staff_over_thirty_days_are_quick(staff: int) -> None:
    """A loose bound that catches a change of complexity, not of machine."""
    from time import thread_time

    start = at("2026-06-01T00:00Z")
    berlin = Schedule("Europe/Berlin", WORK_WEEK)
    world = {
        f"s{one}": ResourceCalendar(
            f"s{one}",
            Schedule("Europe/Berlin", WORK_WEEK),
            tuple(
                Taken(f"{one}-{hour}", moment, moment + 1800, moment, moment + 1800)
                for hour in range(0, 30 * 24, 5)
                for moment in (start + hour * 3600,)
            ),
        )
        for one in range(staff)
    }
    best = 1.0
    for _ in range(3):
        began = thread_time()
        found = offer_slots(
            rules=HALF_HOUR,
            business=berlin,
            staffing=a_staffing(tuple(world)),
            calendars=world,
            now=start,
            start=start,
            end=start + 30 * DAY,
        )
        best = min(best, thread_time() - began)

    assert found
    assert best < 0.25
