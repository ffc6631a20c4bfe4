"""Who is told what, when, and until when it is worth telling.

An event may be heard late, twice, or after a newer one. So a message is planned by what happened, but whether
it is still true is judged by the newest state known, here and once more when it is sent.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from notifications.domain.model import (
    Appointment,
    Asked,
    Audience,
    CatalogueItem,
    Draft,
    Heard,
    Kind,
    Reminder,
    ReminderRule,
)

_SILENT_SOURCES = frozenset({"import", "calendar_sync"})
"""Staff know these already: they come from their own books."""

_KIND_OF_VERB: Mapping[str, Kind] = {
    "approve": Kind.CREATED,
    "decline": Kind.DECLINED,
    "confirm": Kind.CONFIRMED,
    "cancel": Kind.CANCELLED,
}

WANTS_ACTIVE = frozenset({Kind.REQUESTED, Kind.CREATED, Kind.CONFIRMED, Kind.RESCHEDULED, Kind.ASSIGNED, Kind.REMINDER})
"""Kinds that only make sense while the appointment lies ahead."""


def immediate_messages(
    heard: Heard,
    *,
    newest: Appointment,
    before: Appointment | None,
    contacts: Mapping[UUID, CatalogueItem],
    now: datetime,
    newest_only: timedelta,
    notify_staff: bool = True,
) -> list[Draft]:
    """The messages that `heard` calls for.

    `newest` is the newest state known of what is told of (the replacement, after a rescheduling); `before` is the
    appointment as it was known before the event; `contacts` holds the resources known so far, by id.
    """
    subject = heard.replacement or heard.appointment
    # A series without an end grows by itself: nobody wants a mail today about a Monday in half a year.
    by_itself = "series_extended" if heard.verb == "create" and heard.actor_type == "system" else None
    too_old = "too_old" if heard.time < now - newest_only else "appointment_over" if subject.ends_at <= now else None
    drafts = []
    client_kind = _client_kind(heard)
    if client_kind is not None:
        why = _overtaken_why(client_kind, subject, newest) or too_old or by_itself
        why = why if subject.notify_client else "notify_off"
        drafts.append(_draft(heard, subject, kind=client_kind, audience=Audience.CLIENT, why=why))
    if notify_staff and too_old is None and subject.source not in _SILENT_SOURCES:
        for kind, resource_id in _staff_kinds(heard, before):
            contact = contacts.get(resource_id)
            if contact is not None and contact.email is None:
                continue
            why = "own_action" if contact is not None and contact.user_id == heard.actor_id else None
            why = _overtaken_why(kind, subject, newest) or by_itself or why
            drafts.append(_draft(heard, subject, kind=kind, audience=Audience.STAFF, resource_id=resource_id, why=why))
    return drafts


def _client_kind(heard: Heard) -> Kind | None:
    appointment = heard.appointment
    match heard.verb:
        case "create":
            if appointment.rescheduled_from is not None:
                return None
            return Kind.REQUESTED if appointment.status == "pending" else Kind.CREATED
        case "reschedule":
            return Kind.RESCHEDULED if heard.replacement is not None else None
        case "reopen":
            return Kind.CREATED if heard.status_before == "cancelled" else None
        case verb:
            return _KIND_OF_VERB.get(verb)


def _staff_kinds(heard: Heard, before: Appointment | None) -> Iterator[tuple[Kind, UUID]]:
    now = [each.id for each in (heard.replacement or heard.appointment).staff]
    match heard.verb:
        case "create" if heard.appointment.rescheduled_from is None:
            yield from ((Kind.ASSIGNED, each) for each in now)
        case "reopen" if heard.status_before == "cancelled":
            yield from ((Kind.ASSIGNED, each) for each in now)
        case "cancel" | "decline":
            yield from ((Kind.CANCELLED, each) for each in now)
        case "reschedule" if heard.replacement is not None:
            yield from _handing_over(heard.appointment, now, Kind.RESCHEDULED)
        case "assign":
            yield from _handing_over(before, now, None)


def _handing_over(before: Appointment | None, now: Sequence[UUID], staying: Kind | None) -> Iterator[tuple[Kind, UUID]]:
    earlier = [each.id for each in before.staff] if before is not None else []
    for each in now:
        if each not in earlier:
            yield Kind.ASSIGNED, each
        elif staying is not None:
            yield staying, each
    yield from ((Kind.UNASSIGNED, each) for each in earlier if each not in now)


def _overtaken_why(kind: Kind, subject: Appointment, newest: Appointment) -> str | None:
    """An event older than what is known is only told where it is still true."""
    return None if newest.version <= subject.version else still_true(kind, newest)


def _draft(
    heard: Heard,
    subject: Appointment,
    *,
    kind: Kind,
    audience: Audience,
    why: str | None,
    resource_id: UUID | None = None,
) -> Draft:
    recipient = resource_id or subject.client_id
    previous = (subject.previous_starts_at or heard.appointment.starts_at) if kind is Kind.RESCHEDULED else None
    return Draft(
        organization_id=subject.organization_id,
        key=f"{kind}:{heard.appointment.id}:{heard.appointment.version}:email:{recipient}",
        appointment_id=subject.id,
        appointment_version=subject.version,
        calendar_uid=subject.calendar_uid,
        starts_at=subject.starts_at,
        client_id=subject.client_id,
        resource_id=resource_id,
        audience=audience,
        kind=kind,
        due_at=heard.time,
        why=why,
        previous_starts_at=previous,
        correlation_id=heard.correlation_id,
        causation_id=str(heard.event_id),
        traceparent=heard.traceparent,
    )


def asked_message(asked: Asked, about: Appointment) -> Draft:
    """What was asked for. A channel that nobody serves here is no reason to forget that somebody asked."""
    return Draft(
        organization_id=asked.organization_id,
        id=asked.message_id,
        key=f"{Kind.AD_HOC}:{asked.message_id}",
        appointment_id=about.id,
        appointment_version=about.version,
        calendar_uid=about.calendar_uid,
        starts_at=about.starts_at,
        client_id=asked.client_id or about.client_id,
        resource_id=asked.resource_id,
        audience=Audience.CLIENT if asked.resource_id is None else Audience.STAFF,
        channel=asked.channel,
        kind=Kind.AD_HOC,
        due_at=asked.time,
        why="channel_unavailable",
        correlation_id=asked.correlation_id,
        causation_id=asked.causation_id,
        traceparent=asked.traceparent,
    )


def still_true(kind: Kind, appointment: Appointment, *, resource_id: UUID | None = None) -> str | None:
    """None while a message of this kind tells the truth about `appointment`; otherwise why it does not."""
    if kind in WANTS_ACTIVE and not appointment.is_active:
        return appointment.inactive_because
    if kind is Kind.REQUESTED and appointment.status != "pending":
        return "superseded"
    if kind in {Kind.CANCELLED, Kind.DECLINED} and appointment.status != "cancelled":
        return "superseded"
    is_staff = any(each.id == resource_id for each in appointment.staff)
    if (kind is Kind.ASSIGNED and resource_id is not None and not is_staff) or (kind is Kind.UNASSIGNED and is_staff):
        return "superseded"
    return None


def overtaken(chain: Collection[Appointment]) -> Iterator[tuple[Appointment, str]]:
    """The appointments of one chain that are to be told of no more, and why."""
    replaced = {each.rescheduled_from for each in chain}
    for each in chain:
        if each.id in replaced:
            yield each, "appointment_rescheduled"
        elif not each.is_active:
            yield each, each.inactive_because


def rules_for(appointment: Appointment, rules: Sequence[ReminderRule]) -> list[ReminderRule]:
    """The default reminders of a new appointment: those of its service, else of its business, else of all.

    The closest level that has any rule decides alone, even if all its rules are disabled: so a service can go
    without reminders.
    """
    levels: list[list[ReminderRule]] = [
        [rule for rule in rules if rule.service_id is not None and rule.service_id == appointment.service_id],
        [rule for rule in rules if rule.service_id is None and rule.business_id == appointment.business_id],
        [rule for rule in rules if rule.service_id is None and rule.business_id is None],
    ]
    closest = next((level for level in levels if level), [])
    return [rule for rule in closest if rule.enabled]


def due_reminders(
    chain: Collection[Appointment], reminders: Sequence[Reminder], *, correlation_id: str, traceparent: str | None
) -> list[Draft]:
    """The reminder messages that one chain should have planned now: those of its active appointment only.

    None lies after the start; one that was already due when its appointment was made is planned as suppressed.
    """
    gone = {each.id for each, _ in overtaken(chain)}
    return [
        _reminder(appointment, reminder, correlation_id, traceparent)
        for appointment in chain
        if appointment.id not in gone
        for reminder in reminders
    ]


def _reminder(appointment: Appointment, reminder: Reminder, correlation_id: str, traceparent: str | None) -> Draft:
    due_at = appointment.starts_at - reminder.before
    by_hand = reminder.rule_id is None
    draft = Draft(
        organization_id=appointment.organization_id,
        key=f"reminder:{appointment.id}:{reminder.id}:{int(appointment.starts_at.timestamp())}",
        appointment_id=appointment.id,
        appointment_version=appointment.version,
        calendar_uid=appointment.calendar_uid,
        starts_at=appointment.starts_at,
        client_id=appointment.client_id,
        audience=Audience.CLIENT,
        channel=reminder.channel,
        kind=Kind.REMINDER,
        due_at=due_at,
        reminder_id=reminder.id,
        template_id=reminder.template_id,
        correlation_id=correlation_id,
        traceparent=traceparent,
    )
    if not appointment.notify_client and not by_hand:
        return replace(draft, why="notify_off")
    return replace(draft, why="too_late") if due_at < appointment.created_at else draft
