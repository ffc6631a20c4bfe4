"""Tokens: only those that a known issuer signed for us are taken, and each role may do what its row says."""

import asyncio
import base64
import hmac
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

from slotstream_servicekit.errors import DatabaseUnavailableError, ForbiddenError
from slotstream_servicekit.http.auth import (
    Authenticator,
    Principal,
    Requirement,
    Right,
    Role,
    UnauthenticatedError,
)
from slotstream_servicekit.http.callers import actor_of
from slotstream_servicekit.http.jwks import IssuerUnreachableError, KeyStore
from slotstream_servicekit.settings import IssuerSettings

ISSUER = "https://issuer.test"
ORGANIZATION = UUID("0193b1f0-0000-7000-8000-000000000001")


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Issuer:
    """An issuer with keys of every kind, its JWKS in a file."""

    def __init__(self, folder: Path) -> None:
        self.rsa = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"}, private=True)
        self.ec = ECKey.generate_key("P-256", {"kid": "ec"}, private=True)
        self.ed = OKPKey.generate_key("Ed25519", {"kid": "ed"}, private=True)
        self.path = folder / "jwks.json"
        self.publish(self.rsa, self.ec, self.ed)

    def publish(self, *keys: RSAKey | ECKey | OKPKey | OctKey) -> None:
        self.path.write_text(json.dumps(KeySet(list(keys)).as_dict(private=False)))

    @property
    def settings(self) -> IssuerSettings:
        return IssuerSettings(issuer=ISSUER, audience="slotstream", jwks_url=self.path.as_uri())

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": "slotstream",
            "sub": "anna",
            "org": str(ORGANIZATION),
            "role": "staff",
            "iat": now,
            "exp": now + 600,
        }
        return {name: value for name, value in {**claims, **changes}.items() if value is not ...}

    def token(self, algorithm: str = "ES256", key: Any = None, kid: str | None = "*", **changes: Any) -> str:
        own: dict[str, Any] = {"RS256": self.rsa, "ES256": self.ec, "EdDSA": self.ed, "Ed25519": self.ed}
        signing = key or own[algorithm]
        header = {"alg": algorithm, **({} if kid is None else {"kid": signing.kid if kid == "*" else kid})}
        return jwt.encode(header, self.claims(**changes), signing, algorithms=[algorithm])


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    return Issuer(tmp_path_factory.mktemp("issuer"))


@pytest.fixture
async def authenticator(issuer: Issuer) -> Any:
    made = Authenticator([issuer.settings])
    yield made
    await made.aclose()


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA", "Ed25519"])
async def test_a_token_of_each_algorithm_is_taken(authenticator: Authenticator, issuer: Issuer, algorithm: str) -> None:
    principal = await authenticator.authenticate(issuer.token(algorithm, scope="a b", aud=["x", "slotstream"]))
    assert principal.subject == "anna"
    assert principal.organization_id == ORGANIZATION
    assert principal.role is Role.STAFF
    assert principal.scopes == {"a", "b"}
    assert principal.actor_type == "user"


async def test_a_token_can_be_limited_to_businesses_and_to_a_calendar(
    authenticator: Authenticator, issuer: Issuer
) -> None:
    business, resource = uuid4(), uuid4()
    limited = await authenticator.authenticate(issuer.token(businesses=[str(business)], resource=str(resource)))
    unlimited = await authenticator.authenticate(issuer.token())

    assert (limited.business_ids, limited.resource_id, limited.is_limited) == (frozenset({business}), resource, True)
    assert (unlimited.business_ids, unlimited.resource_id, unlimited.is_limited) == (None, None, False)


async def test_a_clients_token_names_the_client_and_is_refused_without(
    authenticator: Authenticator, issuer: Issuer
) -> None:
    client = uuid4()
    principal = await authenticator.authenticate(issuer.token(role="client", client=str(client)))
    staff = await authenticator.authenticate(issuer.token(role="staff", client=str(client)))

    assert (principal.client_id, principal.actor_type, principal.rights) == (client, "client", {Right.USE_PORTAL})
    assert actor_of(principal).id == str(client)
    assert staff.client_id is None
    for claim in (..., None, "", "x", 7):
        with pytest.raises(UnauthenticatedError):
            await authenticator.authenticate(issuer.token(role="client", client=claim))


async def test_a_visitors_token_names_one_business_and_is_refused_otherwise(
    authenticator: Authenticator, issuer: Issuer
) -> None:
    business = uuid4()
    principal = await authenticator.authenticate(issuer.token(role="visitor", businesses=[str(business)]))

    assert (principal.business_ids, principal.actor_type) == (frozenset({business}), "client")
    assert (principal.rights, principal.client_id) == ({Right.USE_PUBLIC_BOOKING}, None)
    for claim in (..., None, [], "", "x", 7, ["x"], [str(business), str(uuid4())]):
        with pytest.raises(UnauthenticatedError):
            await authenticator.authenticate(issuer.token(role="visitor", businesses=claim))


