"""How long statements, locks and idle transactions may take."""

from slotstream_servicekit.settings import DatabaseLimits

_STATEMENT_SECONDS = 60
_GRACE_SECONDS = 5
"""How much later than the server the driver gives up: the error of the server says more."""


def server_limits(limits: DatabaseLimits | None) -> dict[str, str]:
    """The limits as settings of a PostgreSQL connection."""
    if limits is None:
        return {}
    return {
        "statement_timeout": _milliseconds(limits.statement_seconds),
        "lock_timeout": _milliseconds(limits.lock_seconds),
        "idle_in_transaction_session_timeout": _milliseconds(limits.idle_in_transaction_seconds),
    }


def command_seconds(limits: DatabaseLimits | None) -> float | None:
    if limits is None:
        return _STATEMENT_SECONDS
    return limits.statement_seconds + _GRACE_SECONDS if limits.statement_seconds else None


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1_000))
