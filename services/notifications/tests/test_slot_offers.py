"""Who waits is told of the slot that is held for them: once, in time, and not when it is over."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from notifications_salon import Event, Salon

from notifications.adapters.portal_links import PortalLinks
from slotstream_contracts.base import Actor
from slotstream_contracts.envelope import wrap
from slotstream_contracts.waiting_list import (
    WaitingListEntry,
    WaitingListEntryLapsed,
    WaitingListEntryOffered,
    WaitingListEvent,
    WaitingListOffer,
)

pytestmark = pytest.mark.service

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


def an_event(salon: Salon, kind: type[WaitingListEvent], *, entry_id: UUID, version: int, offer: UUID | None) -> Event:
    starts_at = salon.snapshot().starts_at
    held = offer and WaitingListOffer(
        id=offer,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=30),
        expires_at=salon.now + timedelta(minutes=15),
    )
    entry = WaitingListEntry(
        id=entry_id,
        organization_id=salon.organization_id,
        business_id=salon.business_id,
        service_id=salon.service_id,
        client_id=salon.client_id,
        window_from=starts_at - timedelta(days=1),
        window_to=starts_at + timedelta(days=1),
        status="offered" if offer else "waiting",
        offer=held,
        created_at=salon.now,
        updated_at=salon.now,
        version=version,
    )
    return wrap(
        kind(entry=entry, actor=Actor(type="system", id="waiting_list")),
        organization=salon.organization_id,
        subject=str(entry_id),
        sequence=version,
        time=salon.now,
        source="/slotstream/booking",
        correlation_id="c-1",
    )


async def receive(salon: Salon, *events: Event) -> None:
    async with salon.database.system_transaction() as session:
        await salon.handlers.on_waiting_list(session, [salon.received(event) for event in events])


def offered(salon: Salon, **more: Any) -> tuple[Event, Event]:
    """An offer, and the end of it."""
    entry_id, offer = uuid4(), uuid4()
    return (
        an_event(salon, WaitingListEntryOffered, entry_id=entry_id, version=2, offer=offer),
        an_event(salon, WaitingListEntryLapsed, entry_id=entry_id, version=3, offer=None),
    )


async def test_the_client_gets_one_mail_with_a_link_however_often_it_is_told(salon: Salon) -> None:
    salon.sender.portal = PortalLinks([KEY], "https://book.example.com")
    offer, _ = offered(salon)
    await receive(salon, offer, offer)
    await receive(salon, offer)

    [mail] = await salon.send()

    assert str(mail["Subject"]).startswith("A slot is free: Haircut")
    body = mail.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert f"/offers/{offer.data.entry.offer.id}" in text
    assert "https://book.example.com/p/" in text
    assert "keeps it for you until" in text
    assert await salon.send() == []
    [row] = await salon.ledger()
    assert (row["kind"], row["appointment_id"]) == ("slot_offered", str(offer.data.entry.offer.id))
    assert "/p/" not in row["text"]


async def test_what_is_over_is_not_told_in_whatever_order_it_is_heard(salon: Salon) -> None:
    offer, lapsed = offered(salon)
    for order in ([offer, lapsed], [lapsed, offer], [offer, lapsed, offer]):
        await salon.execute("DELETE FROM messages")
        await salon.execute("DELETE FROM waiting_list_entries")
        for event in order:
            await receive(salon, event)
        assert await salon.outcomes() == [("slot_offered", "suppressed", "offer_over")]
    assert await salon.send() == []


async def test_an_offer_of_a_clock_that_runs_ahead_is_told_at_once(salon: Salon) -> None:
    salon.now += timedelta(minutes=5)
    offer, _ = offered(salon)
    salon.now -= timedelta(minutes=5)
    await receive(salon, offer)
    assert len(await salon.send()) == 1


async def test_an_offer_that_ran_out_before_it_was_sent_is_not_told(salon: Salon) -> None:
    offer, _ = offered(salon)
    await receive(salon, offer)
    salon.now += timedelta(minutes=15)
    assert await salon.send() == []
    assert await salon.outcomes() == [("slot_offered", "suppressed", "offer_over")]


async def test_who_has_opted_out_or_is_erased_is_not_told(salon: Salon) -> None:
    offer, _ = offered(salon)
    await receive(salon, offer)
    path = f"/v1/clients/{salon.client_id}/preferences"
    assert (await salon.http.put(path, json={"opted_out": ["email"]})).status_code == 200
    assert await salon.send() == []
    assert await salon.outcomes() == [("slot_offered", "suppressed", "opted_out")]

    second, _ = offered(salon)
    await receive(salon, second)
    await salon.erase(salon.client_id)
    assert await salon.send() == []
    assert (await salon.outcomes())[-1] == ("slot_offered", "suppressed", "client_erased")


async def test_an_offer_waits_for_a_service_that_is_not_known_yet(salon: Salon) -> None:
    offer, _ = offered(salon)
    await salon.execute("DELETE FROM catalogue WHERE kind = 'service'")
    await receive(salon, offer)
    assert await salon.send() == []
    await salon.receive_states(salon.service())
    salon.now += timedelta(minutes=1)
    assert len(await salon.send()) == 1
