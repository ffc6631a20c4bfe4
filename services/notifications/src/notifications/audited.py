"""Which projections are compared with their topics all the time, and what a record says of a row.

`appointments` is not among them: it is kept from the event log, which is no compacted topic and forgets in time.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from notifications.consumers import CATALOGUE_TYPES
from notifications.consumers.appointment_events import texts_of
from notifications.consumers.projected_states import client_of, item_of, user_of
from notifications.domain.appointments import AppointmentTexts
from notifications.storage.appointments import TEXTS_TABLE
from notifications.storage.projections import CATALOGUE_TABLE, CLIENTS_TABLE
from notifications.storage.users import USERS_TABLE
from slotstream_contracts.appointments import AppointmentState
from slotstream_contracts.clients import ClientState
from slotstream_contracts.envelope import Envelope
from slotstream_contracts.topics import APPOINTMENT_STATES, CATALOGUE, CLIENTS, USERS
from slotstream_contracts.users import UserState
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.drift import AuditedProjection
from slotstream_servicekit.projections import Key

_A_DAY: Final = timedelta(days=1)


def audited_projections(*, clock: Clock, kept: timedelta) -> Sequence[AuditedProjection]:
    """All of them, but for rows that housekeeping may have deleted: it keeps them for `kept` after their end."""

    def unless_past(event: Envelope[AppointmentState]) -> AppointmentTexts | None:
        is_kept = event.data.appointment.ends_at > clock() - kept + _A_DAY
        return texts_of(event.data) if is_kept else None

    return (
        AuditedProjection(
            name="catalogue",
            topic=CATALOGUE.name,
            table=CATALOGUE_TABLE,
            types=CATALOGUE_TYPES,
            row_of=lambda _, event: item_of(event.data),
            record_key_of=lambda key: f"{key[1]}:{key[2]}",
        ),
        AuditedProjection(
            name="clients",
            topic=CLIENTS.name,
            table=CLIENTS_TABLE,
            types=frozenset({ClientState.type}),
            row_of=lambda _, event: client_of(event.data),
            key_of=_of_organization,
            record_key_of=_by_id,
        ),
        AuditedProjection(
            name="users",
            topic=USERS.name,
            table=USERS_TABLE,
            types=frozenset({UserState.type}),
            row_of=lambda _, event: user_of(event.data),
            key_of=lambda organization_id, key: (organization_id, key),
            record_key_of=_by_id,
        ),
        AuditedProjection(
            name="appointment_texts",
            topic=APPOINTMENT_STATES.name,
            table=TEXTS_TABLE,
            types=frozenset({AppointmentState.type}),
            row_of=lambda _, event: unless_past(event),
            key_of=_of_organization,
            record_key_of=_by_id,
        ),
    )


def _by_id(key: Key) -> str:
    return str(key[1])


def _of_organization(organization_id: UUID, key: str) -> Key:
    return (organization_id, UUID(key))
