import httpx2
import pytest
from availability_town import Town
from sqlalchemy import text

from availability.schemas import HolidaysOut, ScheduleOut
from slotstream_contracts.schedules import ScheduleState
from slotstream_contracts.testing import assert_valid_message
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.testing.plugin import ApiClientFactory, Signer

pytestmark = pytest.mark.service

HOURS = {"weekly": [{"weekday": 0, "intervals": [{"from": "09:00", "to": "12:00"}, {"from": "13:00", "to": "24:00"}]}]}


async def published(town: Town) -> list[ScheduleState]:
    """The states in the outbox; each is exactly what the contract says."""
    async with town.fresh.database.system_transaction() as session:
        rows = (await session.execute(text("SELECT * FROM outbox ORDER BY seq"))).all()
    messages = [assert_valid_message(row) for row in rows]
    return [ScheduleState.model_validate(message["data"]) for message in messages if message is not None]


async def test_a_schedule_is_empty_until_somebody_writes_it(client: httpx2.AsyncClient, town: Town) -> None:
    answer = await client.get(f"/v1/resources/{town.anna}/schedule")

    schedule = ScheduleOut.model_validate_json(answer.content)
    assert (schedule.version, schedule.weekly, schedule.zone) == (0, None, "Europe/Berlin")
    assert answer.headers["etag"] == '"0"'


async def test_hours_are_stored_answered_and_published_as_a_whole(client: httpx2.AsyncClient, town: Town) -> None:
    put = await client.put(f"/v1/resources/{town.anna}/schedule", json=HOURS)

    assert put.status_code == 200, put.text
    assert put.headers["etag"] == '"1"'
    assert put.json()["weekly"] == HOURS["weekly"]
    assert (await client.get(f"/v1/resources/{town.anna}/schedule")).json() == put.json()
    (state,) = await published(town)
    assert (state.owner_id, state.owner_kind, state.version) == (town.anna, "resource", 1)
    assert state.weekly is not None
    assert state.weekly[0].intervals[1].ends == "24:00"


async def test_a_stale_version_is_refused_and_changes_nothing(client: httpx2.AsyncClient, town: Town) -> None:
    path = f"/v1/businesses/{town.business}/schedule"
    await client.put(path, json=HOURS)

    stale = await client.put(path, json={"weekly": []}, headers={"If-Match": '"0"'})
    current = await client.put(path, json={"weekly": []}, headers={"If-Match": '"1"'})

    assert (stale.status_code, stale.json()["code"], stale.json()["current_version"]) == (412, "version_conflict", 1)
    assert (current.status_code, current.json()["version"]) == (200, 2)
    assert [state.version for state in await published(town)] == [1, 2]


async def test_date_overrides_come_and_go(client: httpx2.AsyncClient, town: Town) -> None:
    path = f"/v1/resources/{town.anna}/date-overrides"
    made = await client.post(path, json={"on": "2026-12-24", "intervals": [{"from": "09:00", "to": "12:00"}]})
    again = await client.post(path, json={"on": "2026-12-24"})

    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"{path}/{made.json()['id']}"
    assert (again.status_code, again.json()["code"]) == (409, "date_override_exists")
    assert (await client.get(path)).json() == {"items": [made.json()]}
    assert (await client.get(made.headers["location"])).json() == made.json()
    gone = await client.delete(made.headers["location"])
    assert (gone.status_code, gone.headers["etag"]) == (204, '"2"')
    assert (await client.delete(made.headers["location"])).status_code == 404
    assert (await client.get(made.headers["location"])).status_code == 404
    assert (await client.get(path)).json() == {"items": []}


@pytest.mark.parametrize(("kind", "path"), [("anna", "resources/{}/time-off"), ("business", "businesses/{}/closures")])
async def test_time_off_and_closures_come_and_go(client: httpx2.AsyncClient, town: Town, kind: str, path: str) -> None:
    path = "/v1/" + path.format(getattr(town, kind))
    own_id = str(new_id())
    body = {"id": own_id, "starts_at": "2026-06-01T09:00:00+02:00", "ends_at": "2026-06-08T00:00:00Z", "reason": "Away"}

    made = await client.post(path, json=body)

    assert made.status_code == 201, made.text
    assert made.json() == {**body, "starts_at": "2026-06-01T07:00:00Z"}
    assert (await client.post(path, json=body)).json()["code"] == "id_taken"
    assert (await client.get(path)).json() == {"items": [made.json()]}
    assert (await client.get(f"{path}/{own_id}")).json() == made.json()
    assert (await client.delete(f"{path}/{own_id}")).status_code == 204
    assert [len(state.absences) for state in await published(town)] == [1, 0]


