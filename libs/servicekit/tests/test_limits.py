"""Limits: what may be named, and what a transaction is bound to."""

from collections.abc import Callable
from functools import partial
from uuid import UUID, uuid4

import pytest
from kit_world import World
from sqlalchemy import text

from slotstream_servicekit.database import Database
from slotstream_servicekit.errors import ForbiddenError
from slotstream_servicekit.http.principal import Principal
from slotstream_servicekit.http.rights import Role
from slotstream_servicekit.limits import (
    UNLIMITED,
    Limits,
    OrganizationWideError,
    OutsideBusinessesError,
    OutsideCalendarError,
    limit_settings,
)
from slotstream_servicekit.schema import RowLimit

OWN, OTHER, ADA, BEN = uuid4(), uuid4(), uuid4(), uuid4()
OF_BUSINESS = Limits(business_ids=frozenset([OWN]))
OF_CALENDAR = Limits(resource_id=ADA)
NOWHERE = Limits(business_ids=frozenset())


def refused_with(error: type[ForbiddenError], action: Callable[[], object]) -> bool:
    with pytest.raises(error):
        action()
    return True


def test_who_is_not_limited_may_name_everything() -> None:
    UNLIMITED.check_businesses([OWN, OTHER])
    UNLIMITED.check_businesses([])
    UNLIMITED.check_resource(BEN)
    UNLIMITED.check_no_calendar()
    UNLIMITED.check_unlimited()
    assert UNLIMITED.own_resources(None) is None
    assert UNLIMITED.own_resources((BEN,)) == (BEN,)
    assert not UNLIMITED.is_limited


def test_businesses_are_ones_own_all_of_them_and_at_least_one() -> None:
    OF_BUSINESS.check_business(OWN)
    for named in ([OTHER], [OWN, OTHER], []):
        assert refused_with(OutsideBusinessesError, partial(OF_BUSINESS.check_businesses, named))
    assert refused_with(OutsideBusinessesError, lambda: NOWHERE.check_business(OWN))
    assert NOWHERE.is_limited


def test_what_is_shared_is_seen_by_each_of_its_businesses() -> None:
    assert OF_BUSINESS.has_any_business([OTHER, OWN])
    assert not OF_BUSINESS.has_any_business([OTHER])
    assert not NOWHERE.has_any_business([OWN])


def test_a_calendar_of_ones_own_is_taken_where_none_is_named_and_never_left_out() -> None:
    assert OF_CALENDAR.own_resources(None) == (ADA,)
    assert OF_CALENDAR.own_resources(()) == (ADA,)
    assert OF_CALENDAR.own_resources((BEN, ADA)) == (BEN, ADA)
    assert refused_with(OutsideCalendarError, lambda: OF_CALENDAR.own_resources((BEN,)))
    assert refused_with(OutsideCalendarError, lambda: OF_CALENDAR.check_resource(BEN))
    assert refused_with(OutsideCalendarError, OF_CALENDAR.check_no_calendar)


@pytest.mark.parametrize("limits", [OF_BUSINESS, OF_CALENDAR, NOWHERE])
def test_what_the_whole_organization_shares_is_not_for_limited_callers(limits: Limits) -> None:
    assert refused_with(OrganizationWideError, limits.check_unlimited)


def test_a_filter_is_narrowed_and_may_come_to_nothing() -> None:
    assert UNLIMITED.narrowed(None) is None
    assert OF_BUSINESS.narrowed(None) == [OWN]
    assert OF_BUSINESS.narrowed([OTHER]) == []
    assert OF_BUSINESS.narrowed([OTHER, OWN]) == [OWN]


def test_settings_say_nothing_where_nobody_is_limited_and_everything_where_somebody_is() -> None:
    assert limit_settings(UNLIMITED) == ""
    assert "slotstream.businesses = '{}'" in limit_settings(NOWHERE)
    assert str(ADA) in limit_settings(OF_CALENDAR)


async def _seen(database: Database, tenant: Principal | UUID) -> list[str]:
    async with database.transaction(tenant) as session:
        names = ("limited", "businesses", "resource")
        columns = ", ".join(f"coalesce(current_setting('slotstream.{name}', true), '')" for name in names)
        return list((await session.execute(text(f"SELECT {columns}"))).one())


@pytest.mark.service
async def test_a_transaction_is_bound_to_its_callers_limits_and_leaves_none_behind(world: World) -> None:
    organization_id = uuid4()
    limited = Principal(
        subject="x",
        organization_id=organization_id,
        role=Role.MANAGER,
        business_ids=frozenset([OWN]),
        resource_id=ADA,
    )
    for _ in range(3):
        assert await _seen(world.database, limited) == ["yes", f"{{{OWN}}}", str(ADA)]
        assert (await _seen(world.database, organization_id))[0] == ""


def test_a_policy_looks_at_a_row_only_where_somebody_is_limited() -> None:
    statement = RowLimit(table="things", business="business_id = $1").statement()
    assert statement.startswith("CREATE POLICY limits ON things AS RESTRICTIVE FOR ALL USING (CASE WHEN ")
    assert statement.endswith("THEN true END IS NOT NULL)")
