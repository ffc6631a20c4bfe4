"""Who did not come is written to once, by rule, and not at all where the no-show was a mistake."""

from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import uuid4

import pytest
from notifications_salon import Event, Salon

from slotstream_contracts.appointments import AppointmentSnapshot

pytestmark = pytest.mark.service

RULE = {"minutes_after": 60}
HOUR = timedelta(minutes=60)


async def a_rule(salon: Salon, **body: Any) -> dict[str, Any]:
    answer = await salon.http.post("/v1/follow-up-rules", json={**RULE, **body})
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def follow_ups(salon: Salon) -> list[tuple[str, str | None]]:
    return [(status, reason) for kind, status, reason in await salon.outcomes() if kind == "follow_up"]


async def missed(salon: Salon, **more: Any) -> AppointmentSnapshot:
    """An appointment to which nobody came, half an hour after its start."""
    appointment = salon.snapshot(**more)
    await salon.receive(salon.created(appointment))
    await salon.send()
    salon.now = appointment.starts_at + timedelta(minutes=30)
    gone = salon.no_show(appointment)
    await salon.receive(gone)
    return gone.data.appointment  # type: ignore[no-any-return]


def _texts(mails: list[Any]) -> list[str]:
    return [str(mail["Subject"]) for mail in mails]


async def test_a_no_show_is_followed_up_when_it_is_due_once_and_not_before(salon: Salon) -> None:
    await a_rule(salon)
    await missed(salon)
    noted_at = salon.now

    salon.now = noted_at + HOUR - timedelta(microseconds=1)
    assert await salon.send() == []
    salon.now = noted_at + HOUR
    [mail] = await salon.send()
    assert str(mail["Subject"]).startswith("We missed you: Haircut")
    assert str(mail["To"]).endswith("<grace@example.com>")
    assert [part.get_content_type() for part in mail.walk() if part.get_content_type() == "text/calendar"] == []

    salon.now += timedelta(days=1)
    assert await salon.send() == []


async def test_nobody_is_followed_up_without_a_rule_or_for_what_was_before_it(salon: Salon) -> None:
    gone = await missed(salon)
    event = salon.no_show(gone.model_copy(update={"status": "scheduled", "version": gone.version - 1}))
    salon.now += timedelta(minutes=1)
    await a_rule(salon)
    await salon.receive(event)

    assert await follow_ups(salon) == []


async def test_undoing_a_no_show_stops_what_it_called_for(salon: Salon) -> None:
    await a_rule(salon)
    gone = await missed(salon)
    assert await follow_ups(salon) == [("planned", None)]
    await salon.take_published()

    await salon.receive(salon.reopened(gone, after="no_show"))

    assert await follow_ups(salon) == [("suppressed", "superseded")]
    assert await salon.published() == [("suppressed", "follow_up")]
    salon.now += timedelta(days=1)
    assert "We missed you" not in " ".join(_texts(await salon.send()))


async def test_a_second_no_show_of_the_same_appointment_counts_from_its_own_time(salon: Salon) -> None:
    await a_rule(salon)
    gone = await missed(salon)
    salon.now += timedelta(minutes=50)
    back = salon.reopened(gone, after="no_show")
    salon.now += timedelta(minutes=5)
    again = salon.no_show(back.data.appointment)
    await salon.receive(back, again)
    first = salon.no_show(gone.model_copy(update={"status": "scheduled", "version": gone.version - 1}))
    await salon.receive(first.model_copy(update={"time": salon.now - timedelta(minutes=55)}))
    noted_at = salon.now

    salon.now = noted_at + HOUR - timedelta(seconds=1)
    assert await salon.send() == []
    salon.now = noted_at + HOUR
    assert len(await salon.send()) == 1


async def test_what_was_sent_is_not_sent_again_after_another_no_show(salon: Salon) -> None:
    await a_rule(salon)
    gone = await missed(salon)
    salon.now += HOUR
    assert len(await salon.send()) == 1
    back = salon.reopened(gone, after="no_show")
    await salon.receive(back, salon.no_show(back.data.appointment))

    salon.now += timedelta(days=1)
    assert await salon.send() == []
    assert await follow_ups(salon) == [("sent", None)]


