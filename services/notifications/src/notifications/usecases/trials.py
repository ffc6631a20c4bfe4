"""Trying a channel out: one message that says what it is, to an address that the caller names. The ledger is of
appointments, and has none of it: the answer says what the provider said.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.adapters.templates import SAMPLE_APPOINTMENT
from notifications.adapters.voice import TRIAL_CALL
from notifications.domain.channels import (
    DeliveryError,
    InvalidAddressError,
    Notification,
    NotificationChannel,
    OutcomeUnknownError,
)
from notifications.domain.contacts import CatalogueItem, Contact
from notifications.domain.errors import AddressInvalidError, AddressMissingError, NumberOptedOutError
from notifications.domain.messages import Audience, Channel, Kind, Message, Status
from notifications.domain.opt_outs import STOPPED_BY_NUMBER, NumberDigests
from notifications.domain.push import PushPerson
from notifications.domain.templates import Text
from notifications.domain.trials import trial_text
from notifications.storage import OptOutStore, PushSubscriptionStore
from slotstream_servicekit.ids import new_id

_NOBODY: Final = UUID(int=0)
_SENDER_NAME: Final = "Slotstream"
_SOON: Final = timedelta(hours=1)
"""A push service keeps the message for so long, for a browser that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialOutcome:
    """What the provider said: `code` and `detail` where it did not take the message, or may not have."""

    status: Literal["sent", "failed", "unknown"]
    provider_id: str | None = None
    code: str | None = None
    detail: str | None = None
    gone: tuple[UUID, ...] = ()
    """Push subscriptions that their service does not know any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecipient:
    contact: Contact
    address: str


async def find_trial_recipient(
    *,
    session: AsyncSession,
    channel: NotificationChannel,
    given: str | None,
    person: PushPerson | None,
    numbers: NumberDigests,
    organization_id: UUID,
) -> TrialRecipient:
    """To whom the test goes: the address that is given, by push the caller's own browsers.

    Raises AddressMissingError, AddressInvalidError, and NumberOptedOutError for a phone that has stopped us.
    """
    devices = await PushSubscriptionStore(session).of_person(person) if person is not None else ()
    contact = Contact(id=_NOBODY, name="", email=given, phone=given, devices=devices)
    try:
        address = channel.address_of(contact)
    except InvalidAddressError as error:
        raise AddressInvalidError(f"Nothing can be sent by {channel.name} to this address") from error
    if address is None:
        raise AddressMissingError(f"A test by {channel.name} needs somebody whom it goes to")
    digests = numbers.of(address) if channel.name in STOPPED_BY_NUMBER else ()
    store = OptOutStore(session)
    if await store.blocked(digests) or await store.own_blocked([organization_id], digests):
        raise NumberOptedOutError("This phone has ended our texts (STOP). Only START from it begins them again.")
    return TrialRecipient(contact=contact, address=address)


async def send_trial(
    *, channel: NotificationChannel, recipient: TrialRecipient, organization_id: UUID, locale: str, now: datetime
) -> TrialOutcome:
    """Hands one message over, outside any transaction. Nothing else is sent, and nothing is tried again."""
    notification = _notification(channel.name, recipient, organization_id, locale, now)
    outgoing = channel.compose(notification, now=now)

    async def may_hand_over() -> bool:
        return True

    try:
        receipt = await channel.send(outgoing, may_hand_over=may_hand_over)
    except OutcomeUnknownError as error:
        return TrialOutcome(status="unknown", code=error.code, detail=error.detail, gone=error.gone)
    except DeliveryError as error:
        return TrialOutcome(status="failed", code=error.code, detail=error.detail, gone=error.gone)
    return TrialOutcome(status="sent", provider_id=receipt.provider_id[:200], gone=receipt.gone)


def _notification(
    channel: Channel, recipient: TrialRecipient, organization_id: UUID, locale: str, now: datetime
) -> Notification:
    words = trial_text(locale)
    return Notification(
        message=_message(channel, organization_id, now),
        appointment=SAMPLE_APPOINTMENT,
        business=CatalogueItem(
            organization_id=organization_id, kind="business", id=_NOBODY, name=_SENDER_NAME, version=1
        ),
        client_name="",
        recipient=recipient.contact,
        address=recipient.address,
        location="",
        text=Text(subject=words.subject, text=words.text),
        language=words.language,
    )


def _message(channel: Channel, organization_id: UUID, now: datetime) -> Message:
    """What channels make their references of. Of a call the reference says that it is a test."""
    identity = TRIAL_CALL if channel is Channel.VOICE else new_id()
    return Message(
        organization_id=organization_id,
        id=identity,
        appointment_id=identity,
        appointment_version=0,
        calendar_uid="",
        starts_at=now + _SOON,
        client_id=None,
        resource_id=None,
        audience=Audience.STAFF,
        channel=channel,
        kind=Kind.AD_HOC,
        status=Status.CLAIMED,
        reason=None,
        code=None,
        detail=None,
        due_at=now,
        next_attempt_at=now,
        tries=0,
        attempts=0,
        attempted_at=None,
        claim=None,
        reminder_id=None,
        template_id=None,
        previous_starts_at=None,
        previous_ends_at=None,
        text=None,
        recipient_name=None,
        address=None,
        provider_id=None,
        sent_at=None,
        correlation_id=str(identity),
        causation_id=None,
        traceparent=None,
        created_at=now,
        updated_at=now,
        version=1,
    )
