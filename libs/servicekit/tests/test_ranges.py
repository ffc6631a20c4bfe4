"""What callers give as `from` and `to`."""

from datetime import UTC, datetime, timedelta

import pytest

from slotstream_servicekit.ranges import InvalidRangeError, check_range

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_range_that_holds_some_time_passes() -> None:
    check_range(NOON, NOON + HOUR)
    check_range(None, NOON)
    check_range(NOON, None)
    check_range(NOON, NOON + HOUR, longest=HOUR)


@pytest.mark.parametrize(("starts_at", "ends_at"), [(NOON, NOON - HOUR), (NOON, NOON)])
def test_an_end_that_does_not_come_after_the_start_is_refused(starts_at: datetime, ends_at: datetime) -> None:
    with pytest.raises(InvalidRangeError, match="`to` must come after `from`"):
        check_range(starts_at, ends_at)


def test_a_range_may_be_bounded() -> None:
    with pytest.raises(InvalidRangeError, match="1 days"):
        check_range(NOON, NOON + 25 * HOUR, longest=24 * HOUR)
    with pytest.raises(InvalidRangeError, match="Both"):
        check_range(NOON, None, longest=24 * HOUR)
