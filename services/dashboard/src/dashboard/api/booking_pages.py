"""The public booking pages, at `/book/{business}`: service, staff, day and time, then who one is, then booked.

They show on GET and act on POST, and need neither cookies nor scripts. The same pages below `/embed` may be framed by
the origins that the business lists.
"""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from functools import wraps
from http import HTTPStatus
from secrets import token_urlsafe
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboard.adapters.pages import work_script, work_script_path
from dashboard.adapters.portal_calendar import calendar_file, google_address, outlook_address
from dashboard.api import booking_forms
from dashboard.api.booking_visits import (
    PATH,
    WINDOW,
    Choice,
    DraftGoneError,
    NoPageError,
    Visit,
    address_of,
    choice_of,
    choice_of_draft,
    day_within_reach,
    draft_of,
    framed_by,
    free_times,
    is_framed,
    page_answer,
    visit_of,
)
from dashboard.api.dependencies import Dependencies, dependencies_of
from dashboard.api.forms import texts_for
from dashboard.api.portal_links import PRIVATE, portal_page, shown
from dashboard.domain.errors import CrossSiteError, PortalRefusedError
from dashboard.domain.portal import PortalAppointment
from dashboard.domain.public import Booked
from slotstream_servicekit.client_links import PATH as CLIENT_PATH
from slotstream_servicekit.client_links import ClientLink
from slotstream_servicekit.errors import TransientError
from slotstream_servicekit.http.limits import RateLimitedError

MOST_LISTED: Final = 50
MOST_TIMES: Final = 96
_SHOWN_FOR: Final = timedelta(days=1)
_KEPT_FOR_EVER: Final = "public, max-age=31536000, immutable"
_OPEN: Final = frozenset({"pending", "scheduled", "confirmed"})

Handler = Callable[[Request], Awaitable[Response]]


def answered_always(handler: Handler) -> Handler:
    """Whatever is wrong has a page of its own."""

    @wraps(handler)
    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except NoPageError:
            return portal_page("booking_missing.html", texts=texts_for(request), status=HTTPStatus.NOT_FOUND)
        except DraftGoneError as error:
            return page_answer(error.visit, "booking_expired.html", status=HTTPStatus.GONE)
        except RateLimitedError as error:
            seconds = error.extra.get("retry_after", 1)
            return _trouble(request, 429, "portal.too_many", seconds=seconds)
        except CrossSiteError:
            return _trouble(request, 403, "portal.cross_site")
        except (TransientError, PortalRefusedError):
            # What a page has an answer to does not get here: one service has not heard yet what another knows.
            return _trouble(request, 503, "portal.busy", seconds=10)

    return answered


async def show_page(request: Request) -> Response:
    """What is chosen stands in the address; shown is what is to be chosen next."""
    visit = await visit_of(request)
    choice = choice_of(visit, request.query_params.get("service"), request.query_params.get("staff"))
    if choice is None:
        return _services_page(request, visit)
    if len(choice.service.staff) > 1 and "staff" not in request.query_params:
        return _staff_page(request, visit, choice)
    return await _times_page(request, visit, choice)


async def show_details(request: Request) -> Response:
    visit = await visit_of(request)
    draft = draft_of(request, visit)
    choice = choice_of_draft(visit, draft)
    return booking_forms.details_page(request, visit, choice, draft, token=request.path_params["draft"])


async def show_booked(request: Request) -> Response:
    visit = await visit_of(request)
    booked, appointment = await _booked(request, visit)
    return page_answer(
        visit,
        "booking_booked.html",
        appointment=appointment,
        is_open=appointment.status in _OPEN,
        by_mail=booked.by_mail,
        manage=_manage_path(dependencies_of(request), visit, booked, appointment),
        file=visit.to(f"/booked/{request.path_params['booked']}/calendar.ics"),
        google=google_address(appointment),
        outlook=outlook_address(appointment),
    )


async def show_calendar_file(request: Request) -> Response:
    visit = await visit_of(request)
    _, appointment = await _booked(request, visit)
    headers = {**PRIVATE, "Content-Disposition": 'attachment; filename="appointment.ics"'}
    return Response(calendar_file(appointment), media_type="text/calendar; charset=utf-8", headers=headers)


async def show_work_script(_request: Request) -> Response:
    return Response(work_script(), media_type="text/javascript", headers={"Cache-Control": _KEPT_FOR_EVER})


