"""Keeping the planned reminders equal to what their appointments ask for."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from notifications.domain import Appointment, Message, due_reminders, overtaken
from notifications.storage import AppointmentStore, MessageStore, ReminderStore
from notifications.storage.messages import Stop

Chain = tuple[UUID, str]


async def plan_reminders(
    session: AsyncSession,
    *,
    chains: Collection[Chain],
    now: datetime,
    correlation_id: str,
    traceparent: str | None,
) -> list[Message]:
    """Moves and stops the messages of these chains (organization, calendar UID); returns those that changed.

    The chains' rows are locked, so that two that hear of one chain at once do not plan side by side.
    """
    by_chain: dict[Chain, list[Appointment]] = defaultdict(list)
    for each in await AppointmentStore(session).lock_chains(chains):
        by_chain[each.chain].append(each)
    reminders = defaultdict(list)
    for reminder in await ReminderStore(session).of_chains(chains):
        reminders[reminder.organization_id, reminder.calendar_uid].append(reminder)
    messages = MessageStore(session)
    stops = [stop for chain in by_chain.values() for stop in _stops(chain)]
    stopped = await messages.stop(stops, now=now)
    drafts = [
        draft
        for chain, appointments in by_chain.items()
        for draft in due_reminders(
            appointments, reminders[chain], correlation_id=correlation_id, traceparent=traceparent
        )
    ]
    return [*stopped, *await messages.plan(drafts, now=now)]


def _stops(chain: Collection[Appointment]) -> list[Stop]:
    """Whatever has been overtaken, and reminders of a start that an appointment no longer has."""
    gone = {each.id: why for each, why in overtaken(chain)}
    stops = []
    for each in chain:
        why = gone.get(each.id)
        if why is not None:
            stops.append(Stop(each.organization_id, each.id, why))
        elif each.version > 1:
            stops.append(Stop(each.organization_id, each.id, "moved", keep_starts_at=each.starts_at))
    return stops
