"""What a request says of the browser behind it: its address, its session's cookie, and which site sent it."""

from ipaddress import ip_address
from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from dashboard.domain.errors import CrossSiteError
from dashboard.domain.sessions import is_csrf_token
from dashboard.settings import DashboardSettings
from dashboard.usecases.sign_in import Browser

CSRF_HEADER: Final = "X-CSRF-Token"
_MAX_COOKIE: Final = 200
_COMPANY_REMEMBERED: Final = 180 * 24 * 60 * 60


def browser_of(request: Request, settings: DashboardSettings) -> Browser:
    return Browser(address=client_address(request, settings), user_agent=request.headers.get("user-agent", ""))


def client_address(request: Request, settings: DashboardSettings) -> str:
    """The nearest address that is not one of our own proxies'; what farther ones claim is not believed."""
    address = request.client.host if request.client is not None else "unknown"
    forwarded = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
    for claimed in reversed([part.strip() for part in forwarded if part.strip()]):
        if not _is_trusted(address, settings):
            break
        address = claimed
    return address[:64]


def _is_trusted(address: str, settings: DashboardSettings) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in settings.trusted_proxies if network.version == parsed.version)


def session_secret(request: Request, settings: DashboardSettings) -> str | None:
    return cookie_value(request, settings.cookie_name)


def cookie_value(request: Request, name: str) -> str | None:
    """What the cookie holds. Where a request has two of the name, somebody planted one: neither counts."""
    prefix = f"{name}="
    pairs = [pair.strip() for header in request.headers.getlist("cookie") for pair in header.split(";")]
    values = {pair.removeprefix(prefix) for pair in pairs if pair.startswith(prefix)}
    if len(values) != 1:
        return None
    value = values.pop()
    return value if 0 < len(value) <= _MAX_COOKIE else None


def set_session_cookie(response: Response, secret: str, settings: DashboardSettings) -> None:
    response.set_cookie(
        settings.cookie_name,
        secret,
        max_age=int(settings.session_lifetime.total_seconds()),
        path="/",
        secure=settings.is_secure,
        httponly=True,
        samesite="lax",
    )


def clear_session_cookie(response: Response, settings: DashboardSettings) -> None:
    response.delete_cookie(settings.cookie_name, path="/", secure=settings.is_secure, httponly=True, samesite="lax")


def remember_company(response: Response, organization_id: UUID, settings: DashboardSettings) -> None:
    response.set_cookie(
        settings.company_cookie_name,
        str(organization_id),
        max_age=_COMPANY_REMEMBERED,
        path="/",
        secure=settings.is_secure,
        httponly=True,
        samesite="lax",
    )


def remembered_company(request: Request, settings: DashboardSettings) -> UUID | None:
    """The organization whose provider this browser used last; whoever changes the cookie changes a link."""
    try:
        return UUID(cookie_value(request, settings.company_cookie_name) or "")
    except ValueError:
        return None


def require_same_origin(request: Request, settings: DashboardSettings) -> None:
    """Raises CrossSiteError unless a page of this origin sent the request.

    `Sec-Fetch-Site` is the browser's own word. Where it is absent `Origin` has to be ours; `null` proves nothing.
    """
    site = request.headers.get("sec-fetch-site")
    allowed = site == "same-origin" if site is not None else request.headers.get("origin") == settings.origin
    if not allowed:
        raise CrossSiteError("The request does not come from a page of this address.")


def require_csrf_token(request: Request, secret: str, settings: DashboardSettings, *, given: str | None = None) -> None:
    """Raises CrossSiteError unless the request is of this origin and holds the session's token as well."""
    require_same_origin(request, settings)
    token = given if given is not None else request.headers.get(CSRF_HEADER, "")
    if not is_csrf_token(token, secret):
        raise CrossSiteError(f"The session's token is missing or not right: send it as {CSRF_HEADER}.")
