"""Access tokens: what they say, how long they live, and that every service can verify them by the JWKS."""

from datetime import datetime, timedelta
from itertools import count
from uuid import UUID, uuid4

import httpx2
import pytest
from dashboard_tenant import ORIGIN, Json, Tenant
from joserfc import jws, jwt
from joserfc.jwk import KeySet

from dashboard.main import create_api
from slotstream_servicekit.http.auth import Authenticator, TokenExpiredError
from slotstream_servicekit.settings import IssuerSettings

pytestmark = pytest.mark.service


async def jwks(tenant: Tenant) -> Json:
    return (await tenant.browser().get("/.well-known/jwks.json")).json()  # type: ignore[no-any-return]


async def token_of_the_session(tenant: Tenant, browser: object) -> str:
    """As a service receives it."""
    answer = await browser.get("/api/booking/v1/appointments")  # type: ignore[attr-defined]
    assert answer.status_code == 200, answer.text
    return str(tenant.upstream.last.headers["authorization"]).removeprefix("Bearer ")


async def authenticator(tenant: Tenant) -> Authenticator:
    """As another service has it: by the JWKS alone."""
    content = await jwks(tenant)
    issuer = IssuerSettings(issuer=ORIGIN, audience="slotstream", jwks_url=f"{ORIGIN}/.well-known/jwks.json")
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, json=content))

    def clock() -> float:
        return tenant.now.timestamp()

    return Authenticator([issuer], client=httpx2.AsyncClient(transport=transport), clock=clock)


async def test_another_service_verifies_a_sessions_token_by_the_jwks(tenant: Tenant) -> None:
    business, resource = uuid4(), uuid4()
    user, browser = await tenant.member(role="staff", business_ids=[str(business)], resource_id=str(resource))
    verifier = await authenticator(tenant)

    principal = await verifier.authenticate(await token_of_the_session(tenant, browser))

    assert (principal.subject, principal.role.value) == (user["id"], "staff")
    assert principal.organization_id == tenant.organization_id
    assert principal.business_ids == frozenset({business})
    assert principal.resource_id == resource
    await verifier.aclose()


async def test_a_token_lives_less_than_a_minute(tenant: Tenant) -> None:
    verifier = await authenticator(tenant)
    token = await token_of_the_session(tenant, await tenant.signed_in())
    await verifier.authenticate(token)
    tenant.pass_time(timedelta(seconds=50))

    with pytest.raises(TokenExpiredError):
        await verifier.authenticate(token)
    await verifier.aclose()


async def test_a_session_in_use_has_a_token_with_time_left_and_a_changed_role_has_another(tenant: Tenant) -> None:
    user, browser = await tenant.member(role="manager")
    first = await token_of_the_session(tenant, browser)
    same = await token_of_the_session(tenant, browser)
    tenant.pass_time(timedelta(seconds=30))
    later = await token_of_the_session(tenant, browser)
    await tenant.api().patch(f"/v1/users/{user['id']}", json={"role": "viewer"})
    demoted = await token_of_the_session(tenant, browser)

    assert first == same
    assert later != first
    assert claims(demoted)["role"] == "viewer"


def claims(token: str) -> Json:
    import json

    return json.loads(jws.extract_compact(token.encode()).payload)  # type: ignore[no-any-return]


async def test_keys_are_published_before_they_sign_and_after(tenant: Tenant) -> None:
    ring = tenant.app.state.dependencies.key_ring
    (first,) = (await jwks(tenant))["keys"]
    tenant.pass_time(timedelta(days=29, hours=1))
    await ring.renew()
    both = (await jwks(tenant))["keys"]
    signing = (await ring.signer()).key.id
    tenant.pass_time(timedelta(hours=23, minutes=30))
    await ring.renew()
    overlap = (await jwks(tenant))["keys"]
    successor = (await ring.signer()).key.id
    tenant.pass_time(timedelta(hours=2))
    await ring.renew()
    (remaining,) = (await jwks(tenant))["keys"]

    assert [key["kid"] for key in both] == [first["kid"], remaining["kid"]]
    assert signing == first["kid"]
    assert successor == remaining["kid"]
    assert len(overlap) == 2
    assert all("d" not in key and key["alg"] == "ES256" and key["use"] == "sig" for key in both)


async def test_the_first_token_of_all_is_signed_by_a_key_that_is_made_while_it_is_asked_for(tenant: Tenant) -> None:
    """Time passes meanwhile: the key signs from a moment after the one at which the signer was asked for."""
    moments = count()

    def clock() -> datetime:
        return tenant.now + timedelta(days=400, milliseconds=next(moments))

    app = create_api(tenant.settings, clock=clock)
    async with app.router.lifespan_context(app):
        signer = await app.state.dependencies.key_ring.signer()

    assert signer.key.created_at > tenant.now + timedelta(days=400)


