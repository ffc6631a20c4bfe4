"""Who did not come is written to afterwards, once, by rule."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from notifications.domain.appointments import Appointment, AppointmentChange
from notifications.domain.messages import Audience, Channel, Draft, Kind
from notifications.domain.rules import rules_for

_NO_SHOW: Final = "no_show"
"""The verb and the status that it leads to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpRule:
    """After a no-show, of the organization, of one business (`business_id`) or of one service."""

    organization_id: UUID
    id: UUID
    business_id: UUID | None
    service_id: UUID | None
    channel: Channel
    after: timedelta
    """From the time at which it was noted that the client did not come."""
    template_id: UUID | None
    enabled: bool
    created_at: datetime
    updated_at: datetime
    version: int


def due_follow_ups(
    changes: Sequence[AppointmentChange],
    *,
    newest: Mapping[tuple[UUID, UUID], Appointment],
    rules: Sequence[FollowUpRule],
    now: datetime,
    news_lifetime: timedelta,
) -> list[Draft]:
    """What the no-shows among `changes` call for: one message per appointment and rule, whatever comes again.

    `newest` is the newest state known of each appointment: where it is a no-show no more, nobody is written to. A rule
    is for what happens after it was made. What would be late by more than `news_lifetime` is not sent.
    """
    return [
        _draft(change, rule, now=now, news_lifetime=news_lifetime)
        for change in _last_no_shows(changes)
        if newest[_key(change)].status == _NO_SHOW
        for rule in rules_for(change.appointment, rules)
        if rule.created_at <= change.time
    ]


def follow_up_reason(appointment: Appointment) -> str | None:
    """Why a follow-up is not sent; None while the appointment is a no-show that is kept as one."""
    if appointment.archived:
        return "appointment_archived"
    return None if appointment.status == _NO_SHOW else "superseded"


def undone_no_shows(
    changes: Sequence[AppointmentChange], *, newest: Mapping[tuple[UUID, UUID], Appointment]
) -> Iterator[tuple[UUID, UUID]]:
    """The appointments (organization, id) whose no-show was undone by one of `changes`."""
    for change in changes:
        if change.status_before == _NO_SHOW and newest[_key(change)].status != _NO_SHOW:
            yield _key(change)


def _last_no_shows(changes: Sequence[AppointmentChange]) -> list[AppointmentChange]:
    last: dict[tuple[UUID, UUID], AppointmentChange] = {}
    for change in changes:
        known = last.get(_key(change))
        is_newer = known is None or known.appointment.version < change.appointment.version
        if change.verb == _NO_SHOW and is_newer:
            last[_key(change)] = change
    return list(last.values())


def _key(change: AppointmentChange) -> tuple[UUID, UUID]:
    return change.appointment.organization_id, change.appointment.id


def _draft(change: AppointmentChange, rule: FollowUpRule, *, now: datetime, news_lifetime: timedelta) -> Draft:
    appointment, due_at = change.appointment, min(change.time, now) + rule.after
    too_old = "too_old" if due_at < now - news_lifetime else None
    return Draft(
        organization_id=appointment.organization_id,
        key=f"{Kind.FOLLOW_UP}:{appointment.id}:{rule.id}",
        appointment_id=appointment.id,
        appointment_version=appointment.version,
        calendar_uid=appointment.calendar_uid,
        starts_at=appointment.starts_at,
        client_id=appointment.client_id,
        audience=Audience.CLIENT,
        channel=rule.channel,
        kind=Kind.FOLLOW_UP,
        due_at=due_at,
        reason=too_old if change.tells_client else "notify_off",
        template_id=rule.template_id,
        correlation_id=change.correlation_id,
        causation_id=str(change.event_id),
        traceparent=change.traceparent,
    )
