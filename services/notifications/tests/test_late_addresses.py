"""An address that arrives just after the message that is to go there: their topics come in no order between them."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from notifications_salon import Salon
from sqlalchemy import text

from slotstream_contracts.base import Actor
from slotstream_contracts.messages import SendMessage

pytestmark = pytest.mark.service


def _written(appointment_id: UUID, **recipient: UUID) -> SendMessage:
    return SendMessage(
        actor=Actor(type="user", id="u-1"),
        message_id=uuid4(),
        appointment_id=appointment_id,
        channel="email",
        text="The lift is broken.",
        **recipient,
    )


async def _to(salon: Salon) -> list[str]:
    return [str(mail["To"]) for mail in await salon.send()]


async def test_staff_get_what_they_were_written_before_their_address_was_known_here(salon: Salon) -> None:
    appointment = salon.snapshot(notify_client=False)
    await salon.receive(salon.created(appointment))
    assert await _to(salon) == []
    await salon.request(_written(appointment.id, resource_id=salon.staff_id))
    assert await _to(salon) == []
    assert ("ad_hoc", "suppressed", "no_address") in await salon.outcomes()

    await salon.receive_states(salon.staff(email="ada@salon.example", version=2))
    assert ("planned", "ad_hoc") in await salon.published()
    assert await _to(salon) == ["Ada <ada@salon.example>"]
    await salon.receive_states(salon.staff(email="ada@salon.example", version=3))
    assert await _to(salon) == []


async def test_a_client_is_told_of_a_booking_that_was_known_before_their_address(salon: Salon) -> None:
    await salon.receive_states(salon.client(version=2, email=None))
    kept, ended = salon.snapshot(), salon.snapshot()
    await salon.receive(salon.created(kept), salon.created(ended))
    assert await _to(salon) == []
    await salon.receive(salon.cancelled(ended))
    assert await _to(salon) == []

    await salon.receive_states(salon.client(version=3))
    mails = await salon.send()
    assert {str(mail["To"]) for mail in mails} == {"Grace Hopper <grace@example.com>"}
    assert sorted(str(mail["Subject"]).split(":")[0] for mail in mails) == ["Cancelled", "Your appointment"]
    told = [
        row["kind"] for row in await salon.ledger() if row["appointment_id"] == str(kept.id) and row["status"] == "sent"
    ]
    assert told == ["created"]


async def test_a_merged_client_is_told_at_the_address_of_whom_they_became(salon: Salon) -> None:
    survivor = uuid4()
    await salon.receive_states(salon.client(version=2, email=None))
    await salon.receive(salon.created(salon.snapshot()))
    assert await _to(salon) == []
    await salon.receive_states(
        salon.client(id=survivor, version=1, email=None), salon.client(version=3, email=None, merged_into=survivor)
    )
    assert await _to(salon) == []
    await salon.receive_states(salon.client(id=survivor, version=2, email="hopper@example.com"))
    assert await _to(salon) == ["Grace Hopper <hopper@example.com>"]


async def test_an_address_that_comes_much_later_sends_nothing(salon: Salon) -> None:
    await salon.receive_states(salon.client(version=2, email=None))
    await salon.receive(salon.created(salon.snapshot()))
    assert await _to(salon) == []
    # Each newer state looks at it again, and none of them makes it younger.
    for version in range(3, 6):
        salon.now += timedelta(minutes=4)
        await salon.receive_states(salon.client(version=version, email=None))
        assert await _to(salon) == []
    await salon.receive_states(salon.client(version=6))
    assert await _to(salon) == []


async def test_a_change_that_brings_no_address_says_nothing_anew(salon: Salon) -> None:
    await salon.receive_states(salon.client(version=2, email=None))
    await salon.receive(salon.created(salon.snapshot()))
    await salon.send()
    await salon.take_published()
    await salon.receive_states(salon.client(version=3, email=None, phone="+447700900123", name="Grace H."))
    assert await salon.published() == []


@pytest.mark.parametrize("erased", [False, True])
async def test_a_client_who_changes_or_is_erased_has_little_read_of_a_long_ledger(salon: Salon, erased: bool) -> None:
    await salon.receive_states(salon.client(version=2, email=None))
    await salon.receive(salon.created(salon.snapshot()))
    await salon.send()
    await salon.execute(
        """
        INSERT INTO messages SELECT (jsonb_populate_record(m, jsonb_build_object('id', gen_random_uuid(), 'key', n,
            'client_id', gen_random_uuid(), 'appointment_id', gen_random_uuid()))).*
        FROM messages m, generate_series(1, 5000) n WHERE m.key = (SELECT min(key) FROM messages)
        """
    )
    await salon.analyse()
    read = text("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'messages'")
    record = salon.state_record(salon.client(version=3), erased=erased)
    async with salon.database.system_transaction() as session:
        await salon.handlers.on_clients(session, [record])
        assert (await session.execute(read)).scalar_one() < 100
