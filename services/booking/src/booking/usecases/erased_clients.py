"""Appointments of erased clients: they come to their end, but nobody writes anything about the person again."""

from typing import Final

from booking.domain.appointments import Appointment
from booking.domain.erasure import ERASED
from booking.domain.errors import ClientErasedError
from booking.domain.lifecycle import Verb
from booking.domain.series import Series
from booking.storage.bookings import BookingStore
from booking.storage.erasure import appointments_of_erased
from slotstream_servicekit.database import Connection

ABOUT_A_PERSON: Final = frozenset({Verb.REOPEN, Verb.RESCHEDULE, Verb.UPDATE, Verb.ASSIGN})
"""What makes no sense where there is nobody any more. The other verbs end an appointment."""


async def is_of_erased(connection: Connection, locked: Appointment) -> bool:
    """An erase takes the person's appointments before it looks: whoever has one after it sees that it was done."""
    return bool(await appointments_of_erased(connection, locked.organization_id, [locked.id]))


async def refuse_if_erased(connection: Connection, locked: Appointment) -> None:
    if await is_of_erased(connection, locked):
        raise client_was_erased()


async def is_series_of_erased(connection: Connection, locked: Series) -> bool:
    """An erase takes the person's series too."""
    return await BookingStore(connection, locked.organization_id).current_client(locked.client_id) is None


def refuse_text(*texts: str | None) -> None:
    """Raises ClientErasedError where something is written; that the client was erased may be said."""
    if any(text and text.strip() not in {"", ERASED} for text in texts):
        raise client_was_erased()


def client_was_erased() -> ClientErasedError:
    return ClientErasedError("The client was erased: nothing is written about them any more.")
