"""What a batch holds for a use case: records of the contracts, as the domain names them."""

from collections.abc import Sequence
from typing import Any, Final, cast
from uuid import UUID

from notifications.consumers.appointment_events import change_of
from notifications.consumers.projected_states import item_of, user_of
from notifications.consumers.series_events import news_of
from notifications.consumers.waiting_list_events import offer_news_of
from notifications.domain.appointments import AppointmentChange
from notifications.domain.contacts import CatalogueItem
from notifications.domain.messages import Channel, MessageRequest, Withdrawal
from notifications.domain.series_planning import SeriesNews
from notifications.domain.users import User
from notifications.domain.waiting_list import WaitingListNews
from notifications.storage import Verdict
from slotstream_contracts.appointments import AppointmentEvent, AppointmentState
from slotstream_contracts.catalogue import BusinessState, ResourceState, ServiceState
from slotstream_contracts.clients import ClientState
from slotstream_contracts.commands import CancelAppointment, CommandRefused, CommandSucceeded, ConfirmAppointment
from slotstream_contracts.envelope import Envelope
from slotstream_contracts.messages import SendMessage, WithdrawMessages
from slotstream_contracts.series import SeriesCancelled, SeriesChanged, SeriesCreated, SeriesEvent, SeriesExtended
from slotstream_contracts.users import UserState
from slotstream_contracts.waiting_list import (
    WaitingListEntryAdded,
    WaitingListEntryBooked,
    WaitingListEntryDeclined,
    WaitingListEntryExpired,
    WaitingListEntryLapsed,
    WaitingListEntryOffered,
    WaitingListEntryWithdrawn,
    WaitingListEvent,
)
from slotstream_servicekit.consumer import Received
from slotstream_servicekit.context import Cause
from slotstream_servicekit.projections import newest_by_key

Batch = Sequence[Received[Envelope[Any]]]

APPOINTMENT_STATE_TYPES: Final = frozenset({AppointmentState.type})
CATALOGUE_TYPES: Final = frozenset({BusinessState.type, ResourceState.type, ServiceState.type})
CLIENT_TYPES: Final = frozenset({ClientState.type})
COMMAND_TYPES: Final = frozenset({SendMessage.type, WithdrawMessages.type})
RESULT_TYPES: Final = frozenset({CommandSucceeded.type, CommandRefused.type})
SERIES_TYPES: Final = frozenset({SeriesCreated.type, SeriesExtended.type, SeriesChanged.type, SeriesCancelled.type})
USER_TYPES: Final = frozenset({UserState.type})
WAITING_LIST_TYPES: Final = frozenset(
    event.type
    for event in (
        WaitingListEntryAdded,
        WaitingListEntryOffered,
        WaitingListEntryDeclined,
        WaitingListEntryLapsed,
        WaitingListEntryBooked,
        WaitingListEntryExpired,
        WaitingListEntryWithdrawn,
    )
)

_ANSWERS: Final = frozenset({ConfirmAppointment.type, CancelAppointment.type})
"""The commands of ours."""


def events_in(batch: Batch) -> list[Envelope[Any]]:
    """All but the tombstones."""
    return [record.event for record in batch if record.event is not None]


def last_cause(batch: Batch) -> Cause | None:
    """The last event, as the cause of what follows from the whole batch; None where all are tombstones."""
    events = events_in(batch)
    if not events:
        return None
    return Cause(correlation_id=events[-1].correlationid, traceparent=events[-1].traceparent)


def changes_in(batch: Batch) -> list[AppointmentChange]:
    return [change_of(event) for event in events_in(batch) if isinstance(event.data, AppointmentEvent)]


def series_news_in(batch: Batch) -> list[SeriesNews]:
    return [news_of(event) for event in events_in(batch) if isinstance(event.data, SeriesEvent)]


def offers_in(batch: Batch) -> list[WaitingListNews]:
    return [offer_news_of(event) for event in events_in(batch) if isinstance(event.data, WaitingListEvent)]


def items_in(batch: Batch) -> list[CatalogueItem]:
    return [item_of(event.data) for event in events_in(batch)]


def users_in(batch: Batch) -> tuple[list[User], dict[tuple[UUID, str], int | None]]:
    """The newest states, and who was removed, with the version that is told of that."""
    newest = newest_by_key(batch)
    states = [user_of(record.event.data) for record in newest.values() if record.event is not None]
    removed = {
        (record.organization_id, key): record.sequence
        for key, record in newest.items()
        if record.event is None and record.organization_id is not None
    }
    return states, removed


def requests_in(batch: Batch) -> list[MessageRequest]:
    return [_request(event) for event in events_in(batch) if isinstance(event.data, SendMessage)]


def withdrawals_in(batch: Batch) -> list[Withdrawal]:
    return [
        Withdrawal(organization_id=event.organization, order_id=event.data.order_id)
        for event in events_in(batch)
        if isinstance(event.data, WithdrawMessages)
    ]


def verdicts_in(batch: Batch) -> list[Verdict]:
    """What booking made of clients' answers, of all that it did by command."""
    return [_verdict(event) for event in events_in(batch) if event.data.command_type in _ANSWERS]


def _request(envelope: Envelope[Any]) -> MessageRequest:
    data = cast("SendMessage", envelope.data)
    return MessageRequest(
        organization_id=envelope.organization,
        message_id=data.message_id,
        appointment_id=data.appointment_id,
        client_id=data.client_id,
        resource_id=data.resource_id,
        channel=Channel(data.channel),
        text=data.text,
        with_variables=data.with_variables,
        order_id=data.order_id,
        time=envelope.time,
        correlation_id=envelope.correlationid,
        causation_id=str(envelope.id),
        traceparent=envelope.traceparent,
    )


def _verdict(envelope: Envelope[Any]) -> Verdict:
    data = cast("CommandSucceeded | CommandRefused", envelope.data)
    return Verdict(
        organization_id=envelope.organization,
        command_id=data.command_id,
        code=data.code if isinstance(data, CommandRefused) else None,
    )
