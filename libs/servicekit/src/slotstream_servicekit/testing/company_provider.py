"""A company's identity provider, as OpenID Connect has it, over real HTTP: and one that can be told to do wrong."""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT_ID = "slotstream at example.com"
CLIENT_SECRET = "a secret: with & and ü"  # noqa: S105 - of a provider that exists in tests only


@dataclass(kw_only=True)
class Person:
    """Who is signed in at the provider."""

    subject: str = "a1b2"
    email: str = "ada@example.com"
    claims: dict[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True)
class Grant:
    query: Mapping[str, str]
    person: Person


@dataclass(kw_only=True)
class CompanyProvider:
    """`wrong` changes an ID token's claims; `sign` its signature; `answer` what the browser is sent back with."""

    clock: Callable[[], datetime]
    issuer: str = ""
    key: RSAKey = field(
        default_factory=lambda: RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)
    )
    published: list[RSAKey] = field(default_factory=list)
    person: Person = field(default_factory=Person)
    wrong: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    sign: Callable[[dict[str, Any]], str] | None = None
    grants: dict[str, Grant] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.published.append(self.key)

    def rotate(self) -> None:
        self.key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)
        self.published[:] = [self.key]

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discovery),
                Route("/jwks", self._jwks),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
            ]
        )

    async def _discovery(self, _request: Request) -> Response:
        self.asked.append("discovery")
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }
        return JSONResponse({name: value for name, value in (document | self.metadata).items() if value is not None})

    async def _jwks(self, _request: Request) -> Response:
        self.asked.append("jwks")
        return JSONResponse({"keys": [key.as_dict(private=False) for key in self.published]})

    async def _authorize(self, request: Request) -> Response:
        """Whoever comes is signed in already."""
        return RedirectResponse(self.send_back(dict(request.query_params)), status_code=302)

    def send_back(self, query: Mapping[str, str]) -> str:
        """Where the browser goes next."""
        code = secrets.token_urlsafe(16)
        self.grants[code] = Grant(query=query, person=self.person)
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state'], 'iss': self.issuer})}"

    async def _token(self, request: Request) -> Response:
        self.asked.append("token")
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        grant = self.grants.pop(form.get("code", ""), None)
        why = _why_refused(request, form, grant)
        if grant is None or why is not None:
            self.refused.append(why or "code")
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        claims = self._claims(grant)
        token = self.sign(claims) if self.sign is not None else self.signed(claims)
        return JSONResponse({"access_token": secrets.token_urlsafe(8), "token_type": "Bearer", "id_token": token})

    def _claims(self, grant: Grant) -> dict[str, Any]:
        now = self.clock()
        claims = {
            "iss": self.issuer,
            "sub": grant.person.subject,
            "aud": grant.query["client_id"],
            "iat": int(now.timestamp()),
            "exp": int((now + timedelta(minutes=5)).timestamp()),
            "nonce": grant.query["nonce"],
            "email": grant.person.email,
            "email_verified": True,
            "name": "Ada",
            **grant.person.claims,
            **self.wrong,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def logout_claims(self, **changed: Any) -> dict[str, Any]:
        """What a logout token of its person says (Back-Channel Logout 1.0 §2.4); None leaves a claim out."""
        now = int(self.clock().timestamp())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 120,
            "jti": secrets.token_urlsafe(8),
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
            "sub": self.person.subject,
            **changed,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def signed(self, claims: dict[str, Any], key: RSAKey | None = None, *, kind: str = "JWT") -> str:
        key = key or self.key
        return jwt.encode({"alg": "RS256", "kid": str(key.kid), "typ": kind}, claims, key, algorithms=["RS256"])

    def signed_with_the_public_key(self, claims: dict[str, Any]) -> str:
        """The old trick: HMAC with what everybody can read. By hand, since no library does it any more."""
        content = _content({"alg": "HS256", "kid": str(self.key.kid)}, claims)
        secret = self.key.as_pem(private=False)
        return f"{content}.{_base64url(hmac.digest(secret, content.encode(), 'sha256'))}"

    def unsigned(self, claims: dict[str, Any]) -> str:
        return f"{_content({'alg': 'none', 'kid': str(self.key.kid)}, claims)}."


def _content(header: Mapping[str, str], claims: Mapping[str, Any]) -> str:
    """What of a JWT is signed."""
    return ".".join(_base64url(json.dumps(part).encode()) for part in (header, claims))


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _why_refused(request: Request, form: Mapping[str, str], grant: Grant | None) -> str | None:
    scheme, _, pair = request.headers.get("authorization", "").partition(" ")
    name, _, secret = base64.b64decode(pair).decode().partition(":")
    if scheme != "Basic" or (unquote_plus(name), unquote_plus(secret)) != (CLIENT_ID, CLIENT_SECRET):
        return "client"
    if grant is None or form.get("grant_type") != "authorization_code":
        return "code"
    if form.get("redirect_uri") != grant.query["redirect_uri"]:
        return "redirect_uri"
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    if grant.query.get("code_challenge_method") != "S256":
        return "method"
    if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != grant.query.get("code_challenge"):
        return "verifier"
    return None


@asynccontextmanager
async def a_company_provider(clock: Callable[[], datetime]) -> AsyncIterator[CompanyProvider]:
    provider = CompanyProvider(clock=clock)
    config = uvicorn.Config(provider.app(), host="127.0.0.1", port=0, log_config=None, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    socket = config.bind_socket()
    provider.issuer = f"http://127.0.0.1:{socket.getsockname()[1]}"
    serving = asyncio.ensure_future(server.serve(sockets=[socket]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        yield provider
    finally:
        server.should_exit = True
        await serving
        socket.close()


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
