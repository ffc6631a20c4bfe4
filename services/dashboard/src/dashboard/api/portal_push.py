"""Push messages for clients: the worker that shows them, and the forms by which browsers are added and removed.

The first is filled in by a script, which alone can ask a browser; the second needs none.
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from dashboard.adapters.pages import push_script, push_worker
from dashboard.api.dependencies import dependencies_of
from dashboard.api.forms import KEPT_FOR_EVER, read_form, read_id
from dashboard.api.portal_forms import preferences_page
from dashboard.api.portal_links import PRIVATE, View, admitted_link, overview_of, require_own_page
from dashboard.domain.errors import PortalRefusedError
from dashboard.domain.portal import NewBrowser

WORKER: Final = "/push-worker.js"
"""At the root, so that it may be registered for any part of the origin."""
_WORKER_HEADERS: Final = {
    "Cache-Control": "no-cache",
    # A worker goes by its own policy: it tells us, and nobody else, when its browser has changed the subscription.
    "Content-Security-Policy": "default-src 'none'; connect-src 'self'; frame-ancestors 'none'",
}
_MOST_DEVICE: Final = 200


async def show_worker(_request: Request) -> Response:
    """Asked for anew each time: browsers keep a worker for a day otherwise, and what stands between for longer."""
    return Response(push_worker(), media_type="text/javascript", headers=_WORKER_HEADERS)


async def show_script(_request: Request) -> Response:
    return Response(push_script(), media_type="text/javascript", headers={"Cache-Control": KEPT_FOR_EVER})


async def submit_browser(request: Request) -> Response:
    """Raises what the pages of links answer."""
    require_own_page(request)
    link = await admitted_link(request)
    form = await read_form(request)
    view = await overview_of(request, link)
    browser = NewBrowser(
        endpoint=form.get("endpoint", ""),
        p256dh=form.get("p256dh", ""),
        auth=form.get("auth", ""),
        device=_device(request),
        replaces=form.get("replaces") or None,
    )
    try:
        await dependencies_of(request).portal.subscribe(view.visitor, browser)
    except PortalRefusedError as error:
        many = error.code == "too_many_subscriptions"
        return await _preferences(request, view, view.texts("portal.push.too_many" if many else "portal.push.failed"))
    return _back(view)


async def submit_removal(request: Request) -> Response:
    """One that is not there any more is removed."""
    require_own_page(request)
    link = await admitted_link(request)
    form = await read_form(request)
    view = await overview_of(request, link)
    browser_id = read_id(form.get("browser"))
    if browser_id is not None:
        try:
            await dependencies_of(request).portal.unsubscribe(view.visitor, browser_id)
        except PortalRefusedError as error:
            if error.status != 404:
                raise
    return _back(view)


async def _preferences(request: Request, view: View, error: str) -> Response:
    portal = dependencies_of(request).portal
    known, push = await portal.preferences(view.visitor), await portal.push(view.visitor)
    return preferences_page(view, known, push=push, error=error, status=409)


def _device(request: Request) -> str | None:
    """As the browser calls itself; what is not plain text is left out."""
    said = request.headers.get("user-agent", "")
    plain = "".join(sign for sign in said if " " <= sign <= "~").strip()
    return plain[:_MOST_DEVICE] or None


def _back(view: View) -> Response:
    return RedirectResponse(f"{view.path}/preferences?done=saved", 303, headers=PRIVATE)