@pytest.mark.parametrize("role", [Role.CLIENT, Role.VISITOR])
async def test_clients_and_visitors_are_no_members_where_any_member_will_do(role: Role) -> None:
    outsider = Principal.of(subject="x", organization_id=uuid4(), role=role)
    viewer = Principal.of(subject="x", organization_id=uuid4(), role=Role.VIEWER)
    scope = {"slotstream.principal": outsider}

    with pytest.raises(ForbiddenError):
        await Requirement().settle(scope)
    assert not Requirement().admits(outsider)
    assert Requirement().admits(viewer)


def test_refusing_deprecated_algorithms_does_not_change_the_warnings_of_others() -> None:
    with pytest.warns(SecurityWarning):
        jwt.encode({"alg": "EdDSA"}, {}, OKPKey.generate_key("Ed25519", private=True), algorithms=["EdDSA"])


def _unsigned(claims: dict[str, Any], header: dict[str, Any], signature: str = "") -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode() for each in (header, claims)]
    return ".".join([*parts, signature])


def _confused(issuer: Issuer) -> str:
    """HS256 with the published RSA key's PEM as the secret."""
    signing_input = _unsigned(issuer.claims(), {"alg": "HS256", "kid": "rsa"}).rpartition(".")[0]
    signature = hmac.digest(issuer.rsa.as_pem(private=False), signing_input.encode(), "sha256")
    return f"{signing_input}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _tampered(issuer: Issuer) -> str:
    header, _, signature = issuer.token().split(".")
    return ".".join([header, _unsigned(issuer.claims(role="owner"), {}).split(".")[1], signature])


def _foreign_key() -> ECKey:
    return ECKey.generate_key("P-256", {"kid": "ec"}, private=True)


REFUSED: list[tuple[str, Callable[[Issuer], str], str]] = [
    ("expired", lambda i: i.token(exp=int(time.time()) - 1), "token_expired"),
    ("no expiry", lambda i: i.token(exp=...), "token_invalid"),
    ("expiry as text", lambda i: i.token(exp="9999999999"), "token_invalid"),
    ("expiry as a truth", lambda i: i.token(exp=True), "token_invalid"),
    ("not yet valid", lambda i: i.token(nbf=int(time.time()) + 600), "token_invalid"),
    ("issued in the future", lambda i: i.token(iat=int(time.time()) + 600), "token_invalid"),
    ("businesses that cannot be read", lambda i: i.token(businesses=["no id"]), "token_invalid"),
    ("businesses that are none", lambda i: i.token(businesses=None), "token_invalid"),
    ("a resource that cannot be read", lambda i: i.token(resource=7), "token_invalid"),
    ("foreign issuer", lambda i: i.token(iss="https://evil.test"), "token_invalid"),
    ("no issuer", lambda i: i.token(iss=...), "token_invalid"),
    ("issuer as a list", lambda i: i.token(iss=[ISSUER]), "token_invalid"),
    ("foreign audience", lambda i: i.token(aud="other"), "token_invalid"),
    ("no audience", lambda i: i.token(aud=...), "token_invalid"),
    ("foreign key", lambda i: i.token(key=_foreign_key()), "token_invalid"),
    ("unknown key id", lambda i: i.token(kid="nobody"), "token_invalid"),
    ("key id of another kind", lambda i: i.token(kid="rsa"), "token_invalid"),
    ("tampered claims", _tampered, "token_invalid"),
    ("alg none", lambda i: _unsigned(i.claims(), {"alg": "none", "kid": "ec"}), "token_invalid"),
    ("alg None", lambda i: _unsigned(i.claims(), {"alg": "None"}), "token_invalid"),
    ("alg missing", lambda i: _unsigned(i.claims(), {"kid": "ec"}, "AAAA"), "token_malformed"),
    ("alg as a list", lambda i: _unsigned(i.claims(), {"alg": ["ES256"]}, "AAAA"), "token_invalid"),
    ("HS256 with the public key", _confused, "token_invalid"),
    ("embedded key", lambda i: _unsigned(i.claims(), {"alg": "ES256", "jwk": {"kty": "EC"}}, "AAAA"), "token_invalid"),
    (
        "unknown critical header",
        lambda i: _unsigned(i.claims(), {"alg": "ES256", "kid": "ec", "crit": ["x"], "x": 1}, "AAAA"),
        "token_invalid",
    ),
    ("no organization", lambda i: i.token(org=...), "token_invalid"),
    ("organization that is no id", lambda i: i.token(org="acme"), "token_invalid"),
    ("organization as a number", lambda i: i.token(org=7), "token_invalid"),
    ("no role", lambda i: i.token(role=...), "token_invalid"),
    ("unknown role", lambda i: i.token(role="root"), "token_invalid"),
    ("role as a list", lambda i: i.token(role=["owner"]), "token_invalid"),
    ("no subject", lambda i: i.token(sub=...), "token_invalid"),
    ("empty subject", lambda i: i.token(sub=""), "token_invalid"),
    ("NUL in the subject", lambda i: i.token(sub="a\x00"), "token_invalid"),
    ("not a JWT", lambda i: "abc", "token_malformed"),
    ("two parts", lambda i: "a.b", "token_malformed"),
    ("five parts, encrypted", lambda i: "a.b.c.d.e", "token_malformed"),
    ("not base64", lambda i: "!!.!!.!!", "token_malformed"),
    ("not JSON inside", lambda i: "YQ.YQ.YQ", "token_malformed"),
    ("a list inside", lambda i: "W10.W10.YQ", "token_malformed"),
    ("much too long", lambda i: i.token(filler="x" * 9000), "token_malformed"),
    ("not ASCII", lambda i: "ä.ä.ä", "token_malformed"),
]


