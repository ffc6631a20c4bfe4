"""How many templates and rules an organization may have, and how little of them a batch of messages reads."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from notifications_salon import Salon

from notifications.domain.messages import Channel, Kind
from notifications.domain.opt_outs import NumberDigests
from notifications.storage import MessageStore
from notifications.usecases import follow_up_rules, reminder_rules, templates
from notifications.usecases.subjects import read_subjects

pytestmark = pytest.mark.service

TEMPLATE = {"kind": "created", "subject": "Booked", "text": "Booked: {{ appointment.date }}"}


async def test_an_organization_has_so_many_templates_and_one_goes_before_another_comes(
    salon: Salon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(templates, "MOST_TEMPLATES", 2)
    [first, _] = [await _made(salon, locale=locale) for locale in ("en", "de")]
    too_many = await _template(salon, locale="fr")
    assert (too_many.status_code, too_many.json()["code"]) == (409, "too_many_templates")
    assert (await _template(salon, locale="de")).json()["code"] == "already_exists"
    assert len((await salon.http.get("/v1/templates")).json()["items"]) == 2

    await salon.http.delete(f"/v1/templates/{first['id']}")
    await _made(salon, locale="fr")


async def test_who_has_more_than_may_be_added_keeps_and_changes_them(
    salon: Salon, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = [await _made(salon, locale=locale) for locale in ("en", "de")]
    monkeypatch.setattr(templates, "MOST_TEMPLATES", 1)

    changed = await salon.http.patch(f"/v1/templates/{kept[0]['id']}", json={"subject": "Yours"})

    assert changed.status_code == 200
    await salon.receive(salon.created(salon.snapshot()))
    [mail] = await salon.send()
    assert mail["Subject"] == "Yours"


@pytest.mark.parametrize("what", ["templates", "reminder rules", "follow-up rules"])
async def test_two_that_come_at_once_do_not_both_take_the_last_place(
    salon: Salon, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(templates, "MOST_TEMPLATES", 1)
    monkeypatch.setattr(reminder_rules, "MOST_RULES", 1)
    monkeypatch.setattr(follow_up_rules, "MOST_RULES", 1)
    service = uuid4()
    await salon.receive_states(salon.service(id=service))
    bodies: dict[str, list[dict[str, Any]]] = {
        "templates": [{**TEMPLATE, "locale": locale} for locale in ("en", "de", "fr")],
        "reminder rules": [{"minutes_before": minutes} for minutes in (30, 60, 90)],
        "follow-up rules": [{"minutes_after": 60}, {"minutes_after": 60, "service_id": str(service)}],
    }

    path = f"/v1/{what.replace(' ', '-')}"
    answers = await asyncio.gather(*(salon.http.post(path, json=body) for body in bodies[what]))

    refused = [answer for answer in answers if answer.status_code != 201]
    assert len(refused) == len(answers) - 1, [answer.text for answer in answers]
    code = "too_many_templates" if what == "templates" else "too_many_rules"
    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(409, code)}


async def test_one_appointment_is_reminded_of_by_no_more_rules_than_a_level_has(
    salon: Salon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reminder_rules, "MOST_RULES_OF_LEVEL", 2)
    made = [await salon.http.post("/v1/reminder-rules", json={"minutes_before": minutes}) for minutes in (30, 60, 90)]
    assert [answer.status_code for answer in made] == [201, 201, 409]
    assert made[2].json()["code"] == "too_many_rules"

    of_business = {"minutes_before": 90, "business_id": str(salon.business_id)}
    assert (await salon.http.post("/v1/reminder-rules", json=of_business)).status_code == 201


async def test_a_batch_reads_no_template_that_none_of_its_messages_could_have(salon: Salon) -> None:
    elsewhere = uuid4()
    await salon.receive_states(salon.business(id=elsewhere), salon.client(locale="de_AT", version=2))
    fitting = [await _made(salon, locale=locale) for locale in ("DE-at", "de", "en")]
    fitting.append(await _made(salon, locale="de", business_id=str(salon.business_id)))
    for other in (
        {"locale": "fr"},
        {"locale": "de", "business_id": str(elsewhere)},
        {"locale": "de", "kind": "cancelled"},
        {"locale": "de", "kind": "cancelled", "audience": "staff"},
    ):
        await _made(salon, **other)
    await salon.receive(salon.created(salon.snapshot()))

    async with salon.database.system_transaction() as session:
        [row] = await salon.ledger()
        message = await MessageStore(session).get(salon.organization_id, row["id"])
        subjects = await read_subjects(session=session, messages=[message], numbers=NumberDigests(()))

    assert (message.kind, message.channel) == (Kind.CREATED, Channel.EMAIL)
    assert {str(template.id) for template in subjects.templates} == {made["id"] for made in fitting}


async def _template(salon: Salon, **body: Any) -> httpx2.Response:
    return await salon.http.post("/v1/templates", json={**TEMPLATE, **body})


async def _made(salon: Salon, **body: Any) -> dict[str, Any]:
    answer = await _template(salon, **body)
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]