async def test_however_events_are_ordered_and_repeated_one_follow_up_is_sent(salon: Salon) -> None:
    """Also one that was undone in between: of the last no-show."""
    await a_rule(salon)
    first = salon.snapshot()
    created, gone = salon.created(first), salon.no_show(first)
    back = salon.reopened(gone.data.appointment, after="no_show")
    again = salon.no_show(back.data.appointment)
    for order in permutations([created, gone, back, again]):
        await salon.execute("DELETE FROM messages")
        await salon.execute("DELETE FROM appointments")
        for event in order:
            await salon.receive(event)
        await salon.receive(*order)
        assert await follow_ups(salon) == [("planned", None)], [event.data.change.verb for event in order]
    salon.now += HOUR
    await salon.send()
    await salon.receive(created, gone, back, again)
    assert await follow_ups(salon) == [("sent", None)]


async def test_however_events_are_ordered_an_undone_no_show_is_not_followed_up(salon: Salon) -> None:
    await a_rule(salon)
    first = salon.snapshot()
    gone = salon.no_show(first)
    events: list[Event] = [salon.created(first), gone, salon.reopened(gone.data.appointment, after="no_show")]
    for order in permutations(events):
        await salon.execute("DELETE FROM messages")
        await salon.execute("DELETE FROM appointments")
        for event in order:
            await salon.receive(event)
        assert ("planned", None) not in await follow_ups(salon), [event.data.change.verb for event in order]
        await salon.receive(*order)
        assert ("planned", None) not in await follow_ups(salon), [event.data.change.verb for event in order]


async def test_a_no_show_undone_where_its_event_never_came_is_judged_when_it_is_sent(salon: Salon) -> None:
    await a_rule(salon)
    gone = await missed(salon)
    await salon.execute(f"UPDATE appointments SET status = 'completed', version = version + 1 WHERE id = '{gone.id}'")

    salon.now += HOUR
    assert await salon.send() == []
    assert await follow_ups(salon) == [("suppressed", "superseded")]


async def test_the_closest_level_with_rules_decides(salon: Salon) -> None:
    await a_rule(salon)
    await a_rule(salon, business_id=str(salon.business_id), enabled=False)
    await missed(salon)
    assert await follow_ups(salon) == []

    await a_rule(salon, service_id=str(salon.service_id))
    salon.now = salon.snapshot().starts_at
    await missed(salon)
    assert await follow_ups(salon) == [("planned", None)]


@pytest.mark.parametrize(("state", "reason"), [({"consent": ("sms",)}, "no_consent"), ({"email": None}, "no_address")])
async def test_who_may_not_be_written_to_is_not(salon: Salon, state: dict[str, Any], reason: str) -> None:
    await a_rule(salon)
    await missed(salon)
    await salon.receive_states(salon.client(version=2, **state))

    salon.now += HOUR
    assert await salon.send() == []
    assert await follow_ups(salon) == [("suppressed", reason)]


async def test_who_has_opted_out_is_not_followed_up(salon: Salon) -> None:
    await a_rule(salon)
    await missed(salon)
    path = f"/v1/clients/{salon.client_id}/preferences"
    assert (await salon.http.put(path, json={"opted_out": ["email"]})).status_code == 200

    salon.now += HOUR
    assert await salon.send() == []
    assert await follow_ups(salon) == [("suppressed", "opted_out")]


async def test_a_client_who_is_erased_is_not_followed_up_however_often_it_is_told_again(salon: Salon) -> None:
    await a_rule(salon)
    gone = await missed(salon)
    await salon.erase(salon.client_id)
    assert await follow_ups(salon) == [("suppressed", "client_erased")]
    back = salon.reopened(gone, after="no_show")
    await salon.receive(back, salon.no_show(back.data.appointment))

    salon.now += timedelta(hours=2)
    assert await salon.send() == []
    assert await follow_ups(salon) == [("suppressed", "client_erased")]


