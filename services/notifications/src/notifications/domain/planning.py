"""Who is told what, when, and until when it is worth telling.

An event may arrive late, twice, or after a newer one. So a message is planned by what happened, but whether it is
still true is judged by the newest state known, here and once more when it is sent.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from notifications.domain.answers import InboundMessage
from notifications.domain.appointments import AGREED_STATUSES, Appointment, AppointmentChange
from notifications.domain.channels import NotificationChannel, may_reach
from notifications.domain.contacts import CatalogueItem
from notifications.domain.follow_ups import follow_up_reason
from notifications.domain.messages import Audience, Channel, Draft, Kind, MessageRequest
from notifications.domain.reminders import Reminder
from notifications.domain.staff_choices import DEFAULT_CHOICES, UNASSIGNED, event_of
from notifications.domain.users import StaffPreferences

_SILENT_SOURCES = frozenset({"import", "calendar_sync"})
"""Staff know these already: they come from their own books."""

_STILL_ON_THE_LINE = timedelta(minutes=1)

_KIND_OF_VERB: Mapping[str, Kind] = {
    "approve": Kind.CREATED,
    "decline": Kind.DECLINED,
    "confirm": Kind.CONFIRMED,
    "cancel": Kind.CANCELLED,
}

NEED_ACTIVE = frozenset(
    {
        Kind.REQUESTED,
        Kind.CREATED,
        Kind.CONFIRMED,
        Kind.RESCHEDULED,
        Kind.ASSIGNED,
        Kind.REMINDER,
        Kind.STAFF_REMINDER,
        Kind.CLIENT_CONFIRMED,
    }
)
"""Kinds that only make sense while the appointment lies ahead."""

_OF_ITS_STAFF = frozenset({Kind.ASSIGNED, Kind.CLIENT_CONFIRMED, Kind.CLIENT_WROTE})
"""What is told to those alone whose appointment it is still."""


def immediate_messages(
    change: AppointmentChange,
    *,
    newest: Appointment,
    before: Appointment | None,
    contacts: Mapping[UUID, CatalogueItem],
    channels: Sequence[NotificationChannel],
    now: datetime,
    news_lifetime: timedelta,
    notify_staff: bool = True,
    by_subscription: Sequence[NotificationChannel] = (),
    subscribed: Mapping[UUID, datetime] | None = None,
    chosen: Mapping[UUID, StaffPreferences] | None = None,
) -> list[Draft]:
    """The messages that `change` calls for, one on each of `channels`.

    None where it was done with its series, whose own event calls for them.

    `newest` is the newest state known of the change's subject; `before` is the appointment as it was known before
    the event; `contacts` holds the resources known so far, by id. On channels `by_subscription` those are told who
    are among `subscribed`, clients and resources by id, and were when it happened. Of what is off by default those
    staff alone are told who have chosen it (`chosen`, by resource); what is switched off is judged when it is sent.
    """
    if change.with_series:
        return []
    # What has happened is told at once, also where the clock of whoever says so runs ahead.
    change = replace(change, time=min(change.time, now))
    subject = change.subject
    # A series without an end grows by itself: nobody wants a mail today about a Monday in half a year.
    by_itself = "series_extended" if change.verb == "create" and change.actor_type == "system" else None
    too_old = "too_old" if change.time < now - news_lifetime else "appointment_over" if subject.ends_at <= now else None
    since = subscribed or {}

    def more(recipient: UUID) -> list[NotificationChannel]:
        return [*by_subscription] if recipient in since and since[recipient] <= change.time else []

    drafts = []
    client_kind = _client_kind(change)
    if client_kind is not None:
        reason = _superseded_reason(client_kind, subject, newest) or too_old or by_itself
        reason = reason if change.tells_client else "notify_off"
        told_by = [*channels, *more(subject.client_id)]
        drafts += _drafts(change, told_by, kind=client_kind, audience=Audience.CLIENT, reason=reason)
    if change.former_client_id is not None:
        reason = _superseded_reason(Kind.WITHDRAWN, subject, newest, client_id=change.former_client_id) or too_old
        drafts += _drafts(
            change,
            [*channels, *more(change.former_client_id)],
            kind=Kind.WITHDRAWN,
            audience=Audience.CLIENT,
            client_id=change.former_client_id,
            reason=reason if change.tells_client else "notify_off",
        )
    if notify_staff and too_old is None and subject.source not in _SILENT_SOURCES:
        for kind, resource_id in _staff_kinds(change, before):
            contact = contacts.get(resource_id)
            own_action = "own_action" if contact is not None and contact.user_id == change.actor_id else None
            reason = _superseded_reason(kind, subject, newest) or by_itself or own_action
            drafts += _drafts(
                change,
                _wanted(
                    kind,
                    (chosen or {}).get(resource_id),
                    [
                        *(channel for channel in channels if contact is None or may_reach(channel, contact)),
                        *more(resource_id),
                    ],
                ),
                kind=kind,
                audience=Audience.STAFF,
                resource_id=resource_id,
                reason=reason,
            )
    return drafts


def _client_kind(change: AppointmentChange) -> Kind | None:
    appointment = change.appointment
    match change.verb:
        case "create":
            if appointment.rescheduled_from is not None:
                return None
            return Kind.REQUESTED if appointment.status == "pending" else Kind.CREATED
        case "reschedule":
            return Kind.RESCHEDULED if change.replacement is not None else None
        case "reopen":
            return Kind.CREATED if change.status_before == "cancelled" else None
        case "update" | "assign" if change.former_client_id is not None:
            return Kind.REQUESTED if appointment.status == "pending" else Kind.CREATED
        case verb:
            return _KIND_OF_VERB.get(verb)


def _staff_kinds(change: AppointmentChange, before: Appointment | None) -> Iterator[tuple[Kind, UUID]]:
    assigned = [member.id for member in change.subject.staff]
    match change.verb:
        case "create" if change.appointment.rescheduled_from is None:
            yield from ((Kind.ASSIGNED, resource_id) for resource_id in assigned)
        case "reopen" if change.status_before == "cancelled":
            yield from ((Kind.ASSIGNED, resource_id) for resource_id in assigned)
        case "cancel" | "decline":
            yield from ((Kind.CANCELLED, resource_id) for resource_id in assigned)
        case "reschedule" if change.replacement is not None:
            yield from _staff_changes(change.appointment, assigned, Kind.RESCHEDULED)
        case "assign":
            yield from _staff_changes(before, assigned, None)
        case "confirm" if change.actor_type == "client":
            yield from ((Kind.CLIENT_CONFIRMED, resource_id) for resource_id in assigned)


def _wanted(
    kind: Kind, preferences: StaffPreferences | None, channels: Sequence[NotificationChannel]
) -> list[NotificationChannel]:
    """The channels without those that tell of it only who asks for it, and has not."""
    event = event_of(kind)
    if event is None:
        return [*channels]
    chosen = preferences.channels_of(event) if preferences is not None else frozenset[Channel]()
    return [channel for channel in channels if channel.name in DEFAULT_CHOICES[event] | chosen]


def _staff_changes(
    before: Appointment | None, assigned: Sequence[UUID], staying: Kind | None
) -> Iterator[tuple[Kind, UUID]]:
    earlier = [member.id for member in before.staff] if before is not None else []
    for resource_id in assigned:
        if resource_id not in earlier:
            yield Kind.ASSIGNED, resource_id
        elif staying is not None:
            yield staying, resource_id
    yield from ((Kind.UNASSIGNED, resource_id) for resource_id in earlier if resource_id not in assigned)


def _superseded_reason(
    kind: Kind, subject: Appointment, newest: Appointment, *, client_id: UUID | None = None
) -> str | None:
    """An event older than what is known is only told where it is still true."""
    return None if newest.version <= subject.version else suppression_reason(kind, newest, client_id=client_id)


def _drafts(
    change: AppointmentChange,
    channels: Sequence[NotificationChannel],
    *,
    kind: Kind,
    audience: Audience,
    reason: str | None,
    resource_id: UUID | None = None,
    client_id: UUID | None = None,
) -> list[Draft]:
    """`client_id`: another client than the one whom the appointment is for."""
    subject = change.subject
    client_id = client_id or subject.client_id
    recipient = resource_id or client_id
    previous_starts_at, previous_ends_at = _previous_times(change, kind)
    return [
        Draft(
            organization_id=subject.organization_id,
            key=f"{kind}:{change.appointment.id}:{change.appointment.version}:{channel.name}:{recipient}",
            appointment_id=subject.id,
            appointment_version=subject.version,
            calendar_uid=subject.calendar_uid,
            starts_at=subject.starts_at,
            client_id=client_id,
            resource_id=resource_id,
            audience=audience,
            channel=channel.name,
            kind=kind,
            due_at=change.time,
            reason=reason,
            previous_starts_at=previous_starts_at,
            previous_ends_at=previous_ends_at,
            series_id=change.series_id,
            correlation_id=change.correlation_id,
            causation_id=str(change.event_id),
            traceparent=change.traceparent,
        )
        for channel in channels
    ]


def _previous_times(change: AppointmentChange, kind: Kind) -> tuple[datetime | None, datetime | None]:
    if kind is Kind.RESCHEDULED:
        return change.subject.previous_starts_at or change.appointment.starts_at, None
    if kind is Kind.UNASSIGNED and change.replacement is not None:
        return change.appointment.starts_at, change.appointment.ends_at
    return None, None


def requested_message(
    request: MessageRequest, appointment: Appointment | None, *, available: bool, now: datetime
) -> Draft:
    """What was asked for; on a channel that is not configured it is on the ledger as suppressed.

    `appointment` is None where it has not arrived yet: the message waits for it.
    """
    return Draft(
        organization_id=request.organization_id,
        id=request.message_id,
        key=f"{Kind.AD_HOC}:{request.message_id}",
        appointment_id=request.appointment_id,
        appointment_version=appointment.version if appointment else 0,
        calendar_uid=appointment.calendar_uid if appointment else "",
        starts_at=appointment.starts_at if appointment else request.time,
        client_id=request.client_id or (appointment.client_id if appointment else None),
        resource_id=request.resource_id,
        audience=Audience.CLIENT if request.resource_id is None else Audience.STAFF,
        channel=request.channel,
        kind=Kind.AD_HOC,
        due_at=min(request.time, now),
        reason=None if available else "channel_unavailable",
        text=request.text if available else None,
        with_variables=request.with_variables,
        order_id=request.order_id,
        correlation_id=request.correlation_id,
        causation_id=request.causation_id,
        traceparent=request.traceparent,
    )


def refused_answer(answer: InboundMessage, appointment: Appointment, *, available: bool, now: datetime) -> Draft:
    """Tells a client, once, that what they answered was not possible: after a call only if they heard nothing in it."""
    return Draft(
        organization_id=answer.organization_id,
        key=refusal_key(answer),
        appointment_id=appointment.id,
        appointment_version=appointment.version,
        calendar_uid=appointment.calendar_uid,
        starts_at=appointment.starts_at,
        client_id=answer.client_id,
        audience=Audience.CLIENT,
        channel=answer.channel,
        kind=Kind.ANSWER_REFUSED,
        due_at=now + (_STILL_ON_THE_LINE if answer.channel is Channel.VOICE else timedelta()),
        reason=None if available else "channel_unavailable",
        correlation_id=str(answer.id),
    )


def refusal_key(answer: InboundMessage) -> str:
    return f"{Kind.ANSWER_REFUSED}:{answer.id}"


def suppression_reason(
    kind: Kind, appointment: Appointment, *, resource_id: UUID | None = None, client_id: UUID | None = None
) -> str | None:
    """None while a message of this kind tells the truth about `appointment`; otherwise why it does not."""
    if kind in NEED_ACTIVE and not appointment.is_active:
        return appointment.inactive_reason
    told = {
        Kind.REQUESTED: "pending",
        Kind.CANCELLED: "cancelled",
        Kind.DECLINED: "cancelled",
        Kind.CLIENT_CONFIRMED: "confirmed",
    }
    if appointment.status != told.get(kind, appointment.status):
        return "superseded"
    if kind is Kind.FOLLOW_UP:
        return follow_up_reason(appointment)
    if kind is Kind.WITHDRAWN and appointment.client_id == client_id:
        return "superseded"
    is_staff = any(member.id == resource_id for member in appointment.staff)
    if (kind in _OF_ITS_STAFF and resource_id is not None and not is_staff) or (kind is Kind.UNASSIGNED and is_staff):
        return "superseded"
    return UNASSIGNED if kind is Kind.STAFF_REMINDER and not is_staff else None


def ended_appointments(chain: Collection[Appointment]) -> Iterator[tuple[Appointment, str]]:
    """The appointments of one chain that nothing more is said of, and why."""
    replaced = {appointment.rescheduled_from for appointment in chain}
    for appointment in chain:
        if appointment.id in replaced:
            yield appointment, "appointment_rescheduled"
        elif not appointment.is_active:
            yield appointment, appointment.inactive_reason


def due_reminders(
    chain: Collection[Appointment], reminders: Sequence[Reminder], *, correlation_id: str, traceparent: str | None
) -> list[Draft]:
    """The reminder messages that one chain should have planned now: those of its active appointment only.

    None lies after the start. One that was already due when its appointment was made, or when a rule gave it to one
    that stood already, is planned as suppressed, and so is that of a request until it is approved.
    """
    ended = {appointment.id for appointment, _ in ended_appointments(chain)}
    return [
        _reminder_draft(appointment, reminder, correlation_id, traceparent)
        for appointment in chain
        if appointment.id not in ended
        for reminder in reminders
    ]


def _reminder_draft(
    appointment: Appointment, reminder: Reminder, correlation_id: str, traceparent: str | None
) -> Draft:
    due_at = reminder.lead.due_at(appointment.starts_at, appointment.zone)
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
        return replace(draft, reason="notify_off")
    if appointment.status not in AGREED_STATUSES:
        return replace(draft, reason="appointment_pending")
    # A whole day may be missing from a calendar: then the day before is the day itself.
    in_time = appointment.created_at <= due_at < appointment.starts_at
    was_due = reminder.asked_at is not None and due_at <= reminder.asked_at
    return draft if in_time and not was_due else replace(draft, reason="too_late")
