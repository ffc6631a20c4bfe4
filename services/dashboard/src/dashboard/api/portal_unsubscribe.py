"""Unsubscribing by one click (RFC 8058): a mail program's server posts, for a client who has pressed its button.

The one form of the portal that needs not come from one of its pages: it has no origin. The token in its address speaks
for the client, and all that it can do is to stop reminders.
"""

from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from dashboard.api.dependencies import dependencies_of
from dashboard.api.portal_links import PRIVATE, admitted_link, overview_of
from slotstream_servicekit.http.bodies import bounded

_MOST_BYTES: Final = 16_384
_MOST_FIELDS: Final = 10


async def submit_unsubscribe(request: Request) -> Response:
    """Answers a mail server, which shows nobody a page and follows no redirect. Twice is as once.

    Mail servers post for many clients from few addresses, so a good token counts against its client alone.
    """
    link = await admitted_link(request, by_client=True)
    if await _wish(request) != "One-Click":
        raise HTTPException(HTTPStatus.BAD_REQUEST)
    view = await overview_of(request, link)
    await dependencies_of(request).portal.unsubscribe_by_one_click(view.visitor)
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=PRIVATE)


async def _wish(request: Request) -> str | None:
    """Of a form in either encoding. Raises HTTPException 400, and 413 before all of a long body is read."""
    read = Request(request.scope, bounded(request.scope, request.receive, _MOST_BYTES))
    try:
        async with read.form(max_files=0, max_fields=_MOST_FIELDS) as form:
            wish = form.get("List-Unsubscribe")
    except ValueError:
        # What the parser does not catch of its own: a cut form, a charset that is none.
        return None
    return wish if isinstance(wish, str) else None
