from typing import Any

import httpx2
import pytest
from availability_town import Town
from sqlalchemy import text

from slotstream_servicekit.ids import new_id
from slotstream_servicekit.testing.plugin import ApiClientFactory, Signer

pytestmark = pytest.mark.service

WEEK = {"weekly": []}
ABSENCE = {"starts_at": "2026-06-01T09:00:00Z", "ends_at": "2026-06-01T10:00:00Z"}
WINDOW = "from=2026-06-01&to=2026-06-02"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/resources/{anna}/schedule", None),
        ("PUT", "/v1/resources/{anna}/schedule", WEEK),
        ("GET", "/v1/businesses/{business}/schedule", None),
        ("PUT", "/v1/businesses/{business}/schedule", WEEK),
        ("GET", "/v1/resources/{anna}/date-overrides", None),
        ("POST", "/v1/resources/{anna}/date-overrides", {"on": "2026-06-01"}),
        ("GET", "/v1/resources/{anna}/date-overrides/{anna}", None),
        ("DELETE", "/v1/resources/{anna}/date-overrides/{anna}", None),
        ("GET", "/v1/businesses/{business}/date-overrides", None),
        ("POST", "/v1/businesses/{business}/date-overrides", {"on": "2026-06-01"}),
        ("GET", "/v1/businesses/{business}/date-overrides/{anna}", None),
        ("DELETE", "/v1/businesses/{business}/date-overrides/{anna}", None),
        ("GET", "/v1/resources/{anna}/time-off", None),
        ("POST", "/v1/resources/{anna}/time-off", ABSENCE),
        ("GET", "/v1/resources/{anna}/time-off/{anna}", None),
        ("DELETE", "/v1/resources/{anna}/time-off/{anna}", None),
        ("GET", "/v1/businesses/{business}/closures", None),
        ("POST", "/v1/businesses/{business}/closures", ABSENCE),
        ("GET", "/v1/businesses/{business}/closures/{anna}", None),
        ("DELETE", "/v1/businesses/{business}/closures/{anna}", None),
        ("GET", "/v1/businesses/{business}/holidays", None),
        ("PUT", "/v1/businesses/{business}/holidays", {"country": "DE"}),
        ("DELETE", "/v1/businesses/{business}/holidays", None),
        ("GET", "/v1/slots?service_id={service}&" + WINDOW, None),
        ("GET", "/v1/slots?business_id={business}&duration_minutes=30&" + WINDOW, None),
        ("GET", "/v1/slots/first?service_id={service}", None),
        ("GET", "/v1/free-busy?resource_id={anna}&" + WINDOW, None),
        ("GET", "/v1/calendar?business_id={business}&" + WINDOW, None),
        ("POST", "/v1/bookability", {"service_id": "{service}", "starts_at": "2026-06-01T09:00:00Z"}),
    ],
)
async def test_another_organization_finds_nothing_and_changes_nothing(
    *, town: Town, api_client: ApiClientFactory, signer: Signer, method: str, path: str, body: dict[str, str] | None
) -> None:
    stranger = await api_client(town.app, token=signer.token(organization_id=new_id()))
    ids = {"anna": town.anna, "business": town.business, "service": town.service}
    sent = body and {key: value.format(**ids) if isinstance(value, str) else value for key, value in body.items()}

    answer = await stranger.request(method, path.format(**ids), json=sent)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), answer.text
    async with town.fresh.database.system_transaction() as session:
        for table in ("schedules", "outbox"):
            assert (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() == 0


async def test_kept_answers_of_one_organization_are_not_given_to_another(
    open_client: httpx2.AsyncClient, town: Town, api_client: ApiClientFactory, signer: Signer
) -> None:
    path = f"/v1/slots?service_id={town.service}&{WINDOW}"
    stranger = await api_client(town.app, token=signer.token(organization_id=new_id()))

    assert (await open_client.get(path)).status_code == 200
    assert (await stranger.get(path)).status_code == 404


@pytest.mark.parametrize("table", ["schedules", "businesses", "resources", "services", "projection_versions", "outbox"])
async def test_the_databases_own_role_sees_one_organization_at_a_time(
    open_client: httpx2.AsyncClient, town: Town, table: str
) -> None:
    async def count(organization: Any) -> int:
        async with town.fresh.database.transaction(organization) as session:
            return int((await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())

    assert await count(town.organization) > 0
    assert await count(new_id()) == 0
