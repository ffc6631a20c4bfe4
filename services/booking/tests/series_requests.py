"""Series as a front desk asks for them, for the tests of this folder."""

from typing import Any

from booking_fixtures import Tenant

MONDAYS = {"freq": "weekly", "weekdays": [0]}
MONDAY = "2027-03-08T09:00:00Z"
"""Ten o'clock in Berlin, a week from now."""


def series_request(tenant: Tenant, recurrence: dict[str, Any], starts_at: str = MONDAY, **more: Any) -> dict[str, Any]:
    return {**tenant.request(starts_at), "recurrence": recurrence, **more}


async def add(tenant: Tenant, recurrence: dict[str, Any], starts_at: str = MONDAY, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = await tenant.post(
        "/v1/series", series_request(tenant, recurrence, starts_at, **more), status=201
    )
    return made


async def patch(tenant: Tenant, series: dict[str, Any], status: int = 200, **body: Any) -> dict[str, Any]:
    answer = await tenant.api.patch(f"/v1/series/{series['id']}", json=body)
    assert answer.status_code == status, answer.text
    changed: dict[str, Any] = answer.json()
    return changed


async def cancel(tenant: Tenant, series: dict[str, Any], status: int = 200, **body: Any) -> dict[str, Any]:
    said = {"reason": "holidays", **body}
    cancelled: dict[str, Any] = await tenant.post(f"/v1/series/{series['id']}/cancel", said, status=status)
    return cancelled


def starts(series: dict[str, Any]) -> list[str]:
    return [occurrence["appointment_starts_at"] for occurrence in series["occurrences"]]


def statuses(series: dict[str, Any]) -> list[str | None]:
    return [occurrence["appointment_status"] for occurrence in series["occurrences"]]


def results(series: dict[str, Any]) -> dict[str, str]:
    return {change["occurs_on"]: change["result"] for change in series["changes"]}


async def active(tenant: Tenant) -> list[str]:
    page = (await tenant.api.get("/v1/appointments?status=scheduled&sort=starts_at&limit=200")).json()
    return [item["starts_at"] for item in page["items"]]
