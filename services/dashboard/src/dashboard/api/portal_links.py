"""Opening a client's link: who it is, whether it still leads anywhere, and what it shows.

A token says nothing to whoever cannot open it, and all that cannot be opened are answered alike. It is in no log: of
a request only its route's template is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Final, Literal

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from dashboard.adapters.dates import Calendar
from dashboard.adapters.localization import Texts
from dashboard.adapters.pages import render
from dashboard.api.browsers import client_address
from dashboard.api.dependencies import Dependencies, dependencies_of
from dashboard.api.forms import texts_for
from dashboard.api.limits import PORTAL_ADDRESS, PORTAL_CLIENT
from dashboard.domain.delays import network_of
from dashboard.domain.errors import CrossSiteError, PortalRefusedError
from dashboard.domain.portal import PortalAppointment, PortalBusiness, PortalClient, Visitor
from dashboard.domain.users import LOCALES
from dashboard.usecases.client_links import is_revoked, link_to
from slotstream_servicekit.client_links import PATH, ClientLink, ShownAppointment
from slotstream_servicekit.telemetry import bind_organization

PRIVATE: Final = {
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
}
_OPEN: Final = frozenset({"pending", "scheduled", "confirmed"})

WhyDead = Literal["invalid", "expired", "revoked", "overtaken", "used", "gone"]


class DeadLinkError(Exception):
    """The link leads nowhere any more; `business` is whom to call, where that is known."""

    def __init__(self, why: WhyDead, business: PortalBusiness | None = None) -> None:
        super().__init__(why)
        self.why: WhyDead = why
        self.business = business


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What an open link shows, and how its reader writes. One of `appointment` and `appointments` is meant."""

    link: ClientLink
    token: str
    client: PortalClient
    texts: Texts
    calendar: Calendar
    appointment: PortalAppointment | None = None
    appointments: Sequence[PortalAppointment] = ()

    @property
    def visitor(self) -> Visitor:
        return visitor_of(self.link)

    @property
    def path(self) -> str:
        return PATH + self.token

    @property
    def there(self) -> Calendar | None:
        """How the appointment's business writes its time, where its clock shows another."""
        if self.appointment is None:
            return None
        local = Calendar(str(self.calendar.locale), self.appointment.zone)
        return local if self.calendar.differs_from(local, self.appointment.starts_at) else None

    @property
    def business(self) -> PortalBusiness | None:
        """The one that all of it is with."""
        shown = [self.appointment] if self.appointment is not None else self.appointments
        businesses = {appointment.business_id: appointment.business for appointment in shown}
        return next(iter(businesses.values())) if len(businesses) == 1 else None


def visitor_of(link: ClientLink) -> Visitor:
    return Visitor(organization_id=link.organization_id, client_id=link.client_id)


async def admitted_link(request: Request, *, by_client: bool = False) -> ClientLink:
    """The request's link, neither expired nor revoked. Raises DeadLinkError, RateLimitedError.

    Limited by the address that asks; with `by_client` one that is ours by its client.
    """
    dependencies = dependencies_of(request)
    settings = dependencies.settings
    sealer = dependencies.link_sealer
    link = sealer.open(request.path_params["token"]) if sealer is not None else None
    if by_client and link is not None:
        dependencies.limits.take(request.scope, link.client_id, PORTAL_CLIENT, settings.portal_rate)
    else:
        network = network_of(client_address(request, settings))
        dependencies.limits.take(request.scope, network, PORTAL_ADDRESS, settings.portal_rate)
    if link is None:
        raise DeadLinkError("invalid")
    bind_organization(link.organization_id)
    async with dependencies.database.transaction(link.organization_id) as session:
        revoked = await is_revoked(session=session, link=link)
    if revoked or dependencies.clock() >= link.expires_at:
        raise await dead(dependencies, link, "revoked" if revoked else "expired")
    return link


async def view_of(request: Request, link: ClientLink) -> View:
    """What the link showed when it was made, as long as it is so. Raises DeadLinkError."""
    dependencies = dependencies_of(request)
    if link.appointment is None:
        return await overview_of(request, link)
    try:
        client, appointment = await dependencies.portal.appointment(visitor_of(link), link.appointment.id)
    except PortalRefusedError as error:
        raise await dead(dependencies, link, "gone") from error
    await require_unrevoked(dependencies, link, client)
    if appointment.status == "rescheduled" or appointment.starts_at != link.appointment.starts_at:
        raise await dead(dependencies, link, "overtaken")
    if appointment.status not in _OPEN or appointment.ends_at <= dependencies.clock():
        raise await dead(dependencies, link, "used")
    texts = texts_of(request, client, appointment.business)
    return View(
        link=link,
        token=request.path_params["token"],
        client=client,
        texts=texts,
        calendar=calendar_for(texts, client, appointment.business),
        appointment=appointment,
    )


