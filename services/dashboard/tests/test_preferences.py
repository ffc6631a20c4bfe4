"""What somebody chooses for their own screens is theirs in every browser, and nobody else's."""

from typing import Any

import pytest
from dashboard_tenant import PASSWORD, Tenant
from sqlalchemy import text

pytestmark = pytest.mark.service

PATH = "/api/session/preferences"
NOTHING = {"moves": None, "density": None, "hidden_columns": None}


async def test_what_is_chosen_in_one_browser_holds_in_all_of_the_person_and_for_nobody_else(tenant: Tenant) -> None:
    _, here = await tenant.member()
    there = await tenant.signed_in("ada@example.com", PASSWORD)
    _, other = await tenant.member("lin@example.com")
    assert (await here.session())["preferences"] == NOTHING

    changed = await here.change("PATCH", PATH, json={"moves": "quiet", "hidden_columns": ["source", "staff"]})
    await there.change("PATCH", PATH, json={"density": "compact"})

    assert changed.json() == {"moves": "quiet", "density": None, "hidden_columns": ["source", "staff"]}
    both = {"moves": "quiet", "density": "compact", "hidden_columns": ["source", "staff"]}
    assert (await here.get(PATH)).json() == (await there.session())["preferences"] == both
    assert (await other.get(PATH)).json() == NOTHING


async def test_null_takes_a_choice_back_and_an_empty_list_is_one(tenant: Tenant) -> None:
    _, browser = await tenant.member()
    await browser.change("PATCH", PATH, json={"moves": "tell", "hidden_columns": ["source"]})

    await browser.change("PATCH", PATH, json={"moves": None, "hidden_columns": []})

    assert (await browser.get(PATH)).json() == {**NOTHING, "hidden_columns": []}


@pytest.mark.parametrize(
    "nonsense",
    [
        {"moves": "shout"},
        {"moves": "\x00"},
        {"density": 3},
        {"hidden_columns": ["client"]},
        {"hidden_columns": ["source"] * 1_000},
        {"hidden_columns": "source"},
        {"user_id": "0190a000-0000-7000-8000-000000000001"},
    ],
)
async def test_what_makes_no_sense_is_refused_and_changes_nothing(tenant: Tenant, nonsense: dict[str, Any]) -> None:
    _, browser = await tenant.member()
    await browser.change("PATCH", PATH, json={"moves": "quiet"})

    refused = await browser.change("PATCH", PATH, json={"density": "compact", **nonsense})

    assert refused.status_code == 422
    assert (await browser.get(PATH)).json() == {**NOTHING, "moves": "quiet"}


async def test_another_site_chooses_nothing_for_anybody(tenant: Tenant) -> None:
    _, browser = await tenant.member()

    refused = await browser.change("PATCH", PATH, json={"moves": "quiet"}, headers={"Sec-Fetch-Site": "cross-site"})

    assert refused.status_code == 403
    assert (await browser.get(PATH)).json() == NOTHING


async def test_a_choice_that_only_a_newer_version_knows_is_passed_over(tenant: Tenant) -> None:
    _, browser = await tenant.member()
    await browser.change("PATCH", PATH, json={"moves": "tell", "hidden_columns": ["source"]})
    async with tenant.database.transaction(tenant.organization_id) as session:
        await session.execute(text("UPDATE user_preferences SET moves = 'whisper', hidden_columns = '{mood,source}'"))

    assert (await browser.session())["preferences"] == {**NOTHING, "hidden_columns": ["source"]}


async def test_what_a_removed_user_chose_is_gone(tenant: Tenant) -> None:
    user, browser = await tenant.member()
    await browser.change("PATCH", PATH, json={"moves": "quiet"})

    assert (await tenant.api().delete(f"/v1/users/{user['id']}")).status_code == 204

    async with tenant.database.transaction(tenant.organization_id) as session:
        assert (await session.execute(text("SELECT count(*) FROM user_preferences"))).scalar_one() == 0
