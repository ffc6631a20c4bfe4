import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from booking_fixtures import NOW, Tenant

pytestmark = pytest.mark.service


async def verb(tenant: Tenant, booked: dict[str, Any], name: str, status: int = 200, **body: Any) -> dict[str, Any]:
    answered: dict[str, Any] = await tenant.post(f"/v1/appointments/{booked['id']}/{name}", body or None, status=status)
    return answered


async def test_confirming_is_recorded_with_who_did_it_in_which_call(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    agent = await tenant.client_as("agent", headers={"Slotstream-Call-Id": "call-7"})

    answer = await agent.post(f"/v1/appointments/{booked['id']}/confirm")

    assert answer.json()["status"] == "confirmed"
    assert answer.headers["etag"] == '"2"'
    history = (await tenant.get(f"/v1/appointments/{booked['id']}/history"))["items"]
    assert history[1]["actor"] == {
        "type": "ai_agent",
        "id": history[1]["actor"]["id"],
        "call_id": "call-7",
        "on_behalf_of": None,
    }
    assert history[1]["fields"] == {"status": {"old": "scheduled", "new": "confirmed"}}


async def test_cancelling_needs_a_reason_and_frees_the_slot(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    assert (await verb(tenant, booked, "cancel", 422))["code"] == "reason_required"

    cancelled = await verb(tenant, booked, "cancel", reason="ill", notify=False)

    assert (cancelled["status"], cancelled["occupies"], cancelled["notify_client"]) == ("cancelled", False, False)
    await tenant.book(tenant.at(9))


async def test_rescheduling_frees_the_old_slot_and_links_both(tenant: Tenant) -> None:
    old = await tenant.book(tenant.at(9))

    moved = await verb(tenant, old, "reschedule", 201, starts_at=tenant.at(14))

    new = moved["appointment"]
    assert (new["rescheduled_from"], moved["replaced"]["rescheduled_to"]) == (old["id"], new["id"])
    assert (moved["replaced"]["status"], new["status"]) == ("rescheduled", "scheduled")
    assert new["previous_starts_at"] == old["starts_at"]
    assert (new["calendar_uid"], new["calendar_sequence"]) == (old["calendar_uid"], 1)
    await tenant.book(tenant.at(9))
    messages = [record for record in await tenant.outbox() if record["type"] == "slotstream.appointment.rescheduled"]
    assert messages[0]["payload"]["data"]["replacement"]["id"] == new["id"]


async def test_an_appointment_moves_by_less_than_its_own_length(tenant: Tenant) -> None:
    old = await tenant.book(tenant.at(9))
    moved = await verb(tenant, old, "reschedule", 201, starts_at=tenant.at(9, 15))
    again = await verb(tenant, moved["appointment"], "reschedule", 201, starts_at=tenant.at(9, 5))

    assert again["appointment"]["starts_at"] == tenant.at(9, 5)
    rows = await tenant.rows("SELECT holder_id FROM occupancy")
    assert [str(row["holder_id"]) for row in rows] == [again["appointment"]["id"]]


async def test_rescheduling_to_a_taken_slot_changes_nothing(tenant: Tenant) -> None:
    old = await tenant.book(tenant.at(9))
    other = await tenant.book(tenant.at(11))

    refused = await verb(tenant, old, "reschedule", 409, starts_at=tenant.at(11))

    assert refused["reasons"][0]["conflicts_with"] == [other["id"]]
    still = await tenant.get(f"/v1/appointments/{old['id']}")
    assert (still["status"], still["version"]) == ("scheduled", 1)
    assert len(await tenant.rows("SELECT 1 FROM occupancy")) == 2


async def test_swapping_slots_in_a_race_neither_deadlocks_nor_double_books(tenant: Tenant) -> None:
    booked = [await tenant.book(tenant.at(8 + hour)) for hour in range(8)]
    for shift in (1, 3, 5):
        answers = await asyncio.gather(
            *(
                tenant.api.post(
                    f"/v1/appointments/{booking['id']}/reschedule",
                    json={"starts_at": booked[(n + shift) % 8]["starts_at"]},
                )
                for n, booking in enumerate(booked)
            )
        )
        assert {answer.status_code for answer in answers} <= {201, 409}, [answer.text for answer in answers]
    assert await overlaps(tenant) == 0


async def overlaps(tenant: Tenant) -> int:
    rows = await tenant.rows(
        """
        SELECT 1 FROM occupancy a JOIN occupancy b
          ON a.resource_id = b.resource_id AND a.blocked && b.blocked AND a.holder_id < b.holder_id
        WHERE NOT a.forced AND NOT b.forced
        """
    )
    return len(rows)


async def test_a_wrong_version_is_refused_with_the_current_one(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    path = f"/v1/appointments/{booked['id']}/confirm"

    answer = await tenant.api.post(path, headers={"If-Match": '"9"'})

    assert (answer.status_code, answer.json()["code"], answer.json()["current_version"]) == (
        412,
        "version_conflict",
        1,
    )
    assert (await tenant.api.post(path, headers={"If-Match": '"1"'})).status_code == 200


async def test_a_verb_that_the_table_does_not_have_is_refused(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    await verb(tenant, booked, "cancel", reason="ill")

    assert (await verb(tenant, booked, "confirm", 409))["code"] == "invalid_transition"


async def test_a_no_show_is_known_only_after_the_start(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    assert (await verb(tenant, booked, "no-show", 409))["code"] == "not_started_yet"

    tenant.now[0] = datetime.fromisoformat(tenant.at(9, 5))

    assert (await verb(tenant, booked, "no-show"))["status"] == "no_show"


async def test_completing_records_the_actual_price(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    done = await verb(tenant, booked, "complete", actual_price={"amount": "50.00", "currency": "EUR"})

    assert (done["status"], done["actual_price"], done["occupies"]) == (
        "completed",
        {"amount": "50.00", "currency": "EUR"},
        True,
    )


async def test_reopening_checks_the_slot_again(tenant: Tenant) -> None:
    first = await tenant.book(tenant.at(9))
    await verb(tenant, first, "dismiss")
    reopened = await verb(tenant, first, "reopen")
    assert (reopened["status"], reopened["occupies"]) == ("scheduled", True)

    await verb(tenant, first, "cancel", reason="ill")
    second = await tenant.book(tenant.at(9))

    refused = await verb(tenant, first, "reopen", 409)
    assert refused["reasons"][0]["conflicts_with"] == [second["id"]]


async def test_what_needs_approval_is_pending_until_it_is_approved_or_declined(tenant: Tenant) -> None:
    service = await tenant.add_service(needs_approval=True)
    asked = await tenant.book(tenant.at(9), service_id=service["id"])
    other = await tenant.book(tenant.at(11), service_id=service["id"])
    assert asked["status"] == "pending"

    assert (await verb(tenant, asked, "approve"))["status"] == "scheduled"
    assert (await verb(tenant, other, "decline"))["status"] == "cancelled"


async def test_of_two_pending_requests_for_one_slot_only_one_can_be_approved(tenant: Tenant) -> None:
    service = await tenant.add_service(needs_approval=True, pending_occupies=False)
    first = await tenant.book(tenant.at(9), service_id=service["id"])
    second = await tenant.book(tenant.at(9), service_id=service["id"])

    assert (await verb(tenant, first, "approve"))["occupies"] is True
    refused = await verb(tenant, second, "approve", 409)
    assert refused["code"] == "slot_taken"


async def test_archiving_hides_and_never_deletes(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    await verb(tenant, booked, "complete")
    tenant.now[0] += timedelta(days=2)
    await verb(tenant, booked, "archive")

    assert (await tenant.get("/v1/appointments"))["items"] == []
    assert len((await tenant.get("/v1/appointments", archived=True))["items"]) == 1
    assert (await tenant.get(f"/v1/appointments/{booked['id']}"))["archived"] is True
    await verb(tenant, booked, "unarchive")
    assert len((await tenant.get("/v1/appointments"))["items"]) == 1


async def test_what_is_still_to_come_is_not_hidden_and_what_is_hidden_comes_back_into_view(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    assert (await verb(tenant, booked, "archive", 409))["code"] == "cancel_first"
    bulk = await tenant.post("/v1/appointments/bulk", {"verb": "archive", "ids": [booked["id"]]})
    assert bulk["results"][0]["problem"]["code"] == "cancel_first"

    await verb(tenant, booked, "dismiss")
    await verb(tenant, booked, "archive")
    assert (await verb(tenant, booked, "reopen"))["archived"] is False


async def test_what_is_completed_early_is_not_hidden_while_it_still_takes_its_time(tenant: Tenant) -> None:
    service = await tenant.add_service(buffer_after_minutes=15)
    booked = await tenant.book(tenant.at(9), service_id=service["id"])
    await verb(tenant, booked, "complete")
    path = f"/v1/appointments/{booked['id']}"
    for at in (NOW, datetime.fromisoformat(booked["ends_at"]) + timedelta(minutes=14)):
        tenant.now[0] = at
        assert (await verb(tenant, booked, "archive", 409))["code"] == "cancel_first"
        bulk = await tenant.post("/v1/appointments/bulk", {"verb": "archive", "ids": [booked["id"]]})
        assert bulk["results"][0]["problem"]["code"] == "cancel_first"
        assert "archive" not in (await tenant.get(path))["verbs"]

    tenant.now[0] += timedelta(minutes=1)

    assert "archive" in (await tenant.get(path))["verbs"]
    assert (await verb(tenant, booked, "archive"))["archived"] is True


async def test_an_appointment_is_not_moved_to_where_it_is(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    answer = await tenant.api.post(f"/v1/appointments/{booked['id']}/reschedule", json={"starts_at": tenant.at(9)})
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_changed")


async def test_editing_is_audited_field_by_field_and_events_carry_no_free_text(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    answer = await tenant.api.patch(
        f"/v1/appointments/{booked['id']}", json={"notes": "call first", "share_with_client": False}
    )

    assert answer.json()["notes"] == "call first"
    history = (await tenant.get(f"/v1/appointments/{booked['id']}/history"))["items"]
    assert history[1]["fields"] == {
        "notes": {"old": None, "new": "call first"},
        "share_with_client": {"old": True, "new": False},
    }
    assert "call first" not in str(await tenant.outbox())


async def test_assigning_another_staff_member_is_checked_like_a_booking(tenant: Tenant) -> None:
    bob = await tenant.add_staff("Bob")
    mine = await tenant.book(tenant.at(9))
    theirs = await tenant.book(tenant.at(9), resource_ids=[bob["id"]])
    path = f"/v1/appointments/{mine['id']}"

    refused = await tenant.api.patch(path, json={"resource_ids": [bob["id"]]})
    assert (refused.status_code, refused.json()["code"]) == (409, "slot_taken")
    await verb(tenant, theirs, "cancel", reason="ill")
    assigned = await tenant.api.patch(path, json={"resource_ids": [bob["id"]]})

    assert assigned.json()["resources"][0]["name"] == "Bob"
    types = [record["type"] for record in await tenant.outbox() if record["key"] == mine["id"]]
    assert "slotstream.appointment.assigned" in types
    await tenant.book(tenant.at(9))


async def test_as_of_answers_exactly_what_was_known_then(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9), notes="first")
    tenant.now[0] += timedelta(hours=1)
    await tenant.api.patch(f"/v1/appointments/{booked['id']}", json={"notes": "second"})
    tenant.now[0] += timedelta(hours=1)
    await verb(tenant, booked, "confirm")

    path = f"/v1/appointments/{booked['id']}"
    known = [
        await tenant.get(path, as_of=(tenant.now[0] - timedelta(minutes=minutes)).isoformat())
        for minutes in (119, 59, 0)
    ]

    assert [(version["notes"], version["status"], version["version"]) for version in known] == [
        ("first", "scheduled", 1),
        ("second", "scheduled", 2),
        ("second", "confirmed", 3),
    ]
    assert known[0] == {name: value for name, value in booked.items() if name != "client_notes"}


async def test_notice_binds_agents_and_staff_go_beyond_it_on_record(tenant: Tenant) -> None:
    service = await tenant.add_service(cancellation_notice_minutes=48 * 60)
    booked = await tenant.book(tenant.at(9), service_id=service["id"])
    agent = await tenant.client_as("agent")

    refused = await agent.post(f"/v1/appointments/{booked['id']}/cancel", json={"reason": "changed my mind"})
    assert (refused.status_code, refused.json()["code"]) == (409, "notice_passed")
    await verb(tenant, booked, "cancel", reason="ill", override={"reason": "goodwill"})

    [record] = (await tenant.get("/v1/overrides"))["items"]
    assert (record["reason"], record["rules"]) == ("goodwill", ["notice_passed"])


async def test_versions_are_gapless_and_history_follows_them(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    await verb(tenant, booked, "confirm")
    await verb(tenant, booked, "complete")
    await verb(tenant, booked, "reopen")

    history = (await tenant.get(f"/v1/appointments/{booked['id']}/history"))["items"]
    assert [entry["version"] for entry in history] == [1, 2, 3, 4]
    sequences = [record["payload"]["sequence"] for record in await tenant.outbox() if record["key"] == booked["id"]]
    assert sequences == [1, 1, 2, 2, 3, 3, 4, 4]


async def test_but_for_notes_and_prices_what_is_closed_is_edited_only_after_it_is_reopened(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    await verb(tenant, booked, "complete")
    path = f"/v1/appointments/{booked['id']}"

    refused = await tenant.api.patch(path, json={"share_with_client": False})
    assert (refused.status_code, refused.json()["code"]) == (409, "invalid_transition")

    await verb(tenant, booked, "reopen")
    assert (await tenant.api.patch(path, json={"share_with_client": False})).json()["share_with_client"] is False
