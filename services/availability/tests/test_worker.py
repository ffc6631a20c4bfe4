import httpx2
import pytest
from availability_town import Town
from sqlalchemy import text

from availability.worker import renew_holidays
from slotstream_servicekit.background import BACKGROUND_FAILURES
from slotstream_servicekit.ids import new_id

pytestmark = pytest.mark.service


async def test_holidays_are_extended_as_years_pass(client: httpx2.AsyncClient, town: Town) -> None:
    await client.put(f"/v1/businesses/{town.business}/holidays", json={"country": "DE"})
    assert await renew_holidays(town.fresh.database, town.clock) == 0
    town.clock.now = town.clock.now.replace(year=2028)
    assert await renew_holidays(town.fresh.database, town.clock) == 1
    assert await renew_holidays(town.fresh.database, town.clock) == 0

    days = (await client.get(f"/v1/businesses/{town.business}/holidays")).json()["days"]
    assert any(day["on"] == "2031-01-01" for day in days)


async def test_one_schedule_whose_holidays_cannot_be_renewed_keeps_nobody_elses_from_it(
    client: httpx2.AsyncClient, town: Town
) -> None:
    await client.put(f"/v1/businesses/{town.business}/holidays", json={"country": "DE"})
    async with town.fresh.database.system_transaction() as session:
        broken = "INSERT INTO schedules SELECT organization_id, :id, owner_kind, rules, :rule, version, updated_at"
        await session.execute(
            text(f"{broken} FROM schedules"),
            {"id": new_id(), "rule": '{"country": "XX", "subdivision": null, "except_on": []}'},
        )
        await session.execute(
            text("UPDATE schedules SET owner_id = gen_random_uuid() WHERE owner_id <> :id"), {"id": town.business}
        )
    town.clock.now = town.clock.now.replace(year=2028)
    failures = BACKGROUND_FAILURES.labels("holiday_renewal")
    before = failures._value.get()

    assert await renew_holidays(town.fresh.database, town.clock) == 1

    assert failures._value.get() == before + 1
