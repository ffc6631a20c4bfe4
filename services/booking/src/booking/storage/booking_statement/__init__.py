"""The statement that books: appointments with their occupancy, history, outbox and idempotency keys, or nothing.

Its text is this file's. The columns of an appointment come from their one declaration, so versions of the service
that differ by a field run beside each other on one database, each with its own text. What reads tables that grow is in
the database's function `admit_bookings`, which knows no column of an appointment and plans by indexes whatever
statistics say (`storage/functions.py`).

Why it is one statement: a round trip costs as much as the writing. Why parts of it look the way they do:

- `admitted` comes first. It binds the tenant, so nothing may read or write before it: every step draws from it.
- Time is taken with ON CONFLICT DO NOTHING: who loses a race is left out, where a plain INSERT would raise, and under
  contention deadlock. It is taken in the order of resource and start, the same for all batches, so none of two batches
  can hold what the other waits for.
- A single booking that enters a session, a group's or by override, is guarded by `admit_to_sessions`: of two who come
  to overlap there at the same instant, the second is left out, and knows of the first when they look again. Many are
  in a transaction, which has seen to it before it looked.
- A new client of a single booking is guarded by `admit_client`: of two who come with one phone at the same instant,
  the second is left out, and finds the first one's client when they look again.
- A row is booked if all of its resources were taken. A row that got a part of them leaves occupancy without an
  appointment behind: `partial` names it, and the caller deletes it in the same transaction.
"""

from booking.storage.booking_statement.rows import BookingRow, gate_of
from booking.storage.booking_statement.text import Shape, booking_text
from booking.storage.booking_statement.values import booking_values

__all__ = ["BookingRow", "Shape", "booking_text", "booking_values", "gate_of"]
