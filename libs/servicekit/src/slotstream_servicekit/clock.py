"""The clock as a parameter."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Answers the current instant, aware and in UTC."""


def system_clock() -> datetime:
    """The current instant in UTC."""
    return datetime.now(UTC)
