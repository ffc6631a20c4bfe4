from datetime import datetime
from uuid import UUID

from booking.domain.calendars import Calendars, Held
from slotstream_scheduling import Taken

ANNA, BEN = UUID(int=1), UUID(int=2)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def test_loads_are_of_the_businesss_day_and_not_of_a_day_in_utc() -> None:
    """In Los Angeles Anna has had four by the evening, which in UTC is the next day: Ben is the less loaded."""
    calendars = Calendars()
    for resource_id, starts in ((ANNA, ("09:00", "10:00", "11:00", "12:00")), (BEN, ("23:00",))):
        for start in starts:
            moment = at(f"2026-06-01T{start}-07:00")
            taken = Taken(start, moment, moment + 1800, moment, moment + 1800)
            calendars.add(resource_id, Held(taken=taken, session_id=resource_id, seat=0))
    evening = at("2026-06-01T18:00-07:00")

    loads = [calendars.load(resource_id, evening, "America/Los_Angeles") for resource_id in (ANNA, BEN)]

    assert loads == [4 * 1800, 1800]
