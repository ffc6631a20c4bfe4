"""What the server-rendered pages share: their forms, their language, their answers."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse

from dashboard.adapters.localization import Texts, locale_from
from dashboard.adapters.pages import render
from dashboard.domain.users import LOCALES

MAX_FORM_BYTES: Final = 16_384
_MOST_FIELDS: Final = 50
KEPT_FOR_EVER: Final = "public, max-age=31536000, immutable"
"""Of what is named by its content."""


async def read_form(request: Request) -> Mapping[str, str]:
    """The fields of a url-encoded form; the first of a name counts. Raises HTTPException 400, 413 or 415."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/x-www-form-urlencoded":
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_FORM_BYTES:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise HTTPException(HTTPStatus.BAD_REQUEST) from None
    return dict(reversed(pairs))


def read_id(text: str | None) -> UUID | None:
    """The id that a form or an address names; None for what is none."""
    try:
        return UUID(text) if text is not None and len(text) <= 36 else None
    except ValueError:
        return None


def texts_for(request: Request, form: Mapping[str, str] | None = None) -> Texts:
    """By the page's own choice, else by what the browser prefers."""
    chosen = (form or {}).get("lang") or request.query_params.get("lang")
    return Texts(chosen if chosen in LOCALES else locale_from(request.headers.get("accept-language")))


def page(
    request: Request,
    template: str,
    *,
    texts: Texts,
    status: int = 200,
    error: str | None = None,
    notice: str | None = None,
    headers: Mapping[str, str] | None = None,
    afterwards: BackgroundTask | None = None,
    **values: object,
) -> HTMLResponse:
    html = render(template, texts=texts, error=error, notice=notice, languages=_languages(request), **values)
    return HTMLResponse(
        html,
        status_code=status,
        headers={"Content-Language": texts.locale, "Vary": "Accept-Language", **(headers or {})},
        background=afterwards,
    )


def _languages(request: Request) -> list[tuple[str, str]]:
    """The same page in each language; what was typed into its form is not kept."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name in ("next", "notice", "again")]
    return [(code, "?" + urlencode([*kept, ("lang", code)])) for code in LOCALES]
