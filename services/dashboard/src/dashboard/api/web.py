"""The web application: its files for a year, its page for every address that belongs to nobody else."""

import secrets
from typing import Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from dashboard.adapters.web import WebApplication
from dashboard.api.browsers import session_secret
from dashboard.api.dependencies import dependencies_of
from dashboard.api.security_headers import page_policy

_KEPT_FOR_EVER: Final = "public, max-age=31536000, immutable"
_ASKED_AGAIN: Final = "public, max-age=3600"
_HASHED: Final = "/assets/"
"""Names in here change with the content."""
_OTHERS: Final = ("/api", "/v1", "/events", "/oauth", "/p", "/book", "/.well-known", "/assets", "/pages")
"""What is missing below these is missing, and never the page."""


class Web:
    """Serves one build."""

    def __init__(self, application: WebApplication) -> None:
        self._application = application

    async def show_page(self, request: Request) -> Response:
        """The page for whoever is signed in; others sign in first and come back to the address they wanted."""
        if _belongs_to_others(request.url.path) or "text/html" not in request.headers.get("accept", ""):
            raise HTTPException(404)
        dependencies = dependencies_of(request)
        if await dependencies.sessions.find(session_secret(request, dependencies.settings)) is None:
            wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/sign-in?{urlencode({'next': wanted})}", 303)
        nonce = secrets.token_urlsafe(16)
        return HTMLResponse(
            self._application.page_with(nonce),
            headers={"Content-Security-Policy": page_policy(nonce=nonce), "Cache-Control": "no-store"},
        )

    async def show_file(self, request: Request) -> Response:
        path = request.url.path
        file = self._application.files.get(path)
        if file is None:
            raise HTTPException(404)
        coding, content = file.choose(request.headers.get("accept-encoding", ""))
        headers = {"Cache-Control": _KEPT_FOR_EVER if path.startswith(_HASHED) else _ASKED_AGAIN}
        if file.encoded:
            headers["Vary"] = "Accept-Encoding"
        if coding is not None:
            headers["Content-Encoding"] = coding
        return Response(content, media_type=file.media_type, headers=headers)

    def routes(self) -> list[Route]:
        """To be the last of all: the page takes every address that is left."""
        return [
            Route("/assets/{path:path}", self.show_file, methods=["GET"]),
            Route("/favicon.svg", self.show_file, methods=["GET"]),
            Route("/{path:path}", self.show_page, methods=["GET"]),
        ]


def _belongs_to_others(path: str) -> bool:
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in _OTHERS)
