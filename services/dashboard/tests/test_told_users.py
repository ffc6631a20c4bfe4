"""Users are told of on their topic: whoever writes to them knows them, and forgets who was removed."""

from typing import Any

import pytest
from companies import Company
from dashboard_tenant import OWNER, Tenant
from sqlalchemy import text

from dashboard.worker import tell_users
from slotstream_contracts.testing import assert_valid_message

pytestmark = pytest.mark.service


async def told(tenant: Tenant) -> list[tuple[str, dict[str, Any] | None]]:
    """Takes what is waiting to be published: the key, and the state; None for a tombstone."""
    async with tenant.database.system_transaction() as session:
        rows = (await session.execute(text("DELETE FROM outbox RETURNING *"))).all()
    taken = []
    for row in sorted(rows, key=lambda row: row.seq):
        message = assert_valid_message(row)
        taken.append((row.key, message["data"] if message is not None else None))
    return taken


async def test_the_first_owner_is_told_of_when_they_are_invited_and_when_they_accept(tenant: Tenant) -> None:
    [(key, invited), (_, active)] = await told(tenant)
    assert invited is not None
    assert active is not None
    assert (invited["id"], invited["email"], invited["role"], invited["state"]) == (key, OWNER, "owner", "invited")
    assert (active["state"], active["version"]) == ("active", 2)
    assert "business_ids" not in active


async def test_every_change_is_told_and_a_removal_is_a_tombstone(tenant: Tenant) -> None:
    user, browser = await tenant.member()
    await browser.change("PATCH", "/api/session/user", json={"name": "Ada L.", "locale": "de"})
    path = f"/v1/users/{user['id']}"
    await tenant.api().patch(path, json={"role": "viewer"})
    await tenant.api().patch(path, json={"active": False})
    await tenant.api().patch(path, json={"active": False})
    assert (await tenant.api().delete(path)).status_code == 204

    states = [state for key, state in await told(tenant) if key == user["id"]]
    assert [(state["name"], state["locale"], state["role"], state["state"]) for state in states if state] == [
        ("Ada", "en", "staff", "invited"),
        ("Ada", "en", "staff", "active"),
        ("Ada L.", "de", "staff", "active"),
        ("Ada L.", "de", "viewer", "active"),
        ("Ada L.", "de", "viewer", "deactivated"),
    ]
    assert [state["version"] for state in states if state] == [1, 2, 3, 4, 5]
    assert states[-1] is None


async def test_who_comes_by_a_companys_provider_is_told_of_with_their_role(tenant: Tenant, company: Company) -> None:
    await told(tenant)
    await company.configure(creates_users=True, default_role="viewer")
    await company.sign_in()
    [(_, state)] = await told(tenant)
    assert state is not None
    assert (state["role"], state["state"], state["version"]) == ("viewer", "active", 1)


async def test_users_of_an_earlier_version_are_told_of_once(tenant: Tenant) -> None:
    user, _ = await tenant.member()
    await told(tenant)
    async with tenant.database.system_transaction() as session:
        await session.execute(text("UPDATE users SET published_version = NULL"))

    assert await tell_users(tenant.database) == 2
    assert await tell_users(tenant.database) == 0

    told_of = await told(tenant)
    assert len(told_of) == 2
    [state] = [state for key, state in told_of if key == user["id"]]
    assert state is not None
    assert (state["version"], state["state"]) == (2, "active")


async def test_a_change_that_is_undone_is_not_told(tenant: Tenant) -> None:
    await told(tenant)
    [owner] = (await tenant.api().get("/v1/users")).json()["items"]
    refused = await tenant.api().patch(f"/v1/users/{owner['id']}", json={"role": "staff"})
    assert refused.status_code == 409
    assert await told(tenant) == []
