"""Many appointments at once, in sets: what one of them refuses leaves the others done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.bulk import VERBS, BulkOrder
from booking.domain.lifecycle import Verb
from booking.domain.model import Actor, Appointment, Change, changed, takes_time
from booking.domain.policy import Policy
from booking.publishers import Cause
from booking.storage.appointments import read_appointments
from booking.storage.bulk import BulkProgress, finish_items, next_items, next_job
from booking.storage.connections import connection_of
from booking.storage.occupancy import free_holders
from booking.storage.policies import PolicyCache
from booking.usecases.lifecycle import Details, decide, told
from booking.usecases.recording import Recorded, record_changes
from booking.usecases.texting import send_texts
from slotstream_servicekit.errors import NotFoundError, SlotstreamError

PORTION = 500


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
    organization_id: UUID,
    order: BulkOrder,
    appointment_ids: Sequence[UUID],
    actor: Actor,
    cause: Cause,
    now: datetime,
) -> list[ItemOutcome]:
    """Does the order for these appointments, each once, in a fixed number of statements; outcomes in their order."""
    connection = await connection_of(session)
    ids = list(dict.fromkeys(appointment_ids))
    found = await read_appointments(
        connection, organization_id=organization_id, ids=ids, lock=not order.verb.is_message
    )
    known = [found[one] for one in ids if one in found]
    errors: dict[UUID, SlotstreamError] = {
        one: NotFoundError(f"There is no appointment {one}.") for one in ids if one not in found
    }
    recorded: dict[UUID, Recorded] = {}
    if order.verb.is_message:
        errors |= await send_texts(
            session=session,
            organization_id=organization_id,
            order=order,
            about=known,
            actor=actor,
            cause=cause,
            now=now,
        )
    else:
        policy = await policies.current(connection, organization_id)
        changes, refused = _judged(policy, known, order, actor=actor, now=now)
        errors |= refused
        freed = [new.id for new, _ in changes if found[new.id].occupies and not new.occupies]
        if freed:
            await free_holders(connection, organization_id, freed)
        done = await record_changes(session, changes, actor=actor, cause=cause)
        recorded = {one.appointment.id: one for one in done}
    return [ItemOutcome(appointment_id=one, error=errors.get(one), recorded=recorded.get(one)) for one in ids]


def _judged(
    policy: Policy, appointments: Sequence[Appointment], order: BulkOrder, *, actor: Actor, now: datetime
) -> tuple[list[tuple[Appointment, Change]], dict[UUID, SlotstreamError]]:
    changes: list[tuple[Appointment, Change]] = []
    refused: dict[UUID, SlotstreamError] = {}
    for one in appointments:
        try:
            new, change = _changed(policy, one, order, actor=actor, now=now)
        except SlotstreamError as error:
            refused[one.id] = error
        else:
            if change.fields:
                changes.append((new, change))
    return changes, refused


def _changed(
    policy: Policy, old: Appointment, order: BulkOrder, *, actor: Actor, now: datetime
) -> tuple[Appointment, Change]:
    verb = VERBS[order.verb]
    if verb is Verb.ARCHIVE:
        return changed(old, verb=verb, now=now, archived=True)
    details = Details(reason=order.reason, notify=order.notify)
    status, override = decide(policy, old, verb, actor=actor, now=now, details=details)
    return changed(
        old,
        verb=verb,
        now=now,
        reason=order.reason,
        override=override,
        status=status,
        occupies=takes_time(status, pending_occupies=old.occupies),
        **told(old, details),
    )


async def do_next_portion(*, session: AsyncSession, policies: PolicyCache, now: datetime) -> BulkProgress | None:
    """Takes the order that has waited longest one portion on; None where none waits.

    Changes and outcomes commit together: a worker that dies leaves the portion undone, and another does it.
    """
    connection = await connection_of(session)
    job = await next_job(connection)
    if job is None:
        return None
    items = await next_items(connection, job, limit=PORTION)
    outcomes = await do_in_bulk(
        session=session,
        policies=policies,
        organization_id=job.organization_id,
        order=job.order,
        appointment_ids=items,
        actor=job.actor,
        cause=Cause(correlation_id=job.correlation_id, traceparent=job.traceparent),
        now=now,
    )
    return await finish_items(connection, job, [one.error for one in outcomes], now=now)
