"""What is offered, compared with what PostgreSQL makes of the same world by its own zone rules and multiranges."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st
from scheduling_worlds import DAY, ZONES, a_staffing, agreed_days, businesses, calendars, midnight, service_rules

from slotstream_scheduling import (
    ResourceCalendar,
    Schedule,
    ServiceRules,
    first_slot,
    free_places,
    grid_starts,
    offer_slots,
    schedule_to_dict,
    zone_of,
)

ORACLE = (Path(__file__).parent / "oracle.sql").read_text()

# The rule for wall-clock boundaries, taken at its word: the first instant at which the wall reads that time or a later
# one. No offset is beyond 15 hours, and everything falls on whole five minutes.
FIRST_AT = """
    CREATE FUNCTION pg_temp.first_at(wall timestamp, zone text) RETURNS timestamptz LANGUAGE sql STABLE AS $$
        SELECT min(t) FROM generate_series(wall AT TIME ZONE 'UTC' - interval '15 hours',
                                           wall AT TIME ZONE 'UTC' + interval '15 hours', interval '5 minutes') AS t
        WHERE t AT TIME ZONE zone >= wall
    $$
"""

OFFSETS = """
    SELECT zone, array_agg(extract(epoch FROM t AT TIME ZONE zone - t AT TIME ZONE 'UTC')::int ORDER BY t)
    FROM unnest(%(zones)s::text[]) AS zone, generate_series(%(begins)s::timestamptz, %(ends)s, interval '1 day') AS t
    GROUP BY zone
"""

Places = Sequence[Sequence[str]]


@pytest.fixture(scope="module")
def connection(postgres: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres, autocommit=True, prepare_threshold=1) as connection:
        connection.execute("SET jit = off; SET TimeZone = 'UTC'")
        connection.execute(FIRST_AT)
        yield connection


@pytest.fixture(scope="module")
def disputed(connection: psycopg.Connection[Any]) -> dict[str, date]:
    """From which day on the database knows an older law of a zone than the pinned rules do, or a newer one."""
    begins, ends = datetime(2010, 1, 1, 12, tzinfo=UTC), datetime(2026, 12, 31, 12, tzinfo=UTC)
    rows = connection.execute(OFFSETS, {"zones": list(ZONES), "begins": begins, "ends": ends}).fetchall()
    found = {}
    for zone, offsets in rows:
        for number, offset in enumerate(offsets):
            noon = begins + timedelta(days=number)
            if noon.astimezone(zone_of(zone)).utcoffset() != timedelta(seconds=offset):
                found[zone] = noon.date()
                break
    assert len(found) <= 3, f"this PostgreSQL's zone rules are too old to compare with: {found}"
    return found


def as_json(
    *,
    rules: ServiceRules,
    business: Schedule,
    world: dict[str, ResourceCalendar],
    places: Places,
    now: int,
    start: int,
    end: int,
    service_id: str,
) -> str:
    return json.dumps(
        {
            "start": start,
            "end": end,
            "now": now,
            "duration": rules.duration_seconds,
            "before": rules.buffer_before.seconds,
            "after": rules.buffer_after.seconds,
            "notice": int(rules.minimum_notice.total_seconds()),
            "window": rules.booking_window_days,
            "interval": rules.slot_interval.seconds,
            "capacity": rules.capacity,
            "service": service_id,
            "business": schedule_to_dict(business),
            "resources": [
                {
                    "id": one.id,
                    "schedule": None if one.schedule is None else schedule_to_dict(one.schedule),
                    "taken": [asdict(taken) for taken in one.taken],
                    "busy": [(busy.start, busy.end) for busy in one.busy],
                }
                for one in world.values()
            ],
            "places": places,
        }
    )


@given(st.data(), agreed_days, service_rules)
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
def test_exactly_what_the_database_works_out_is_offered_and_bookable(
    connection: psycopg.Connection[Any],
    disputed: dict[str, date],
    data: st.DataObject,
    day: date,
    rules: ServiceRules,
) -> None:
    business = data.draw(businesses(day))
    world = {one: data.draw(calendars(one, day, rules)) for one in ("a", "b", "c")}
    schedules = [business, *(one.schedule for one in world.values() if one.schedule)]
    assume(all(day + timedelta(days=4) < disputed.get(one.zone, date.max) for one in schedules))
    places = data.draw(st.sampled_from(([["a", "b", "c"]], [["a"]], [["a", "b"], ["c"]], [["a", "b"], ["b", "c"]])))
    start = midnight(day)
    end = start + data.draw(st.sampled_from((DAY, 2 * DAY)))
    now = start + data.draw(st.sampled_from((-3600, 4000, 40_000, -2 * DAY)))
    common = {"rules": rules, "business": business, "now": now, "service_id": "svc"}
    staffing = a_staffing(*places)
    asked = {**common, "staffing": staffing, "calendars": world, "start": start, "end": end}

    document = as_json(world=world, places=places, start=start, end=end, **common)
    rows = connection.execute(ORACLE, {"world": document}).fetchall()
    expected = {moment: tuple(tuple(free[str(place)]) for place in range(len(places))) for moment, free in rows}
    event(f"slots: {next(least for least in (20, 5, 1, 0) if len(expected) >= least)}+")

    assert {slot.start: slot.free for slot in offer_slots(**asked)} == expected
    first = first_slot(**asked)
    assert (first and first.start) == min(expected, default=None)
    for moment in grid_starts(business.zone, rules.slot_interval, start, end):
        _, reasons = free_places(start=moment, staffing=staffing, calendars=world, **common)
        assert (not reasons) == (moment in expected), reasons
