"""Time ranges that callers give: `from` comes before `to`."""

from datetime import datetime, timedelta

from slotstream_servicekit.errors import ErrorKind, SlotstreamError


class InvalidRangeError(SlotstreamError):
    code = "invalid_range"
    kind = ErrorKind.invalid


def check_range(starts_at: datetime | None, ends_at: datetime | None, *, longest: timedelta | None = None) -> None:
    """Raises InvalidRangeError unless [starts_at, ends_at) holds some time, and `longest` at most.

    A side that is not given has no limit, unless `longest` is: then both are needed.
    """
    if starts_at is None or ends_at is None:
        if longest is not None:
            raise InvalidRangeError("Both `from` and `to` are needed.", extra={"field": "to" if starts_at else "from"})
        return
    if ends_at <= starts_at:
        raise InvalidRangeError("`to` must come after `from`.", extra={"field": "to"})
    if longest is not None and ends_at - starts_at > longest:
        raise InvalidRangeError(f"`to` may lie {longest.days} days after `from` at most.", extra={"field": "to"})