@pytest.mark.parametrize(("what", "make", "code"), REFUSED, ids=[row[0] for row in REFUSED])
async def test_a_token_is_refused(
    authenticator: Authenticator, issuer: Issuer, what: str, make: Callable[[Issuer], str], code: str
) -> None:
    with pytest.raises(UnauthenticatedError) as caught:
        await authenticator.authenticate(make(issuer))
    assert caught.value.code == code


async def test_a_token_without_a_key_id_is_taken_where_one_key_fits(
    authenticator: Authenticator, issuer: Issuer
) -> None:
    assert (await authenticator.authenticate(issuer.token(kid=None))).subject == "anna"


async def test_a_verified_token_is_remembered_until_it_expires(issuer: Issuer) -> None:
    clock = Clock(time.time())
    authenticator = Authenticator([issuer.settings], clock=clock)
    token = issuer.token(exp=int(clock.now) + 100)
    assert await authenticator.authenticate(token) is await authenticator.authenticate(token)
    clock.now += 101
    with pytest.raises(UnauthenticatedError) as caught:
        await authenticator.authenticate(token)
    assert caught.value.code == "token_expired"
    assert token.encode() not in repr(authenticator.__dict__).encode()


async def test_what_is_remembered_is_bounded(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slotstream_servicekit.http.tokens.REMEMBERED_TOKENS", 3)
    authenticator = Authenticator([issuer.settings])
    for number in range(7):
        await authenticator.authenticate(issuer.token(sub=f"user {number}"))
    assert len(authenticator._remembered) == 3


async def test_a_withdrawn_key_stops_working_once_memory_and_jwks_have_aged(tmp_path: Path) -> None:
    issuer, clock = Issuer(tmp_path), Clock(time.time())
    monotonic = Clock(0.0)
    authenticator = Authenticator([issuer.settings], clock=clock)
    authenticator._keys[ISSUER]._clock = monotonic
    token = issuer.token(exp=int(clock.now) + 86_400)
    await authenticator.authenticate(token)
    issuer.publish(issuer.rsa)
    clock.now += 1000
    monotonic.now += 1000
    with pytest.raises(UnauthenticatedError):
        await authenticator.authenticate(token)


class Server:
    """A JWKS over HTTP that counts its answers and can be made to fail."""

    def __init__(self, issuer: Issuer) -> None:
        self.content = issuer.path.read_bytes()
        self.status = 200
        self.asked = 0
        self.client = httpx2.AsyncClient(transport=httpx2.MockTransport(self.answer))

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        self.asked += 1
        return httpx2.Response(self.status, content=self.content)


@pytest.fixture
async def server(issuer: Issuer) -> Any:
    server = Server(issuer)
    yield server
    await server.client.aclose()


async def test_keys_are_fetched_once_and_kept_when_the_issuer_goes_down(server: Server) -> None:
    clock = Clock(1000.0)
    store = KeyStore("https://issuer.test/jwks", server.client, clock=clock)
    await asyncio.gather(*(store.key("ec", "ES256") for _ in range(20)))
    assert server.asked == 1
    server.status = 500
    clock.now += 3600
    assert await store.key("ec", "ES256") is not None
    assert server.asked == 2
    assert await store.key("ec", "ES256") is not None
    assert server.asked == 2


async def test_unknown_key_ids_ask_again_but_not_more_often_than_the_cooldown(server: Server) -> None:
    clock = Clock(1000.0)
    store = KeyStore("https://issuer.test/jwks", server.client, clock=clock)
    await store.key("ec", "ES256")
    for _ in range(100):
        assert await store.key("made up", "ES256") is None
    assert server.asked == 1
    clock.now += 31
    for _ in range(100):
        assert await store.key("made up", "ES256") is None
    assert server.asked == 2


async def test_a_rotated_key_is_found_by_its_id(tmp_path: Path) -> None:
    issuer, clock = Issuer(tmp_path), Clock(0.0)
    async with httpx2.AsyncClient() as client:
        store = KeyStore(issuer.path.as_uri(), client, clock=clock)
        await store.key("ec", "ES256")
        fresh = ECKey.generate_key("P-256", {"kid": "fresh"}, private=True)
        issuer.publish(issuer.ec, fresh)
        clock.now += 2
        assert await store.key("fresh", "ES256") is not None


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"keys": 7}', b"x" * 300_000])
async def test_an_issuer_whose_keys_were_never_had_is_a_passing_trouble(server: Server, content: bytes) -> None:
    server.content = content
    store = KeyStore("https://issuer.test/jwks", server.client)
    with pytest.raises(IssuerUnreachableError):
        await store.key("ec", "ES256")


