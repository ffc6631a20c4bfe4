"""Others are told on which channels an organization can send, once it has an account of its own, and as that changes."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from notifications_phone import BASE
from notifications_salon import Salon, reaching
from notifications_twilio import FakeTwilio
from test_twilio_accounts import ACCOUNT_BODY, PATH

from notifications.usecases.organization_channels import tell_changed_channels

pytestmark = pytest.mark.service

SMTP = {
    "host": "mail.salon.example",
    "port": 465,
    "tls": "tls",
    "username": "salon",
    "password": "s3cret-s3cret",
    "sender_address": "desk@salon.example",
}


async def told(salon: Salon) -> list[tuple[int, list[str]]]:
    """Version and channels of each state that is waiting to be published, checked against the contract."""
    taken = [message["data"] for message in await salon.take_published() if message["type"].endswith("channels.state")]
    assert {data["organization_id"] for data in taken} <= {str(salon.organization_id)}
    return [(data["version"], data["channels"]) for data in taken]


async def set_twilio(salon: Salon, **more: Any) -> None:
    answer = await salon.http.put(PATH, json={**ACCOUNT_BODY, **more})
    assert answer.status_code == 200, answer.text


async def restarted(salon: Salon) -> None:
    """What the worker does at its start."""
    await tell_changed_channels(database=salon.database, channels=salon.sender.channels, clock=lambda: salon.now)


@pytest_asyncio.fixture(autouse=True)
async def _mail_alone(salon: Salon, twilio: FakeTwilio) -> AsyncIterator[None]:
    """The installation sends mail alone."""
    async with reaching(salon, twilio_callback_url=BASE):
        yield


async def test_an_account_is_told_when_it_is_set_changed_and_taken_away_and_nothing_else_is(salon: Salon) -> None:
    await set_twilio(salon, voice_sender=None)
    assert await told(salon) == [(1, ["email", "sms"])]
    await set_twilio(salon, voice_sender=None, sms_sender="+447700900889")
    assert await told(salon) == []
    await set_twilio(salon)
    assert await told(salon) == [(2, ["email", "sms", "voice"])]
    assert (await salon.http.delete(PATH)).status_code == 204
    assert await told(salon) == [(3, ["email"])]
    await restarted(salon)
    assert await told(salon) == []


async def test_what_is_refused_tells_nothing(salon: Salon) -> None:
    answer = await salon.http.put(PATH, json={**ACCOUNT_BODY, "sms_sender": None, "voice_sender": None})
    assert answer.status_code == 422
    assert await told(salon) == []


async def test_accounts_of_before_and_other_channels_of_the_installation_are_told_at_the_start(salon: Salon) -> None:
    await set_twilio(salon, voice_sender=None)
    await salon.take_published()
    await salon.execute("DELETE FROM organization_channels")
    await restarted(salon)
    assert await told(salon) == [(1, ["email", "sms"])]
    async with reaching(salon, twilio_callback_url=BASE, voice="console"):
        await restarted(salon)
        assert await told(salon) == [(2, ["email", "sms", "voice"])]


async def test_of_two_accounts_that_are_set_at_once_both_are_told(salon: Salon) -> None:
    await asyncio.gather(set_twilio(salon, voice_sender=None), salon.http.put("/v1/channel-accounts/smtp", json=SMTP))
    states = await told(salon)
    assert max(states)[1] == ["email", "sms"]


async def test_one_organization_whose_account_cannot_be_read_keeps_no_other_from_being_told(salon: Salon) -> None:
    await set_twilio(salon, voice_sender=None)
    await salon.take_published()
    await salon.execute("DELETE FROM organization_channels")
    broken = "jsonb_build_object('organization_id', '00000000-0000-0000-0000-000000000001', 'details', '{}'::jsonb)"
    await salon.execute(
        f"INSERT INTO channel_accounts SELECT (jsonb_populate_record(c, {broken})).* FROM channel_accounts c"
    )
    await restarted(salon)
    assert await told(salon) == [(1, ["email", "sms"])]
