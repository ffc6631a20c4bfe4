"""What `slotstream rebuild notifications` makes anew: the states are kept, nothing is planned and nobody is told."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.consumers.handlers import Handlers
from notifications.consumers.records import (
    APPOINTMENT_STATE_TYPES,
    CATALOGUE_TYPES,
    SERIES_TYPES,
    USER_TYPES,
    WAITING_LIST_TYPES,
    Batch,
    changes_in,
    items_in,
    offers_in,
    series_news_in,
    users_in,
)
from notifications.domain.channels import Channels
from notifications.usecases.projections import apply_appointments, apply_catalogue
from notifications.usecases.series import apply_series
from notifications.usecases.users import keep_users
from notifications.usecases.waiting_list import apply_waiting_list
from slotstream_contracts.topics import (
    APPOINTMENT_STATES,
    APPOINTMENTS,
    CATALOGUE,
    CLIENTS,
    SERIES,
    USERS,
    WAITING_LIST,
)
from slotstream_servicekit.clock import system_clock
from slotstream_servicekit.rebuild import Projection


def projections() -> Sequence[Projection]:
    handlers = Handlers(
        clock=system_clock,
        channels=Channels([], immediate=()),
        news_lifetime=timedelta(),
        passed_over_after=timedelta(),
        notify_staff=False,
    )
    return [
        Projection(
            name="appointments", topics=[APPOINTMENTS.name], handler=on_past_appointments, tables=["appointments"]
        ),
        Projection(name="series", topics=[SERIES.name], handler=on_past_series, tables=["series"], types=SERIES_TYPES),
        Projection(
            name="waiting_list_entries",
            topics=[WAITING_LIST.name],
            handler=on_past_waiting_list,
            tables=["waiting_list_entries"],
            types=WAITING_LIST_TYPES,
        ),
        Projection(
            name="appointment_texts",
            topics=[APPOINTMENT_STATES.name],
            handler=handlers.on_appointment_states,
            tables=["appointment_texts"],
            types=APPOINTMENT_STATE_TYPES,
        ),
        Projection(name="clients", topics=[CLIENTS.name], handler=handlers.on_clients, tables=["clients"]),
        Projection(
            name="catalogue",
            topics=[CATALOGUE.name],
            handler=on_past_catalogue,
            tables=["catalogue"],
            types=CATALOGUE_TYPES,
        ),
        Projection(name="users", topics=[USERS.name], handler=on_past_users, tables=["users"], types=USER_TYPES),
    ]


async def on_past_appointments(session: AsyncSession, batch: Batch) -> None:
    await apply_appointments(session=session, changes=changes_in(batch))


async def on_past_series(session: AsyncSession, batch: Batch) -> None:
    await apply_series(session=session, states=[one.series for one in series_news_in(batch)])


async def on_past_waiting_list(session: AsyncSession, batch: Batch) -> None:
    await apply_waiting_list(session=session, news=offers_in(batch))


async def on_past_catalogue(session: AsyncSession, batch: Batch) -> None:
    await apply_catalogue(session=session, states=items_in(batch), now=system_clock())


async def on_past_users(session: AsyncSession, batch: Batch) -> None:
    states, removed = users_in(batch)
    await keep_users(session=session, states=states, removed=removed, now=system_clock())
