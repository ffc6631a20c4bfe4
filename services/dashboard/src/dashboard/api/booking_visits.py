"""A visit of a public page: whose it is, what it offers, and how its answers look, framed by others or not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final
from urllib.parse import urlencode

from babel.numbers import format_currency
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from dashboard.adapters.dates import Calendar
from dashboard.adapters.localization import Texts
from dashboard.api.browsers import client_address
from dashboard.api.dependencies import Dependencies, dependencies_of
from dashboard.api.forms import read_id, texts_for
from dashboard.api.limits import PUBLIC_ADDRESS, PUBLIC_BUSINESS
from dashboard.api.portal_links import PRIVATE, portal_page
from dashboard.api.security_headers import page_policy
from dashboard.domain.delays import network_of
from dashboard.domain.errors import PortalRefusedError
from dashboard.domain.portal import PortalSlotDay
from dashboard.domain.public import Draft, PageAddress, PageVisitor, PublicPage, PublicService, PublicStaff
from dashboard.domain.users import LOCALES
from slotstream_servicekit.browsers import is_embed_origin
from slotstream_servicekit.telemetry import bind_organization

PATH: Final = "/book/"
WINDOW: Final = timedelta(days=28)
NEXT_FREE: Final = 6
_HANDLE_LETTERS: Final = 43


class NoPageError(Exception):
    """There is no such page, or nothing like this on it: all that is not there looks the same."""


class DraftGoneError(Exception):
    """What the visitor carries was altered, is another page's, or too old."""

    def __init__(self, visit: "Visit") -> None:
        super().__init__("gone")
        self.visit = visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Somebody looks at the page, in their language and in the business's zone."""

    address: PageAddress
    visitor: PageVisitor
    network: str
    page: PublicPage
    texts: Texts
    calendar: Calendar
    is_framed: bool
    language: str | None
    """The language where it was chosen in the address: links keep it."""

    @property
    def path(self) -> str:
        return PATH + self.address.handle + ("/embed" if self.is_framed else "")

    def to(self, step: str = "", **parameters: object) -> str:
        """The address of a step; parameters that are None are left out."""
        given = {name: str(value) for name, value in parameters.items() if value is not None}
        if self.language is not None:
            given["lang"] = self.language
        query = f"?{urlencode(given)}" if given else ""
        return f"{self.path}{step}{query}"

    def price(self, price: tuple[Decimal, str]) -> str:
        return str(format_currency(price[0], price[1], locale=self.calendar.locale))


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A service, and who is asked for; nobody in particular where it is None."""

    service: PublicService
    staff: PublicStaff | None

    @property
    def parameters(self) -> dict[str, object]:
        staff: object = self.staff.id if self.staff is not None else None
        if staff is None and len(self.service.staff) > 1:
            staff = "any"
        return {"service": self.service.id, "staff": staff}


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeTimes:
    """The free times of some days."""

    days: Sequence[PortalSlotDay]

    def next_free(self, after: datetime) -> list[datetime]:
        return [start for day in self.days for start in day.starts if start > after][:NEXT_FREE]

    def has(self, start: datetime) -> bool:
        return any(start in day.starts for day in self.days)


async def visit_of(request: Request) -> Visit:
    """Raises NoPageError, RateLimitedError, or a transient error."""
    dependencies = dependencies_of(request)
    settings = dependencies.settings
    network = network_of(client_address(request, settings))
    dependencies.limits.take(request.scope, network, PUBLIC_ADDRESS, settings.public_rate)
    address = address_of(request)
    if address is None:
        raise NoPageError
    dependencies.limits.take(request.scope, address, PUBLIC_BUSINESS, settings.public_business_rate)
    visitor = PageVisitor(address=address, key=dependencies.visitor_secrets.visitor(network))
    try:
        page = await dependencies.public.page(visitor)
    except PortalRefusedError as error:
        raise NoPageError from error
    dependencies.frames.remember(address, page.embed_origins)
    # Not before it is known to be one: anybody can write an address.
    bind_organization(address.organization_id)
    chosen = request.query_params.get("lang")
    texts = texts_for(request)
    return Visit(
        address=address,
        visitor=visitor,
        network=network,
        page=page,
        texts=texts,
        calendar=_calendar(texts, page),
        is_framed=is_framed(request),
        language=chosen if chosen in LOCALES else None,
    )


def in_language(visit: Visit, chosen: str | None) -> Visit:
    """The visit as a form was written, whose language is a field of it."""
    if chosen not in LOCALES:
        return visit
    texts = Texts(chosen)
    return replace(visit, texts=texts, calendar=_calendar(texts, visit.page), language=chosen)


def choice_of(visit: Visit, service: str | None, staff: str | None) -> Choice | None:
    """None where nothing is chosen yet. Raises NoPageError for what the page does not offer."""
    if service is None:
        return None
    known = visit.page.service(read_id(service))
    if known is None:
        raise NoPageError
    if staff in (None, "", "any"):
        return Choice(service=known, staff=None)
    somebody = next((one for one in known.staff if one.id == read_id(staff)), None)
    if somebody is None:
        raise NoPageError
    return Choice(service=known, staff=somebody)


def choice_of_draft(visit: Visit, draft: Draft) -> Choice:
    """Raises NoPageError where the page does not offer it any more."""
    staff = str(draft.staff_id) if draft.staff_id is not None else None
    choice = choice_of(visit, str(draft.service_id), staff)
    assert choice is not None  # noqa: S101 - a draft has a service
    return choice


def draft_of(request: Request, visit: Visit) -> Draft:
    """Raises DraftGoneError."""
    dependencies = dependencies_of(request)
    draft = dependencies.drafts.open_draft(visit.address, request.path_params["draft"])
    if draft is None or dependencies.clock() >= draft.made_at + dependencies.settings.public_draft_lifetime:
        raise DraftGoneError(visit)
    return draft


async def free_times(
    dependencies: Dependencies, visit: Visit, choice: Choice, *, first: date, days: timedelta = WINDOW
) -> FreeTimes:
    """In the business's zone; none where availability does not offer the service."""
    try:
        offered = await dependencies.public.slots(
            visit.visitor,
            service_id=choice.service.id,
            staff_id=choice.staff.id if choice.staff is not None else None,
            zone=visit.calendar.zone.key,
            first=first,
            last=first + days,
        )
    except PortalRefusedError:
        offered = ()
    return FreeTimes(days=[day for day in offered if day.starts])


