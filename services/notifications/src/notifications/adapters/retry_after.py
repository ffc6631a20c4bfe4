"""How long a provider asks us to wait."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

_LONGEST_WAIT: Final = timedelta(hours=1)


def wait_of(retry_after: str | None, now: datetime) -> timedelta | None:
    """Retry-After as RFC 9110 §10.2.3 has it: whole seconds or a date; None where it says neither."""
    if retry_after is None:
        return None
    value = retry_after.strip()
    if value.isascii() and value.isdigit():
        return min(timedelta(seconds=int(value[:6])), _LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    until = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
    return min(max(until - now, timedelta()), _LONGEST_WAIT)
