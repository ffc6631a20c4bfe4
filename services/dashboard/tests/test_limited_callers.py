"""Every route, and for whom it is: a new one has to be decided upon here.

The services behind the gateway keep to rights and limits themselves; their own tests walk their routes.
"""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

import httpx2
import pytest
from dashboard_tenant import Tenant
from portal_services import PortalServices
from starlette.routing import BaseRoute, Mount, Route

from dashboard.api.gateway import Gateway
from dashboard.storage import schema
from slotstream_servicekit.http.rights import Role
from slotstream_servicekit.testing.limits import fingerprint

pytestmark = pytest.mark.service

Json = dict[str, Any]
Audience = Literal["owners", "client writers", "a session", "a form of this origin", "a link's form", "everybody"]
WATCHED = sorted(table.name for table in schema.metadata.sorted_tables if table.name != "sessions")
SOMEBODY = str(uuid4())


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """For whom a route is. `body` is one that is right, where one is needed for the answer to say something."""

    audience: Audience
    path: str | None = None
    body: Json | None = None


def owners(path: str | None = None, body: Json | None = None) -> Decision:
    return Decision(audience="owners", path=path, body=body)


def session(path: str | None = None, body: Json | None = None) -> Decision:
    return Decision(audience="a session", path=path, body=body)


EVERYBODY = Decision(audience="everybody")
_USER, _CLIENT = f"/v1/users/{SOMEBODY}", f"/v1/api-clients/{SOMEBODY}"
_PROVIDER = {
    "issuer": "https://login.example.com",
    "client_id": "c",
    "client_secret": "s",
    "email_domains": ["example.com"],
}
_PERSON = {"email": "eve@example.com", "name": "Eve", "role": "owner"}


def link_form(path: str) -> Decision:
    return Decision(audience="a link's form", path=path)


