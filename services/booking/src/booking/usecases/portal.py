"""What a client can see and do by themselves: with their own appointments that are shared with them.

Their verbs go through the same use cases as everybody's. What is added here is whose appointment it is, and that
nobody acts upon a time that they were not shown.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.appointments import Appointment
from booking.domain.catalogue import Business
from booking.domain.clients import Client
from booking.domain.errors import NotOfferedError, OvertakenError, TooLateError
from booking.domain.lifecycle import OPEN, TRANSITIONS, Status, Verb
from booking.domain.policy import Policy
from booking.storage.appointments import AppointmentStore
from booking.storage.clients import ClientStore
from booking.storage.connections import connection_of
from booking.storage.listing import AppointmentFilter, Order, list_appointments
from booking.storage.policies import PolicyCache
from booking.storage.series import SeriesStore
from booking.usecases.lifecycle import Details, change_status, notice_override
from booking.usecases.rescheduling import Move, reschedule_appointment
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import NotFoundError, SlotstreamError

MOST_SHOWN: Final = 50
NO_REASON: Final = "Cancelled by the client"
_STILL_SHOWN: Final = timedelta(hours=12)
"""How long after its start an appointment stays in the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAppointment:
    """`asks_confirmation`: whether the client is asked to confirm. `verbs`: what the client can do with it now.

    `recurs_at`: by which start calendars know it as a date of its series; None for one with an entry of its own.
    """

    appointment: Appointment
    business: Business
    client: Client
    asks_confirmation: bool
    verbs: tuple[Verb, ...]
    recurs_at: datetime | None = None


async def read_portal_client(*, session: AsyncSession, organization_id: UUID, client_id: UUID) -> Client:
    """The client, or the one whom a duplicate was merged into. Raises NotFoundError: also for one who was erased."""
    store = ClientStore(session)
    client = await store.get(organization_id, client_id)
    if client is not None and client.merged_into is not None:
        client = await store.get(organization_id, client.merged_into)
    if client is None or client.erased:
        raise NotFoundError("There is no such client.")
    return client


async def list_own_appointments(
    *, session: AsyncSession, policies: PolicyCache, context: Context, client: Client
) -> list[OwnAppointment]:
    """The open ones from today on, by their start."""
    connection = await connection_of(session)
    policy = await policies.current(connection, context.organization_id)
    rows = await list_appointments(
        connection,
        organization_id=context.organization_id,
        wanted=AppointmentFilter(
            client_ids=[client.id], status=sorted(OPEN), shared=True, begins=context.now - _STILL_SHOWN
        ),
        limit=MOST_SHOWN,
    )
    recurring = await SeriesStore(connection, context.organization_id).recurs_at([row.appointment for row in rows])
    return [_own(policy, row.appointment, client, context, recurring.get(row.appointment.id)) for row in rows]


async def read_own_appointment(
    *, session: AsyncSession, policies: PolicyCache, context: Context, client: Client, appointment_id: UUID
) -> OwnAppointment:
    """Raises NotFoundError for another's, and for one that is not shared or is archived."""
    appointment = await _find(session, context, client, appointment_id)
    connection = await connection_of(session)
    policy = await policies.current(connection, context.organization_id)
    recurring = await SeriesStore(connection, context.organization_id).recurs_at([appointment])
    return _own(policy, appointment, client, context, recurring.get(appointment.id))


async def read_contact(
    *, session: AsyncSession, policies: PolicyCache, context: Context, client_id: UUID, appointment_id: UUID | None
) -> Business:
    """Whom to call where a link does not work any more: the business of the appointment, or of the newest one.

    Tells nothing of the client, so it is answered for one who was erased as well. Raises NotFoundError.
    """
    connection = await connection_of(session)
    policy = await policies.current(connection, context.organization_id)
    business_id = None
    if appointment_id is not None:
        known = await AppointmentStore(connection, context.organization_id).get_all([appointment_id])
        business_id = known[appointment_id].business_id if appointment_id in known else None
    else:
        rows = await list_appointments(
            connection,
            organization_id=context.organization_id,
            wanted=AppointmentFilter(client_ids=[client_id], archived=None),
            order=Order(descending=True),
            limit=1,
        )
        business_id = rows[0].appointment.business_id if rows else None
    if business_id is None and len(policy.businesses) == 1:
        [business_id] = policy.businesses
    if business_id is None:
        raise NotFoundError("There is no business to name.")
    return policy.businesses[business_id]


