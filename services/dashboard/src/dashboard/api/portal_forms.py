"""What clients send from their pages, and the pages that answer it. After each success the browser is sent on."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from dashboard.adapters.pages import push_script_path
from dashboard.adapters.portal_calendar import google_address, outlook_address
from dashboard.api.dependencies import Dependencies, dependencies_of
from dashboard.api.forms import read_form
from dashboard.api.portal_links import (
    PRIVATE,
    DeadLinkError,
    View,
    admitted_link,
    dead,
    overview_of,
    parsed_instant,
    path_to,
    portal_page,
    require_own_page,
    require_unrevoked,
    shown,
    view_of,
    visitor_of,
)
from dashboard.domain.errors import PortalRefusedError
from dashboard.domain.portal import CHANNELS, PortalAppointment, PortalPreferences, PortalPush, PortalSlotDay
from slotstream_servicekit.client_links import ClientLink, ShownAppointment

MOST_REASON: Final = 500
_WINDOW: Final = timedelta(days=28)
_NEXT_FREE: Final = 6
_MOST_ONCE: Final = 64
_TOO_LATE: Final = frozenset({"notice_passed", "too_many_reschedules"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The free times of four weeks, from `first` on."""

    first: date
    days: Sequence[PortalSlotDay]

    def next_free(self, after: datetime) -> list[datetime]:
        return [start for day in self.days for start in day.starts if start > after][:_NEXT_FREE]

    def has(self, start: datetime) -> bool:
        return any(start in day.starts for day in self.days)


async def read_offer(dependencies: Dependencies, view: View, appointment: PortalAppointment, *, first: date) -> Offer:
    """Without the time that the appointment has already; nothing where the service is not offered any more."""
    try:
        days = await dependencies.portal.slots(
            view.visitor, appointment, zone=view.calendar.zone.key, first=first, last=first + _WINDOW
        )
    except PortalRefusedError:
        days = ()
    others = [
        PortalSlotDay(day=day.day, starts=tuple(start for start in day.starts if start != appointment.starts_at))
        for day in days
    ]
    return Offer(first=first, days=[day for day in others if day.starts])


async def submit_confirm(request: Request) -> Response:
    dependencies, (link, subject) = dependencies_of(request), await _admitted_form(request)
    try:
        await dependencies.portal.confirm(visitor_of(link), subject.id, shown=subject.starts_at)
    except PortalRefusedError as error:
        return await _refused(request, link, error)
    return _sent_on(path_to(dependencies, link, subject), "confirmed")


async def submit_cancel(request: Request) -> Response:
    dependencies, (link, subject) = dependencies_of(request), await _admitted_form(request)
    reason = _one_text((await read_form(request)).get("reason", ""))
    try:
        await dependencies.portal.cancel(visitor_of(link), subject.id, shown=subject.starts_at, reason=reason)
    except PortalRefusedError as error:
        return await _refused(request, link, error)
    return _sent_on(path_to(dependencies, link, None), "cancelled")


async def submit_move(request: Request) -> Response:
    """A form that is sent twice moves once: the second time is answered as the first.

    The same time chosen on another page is another try: what was taken may be free again.
    """
    dependencies, (link, subject) = dependencies_of(request), await _admitted_form(request)
    form = await read_form(request)
    wanted = parsed_instant(form.get("starts_at"))
    if wanted is None:
        raise DeadLinkError("invalid")
    try:
        view = await view_of(request, link)
    except DeadLinkError as error:
        if error.why != "overtaken":
            raise
    else:
        assert view.appointment is not None  # noqa: S101 - the link is about one
        offer = await read_offer(dependencies, view, view.appointment, first=_day_from(view, dependencies, wanted))
        if not offer.has(wanted):
            return _taken(view, view.appointment, offer, wanted)
    once = form.get("once", "")[:_MOST_ONCE]
    key = hashlib.sha256(f"{request.path_params['token']} {wanted.timestamp()} {once}".encode()).hexdigest()
    try:
        new = await dependencies.portal.move(
            visitor_of(link), subject.id, shown=subject.starts_at, starts_at=wanted, key=key
        )
    except PortalRefusedError as error:
        return await _refused(request, link, error, wanted=wanted)
    return _sent_on(path_to(dependencies, link, shown(new)), "moved")


async def submit_preferences(request: Request) -> Response:
    dependencies = dependencies_of(request)
    require_own_page(request)
    link = await admitted_link(request)
    form = await read_form(request)
    view = await overview_of(request, link)
    known = await dependencies.portal.preferences(view.visitor)
    version = form.get("version", "")
    unwanted = frozenset(channel for channel in CHANNELS if channel not in form)
    try:
        await dependencies.portal.set_preferences(
            view.visitor,
            (known.opted_out - frozenset(CHANNELS)) | unwanted,
            # A page that was opened before there was the choice says nothing of it.
            reminders="reminders" in form if "asks_reminders" in form else None,
            version=int(version) if version.isascii() and version.isdigit() and len(version) < 10 else -1,
        )
    except PortalRefusedError:
        now, push = await dependencies.portal.preferences(view.visitor), await dependencies.portal.push(view.visitor)
        return preferences_page(view, now, push=push, error=view.texts("portal.changed_meanwhile"), status=409)
    return _sent_on(f"{view.path}/preferences", "saved")


