"""Texts that are kept for messages written by hand, and how they read for an appointment."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from notifications_salon import Salon

from slotstream_contracts.base import Actor
from slotstream_contracts.messages import SendMessage

pytestmark = pytest.mark.service

LATE = {
    "kind": "ad_hoc",
    "locale": "en",
    "subject": "Running late",
    "text": "{{ client.name }}, we are late: {{ appointment.service }} at {{ appointment.time }}.",
}


async def kept(salon: Salon, **more: Any) -> dict[str, Any]:
    answer = await salon.http.post("/v1/templates", json={**LATE, **more})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def filled_in(salon: Salon, template: dict[str, Any], appointment_id: object, **more: Any) -> Any:
    body = {"appointment_id": str(appointment_id), **more}
    return await salon.http.post(f"/v1/templates/{template['id']}/preview", json=body)


async def test_a_kept_text_is_filled_in_for_the_appointment_where_its_client_is(salon: Salon) -> None:
    appointment = salon.snapshot(starts_at=datetime(2026, 3, 10, 9, tzinfo=UTC))
    await salon.receive(salon.created(appointment))
    template = await kept(salon)
    assert (await filled_in(salon, template, appointment.id)).json()["text"] == (
        "Grace Hopper, we are late: Haircut at 10:00.\n"
    )

    await salon.receive_states(salon.client(zone="America/New_York", name="Grace H.", version=2))
    shown = await salon.http.post(
        "/v1/templates/preview",
        json={"text": LATE["text"], "subject": "s", "locale": "en", "appointment_id": str(appointment.id)},
    )
    assert shown.json()["text"] == "Grace H., we are late: Haircut at 05:00.\n"


async def test_what_was_typed_for_one_appointment_is_filled_in(salon: Salon) -> None:
    appointment = salon.snapshot(service_id=None, service_name="Something special")
    await salon.receive(salon.created(appointment))
    await salon.receive_appointment_states(appointment)
    shown = await filled_in(salon, await kept(salon), appointment.id)
    assert "Something special at" in shown.json()["text"]


async def test_no_text_is_filled_in_for_an_appointment_that_is_not_there_for_the_caller(salon: Salon) -> None:
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    template = await kept(salon)
    assert (await filled_in(salon, template, uuid4())).status_code == 404
    assert (await filled_in(salon, template, "x")).status_code == 422
    body = {"text": "{{ client.name }}", "subject": "s", "appointment_id": str(appointment.id)}
    stolen = await salon.stranger.post("/v1/templates/preview", json=body)
    assert (stolen.status_code, "Grace" in stolen.text) == (404, False)
    assert (await salon.stranger.post(f"/v1/templates/{template['id']}/preview", json={})).status_code == 404

    await salon.erase(salon.client_id)
    gone = await filled_in(salon, template, appointment.id)
    assert (gone.status_code, "Grace" in gone.text) == (404, False)


@pytest.mark.parametrize("text", ["{{ client.nothing }}", "{{ 9 ** 9 ** 9 }}", "a\x00b", "{% for x in y %}"])
async def test_a_hostile_text_is_refused_for_an_appointment_too(salon: Salon, text: str) -> None:
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    body = {"text": text, "subject": "s", "appointment_id": str(appointment.id)}
    assert (await salon.http.post("/v1/templates/preview", json=body)).status_code == 422
    assert (await salon.http.post("/v1/templates", json={**LATE, "text": text})).status_code == 422


async def test_a_kept_text_is_used_by_nothing_but_whoever_picks_it(salon: Salon) -> None:
    """Several may have one name, colleagues may be written to, and no message changes its words for them."""
    texts = [await kept(salon), await kept(salon, is_default=True), await kept(salon, audience="staff")]
    assert [text["is_default"] for text in texts] == [False, False, False]
    listed = await salon.http.get("/v1/templates", params={"kind": "ad_hoc"})
    assert {item["id"] for item in listed.json()["items"]} == {text["id"] for text in texts}
    rule = {"channel": "email", "minutes_before": 60, "template_id": texts[0]["id"]}
    assert (await salon.http.post("/v1/reminder-rules", json=rule)).json()["code"] == "template_refused"

    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    await salon.send()
    command = SendMessage(
        actor=Actor(type="user", id="u-1"),
        message_id=uuid4(),
        appointment_id=appointment.id,
        client_id=appointment.client_id,
        channel="email",
        text="Bring {{ client.name }}.",
    )
    await salon.request(command)
    [mail] = await salon.send()
    assert "Bring {{ client.name }}." in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]


def written(salon: Salon, text: str, **more: Any) -> SendMessage:
    values = {"client_id": salon.client_id, "channel": "email", "with_variables": True, **more}
    return SendMessage(actor=Actor(type="user", id="u-1"), message_id=uuid4(), text=text, **values)


def said(mail: Any) -> str:
    return str(mail.get_body(("plain",)).get_content()).replace("\r\n", "\n")


async def test_a_text_with_variables_is_filled_in_for_each_appointment_where_its_recipient_is(salon: Salon) -> None:
    first = salon.snapshot(
        starts_at=datetime(2026, 3, 10, 9, tzinfo=UTC), ends_at=datetime(2026, 3, 10, 10, tzinfo=UTC)
    )
    second = salon.snapshot(
        starts_at=datetime(2026, 3, 11, 9, tzinfo=UTC), ends_at=datetime(2026, 3, 11, 10, tzinfo=UTC)
    )
    await salon.receive(salon.created(first), salon.created(second))
    await salon.receive_states(salon.client(zone="America/New_York", version=2))
    await salon.send()
    text = "{{ client.name }}: {{ appointment.service }}, {{ appointment.date }} at {{ appointment.time }}."
    for appointment in (first, second):
        await salon.request(written(salon, text, appointment_id=appointment.id))
    mails = sorted(said(mail) for mail in await salon.send())
    assert [mail.split("\n")[0] for mail in mails] == [
        "Grace Hopper: Haircut, Tuesday, 10 March 2026 at 05:00.",
        "Grace Hopper: Haircut, Wednesday, 11 March 2026 at 05:00.",
    ]

    shown = await salon.http.post(
        "/v1/templates/preview", json={"text": text, "subject": "-", "appointment_id": str(first.id)}
    )
    assert shown.json()["text"].strip() == mails[0].split("\n")[0]


async def test_a_business_whose_name_looks_like_a_template_stays_a_subject(salon: Salon) -> None:
    await salon.receive_states(salon.business(name="{{ nobody.knows }}", version=2))
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    await salon.send()
    await salon.request(written(salon, "At {{ business.name }}.", appointment_id=appointment.id))
    [mail] = await salon.send()
    assert str(mail["Subject"]) == "{{ nobody.knows }}"
    assert "At {{ nobody.knows }}." in said(mail)


async def test_what_cannot_be_filled_in_fails_by_itself_and_says_so(salon: Salon) -> None:
    """Booking refuses it; another sender of commands may not have."""
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    await salon.send()
    await salon.request(written(salon, "{{ client.nobody }}", appointment_id=appointment.id))
    await salon.request(written(salon, "Fine, {{ client.name }}.", appointment_id=appointment.id))
    [mail] = await salon.send()
    assert "Fine, Grace Hopper." in said(mail)
    listed = (await salon.http.get("/v1/messages", params={"appointment_id": str(appointment.id)})).json()["items"]
    assert sorted(item["status"] for item in listed if item["kind"] == "ad_hoc") == ["failed", "sent"]


async def test_a_colleague_is_shown_what_they_will_get(salon: Salon) -> None:
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    await salon.receive_states(salon.staff())
    body = {"text": "{{ recipient.name }} for {{ client.name }}", "subject": "-", "appointment_id": str(appointment.id)}
    shown = await salon.http.post("/v1/templates/preview", json={**body, "audience": "staff"})
    assert shown.json()["text"].strip() == "Ada for Grace Hopper"


async def test_what_a_client_is_told_of_a_cancellation_is_seen_before_it(salon: Salon) -> None:
    appointment = salon.snapshot(starts_at=datetime(2026, 3, 10, 9, tzinfo=UTC))
    await salon.receive(salon.created(appointment))
    asked = {"kind": "cancelled", "appointment_id": str(appointment.id)}
    built_in = (await salon.viewer.post("/v1/templates/preview", json=asked)).json()
    assert built_in["subject"].startswith("Cancelled: Haircut")
    assert ("10:00" in built_in["text"], built_in["reason"]) == (True, None)

    own = {
        "kind": "cancelled",
        "locale": "en",
        "subject": "Off",
        "text": "{{ client.name }}, not at {{ appointment.time }}.",
    }
    assert (await salon.http.post("/v1/templates", json=own)).status_code == 201
    shown = (await salon.viewer.post("/v1/templates/preview", json=asked)).json()
    assert (shown["subject"], shown["text"]) == ("Off", "Grace Hopper, not at 10:00.\n")

    assert (await salon.stranger.post("/v1/templates/preview", json=asked)).status_code == 404
    assert (await salon.http.post("/v1/templates/preview", json={"kind": "cancelled"})).status_code == 422


async def test_why_a_client_is_told_nothing_of_a_cancellation_is_seen_before_it(salon: Salon) -> None:
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    asked = {"kind": "cancelled", "appointment_id": str(appointment.id)}
    address = f"/v1/clients/{salon.client_id}/preferences"
    assert (await salon.http.put(address, json={"opted_out": ["email"]})).status_code == 200
    assert (await salon.http.post("/v1/templates/preview", json=asked)).json()["reason"] == "opted_out"

    assert (await salon.http.put(address, json={"opted_out": []})).status_code == 200
    await salon.receive_states(salon.client(email=None, version=2))
    assert (await salon.http.post("/v1/templates/preview", json=asked)).json()["reason"] == "no_address"
