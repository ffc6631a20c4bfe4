"""Headers that tell browsers what a page of this origin may do. What a route has set itself stays."""

from collections.abc import Sequence
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HSTS: Final = "max-age=31536000; includeSubDomains"
_DATA_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"
_EVERYWHERE: Final = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}


def page_policy(*, nonce: str | None = None, framed_by: Sequence[str] = ()) -> str:
    """The Content-Security-Policy of pages: everything is ours, and strings become markup nowhere.

    `nonce` is for the one style element that the web application's components make. `framed_by`: the origins whose
    pages may show this one in a frame; nobody's otherwise.
    """
    ancestors = " ".join(framed_by) or "'none'"
    styles = f"'self' 'nonce-{nonce}'" if nonce is not None else "'self'"
    return (
        f"default-src 'self'; script-src 'self'; style-src {styles}; img-src 'self' data:; connect-src 'self'; "
        f"object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors {ancestors}; "
        "require-trusted-types-for 'script'"
    )


_PAGE_POLICY: Final = page_policy()


class SecurityHeaders:
    def __init__(self, app: ASGIApp, *, is_secure: bool) -> None:
        self._app = app
        self._is_secure = is_secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._complete(MutableHeaders(raw=message["headers"]), message)
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _complete(self, headers: MutableHeaders, message: Message) -> None:
        for name, value in _EVERYWHERE.items():
            headers.setdefault(name, value)
        is_page = headers.get("content-type", "").startswith("text/html")
        headers.setdefault("content-security-policy", _PAGE_POLICY if is_page else _DATA_POLICY)
        if "frame-ancestors 'none'" not in headers["content-security-policy"]:
            # The older header knows no list of origins, and some browsers would heed it.
            del headers["x-frame-options"]
        if self._is_secure:
            headers.setdefault("strict-transport-security", _HSTS)
        message["headers"] = headers.raw