async def _booked(request: Request, visit: Visit) -> tuple[Booked, PortalAppointment]:
    dependencies = dependencies_of(request)
    booked = dependencies.drafts.open_booked(visit.address, request.path_params["booked"])
    if booked is None or dependencies.clock() >= booked.made_at + _SHOWN_FOR:
        raise DraftGoneError(visit)
    try:
        return booked, await dependencies.public.booked(visit.visitor, booked.appointment_id)
    except PortalRefusedError as error:
        raise DraftGoneError(visit) from error


def _manage_path(
    dependencies: Dependencies, visit: Visit, booked: Booked, appointment: PortalAppointment
) -> str | None:
    """The client's own pages, for whoever has proved by a code to be that client; others are sent the link by mail."""
    if booked.client_id is None or dependencies.link_sealer is None:
        return None
    now = dependencies.clock().replace(microsecond=0)
    link = ClientLink(
        organization_id=visit.address.organization_id,
        client_id=booked.client_id,
        issued_at=now,
        expires_at=now + dependencies.settings.client_link_lifetime,
        appointment=shown(appointment),
    )
    return CLIENT_PATH + dependencies.link_sealer.seal(link)


def _services_page(request: Request, visit: Visit) -> Response:
    skipped = _number(request.query_params.get("skip"))
    services = visit.page.services[skipped : skipped + MOST_LISTED]
    more = skipped + MOST_LISTED if len(visit.page.services) > skipped + MOST_LISTED else None
    return page_answer(visit, "booking_services.html", services=services, more=more)


def _staff_page(request: Request, visit: Visit, choice: Choice) -> Response:
    skipped = _number(request.query_params.get("skip"))
    known = choice.service.staff
    more = skipped + MOST_LISTED if len(known) > skipped + MOST_LISTED else None
    return page_answer(
        visit,
        "booking_staff.html",
        service=choice.service,
        staff=known[skipped : skipped + MOST_LISTED],
        is_first=skipped == 0,
        more=more,
    )


async def _times_page(request: Request, visit: Visit, choice: Choice) -> Response:
    """Days with free times, then the times of one day, each of which is a button: choosing one keeps it."""
    dependencies, query = dependencies_of(request), request.query_params
    day, today = _day(query.get("day")), day_within_reach(visit, dependencies, None)
    if day is not None:
        day = day_within_reach(visit, dependencies, day)
        times = await free_times(dependencies, visit, choice, first=day, days=timedelta(days=1))
        starts = [start for known in times.days for start in known.starts if known.day == day]
        skipped = _number(query.get("skip"))
        return page_answer(
            visit,
            "booking_times.html",
            choice=choice,
            day=day,
            starts=starts[skipped : skipped + MOST_TIMES],
            more=skipped + MOST_TIMES if len(starts) > skipped + MOST_TIMES else None,
            visit_key=token_urlsafe(9),
            was=query.get("was", "")[:1_000],
        )
    first = day_within_reach(visit, dependencies, _day(query.get("from")))
    times = await free_times(dependencies, visit, choice, first=first)
    return page_answer(
        visit,
        "booking_days.html",
        choice=choice,
        days=times.days,
        earlier=max(first - WINDOW, today) if first > today else None,
        later=first + WINDOW,
        was=query.get("was", "")[:1_000] or None,
    )


def _trouble(request: Request, status: int, key: str, *, seconds: object = None) -> Response:
    texts = texts_for(request)
    headers = {"Retry-After": str(seconds)} if seconds is not None else {}
    told = texts(key, seconds=seconds)
    answer = portal_page("portal_trouble.html", texts=texts, status=status, told=told, headers=headers)
    if not is_framed(request):
        return answer
    return framed_by(answer, dependencies_of(request).frames.origins_of(address_of(request)))


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 7 else 0


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def routes() -> list[Route]:
    steps: list[tuple[str, str, Handler]] = [
        ("GET", "", show_page),
        ("POST", "/hold", booking_forms.submit_time),
        ("GET", "/details/{draft}", show_details),
        ("POST", "/details/{draft}", booking_forms.submit_details),
        ("GET", "/booked/{booked}", show_booked),
        ("GET", "/booked/{booked}/calendar.ics", show_calendar_file),
    ]
    return [
        *(
            Route(f"{PATH}{{business}}{below}{step}", answered_always(handler), methods=[method])
            for below in ("", "/embed")
            for method, step, handler in steps
        ),
        Route(PATH + "{business}/{rest:path}", answered_always(_nothing), methods=["GET", "POST"]),
        Route(work_script_path(), show_work_script, methods=["GET"]),
    ]


async def _nothing(_request: Request) -> Response:
    raise NoPageError
