"""Templates, rules, ledger and preferences over HTTP; and what strangers and bad input get."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from notifications_salon import Salon
from sqlalchemy import text

pytestmark = pytest.mark.service

A_TEMPLATE = {"kind": "created", "locale": "de", "subject": "Termin!", "text": "Hallo {{ client.name }}"}


async def a_template(salon: Salon, **body: Any) -> dict[str, Any]:
    answer = await salon.http.post("/v1/templates", json={**A_TEMPLATE, **body})
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def test_a_business_overrides_the_organization_and_the_organization_what_is_built_in(salon: Salon) -> None:
    await salon.receive_states(salon.client(locale="de-CH", version=2))
    await a_template(salon, subject="Von allen")
    await salon.receive(salon.created(salon.snapshot()))
    assert (await salon.send())[0]["Subject"] == "Von allen"

    own = await a_template(salon, subject="Vom Salon", business_id=str(salon.business_id))
    await salon.receive(salon.created(salon.snapshot()))
    assert (await salon.send())[0]["Subject"] == "Vom Salon"

    assert (await salon.http.delete(f"/v1/templates/{own['id']}")).status_code == 204
    await salon.receive(salon.created(salon.snapshot()))
    assert (await salon.send())[0]["Subject"] == "Von allen"


async def test_a_template_is_changed_by_version(salon: Salon) -> None:
    made = await a_template(salon)
    path = f"/v1/templates/{made['id']}"
    changed = await salon.http.patch(path, json={"subject": "Neu"}, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["ETag"], changed.json()["text"]) == (200, '"2"', A_TEMPLATE["text"])

    stale = await salon.http.patch(path, json={"subject": "Alt"}, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "version_conflict")
    assert [item["subject"] for item in (await salon.http.get("/v1/templates")).json()["items"]] == ["Neu"]


async def test_a_preview_shows_times_in_the_templates_language(salon: Salon) -> None:
    made = await a_template(salon, text="Am {{ appointment.date }} um {{ appointment.time }}")
    shown = await salon.viewer.post(f"/v1/templates/{made['id']}/preview", json={})
    assert shown.json()["text"] == "Am Donnerstag, 26. November 2026 um 10:30\n"
    assert "Donnerstag" in shown.json()["html"]

    draft = await salon.http.post(f"/v1/templates/{made['id']}/preview", json={"text": "{{ 'a' * 10**9 }}"})
    assert (draft.status_code, draft.json()["code"]) == (422, "template_refused")


async def test_what_is_built_in_can_be_read_and_copied(salon: Salon) -> None:
    answer = await salon.http.get("/v1/templates/built-in", params={"locale": "fr", "kind": "created"})
    [item] = answer.json()["items"]
    copied = await a_template(salon, locale="fr", subject=item["subject"], text=item["text"])
    assert copied["text"] == item["text"]
    variables = (await salon.http.get("/v1/templates/variables")).json()
    assert {"appointment.date", "client.name"} <= {item["name"] for item in variables}


async def test_a_place_is_taken_once_and_an_idempotency_key_works_once(salon: Salon) -> None:
    first = await salon.http.post("/v1/templates", json=A_TEMPLATE, headers={"Idempotency-Key": "k"})
    again = await salon.http.post("/v1/templates", json=A_TEMPLATE, headers={"Idempotency-Key": "k"})
    other = await salon.http.post("/v1/templates", json=A_TEMPLATE)

    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (409, "already_exists")


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/v1/templates", {**A_TEMPLATE, "text": "{{ unknown }}"}, 422, "template_refused"),
        ("/v1/templates", {**A_TEMPLATE, "text": "{{ 'a' * 10**9 }}"}, 422, "template_refused"),
        ("/v1/templates", {**A_TEMPLATE, "text": "x" * 20_001}, 422, None),
        ("/v1/templates", {**A_TEMPLATE, "subject": ""}, 422, None),
        ("/v1/templates", {**A_TEMPLATE, "subject": "a\x00b"}, None, None),
        ("/v1/templates", {**A_TEMPLATE, "locale": "klingon!"}, 422, None),
        ("/v1/templates", {**A_TEMPLATE, "kind": "birthday"}, 422, None),
        ("/v1/templates", {**A_TEMPLATE, "kind": "assigned"}, 422, "kind_not_for_audience"),
        ("/v1/templates", {**A_TEMPLATE, "channel": "fax"}, 422, None),
        ("/v1/templates", {**A_TEMPLATE, "typo": 1}, 422, "unknown_field"),
        ("/v1/templates", {**A_TEMPLATE, "business_id": str(uuid4())}, 404, "business_not_found"),
        ("/v1/reminder-rules", {"minutes_before": 60, "business_id": str(uuid4())}, 404, "business_not_found"),
        ("/v1/reminder-rules", {"minutes_before": 60, "service_id": str(uuid4())}, 404, "service_not_found"),
        ("/v1/reminder-rules", {"minutes_before": 60, "template_id": str(uuid4())}, 404, "not_found"),
        ("/v1/reminder-rules", {"minutes_before": 0}, 422, None),
        ("/v1/reminder-rules", {"minutes_before": 1.5}, 422, None),
        ("/v1/reminder-rules", {"minutes_before": 10**12}, 422, None),
        ("/v1/reminder-rules", {}, 422, None),
    ],
)
async def test_bad_input_is_a_problem_and_keeps_nothing(
    salon: Salon, path: str, body: dict[str, Any], status: int | None, code: str | None
) -> None:
    answer = await salon.http.post(path, json=body)

    assert answer.status_code == status if status else answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    if code:
        assert code in (answer.json()["code"], *(item["code"] for item in answer.json().get("errors") or []))
    assert (await salon.http.get(path)).json()["items"] == []


async def test_a_rule_cannot_be_of_a_business_and_a_service_at_once(salon: Salon) -> None:
    body = {"minutes_before": 5, "business_id": str(salon.business_id), "service_id": str(salon.service_id)}
    answer = await salon.http.post("/v1/reminder-rules", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "business_or_service")


async def test_a_rule_is_listed_changed_and_archived(salon: Salon) -> None:
    made = (await salon.http.post("/v1/reminder-rules", json={"minutes_before": 60})).json()
    path = f"/v1/reminder-rules/{made['id']}"
    changed = await salon.http.patch(path, json={"minutes_before": 90, "enabled": False}, headers={"If-Match": '"1"'})
    assert (changed.json()["minutes_before"], changed.json()["enabled"], changed.json()["version"]) == (90, False, 2)
    assert (await salon.http.delete(path, headers={"If-Match": '"2"'})).status_code == 204
    assert (await salon.http.get(path)).status_code == 404
    assert (await salon.http.get("/v1/reminder-rules")).json()["items"] == []


async def test_the_ledger_pages_and_filters(salon: Salon) -> None:
    appointments = [salon.snapshot() for _ in range(5)]
    await salon.receive(*[salon.created(item) for item in appointments])
    await salon.send()
    await salon.receive(salon.cancelled(appointments[0]))
    seen, cursor = [], None
    while True:
        params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await salon.http.get("/v1/messages", params=params)).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 6
    assert seen == sorted(seen, reverse=True)

    async def found(**params: Any) -> int:
        answer = await salon.http.get("/v1/messages", params=params)
        assert answer.status_code == 200, answer.text
        return len(answer.json()["items"])

    assert await found(status="sent") == 5
    assert await found(kind="cancelled", status="planned") == 1
    assert await found(appointment_id=str(appointments[0].id)) == 2
    assert await found(client_id=str(uuid4())) == 0
    assert await found(**{"from": "2026-03-02T00:00:00Z"}) == 0
    one = await salon.http.get(f"/v1/messages/{seen[-1]}")
    assert (one.json()["address"], one.json()["status"]) == ("grace@example.com", "sent")


async def test_messages_are_counted_by_state_for_all_and_for_each_appointment(salon: Salon) -> None:
    sent, cancelled, silent = salon.snapshot(), salon.snapshot(), salon.snapshot(notify_client=False)
    await salon.receive(salon.created(sent), salon.created(cancelled))
    await salon.send()
    await salon.receive(salon.cancelled(cancelled))

    async def counted(path: str, **params: Any) -> Any:
        answer = await salon.http.get(f"/v1/messages/{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    assert await counted("counts") == {"total": 3, "by_status": {"planned": 1, "sent": 2}}
    assert await counted("counts", kind="cancelled") == {"total": 1, "by_status": {"planned": 1}}
    assert await counted("counts", status=["failed", "unknown"]) == {"total": 0, "by_status": {}}
    assert (await counted("counts", starts_from=(sent.starts_at + timedelta(seconds=1)).isoformat()))["total"] == 0
    assert (await counted("counts", starts_from=sent.starts_at.isoformat()))["total"] == 3
    found = await counted("by-appointment", appointment_id=[str(item.id) for item in (sent, cancelled, silent)])
    by_id = {item["appointment_id"]: item["by_status"] for item in found["items"]}
    assert by_id == {str(sent.id): {"sent": 1}, str(cancelled.id): {"planned": 1, "sent": 1}}
    found = await counted("by-appointment", appointment_id=str(cancelled.id), kind="cancelled")
    assert found == {"items": [{"appointment_id": str(cancelled.id), "total": 1, "by_status": {"planned": 1}}]}


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("counts", {"status": "lost"}),
        ("counts", {"starts_from": "2026-03-02T00:00:00"}),
        ("counts", {"limit": 1}),
        ("by-appointment", {}),
        ("by-appointment", {"appointment_id": "x"}),
        ("by-appointment", {"appointment_id": [str(uuid4())] * 101}),
    ],
)
async def test_a_count_that_makes_no_sense_is_refused(salon: Salon, path: str, params: dict[str, Any]) -> None:
    assert (await salon.http.get(f"/v1/messages/{path}", params=params)).status_code in (400, 422)


@pytest.mark.parametrize(
    "params",
    [
        {"sort": "x"},
        {"status": "lost"},
        {"limit": 0},
        {"cursor": "?"},
        {"from": "2026-03-02T00:00:00"},
        {"from": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z"},
    ],
)
async def test_a_query_that_makes_no_sense_is_refused(salon: Salon, params: dict[str, Any]) -> None:
    assert (await salon.http.get("/v1/messages", params=params)).status_code in (400, 422)


async def test_a_stranger_sees_and_changes_nothing(salon: Salon) -> None:
    template = await a_template(salon)
    rule = (await salon.http.post("/v1/reminder-rules", json={"minutes_before": 60})).json()
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    [message] = [item for item in await salon.ledger() if item["kind"] == "created"]
    mine = {
        f"/v1/templates/{template['id']}": {"subject": "x"},
        f"/v1/reminder-rules/{rule['id']}": {"enabled": False},
        f"/v1/messages/{message['id']}": None,
        f"/v1/clients/{salon.client_id}/preferences": None,
    }
    for path, change in mine.items():
        assert (await salon.stranger.get(path)).status_code == 404
        if change is not None:
            assert (await salon.stranger.patch(path, json=change)).status_code == 404
            assert (await salon.stranger.delete(path)).status_code == 404
    preferences = f"/v1/clients/{salon.client_id}/preferences"
    assert (await salon.stranger.put(preferences, json={"opted_out": ["email"]})).status_code == 404
    reminders = f"/v1/appointments/{appointment.id}/reminders"
    assert (await salon.stranger.get(reminders)).json()["items"] == []
    assert (await salon.stranger.post(reminders, json={"minutes_before": 5})).status_code == 404
    [reminder] = (await salon.http.get(reminders)).json()["items"]
    assert (await salon.stranger.delete(f"{reminders}/{reminder['id']}")).status_code == 404
    body = {"minutes_before": 5, "template_id": template["id"]}
    assert (await salon.stranger.post("/v1/reminder-rules", json=body)).status_code == 404
    for path in ("/v1/templates", "/v1/reminder-rules", "/v1/messages"):
        assert (await salon.stranger.get(path)).json()["items"] == []
        assert (await salon.anonymous.get(path)).status_code == 401
    assert (await salon.stranger.get("/v1/messages/counts")).json()["total"] == 0
    of_it = await salon.stranger.get("/v1/messages/by-appointment", params={"appointment_id": str(appointment.id)})
    assert of_it.json() == {"items": []}


async def test_a_viewer_reads_and_cannot_write(salon: Salon) -> None:
    assert (await salon.viewer.get("/v1/templates")).status_code == 200
    assert (await salon.viewer.post("/v1/templates", json=A_TEMPLATE)).status_code == 403
    assert (await salon.viewer.post("/v1/reminder-rules", json={"minutes_before": 5})).status_code == 403


async def test_the_database_itself_keeps_tenants_apart(salon: Salon) -> None:
    await a_template(salon)
    await salon.receive(salon.created(salon.snapshot()))
    for table in ("appointments", "catalogue", "clients", "messages", "outbox", "templates"):
        async with salon.database.transaction(uuid4()) as session:
            assert (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() == 0
        async with salon.database.transaction(salon.organization_id) as session:
            assert (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() > 0


async def test_openapi_names_every_operation_and_its_problems(salon: Salon) -> None:
    document = (await salon.anonymous.get("/openapi.json")).json()
    operations = [item for path in document["paths"].values() for item in path.values()]
    assert {"create_message_template", "create_reminder_rule", "list_reminders", "list_messages"} <= {
        item["operationId"] for item in operations
    }
    assert all("application/problem+json" in str(item["responses"]) for item in operations)
