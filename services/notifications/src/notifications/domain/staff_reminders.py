"""Reminders to staff: to the users whose calendar an appointment is in, as each has chosen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from notifications.domain.appointments import Appointment
from notifications.domain.messages import Audience, Draft, Kind
from notifications.domain.users import StaffPreferences

_LATEST: Final = timedelta(minutes=15)
"""How late a reminder is still planned that was due while nobody heard of its appointment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffRecipient:
    """A user who has an appointment in the calendar `resource_id`."""

    resource_id: UUID
    preferences: StaffPreferences


def staff_reminders(
    appointment: Appointment,
    recipients: Sequence[StaffRecipient],
    *,
    now: datetime,
    asked_at: datetime | None,
    correlation_id: str,
    traceparent: str | None,
) -> Iterator[tuple[Draft, bool]]:
    """Every reminder that the users have chosen, and whether it may still be planned.

    Not where its time had come already when the appointment was made, moved or handed on, or when the user chose: what
    is switched on sends nothing at once. `asked_at`: when something else was changed that it depends on.
    """
    for recipient in recipients:
        preferences = recipient.preferences
        known = [appointment.updated_at, now - _LATEST, *(at for at in (preferences.changed_at, asked_at) if at)]
        for channel, lead in sorted(preferences.reminders.items()):
            due_at = lead.due_at(appointment.starts_at, appointment.zone)
            draft = Draft(
                organization_id=appointment.organization_id,
                key=":".join(
                    (
                        Kind.STAFF_REMINDER,
                        str(appointment.id),
                        preferences.user_id,
                        channel,
                        str(int(appointment.starts_at.timestamp())),
                    )
                ),
                appointment_id=appointment.id,
                appointment_version=appointment.version,
                calendar_uid=appointment.calendar_uid,
                starts_at=appointment.starts_at,
                client_id=appointment.client_id,
                resource_id=recipient.resource_id,
                user_id=preferences.user_id,
                audience=Audience.STAFF,
                channel=channel,
                kind=Kind.STAFF_REMINDER,
                due_at=due_at,
                correlation_id=correlation_id,
                traceparent=traceparent,
            )
            yield draft, max(known) < due_at < appointment.starts_at
