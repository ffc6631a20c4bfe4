"""Query parameters that say when: instants, or dates meaning midnight in a zone."""

import re
from datetime import date, datetime, timedelta
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Query
from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from availability.domain import MAX_RESOURCES, MAX_WINDOW, checked_window
from availability.schemas import Zone
from slotstream_scheduling import Span, instant_on, to_epoch, zone_of
from slotstream_servicekit.http.models import parse_instant

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def _parse_moment(value: object) -> datetime | date:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            day = date.fromisoformat(value)
        except ValueError:
            raise PydanticCustomError("malformed_date", "There is no such date") from None
        if not 1970 <= day.year < 2200:
            raise PydanticCustomError("time_out_of_range", "The date lies outside the years 1970 to 2199")
        return day
    return parse_instant(value)


Moment = Annotated[
    datetime | date,
    PlainValidator(_parse_moment),
    WithJsonSchema(
        {
            "type": "string",
            "description": "An RFC 3339 instant, or a date: its midnight in `zone`",
            "examples": ["2026-03-29T07:30:00Z", "2026-03-29"],
        }
    ),
]
FromMoment = Annotated[Moment, Query(alias="from")]
ToMoment = Annotated[Moment, Query(alias="to", description="Exclusive")]
ResourceIds = Annotated[
    list[UUID],
    Query(alias="resource_id", max_length=MAX_RESOURCES, description="Only these resources; repeatable"),
]
DisplayZone = Annotated[
    Zone | None, Query(description="The zone of dates and local times; the business's where absent")
]


def window_of(starts: datetime | date, ends: datetime | date, zone: str, *, longest: timedelta = MAX_WINDOW) -> Span:
    """[from, to) in epoch seconds; dates are read in `zone`. Raises InvalidWindowError."""
    rules = zone_of(zone)
    checked_window(_aware(starts, rules), _aware(ends, rules), longest=longest)
    return _second(starts, zone), _second(ends, zone)


def _aware(moment: datetime | date, rules: ZoneInfo) -> datetime:
    if isinstance(moment, datetime):
        return moment
    return datetime(moment.year, moment.month, moment.day, tzinfo=rules)


def _second(moment: datetime | date, zone: str) -> int:
    return to_epoch(moment) if isinstance(moment, datetime) else instant_on(zone, moment, 0)
