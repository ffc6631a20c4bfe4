"""Who is told what of a change of a series: one message each, however many dates it has."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from notifications.domain.channels import NotificationChannel, may_reach
from notifications.domain.contacts import CatalogueItem
from notifications.domain.messages import Audience, Draft, Kind
from notifications.domain.series import Series, SeriesAppointment, active_ahead

_MOVES = frozenset({"moved", "booked", "forced", "cancelled"})
"""What a change does to a date that others are told of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesNews:
    """One event of a series: what was done, to what, and by whom. `scope` "this" is one date's own affair."""

    series: Series
    verb: str
    scope: str | None
    notify_client: bool
    former_staff_ids: tuple[UUID, ...]
    resources_changed: bool
    actor_id: str
    time: datetime
    event_id: UUID
    correlation_id: str
    traceparent: str | None = None


def series_messages(
    news: SeriesNews,
    *,
    contacts: Mapping[UUID, CatalogueItem],
    channels: Sequence[NotificationChannel],
    now: datetime,
    news_lifetime: timedelta,
    notify_staff: bool = True,
    by_subscription: Sequence[NotificationChannel] = (),
    subscribed: Mapping[UUID, datetime] | None = None,
) -> list[Draft]:
    """The messages that one event of a series calls for: one to the client and one to each of its staff, however many
    dates it has.
    """
    if news.scope == "this":
        return []
    told = [date.appointment for date in news.series.dates if date.appointment is not None]
    if not told:
        return []
    too_old = "too_old" if news.time < now - news_lifetime else None
    is_over = "appointment_over" if all(appointment.ends_at <= now for appointment in told) else None
    since = subscribed or {}

    def more(recipient: UUID) -> list[NotificationChannel]:
        return [*by_subscription] if recipient in since and since[recipient] <= news.time else []

    drafts: list[Draft] = []
    kind = _client_kind(news, now)
    if kind is not None:
        reason = (too_old or is_over) if news.notify_client else "notify_off"
        drafts += _drafts(news, [*channels, *more(news.series.client_id)], kind=kind, now=now, reason=reason)
    if notify_staff and too_old is None and is_over is None:
        for kind, resource_id in _staff_kinds(news, now):
            contact = contacts.get(resource_id)
            own_action = "own_action" if contact is not None and contact.user_id == news.actor_id else None
            reachable = [channel for channel in channels if contact is None or may_reach(channel, contact)]
            reachable += more(resource_id)
            drafts += _drafts(news, reachable, kind=kind, now=now, resource_id=resource_id, reason=own_action)
    return drafts


def _client_kind(news: SeriesNews, now: datetime) -> Kind | None:
    dates, ahead = news.series.dates, active_ahead(news.series, now)
    if news.verb == "create":
        is_request = all(appointment.status == "pending" for appointment in ahead)
        return Kind.SERIES_REQUESTED if is_request and ahead else Kind.SERIES_CREATED
    if news.verb == "extend":
        # Calendars go on by the rule: only what it promises and cannot keep is news.
        return Kind.SERIES_CHANGED if any(date.result == "skipped" for date in dates) else None
    if not any(date.result in _MOVES for date in dates):
        return None
    return Kind.SERIES_CHANGED if ahead else Kind.SERIES_CANCELLED


def _staff_kinds(news: SeriesNews, now: datetime) -> Iterator[tuple[Kind, UUID]]:
    ahead = active_ahead(news.series, now)
    staff = sorted({member for appointment in ahead for member in appointment.staff_ids})
    if news.verb == "create":
        yield from ((Kind.SERIES_ASSIGNED, member) for member in staff)
    if news.verb in ("create", "extend"):
        return
    is_moved = news.resources_changed or any(date.result in _MOVES for date in news.series.dates)
    for member in staff:
        if member not in news.former_staff_ids:
            yield Kind.SERIES_ASSIGNED, member
        elif is_moved:
            yield Kind.SERIES_CHANGED, member
    for member in sorted(set(news.former_staff_ids) - set(staff)):
        yield (Kind.SERIES_UNASSIGNED if ahead else Kind.SERIES_CANCELLED), member


def _drafts(
    news: SeriesNews,
    channels: Sequence[NotificationChannel],
    *,
    kind: Kind,
    now: datetime,
    reason: str | None,
    resource_id: UUID | None = None,
) -> list[Draft]:
    series = news.series
    anchor = _anchor(news, now, resource_id)
    recipient = resource_id or series.client_id
    return [
        Draft(
            organization_id=series.organization_id,
            key=f"{kind}:{series.id}:{series.version}:{channel.name}:{recipient}",
            appointment_id=anchor.id,
            appointment_version=anchor.version,
            calendar_uid=series.calendar_uid,
            starts_at=anchor.starts_at,
            client_id=series.client_id,
            resource_id=resource_id,
            audience=Audience.CLIENT if resource_id is None else Audience.STAFF,
            channel=channel.name,
            kind=kind,
            due_at=min(news.time, now),
            reason=reason,
            series_id=series.id,
            series_version=series.version,
            correlation_id=news.correlation_id,
            causation_id=str(news.event_id),
            traceparent=news.traceparent,
        )
        for channel in channels
    ]


def _anchor(news: SeriesNews, now: datetime, resource_id: UUID | None) -> SeriesAppointment:
    """The appointment that the message is filed under: the recipient's first that is still to come, else any."""
    told = [date.appointment for date in news.series.dates if date.appointment is not None]
    ahead = active_ahead(news.series, now)
    own = [appointment for appointment in ahead if resource_id in appointment.staff_ids]
    changed = [date.appointment for date in news.series.dates if date.result in _MOVES and date.appointment is not None]
    return next(iter((*own, *ahead, *changed, *told)))
