"""The clock, which is passed as a parameter, and the time-zone rules."""

import zoneinfo
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the current time as aware UTC."""


def system_clock() -> datetime:
    """The current time in UTC."""
    return datetime.now(UTC)


def use_pinned_zone_rules() -> None:
    """Makes every `ZoneInfo` of this process, also in libraries, use the pinned `tzdata` and not the machine's files.

    Laws change: a mail written by an older machine's rules would name another hour than the one that was booked.
    """
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()
