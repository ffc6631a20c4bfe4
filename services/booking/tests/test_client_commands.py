"""Clients who answer a message: by command, with their own appointments alone, as in the portal."""

from datetime import datetime
from uuid import UUID, uuid4

import pytest
from booking_commands import answers_to
from booking_fixtures import Json, Tenant

from slotstream_contracts.base import Actor
from slotstream_contracts.commands import CancelAppointment, ConfirmAppointment

pytestmark = pytest.mark.service


def client_of(tenant: Tenant, client_id: object = None) -> Actor:
    return Actor(type="client", id=str(client_id or tenant.client["id"]))


def confirming(
    tenant: Tenant, booked: Json, *, client_id: object = None, shown: str | None = None
) -> ConfirmAppointment:
    return ConfirmAppointment(
        actor=client_of(tenant, client_id),
        appointment_id=booked["id"],
        shown_starts_at=datetime.fromisoformat(shown or booked["starts_at"]),
    )


def cancelling(tenant: Tenant, booked: Json) -> CancelAppointment:
    return CancelAppointment(
        actor=client_of(tenant),
        appointment_id=booked["id"],
        shown_starts_at=datetime.fromisoformat(booked["starts_at"]),
        reason="Cancelled by text message",
    )


async def test_an_answer_is_the_clients_own_act_and_happens_once(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9), notify=False)
    command_id = uuid4()
    for _ in range(2):
        [answer] = await answers_to(tenant, confirming(tenant, booked), ids=[command_id])
        assert answer["appointment"]["status"] == "confirmed"
    await answers_to(tenant, cancelling(tenant, booked))

    history = (await tenant.get(f"/v1/appointments/{booked['id']}/history"))["items"]
    assert [(item["verb"], item["actor"]["type"], item["actor"]["id"]) for item in history[1:]] == [
        ("confirm", "client", tenant.client["id"]),
        ("cancel", "client", tenant.client["id"]),
    ]
    assert history[2]["reason"] == "Cancelled by text message"
    # Whether the client is told is staff's to say.
    assert (await tenant.get(f"/v1/appointments/{booked['id']}"))["notify_client"] is False


async def test_an_answer_is_refused_for_anothers_and_for_what_was_not_shown(tenant: Tenant) -> None:
    other = await tenant.post("/v1/clients", {"name": "Ada Lovelace", "phone": "+49 30 901821"}, status=201)
    booked = await tenant.book(tenant.at(9))
    hidden = await tenant.book(tenant.at(10), share_with_client=False)
    theirs = await tenant.book(tenant.at(11), client_id=other["id"])
    commands = [
        confirming(tenant, booked, client_id=other["id"]),
        confirming(tenant, booked, client_id=uuid4()),
        confirming(tenant, booked, client_id="+447700900123"),
        confirming(tenant, hidden),
        cancelling(tenant, theirs),
        confirming(tenant, {**booked, "id": str(uuid4())}),
        confirming(tenant, booked, shown=tenant.at(8)),
    ]
    answers = await answers_to(tenant, *commands)
    assert [answer["code"] for answer in answers] == ["not_found"] * 6 + ["overtaken"]
    for item in (booked, hidden, theirs):
        assert (await tenant.get(f"/v1/appointments/{item['id']}"))["status"] == "scheduled"


async def test_an_answer_comes_too_late(tenant: Tenant) -> None:
    await tenant.api.patch(f"/v1/services/{tenant.service['id']}", json={"cancellation_notice_minutes": 1440})
    soon = await tenant.book(tenant.at(6))
    cancelled, moved = await tenant.book(tenant.at(9, day=3)), await tenant.book(tenant.at(10))
    await tenant.post(f"/v1/appointments/{cancelled['id']}/cancel", {"reason": "ill"})
    await tenant.post(f"/v1/appointments/{moved['id']}/reschedule", {"starts_at": tenant.at(15)}, status=201)
    answers = await answers_to(
        tenant, cancelling(tenant, soon), confirming(tenant, cancelled), confirming(tenant, moved)
    )
    assert [answer["code"] for answer in answers] == ["notice_passed", "invalid_transition", "overtaken"]

    tenant.now[0] = datetime.fromisoformat(soon["ends_at"])
    answers = await answers_to(tenant, confirming(tenant, soon), cancelling(tenant, soon))
    assert [answer["code"] for answer in answers] == ["notice_passed", "notice_passed"]
    assert (await tenant.get(f"/v1/appointments/{soon['id']}"))["status"] == "scheduled"


async def test_a_merged_duplicates_appointment_is_the_clients(tenant: Tenant) -> None:
    duplicate = await tenant.post("/v1/clients", {"name": "G. Hopper", "email": "g@hopper.test"}, status=201)
    booked = await tenant.book(tenant.at(9), client_id=duplicate["id"])
    await tenant.post(f"/v1/clients/{duplicate['id']}/merge", {"into": tenant.client["id"]})
    for client_id in (UUID(tenant.client["id"]), UUID(duplicate["id"])):
        [answer] = await answers_to(tenant, confirming(tenant, booked, client_id=client_id))
        assert answer["appointment"]["status"] == "confirmed"
