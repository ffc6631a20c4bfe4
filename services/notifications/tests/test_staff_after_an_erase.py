"""Staff hear what becomes of their time when its client is erased, and nothing of who that was."""

from email.message import EmailMessage
from uuid import uuid4

import pytest
from notifications_mailbox import calendar_of, event_of, words
from notifications_salon import Salon
from notifications_series import TestSeries, receive

from slotstream_contracts.appointments import AppointmentSnapshot
from slotstream_contracts.base import Actor
from slotstream_contracts.messages import SendMessage

pytestmark = pytest.mark.service


async def test_staff_are_told_of_an_appointment_that_an_erase_cancels(salon: Salon) -> None:
    booked = await _booked(salon)
    await salon.receive(salon.cancelled(booked, notify_client=False))
    await salon.erase(salon.client_id)

    [mail] = await salon.send()

    _is_cancelled_without_a_name(mail, str(booked.calendar_uid))


async def test_who_loses_an_appointment_of_an_erased_client_is_told_so(salon: Salon) -> None:
    booked = await _booked(salon)
    await salon.receive(salon.assigned(booked))
    await salon.erase(salon.client_id)

    [mail] = await salon.send()

    _is_cancelled_without_a_name(mail, str(booked.calendar_uid))


async def test_staff_are_told_of_a_series_that_an_erase_cancels(salon: Salon) -> None:
    await _ada_has_an_address(salon)
    series = TestSeries.of(salon, [salon.snapshot().starts_at])
    await receive(salon, series.created())
    await salon.send()
    await receive(salon, series.cancelled())
    await salon.erase(salon.client_id)

    mails = await salon.send()

    assert [str(mail["To"]) for mail in mails] == ["Ada <ada@salon.example>"]
    _is_cancelled_without_a_name(mails[0], series.uid)


async def test_what_somebody_wrote_to_staff_about_an_erased_client_is_not_sent(salon: Salon) -> None:
    booked = await _booked(salon)
    text = "Grace Hopper comes late"
    command = SendMessage(
        actor=Actor(type="user", id="u-1"),
        message_id=uuid4(),
        appointment_id=booked.id,
        resource_id=salon.staff_id,
        channel="email",
        text=text,
    )
    await salon.request(command)
    await salon.erase(salon.client_id)

    assert await salon.send() == []
    assert (await salon.outcomes())[-1] == ("ad_hoc", "suppressed", "client_erased")


async def _ada_has_an_address(salon: Salon) -> None:
    await salon.receive_states(salon.staff(email="ada@salon.example", version=2))


async def _booked(salon: Salon) -> AppointmentSnapshot:
    """Ada and Grace have been told of it."""
    await _ada_has_an_address(salon)
    booked = salon.snapshot()
    await salon.receive(salon.created(booked))
    assert len(await salon.send()) == 2
    return booked


def _is_cancelled_without_a_name(mail: EmailMessage, uid: str) -> None:
    event = event_of(mail)
    assert (str(mail["To"]), str(calendar_of(mail)["METHOD"])) == ("Ada <ada@salon.example>", "CANCEL")
    assert (str(event["UID"]), str(event["STATUS"]), str(event["SUMMARY"])) == (uid, "CANCELLED", "Haircut")
    written = words(mail) + event.to_ical().decode() + str(mail["Subject"])
    assert "Grace" not in written
    assert "Client:" not in written