async def test_one_idempotency_key_makes_one_absence(client: httpx2.AsyncClient, town: Town) -> None:
    path = f"/v1/resources/{town.anna}/time-off"
    body = {"starts_at": "2026-06-01T09:00:00Z", "ends_at": "2026-06-02T09:00:00Z"}
    key = {"Idempotency-Key": "once"}

    first = await client.post(path, json=body, headers=key)
    second = await client.post(path, json=body, headers=key)
    other = await client.post(path, json={**body, "reason": "x"}, headers=key)

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.content == first.content
    assert second.headers["idempotency-replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len((await client.get(path)).json()["items"]) == 1


async def test_public_holidays_close_the_business(open_client: httpx2.AsyncClient, town: Town) -> None:
    path = f"/v1/businesses/{town.business}/holidays"
    body = {"country": "DE", "subdivision": "BE", "except_on": ["2026-05-14"]}

    put = await open_client.put(path, json=body)

    found = HolidaysOut.model_validate_json(put.content)
    days = {day.on.isoformat() for day in found.days}
    assert "2026-05-25" in days
    assert "2026-05-14" not in days
    assert {day[:4] for day in days} >= {"2025", "2026", "2029"}
    whit_monday = {"service_id": str(town.service), "starts_at": "2027-05-17T10:00:00+02:00"}
    refused = (await open_client.post("/v1/bookability", json=whit_monday)).json()
    assert [(reason["code"], reason["conflicts_with"]) for reason in refused["reasons"]] == [
        ("business_closed", ["2027-05-17"])
    ]
    assert (await open_client.delete(path)).status_code == 204
    assert (await open_client.get(path)).json()["days"] == []


async def test_a_country_without_known_holidays_is_refused(client: httpx2.AsyncClient, town: Town) -> None:
    answer = await client.put(f"/v1/businesses/{town.business}/holidays", json={"country": "XX"})

    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_country")


async def test_staff_change_their_own_hours_only(town: Town, api_client: ApiClientFactory, signer: Signer) -> None:
    token = signer.token(organization_id=town.organization, role="staff", subject="anna")
    anna = await api_client(town.app, token=token)

    assert (await anna.put(f"/v1/resources/{town.anna}/schedule", json=HOURS)).status_code == 200
    assert (await anna.put(f"/v1/resources/{town.ben}/schedule", json=HOURS)).status_code == 403
    assert (await anna.put(f"/v1/businesses/{town.business}/schedule", json=HOURS)).status_code == 403


@pytest.mark.parametrize("role", ["viewer", "agent"])
async def test_viewers_and_agents_change_nothing(
    town: Town, api_client: ApiClientFactory, signer: Signer, role: str
) -> None:
    client = await api_client(town.app, token=signer.token(organization_id=town.organization, role=role))

    assert (await client.put(f"/v1/resources/{town.anna}/schedule", json=HOURS)).status_code == 403
    params = {"service_id": str(town.service), "from": "2026-06-01", "to": "2026-06-02"}
    assert (await client.get("/v1/slots", params=params)).status_code == 200


async def test_writers_at_once_take_turns_and_all_count(client: httpx2.AsyncClient, town: Town) -> None:
    import asyncio

    path = f"/v1/resources/{town.anna}/time-off"
    bodies = [
        {"starts_at": f"2026-06-{day:02}T09:00:00Z", "ends_at": f"2026-06-{day:02}T10:00:00Z"} for day in range(1, 9)
    ]
    answers = await asyncio.gather(*(client.post(path, json=body) for body in bodies))

    assert [answer.status_code for answer in answers] == [201] * 8
    assert len((await client.get(path)).json()["items"]) == 8
    assert [state.version for state in await published(town)] == list(range(1, 9))
