"""What is typed about a person stays out of what is kept for ever."""

from typing import Any

import orjson
from booking_fixtures import Json, Tenant

from booking.publishers import PRIVATE
from slotstream_contracts.base import Message
from slotstream_contracts.envelope import parse
from slotstream_contracts.testing import assert_valid_message

TYPED = ("tattoo", "crm.example", "ext-77", "w-77", "ill with", "insists", "tea")


async def told(tenant: Tenant, topic: str) -> list[Json]:
    return [orjson.loads(record.payload or b"{}") for record in await tenant.published() if record.topic == topic]


async def a_busy_life(tenant: Tenant) -> Json:
    """An appointment with all that can be typed about it, forced, edited, moved and cancelled."""
    await tenant.book(tenant.at(9))
    typed: dict[str, Any] = {
        "service_id": None,
        "service_name": "Tattoo of Grace",
        "duration_minutes": 30,
        "origin": {"kind": "work_order", "reference_id": "W-77", "url": "https://crm.example/grace"},
        "external_id": "ext-77",
        "notes": "likes tea",
        "override": {"reason": "Grace insists"},
    }
    booked = await tenant.book(tenant.at(9), **typed)
    await tenant.api.patch(f"/v1/appointments/{booked['id']}", json={"notes": "likes green tea"})
    moved = await tenant.post(
        f"/v1/appointments/{booked['id']}/reschedule",
        {"starts_at": tenant.at(12), "reason": "ill with the flu"},
        status=201,
    )
    await tenant.post(f"/v1/appointments/{moved['appointment']['id']}/cancel", {"reason": "ill with the flu"})
    return booked


async def test_the_event_log_holds_nothing_that_somebody_typed(tenant: Tenant) -> None:
    await a_busy_life(tenant)
    events = await told(tenant, "slotstream.appointments.v1")
    assert len(events) >= 6
    for event in events:
        text = orjson.dumps(event).decode().lower()
        assert [word for word in TYPED if word in text] == [], event["type"]


async def test_an_event_says_that_a_reason_was_given_and_which_rules_were_set_aside(tenant: Tenant) -> None:
    await a_busy_life(tenant)
    events = await told(tenant, "slotstream.appointments.v1")
    [cancelled] = [event["data"]["change"] for event in events if event["type"].endswith("cancelled")]
    assert cancelled["has_reason"] is True
    [forced] = [event["data"]["change"] for event in events if event["data"]["change"].get("override")]
    assert forced["override"]["rules"] == ["slot_taken"]
    [updated] = [event["data"]["change"] for event in events if event["type"].endswith("updated")]
    assert (updated["fields"], updated["has_reason"]) == ({"notes": {}}, False)


async def test_the_newest_state_tells_the_name_that_was_typed(tenant: Tenant) -> None:
    booked = await a_busy_life(tenant)
    states = [
        state["data"]["appointment"]
        for state in await told(tenant, "slotstream.appointments.state.v1")
        if state["subject"] == booked["id"]
    ]
    assert {state["service_name"] for state in states} == {"Tattoo of Grace"}


async def test_every_message_about_appointments_is_valid_by_its_closed_schema(tenant: Tenant) -> None:
    await a_busy_life(tenant)
    published = await tenant.published()
    assert {record.topic for record in published} >= {"slotstream.appointments.v1", "slotstream.appointments.state.v1"}
    for record in published:
        assert_valid_message(record)


async def test_messages_that_are_built_by_hand_leave_out_no_field_of_their_contract(tenant: Tenant) -> None:
    """What is left out would be read as its default, whatever the appointment is like."""
    await a_busy_life(tenant)
    records = [record for record in await tenant.published() if record.topic.startswith("slotstream.appointments")]
    assert {record.type for record in records} >= {
        "slotstream.appointment.created",
        "slotstream.appointment.rescheduled",
        "slotstream.appointment.state",
    }
    for record in records:
        data = orjson.loads(record.payload or b"{}")["data"]
        parsed = parse(record.payload or b"").data
        assert complete(parsed) == {name: value for name, value in data.items() if value is not None}, record.type


def complete(message: Message) -> Json:
    """The message as its contract writes it, every field of every part of it included."""
    written: Json = message.model_dump(mode="json", by_alias=True)
    if "change" in written:
        # Of what was typed an event says that it changed, never from what to what.
        fields = written["change"]["fields"]
        written["change"]["fields"] = {name: {} if name in PRIVATE else change for name, change in fields.items()}
    return {name: value for name, value in written.items() if value is not None}
