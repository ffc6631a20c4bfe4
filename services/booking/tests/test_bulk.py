"""One verb for many appointments."""

from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from booking_fixtures import Tenant

from booking import worker
from booking.consumers import on_client_preferences, on_organization_channels
from booking.domain.bulk import BulkOrder, BulkVerb
from booking.storage.bulk import BulkStore
from booking.storage.connections import connection_of
from booking.storage.policies import PolicyCache
from slotstream_contracts.channels import OrganizationChannelsState
from slotstream_contracts.envelope import wrap
from slotstream_contracts.preferences import ClientPreferencesState
from slotstream_servicekit.consumer import Received
from slotstream_servicekit.context import Actor, Cause, Context

BULK = "/v1/appointments/bulk"
ROUTES = import_module("booking.api.bulk")
LANDLINES = ("+49 30 901821", "+44 20 7946 0018")
MOBILES = ("+49 1512 3456789", "+44 7911 123456")
UNTOLD = "+1 212 555 0123"
"""Its plan does not tell landlines from mobiles."""


@pytest_asyncio.fixture(autouse=True)
async def grace_gets_texts(tenant: Tenant) -> None:
    answer = await tenant.api.patch(f"/v1/clients/{tenant.client['id']}", json={"phone": MOBILES[0]})
    assert answer.status_code == 200, answer.text


async def in_bulk(tenant: Tenant, verb: str, booked: list[dict[str, Any]], **arguments: Any) -> list[dict[str, Any]]:
    body = {"verb": verb, "ids": [booking["id"] for booking in booked], "arguments": arguments}
    results: list[dict[str, Any]] = (await tenant.post(BULK, body))["results"]
    return results


async def commands(tenant: Tenant) -> list[dict[str, Any]]:
    return [record for record in await tenant.outbox() if record["type"] == "slotstream.command.send_message"]


async def work(tenant: Tenant) -> int:
    """What the worker does until nothing is left; in how many portions."""
    portions = 0
    while await worker.do_one_portion(tenant.database, PolicyCache(), lambda: tenant.now[0]):
        portions += 1
    return portions


@pytest.mark.parametrize(
    ("verb", "arguments", "field", "value"),
    [
        ("complete", {}, "status", "completed"),
        ("dismiss", {}, "status", "dismissed"),
        ("cancel", {"reason": "ill", "notify": False}, "status", "cancelled"),
        ("confirm", {}, "status", "confirmed"),
    ],
)
async def test_a_verb_is_done_for_all_selected_each_with_its_audit_row_and_event(
    tenant: Tenant, verb: str, arguments: dict[str, Any], field: str, value: object
) -> None:
    booked = [await tenant.book(tenant.at(hour)) for hour in (9, 10)]
    results = await in_bulk(tenant, verb, booked, **arguments)
    assert [(result["id"], result["ok"], result["appointment"][field]) for result in results] == [
        (ordered["id"], True, value) for ordered in booked
    ]
    for booking in booked:
        history = (await tenant.get(f"/v1/appointments/{booking['id']}/history"))["items"]
        assert [entry["verb"] for entry in history] == ["create", verb]
        events = [record["payload"]["type"] for record in await tenant.outbox() if record["key"] == booking["id"]]
        assert len(events) == 4, "two of the booking, two of the verb"


async def test_each_item_succeeds_or_fails_by_itself_and_the_answer_says_which_and_why(tenant: Tenant) -> None:
    done, free = [await tenant.book(tenant.at(hour)) for hour in (9, 10)]
    await tenant.post(f"/v1/appointments/{done['id']}/complete")
    unknown = {"id": str(uuid4())}
    results = await in_bulk(tenant, "cancel", [done, unknown, free], reason="closed that day")
    assert [(result["ok"], (result["problem"] or {}).get("code")) for result in results] == [
        (False, "invalid_transition"),
        (False, "not_found"),
        (True, None),
    ]
    assert (await tenant.get(f"/v1/appointments/{done['id']}"))["status"] == "completed"


async def test_cancelling_in_bulk_gives_the_time_back(tenant: Tenant) -> None:
    booked = [await tenant.book(tenant.at(hour)) for hour in (9, 10)]
    await in_bulk(tenant, "cancel", booked, reason="ill")
    await tenant.book(tenant.at(9))
    await tenant.book(tenant.at(10))


