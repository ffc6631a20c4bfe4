"""Whoever booked sees it: a query waits for the state that a token names."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from availability_town import MONDAY, Town, starts_of

from availability.api.dependencies import Dependencies
from availability.domain import StateVersion
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.testing.plugin import ApiClientFactory, Signer

pytestmark = pytest.mark.service

TEN = "2026-06-01T10:00+02:00"


@pytest.fixture
def query(town: Town) -> dict[str, str]:
    return {"service_id": str(town.service), "resource_id": str(town.anna), **MONDAY}


def dependencies(town: Town) -> Dependencies:
    known: Dependencies = town.app.state.dependencies
    return known


async def test_a_query_waits_for_the_state_it_names(
    open_client: httpx2.AsyncClient, town: Town, query: dict[str, str]
) -> None:
    town.app.state.dependencies = replace(dependencies(town), state_wait=timedelta(hours=1))
    booked = town.an_appointment(TEN, town.anna)
    token = f"appointment:{booked.appointment.id}:1"
    body = {"service_id": str(town.service), "starts_at": TEN, "resource_ids": [str(town.anna)], "not_before": [token]}
    assert len(starts_of(await open_client.get("/v1/slots", params=query))) == 3

    asked = [
        asyncio.create_task(open_client.get("/v1/slots", params={**query, "not_before": token})),
        asyncio.create_task(open_client.get("/v1/slots/first", params={**query, "from": TEN, "not_before": token})),
        asyncio.create_task(open_client.post("/v1/bookability", json=body)),
    ]
    await asyncio.sleep(0.1)
    assert not any(task.done() for task in asked)
    await town.appointments(booked)

    slots, first, bookable = await asyncio.gather(*asked)
    assert starts_of(slots) == ["09:00", "11:00"]
    assert first.json()["slot"]["local_time"] == "11:00"
    assert not bookable.json()["bookable"]
    assert all("slotstream-stale" not in answer.headers for answer in (slots, first, bookable))


async def test_the_wait_is_bounded_and_the_answer_says_so(
    open_client: httpx2.AsyncClient, town: Town, query: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("availability.api.dependencies.wait_until", once)
    for _ in range(2):
        answer = await open_client.get("/v1/slots", params={**query, "not_before": f"appointment:{new_id()}:1"})
        assert starts_of(answer) == ["09:00", "10:00", "11:00"]
        assert answer.headers["slotstream-stale"] == "true"


async def once(is_known: Any, **_bounds: Any) -> None:
    await is_known()


async def test_newer_versions_and_several_states_count(town: Town) -> None:
    booked = town.an_appointment(TEN, town.anna, version=3)
    hold = town.a_hold(TEN, town.ben, expires_at="2026-05-31T10:05:00+00:00")
    await town.appointments(booked)
    await town.holds(hold)
    reader = town.a_reader()

    async def applied(*tokens: str) -> bool:
        return await reader.has_applied(town.organization, [StateVersion.parse(token) for token in tokens])

    appointment = f"appointment:{booked.appointment.id}"
    assert await applied(f"{appointment}:2", f"{appointment}:3", f"hold:{hold.key}:1")
    assert not await applied(f"{appointment}:4")
    assert not await applied(f"{appointment}:3", f"hold:{hold.key}:2")
    assert not await applied(f"hold:{booked.appointment.id}:1")


async def test_a_token_is_no_part_of_the_question(
    open_client: httpx2.AsyncClient, town: Town, query: dict[str, str]
) -> None:
    booked = town.an_appointment(TEN, town.anna)
    await town.appointments(booked)
    answers = dependencies(town).answers
    for version in ("0", "1"):
        await open_client.get(
            "/v1/slots", params={**query, "not_before": f"appointment:{booked.appointment.id}:{version}"}
        )

    assert len(answers._answers[town.organization]) == 1


@pytest.mark.parametrize(
    "token", ["", "appointment", "client:0190a000-0000-7000-8000-000000000005:1", "appointment:1:1", "hold::", "a:b:c"]
)
async def test_a_malformed_token_is_refused(open_client: httpx2.AsyncClient, query: dict[str, str], token: str) -> None:
    for _ in range(2):
        await open_client.get("/v1/slots", params=query)
        assert (await open_client.get("/v1/slots", params={**query, "not_before": token})).status_code == 422


async def test_another_organizations_state_is_not_known(
    town: Town, api_client: ApiClientFactory, signer: Signer
) -> None:
    booked = town.an_appointment(TEN, town.anna)
    await town.appointments(booked)

    states = [StateVersion("appointment", booked.appointment.id, 1)]
    assert not await dependencies(town).reader.has_applied(new_id(), states)
