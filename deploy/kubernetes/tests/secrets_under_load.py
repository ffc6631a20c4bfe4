"""`make kube-test`: every kind of secret is changed while a front desk works, as docs/secrets.md has it, and nobody notices."""

import base64
import json
import secrets
import time
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

import httpx2
import pytest
from cluster.changing import kept, rolled
from cluster.guarded_kafka import given, guarded, has_read, known, lets_in, logged_in
from cluster.load import Load
from cluster.looking import ADDRESS, environment, restarts_by_pod, sql, until
from cluster.tokens import ApiClient, expiry_of, key_of, published_keys

from slotstream_local.kube.kubectl import Kubectl

LAST_SECONDS = 3
"""Of a token, in which a slow answer may come after its end."""
pytestmark = pytest.mark.timeout(1800)


def test_a_database_password_is_changed_and_no_request_fails(kubectl: Kubectl, variables: Mapping[str, str]) -> None:
    """As docs/secrets.md has it where not even a 503 is wanted: over a second role."""
    variable = "BOOKING_DATABASE_URL"
    former = environment(kubectl, "booking")[variable]
    first, second = secrets.token_hex(16), secrets.token_hex(16)
    sql(kubectl, "booking", f"CREATE ROLE booking_app_2 LOGIN PASSWORD '{second}' IN ROLE booking_app")
    with Load(variables) as load:
        try:
            moved(kubectl, variable, with_login(former, "booking_app_2", second))
            load.books_on()
            sql(kubectl, "booking", f"ALTER ROLE booking_app PASSWORD '{first}'")
            moved(kubectl, variable, with_login(former, "booking_app", first))
            load.books_on()
        finally:
            password = urlsplit(former).password
            sql(kubectl, "booking", f"ALTER ROLE booking_app PASSWORD '{password}'")
            moved(kubectl, variable, former)
            sql(kubectl, "booking", "DROP ROLE booking_app_2")
    assert load.failures == []
    load.holds(kubectl)


def test_a_key_that_seals_is_replaced_and_the_old_one_taken_away(
    kubectl: Kubectl, variables: Mapping[str, str]
) -> None:
    """As docs/secrets.md has it: the new one first, all is sealed anew, then the old one goes."""
    variable = "CALENDAR_SYNC_SECRET_KEYS"
    former = json.loads(environment(kubectl, "calendar-sync")[variable])
    new = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    with Load(variables) as load:
        for keys in ([new, *former], [new]):
            moved(kubectl, variable, json.dumps(keys), name="calendar-sync")
            until(lambda: resealed(kubectl) == 0, seconds=60, what="nothing says that all is sealed anew")
        load.books_on()
    assert load.failures == []
    load.holds(kubectl)


def resealed(kubectl: Kubectl) -> int | None:
    """How many secrets no key opens, as the worker says it; None where it has not said so yet."""
    lines = kubectl.here("logs", "deployment/calendar-sync-worker").splitlines()
    told = [json.loads(line) for line in lines if '"secrets_resealed"' in line]
    return told[-1]["unreadable"] if told else None


def with_login(url: str, role: str, password: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{role}:{password}@{parts.hostname}:{parts.port}"))


def moved(kubectl: Kubectl, variable: str, value: str, *, name: str = "booking") -> None:
    """A service's processes, one by one, to another secret."""
    kept(kubectl, name, {variable: value})
    rolled(kubectl, f"{name}-api", f"{name}-worker")


def test_a_login_at_kafka_is_changed_and_no_process_is_replaced(kubectl: Kubectl, variables: Mapping[str, str]) -> None:
    """As docs/kafka-security.md has it by a file: at Kafka first, then in the Secret. Events wait for the minute between."""
    first, second = secrets.token_hex(16), secrets.token_hex(16)
    with guarded(kubectl):
        known(kubectl, "booking", first)
        given(kubectl, "booking", first)
        with logged_in(kubectl, "booking", user="booking"):
            until(lambda: len(worker(kubectl)) == 1, seconds=90, what="the worker without a login does not go")
            before = worker(kubectl)
            with Load(variables) as load:
                load.books_on()
                known(kubectl, "booking", second)
                given(kubectl, "booking", second)
                until(lambda: has_read(kubectl, "booking", second), seconds=180, what="the file stays as it was")
                assert (lets_in(kubectl, "booking", first), lets_in(kubectl, "booking", second)) == (False, True)
                load.books_on(bookings=80)
            assert load.failures == []
            # Through connections that the new password opened: those of before have ended.
            load.holds(kubectl)
            assert worker(kubectl) == before


def worker(kubectl: Kubectl) -> dict[str, int]:
    """The restarts of each pod of booking's worker, those that are about to go among them."""
    return {pod: count for pod, count in restarts_by_pod(kubectl).items() if pod.startswith("booking-worker")}


def test_the_key_that_signs_is_followed_by_the_next_and_no_token_is_refused_before_its_end(
    kubectl: Kubectl, variables: Mapping[str, str]
) -> None:
    """The dashboard's own, whose month ends within minutes here. It publishes the next one before that signs."""
    client = ApiClient.made(variables)
    former = key_of(client.fresh())
    with Load(variables, token=client) as load:
        sql(
            kubectl,
            "dashboard",
            "UPDATE signing_keys SET signs_until = now() + interval '100 seconds' WHERE signs_until > now()",
        )
        until(lambda: len(published_keys()) > 1, seconds=90, what="no next key is published")
        assert key_of(client.fresh()) == former
        last = the_last_of(former, client)
        assert key_of(last) == former
        assert refusals_until_its_end(last, load.service_id) == []
        load.books_on()
        sql(kubectl, "dashboard", f"UPDATE signing_keys SET published_until = now() WHERE id = '{former}'")
        until(lambda: former not in published_keys(), seconds=90, what="the former key stays published")
        load.books_on()
    assert load.failures == []
    load.holds(kubectl)


def the_last_of(key: str, client: ApiClient) -> str:
    """The last token that this key signs."""
    tokens = [client.fresh()]

    def is_another() -> bool:
        tokens.append(client.fresh())
        return key_of(tokens[-1]) != key

    until(is_another, seconds=150, what="the next key does not sign")
    return tokens[-2]


def refusals_until_its_end(token: str, service_id: str) -> list[str]:
    """What services refuse up to the token's last seconds. Then all do; it returns when that is so."""
    paths = (
        "/booking/v1/appointments",
        f"/availability/v1/slots/first?service_id={service_id}",
        "/notifications/v1/messages",
        "/imports/v1/imports",
        "/calendar-sync/v1/connections",
    )
    refusals = []
    headers = {"Authorization": f"Bearer {token}"}
    with httpx2.Client(base_url=f"{ADDRESS}/api", headers=headers, timeout=30) as client:
        assert time.time() < expiry_of(token) - LAST_SECONDS
        while time.time() < expiry_of(token) - LAST_SECONDS:
            for path in paths:
                answer = client.get(path)
                if answer.status_code != 200 and time.time() < expiry_of(token):
                    refusals.append(f"{path}: {answer.status_code} {answer.text[:200]}")
            time.sleep(0.2)
        until(lambda: client.get(paths[0]).status_code == 401, seconds=120, what="it is good for ever")
    return refusals
