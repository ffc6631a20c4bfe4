"""Clients get to their own appointments and visitors to the public page, and to no other route of any service."""

from importlib import import_module
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi import FastAPI

from slotstream_servicekit.http.auth import Principal, Role
from slotstream_servicekit.http.routes import StrictRoute

ROOT = Path(__file__).parents[2]
PACKAGES = sorted(path.parent.name for path in ROOT.glob("services/*/src/*/main.py"))
FOR_CLIENTS = {
    "availability GET /v1/slots",
    "booking GET /v1/portal/appointments",
    "booking GET /v1/portal/appointments/{appointment_id}",
    "booking GET /v1/portal/contact",
    "booking POST /v1/portal/appointments/{appointment_id}/cancel",
    "booking POST /v1/portal/appointments/{appointment_id}/confirm",
    "booking POST /v1/portal/appointments/{appointment_id}/reschedule",
    "booking GET /v1/portal/offers/{offer_id}",
    "booking POST /v1/portal/offers/{offer_id}/accept",
    "booking POST /v1/portal/offers/{offer_id}/decline",
    "notifications DELETE /v1/portal/push-subscriptions/{subscription_id}",
    "notifications GET /v1/portal/preferences",
    "notifications GET /v1/portal/push-subscriptions",
    "notifications GET /v1/portal/push-subscriptions/key",
    "notifications POST /v1/portal/preferences/unsubscribe",
    "notifications POST /v1/portal/push-subscriptions",
    "notifications PUT /v1/portal/preferences",
}
FOR_VISITORS = {
    "availability GET /v1/slots",
    "booking GET /v1/public/appointments/{appointment_id}",
    "booking GET /v1/public/page",
    "booking POST /v1/public/appointments",
    "booking POST /v1/public/holds",
}
WITHOUT_A_TOKEN = {
    "calendar_sync GET /feeds/{secret}.ics",
    "calendar_sync HEAD /feeds/{secret}.ics",
    "dashboard GET /.well-known/jwks.json",
    "dashboard POST /oauth/token",
    "notifications POST /v1/providers/mail/inbound",
    "notifications POST /v1/providers/twilio/inbound-sms",
    "notifications POST /v1/providers/twilio/sms-status",
    "notifications POST /v1/providers/twilio/voice",
    "notifications POST /v1/providers/twilio/voice-status",
}
"""Routes that look at no bearer token: a client secret, the address itself or a signature entitles there."""
BY_COOKIE = ("/api/session", "/api/passkeys", "/api/names")
"""Routes that begin so look at the cookie of who has signed in, and at no token."""


def app_of(package: str) -> FastAPI:
    service = import_module(f"{package}.main").service
    made = service.create_api(service.settings(database_url="postgresql+asyncpg://nobody@127.0.0.1/none"))
    assert isinstance(made, FastAPI)
    return made


@pytest.mark.parametrize(("role", "allowed"), [(Role.CLIENT, FOR_CLIENTS), (Role.VISITOR, FOR_VISITORS)])
def test_no_route_of_any_service_admits_clients_or_visitors_but_their_own(role: Role, allowed: set[str]) -> None:
    outsider = Principal.of(subject="x", organization_id=uuid4(), role=role)
    admitting, without_a_token, refusing = set[str](), set[str](), set[str]()
    for package in PACKAGES:
        routes = [route for route in app_of(package).routes if isinstance(route, StrictRoute)]
        assert routes, f"{package} has no routes"
        for route in routes:
            names = {f"{package} {method} {route.path}" for method in route.methods}
            if route.path.startswith(BY_COOKIE):
                assert not route.requirements
            elif not route.requirements:
                without_a_token |= names
            elif all(requirement.admits(outsider) for requirement in route.requirements):
                admitting |= names
            else:
                refusing |= names
    assert admitting == allowed
    assert without_a_token == WITHOUT_A_TOKEN
    assert len(PACKAGES) >= 6
    assert len(refusing) > 100


@pytest.mark.parametrize(("owner", "right"), [(Role.CLIENT, "use_portal"), (Role.VISITOR, "use_public_booking")])
def test_nobody_else_has_the_right_of_clients_or_visitors(owner: Role, right: str) -> None:
    for role in set(Role) - {owner}:
        everything = frozenset({"appointments:write", "clients:write", right, "portal", "public"})
        principal = Principal.of(subject="x", organization_id=uuid4(), role=role, scopes=everything)
        assert right not in principal.rights
