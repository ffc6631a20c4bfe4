"""A query is bounded in work, works where others need not wait for it, and evicts nobody else's answers."""

import threading
from typing import Any, cast
from uuid import UUID

import httpx2
import pytest
from availability_town import MONDAY, Town

from availability.api.slot_answers import SHARES, AnswerCache, SlotAnswer
from slotstream_scheduling import Board, ResourceCalendar
from slotstream_servicekit.http.limits import RateLimits
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.settings import Rate
from slotstream_servicekit.testing.plugin import ApiClientFactory, Signer

pytestmark = pytest.mark.service

BACKWARDS = {"from": "2026-06-02", "to": "2026-06-01"}
EMPTY = {"from": "2026-06-01T09:00:00Z", "to": "2026-06-01T09:00:00Z"}


@pytest.mark.parametrize("window", [BACKWARDS, EMPTY])
async def test_a_window_that_ends_before_it_starts_is_refused_everywhere(
    open_client: httpx2.AsyncClient, town: Town, window: dict[str, str]
) -> None:
    service, anna, business = (
        {"service_id": str(town.service)},
        {"resource_id": str(town.anna)},
        {"business_id": str(town.business)},
    )
    for path, query in (
        ("/v1/slots", service),
        ("/v1/slots/first", service),
        ("/v1/free-busy", anna),
        ("/v1/calendar", business),
    ):
        answer = await open_client.get(path, params={**query, **window})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_window"), path


