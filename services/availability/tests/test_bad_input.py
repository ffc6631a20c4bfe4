from typing import Any

import httpx2
import pytest
from availability_town import Town
from sqlalchemy import text

from slotstream_servicekit.ids import new_id

pytestmark = pytest.mark.service

SLOTS = "/v1/slots?service_id={service}"
DAY = "&from=2026-06-01&to=2026-06-02"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (SLOTS, 422, "missing"),
        (SLOTS + "&from=2026-06-01T00:00:00&to=2026-06-02", 422, "time_without_offset"),
        (SLOTS + "&from=2026-02-30&to=2026-06-02", 422, "malformed_date"),
        (SLOTS + "&from=yesterday&to=2026-06-02", 422, "malformed_time"),
        (SLOTS + "&from=0001-01-01&to=2026-06-02", 422, "time_out_of_range"),
        (SLOTS + "&from=2026-06-02&to=2026-06-02", 422, "invalid_window"),
        (SLOTS + "&from=2026-06-02&to=2026-06-01", 422, "invalid_window"),
        (SLOTS + "&from=2026-06-01&to=2026-07-03", 422, "invalid_window"),
        (SLOTS + DAY + "&zone=Mars/Base", 422, "unknown_zone"),
        (SLOTS + DAY + "&zone=right/UTC", 422, "unknown_zone"),
        (SLOTS + DAY + "&zone=localtime", 422, "unknown_zone"),
        (SLOTS + DAY + "&duration_minutes=0", 422, "out_of_range"),
        (SLOTS + DAY + "&duration_minutes=99999999999999999999", 422, "out_of_range"),
        (SLOTS + DAY + "&detail=all", 422, "unknown_value"),
        (SLOTS + DAY + "&resource_id=1", 422, "malformed_id"),
        (SLOTS + DAY + "&resourceid={anna}", 422, "unknown_parameter"),
        (SLOTS + DAY + "&zone=UTC%00", 422, None),
        (SLOTS + DAY + "&business_id={other}", 422, "invalid_query"),
        ("/v1/slots?" + DAY, 422, "invalid_query"),
        ("/v1/slots?service_id={other}" + DAY, 404, "not_found"),
        (SLOTS + DAY + "&resource_id={other}", 404, "not_found"),
        ("/v1/slots/first?service_id={service}&to=2030-01-01", 422, "invalid_window"),
        ("/v1/free-busy?" + DAY, 422, "missing"),
        ("/v1/free-busy?resource_id={anna}&business_id={other}" + DAY, 404, "not_found"),
        ("/v1/calendar?business_id={business}&resource_id={other}" + DAY, 404, "not_found"),
    ],
)
async def test_a_question_that_makes_no_sense_is_answered_with_a_code(
    open_client: httpx2.AsyncClient, town: Town, path: str, status: int, code: str | None
) -> None:
    ids = {"service": town.service, "business": town.business, "anna": town.anna, "other": new_id()}

    answer = await open_client.get(path.format(**ids).replace("?&", "?"))

    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert code in {None, answer.json()["code"]}


HOURS = "/v1/resources/{anna}/schedule"
OVERRIDES = "/v1/resources/{anna}/date-overrides"
TIME_OFF = "/v1/resources/{anna}/time-off"
HOLIDAYS = "/v1/businesses/{business}/holidays"


def week(*intervals: tuple[str, str], weekday: Any = 0) -> dict[str, Any]:
    return {"weekly": [{"weekday": weekday, "intervals": [{"from": a, "to": b} for a, b in intervals]}]}


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("PUT", HOURS, {}, "missing"),
        ("PUT", HOURS, {"weekly": "always"}, "wrong_type"),
        ("PUT", HOURS, {"weekly": [], "color": "red"}, "unknown_field"),
        ("PUT", HOURS, {"weekly": [], "zone": "Mars/Base"}, "unknown_zone"),
        ("PUT", HOURS, {"weekly": [], "zone": "UTC\u0000"}, None),
        ("PUT", HOURS, week(("9:00", "12:00")), "malformed"),
        ("PUT", HOURS, week(("24:00", "12:00")), "malformed"),
        ("PUT", HOURS, week(("09:00", "24:30")), "malformed"),
        ("PUT", HOURS, week(("09:00", "12:00"), ("11:00", "13:00")), "overlapping_intervals"),
        ("PUT", HOURS, week(("22:00", "06:00"), ("23:00", "23:30")), "overlapping_intervals"),
        ("PUT", HOURS, week(("09:00", "12:00"), weekday=7), "out_of_range"),
        ("PUT", HOURS, week(("09:00", "12:00"), weekday="0"), "wrong_type"),
        ("PUT", HOURS, {"weekly": [{"weekday": 1, "intervals": []}] * 2}, "repeated_weekday"),
        (
            "PUT",
            HOURS,
            week(*[(f"{hour:02}:{minute}", f"{hour:02}:{minute + 5}") for hour in range(13) for minute in (10, 20)]),
            "too_long",
        ),
        ("POST", OVERRIDES, {"on": "2026-02-30"}, "malformed_date"),
        ("POST", OVERRIDES, {"on": "9999-12-31"}, "out_of_range"),
        ("POST", OVERRIDES, {"on": "2026-06-01", "id": "x"}, "malformed_id"),
        (
            "POST",
            TIME_OFF,
            {"starts_at": "2026-06-01T10:00:00", "ends_at": "2026-06-01T11:00:00Z"},
            "time_without_offset",
        ),
        ("POST", TIME_OFF, {"starts_at": "2026-06-01T11:00:00Z", "ends_at": "2026-06-01T10:00:00Z"}, "invalid_window"),
        ("POST", TIME_OFF, {"starts_at": "2026-06-01T11:00:00Z", "ends_at": "2026-06-01T11:00:00Z"}, "invalid_window"),
        ("POST", TIME_OFF, {"starts_at": 1780308000, "ends_at": "2026-06-01T10:00:00Z"}, "wrong_type"),
        (
            "POST",
            TIME_OFF,
            {"starts_at": "2026-06-01T10:00:00Z", "ends_at": "2026-06-01T11:00:00Z", "reason": "x" * 501},
            "too_long",
        ),
        ("PUT", HOLIDAYS, {"country": "Germany"}, "malformed"),
        ("PUT", HOLIDAYS, {"country": "DE", "subdivision": "ZZ"}, "unknown_country"),
        ("POST", "/v1/bookability", {"starts_at": "2026-06-01T10:00:00Z"}, "invalid_query"),
        ("POST", "/v1/bookability", {"starts_at": "2026-06-01T10:00:00Z", "resource_ids": ["1"] * 101}, None),
    ],
)
async def test_a_change_that_makes_no_sense_is_refused_with_a_code_and_changes_nothing(
    *, client: httpx2.AsyncClient, town: Town, method: str, path: str, body: Any, code: str | None
) -> None:
    answer = await client.request(method, path.format(anna=town.anna, business=town.business), json=body)

    assert answer.status_code == 422, answer.text
    assert code in {None, answer.json()["code"]}, answer.text
    async with town.fresh.database.system_transaction() as session:
        for table in ("schedules", "outbox"):
            assert (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() == 0


async def test_a_schedule_does_not_grow_for_ever(
    client: httpx2.AsyncClient, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("availability.domain.schedules.MAX_ENTRIES", 1)
    path = OVERRIDES.format(anna=town.anna)

    assert (await client.post(path, json={"on": "2026-06-01"})).status_code == 201
    refused = await client.post(path, json={"on": "2026-06-02"})
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_entries")