async def confirm_own(
    *,
    session: AsyncSession,
    policies: PolicyCache,
    context: Context,
    client: Client,
    appointment_id: UUID,
    shown_starts_at: datetime | None,
) -> OwnAppointment:
    """Confirming twice is confirming once."""
    appointment = await _locked_as_shown(session, context, client, appointment_id, shown_starts_at)
    if appointment.status is not Status.CONFIRMED:
        if context.now >= appointment.ends_at:
            raise TooLateError("The appointment is over.")
        recorded = await change_status(
            session=session, policies=policies, context=context, appointment_id=appointment_id, verb=Verb.CONFIRM
        )
        appointment = recorded.appointment
    policy = await policies.current(await connection_of(session), context.organization_id)
    return _own(policy, appointment, client, context)


async def cancel_own(
    *,
    session: AsyncSession,
    policies: PolicyCache,
    context: Context,
    client: Client,
    appointment_id: UUID,
    shown_starts_at: datetime | None,
    reason: str | None,
) -> OwnAppointment:
    """Within the service's notice. Clients need not say why."""
    appointment = await _locked_as_shown(session, context, client, appointment_id, shown_starts_at)
    if context.now >= appointment.ends_at:
        raise TooLateError("The appointment is over.")
    recorded = await change_status(
        session=session,
        policies=policies,
        context=context,
        appointment_id=appointment_id,
        verb=Verb.CANCEL,
        details=Details(reason=(reason or "").strip() or NO_REASON),
    )
    policy = await policies.current(await connection_of(session), context.organization_id)
    return _own(policy, recorded.appointment, client, context)


async def move_own(
    *,
    session: AsyncSession,
    policies: PolicyCache,
    context: Context,
    client: Client,
    appointment_id: UUID,
    shown_starts_at: datetime | None,
    move: Move,
) -> OwnAppointment:
    """To a time that the same staff have free. Raises NotOfferedError, which names nobody who has it."""
    await _locked_as_shown(session, context, client, appointment_id, shown_starts_at)
    try:
        new, _ = await reschedule_appointment(
            session=session, policies=policies, context=context, appointment_id=appointment_id, move=move
        )
    except SlotstreamError as error:
        if error.reasons:
            raise NotOfferedError(list(dict.fromkeys(reason.code for reason in error.reasons))) from error
        raise
    policy = await policies.current(await connection_of(session), context.organization_id)
    return _own(policy, new.appointment, client, context)


async def _locked_as_shown(
    session: AsyncSession, context: Context, client: Client, appointment_id: UUID, shown_starts_at: datetime | None
) -> Appointment:
    """The appointment, locked, while it has the time that the client was shown, if any. Raises OvertakenError."""
    appointment = await _find(session, context, client, appointment_id, lock=True)
    is_other = shown_starts_at is not None and appointment.starts_at != shown_starts_at
    if appointment.status is Status.RESCHEDULED or is_other:
        raise OvertakenError("The appointment has another time by now.")
    return appointment


async def _find(
    session: AsyncSession, context: Context, client: Client, appointment_id: UUID, *, lock: bool = False
) -> Appointment:
    unknown = NotFoundError("There is no such appointment.")
    store = AppointmentStore(await connection_of(session), context.organization_id)
    appointment = (await store.get_all([appointment_id], lock=lock)).get(appointment_id)
    if appointment is None or appointment.archived or not appointment.share_with_client:
        raise unknown
    if appointment.client_id != client.id:
        duplicates = await ClientStore(session).duplicates_of(context.organization_id, client.id)
        if appointment.client_id not in {duplicate.id for duplicate in duplicates}:
            raise unknown
    return appointment


def _own(
    policy: Policy, appointment: Appointment, client: Client, context: Context, recurs_at: datetime | None = None
) -> OwnAppointment:
    service = policy.services.get(appointment.service_id) if appointment.service_id else None
    return OwnAppointment(
        appointment=appointment,
        business=policy.businesses[appointment.business_id],
        client=client,
        asks_confirmation=service is not None and service.client_confirms,
        verbs=tuple(
            verb
            for verb in (Verb.CONFIRM, Verb.CANCEL, Verb.RESCHEDULE)
            if _is_possible(policy, appointment, verb, context)
        ),
        recurs_at=recurs_at,
    )


def _is_possible(policy: Policy, appointment: Appointment, verb: Verb, context: Context) -> bool:
    if appointment.status not in TRANSITIONS[verb].sources or context.now >= appointment.ends_at:
        return False
    try:
        notice_override(policy, appointment, verb, context=context, reason=None)
    except TooLateError:
        return False
    return True
