"""/v1/staff-preferences: what the caller, a user, wants to be sent."""

from datetime import time

from fastapi import Response

from notifications.api.dependencies import CurrentDependencies, Reader
from notifications.domain.leads import Lead
from notifications.domain.messages import Channel
from notifications.domain.staff_choices import StaffEvent
from notifications.schemas.staff_preferences import (
    LeadOut,
    StaffPreferencesIn,
    StaffPreferencesOut,
    StaffRemindersIn,
    StaffRemindersOut,
    StaffToldIn,
    StaffToldOut,
)
from notifications.usecases.users import ShownPreferences, change_staff_preferences, read_staff_preferences
from slotstream_servicekit.http import Router
from slotstream_servicekit.http.etags import IfMatch
from slotstream_servicekit.http.responses import model_response

router = Router(prefix="/v1/staff-preferences", tags=["preferences"])


@router.get("", response_model=StaffPreferencesOut)
async def get_staff_preferences(dependencies: CurrentDependencies, principal: Reader) -> Response:
    """The caller's own."""
    async with dependencies.database.transaction(principal) as session:
        shown = await read_staff_preferences(session=session, context=dependencies.context_of(principal))
    return _answer(shown)


@router.put("", response_model=StaffPreferencesOut)
async def set_staff_preferences(
    body: StaffPreferencesIn, dependencies: CurrentDependencies, principal: Reader, expected_version: IfMatch
) -> Response:
    """What the caller is told of, by event and channel, how long before their appointments they are reminded, and the
    daily agenda: a mail with what is in their calendars on one day, at the hour that they choose.

    A day is told once, and one without appointments not at all. A reminder that is switched on sends nothing at once.
    """
    async with dependencies.database.transaction(principal) as session:
        shown = await change_staff_preferences(
            session=session,
            context=dependencies.context_of(principal),
            agenda_at=time.fromisoformat(body.agenda_at) if body.agenda_at is not None else None,
            agenda_ahead=body.agenda_ahead,
            told_by=_told_by(body.told_by) if body.told_by is not None else None,
            reminders=_reminders(body.reminders) if body.reminders is not None else None,
            expected_version=expected_version,
        )
    return _answer(shown)


def _told_by(body: StaffToldIn) -> dict[StaffEvent, frozenset[Channel]]:
    given = {
        StaffEvent.ASSIGNED: body.assigned,
        StaffEvent.UNASSIGNED: body.unassigned,
        StaffEvent.RESCHEDULED: body.rescheduled,
        StaffEvent.CANCELLED: body.cancelled,
        StaffEvent.ANSWERED: body.answered,
    }
    return {event: frozenset(map(Channel, channels)) for event, channels in given.items() if channels is not None}


def _reminders(body: StaffRemindersIn) -> dict[Channel, Lead]:
    given = {Channel.EMAIL: body.email, Channel.PUSH: body.push}
    return {
        channel: Lead.of(lead.minutes_before, by_clock=lead.by_clock)
        for channel, lead in given.items()
        if lead is not None
    }


def _lead_out(lead: Lead | None) -> LeadOut | None:
    return LeadOut(minutes_before=lead.minutes, by_clock=lead.by_clock) if lead is not None else None


def _answer(shown: ShownPreferences) -> Response:
    chosen = shown.preferences
    document = StaffPreferencesOut(
        agenda_at=chosen.agenda_at.strftime("%H:%M") if chosen.agenda_at is not None else None,
        agenda_ahead=chosen.agenda_ahead,
        agenda_zone=shown.zone,
        agenda_next_at=shown.next_at,
        told_by=StaffToldOut.model_validate(
            {event.value: sorted(channel.value for channel in chosen.channels_of(event)) for event in StaffEvent}
        ),
        reminders=StaffRemindersOut(
            email=_lead_out(chosen.reminders.get(Channel.EMAIL)), push=_lead_out(chosen.reminders.get(Channel.PUSH))
        ),
        version=chosen.version,
    )
    return model_response(document, version=chosen.version)