async def test_all_that_match_a_filter_are_done(tenant: Tenant) -> None:
    early, late = [await tenant.book(tenant.at(hour)) for hour in (9, 10)]
    body = {"verb": "confirm", "filter": {"to": tenant.at(10), "status": ["scheduled"], "q": "hopper"}}
    (result,) = (await tenant.post(BULK, body))["results"]
    assert result["id"] == early["id"]
    assert (await tenant.get(f"/v1/appointments/{late['id']}"))["status"] == "scheduled"


@pytest.mark.parametrize(
    "body",
    [
        {"verb": "sms_client", "ids": [str(uuid4())]},
        {"verb": "confirm", "ids": [str(uuid4())], "arguments": {"text": "hello"}},
        {"verb": "confirm", "ids": [str(uuid4())], "arguments": {"with_variables": True}},
        {"verb": "confirm"},
        {"verb": "confirm", "ids": [str(uuid4())], "filter": {}},
        {"verb": "confirm", "filter": {"statuss": ["scheduled"]}},
        {"verb": "explode", "ids": [str(uuid4())]},
        {"verb": "confirm", "ids": [str(uuid4())] * 10_001},
    ],
)
async def test_an_order_that_makes_no_sense_is_refused_whole(tenant: Tenant, body: dict[str, Any]) -> None:
    assert (await tenant.api.post(BULK, json=body)).status_code == 422


@pytest.mark.parametrize("verb", ["sms_client", "sms_staff", "call_client", "call_staff", "push_client", "push_staff"])
async def test_a_message_is_refused_where_nobody_can_send_it(tenant: Tenant, verb: str) -> None:
    tenant.app.state.dependencies = replace(tenant.app.state.dependencies, message_channels=frozenset({"email"}))
    booked = await tenant.book(tenant.at(9))
    body = {"verb": verb, "ids": [booked["id"]], "arguments": {"text": "We open an hour later."}}
    answer = await tenant.api.post(BULK, json=body)

    assert (answer.status_code, answer.json()["code"]) == (409, "channel_unavailable"), answer.text
    assert await commands(tenant) == []


async def test_an_sms_to_the_client_is_asked_of_notifications_once_per_client(tenant: Tenant) -> None:
    other = await tenant.post("/v1/clients", {"name": "Alan", "phone": MOBILES[1]}, status=201)
    booked = [await tenant.book(tenant.at(9)), await tenant.book(tenant.at(10))]
    booked.append(await tenant.book(tenant.at(11), client_id=other["id"]))
    results = await in_bulk(tenant, "sms_client", booked, text="We open an hour later.")
    assert [result["ok"] for result in results] == [True, True, True]
    sent = await commands(tenant)
    assert [command["payload"]["data"]["client_id"] for command in sent] == [tenant.client["id"], other["id"]]
    assert {command["topic"] for command in sent} == {"slotstream.notifications.commands.v1"}
    data = sent[0]["payload"]["data"]
    assert (data["channel"], data["text"], data["appointment_id"]) == ("sms", "We open an hour later.", booked[0]["id"])
    assert sent[0]["payload"]["id"] == data["message_id"]
    assert "Grace" not in str(sent)
    assert "3456789" not in str(sent)


async def test_a_text_with_variables_is_a_message_for_each_appointment_and_a_plain_one_keeps_its_braces(
    tenant: Tenant,
) -> None:
    booked = [await tenant.book(tenant.at(9)), await tenant.book(tenant.at(10))]
    text = "{{ client.name }}, {{ appointment.date }} at {{ appointment.time }}"
    results = await in_bulk(tenant, "sms_client", booked, text=text, with_variables=True)
    assert [result["ok"] for result in results] == [True, True]
    sent = [command["payload"]["data"] for command in await commands(tenant)]
    assert [(data["appointment_id"], data["text"], data["with_variables"]) for data in sent] == [
        (each["id"], text, True) for each in booked
    ]
    assert len({data["message_id"] for data in sent}) == 2

    for plain in ("{{ client.nobody }}", "{% for", "{ok} }}"):
        assert [each["ok"] for each in await in_bulk(tenant, "sms_client", booked, text=plain)] == [True, True]
        [*_, data] = [command["payload"]["data"] for command in await commands(tenant)]
        assert (data["text"], data["with_variables"]) == (plain, False)
    assert len(await commands(tenant)) == 5


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Hello\n{{ client.nobody }}", "line 2"),
        ("{{ client.name", "line 1"),
        ("A\n\n{% for x in client.name %}a{% endfor %}", "line 3"),
        ("{{ 'a' * 10**9 }}", "line 1"),
        ("{{ client.name.__class__ }}", "line 1"),
        ("{{ 99999999999999999999 }}", "too long"),
    ],
)
@pytest.mark.parametrize("many", [False, True])
async def test_a_text_that_cannot_be_filled_in_is_refused_before_anything_is_taken_on(
    tenant: Tenant, text: str, line: str, *, many: bool
) -> None:
    await tenant.book(tenant.at(9))
    what: dict[str, Any] = {"ids": [str(uuid4()) for _ in range(201)]} if many else {"filter": {}}
    body = {"verb": "sms_client", **what, "arguments": {"text": text, "with_variables": True}}
    answer = await tenant.api.post(BULK, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "template_refused"), answer.text
    assert line in answer.json()["detail"]
    assert await commands(tenant) == []
    assert await work(tenant) == 0


