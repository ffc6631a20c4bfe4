"""What arrives from other services: appointment events, clients, the catalogue, and requests to send a message."""

from notifications.consumers.handlers import PASSED_OVER, Handlers
from notifications.consumers.rebuild import on_past_appointments, projections
from notifications.consumers.records import (
    APPOINTMENT_STATE_TYPES,
    CATALOGUE_TYPES,
    CLIENT_TYPES,
    COMMAND_TYPES,
    RESULT_TYPES,
    SERIES_TYPES,
    USER_TYPES,
    WAITING_LIST_TYPES,
)
from slotstream_contracts.topics import (
    APPOINTMENT_STATES,
    APPOINTMENTS,
    BOOKING_RESULTS,
    CATALOGUE,
    CLIENTS,
    NOTIFICATION_COMMANDS,
    SERIES,
    USERS,
    WAITING_LIST,
)
from slotstream_servicekit.consumer import Consumers

__all__ = ["CATALOGUE_TYPES", "PASSED_OVER", "Handlers", "on_past_appointments", "projections", "register"]


def register(consumers: Consumers, handlers: Handlers) -> None:
    # The ledger's keys make every message happen once, however old a record is, so that no inbox is needed.
    consumers.subscribe(APPOINTMENTS.name, handlers.on_appointments, dedupe=False)
    consumers.subscribe(SERIES.name, handlers.on_series, types=SERIES_TYPES, dedupe=False)
    consumers.subscribe(WAITING_LIST.name, handlers.on_waiting_list, types=WAITING_LIST_TYPES, dedupe=False)
    consumers.subscribe(
        NOTIFICATION_COMMANDS.name, handlers.on_notification_commands, types=COMMAND_TYPES, dedupe=False
    )
    consumers.subscribe(
        APPOINTMENT_STATES.name, handlers.on_appointment_states, types=APPOINTMENT_STATE_TYPES, dedupe=False
    )
    consumers.subscribe(CLIENTS.name, handlers.on_clients, types=CLIENT_TYPES, dedupe=False)
    consumers.subscribe(CATALOGUE.name, handlers.on_catalogue, types=CATALOGUE_TYPES, dedupe=False)
    consumers.subscribe(USERS.name, handlers.on_users, types=USER_TYPES, dedupe=False)
    consumers.subscribe(BOOKING_RESULTS.name, handlers.on_booking_results, types=RESULT_TYPES, dedupe=False)