def appointment_page(
    request: Request,
    view: View,
    appointment: PortalAppointment,
    *,
    notice: str | None = None,
    error: str | None = None,
    status: int = 200,
) -> Response:
    return portal_page(
        "portal_appointment.html",
        texts=view.texts,
        status=status,
        notice=notice,
        error=error,
        business=appointment.business,
        appointment=appointment,
        calendar=view.calendar,
        there=view.there,
        path=view.path,
        all_path=path_to(dependencies_of(request), view.link, None),
        google=google_address(appointment),
        outlook=outlook_address(appointment),
    )


def cancel_page(view: View, appointment: PortalAppointment) -> Response:
    return portal_page(
        "portal_cancel.html",
        texts=view.texts,
        business=appointment.business,
        appointment=appointment,
        calendar=view.calendar,
        there=view.there,
        path=view.path,
        most_reason=MOST_REASON,
    )


def move_page(
    view: View,
    appointment: PortalAppointment,
    offer: Offer,
    *,
    today: date,
    day: date | None,
    wanted: datetime | None,
) -> Response:
    if wanted is not None and not offer.has(wanted):
        return _taken(view, appointment, offer, wanted)
    earlier = offer.first - _WINDOW
    return portal_page(
        "portal_move.html",
        texts=view.texts,
        business=appointment.business,
        appointment=appointment,
        calendar=view.calendar,
        there=view.there,
        path=view.path,
        days=offer.days,
        day=day,
        starts=next((known.starts for known in offer.days if known.day == day), ()),
        wanted=wanted,
        once=secrets.token_urlsafe(12),
        earlier=max(earlier, today) if offer.first > today else None,
        later=offer.first + _WINDOW,
    )


def preferences_page(
    view: View,
    preferences: PortalPreferences,
    *,
    push: PortalPush | None,
    notice: str | None = None,
    error: str | None = None,
    status: int = 200,
) -> Response:
    return portal_page(
        "portal_preferences.html",
        texts=view.texts,
        status=status,
        notice=notice,
        error=error,
        business=view.business,
        channels=[(channel, channel not in preferences.opted_out) for channel in CHANNELS],
        reminders=preferences.reminders,
        version=preferences.version,
        path=view.path,
        push=push,
        script=push_script_path(),
    )


def _taken(view: View, appointment: PortalAppointment, offer: Offer, wanted: datetime) -> Response:
    """Somebody was faster, or the time is none that is offered: the next free ones, to be chosen at once."""
    return portal_page(
        "portal_taken.html",
        texts=view.texts,
        status=409,
        business=appointment.business,
        calendar=view.calendar,
        starts=offer.next_free(wanted),
        path=view.path,
    )


async def _admitted_form(request: Request) -> tuple[ClientLink, ShownAppointment]:
    """The link of a form about one appointment. Raises CrossSiteError, DeadLinkError."""
    require_own_page(request)
    dependencies, link = dependencies_of(request), await admitted_link(request)
    if link.appointment is None:
        raise DeadLinkError("invalid")
    try:
        client, _ = await dependencies.portal.appointment(visitor_of(link), link.appointment.id)
    except PortalRefusedError as error:
        raise await dead(dependencies, link, "gone") from error
    await require_unrevoked(dependencies, link, client)
    return link, link.appointment


async def _refused(
    request: Request, link: ClientLink, error: PortalRefusedError, *, wanted: datetime | None = None
) -> Response:
    """What booking refused, said on the page that it leaves true."""
    dependencies = dependencies_of(request)
    if error.code == "overtaken":
        raise await dead(dependencies, link, "overtaken") from error
    view = await view_of(request, link)
    appointment = view.appointment
    assert appointment is not None  # noqa: S101 - the link is about one
    if error.code in _TOO_LATE or wanted is None:
        told = view.texts("portal.too_late" if error.code in _TOO_LATE else "portal.refused")
        return appointment_page(request, view, appointment, error=told, status=409)
    offer = await read_offer(dependencies, view, appointment, first=_day_from(view, dependencies, wanted))
    return _taken(view, appointment, offer, wanted)


def _day_from(view: View, dependencies: Dependencies, wanted: datetime) -> date:
    """The day that was wanted, within what can be subject."""
    today = view.calendar.day_of(dependencies.clock())
    try:
        day = view.calendar.day_of(wanted)
    except OverflowError:
        return today
    return min(max(day, today), today + timedelta(days=366))


def _one_text(text: str) -> str:
    kept = "".join(character for character in text if character.isprintable() or character == "\n")
    return kept.strip()[:MOST_REASON]


def _sent_on(path: str, done: str) -> Response:
    return RedirectResponse(f"{path}?done={done}", status_code=303, headers=PRIVATE)
