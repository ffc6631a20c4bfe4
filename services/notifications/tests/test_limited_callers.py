"""Callers who are limited to businesses or to one calendar see and change no other messages and settings."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from notifications_salon import Salon

from notifications.storage.tables import LIMITS, TENANT_TABLES, UNLIMITED_TABLES
from slotstream_contracts.appointments import AssignedResource
from slotstream_servicekit.testing.limits import (
    BUSINESS,
    CALENDAR,
    FORBIDDEN,
    HIDDEN,
    KINDS,
    NOT_FOUND,
    OPEN,
    SHARED,
    Expected,
    Kind,
    Probe,
    check_complete,
    check_controls,
    check_tables,
    claims_of,
    fingerprint,
    walk,
)
from slotstream_servicekit.testing.plugin import ApiClientFactory, Signer

pytestmark = pytest.mark.service

WATCHED = sorted(set(TENANT_TABLES) - {"idempotency_keys"})
TEMPLATE = {"kind": "reminder", "audience": "client", "channel": "email", "locale": "en", "subject": "S", "text": "T"}
RULE = {"channel": "email", "minutes_before": 60}
FOLLOW_UP = {"channel": "email", "minutes_after": 60}
UNSIGNED = (403, "signature_invalid")
UNKNOWN_TOKEN = (401, "token_invalid")
NOT_CONFIGURED = (409, "channel_unavailable")
MAIL_SERVER = {"host": "smtp.example", "username": "u", "password": "p", "sender_address": "hello@salon.example"}
TWILIO = {"account_sid": f"AC{1:032x}", "auth_token": "t", "sms_sender": "+447700900888"}
BROWSER = {"endpoint": "https://push.example.com/a", "keys": {"p256dh": "x", "auth": "y"}}


async def added(client: httpx2.AsyncClient, path: str, body: dict[str, Any]) -> str:
    answer = await client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    identity: str = answer.json()["id"]
    return identity


async def written_back(salon: Salon, appointment_id: UUID, words: str) -> str:
    """What the client wrote about an appointment."""
    identity = str(uuid4())
    await salon.execute(
        "INSERT INTO inbound_messages (organization_id, id, channel, client_id, appointment_id, meaning, status, text,"
        f" received_at, updated_at, version) VALUES ('{salon.organization_id}', '{identity}', 'sms',"
        f" '{salon.client_id}', '{appointment_id}', 'other', 'for_staff', '{words}', now(), now(), 1)"
    )
    return identity


@pytest.mark.parametrize("kind", KINDS)
async def test_no_route_shows_or_changes_what_lies_outside(
    salon: Salon, api_client: ApiClientFactory, signer: Signer, kind: Kind
) -> None:
    business, staff = uuid4(), uuid4()
    service = uuid4()
    await salon.receive_states(
        salon.business(id=business, name="Annex"),
        salon.service(id=service, business_id=business, name="Reflexology"),
        salon.staff(id=staff, name="Fiona", business_ids=(business,)),
    )
    there: dict[str, Any] = {"resources": (AssignedResource(id=staff, kind="staff", name="Fiona"),)}
    if kind == "businesses":
        there |= {"business_id": business, "service_id": service, "service_name": "Reflexology"}
    appointment = salon.snapshot(**there)
    own = salon.snapshot()
    await salon.receive(salon.created(appointment), salon.created(own))
    at = f"/v1/appointments/{appointment.id}/reminders"
    reminder = await added(salon.http, at, RULE)
    template = await added(salon.http, "/v1/templates", {**TEMPLATE, "business_id": str(business), "text": "Hush"})
    rule = await added(salon.http, "/v1/reminder-rules", {**RULE, "service_id": str(service)})
    shared = await added(salon.http, "/v1/templates", TEMPLATE)
    shared_rule = await added(salon.http, "/v1/reminder-rules", {**RULE, "minutes_before": 90})
    follow_up = await added(salon.http, "/v1/follow-up-rules", {**FOLLOW_UP, "service_id": str(service)})
    shared_follow_up = await added(salon.http, "/v1/follow-up-rules", FOLLOW_UP)
    messages = [row["id"] for row in await salon.ledger() if row["appointment_id"] == str(appointment.id)]
    # Of this one somebody has to decide: only who may see it does.
    await salon.execute(
        f"UPDATE messages SET status = 'unknown', attempts = 1, attempted_at = due_at WHERE id = '{messages[0]}'"
    )
    inbound = await written_back(salon, appointment.id, "Hush, hush")
    await written_back(salon, own.id, "Hello")
    claims = claims_of(kind, business_id=salon.business_id, resource_id=salon.staff_id)
    token = signer.token(organization_id=salon.organization_id, role="manager", subject="limited", claims=claims)
    limited = await api_client(salon.app, token=token)
    here = kind == "calendar"
    read: Expected = OPEN if here else NOT_FOUND
    changed: Expected = CALENDAR if here else NOT_FOUND
    preferences = f"/v1/clients/{salon.client_id}/preferences"
    probes = [
        Probe(route="POST /v1/templates", json={**TEMPLATE, "locale": "fr"}, expected=SHARED),
        Probe(
            route="POST /v1/templates",
            json={**TEMPLATE, "locale": "fr", "business_id": str(business)},
            expected=CALENDAR if here else BUSINESS,
        ),
        Probe(route="GET /v1/templates", expected=OPEN if here else HIDDEN),
        Probe(route="GET /v1/templates", params={"business_id": str(business)}, expected=OPEN if here else HIDDEN),
        Probe(route="GET /v1/templates/built-in", expected=OPEN),
        Probe(route="GET /v1/templates/variables", expected=OPEN),
        Probe(route="POST /v1/templates/preview", json={"subject": "a", "text": "b"}, expected=OPEN),
        Probe(
            route="POST /v1/templates/preview",
            json={"subject": "a", "text": "b", "appointment_id": str(appointment.id)},
            expected=NOT_FOUND,
        ),
        Probe(
            route="POST /v1/templates/preview",
            json={"kind": "cancelled", "appointment_id": str(appointment.id)},
            expected=NOT_FOUND,
        ),
        Probe(route="GET /v1/templates/{template_id}", path=f"/v1/templates/{template}", expected=read),
        Probe(route="GET /v1/templates/{template_id}", path=f"/v1/templates/{shared}", expected=OPEN),
        Probe(
            route="PATCH /v1/templates/{template_id}",
            path=f"/v1/templates/{template}",
            json={"text": "new"},
            expected=changed,
        ),
        Probe(
            route="PATCH /v1/templates/{template_id}",
            path=f"/v1/templates/{shared}",
            json={"text": "new"},
            expected=SHARED,
        ),
        Probe(
            route="POST /v1/templates/{template_id}/preview",
            path=f"/v1/templates/{template}/preview",
            json={},
            expected=read,
        ),
        Probe(route="POST /v1/reminder-rules", json={**RULE, "minutes_before": 30}, expected=SHARED),
        Probe(
            route="POST /v1/reminder-rules",
            json={**RULE, "minutes_before": 30, "service_id": str(service)},
            expected=CALENDAR if here else BUSINESS,
        ),
        Probe(route="GET /v1/reminder-rules", expected=OPEN if here else HIDDEN),
        Probe(route="GET /v1/reminder-rules/{rule_id}", path=f"/v1/reminder-rules/{rule}", expected=read),
        Probe(
            route="PATCH /v1/reminder-rules/{rule_id}",
            path=f"/v1/reminder-rules/{rule}",
            json={"enabled": False},
            expected=changed,
        ),
        Probe(
            route="PATCH /v1/reminder-rules/{rule_id}",
            path=f"/v1/reminder-rules/{shared_rule}",
            json={"enabled": False},
            expected=SHARED,
        ),
        *(
            Probe(
                route=f"{method} /v1/reminder-rules/{{rule_id}}/application{more}",
                path=f"/v1/reminder-rules/{of}/application{more}",
                expected=expected,
                controls=method == "GET" and bool(more),
            )
            for of, expected in ((rule, changed), (shared_rule, SHARED))
            for method, more in (("POST", ""), ("GET", ""), ("GET", "/preview"))
        ),
        Probe(route="POST /v1/follow-up-rules", json={**FOLLOW_UP, "channel": "sms"}, expected=SHARED, controls=False),
        Probe(
            route="POST /v1/follow-up-rules",
            json={**FOLLOW_UP, "service_id": str(service)},
            expected=CALENDAR if here else BUSINESS,
            controls=False,
        ),
        Probe(route="GET /v1/follow-up-rules", expected=OPEN if here else HIDDEN),
        Probe(route="GET /v1/follow-up-rules/{rule_id}", path=f"/v1/follow-up-rules/{follow_up}", expected=read),
        Probe(
            route="PATCH /v1/follow-up-rules/{rule_id}",
            path=f"/v1/follow-up-rules/{follow_up}",
            json={"enabled": False},
            expected=changed,
        ),
        Probe(
            route="PATCH /v1/follow-up-rules/{rule_id}",
            path=f"/v1/follow-up-rules/{shared_follow_up}",
            json={"enabled": False},
            expected=SHARED,
        ),
        Probe(route="GET /v1/messages", expected=HIDDEN),
        Probe(route="GET /v1/messages", params={"appointment_id": str(appointment.id)}, expected=HIDDEN),
        Probe(route="GET /v1/messages", params={"client_id": str(salon.client_id)}, expected=HIDDEN),
        # Numbers alone, which are compared below.
        Probe(route="GET /v1/messages/counts", expected=OPEN),
        Probe(route="GET /v1/messages/by-appointment", params={"appointment_id": str(own.id)}, expected=OPEN),
        Probe(route="GET /v1/messages/{message_id}", path=f"/v1/messages/{messages[0]}", expected=NOT_FOUND),
        *(
            Probe(
                route=f"POST /v1/messages/{{message_id}}/{verb}",
                path=f"/v1/messages/{messages[0]}/{verb}",
                expected=NOT_FOUND,
                # It is decided about once.
                controls=verb == "confirm-sent",
            )
            for verb in ("confirm-sent", "send-again", "give-up")
        ),
        Probe(route="GET /v1/inbound-messages", expected=HIDDEN),
        Probe(route="GET /v1/inbound-messages", params={"client_id": str(salon.client_id)}, expected=HIDDEN),
        Probe(route="GET /v1/inbound-messages/unread", expected=OPEN),
        Probe(route="POST /v1/inbound-messages/read", json={"ids": [inbound]}, expected=OPEN, controls=False),
        Probe(
            route="GET /v1/inbound-messages/{message_id}", path=f"/v1/inbound-messages/{inbound}", expected=NOT_FOUND
        ),
        Probe(route="GET /v1/appointments/{appointment_id}/reminders", path=at, expected=HIDDEN),
        Probe(
            route="POST /v1/appointments/{appointment_id}/reminders",
            path=at,
            json={**RULE, "minutes_before": 45},
            expected=NOT_FOUND,
        ),
        Probe(
            route="PUT /v1/appointments/{appointment_id}/reminders",
            path=at,
            json={"items": []},
            expected=NOT_FOUND,
        ),
        Probe(
            route="DELETE /v1/appointments/{appointment_id}/reminders/{reminder_id}",
            path=f"{at}/{reminder}",
            expected=NOT_FOUND,
        ),
        Probe(route="GET /v1/clients/{client_id}/preferences", path=preferences, expected=OPEN),
        Probe(
            route="PUT /v1/clients/{client_id}/preferences",
            path=preferences,
            json={"opted_out": ["sms"]},
            expected=OPEN,
        ),
        # The portal is for clients: no member of staff has it, limited or not.
        Probe(route="GET /v1/portal/preferences", expected=FORBIDDEN, controls=False),
        Probe(route="PUT /v1/portal/preferences", json={"opted_out": []}, expected=FORBIDDEN, controls=False),
        Probe(route="POST /v1/portal/preferences/unsubscribe", expected=FORBIDDEN, controls=False),
        Probe(route="GET /v1/channels", expected=OPEN),
        # Credentials are for owners, who have no limits.
        Probe(route="GET /v1/channel-accounts", expected=FORBIDDEN),
        Probe(route="PUT /v1/channel-accounts/smtp", json=MAIL_SERVER, expected=FORBIDDEN),
        Probe(route="PUT /v1/channel-accounts/twilio", json=TWILIO, expected=FORBIDDEN, controls=False),
        Probe(route="DELETE /v1/channel-accounts/{provider}", path="/v1/channel-accounts/smtp", expected=FORBIDDEN),
        Probe(route="GET /v1/quiet-hours", expected=OPEN),
        Probe(route="GET /v1/send-limits", expected=OPEN),
        Probe(
            route="PUT /v1/send-limits/{channel}",
            path="/v1/send-limits/sms",
            json={"per_minute": 5},
            expected=SHARED,
        ),
        Probe(route="DELETE /v1/send-limits/{channel}", path="/v1/send-limits/sms", expected=SHARED),
        Probe(
            route="PUT /v1/quiet-hours/{channel}",
            path="/v1/quiet-hours/sms",
            json={"begins": "21:00", "ends": "08:00"},
            expected=SHARED,
        ),
        Probe(route="DELETE /v1/quiet-hours/{channel}", path="/v1/quiet-hours/sms", expected=SHARED),
        Probe(
            route="POST /v1/channels/{channel}/test",
            path="/v1/channels/email/test",
            json={"address": "me@example.com"},
            expected=SHARED,
        ),
        # The caller's own, whatever they are limited to.
        Probe(route="GET /v1/staff-preferences", expected=OPEN),
        Probe(route="PUT /v1/staff-preferences", json={"agenda_at": "07:00"}, expected=OPEN),
        # The caller's own browsers, whatever they are limited to; push is not configured here.
        Probe(route="GET /v1/push-subscriptions", expected=OPEN),
        Probe(route="GET /v1/push-subscriptions/key", expected=NOT_CONFIGURED, controls=False),
        Probe(route="POST /v1/push-subscriptions", json=BROWSER, expected=NOT_CONFIGURED, controls=False),
        Probe(
            route="DELETE /v1/push-subscriptions/{subscription_id}",
            path=f"/v1/push-subscriptions/{uuid4()}",
            expected=NOT_FOUND,
            controls=False,
        ),
        Probe(route="GET /v1/portal/push-subscriptions", expected=FORBIDDEN, controls=False),
        Probe(route="GET /v1/portal/push-subscriptions/key", expected=FORBIDDEN, controls=False),
        Probe(route="POST /v1/portal/push-subscriptions", json=BROWSER, expected=FORBIDDEN, controls=False),
        Probe(
            route="DELETE /v1/portal/push-subscriptions/{subscription_id}",
            path=f"/v1/portal/push-subscriptions/{uuid4()}",
            expected=FORBIDDEN,
            controls=False,
        ),
        # Twilio's signature entitles there, and nobody's token.
        Probe(route="POST /v1/providers/twilio/sms-status", expected=UNSIGNED, controls=False),
        Probe(route="POST /v1/providers/twilio/voice", expected=UNSIGNED, controls=False),
        Probe(route="POST /v1/providers/twilio/voice-status", expected=UNSIGNED, controls=False),
        Probe(route="POST /v1/providers/twilio/inbound-sms", expected=UNSIGNED, controls=False),
        # The secret of inbound mail entitles there, which no caller's token is.
        Probe(route="POST /v1/providers/mail/inbound", expected=UNKNOWN_TOKEN, controls=False),
        Probe(route="DELETE /v1/templates/{template_id}", path=f"/v1/templates/{template}", expected=changed),
        Probe(route="DELETE /v1/reminder-rules/{rule_id}", path=f"/v1/reminder-rules/{rule}", expected=changed),
        Probe(route="DELETE /v1/follow-up-rules/{rule_id}", path=f"/v1/follow-up-rules/{follow_up}", expected=changed),
    ]
    check_complete(salon.app, probes)
    marks = {str(appointment.id), reminder, inbound, "Hush, hush", *messages}
    if not here:
        marks |= {template, rule, follow_up, str(business), "Hush"}
    await walk(probes, limited=limited, marks=marks, database=salon.database, tables=WATCHED)
    seen = (await limited.get("/v1/messages")).json()["items"]
    assert {row["appointment_id"] for row in seen} == {str(own.id)}
    assert (await limited.get("/v1/messages/counts")).json()["total"] == len(seen)
    both = {"appointment_id": [str(appointment.id), str(own.id)]}
    assert (await limited.get("/v1/messages/counts", params=both)).json()["total"] == len(seen)
    of_both = (await limited.get("/v1/messages/by-appointment", params=both)).json()["items"]
    assert [item["appointment_id"] for item in of_both] == [str(own.id)]
    await check_controls(probes, unlimited=salon.http, marks=marks)


async def test_a_manager_of_a_business_keeps_its_templates_and_rules(
    salon: Salon, api_client: ApiClientFactory, signer: Signer
) -> None:
    claims = {"businesses": [str(salon.business_id)]}
    token = signer.token(organization_id=salon.organization_id, role="manager", claims=claims)
    limited = await api_client(salon.app, token=token)
    await salon.receive(salon.created(appointment := salon.snapshot()))
    template = await added(limited, "/v1/templates", {**TEMPLATE, "business_id": str(salon.business_id)})
    rule = await added(limited, "/v1/reminder-rules", {**RULE, "service_id": str(salon.service_id)})
    changes = (
        await limited.patch(f"/v1/templates/{template}", json={"text": "new"}),
        await limited.patch(f"/v1/reminder-rules/{rule}", json={"template_id": template}),
        await limited.post(f"/v1/appointments/{appointment.id}/reminders", json={**RULE, "minutes_before": 20}),
    )
    assert [answer.status_code for answer in changes] == [200, 200, 201]


async def test_the_reminder_of_an_appointment_that_moved_to_another_calendar_stays(
    salon: Salon, api_client: ApiClientFactory, signer: Signer
) -> None:
    """It is one reminder for all of the chain, and the caller still sees the chain's first appointment."""
    fiona = uuid4()
    await salon.receive_states(salon.staff(id=fiona, name="Fiona", business_ids=(salon.business_id,)))
    first = salon.snapshot()
    await salon.receive(salon.created(first))
    reminder = await added(salon.http, f"/v1/appointments/{first.id}/reminders", RULE)
    theirs = (AssignedResource(id=fiona, kind="staff", name="Fiona"),)
    old, new = salon.rescheduled(first, first.starts_at + timedelta(days=1), resources=theirs)
    await salon.receive(old, new)
    claims = claims_of("calendar", business_id=salon.business_id, resource_id=salon.staff_id)
    token = signer.token(organization_id=salon.organization_id, role="staff", subject="limited", claims=claims)
    limited = await api_client(salon.app, token=token)
    before = await fingerprint(salon.database, WATCHED)

    answer = await limited.delete(f"/v1/appointments/{first.id}/reminders/{reminder}")

    assert (answer.status_code, answer.json()["code"]) == (409, "appointment_inactive")
    assert await fingerprint(salon.database, WATCHED) == before


def test_every_table_has_limits_or_a_reason_why_not() -> None:
    check_tables(LIMITS, UNLIMITED_TABLES, tables=TENANT_TABLES)
