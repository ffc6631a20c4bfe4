"""Why something cannot be booked: the codes that everybody uses, and their order."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Code(StrEnum):
    """The reason codes, in the order in which reasons are reported."""

    IN_THE_PAST = "in_the_past"
    TOO_SHORT_NOTICE = "too_short_notice"
    BEYOND_BOOKING_WINDOW = "beyond_booking_window"
    RESOURCE_CANNOT_PERFORM = "resource_cannot_perform"
    BUSINESS_CLOSED = "business_closed"
    OUTSIDE_WORKING_HOURS = "outside_working_hours"
    ON_TIME_OFF = "on_time_off"
    EXTERNAL_BUSY = "external_busy"
    SLOT_TAKEN = "slot_taken"
    CLASS_FULL = "class_full"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason of a refusal; `conflicts_with` holds the ids of what is in the way (holidays: the date)."""

    code: str
    detail: str
    conflicts_with: tuple[str, ...] = ()


_ORDER: Final = {code.value: position for position, code in enumerate(Code)}


def in_order(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """By code, each reason once."""
    return tuple(sorted(dict.fromkeys(reasons), key=lambda reason: _ORDER[reason.code]))