async def client_of(tenant: Tenant, **more: object) -> Json:
    body = {"name": "Voice agent", "role": "agent", **more}
    answer = await tenant.api().post("/v1/api-clients", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def ask(tenant: Tenant, client_id: object, secret: object, **more: str) -> httpx2.Response:
    form = {"grant_type": "client_credentials", "client_id": str(client_id), "client_secret": str(secret), **more}
    return await tenant.browser().http.post("/oauth/token", data=form)


async def test_an_api_client_gets_tokens_by_its_secret_in_the_form_or_as_basic(tenant: Tenant) -> None:
    client = await client_of(tenant, role="integration", scopes=["slots:read", "appointments:book"])
    by_form = await ask(tenant, client["id"], client["client_secret"])
    by_basic = await tenant.browser().http.post(
        "/oauth/token",
        data={"grant_type": "client_credentials"},
        auth=(client["id"], client["client_secret"]),
    )
    content = by_form.json()

    assert (by_form.status_code, by_basic.status_code) == (200, 200)
    assert by_form.headers["cache-control"] == "no-store"
    assert (content["token_type"], content["scope"]) == ("Bearer", "slots:read appointments:book")
    assert 0 < content["expires_in"] <= 60
    decoded = jwt.decode(content["access_token"], KeySet.import_key_set(await jwks(tenant)), algorithms=["ES256"])
    assert (decoded.claims["sub"], decoded.claims["role"]) == (client["id"], "integration")
    shown = (await tenant.api().get(f"/v1/api-clients/{client['id']}")).json()
    assert "client_secret" not in shown
    assert shown["last_used_at"] is not None


async def test_whatever_is_wrong_with_credentials_is_answered_alike(tenant: Tenant) -> None:
    client, other = await client_of(tenant), await client_of(tenant)
    off = await client_of(tenant)
    await tenant.api().patch(f"/v1/api-clients/{off['id']}", json={"active": False})

    answers = [
        await ask(tenant, client["id"], "wrong"),
        await ask(tenant, client["id"], other["client_secret"]),
        await ask(tenant, uuid4(), client["client_secret"]),
        await ask(tenant, "no id", client["client_secret"]),
        await ask(tenant, client["id"], ""),
        await ask(tenant, off["id"], off["client_secret"]),
    ]

    assert {(answer.status_code, answer.json()["code"], answer.json()["detail"]) for answer in answers} == {
        (401, "invalid_client", "There is no API client with this id and secret.")
    }
    assert (await ask(tenant, client["id"], client["client_secret"], grant_type="password")).status_code == 400


async def test_a_secret_is_rotated_with_an_overlap(tenant: Tenant) -> None:
    client = await client_of(tenant)
    path = f"/v1/api-clients/{client['id']}/rotate"
    rotated = (await tenant.api().post(path, json={"overlap_minutes": 10})).json()

    during = [await ask(tenant, client["id"], each["client_secret"]) for each in (client, rotated)]
    tenant.pass_time(timedelta(minutes=11))
    after = [await ask(tenant, client["id"], each["client_secret"]) for each in (client, rotated)]

    assert client["client_secret"] != rotated["client_secret"]
    assert [answer.status_code for answer in during] == [200, 200]
    assert [answer.status_code for answer in after] == [401, 200]


async def test_a_repeated_request_shows_the_same_secret(tenant: Tenant) -> None:
    body, headers = {"name": "POS", "role": "agent"}, {"Idempotency-Key": "once"}
    first = await tenant.api().post("/v1/api-clients", json=body, headers=headers)
    again = await tenant.api().post("/v1/api-clients", json=body, headers=headers)

    assert again.json() == first.json()
    assert (await ask(tenant, first.json()["id"], again.json()["client_secret"])).status_code == 200


async def test_a_removed_clients_secret_is_worth_nothing(tenant: Tenant) -> None:
    client = await client_of(tenant)
    assert (await tenant.api().delete(f"/v1/api-clients/{client['id']}")).status_code == 204

    assert (await ask(tenant, client["id"], client["client_secret"])).status_code == 401


async def test_an_agent_has_no_scopes_and_unknown_ones_are_refused(tenant: Tenant) -> None:
    for body in (
        {"name": "A", "role": "agent", "scopes": ["slots:read"]},
        {"name": "A", "role": "integration", "scopes": ["everything"]},
        {"name": "A", "role": "owner"},
    ):
        assert (await tenant.api().post("/v1/api-clients", json=body)).status_code == 422


async def test_a_token_of_a_user_opens_our_own_api_and_one_for_another_audience_does_not(tenant: Tenant) -> None:
    own = await token_of_the_session(tenant, await tenant.signed_in())
    foreign = tenant.signer.token(organization_id=UUID(int=1), now=tenant.now, claims={"aud": "somebody-else"})

    accepted = await tenant.browser(Authorization=f"Bearer {own}").get("/v1/users")
    refused = await tenant.browser(Authorization=f"Bearer {foreign}").get("/v1/users")
    tenant.pass_time(timedelta(minutes=1))
    replayed = await tenant.browser(Authorization=f"Bearer {own}").get("/v1/users")

    assert (accepted.status_code, refused.status_code) == (200, 401)
    assert (replayed.status_code, replayed.json()["code"]) == (401, "token_expired")
