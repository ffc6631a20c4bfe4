"""What opens without anybody's appointment is offered to those who wait: by other hours, or as an external event goes."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from booking_fixtures import Json, Tenant
from waiting_clients import now_is, offers, waits, work

from booking.consumers import on_news_of_external_busy, on_news_of_schedules
from slotstream_contracts.envelope import Envelope, wrap
from slotstream_contracts.schedules import ExternalBusyState, ScheduleState
from slotstream_servicekit.consumer import Received

pytestmark = pytest.mark.service

FAR = 2_000_000_000_000_000
"""A version that is newer than those of the fixtures."""


def every_day(starts: str, ends: str) -> list[Json]:
    return [{"weekday": day, "intervals": [{"from": starts, "to": ends}]} for day in range(7)]


async def hear(tenant: Tenant, handler: Any, state: Any, key: str, *, version: int, gone: bool = False) -> None:
    event: Envelope[Any] = wrap(
        state,
        organization=tenant.organization_id,
        subject=key,
        key=key,
        sequence=version,
        time=tenant.now[0],
        source="/t",
        correlation_id="t",
    )
    record = Received(
        None if gone else event, key, state.topic, 0, 0, tenant.now[0], tenant.organization_id, sequence=version
    )
    async with tenant.database.system_transaction() as session:
        await handler(lambda: tenant.now[0])(session, [record])


async def hours(tenant: Tenant, *, owner: str | None = None, version: int = 1, gone: bool = False, **more: Any) -> None:
    state = ScheduleState(
        owner_kind="resource" if owner else "business",
        owner_id=UUID(owner or tenant.business["id"]),
        organization_id=tenant.organization_id,
        zone="Europe/Berlin",
        updated_at=tenant.now[0],
        version=FAR + version,
        **more,
    )
    await hear(tenant, on_news_of_schedules, state, str(state.owner_id), version=FAR + version, gone=gone)


async def event(tenant: Tenant, key: str, begins: str, ends: str, *, version: int = 1, gone: bool = False) -> None:
    state = ExternalBusyState(
        id=uuid4(),
        organization_id=tenant.organization_id,
        resource_id=UUID(tenant.staff[0]["id"]),
        connection_id=uuid4(),
        starts_at=datetime.fromisoformat(begins),
        ends_at=datetime.fromisoformat(ends),
        updated_at=tenant.now[0],
        version=version,
    )
    await hear(tenant, on_news_of_external_busy, state, key, version=version, gone=gone)


async def start_offered(tenant: Tenant, entry: Json) -> str | None:
    offer = (await now_is(tenant, entry))["offer"]
    return offer and str(offer["starts_at"])


OPEN = every_day("09:00", "19:00")


def a_day_off(tenant: Tenant) -> Json:
    return {"id": str(uuid4()), "starts_at": tenant.at(0), "ends_at": tenant.at(23)}


def time_off_is_taken_back(tenant: Tenant) -> tuple[Json, Json]:
    owner = {"owner": tenant.staff[0]["id"]}
    return {**owner, "absences": [a_day_off(tenant)]}, owner


def a_closure_is_taken_back(tenant: Tenant) -> tuple[Json, Json]:
    return {"weekly": OPEN, "absences": [a_day_off(tenant)]}, {"weekly": OPEN}


def the_business_opens_earlier(_: Tenant) -> tuple[Json, Json]:
    return {"weekly": every_day("18:00", "19:00")}, {"weekly": OPEN}


@pytest.mark.parametrize("change", [time_off_is_taken_back, a_closure_is_taken_back, the_business_opens_earlier])
async def test_who_waits_is_offered_what_other_hours_open(
    tenant: Tenant, change: Callable[[Tenant], tuple[Json, Json]]
) -> None:
    before, after = change(tenant)
    await hours(tenant, **before)
    entry = await waits(tenant, window_from=tenant.at(8), window_to=tenant.at(16))
    await work(tenant)
    assert await offers(tenant) == []

    for _ in range(2):
        # The same record again opens nothing more.
        await hours(tenant, version=2, **after)
        assert len(await tenant.rows("SELECT id FROM freed_times")) == 1
    await work(tenant)

    assert await offers(tenant) == [entry["id"]]
    assert await start_offered(tenant, entry) == tenant.at(8)


@pytest.mark.parametrize("moved", [True, False])
async def test_who_waits_is_offered_what_an_external_event_leaves(tenant: Tenant, moved: bool) -> None:
    key = f"{tenant.organization_id}:{uuid4()}:{uuid4()}"
    await event(tenant, key, tenant.at(8), tenant.at(12))
    entry = await waits(tenant, window_to=tenant.at(12), resource_id=tenant.staff[0]["id"])
    await work(tenant)
    assert await offers(tenant) == []

    later = (tenant.at(10), tenant.at(14)) if moved else (tenant.at(8), tenant.at(12))
    await event(tenant, key, *later, version=2, gone=not moved)
    await work(tenant)

    assert await start_offered(tenant, entry) == tenant.at(8)


async def test_what_opens_where_nobody_waits_for_it_is_not_kept(tenant: Tenant) -> None:
    closed = every_day("18:00", "19:00")
    await hours(tenant, weekly=closed)
    await waits(tenant, window_from=tenant.at(8, day=9), window_to=tenant.at(16, day=9))
    for version, (day, kept) in enumerate(((2, 0), (9, 1)), start=2):
        on = datetime.fromisoformat(tenant.at(8, day=day)).date().isoformat()
        opened = {"id": str(uuid4()), "on": on, "intervals": [{"from": "09:00", "to": "17:00"}]}
        await hours(tenant, weekly=closed, version=version, date_overrides=[opened])
        assert len(await tenant.rows("SELECT id FROM freed_times")) == kept


async def test_a_schedule_that_is_gone_opens_what_the_business_is_open_in(tenant: Tenant) -> None:
    await hours(tenant, weekly=OPEN)
    await hours(tenant, owner=tenant.staff[0]["id"], weekly=[])
    entry = await waits(tenant, window_from=tenant.at(8), window_to=tenant.at(16))
    await hours(tenant, owner=tenant.staff[0]["id"], version=2, gone=True)
    await work(tenant)
    assert await start_offered(tenant, entry) == tenant.at(8)


async def test_of_a_long_absence_a_day_far_in_it_is_offered_as_well(tenant: Tenant) -> None:
    long = {"id": str(uuid4()), "starts_at": tenant.at(0), "ends_at": tenant.at(0, day=12)}
    await hours(tenant, owner=tenant.staff[0]["id"], absences=[long])
    entry = await waits(tenant, window_from=tenant.at(8, day=9), window_to=tenant.at(16, day=9))
    await hours(tenant, owner=tenant.staff[0]["id"], version=2)
    await work(tenant)
    assert await start_offered(tenant, entry) == tenant.at(8, day=9)