DECISIONS: dict[str, Decision] = {
    "GET /v1/users": owners(),
    "POST /v1/users": owners(body=_PERSON),
    "GET /v1/users/{user_id}": owners(_USER),
    "PATCH /v1/users/{user_id}": owners(_USER, {"role": "owner", "business_ids": None}),
    "DELETE /v1/users/{user_id}": owners(_USER),
    "POST /v1/users/{user_id}/invitation": owners(f"{_USER}/invitation"),
    "GET /v1/api-clients": owners(),
    "POST /v1/api-clients": owners(body={"name": "POS", "role": "agent"}),
    "GET /v1/api-clients/{client_id}": owners(_CLIENT),
    "PATCH /v1/api-clients/{client_id}": owners(_CLIENT, {"business_ids": None}),
    "DELETE /v1/api-clients/{client_id}": owners(_CLIENT),
    "POST /v1/api-clients/{client_id}/rotate": owners(f"{_CLIENT}/rotate", {}),
    "GET /v1/audit": owners(),
    "GET /v1/identity-provider": owners(),
    "PUT /v1/identity-provider": owners(body=_PROVIDER),
    "DELETE /v1/identity-provider": owners(),
    "POST /v1/identity-provider/test": owners(),
    "POST /v1/client-links": Decision(audience="client writers", body={"client_id": SOMEBODY}),
    "POST /v1/client-links/revoke": Decision(audience="client writers", body={"client_id": SOMEBODY}),
    "GET /api/session": session(),
    "DELETE /api/session": session(),
    "PATCH /api/session/user": session(body={"name": "Eve"}),
    "GET /api/session/preferences": session(),
    "PATCH /api/session/preferences": session(body={"moves": "quiet"}),
    "PUT /api/session/password": session(body={"current_password": "x", "new_password": "y"}),
    "GET /api/sessions": session(),
    "DELETE /api/sessions": session(),
    "DELETE /api/sessions/{session_id}": session(f"/api/sessions/{SOMEBODY}"),
    "GET /api/passkeys": session(),
    "POST /api/passkeys/options": session(),
    "POST /api/passkeys": session(body={"name": "x", "credential_id": "eA", "client_data": "eA", "attestation": "eA"}),
    "DELETE /api/passkeys/{passkey_id}": session(f"/api/passkeys/{SOMEBODY}"),
    "GET /events/stream": session(),
    "GET /api/names": session(),
    "* /api/{service}/v1": session("/api/booking/v1/appointments"),
    "POST /sign-in": Decision(audience="a form of this origin", path="/sign-in"),
    "POST /sign-in/passkey/challenge": Decision(audience="a form of this origin", path="/sign-in/passkey/challenge"),
    "POST /sign-in/passkey": Decision(audience="a form of this origin", path="/sign-in/passkey"),
    "POST /sign-out": Decision(audience="a form of this origin", path="/sign-out"),
    "POST /reset": Decision(audience="a form of this origin", path="/reset"),
    "POST /reset/{secret}": link_form("/reset/secret"),
    "POST /invitation/{secret}": link_form("/invitation/secret"),
    "POST /p/{token}/confirm": link_form("/p/token/confirm"),
    "POST /p/{token}/cancel": link_form("/p/token/cancel"),
    "POST /p/{token}/move": link_form("/p/token/move"),
    "POST /p/{token}/offers/{offer_id}/accept": link_form("/p/token/offers/offer/accept"),
    "POST /p/{token}/offers/{offer_id}/decline": link_form("/p/token/offers/offer/decline"),
    "POST /p/{token}/preferences": link_form("/p/token/preferences"),
    "POST /p/{token}/push": link_form("/p/token/push"),
    "POST /p/{token}/push/remove": link_form("/p/token/push/remove"),
    "POST /book/{business}/hold": link_form("/book/page/hold"),
    "POST /book/{business}/details/{draft}": link_form("/book/page/details/draft"),
    "POST /book/{business}/embed/hold": link_form("/book/page/embed/hold"),
    "POST /book/{business}/embed/details/{draft}": link_form("/book/page/embed/details/draft"),
    # The public page is for whoever comes by, and what is not there is not there.
    "GET /book/{business}": EVERYBODY,
    "GET /book/{business}/details/{draft}": EVERYBODY,
    "GET /book/{business}/booked/{booked}": EVERYBODY,
    "GET /book/{business}/booked/{booked}/calendar.ics": EVERYBODY,
    "GET /book/{business}/embed": EVERYBODY,
    "GET /book/{business}/embed/details/{draft}": EVERYBODY,
    "GET /book/{business}/embed/booked/{booked}": EVERYBODY,
    "GET /book/{business}/embed/booked/{booked}/calendar.ics": EVERYBODY,
    "GET /book/{business}/{rest:path}": EVERYBODY,
    "POST /book/{business}/{rest:path}": EVERYBODY,
    # Shows where to sign in, or what the link's own secret opens; a session's own start page asks for it itself.
    "GET /": EVERYBODY,
    "GET /sign-in": EVERYBODY,
    "GET /sign-in/passkey": EVERYBODY,
    # What comes back is bound to the browser that was sent there.
    "GET /sign-in/o/{organization_id:uuid}": EVERYBODY,
    "GET /sign-in/o/{organization_id:uuid}/callback": EVERYBODY,
    "POST /sign-in/o/{organization_id:uuid}/logout": EVERYBODY,
    "GET /reset": EVERYBODY,
    "GET /reset/{secret}": EVERYBODY,
    "GET /invitation/{secret}": EVERYBODY,
    "GET /p/{token}": EVERYBODY,
    "GET /p/{token}/cancel": EVERYBODY,
    "GET /p/{token}/move": EVERYBODY,
    "GET /p/{token}/calendar.ics": EVERYBODY,
    "GET /p/{token}/offers/{offer_id}": EVERYBODY,
    "GET /p/{token}/preferences": EVERYBODY,
    "GET /p/{token}/unsubscribe": EVERYBODY,
    # A mail program's server posts, from no page; the link's token says for whom.
    "POST /p/{token}/unsubscribe": EVERYBODY,
    "GET /push-worker.js": EVERYBODY,
    # An API client is known by the secret that it sends.
    "POST /oauth/token": EVERYBODY,
    "GET /.well-known/jwks.json": EVERYBODY,
    "GET /openapi.json": EVERYBODY,
    "GET /livez": EVERYBODY,
    "GET /readyz": EVERYBODY,
    "GET /metrics": EVERYBODY,
}


def routes_of(tenant: Tenant) -> set[str]:
    return {name for route in tenant.app.router.routes for name in _names_of(route)}


def _names_of(route: BaseRoute) -> list[str]:
    if isinstance(route, Mount):
        assert isinstance(route.app, Gateway)
        return [f"* {route.path}"]
    assert isinstance(route, Route), route
    path = "/pages" if route.path.startswith("/pages/") else route.path
    return [f"{method} {path}" for method in sorted((route.methods or set()) - {"HEAD"}) if path != "/pages"]


def of(*audiences: Audience) -> list[tuple[str, Decision]]:
    return [(name, decision) for name, decision in DECISIONS.items() if decision.audience in audiences]


async def send(http: httpx2.AsyncClient, name: str, decision: Decision, **headers: str) -> httpx2.Response:
    method, _, path = name.partition(" ")
    method = "POST" if method == "*" else method
    body: Json = {} if decision.body is None else {"json": decision.body}
    return await http.request(method, decision.path or path, headers=headers, **body)


def caller(tenant: Tenant, role: str, **claims: Any) -> httpx2.AsyncClient:
    token = tenant.signer.token(organization_id=tenant.organization_id, role=role, now=tenant.now, claims=claims)
    return tenant.browser(Authorization=f"Bearer {token}").http


