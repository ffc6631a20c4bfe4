"""Many appointments at once, in sets: what one of them refuses leaves the others done."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.appointments import Appointment, changed, takes_time
from booking.domain.bulk import VERBS, BulkFinishedError, BulkJob, BulkOrder, BulkProgress, BulkVerb
from booking.domain.changes import Change
from booking.domain.errors import WorkFailedError, WorkFailure
from booking.domain.lifecycle import OPEN, Verb
from booking.domain.policy import Policy
from booking.publishers import withdraw_messages_record
from booking.storage.appointments import AppointmentStore
from booking.storage.bulk import BulkStore
from booking.storage.connections import connection_of
from booking.storage.erasure import appointments_of_erased
from booking.storage.occupancy import OccupancyStore
from booking.storage.policies import PolicyCache
from booking.usecases.history import Recorded, record_changes
from booking.usecases.lifecycle import Details, about_erased, decide, refuse_to_hide, told
from booking.usecases.messages import send_messages
from slotstream_servicekit.context import Context
from slotstream_servicekit.database import unavailable_as_transient
from slotstream_servicekit.errors import NotFoundError, SlotstreamError
from slotstream_servicekit.outbox import enqueue

PORTION: Final = 500
_PUT_OFF: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemOutcome:
    """What became of one appointment: the change, where there is one, or the refusal."""

    appointment_id: UUID
    error: SlotstreamError | None = None
    recorded: Recorded | None = None


async def do_in_bulk(
    *,
    session: AsyncSession,
    policies: PolicyCache,
    context: Context,
    order: BulkOrder,
    appointment_ids: Sequence[UUID],
) -> list[ItemOutcome]:
    """Does the order for these appointments, each once, in a fixed number of statements; outcomes in their order."""
    ids = list(dict.fromkeys(appointment_ids))
    store = AppointmentStore(await connection_of(session), context.organization_id)
    known = await store.get_all(ids, lock=not order.verb.is_message)
    errors: dict[UUID, SlotstreamError] = {
        appointment_id: NotFoundError(f"There is no appointment {appointment_id}.")
        for appointment_id in ids
        if appointment_id not in known
    }
    appointments = [known[appointment_id] for appointment_id in ids if appointment_id in known]
    recorded: dict[UUID, Recorded] = {}
    if order.verb.is_message:
        errors |= await send_messages(session=session, context=context, order=order, appointments=appointments)
    else:
        change = _cancel_and_archive if order.cancels_open else _change
        recorded, refused = await change(session, policies, context, order, appointments)
        errors |= refused
    return [
        ItemOutcome(
            appointment_id=appointment_id, error=errors.get(appointment_id), recorded=recorded.get(appointment_id)
        )
        for appointment_id in ids
    ]


async def _change(
    session: AsyncSession,
    policies: PolicyCache,
    context: Context,
    order: BulkOrder,
    appointments: Sequence[Appointment],
) -> tuple[dict[UUID, Recorded], dict[UUID, SlotstreamError]]:
    """What the order has changed, and the refusals, by appointment."""
    changes, refused = await _judged(session, policies, context, order, appointments)
    occupying = {appointment.id for appointment in appointments if appointment.occupies}
    return await _record(session, context, changes, occupying=occupying), refused


async def _cancel_and_archive(
    session: AsyncSession,
    policies: PolicyCache,
    context: Context,
    order: BulkOrder,
    appointments: Sequence[Appointment],
) -> tuple[dict[UUID, Recorded], dict[UUID, SlotstreamError]]:
    """One that cannot be cancelled is not archived either."""
    cancel = replace(order, verb=BulkVerb.CANCEL)
    still_open = [appointment for appointment in appointments if appointment.status in OPEN]
    cancelled, refused = await _change(session, policies, context, cancel, still_open)
    rest = [
        cancelled[appointment.id].appointment if appointment.id in cancelled else appointment
        for appointment in appointments
        if appointment.id not in refused
    ]
    archived, not_hidden = await _change(session, policies, context, order, rest)
    return cancelled | archived, refused | not_hidden


async def _judged(
    session: AsyncSession,
    policies: PolicyCache,
    context: Context,
    order: BulkOrder,
    appointments: Sequence[Appointment],
) -> tuple[list[tuple[Appointment, Change]], dict[UUID, SlotstreamError]]:
    """The changes that the order makes, and the refusals by appointment."""
    connection = await connection_of(session)
    policy = await policies.current(connection, context.organization_id)
    ids = [appointment.id for appointment in appointments]
    of_erased = await appointments_of_erased(connection, context.organization_id, ids)
    changes: list[tuple[Appointment, Change]] = []
    refused: dict[UUID, SlotstreamError] = {}
    for appointment in appointments:
        try:
            new, change = _changed(policy, appointment, order, context, is_of_erased=appointment.id in of_erased)
        except SlotstreamError as error:
            refused[appointment.id] = error
        else:
            if change.fields:
                changes.append((new, change))
    return changes, refused


def _changed(
    policy: Policy, old: Appointment, order: BulkOrder, context: Context, *, is_of_erased: bool
) -> tuple[Appointment, Change]:
    verb = VERBS[order.verb]
    if verb is Verb.ARCHIVE:
        refuse_to_hide(old, now=context.now)
        return changed(old, verb=verb, now=context.now, archived=True)
    details = Details(reason=order.reason, notify=order.notify, tell_client=order.tell_client)
    if is_of_erased:
        details = about_erased(verb, details)
    status, override = decide(policy, old, verb, context=context, details=details)
    new, change = changed(
        old,
        verb=verb,
        now=context.now,
        reason=details.reason,
        override=override,
        status=status,
        occupies=takes_time(status, pending_occupies=old.occupies),
        **told(old, details),
    )
    return new, replace(change, tell_client=details.tell_client)


async def _record(
    session: AsyncSession, context: Context, changes: Sequence[tuple[Appointment, Change]], *, occupying: set[UUID]
) -> dict[UUID, Recorded]:
    freed = [new.id for new, _ in changes if new.id in occupying and not new.occupies]
    if freed:
        await OccupancyStore(await connection_of(session), context.organization_id).free_all(freed)
    done = await record_changes(session, changes, context=context)
    return {recorded.appointment.id: recorded for recorded in done}


async def cancel_order(*, session: AsyncSession, context: Context, job: BulkProgress) -> BulkProgress:
    """Stops an order, which is locked: no further portion is done, and of messages no more are sent.

    Messages are withdrawn although all were asked for, since notifications sends them over hours; once more where
    that is asked for once more. Raises BulkFinishedError.
    """
    if job.status == "finished" and not job.verb.is_message:
        raise BulkFinishedError(f"Bulk order {job.id} is finished: nothing of it is left to be stopped.")
    if job.verb.is_message:
        await enqueue(session, [withdraw_messages_record(order_id=job.id, context=context)])
    if job.status == "cancelled":
        return job
    return await BulkStore(session).cancel(job, by=context.actor.id, now=context.now)


async def do_next_portion(*, session: AsyncSession, policies: PolicyCache, now: datetime) -> BulkProgress | None:
    """Takes the order that has waited longest one portion on; None where none waits.

    Changes and outcomes commit together: a worker that dies leaves the portion undone, and another does it. Raises
    WorkFailedError, which names the order.
    """
    store = BulkStore(session)
    due = await store.next_job(now=now)
    if due is None:
        return None
    try:
        with unavailable_as_transient():
            return await _do_portion(session, policies, store, await store.job(*due, now=now), now=now)
    except Exception as error:
        raise WorkFailedError(*due) from error


async def put_off_order(*, session: AsyncSession, error: WorkFailedError, now: datetime) -> None:
    """One of which no portion can be done now leaves its turn to the others, and tells why."""
    failure = WorkFailure(code=error.code, failed_at=now)
    await BulkStore(session).put_off(error.organization_id, error.id, until=now + _PUT_OFF, failure=failure)


async def _do_portion(
    session: AsyncSession, policies: PolicyCache, store: BulkStore, job: BulkJob, *, now: datetime
) -> BulkProgress:
    await store.bind(job.context.limits)
    outcomes = await do_in_bulk(
        session=session,
        policies=policies,
        context=job.context,
        order=job.order,
        appointment_ids=await store.next_appointments(job.progress, limit=PORTION),
    )
    return await store.finish(job.progress, [outcome.error for outcome in outcomes], now=now)