async def test_a_long_order_remembers_that_its_text_has_variables(tenant: Tenant) -> None:
    booked = [await tenant.book(tenant.at(9)), await tenant.book(tenant.at(10))]
    ids = [each["id"] for each in booked] + [str(uuid4()) for _ in range(200)]
    body = {"verb": "sms_client", "ids": ids, "arguments": {"text": "{{ client.name }}", "with_variables": True}}
    answer = await tenant.api.post(BULK, json=body)
    assert answer.status_code == 202, answer.text
    await work(tenant)
    sent = [command["payload"]["data"] for command in await commands(tenant)]
    assert [(data["appointment_id"], data["with_variables"]) for data in sent] == [
        (each["id"], True) for each in booked
    ]


async def test_a_call_is_asked_of_notifications_where_calls_are_configured_and_wanted(tenant: Tenant) -> None:
    configured = frozenset({"email", "sms", "voice"})
    tenant.app.state.dependencies = replace(tenant.app.state.dependencies, message_channels=configured)
    booked = await tenant.book(tenant.at(9))
    [called] = await in_bulk(tenant, "call_client", [booked], text="We open an hour later.")
    assert called["ok"] is True
    [command] = await commands(tenant)
    data = command["payload"]["data"]
    assert (data["channel"], data["client_id"]) == ("voice", tenant.client["id"])

    await opts_out(tenant, tenant.client["id"], "voice", version=1)
    [refused] = await in_bulk(tenant, "call_client", [booked], text="Hello")
    assert refused["problem"]["code"] == "opted_out"
    [sent] = await in_bulk(tenant, "sms_client", [booked], text="Hello")
    assert sent["ok"] is True


@pytest.mark.parametrize(("verb", "channel"), [("email_client", "email"), ("push_client", "push")])
async def test_a_mail_or_a_push_needs_no_phone_and_goes_as_the_client_wants_it(
    tenant: Tenant, verb: str, channel: str
) -> None:
    configured = frozenset({"email", "push"})
    tenant.app.state.dependencies = replace(tenant.app.state.dependencies, message_channels=configured)
    ida = await tenant.post("/v1/clients", {"name": "Ida", "email": "ida@example.com"}, status=201)
    nobody = await tenant.post("/v1/clients", {"name": "Max", "email": "max@example.com", "consent": []}, status=201)
    booked = [await tenant.book(tenant.at(hour), client_id=who["id"]) for hour, who in ((9, ida), (10, nobody))]
    results = await in_bulk(tenant, verb, booked, text="We open an hour later.")
    assert [(result["problem"] or {}).get("code") for result in results] == [None, "no_consent"]
    [command] = await commands(tenant)
    data = command["payload"]["data"]
    assert (data["channel"], data["client_id"], data["text"]) == (channel, ida["id"], "We open an hour later.")

    await opts_out(tenant, ida["id"], channel, version=1)
    [refused] = await in_bulk(tenant, verb, booked[:1], text="Hello")
    assert refused["problem"]["code"] == "opted_out"


