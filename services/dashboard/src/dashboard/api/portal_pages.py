"""The pages of clients, at `/p/{token}`: they show on GET and act on POST alone, since mail scanners open every link.

They need neither cookies nor scripts. What is shown is what booking shows the client.
"""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from functools import wraps
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboard.adapters.pages import push_script_path
from dashboard.adapters.portal_calendar import calendar_file
from dashboard.api import portal_forms, portal_offers, portal_push
from dashboard.api.dependencies import dependencies_of
from dashboard.api.forms import texts_for
from dashboard.api.portal_forms import appointment_page, cancel_page, move_page, preferences_page, read_offer
from dashboard.api.portal_links import (
    PRIVATE,
    DeadLinkError,
    View,
    admitted_link,
    dead_page,
    overview_of,
    parsed_instant,
    path_to,
    portal_page,
    shown,
    view_of,
)
from dashboard.api.portal_unsubscribe import submit_unsubscribe
from dashboard.domain.errors import CrossSiteError, PortalRefusedError
from dashboard.domain.portal import PortalAppointment
from slotstream_servicekit.client_links import PATH
from slotstream_servicekit.errors import TransientError
from slotstream_servicekit.http.limits import RateLimitedError

MOST_LISTED: Final = 20
_NOTICES: Final = frozenset({"confirmed", "moved", "cancelled", "saved", "booked", "declined", "left"})

Handler = Callable[[Request], Awaitable[Response]]


def answered_always(handler: Handler) -> Handler:
    """Whatever is wrong with a link has a page of its own."""

    @wraps(handler)
    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except DeadLinkError as error:
            return dead_page(request, error)
        except RateLimitedError as error:
            texts, seconds = texts_for(request), error.extra.get("retry_after", 1)
            told = texts("portal.too_many", seconds=seconds)
            return portal_page(
                "portal_trouble.html", texts=texts, status=429, told=told, headers={"Retry-After": str(seconds)}
            )
        except CrossSiteError:
            texts = texts_for(request)
            return portal_page("portal_trouble.html", texts=texts, status=403, told=texts("portal.cross_site"))
        except (TransientError, PortalRefusedError):
            # What a page has an answer to does not get here: one service has not heard yet what another knows.
            texts = texts_for(request)
            return portal_page(
                "portal_trouble.html",
                texts=texts,
                status=503,
                told=texts("portal.busy"),
                headers={"Retry-After": "10"},
            )

    return answered


async def show_link(request: Request) -> Response:
    view = await view_of(request, await admitted_link(request))
    done = request.query_params.get("done")
    notice = view.texts(f"portal.done.{done}") if done in _NOTICES else None
    if view.appointment is None:
        return _overview_page(request, view, notice=notice)
    return appointment_page(request, view, view.appointment, notice=notice)


async def show_cancel(request: Request) -> Response:
    view, appointment = await _appointment_view(request)
    if "cancel" not in appointment.verbs:
        return appointment_page(request, view, appointment)
    return cancel_page(view, appointment)


async def show_move(request: Request) -> Response:
    """Days with free times, then the times of a day, then the question whether it is meant."""
    view, appointment = await _appointment_view(request)
    if "reschedule" not in appointment.verbs:
        return appointment_page(request, view, appointment)
    today = view.calendar.day_of(dependencies_of(request).clock())
    wanted = parsed_instant(request.query_params.get("to"))
    day = view.calendar.day_of(wanted) if wanted is not None else _parsed_day(request.query_params.get("day"))
    first = day or _parsed_day(request.query_params.get("from")) or today
    first = min(max(first, today), today + timedelta(days=366))
    offer = await read_offer(dependencies_of(request), view, appointment, first=first)
    return move_page(view, appointment, offer, today=today, day=day, wanted=wanted)


async def show_calendar_file(request: Request) -> Response:
    _, appointment = await _appointment_view(request)
    headers = {**PRIVATE, "Content-Disposition": 'attachment; filename="appointment.ics"'}
    return Response(calendar_file(appointment), media_type="text/calendar; charset=utf-8", headers=headers)


async def show_preferences(request: Request) -> Response:
    view = await overview_of(request, await admitted_link(request))
    done = view.texts("portal.done.saved") if request.query_params.get("done") == "saved" else None
    portal = dependencies_of(request).portal
    preferences, push = await portal.preferences(view.visitor), await portal.push(view.visitor)
    return preferences_page(view, preferences, push=push, notice=done)


async def _appointment_view(request: Request) -> tuple[View, PortalAppointment]:
    view = await view_of(request, await admitted_link(request))
    if view.appointment is None:
        raise DeadLinkError("invalid")
    return view, view.appointment


def _overview_page(request: Request, view: View, *, notice: str | None) -> Response:
    dependencies = dependencies_of(request)
    return portal_page(
        "portal_overview.html",
        texts=view.texts,
        notice=notice,
        business=view.business,
        calendar=view.calendar,
        appointments=[
            (appointment, path_to(dependencies, view.link, shown(appointment)))
            for appointment in view.appointments[:MOST_LISTED]
        ],
        path=view.path,
    )


def _parsed_day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def routes() -> list[Route]:
    page = PATH + "{token}"
    table: list[tuple[str, str, Handler]] = [
        ("GET", page, show_link),
        ("POST", f"{page}/confirm", portal_forms.submit_confirm),
        ("GET", f"{page}/cancel", show_cancel),
        ("POST", f"{page}/cancel", portal_forms.submit_cancel),
        ("GET", f"{page}/move", show_move),
        ("POST", f"{page}/move", portal_forms.submit_move),
        ("GET", f"{page}/calendar.ics", show_calendar_file),
        ("GET", f"{page}/offers/{{offer_id}}", portal_offers.show_offer),
        ("POST", f"{page}/offers/{{offer_id}}/accept", portal_offers.submit_accept),
        ("POST", f"{page}/offers/{{offer_id}}/decline", portal_offers.submit_decline),
        ("GET", f"{page}/preferences", show_preferences),
        ("POST", f"{page}/preferences", portal_forms.submit_preferences),
        ("GET", f"{page}/unsubscribe", show_preferences),
        ("POST", f"{page}/unsubscribe", submit_unsubscribe),
        ("POST", f"{page}/push", portal_push.submit_browser),
        ("POST", f"{page}/push/remove", portal_push.submit_removal),
    ]
    files = [
        Route(portal_push.WORKER, portal_push.show_worker, methods=["GET"]),
        Route(push_script_path(), portal_push.show_script, methods=["GET"]),
    ]
    return [*files, *(Route(path, answered_always(handler), methods=[method]) for method, path, handler in table)]
