"""What limited callers may change of settings: those of their businesses, and not those of the whole organization."""

from uuid import UUID

from slotstream_servicekit.limits import Limits


def check_setting(limits: Limits, business_id: UUID | None, *, what: str) -> None:
    """Raises OutsideLimitsError. `business_id` None: the setting is the organization's."""
    if business_id is None:
        limits.check_unlimited(what)
        return
    limits.check_no_calendar()
    limits.check_business(business_id)