async def test_who_has_no_e_mail_address_gets_no_mail_and_colleagues_are_told_of_it(tenant: Tenant) -> None:
    configured = frozenset({"email"})
    tenant.app.state.dependencies = replace(tenant.app.state.dependencies, message_channels=configured)
    silent = await tenant.post("/v1/clients", {"name": "Silent", "phone": LANDLINES[1]}, status=201)
    booked = [await tenant.book(tenant.at(9), client_id=silent["id"])]
    [refused] = await in_bulk(tenant, "email_client", booked, text="Hello")
    [unreached] = await in_bulk(tenant, "email_staff", booked, text="Hello")
    assert [result["problem"]["code"] for result in (refused, unreached)] == ["no_address", "no_address"]
    assert await commands(tenant) == []

    await tenant.api.patch(f"/v1/resources/{tenant.staff[0]['id']}", json={"email": "ada@example.com"})
    [sent] = await in_bulk(tenant, "email_staff", booked, text="Please come early.")
    [command] = await commands(tenant)
    assert (sent["ok"], command["payload"]["data"]["resource_id"]) == (True, tenant.staff[0]["id"])


async def test_who_has_no_phone_or_has_not_agreed_gets_no_sms_and_the_others_do(tenant: Tenant) -> None:
    silent = await tenant.post("/v1/clients", {"name": "Silent", "email": "s@example.com"}, status=201)
    unwilling = await tenant.post("/v1/clients", {"name": "No", "phone": MOBILES[1], "consent": ["email"]}, status=201)
    booked = [
        await tenant.book(tenant.at(9), client_id=silent["id"]),
        await tenant.book(tenant.at(10), client_id=unwilling["id"]),
        await tenant.book(tenant.at(11)),
    ]
    results = await in_bulk(tenant, "sms_client", booked, text="Hello")
    assert [(result["problem"] or {}).get("code") for result in results] == ["no_phone", "no_consent", None]
    assert len(await commands(tenant)) == 1


async def test_an_sms_to_a_landline_is_refused_at_once_and_goes_to_the_others(tenant: Tenant) -> None:
    phones = [*LANDLINES, *MOBILES[1:], UNTOLD]
    booked = []
    for hour, phone in enumerate(phones, start=9):
        client = await tenant.post("/v1/clients", {"name": f"Of {phone}", "phone": phone}, status=201)
        booked.append(await tenant.book(tenant.at(hour), client_id=client["id"]))
    results = await in_bulk(tenant, "sms_client", booked, text="We open an hour later.")
    assert [(result["problem"] or {}).get("code") for result in results] == ["landline", "landline", None, None]
    asked = [command["payload"]["data"]["client_id"] for command in await commands(tenant)]
    assert asked == [item["client_id"] for item in booked[2:]]
    for phone, result in zip(LANDLINES, results, strict=False):
        assert phone.replace(" ", "") not in str(result["problem"])


async def test_a_long_order_refuses_the_landlines_among_its_recipients(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ROUTES, "AT_ONCE", 0)
    landline = await tenant.post("/v1/clients", {"name": "Landline", "phone": LANDLINES[0]}, status=201)
    booked = [await tenant.book(tenant.at(9), client_id=landline["id"]), await tenant.book(tenant.at(10))]
    body = {"verb": "sms_client", "ids": [each["id"] for each in booked], "arguments": {"text": "We open later."}}
    job = await tenant.post(BULK, body, status=202)
    await work(tenant)
    finished = await tenant.get(f"/v1/bulk/{job['id']}")
    assert (finished["status"], finished["succeeded"], finished["refused"]) == ("finished", 1, 1)
    [refused] = (await tenant.get(f"/v1/bulk/{job['id']}/results", ok="false"))["items"]
    assert (refused["id"], refused["problem"]["code"]) == (booked[0]["id"], "landline")
    assert len(await commands(tenant)) == 1


@pytest.mark.parametrize(
    ("verb", "configured"), [("call_client", "voice"), ("email_client", "email"), ("push_client", "push")]
)
async def test_who_has_a_landline_is_called_and_written_to_otherwise(
    tenant: Tenant, verb: str, configured: str
) -> None:
    tenant.app.state.dependencies = replace(tenant.app.state.dependencies, message_channels=frozenset({configured}))
    details = {"name": "Landline", "phone": LANDLINES[0], "email": "landline@example.com"}
    landline = await tenant.post("/v1/clients", details, status=201)
    booked = await tenant.book(tenant.at(9), client_id=landline["id"])
    [result] = await in_bulk(tenant, verb, [booked], text="We open an hour later.")
    assert result["ok"] is True
    assert len(await commands(tenant)) == 1


