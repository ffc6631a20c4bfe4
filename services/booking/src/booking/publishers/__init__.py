"""What booking says, as contract messages for the outbox."""

from booking.publishers.appointments import PRIVATE, appointment_records, fields_json, snapshot_json
from booking.publishers.catalogue import KINDS, catalogue_record
from booking.publishers.clients import client_record, client_tombstone
from booking.publishers.commands import CommandAnswer, item_result, refused, result_record, succeeded
from booking.publishers.holds import HOLD_VERSION, hold_record, hold_tombstone
from booking.publishers.messages import send_message_record, withdraw_messages_record
from booking.publishers.series import (
    SeriesCancelled,
    SeriesChanged,
    SeriesCreated,
    SeriesExtended,
    SeriesNews,
    series_record,
)
from booking.publishers.waiting_list import (
    WaitingListEntryAdded,
    WaitingListEntryBooked,
    WaitingListEntryDeclined,
    WaitingListEntryExpired,
    WaitingListEntryLapsed,
    WaitingListEntryOffered,
    WaitingListEntryWithdrawn,
    waiting_list_record,
)

__all__ = [
    "HOLD_VERSION",
    "KINDS",
    "PRIVATE",
    "CommandAnswer",
    "SeriesCancelled",
    "SeriesChanged",
    "SeriesCreated",
    "SeriesExtended",
    "SeriesNews",
    "WaitingListEntryAdded",
    "WaitingListEntryBooked",
    "WaitingListEntryDeclined",
    "WaitingListEntryExpired",
    "WaitingListEntryLapsed",
    "WaitingListEntryOffered",
    "WaitingListEntryWithdrawn",
    "appointment_records",
    "catalogue_record",
    "client_record",
    "client_tombstone",
    "fields_json",
    "hold_record",
    "hold_tombstone",
    "item_result",
    "refused",
    "result_record",
    "send_message_record",
    "series_record",
    "snapshot_json",
    "succeeded",
    "waiting_list_record",
    "withdraw_messages_record",
]
