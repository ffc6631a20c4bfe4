"""The waiting list: joining and leaving it, what the worker offers by it, and what clients answer."""

from booking.usecases.waiting_list.answering import (
    OwnOffer,
    accept_offer,
    decline_offer,
    read_own_offer,
)
from booking.usecases.waiting_list.freeing import note_freed, withdraw
from booking.usecases.waiting_list.joining import join_waiting_list, leave_waiting_list
from booking.usecases.waiting_list.offering import expire_entries, lapse_next, offer_next, put_off
from booking.usecases.waiting_list.opening import noting_opened_calendars, noting_opened_hours

__all__ = [
    "OwnOffer",
    "accept_offer",
    "decline_offer",
    "expire_entries",
    "join_waiting_list",
    "lapse_next",
    "leave_waiting_list",
    "note_freed",
    "noting_opened_calendars",
    "noting_opened_hours",
    "offer_next",
    "put_off",
    "read_own_offer",
    "withdraw",
]