@pytest.mark.parametrize("phone", [LANDLINES[0], "+49 (30) 90\u201118-21"])
async def test_an_sms_to_a_member_of_staff_with_a_landline_is_refused(tenant: Tenant, phone: str) -> None:
    await tenant.api.patch(f"/v1/resources/{tenant.staff[0]['id']}", json={"phone": phone})
    booked = await tenant.book(tenant.at(9))
    [refused] = await in_bulk(tenant, "sms_staff", [booked], text="Please come early.")
    assert refused["problem"]["code"] == "landline"
    assert await commands(tenant) == []


async def test_nothing_is_sent_to_a_number_of_staff_that_may_be_anybodys(tenant: Tenant) -> None:
    """It is free text, and a national number is another one's in another country."""
    await tenant.api.patch(f"/v1/resources/{tenant.staff[0]['id']}", json={"phone": "0171 5550123"})
    booked = await tenant.book(tenant.at(9))
    [refused] = await in_bulk(tenant, "sms_staff", [booked], text="Please come early.")
    assert refused["problem"]["code"] == "invalid_address"
    assert await commands(tenant) == []


@pytest.mark.parametrize(
    ("of_the_duplicate", "of_the_client", "code"),
    [(LANDLINES[0], MOBILES[1], None), (MOBILES[1], LANDLINES[0], "landline")],
)
async def test_a_merged_client_is_texted_at_the_number_of_whom_they_were_merged_into(
    tenant: Tenant, of_the_duplicate: str, of_the_client: str, code: str | None
) -> None:
    duplicate, client = [
        await tenant.post("/v1/clients", {"name": name, "phone": phone}, status=201)
        for name, phone in (("Grace H.", of_the_duplicate), ("Grace B. Hopper", of_the_client))
    ]
    booked = await tenant.book(tenant.at(9), client_id=duplicate["id"])
    await tenant.post(f"/v1/clients/{duplicate['id']}/merge", {"into": client["id"]})
    [result] = await in_bulk(tenant, "sms_client", [booked], text="Hello")
    assert (result["problem"] or {}).get("code") == code


async def opts_out(tenant: Tenant, client_id: str, *channels: str, version: int) -> None:
    """What notifications says once a client has answered STOP, or is back in."""
    state = ClientPreferencesState(
        client_id=UUID(client_id),
        organization_id=tenant.organization_id,
        opted_out=channels,
        updated_at=tenant.now[0],
        version=version,
    )
    event = wrap(
        state,
        organization=tenant.organization_id,
        subject=client_id,
        sequence=version,
        time=tenant.now[0],
        source="/slotstream/notifications",
        correlation_id="c",
        id=uuid4(),
    )
    record = Received(
        event=event, key=event.partitionkey, topic=event.topic, partition=0, offset=version, timestamp=tenant.now[0]
    )
    async with tenant.database.system_transaction() as session:
        await on_client_preferences(session, [record])


async def has_channels(tenant: Tenant, *channels: str, version: int, organization_id: UUID | None = None) -> None:
    """What notifications says once an organization has set or removed an account of its own."""
    organization_id = organization_id or tenant.organization_id
    state = OrganizationChannelsState.model_validate(
        {
            "organization_id": organization_id,
            "channels": channels,
            "updated_at": tenant.now[0],
            "version": version,
        }
    )
    event = wrap(
        state,
        organization=organization_id,
        subject=str(organization_id),
        sequence=version,
        time=tenant.now[0],
        source="/slotstream/notifications",
        correlation_id="c",
        id=uuid4(),
    )
    record = Received(
        event=event, key=event.partitionkey, topic=event.topic, partition=0, offset=version, timestamp=tenant.now[0]
    )
    async with tenant.database.system_transaction() as session:
        await on_organization_channels(session, [record])


async def test_an_organization_sends_on_its_own_channels_whatever_the_installation_has(tenant: Tenant) -> None:
    tenant.app.state.dependencies = replace(tenant.app.state.dependencies, message_channels=frozenset({"email"}))
    booked = await tenant.book(tenant.at(9))
    body = {"verb": "sms_client", "ids": [booked["id"]], "arguments": {"text": "We open an hour later."}}

    async def asked() -> str | None:
        answer = await tenant.api.post(BULK, json=body)
        return None if answer.status_code == 200 else str(answer.json()["code"])

    assert await asked() == "channel_unavailable"
    # Another organization's account is no help.
    await has_channels(tenant, "email", "sms", version=1, organization_id=uuid4())
    assert await asked() == "channel_unavailable"
    await has_channels(tenant, "email", "sms", version=1)
    assert await asked() is None
    assert len(await commands(tenant)) == 1

    # Its account is gone, although the installation is said to have one; what is older says nothing any more.
    configured = frozenset({"email", "sms"})
    tenant.app.state.dependencies = replace(tenant.app.state.dependencies, message_channels=configured)
    await has_channels(tenant, "email", version=3)
    await has_channels(tenant, "email", "sms", version=2)
    assert await asked() == "channel_unavailable"
    assert len(await commands(tenant)) == 1


