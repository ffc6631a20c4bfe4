"""Headers that tell browsers what a page of this origin may do. What a route has set itself stays."""

from collections.abc import Iterable, Sequence
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY: Final = b"content-security-policy"
_FRAMES: Final = b"x-frame-options"
_NO_FRAMES: Final = b"frame-ancestors 'none'"
_DATA_POLICY: Final = b"default-src 'none'; frame-ancestors 'none'"
_EVERYWHERE: Final = (
    (b"x-content-type-options", b"nosniff"),
    (_FRAMES, b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"referrer-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


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


_PAGE_POLICY: Final = page_policy().encode()


class SecurityHeaders:
    """In bytes, as they are sent: it is paid for by every request."""

    def __init__(self, app: ASGIApp, *, is_secure: bool) -> None:
        self._app = app
        self._always = (*_EVERYWHERE, _HSTS) if is_secure else _EVERYWHERE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self._completed(message["headers"])
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _completed(self, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        completed = list(headers)
        given = dict(completed)
        completed += [header for header in self._always if header[0] not in given]
        policy = given.get(_POLICY)
        if policy is None:
            is_page = given.get(b"content-type", b"").startswith(b"text/html")
            policy = _PAGE_POLICY if is_page else _DATA_POLICY
            completed.append((_POLICY, policy))
        if _NO_FRAMES not in policy:
            # The older header knows no list of origins, and some browsers would heed it.
            return [header for header in completed if header[0] != _FRAMES]
        return completed
