from dataclasses import replace
from datetime import date

import pytest
from scheduling_worlds import WORK_WEEK, a_staffing, at, minutes

from slotstream_scheduling import (
    Absence,
    Busy,
    Holiday,
    ResourceCalendar,
    Schedule,
    ServiceRules,
    Taken,
    free_places,
    judge,
)

MONDAY_TEN = at("2026-06-01T10:00+02:00")
NOW = at("2026-05-31T12:00+02:00")
RULES = ServiceRules(duration=minutes(60))
BERLIN = Schedule("Europe/Berlin", WORK_WEEK)
ANNA = ResourceCalendar("anna")


def codes(
    start: int = MONDAY_TEN,
    *,
    now: int = NOW,
    rules: ServiceRules = RULES,
    business: Schedule = BERLIN,
    resource: ResourceCalendar = ANNA,
    **more: object,
) -> list[tuple[str, tuple[str, ...]]]:
    reasons = judge(start=start, now=now, rules=rules, business=business, resources=[resource], **more)  # type: ignore[arg-type]
    return [(reason.code, reason.conflicts_with) for reason in reasons]


def taken(name: str, start: int, service: str | None = None, rules: ServiceRules = RULES) -> Taken:
    return Taken(name, *rules.blocked(start), start, start + rules.duration_seconds, service)


def test_a_free_start_within_the_hours_has_nothing_against_it() -> None:
    assert codes() == []


def test_a_start_off_the_grid_can_be_booked() -> None:
    assert codes(MONDAY_TEN + 7 * 60) == []


def test_a_start_in_the_past_is_refused_with_that_reason_alone() -> None:
    assert codes(now=MONDAY_TEN + 1, rules=replace(RULES, minimum_notice=minutes(60))) == [("in_the_past", ())]
    assert codes(now=MONDAY_TEN) == []


def test_notice_is_kept_to_the_second() -> None:
    rules = replace(RULES, minimum_notice=minutes(120))

    assert codes(now=MONDAY_TEN - 7200, rules=rules) == []
    assert codes(now=MONDAY_TEN - 7199, rules=rules) == [("too_short_notice", ())]


def test_the_booking_window_ends_with_a_day_of_the_business() -> None:
    late = at("2026-06-02T16:00+02:00")

    assert codes(late, rules=replace(RULES, booking_window_days=2)) == []
    assert codes(late, rules=replace(RULES, booking_window_days=1)) == [("beyond_booking_window", ())]


def test_the_appointment_must_lie_within_the_hours_but_buffers_need_not() -> None:
    rules = replace(RULES, buffer_before=minutes(30), buffer_after=minutes(30))

    assert codes(at("2026-06-01T09:00+02:00"), rules=rules) == []
    assert codes(at("2026-06-01T16:00+02:00"), rules=rules) == []
    assert codes(at("2026-06-01T16:01+02:00"), rules=rules) == [("outside_working_hours", ("anna",))]


def test_what_is_taken_is_named_and_touching_is_not_taking() -> None:
    resource = replace(ANNA, taken=(taken("before", MONDAY_TEN - 3600), taken("in", MONDAY_TEN + 1800)))

    assert codes(resource=resource) == [("slot_taken", ("in",))]


def test_buffers_of_both_sides_are_kept_apart() -> None:
    rules = replace(RULES, buffer_before=minutes(10), buffer_after=minutes(5))
    resource = replace(ANNA, taken=(taken("next", MONDAY_TEN, rules=rules),))

    assert codes(MONDAY_TEN + 3600 + 15 * 60, rules=rules, resource=resource) == []
    assert codes(MONDAY_TEN + 3600 + 14 * 60, rules=rules, resource=resource) == [("slot_taken", ("next",))]


def test_the_appointment_being_rescheduled_is_not_in_its_own_way() -> None:
    resource = replace(ANNA, taken=(taken("mine", MONDAY_TEN + 1800),))

    assert codes(resource=resource, ignore={"mine"}) == []


def test_all_reasons_are_given_at_once() -> None:
    start = at("2026-06-01T18:00+02:00")
    hour = (start, start + 3600)
    business = Schedule(
        "Europe/Berlin",
        WORK_WEEK,
        absences=(Absence("c", *hour),),
        holidays=(Holiday(date(2026, 6, 1), "Feast"),),
    )
    resource = ResourceCalendar(
        "anna",
        Schedule("Europe/Berlin", absences=(Absence("off", *hour),)),
        taken=(taken("a", start),),
        busy=(Busy("b", *hour),),
    )

    assert codes(
        start,
        rules=replace(RULES, minimum_notice=minutes(9999)),
        business=business,
        resource=resource,
        staffing=a_staffing(["bob"], named=["anna"]),
    ) == [
        ("too_short_notice", ()),
        ("resource_cannot_perform", ("anna",)),
        ("business_closed", ("c",)),
        ("business_closed", ("2026-06-01",)),
        ("outside_working_hours", ("anna",)),
        ("on_time_off", ("off",)),
        ("external_busy", ("b",)),
        ("slot_taken", ("a",)),
    ]


def test_a_session_of_a_group_service_is_shared_until_its_seats_are_gone() -> None:
    rules = replace(RULES, capacity=2)
    one = replace(ANNA, taken=(taken("a", MONDAY_TEN, "yoga"),))
    full = replace(ANNA, taken=(taken("a", MONDAY_TEN, "yoga"), taken("b", MONDAY_TEN, "yoga")))

    assert codes(rules=rules, resource=one, service_id="yoga") == []
    assert codes(rules=rules, resource=full, service_id="yoga") == [("class_full", ("a", "b"))]
    assert codes(rules=rules, resource=one, service_id="pilates") == [("slot_taken", ("a",))]
    assert codes(MONDAY_TEN + 900, rules=rules, resource=one, service_id="yoga") == [("slot_taken", ("a",))]


def test_without_named_resources_the_free_ones_are_found_or_every_reason_given() -> None:
    busy = replace(ANNA, taken=(taken("a", MONDAY_TEN),))
    arguments = {"start": MONDAY_TEN, "now": NOW, "rules": RULES, "business": BERLIN}

    free, reasons = free_places(
        staffing=a_staffing(["anna", "bob"]), calendars={"anna": busy, "bob": ResourceCalendar("bob")}, **arguments
    )
    assert (free, reasons) == ((("bob",),), ())

    free, reasons = free_places(staffing=a_staffing(["anna"]), calendars={"anna": busy}, **arguments)
    assert (free, [reason.code for reason in reasons]) == (((),), ["slot_taken"])

    free, reasons = free_places(staffing=a_staffing([]), calendars={}, **arguments)
    assert (free, [reason.code for reason in reasons]) == (((),), ["resource_cannot_perform"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"duration": minutes(0)},
        {"buffer_after": minutes(-1)},
        {"slot_interval": minutes(0)},
        {"capacity": 0},
        {"booking_window_days": -1},
    ],
)
def test_rules_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"are|is"):
        replace(RULES, **wrong)
