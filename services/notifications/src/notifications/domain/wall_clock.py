"""From wall-clock times to instants."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo


def instant_at(day: date, clock: time, zone: str) -> datetime:
    """A time that clocks skip comes later by as much as they skip, one that they show twice is its first pass."""
    return datetime.combine(day, clock.replace(fold=0), tzinfo=ZoneInfo(zone)).astimezone(UTC)