async def test_secret_and_broken_keys_in_a_jwks_are_passed_over(server: Server) -> None:
    keys = json.loads(server.content)["keys"]
    odd = [{"kty": "oct", "k": "c2VjcmV0c2VjcmV0", "kid": "ec"}, {"kty": "EC"}, "x", {"kty": "RSA", "use": "enc"}, {}]
    server.content = json.dumps({"keys": [*odd, *keys]}).encode()
    store = KeyStore("https://issuer.test/jwks", server.client)
    assert (await store.key("ec", "ES256")) is not None
    assert len(store._keys) == 3


async def test_the_answer_names_the_scheme_and_the_fault(stranger: httpx2.AsyncClient) -> None:
    missing = await stranger.get("/v1/whoami")
    assert (missing.status_code, missing.json()["code"]) == (401, "token_missing")
    assert missing.headers["www-authenticate"] == 'Bearer realm="slotstream"'
    bad = await stranger.get("/v1/whoami", headers={"Authorization": "Bearer x.y.z"})
    assert (bad.status_code, bad.json()["code"]) == (401, "token_malformed")
    assert 'error="invalid_token"' in bad.headers["www-authenticate"]


@pytest.mark.parametrize("value", ["Basic YTpi", "Bearer", "Bearer ", "", "Token abc"])
async def test_another_scheme_is_refused(stranger: httpx2.AsyncClient, value: str) -> None:
    answer = await stranger.get("/v1/whoami", headers={"Authorization": value})
    assert (answer.status_code, answer.json()["code"]) == (401, "token_malformed")


async def test_two_authorization_headers_are_refused(stranger: httpx2.AsyncClient) -> None:
    answer = await stranger.get("/v1/whoami", headers=[("Authorization", "Bearer a"), ("Authorization", "Bearer b")])
    assert answer.json()["code"] == "token_malformed"


async def test_who_is_asking_is_settled_before_the_body_is_read(stranger: httpx2.AsyncClient) -> None:
    answer = await stranger.post("/v1/things?colour=red", content=b"{bad")
    assert answer.status_code == 401


@pytest.fixture
async def as_role(
    api_client: Callable[..., Awaitable[httpx2.AsyncClient]], signer: Any, make_app: Callable[..., Any]
) -> Callable[..., Awaitable[httpx2.AsyncClient]]:
    app = make_app(signer.issuer)

    async def client(role: str, **more: Any) -> httpx2.AsyncClient:
        return await api_client(app, token=signer.token(organization_id=ORGANIZATION, role=role, **more))

    return client


async def test_a_right_that_is_missing_is_a_403(as_role: Callable[..., Awaitable[httpx2.AsyncClient]]) -> None:
    viewer = await as_role("viewer")
    answer = await viewer.post("/v1/things", content=b"{bad")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    assert (await viewer.get("/v1/things")).status_code == 200


async def test_an_integration_has_the_rights_of_its_scopes(
    as_role: Callable[..., Awaitable[httpx2.AsyncClient]],
) -> None:
    reader = await as_role("integration", scopes=["appointments:read", "unheard:of"])
    assert (await reader.get("/v1/things")).status_code == 200
    assert (await reader.post("/v1/things", json={})).status_code == 403
    assert (await reader.get("/v1/whoami")).json()["actor"] == "integration"


