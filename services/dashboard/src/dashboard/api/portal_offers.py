"""The page of a slot that is held for a client who waits: it shows on GET, and takes or declines on POST."""

import hashlib
from dataclasses import dataclass
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from dashboard.adapters.dates import Calendar
from dashboard.adapters.localization import Texts
from dashboard.api.dependencies import dependencies_of
from dashboard.api.forms import read_form
from dashboard.api.portal_links import (
    PRIVATE,
    DeadLinkError,
    admitted_link,
    calendar_for,
    path_to,
    portal_page,
    require_own_page,
    require_unrevoked,
    shown,
    texts_of,
    visitor_of,
)
from dashboard.domain.errors import PortalRefusedError
from dashboard.domain.portal import PortalOffer
from slotstream_servicekit.client_links import ClientLink


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offered:
    link: ClientLink
    offer: PortalOffer
    texts: Texts
    calendar: Calendar


async def show_offer(request: Request) -> Response:
    try:
        offered = await _offered(request, await admitted_link(request))
    except PortalRefusedError:
        return await _over(request)
    return _page(request, offered)


async def submit_accept(request: Request) -> Response:
    """A form that is sent twice books once."""
    require_own_page(request)
    dependencies, link = dependencies_of(request), await admitted_link(request)
    try:
        offered = await _offered(request, link)
        key = hashlib.sha256(f"offer {offered.offer.id}".encode()).hexdigest()
        booked = await dependencies.portal.accept_offer(visitor_of(link), offered.offer.id, key=key)
    except PortalRefusedError:
        return await _over(request, status=409)
    return _sent_on(path_to(dependencies, link, shown(booked)), "booked")


async def submit_decline(request: Request) -> Response:
    require_own_page(request)
    dependencies, link = dependencies_of(request), await admitted_link(request)
    leave = "leave" in await read_form(request)
    try:
        offered = await _offered(request, link)
        await dependencies.portal.decline_offer(visitor_of(link), offered.offer.id, leave=leave)
    except PortalRefusedError:
        return await _over(request, status=409)
    return _sent_on(path_to(dependencies, link, None), "left" if leave else "declined")


async def _offered(request: Request, link: ClientLink) -> _Offered:
    """Raises PortalRefusedError where it is not held any more, and DeadLinkError."""
    dependencies = dependencies_of(request)
    try:
        offer_id = UUID(request.path_params["offer_id"])
    except ValueError:
        raise DeadLinkError("invalid") from None
    client, offer = await dependencies.portal.offer(visitor_of(link), offer_id)
    await require_unrevoked(dependencies, link, client)
    texts = texts_of(request, client, offer.business)
    return _Offered(link=link, offer=offer, texts=texts, calendar=calendar_for(texts, client, offer.business))


def _page(request: Request, offered: _Offered) -> Response:
    offer, calendar = offered.offer, offered.calendar
    local = Calendar(str(calendar.locale), offer.business.zone)
    return portal_page(
        "portal_offer.html",
        texts=offered.texts,
        business=offer.business,
        offer=offer,
        appointment=offer,
        calendar=calendar,
        there=local if calendar.differs_from(local, offer.starts_at) else None,
        path=request.url.path,
        all_path=path_to(dependencies_of(request), offered.link, None),
    )


async def _over(request: Request, *, status: int = 410) -> Response:
    """The slot went to the next, or the client has given it back."""
    dependencies, link = dependencies_of(request), await admitted_link(request)
    try:
        client, _ = await dependencies.portal.appointments(visitor_of(link))
    except PortalRefusedError as error:
        raise DeadLinkError("gone") from error
    await require_unrevoked(dependencies, link, client)
    return portal_page(
        "portal_offer_over.html",
        texts=texts_of(request, client, None),
        status=status,
        all_path=path_to(dependencies, link, None),
    )


def _sent_on(path: str, done: str) -> Response:
    return RedirectResponse(f"{path}?done={done}", status_code=303, headers=PRIVATE)
