"""Where the dashboard is wired together."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx2
from fastapi import FastAPI

from dashboard.adapters.oidc import MAX_ANSWER_BYTES, OidcProviders
from dashboard.adapters.passkeys import WebauthnVerifier
from dashboard.adapters.passwords import Argon2PasswordHasher
from dashboard.adapters.portal import HttpPortalServices
from dashboard.adapters.public import HttpPublicServices
from dashboard.adapters.sealing import DerivedClientSecrets, SecretBox
from dashboard.adapters.smtp import SmtpMailSender
from dashboard.adapters.upstreams import HttpUpstreams
from dashboard.adapters.visitors import DerivedVisitorSecrets, SealedDrafts
from dashboard.adapters.web import WebApplication, read_web_application
from dashboard.api import booking_pages, company_logout, company_sign_in, link_pages, pages, passkey_pages, portal_pages
from dashboard.api.api_clients import router as api_clients_router
from dashboard.api.audit import router as audit_router
from dashboard.api.client_links import router as client_links_router
from dashboard.api.dependencies import Dependencies
from dashboard.api.gateway import Gateway
from dashboard.api.gateway import routes as gateway_routes
from dashboard.api.identity_provider import router as identity_provider_router
from dashboard.api.limits import OriginLimits
from dashboard.api.live import LiveHub
from dashboard.api.live import routes as live_routes
from dashboard.api.oauth import router as oauth_router
from dashboard.api.passkeys import router as passkeys_router
from dashboard.api.preferences import router as preferences_router
from dashboard.api.security_headers import SecurityHeaders
from dashboard.api.session import router as session_router
from dashboard.api.sessions_memory import SessionMemory
from dashboard.api.tokens import KeyRing, OwnKeys, TokenIssuer
from dashboard.api.users import router as users_router
from dashboard.api.web import Web
from dashboard.domain.protocols import Upstreams
from dashboard.domain.public import FrameMemory
from dashboard.settings import DashboardSettings
from dashboard.worker import Mailer, sweeps, tell_users
from slotstream_contracts.envelope import parse
from slotstream_servicekit.background import repeatedly
from slotstream_servicekit.client_links import LinkSealer
from slotstream_servicekit.clock import Clock, system_clock
from slotstream_servicekit.database import Database
from slotstream_servicekit.errors import StartError
from slotstream_servicekit.health import Health, database_check
from slotstream_servicekit.housekeeping import housekeeping
from slotstream_servicekit.http.app import create_app
from slotstream_servicekit.http.auth import Authenticator
from slotstream_servicekit.http.guarded import GuardedHttp
from slotstream_servicekit.runtime import Service, Worker, run
from slotstream_servicekit.settings import IssuerSettings

NAME = "dashboard"
_OWN_KEYS = "http://keys.dashboard.invalid/jwks.json"
_KEYS_LOOKED_AT_SECONDS = 600.0
_USERS_LOOKED_AT_SECONDS = 60.0
_NO_KEYS = "DASHBOARD_SECRET_KEYS is not set: it takes a JSON list of Fernet keys, the newest first"


def create_api(
    settings: DashboardSettings,
    *,
    clock: Clock = system_clock,
    upstreams: Upstreams | None = None,
    web: WebApplication | None = None,
) -> FastAPI:
    """`upstreams` take the place of the network in tests; `web` is served where it was built."""
    database = Database.of_service(settings, service=NAME, role="api")
    health = Health()
    health.register("database", database_check(database))
    keys = _keys(settings)
    ring = _key_ring(settings, database, keys, clock)
    services = upstreams or HttpUpstreams(
        connect_seconds=settings.upstream_connect_seconds, silent_seconds=settings.upstream_seconds
    )
    providers = _company_providers(settings, clock)
    tokens = TokenIssuer(
        ring,
        issuer=settings.issuer,
        audience=settings.token_audience,
        lifetime=settings.token_lifetime,
        clock=clock,
    )
    hub = LiveHub(
        database,
        clock=clock,
        every=settings.live_every,
        beat=settings.live_beat,
        idle=settings.session_idle,
        retention=settings.live_retention,
        most=settings.live_streams,
        per_user=settings.live_streams_per_user,
        # The other half of the pool is for requests: whoever reconnects asks for what is on screen, too.
        connecting=max(1, settings.database_pool_size // 2),
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        _require_keys(settings)
        hasher = Argon2PasswordHasher()
        app.state.dependencies = Dependencies(
            settings=settings,
            database=database,
            hasher=hasher,
            client_secrets=DerivedClientSecrets(keys[0]),
            passkeys=WebauthnVerifier(host=settings.passkey_host, origin=settings.origin),
            providers=providers,
            box=SecretBox(keys),
            key_ring=ring,
            tokens=tokens,
            sessions=SessionMemory(database, clock=clock, memory=settings.session_memory, idle=settings.session_idle),
            limits=OriginLimits(lambda: clock().timestamp()),
            portal=HttpPortalServices(services, settings.upstreams, token_for=tokens.for_visitor),
            public=HttpPublicServices(services, settings.upstreams, token_for=tokens.for_page_visitor),
            drafts=SealedDrafts(keys),
            visitor_secrets=DerivedVisitorSecrets(keys[0]),
            frames=FrameMemory(),
            link_sealer=_link_sealer(settings),
            clock=clock,
        )
        stop = asyncio.Event()
        live = asyncio.ensure_future(hub.task()(stop))
        yield
        stop.set()
        await live
        hasher.close()
        await services.aclose()
        await providers.aclose()
        await database.dispose()

    app = create_app(
        service=NAME,
        title="Slotstream Dashboard",
        routers=[
            session_router,
            preferences_router,
            passkeys_router,
            identity_provider_router,
            users_router,
            api_clients_router,
            client_links_router,
            audit_router,
            oauth_router,
        ],
        settings=settings,
        authenticator=_authenticator(settings, ring, clock),
        health=health,
        lifespan=lifespan,
        # What is answered here is for owners, who have no limits, or about callers themselves; links of clients are
        # refused to whoever is limited.
    )
    # FastAPI's own page of documentation loads scripts of others, which may not run where sessions live.
    app.router.routes[:] = [route for route in app.router.routes if getattr(route, "path", "") not in _FOREIGN_PAGES]
    gateway = Gateway(services, settings.upstreams, max_body_bytes=settings.proxy_max_body_bytes)
    # What is asked most is looked for first: a path is held against one route after the other.
    app.router.routes[:0] = gateway_routes(gateway)
    app.router.routes.extend(
        [
            *pages.routes(has_application=web is not None),
            *passkey_pages.routes(),
            *company_sign_in.routes(),
            *company_logout.routes(),
            *link_pages.routes(),
            *portal_pages.routes(),
            *booking_pages.routes(),
            *live_routes(hub),
            *(Web(web).routes() if web is not None else []),
        ]
    )
    app.add_middleware(SecurityHeaders, is_secure=settings.is_secure)
    return app


_FOREIGN_PAGES = frozenset({"/docs", "/docs/oauth2-redirect"})


def create_worker(settings: DashboardSettings, *, clock: Clock = system_clock) -> Worker:
    from dashboard.consumers import register
    from slotstream_servicekit import workers

    database = Database.of_service(settings, service=NAME, role="worker")
    keys = _keys(settings)
    _require_keys(settings)
    ring = _key_ring(settings, database, keys, clock)
    mailer = Mailer(database=database, sender=_mail_sender(settings), settings=settings, clock=clock)
    return workers.create_worker(
        service=NAME,
        settings=settings,
        database=database,
        decode=parse,
        register=partial(register, clock=clock, retention=settings.live_retention),
        tasks=[
            mailer.task(),
            repeatedly("signing_keys", ring.renew, every=_KEYS_LOOKED_AT_SECONDS),
            repeatedly("untold_users", partial(tell_users, database), every=_USERS_LOOKED_AT_SECONDS),
            housekeeping(database, sweeps(settings)),
        ],
    )


def _key_ring(settings: DashboardSettings, database: Database, keys: Sequence[str], clock: Clock) -> KeyRing:
    return KeyRing(database, box=SecretBox(keys), clock=clock, lifetime=settings.key_lifetime)


def _authenticator(settings: DashboardSettings, ring: KeyRing, clock: Clock) -> Authenticator:
    """Accepts what the other services accept; its own keys it reads without a detour over the network."""
    own = IssuerSettings(issuer=settings.issuer, audience=settings.token_audience, jwks_url=_OWN_KEYS)
    others = [issuer for issuer in settings.issuers if issuer.issuer != settings.issuer]
    client = httpx2.AsyncClient(timeout=5.0, follow_redirects=False, mounts={_OWN_KEYS: OwnKeys(ring)})
    return Authenticator([own, *others], client=client, clock=lambda: clock().timestamp())


def _company_providers(settings: DashboardSettings, clock: Clock) -> OidcProviders:
    http = GuardedHttp(
        allowed=settings.provider_networks,
        seconds=settings.provider_seconds,
        max_bytes=MAX_ANSWER_BYTES,
        follow_redirects=False,
    )
    return OidcProviders(http, own_networks=settings.provider_networks, seconds=settings.provider_seconds, clock=clock)


def _mail_sender(settings: DashboardSettings) -> SmtpMailSender:
    password = settings.smtp_password
    return SmtpMailSender(
        host=settings.smtp_host,
        port=settings.smtp_port,
        sender=settings.sender_address,
        tls=settings.smtp_tls,
        ca_file=settings.smtp_ca_file,
        username=settings.smtp_username,
        password=password.get_secret_value() if password is not None else None,
        seconds=settings.smtp_seconds,
    )


def _link_sealer(settings: DashboardSettings) -> LinkSealer | None:
    keys = [key.get_secret_value() for key in settings.link_keys]
    return LinkSealer(keys) if keys else None


def _keys(settings: DashboardSettings) -> Sequence[str]:
    return [key.get_secret_value() for key in settings.secret_keys]


def _require_keys(settings: DashboardSettings) -> None:
    """Checked when a role starts: operators' commands do without."""
    if not settings.secret_keys:
        raise StartError(_NO_KEYS)


service = Service(
    name=NAME,
    settings=DashboardSettings,
    create_api=lambda settings: create_api(settings, web=read_web_application()),
    create_worker=create_worker,
    package_dir=Path(__file__).parents[2],
    require=_require_keys,
)


def main() -> None:
    run(service)