async def overview_of(request: Request, link: ClientLink) -> View:
    """All of the client's, whatever the link was made for. Raises DeadLinkError."""
    dependencies = dependencies_of(request)
    try:
        client, appointments = await dependencies.portal.appointments(visitor_of(link))
    except PortalRefusedError as error:
        raise await dead(dependencies, link, "gone") from error
    await require_unrevoked(dependencies, link, client)
    business = appointments[0].business if appointments else None
    texts = texts_of(request, client, business)
    return View(
        link=link,
        token=request.path_params["token"],
        client=client,
        texts=texts,
        calendar=calendar_for(texts, client, business),
        appointments=appointments,
    )


async def require_unrevoked(dependencies: Dependencies, link: ClientLink, client: PortalClient) -> None:
    """The link of a duplicate opens the pages of whom it was merged into, and ends with that client's links.

    Raises DeadLinkError.
    """
    if client.id == link.client_id:
        return
    async with dependencies.database.transaction(link.organization_id) as session:
        revoked = await is_revoked(session=session, link=replace(link, client_id=client.id))
    if revoked:
        raise await dead(dependencies, link, "revoked")


async def dead(dependencies: Dependencies, link: ClientLink, why: WhyDead) -> DeadLinkError:
    shown = link.appointment
    contact = await dependencies.portal.contact(visitor_of(link), shown.id if shown is not None else None)
    return DeadLinkError(why, contact)


def path_to(dependencies: Dependencies, link: ClientLink, appointment: ShownAppointment | None) -> str:
    """The address of another page of the same client."""
    sealer = dependencies.link_sealer
    assert sealer is not None  # noqa: S101 - it has opened the link
    return PATH + sealer.seal(link_to(link, appointment))


def shown(appointment: PortalAppointment) -> ShownAppointment:
    return ShownAppointment(id=appointment.id, starts_at=appointment.starts_at)


def require_own_page(request: Request) -> None:
    """Raises CrossSiteError where the browser says that another site sent the form.

    Under `no-referrer` a form's `Origin` is `null`; that nobody else knows the token speaks for it then.
    """
    origin = request.headers.get("origin", "null")
    settings = dependencies_of(request).settings
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin" or origin not in ("null", settings.origin):
        raise CrossSiteError("The form was not sent from its own page.")


def portal_page(
    template: str,
    *,
    texts: Texts,
    status: int = 200,
    error: str | None = None,
    notice: str | None = None,
    headers: Mapping[str, str] | None = None,
    business: PortalBusiness | None = None,
    **values: object,
) -> Response:
    html = render(template, texts=texts, error=error, notice=notice, business=business, **values)
    more = {"Content-Language": texts.locale, "Vary": "Accept-Language", **PRIVATE, **(headers or {})}
    return HTMLResponse(html, status_code=status, headers=more)


def dead_page(request: Request, error: DeadLinkError) -> Response:
    """Nothing of the client: no name, no time, no service."""
    status = HTTPStatus.NOT_FOUND if error.why == "invalid" else HTTPStatus.GONE
    texts = texts_for(request)
    return portal_page("portal_dead.html", texts=texts, status=status, business=error.business, why=error.why)


def texts_of(request: Request, client: PortalClient, business: PortalBusiness | None) -> Texts:
    """In the client's language, else the business's, else the browser's."""
    for tag in (client.locale, business.locale if business is not None else None):
        language = (tag or "").replace("_", "-").partition("-")[0].lower()
        if language in LOCALES:
            return Texts(language)
    return texts_for(request)


def calendar_for(texts: Texts, client: PortalClient, business: PortalBusiness | None) -> Calendar:
    """Days and times in the region that the client or the business writes, where the language is the page's."""
    tags = (client.locale, business.locale if business is not None else None)
    tag = next((tag for tag in tags if tag and tag.replace("_", "-").partition("-")[0].lower() == texts.locale), None)
    zone = client.zone or (business.zone if business is not None else "UTC")
    return Calendar(tag or texts.locale, zone)


def parsed_instant(text: str | None) -> datetime | None:
    """An instant with its offset, of a time that calendars can be asked about; else None."""
    try:
        instant = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return instant if instant.tzinfo is not None and 1970 <= instant.year < 2200 else None
