"""`make kube-test`: secrets are changed while a front desk works, as docs/secrets.md has it, and nobody notices."""

import base64
import json
import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

import pytest
from cluster.changing import kept, rolled
from cluster.load import Load
from cluster.looking import environment, sql, until

from slotstream_local.kube.kubectl import Kubectl

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