async def test_an_integration_is_told_the_scopes_to_ask_for(
    as_role: Callable[..., Awaitable[httpx2.AsyncClient]],
) -> None:
    reader = await as_role("integration", scopes=["appointments:read"])
    refused = await reader.post("/v1/things", json={})
    assert refused.json()["detail"] == "The token needs the scope appointments:book or appointments:write."
    assert refused.json()["required_scopes"] == ["appointments:book", "appointments:write"]
    assert 'scope="appointments:book appointments:write"' in refused.headers["www-authenticate"]
    viewer = await as_role("viewer")
    assert (await viewer.post("/v1/things", json={})).json()["detail"] == (
        "The role viewer may not do this: it needs the right book."
    )


async def test_scopes_give_a_person_nothing(as_role: Callable[..., Awaitable[httpx2.AsyncClient]]) -> None:
    viewer = await as_role("viewer", scopes=["appointments:write"])
    assert (await viewer.post("/v1/things", json={})).status_code == 403


async def test_an_agents_call_id_travels_with_it(as_role: Callable[..., Awaitable[httpx2.AsyncClient]]) -> None:
    agent = await as_role("agent")
    me = (await agent.get("/v1/whoami", headers={"Slotstream-Call-Id": "call-1"})).json()
    assert (me["actor"], me["call_id"]) == ("ai_agent", "call-1")
    assert (await agent.get("/v1/whoami")).json()["call_id"] is None
    long = await agent.get("/v1/whoami", headers={"Slotstream-Call-Id": "x" * 200})
    assert (long.status_code, long.json()["code"]) == (400, "invalid_call_id")


async def test_a_person_has_no_call_id(as_role: Callable[..., Awaitable[httpx2.AsyncClient]]) -> None:
    staff = await as_role("staff")
    answer = await staff.get("/v1/whoami", headers={"Slotstream-Call-Id": "call-1"})
    assert (answer.status_code, answer.json()["code"]) == (400, "call_id_not_allowed")


NOBODYS = {Right.STATE_SOURCE, Right.USE_PORTAL, Right.USE_PUBLIC_BOOKING}
"""Of none of the organization's people."""
ROLES: list[tuple[str, set[Right], set[Right]]] = [
    ("owner", set(Right) - NOBODYS, NOBODYS),
    ("manager", set(Right) - {Right.ADMINISTER, *NOBODYS}, {Right.ADMINISTER, *NOBODYS}),
    (
        "staff",
        {
            Right.BOOK,
            Right.WRITE_APPOINTMENTS,
            Right.WRITE_CLIENTS,
            Right.WRITE_OWN_SCHEDULE,
            Right.WRITE_OWN_CALENDAR,
            Right.OVERRIDE,
        },
        {
            Right.WRITE_CATALOGUE,
            Right.WRITE_SCHEDULES,
            Right.WRITE_CALENDARS,
            Right.ADMINISTER,
            Right.WRITE_TEMPLATES,
        },
    ),
    ("viewer", {Right.READ_APPOINTMENTS, Right.READ_CLIENTS}, {Right.BOOK, Right.WRITE_CLIENTS}),
    ("agent", {Right.BOOK, Right.READ_SLOTS}, {Right.OVERRIDE, Right.WRITE_APPOINTMENTS, Right.WRITE_CLIENTS}),
    ("integration", set(), set(Right)),
    ("client", {Right.USE_PORTAL}, set(Right) - {Right.USE_PORTAL}),
    ("visitor", {Right.USE_PUBLIC_BOOKING}, set(Right) - {Right.USE_PUBLIC_BOOKING}),
]


@pytest.mark.parametrize(("role", "may", "may_not"), ROLES)
def test_each_role_may_do_what_its_row_says(role: str, may: set[Right], may_not: set[Right]) -> None:
    principal = Principal.of(subject="x", organization_id=uuid4(), role=Role(role))
    assert may <= principal.rights
    assert not may_not & principal.rights


def test_no_scope_lets_an_agent_override() -> None:
    agent = Principal.of(
        subject="x",
        organization_id=uuid4(),
        role=Role.AGENT,
        scopes=frozenset({"appointments:override"}),
    )
    assert not agent.can(Right.OVERRIDE)
    with pytest.raises(ForbiddenError):
        agent.require(Right.OVERRIDE)
    assert replace(agent, call_id="c").rights == agent.rights


def test_trouble_with_the_issuer_is_of_the_kind_that_passes() -> None:
    assert IssuerUnreachableError.kind is DatabaseUnavailableError.kind