OUTSIDERS: dict[Role, Json] = {Role.CLIENT: {"client": SOMEBODY}, Role.VISITOR: {"businesses": [SOMEBODY]}}
"""Who does not belong to the organization, with the claims that their tokens need."""
LIMITS: list[Json] = [{"businesses": [str(uuid4())]}, {"businesses": []}, {"resource": str(uuid4())}]


async def test_every_route_has_been_decided_upon(tenant: Tenant) -> None:
    assert routes_of(tenant) == set(DECISIONS)


async def test_what_is_for_owners_is_for_nobody_else_and_not_changed_by_who_is_limited(tenant: Tenant) -> None:
    others = [str(role) for role in Role if role not in {Role.OWNER, *OUTSIDERS}]
    programs = [
        *(caller(tenant, role) for role in others),
        caller(tenant, "integration", scope="clients:write catalogue:write appointments:write"),
        *(caller(tenant, str(role), **claims) for role, claims in OUTSIDERS.items()),
    ]
    before = await fingerprint(tenant.database, WATCHED)

    for name, decision in of("owners"):
        for http in programs:
            assert (await send(http, name, decision)).status_code == 403, name
        assert (await send(tenant.browser().http, name, decision)).status_code == 401, name
        for limits in LIMITS:
            answer = await send(caller(tenant, "owner", **limits), name, decision)
            if not name.startswith("GET "):
                assert (answer.status_code, answer.json()["code"]) == (403, "organization_wide"), name

    assert await fingerprint(tenant.database, WATCHED) == before


async def test_links_of_clients_are_for_who_changes_clients_everywhere(tenant: Tenant) -> None:
    services = PortalServices(organization_id=tenant.organization_id)
    tenant.upstream.answer = services
    allowed = {Role.OWNER, Role.MANAGER, Role.STAFF}
    before = await fingerprint(tenant.database, WATCHED)
    decisions = [
        (name, Decision(audience="client writers", body={"client_id": str(services.client_id)}))
        for name, _ in of("client writers")
    ]

    for name, decision in decisions:
        for role in set(Role) - allowed:
            http = caller(tenant, str(role), **OUTSIDERS.get(role, {}))
            assert (await send(http, name, decision)).status_code == 403, (name, role)
        for role in allowed:
            for limits in LIMITS:
                answer = await send(caller(tenant, str(role), **limits), name, decision)
                assert answer.status_code == 403, (name, role, limits)
        assert (await send(tenant.browser().http, name, decision)).status_code == 401, name
    assert await fingerprint(tenant.database, WATCHED) == before
    for name, decision in decisions:
        for role in allowed:
            assert (await send(caller(tenant, str(role)), name, decision)).is_success, (name, role)


async def test_what_is_a_sessions_is_done_by_its_own_pages_alone(tenant: Tenant) -> None:
    """Neither without a session, nor from another site, nor with the cookie alone."""
    browser = await tenant.signed_in()
    token = (await browser.session())["csrf_token"]
    other = (await (await tenant.signed_in()).session())["csrf_token"]
    before = await fingerprint(tenant.database, WATCHED)
    forgeries: list[dict[str, str]] = [
        {},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "cross-site", "X-CSRF-Token": token},
        {"Sec-Fetch-Site": "same-site", "X-CSRF-Token": token},
        {"Sec-Fetch-Site": "none", "X-CSRF-Token": token},
        {"Origin": "null", "X-CSRF-Token": token},
        {"Origin": "https://desk.example.com.evil.test", "X-CSRF-Token": token},
        {"Sec-Fetch-Site": "same-origin", "X-CSRF-Token": other},
        {"Sec-Fetch-Site": "same-origin", "X-CSRF-Token": ""},
    ]

    for name, decision in of("a session"):
        assert (await send(tenant.browser().http, name, decision)).status_code == 401, name
        if name.startswith("GET "):
            continue
        for forged in forgeries:
            answer = await send(browser.http, name, decision, **forged)
            assert (answer.status_code, answer.json()["code"]) == (403, "cross_site_request"), (name, forged)

    assert tenant.upstream.requests == []
    assert await fingerprint(tenant.database, WATCHED) == before
    assert (await browser.get("/api/session")).status_code == 200


async def test_a_programs_token_is_no_session(tenant: Tenant) -> None:
    for name, decision in of("a session"):
        if name != "* /api/{service}/v1":
            assert (await send(tenant.api(), name, decision)).status_code == 401, name


async def test_another_sites_forms_do_nothing(tenant: Tenant) -> None:
    browser = await tenant.signed_in()
    before = await fingerprint(tenant.database, WATCHED)

    for _, decision in of("a form of this origin", "a link's form"):
        assert decision.path is not None
        for site in ("cross-site", "same-site"):
            answer = await browser.submit(decision.path, site=site, origin="https://evil.example.com", email="x@y.z")
            assert answer.status_code == 403, decision.path

    assert await fingerprint(tenant.database, WATCHED) == before
    assert (await browser.get("/api/session")).status_code == 200