async def test_a_query_for_too_many_starts_is_refused_with_a_way_out(
    open_client: httpx2.AsyncClient, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    await town.catalogue(town.a_service(duration_minutes=5, slot_interval_minutes=1, version=2))
    month = {"service_id": str(town.service), "from": "2026-06-01", "to": "2026-07-01"}
    monkeypatch.setattr("availability.api.slot_answers.MAX_LISTED", 80_000)

    listed = await open_client.get("/v1/slots", params=month)
    alone = await open_client.get("/v1/slots", params={**month, "detail": "starts"})

    assert (listed.status_code, listed.json()["code"]) == (422, "query_too_large")
    assert "detail=starts" in listed.json()["detail"]
    assert alone.status_code == 200
    monkeypatch.setattr("availability.usecases.slots.MAX_STARTS", 40_000)
    more = await open_client.get("/v1/slots", params={**month, "detail": "starts", "ignore": str(new_id())})
    assert (more.status_code, more.json()["code"]) == (422, "query_too_large")


@pytest.mark.parametrize(("threshold", "elsewhere"), [(1, True), (1_000_000, False)])
async def test_a_large_query_is_worked_out_off_the_event_loop(
    *, open_client: httpx2.AsyncClient, town: Town, monkeypatch: pytest.MonkeyPatch, threshold: int, elsewhere: bool
) -> None:
    monkeypatch.setattr("availability.usecases.slots._IN_A_THREAD", threshold)
    threads = []
    put = Board.put

    def noted(board: Board, calendar: ResourceCalendar) -> int:
        threads.append(threading.current_thread() is not threading.main_thread())
        return put(board, calendar)

    monkeypatch.setattr(Board, "put", noted)
    answer = await open_client.get("/v1/slots", params={"service_id": str(town.service), **MONDAY})
    first = await open_client.get("/v1/slots/first", params={"service_id": str(town.service)})

    assert (answer.status_code, first.status_code) == (200, 200)
    assert set(threads) == {elsewhere}


class Sized:
    """Stands for an answer: the cache looks at nothing but the size."""

    def __init__(self, size: int) -> None:
        self.size = size


def an_answer(size: int) -> SlotAnswer:
    return cast("SlotAnswer", Sized(size))


def kept(cache: AnswerCache, organization_id: UUID) -> list[bytes]:
    return [query for query in (b"%d" % number for number in range(100)) if cache.get(organization_id, query)]


def test_one_organizations_answers_evict_its_own_and_nobody_elses() -> None:
    cache = AnswerCache(SHARES * 100)
    quiet, busy = new_id(), new_id()
    cache.keep(quiet, b"1", an_answer(90))
    for number in range(50):
        cache.keep(busy, b"%d" % number, an_answer(30))
    cache.keep(busy, b"99", an_answer(10_000))

    assert kept(cache, quiet) == [b"1"]
    assert kept(cache, busy) == [b"47", b"48", b"49"]
    for number in (1, 2, 3, 1, 4):
        cache.keep(busy, b"%d" % number, an_answer(30))
    assert kept(cache, busy) == [b"1", b"3", b"4"]


def test_all_answers_together_stay_within_the_bound() -> None:
    cache = AnswerCache(SHARES * 100)
    organizations = [new_id() for _ in range(SHARES + 3)]
    for organization_id in organizations:
        cache.keep(organization_id, b"1", an_answer(100))

    assert [bool(kept(cache, each)) for each in organizations] == [False] * 3 + [True] * SHARES


async def test_the_answer_after_every_change_is_the_one_that_is_made_anew(
    open_client: httpx2.AsyncClient, town: Town
) -> None:
    query: dict[str, Any] = {"service_id": str(town.service), "from": "2026-06-01", "to": "2026-06-12"}
    for day in (1, 2, 5, 9, 1):
        for gzip in ("gzip", "identity"):
            for detail in ("starts", "resources"):
                asked = {**query, "detail": detail}
                kept_answer = await open_client.get("/v1/slots", params=asked, headers={"Accept-Encoding": gzip})
                town.app.state.dependencies.answers._answers.clear()
                anew = await open_client.get("/v1/slots", params=asked, headers={"Accept-Encoding": gzip})
                assert kept_answer.json() == anew.json()
        await town.appointments(town.an_appointment(f"2026-06-{day:02}T10:00+02:00", town.anna))


async def test_an_organization_that_asks_too_often_is_told_when_to_come_again_and_others_are_answered(
    open_client: httpx2.AsyncClient, town: Town, api_client: ApiClientFactory, signer: Signer
) -> None:
    town.app.state.rate_limits = RateLimits({"slots": Rate(per_minute=60, burst=3)}, clock=lambda: 0.0)
    query = {"service_id": str(town.service), **MONDAY}
    others = await api_client(town.app, token=signer.token(organization_id=new_id()))

    answers = [await open_client.get("/v1/slots", params=query) for _ in range(4)]
    first = await open_client.get("/v1/slots/first", params={"service_id": str(town.service)})

    assert [answer.status_code for answer in (*answers, first)] == [200, 200, 200, 429, 429]
    assert int(answers[3].headers["retry-after"]) >= 1
    assert (await others.get("/v1/slots", params=query)).status_code == 404


@pytest.mark.parametrize("role", ["client", "visitor"])
async def test_a_client_or_visitor_sees_when_there_is_time_for_a_month_and_never_who_has_it(
    open_client: httpx2.AsyncClient, town: Town, api_client: ApiClientFactory, signer: Signer, role: str
) -> None:
    claims: dict[str, Any] = {"client": str(new_id())} if role == "client" else {"businesses": [str(town.business)]}
    token = signer.token(organization_id=town.organization, role=role, claims=claims)
    client = await api_client(town.app, token=token)
    allowed = {"service_id": str(town.service), "from": "2026-06-01", "to": "2026-07-01", "detail": "starts"}
    one, two = str(new_id()), str(new_id())
    refused: list[dict[str, Any]] = [
        {**allowed, "detail": "resources"},
        {name: value for name, value in allowed.items() if name != "detail"},
        {**allowed, "ignore": [one, two]},
    ]

    offered = await client.get("/v1/slots", params={**allowed, "ignore": [one], "resource_id": str(town.anna)})

    assert offered.status_code == 200, offered.text
    assert str(town.anna) not in offered.text
    for query in refused:
        # Asked by the owner first, so that a finished answer lies ready.
        assert (await open_client.get("/v1/slots", params=query)).status_code == 200
        assert (await client.get("/v1/slots", params=query)).status_code == 403
    for path in ("/v1/slots/first", "/v1/free-busy", "/v1/calendar"):
        assert (await client.get(path, params=allowed)).status_code == 403
    assert (await client.post("/v1/bookability", json={})).status_code == 403


async def test_a_visitor_sees_no_times_of_another_business(
    open_client: httpx2.AsyncClient, town: Town, api_client: ApiClientFactory, signer: Signer
) -> None:
    token = signer.token(organization_id=town.organization, role="visitor", claims={"businesses": [str(new_id())]})
    query = {"service_id": str(town.service), "from": "2026-06-01", "to": "2026-06-08", "detail": "starts"}
    known = await open_client.get("/v1/slots", params=query)

    answer = await (await api_client(town.app, token=token)).get("/v1/slots", params=query)

    assert any(day["slots"] for day in known.json()["days"])
    assert answer.status_code == 404
