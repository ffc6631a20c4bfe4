"""What is written of a booking whose time is found: the appointment, its history, its events and its stored answer."""

from dataclasses import dataclass

from booking.domain.appointments import Appointment
from booking.domain.changes import Change, Override
from booking.domain.clients import Client
from booking.domain.lifecycle import Verb
from booking.domain.policy import Wanted
from booking.domain.requests import Plan
from booking.domain.seating import assigned_resources
from booking.publishers import appointment_records, client_record, fields_json, snapshot_json
from booking.storage.appointments import appointment_json
from booking.storage.booking_statement import BookingRow
from booking.usecases.booking.model import Booking, Predecessor
from booking.usecases.claiming import SeatedClaim
from booking.usecases.resolving import ResolvedClient


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedBooking:
    """A booking with its plan."""

    booking: Booking
    plan: Plan

    @property
    def wanted(self) -> Wanted:
        return self.plan.wanted

    @property
    def occupies(self) -> bool:
        return self.plan.occupies


def booking_row(
    seated: SeatedClaim[PlannedBooking],
    *,
    client: ResolvedClient,
    new_client: Client | None,
    contact_locks: tuple[int, ...],
) -> BookingRow:
    """`new_client`: whom the statement is to make with the appointment, under these locks of their contacts."""
    booking, plan = seated.plan.booking, seated.plan.plan
    context, limit = booking.context, plan.wanted.rules.capacity
    appointment = plan.appointment(assigned_resources(seated.policy, seated.seats, limit=limit))
    change = _creation(appointment, booking.predecessor, seated.override, series_version=booking.request.series_version)
    records = appointment_records(
        appointment,
        change=change,
        actor=context.actor,
        cause=context.cause,
        snapshot=snapshot_json(appointment),
    )
    return BookingRow(
        appointment=appointment,
        blocked=plan.wanted.blocked,
        takes=seated.takes,
        beside=seated.beside,
        state=appointment_json(appointment),
        actor=context.actor,
        change=change,
        changed_fields=fields_json(change),
        records=records if new_client is None else (client_record(new_client, cause=context.cause), *records),
        claim=booking.claim,
        answer=booking.answer(appointment, client.notes) if booking.claim and booking.answer else None,
        new_client=new_client,
        contact_locks=contact_locks,
    )


def _creation(
    appointment: Appointment, replaced: Predecessor | None, override: Override | None, *, series_version: int | None
) -> Change:
    """How the appointment came to be. One that replaces another says so: both times, the reason and the link."""
    if replaced is None:
        return Change(verb=Verb.CREATE, fields={}, override=override, series_version=series_version)
    old = replaced.appointment
    moved = {
        "starts_at": (old.starts_at, appointment.starts_at),
        "ends_at": (old.ends_at, appointment.ends_at),
        "rescheduled_from": (None, old.id),
    }
    return Change(
        verb=Verb.CREATE, fields=moved, reason=replaced.reason, override=override, series_version=series_version
    )