async def test_nobody_is_followed_up_where_the_client_is_not_to_be_told(salon: Salon) -> None:
    await a_rule(salon)
    await missed(salon, notify_client=False)
    assert await follow_ups(salon) == [("suppressed", "notify_off")]


async def test_what_is_learnt_a_day_too_late_is_not_sent(salon: Salon) -> None:
    await a_rule(salon)
    event = salon.no_show(first := salon.snapshot())
    salon.now += timedelta(days=1, hours=1, seconds=1)
    await salon.receive(salon.created(first), event)
    assert await follow_ups(salon) == [("suppressed", "too_old")]


async def test_a_rule_can_have_a_template_of_its_own_and_only_one_for_follow_ups(salon: Salon) -> None:
    text = {"kind": "follow_up", "locale": "en", "subject": "Come back", "text": "Dear {{ client.name }}"}
    own = (await salon.http.post("/v1/templates", json={**text, "is_default": False})).json()
    other = (await salon.http.post("/v1/templates", json={**text, "kind": "reminder"})).json()
    refused = await salon.http.post("/v1/follow-up-rules", json={**RULE, "template_id": other["id"]})
    assert (refused.status_code, refused.json()["code"]) == (422, "template_refused")
    await a_rule(salon, template_id=own["id"])
    await missed(salon)

    salon.now += HOUR
    assert _texts(await salon.send()) == ["Come back"]


async def test_a_second_rule_of_a_level_and_channel_is_refused(salon: Salon) -> None:
    first = await a_rule(salon)
    again = await salon.http.post("/v1/follow-up-rules", json={"minutes_after": 90})
    assert (again.status_code, again.json()["code"]) == (409, "duplicate_follow_up")

    path = f"/v1/follow-up-rules/{first['id']}"
    assert (await salon.http.delete(path, headers={"If-Match": '"9"'})).status_code == 412
    assert (await salon.http.delete(path, headers={"If-Match": '"1"'})).status_code == 204
    assert (await salon.http.post("/v1/follow-up-rules", json={"minutes_after": 90})).status_code == 201


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"minutes_after": 0}, 422, None),
        ({"minutes_after": 10**9}, 422, None),
        ({**RULE, "channel": "voice"}, 409, "channel_unavailable"),
        ({**RULE, "business_id": str(uuid4())}, 404, "business_not_found"),
        ({**RULE, "service_id": str(uuid4())}, 404, "service_not_found"),
        ({**RULE, "business_id": str(uuid4()), "service_id": str(uuid4())}, 422, "business_or_service"),
        ({**RULE, "template_id": str(uuid4())}, 404, "not_found"),
    ],
)
async def test_bad_rules_are_refused_with_a_code(
    salon: Salon, body: dict[str, Any], status: int, code: str | None
) -> None:
    answer = await salon.http.post("/v1/follow-up-rules", json=body)
    assert answer.status_code == status, answer.text
    assert code in (None, answer.json()["code"])
    assert (await salon.http.get("/v1/follow-up-rules")).json()["items"] == []


async def test_rules_are_the_organizations_own_and_written_by_who_writes_templates(salon: Salon) -> None:
    rule = await a_rule(salon)
    path = f"/v1/follow-up-rules/{rule['id']}"
    assert (await salon.stranger.get(path)).status_code == 404
    assert (await salon.stranger.get("/v1/follow-up-rules")).json()["items"] == []
    assert (await salon.stranger.patch(path, json={"enabled": False})).status_code == 404
    assert (await salon.viewer.post("/v1/follow-up-rules", json=RULE)).status_code == 403

    changed = await salon.http.patch(path, json={"enabled": False, "minutes_after": 5}, headers={"If-Match": '"1"'})
    assert (changed.json()["enabled"], changed.json()["minutes_after"], changed.headers["ETag"]) == (False, 5, '"2"')
    await missed(salon)
    assert await follow_ups(salon) == []