def day_within_reach(visit: Visit, dependencies: Dependencies, wanted: date | None) -> date:
    """A day that can be asked about: from today for a year."""
    today = visit.calendar.day_of(dependencies.clock())
    return min(max(wanted or today, today), today + timedelta(days=366))


def parsed_start(text: str | None) -> datetime | None:
    """A start as the page writes it: whole seconds since 1970."""
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 10:
        return None
    return datetime.fromtimestamp(int(text), UTC)


def page_answer(
    visit: Visit,
    template: str,
    *,
    status: int = 200,
    error: str | None = None,
    **values: object,
) -> Response:
    """A page of the visit; the framed ones are for the origins that the business lists, and for nobody else."""
    answer = portal_page(
        template,
        texts=visit.texts,
        status=status,
        error=error,
        notice=None,
        headers=None,
        business=visit.page.business,
        visit=visit,
        calendar=visit.calendar,
        **values,
    )
    return framed_by(answer, visit.page.embed_origins) if visit.is_framed else answer


def framed_by(answer: Response, origins: Sequence[str]) -> Response:
    answer.headers["Content-Security-Policy"] = page_policy(
        framed_by=[origin for origin in origins if is_embed_origin(origin)]
    )
    return answer


def sent_on(address: str) -> Response:
    return RedirectResponse(address, status_code=303, headers=PRIVATE)


def address_of(request: Request) -> PageAddress | None:
    handle = request.path_params["business"]
    return PageAddress.of(handle) if len(handle) == _HANDLE_LETTERS and handle.isascii() else None


def is_framed(request: Request) -> bool:
    return request.url.path.split("/")[3:4] == ["embed"]


def _calendar(texts: Texts, page: PublicPage) -> Calendar:
    """In the region that the business writes, where the language is the page's; always in its zone."""
    tag = page.business.locale
    is_theirs = tag.replace("_", "-").partition("-")[0].lower() == texts.locale
    return Calendar(tag if is_theirs else texts.locale, page.business.zone)
