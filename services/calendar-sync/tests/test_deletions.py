"""A calendar that loses most of its events pauses its connection before their time is given free."""

from datetime import timedelta

import pytest
from calendar_tenant import IcsServer, Tenant, an_event

pytestmark = pytest.mark.service


async def test_mass_deletion_pauses_and_resuming_accepts_it(tenant: Tenant, ics: IcsServer) -> None:
    ics.show(*(an_event(f"e{day}", day=day) for day in range(10, 30)))
    connection = await tenant.connect(ics.url)
    await tenant.poll(after=timedelta(0))
    assert len(await tenant.busy()) == 20

    ics.show(an_event("e10", day=10))
    await tenant.poll()

    paused = await tenant.connection(connection["id"])
    assert (paused["state"], paused["pause_reason"]) == ("paused", "mass_deletion")
    assert paused["last_error"]["code"] == "mass_deletion"
    [event] = await tenant.outbox()
    assert (event.type, event.data["reason"]) == ("slotstream.connection.paused", "mass_deletion")

    resumed = await tenant.http.patch(f"/v1/connections/{connection['id']}", json={"paused": False})
    assert resumed.json()["state"] == "pending"
    await tenant.poll(after=timedelta(0))
    assert (await tenant.connection(connection["id"]))["state"] == "paused"
    await tenant.outbox()

    await tenant.http.patch(f"/v1/connections/{connection['id']}", json={"paused": False, "accept_deletions": True})
    await tenant.poll(after=timedelta(0))

    assert (await tenant.connection(connection["id"]))["state"] == "ok"
    assert [record.data for record in await tenant.busy()] == [None] * 19


async def test_a_few_deletions_do_not_brake(tenant: Tenant, ics: IcsServer) -> None:
    ics.show(*(an_event(f"e{day}", day=day) for day in range(10, 15)))
    connection = await tenant.connect(ics.url)
    await tenant.poll(after=timedelta(0))
    await tenant.outbox()

    ics.show()
    await tenant.poll()

    assert (await tenant.connection(connection["id"]))["state"] == "ok"
    assert len(await tenant.busy()) == 5


async def test_a_whole_calendar_moved_by_an_hour_does_not_brake(tenant: Tenant, ics: IcsServer) -> None:
    rule = "UID:a\nDTSTART:20260302T{hour}0000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=30"
    ics.show(rule.format(hour=10))
    connection = await tenant.connect(ics.url)
    await tenant.poll(after=timedelta(0))
    await tenant.outbox()

    ics.show(rule.format(hour=11))
    await tenant.poll()

    assert (await tenant.connection(connection["id"]))["state"] == "ok"