async def test_who_has_opted_out_gets_no_sms_and_the_answer_says_so(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    await opts_out(tenant, tenant.client["id"], "email", "sms", version=1)
    [refused] = await in_bulk(tenant, "sms_client", [booked], text="Hello")
    assert (refused["ok"], refused["problem"]["code"]) == (False, "opted_out")
    assert await commands(tenant) == []

    await opts_out(tenant, tenant.client["id"], "email", version=2)
    await opts_out(tenant, tenant.client["id"], "sms", version=1)
    [sent] = await in_bulk(tenant, "sms_client", [booked], text="Hello")
    assert sent["ok"] is True


async def test_an_opt_out_holds_for_all_that_a_merged_client_is(tenant: Tenant) -> None:
    duplicate = await tenant.post("/v1/clients", {"name": "Grace H."}, status=201)
    booked = await tenant.book(tenant.at(9), client_id=duplicate["id"])
    await tenant.post(f"/v1/clients/{duplicate['id']}/merge", {"into": tenant.client["id"]})
    await opts_out(tenant, tenant.client["id"], "sms", version=1)
    [refused] = await in_bulk(tenant, "sms_client", [booked], text="Hello")
    assert refused["problem"]["code"] == "opted_out"


async def test_an_opt_out_of_another_organizations_client_does_not_count(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    own, tenant.organization_id = tenant.organization_id, uuid4()
    await opts_out(tenant, tenant.client["id"], "sms", version=1)
    tenant.organization_id = own
    [sent] = await in_bulk(tenant, "sms_client", [booked], text="Hello")
    assert sent["ok"] is True


async def test_archived_staff_get_no_sms(tenant: Tenant) -> None:
    ada = tenant.staff[0]
    await tenant.api.patch(f"/v1/resources/{ada['id']}", json={"phone": MOBILES[1]})
    booked = await tenant.book(tenant.at(9))
    await tenant.api.delete(f"/v1/resources/{ada['id']}")
    [refused] = await in_bulk(tenant, "sms_staff", [booked], text="Hello")
    assert refused["problem"]["code"] == "recipient_archived"


async def test_an_sms_to_staff_goes_to_those_who_perform_the_appointments(tenant: Tenant) -> None:
    ada = tenant.staff[0]
    bob = await tenant.add_staff("Bob")
    await tenant.api.patch(f"/v1/resources/{ada['id']}", json={"phone": MOBILES[1]})
    booked = [await tenant.book(tenant.at(9)), await tenant.book(tenant.at(9), resource_ids=[bob["id"]])]
    results = await in_bulk(tenant, "sms_staff", booked, text="Please come early.")
    assert [(result["problem"] or {}).get("code") for result in results] == [None, "no_phone"]
    (sent,) = await commands(tenant)
    assert sent["payload"]["data"]["resource_id"] == ada["id"]
    assert "client_id" not in sent["payload"]["data"]


async def test_a_long_order_is_taken_on_and_done_in_portions_while_one_looks_on(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ROUTES, "AT_ONCE", 2)
    monkeypatch.setattr("booking.usecases.bulk.PORTION", 2)
    booked = [await tenant.book(tenant.at(9 + number)) for number in range(5)]
    await tenant.post(f"/v1/appointments/{booked[3]['id']}/complete")
    body = {"verb": "cancel", "ids": [booking["id"] for booking in booked], "arguments": {"reason": "closed"}}
    answer = await tenant.api.post(BULK, json=body)
    job = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (202, f"/v1/bulk/{job['id']}")
    assert (job["status"], job["total"], job["succeeded"]) == ("running", 5, 0)
    assert await worker.do_one_portion(tenant.database, PolicyCache(), lambda: tenant.now[0])
    halfway = await tenant.get(f"/v1/bulk/{job['id']}")
    assert (halfway["status"], halfway["succeeded"], halfway["refused"]) == ("running", 2, 0)
    assert await work(tenant) == 2
    finished = await tenant.get(f"/v1/bulk/{job['id']}")
    assert (finished["status"], finished["succeeded"], finished["refused"]) == ("finished", 4, 1)
    results = await tenant.get(f"/v1/bulk/{job['id']}/results", limit=3)
    assert [item["id"] for item in results["items"]] == [booking["id"] for booking in booked[:3]]
    (refused,) = (await tenant.get(f"/v1/bulk/{job['id']}/results", ok="false"))["items"]
    assert (refused["id"], refused["problem"]["code"]) == (booked[3]["id"], "invalid_transition")


async def test_a_message_to_ten_thousand_is_taken_on_whole_and_each_portion_shows_how_far_it_is(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    ids = [*(str(uuid4()) for _ in range(9_999)), booked["id"]]
    body = {"verb": "sms_client", "ids": ids, "arguments": {"text": "We open later."}}
    job = await tenant.post(BULK, body, status=202)
    assert (job["status"], job["total"], job["succeeded"] + job["refused"]) == ("running", 10_000, 0)
    assert await commands(tenant) == []

    shown: list[tuple[str, int]] = []
    while await worker.do_one_portion(tenant.database, PolicyCache(), lambda: tenant.now[0]):
        progress = await tenant.get(f"/v1/bulk/{job['id']}")
        shown.append((progress["status"], progress["succeeded"] + progress["refused"]))

    assert shown == [*(("running", done) for done in range(500, 10_000, 500)), ("finished", 10_000)]
    assert len(await commands(tenant)) == 1


async def test_taking_on_ten_thousand_takes_as_many_statements_as_ten(tenant: Tenant) -> None:
    async def statements(count: int) -> int:
        seen: list[str] = []
        order = BulkOrder(id=uuid4(), verb=BulkVerb.SMS_CLIENT, text="We open later.")
        context = Context(
            organization_id=tenant.organization_id,
            actor=Actor(type="user", id="ada"),
            cause=Cause(correlation_id="c"),
            now=tenant.now[0],
        )
        async with tenant.database.transaction(tenant.organization_id) as session:
            connection = await connection_of(session)
            watched = lambda record: seen.append(record.query)  # noqa: E731
            connection.add_query_logger(watched)
            await BulkStore(session).add(order, context=context, appointment_ids=[uuid4() for _ in range(count)])
            connection.remove_query_logger(watched)
        return len(seen)

    await statements(1)
    assert await statements(10_000) == await statements(10)


async def test_a_portion_cut_short_is_done_again_and_only_once(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ROUTES, "AT_ONCE", 1)
    booked = [await tenant.book(tenant.at(9 + number)) for number in range(3)]
    job = await tenant.post(BULK, {"verb": "confirm", "ids": [booking["id"] for booking in booked]}, status=202)

    async def dies(*_: Any, **__: Any) -> None:
        raise ConnectionError

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr("booking.storage.bulk.BulkStore.finish", dies)
        assert await work(tenant) == 1, "it is put off, and the others would go on"
    assert (await tenant.get(f"/v1/bulk/{job['id']}"))["last_failure"]["code"] == "database_unavailable"
    assert {(await tenant.get(f"/v1/appointments/{booking['id']}"))["status"] for booking in booked} == {"scheduled"}
    tenant.now[0] += timedelta(minutes=1)
    await work(tenant)
    assert (await tenant.get(f"/v1/bulk/{job['id']}"))["succeeded"] == 3
    confirmed = [record for record in await tenant.outbox() if record["type"] == "slotstream.appointment.confirmed"]
    assert len(confirmed) == 3


async def test_a_message_that_is_cut_short_in_the_middle_of_an_order_goes_to_nobody_twice(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each recipient has one message of an order, whose id tells it from all others, however often a portion is done."""
    monkeypatch.setattr(ROUTES, "AT_ONCE", 1)
    monkeypatch.setattr("booking.usecases.bulk.PORTION", 2)
    other = await tenant.post("/v1/clients", {"name": "Alan", "phone": MOBILES[1]}, status=201)
    booked = [
        await tenant.book(tenant.at(9 + number), **({"client_id": other["id"]} if number % 2 else {}))
        for number in range(5)
    ]
    body = {"verb": "sms_client", "ids": [item["id"] for item in booked], "arguments": {"text": "We open later."}}
    job = await tenant.post(BULK, body, status=202)
    finish = BulkStore.finish
    survives = iter((True, False, True, True))

    async def dies(store: BulkStore, *given: Any, **more: Any) -> Any:
        if not next(survives):
            raise ConnectionError
        return await finish(store, *given, **more)

    monkeypatch.setattr(BulkStore, "finish", dies)
    await work(tenant)
    tenant.now[0] += timedelta(minutes=1)
    await work(tenant)

    assert (await tenant.get(f"/v1/bulk/{job['id']}"))["succeeded"] == 5
    asked = {
        (data["client_id"], data["message_id"]) for data in (item["payload"]["data"] for item in await commands(tenant))
    }
    assert sorted(client for client, _ in asked) == sorted([tenant.client["id"], other["id"]])


async def test_a_message_that_is_sent_once_more_after_an_answer_that_got_lost_is_one(tenant: Tenant) -> None:
    booked = [await tenant.book(tenant.at(9)), await tenant.book(tenant.at(10))]
    body = {"verb": "sms_client", "ids": [item["id"] for item in booked], "arguments": {"text": "We open later."}}
    answers = [await tenant.api.post(BULK, json=body, headers={"Idempotency-Key": "m"}) for _ in range(3)]
    assert [answer.json() for answer in answers] == [answers[0].json()] * 3
    assert len(await commands(tenant)) == 1


async def test_an_order_that_cannot_be_done_keeps_no_other_from_it(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one, nothing can even be read any more; whoever comes after it is served all the same, and it is tried again."""
    monkeypatch.setattr(ROUTES, "AT_ONCE", 0)
    first, second = [await tenant.book(tenant.at(hour)) for hour in (9, 10)]
    broken = await tenant.post(BULK, {"verb": "confirm", "ids": [first["id"]]}, status=202)
    tenant.now[0] += timedelta(seconds=1)
    sound = await tenant.post(BULK, {"verb": "confirm", "ids": [second["id"]]}, status=202)
    broken_id = UUID(broken["id"])
    await tenant.rows("UPDATE bulk_jobs SET verb = 'unheard' WHERE id = :id RETURNING 1", id=broken_id)

    assert await work(tenant) == 2

    done = await tenant.get(f"/v1/bulk/{sound['id']}")
    assert (done["status"], done["last_failure"]) == ("finished", None)
    await tenant.rows("UPDATE bulk_jobs SET verb = 'confirm' WHERE id = :id RETURNING 1", id=broken_id)
    assert await work(tenant) == 0, "its turn has not come again"
    failed_at = tenant.now[0].strftime("%Y-%m-%dT%H:%M:%SZ")
    waits = await tenant.get(f"/v1/bulk/{broken['id']}")
    assert waits["last_failure"] == {"code": "internal_error", "failed_at": failed_at}
    tenant.now[0] += timedelta(minutes=1)
    await work(tenant)
    mended = await tenant.get(f"/v1/bulk/{broken['id']}")
    assert (mended["succeeded"], mended["last_failure"]) == (1, None)


async def test_one_key_is_one_order(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    body = {"verb": "confirm", "ids": [booked["id"]]}
    first, second = [await tenant.api.post(BULK, json=body, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert first.json() == second.json()
    assert second.headers["idempotency-replayed"] == "true"


async def test_a_filter_that_finds_too_many_is_refused(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("booking.storage.bulk.MOST", 1)
    for hour in (9, 10):
        await tenant.book(tenant.at(hour))
    answer = await tenant.api.post(BULK, json={"verb": "confirm", "filter": {}})
    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_appointments")


async def test_agents_and_viewers_do_nothing_in_bulk_and_strangers_reach_nothing(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ROUTES, "AT_ONCE", 1)
    booked = [await tenant.book(tenant.at(hour)) for hour in (9, 10)]
    body = {"verb": "confirm", "ids": [booking["id"] for booking in booked]}
    for role in ("agent", "viewer"):
        assert (await (await tenant.client_as(role=role)).post(BULK, json=body)).status_code == 403
    stranger = await tenant.client_as(organization=uuid4())
    theirs = (await stranger.post(BULK, json=body)).json()
    await work(tenant)
    assert (await stranger.get(f"/v1/bulk/{theirs['id']}")).json()["refused"] == 2
    assert (await tenant.api.get(f"/v1/bulk/{UUID(theirs['id'])}")).status_code == 404
    assert {(await tenant.get(f"/v1/appointments/{booking['id']}"))["status"] for booking in booked} == {"scheduled"}
