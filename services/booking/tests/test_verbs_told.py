"""A row tells the verbs that this caller can do with it now, and they can be done."""

from datetime import UTC, datetime

import pytest
from booking_fixtures import Tenant

LIST = "/v1/appointments"
OPENED = {"confirm", "cancel", "reschedule", "complete", "dismiss", "assign", "update"}
BOOKERS = {"confirm", "cancel", "reschedule"}


async def told(tenant: Tenant, appointment_id: str, role: str = "owner", **more: object) -> set[str]:
    """What the list and the single answer tell, which is the same."""
    api = await tenant.client_as(role, **more)
    single = (await api.get(f"{LIST}/{appointment_id}")).json()["verbs"]
    for archived in ("false", "true"):
        rows = (await api.get(LIST, params={"archived": archived})).json()["items"]
        assert all(row["verbs"] == single for row in rows if row["id"] == appointment_id)
    return set(single)


@pytest.mark.parametrize(
    ("role", "scopes", "expected"),
    [
        ("owner", [], OPENED),
        ("manager", [], OPENED),
        ("staff", [], OPENED),
        ("viewer", [], set()),
        ("agent", [], BOOKERS),
        ("integration", ["appointments:read"], set()),
        ("integration", ["appointments:read", "appointments:book"], BOOKERS),
        ("integration", ["appointments:read", "appointments:write"], OPENED),
    ],
)
async def test_each_role_is_told_its_own_verbs(
    tenant: Tenant, role: str, scopes: list[str], expected: set[str]
) -> None:
    booked = await tenant.book(tenant.at(9))
    assert await told(tenant, booked["id"], role, scopes=scopes) == expected


async def test_a_limited_caller_is_told_verbs_of_what_is_theirs(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    own = {"resource": str(tenant.staff[0]["id"])}
    assert await told(tenant, booked["id"], "staff", claims=own) == OPENED


async def test_a_no_show_is_told_once_the_start_has_passed(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    assert "no_show" not in await told(tenant, booked["id"])
    tenant.now[0] = datetime.fromisoformat(booked["starts_at"])
    assert "no_show" in await told(tenant, booked["id"])


async def test_an_agent_past_the_notice_is_told_neither_cancel_nor_reschedule(tenant: Tenant) -> None:
    bound = await tenant.add_service(cancellation_notice_minutes=60, reschedule_notice_minutes=24 * 60)
    booked = await tenant.book(tenant.at(9), service_id=bound["id"])
    start = datetime.fromisoformat(booked["starts_at"])
    tenant.now[0] = start.replace(hour=start.hour - 2)
    assert await told(tenant, booked["id"], "agent") == {"confirm", "cancel"}
    tenant.now[0] = start.replace(hour=start.hour - 1, minute=30)
    assert await told(tenant, booked["id"], "agent") == {"confirm"}
    assert await told(tenant, booked["id"], "staff") >= {"cancel", "reschedule"}


async def test_what_is_hidden_can_be_shown_and_what_is_open_is_not_hidden(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    await tenant.post(f"{LIST}/{booked['id']}/cancel", {"reason": "ill"})
    ended = await told(tenant, booked["id"])
    assert {"archive", "reopen"} <= ended
    assert "unarchive" not in ended
    await tenant.post(f"{LIST}/{booked['id']}/archive")
    hidden = await told(tenant, booked["id"])
    assert "unarchive" in hidden
    assert "archive" not in hidden


async def test_nothing_of_an_erased_client_is_reopened_or_written_on(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    await tenant.post(f"{LIST}/{booked['id']}/cancel", {"reason": "ill"})
    await tenant.post(f"/v1/clients/{tenant.client['id']}/erase", status=204)
    assert await told(tenant, booked["id"]) == {"archive"}


async def test_what_is_told_can_be_done(tenant: Tenant) -> None:
    """Each verb of a row on a row of its own, by whoever is told it; what is not told is refused."""
    tenant.now[0] = datetime(2027, 3, 1, 8, tzinfo=UTC)
    paths = ("approve", "decline", "confirm", "cancel", "complete", "no-show", "dismiss", "reopen", "archive")
    for hour, path in enumerate(paths, start=6):
        booked = await tenant.book(tenant.at(hour))
        for role in ("agent", "viewer", "staff"):
            api = await tenant.client_as(role)
            verbs = (await api.get(f"{LIST}/{booked['id']}")).json()["verbs"]
            body = None if path in {"complete", "archive"} else {"reason": "because"}
            answer = await api.post(f"{LIST}/{booked['id']}/{path}", json=body)
            assert (answer.status_code == 200) == (path.replace("-", "_") in verbs), (role, path, answer.text)
