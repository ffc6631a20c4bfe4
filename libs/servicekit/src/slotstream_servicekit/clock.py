"""The clock as a parameter, and the zone rules that everything is read by."""

import zoneinfo
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Answers the current instant, aware and in UTC."""


def system_clock() -> datetime:
    """The current instant in UTC."""
    return datetime.now(UTC)


def use_pinned_zone_rules() -> None:
    """Every `ZoneInfo` of this process, a library's too, reads the pinned `tzdata` and not the machine's files.

    Laws change: a mail written by an older machine's rules would name another hour than the one that was booked.
    """
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()
