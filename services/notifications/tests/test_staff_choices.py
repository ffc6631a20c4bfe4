"""What staff choose to be told of: by event and channel, looked at when a message is sent."""

from typing import Any
from uuid import uuid4

import pytest
from notifications_phone import Phone
from notifications_push import FakePushService, subscribed
from notifications_salon import Salon
from notifications_staff import STAFF_PREFERENCES, Ada, plain
from test_answers import ask

from slotstream_contracts.appointments import AppointmentConfirmed, AppointmentSnapshot, Change
from slotstream_contracts.base import Actor
from slotstream_servicekit.testing.plugin import ApiClientFactory, Signer

pytestmark = pytest.mark.service

DEFAULT = {
    "assigned": ["email", "push"],
    "unassigned": ["email", "push"],
    "rescheduled": ["email", "push"],
    "cancelled": ["email", "push"],
    "answered": [],
}


def confirmed_by_client(salon: Salon, snapshot: AppointmentSnapshot) -> Any:
    after = salon.after(snapshot, status="confirmed")
    actor = Actor(type="client", id=str(salon.client_id))
    return salon.event(AppointmentConfirmed(appointment=after, change=Change(verb="confirm"), actor=actor))


async def told(salon: Salon, *kinds: str) -> list[tuple[str, str, str | None]]:
    """What became of these messages to staff, by kind and channel."""
    rows = [row for row in await salon.ledger() if row["audience"] == "staff" and row["kind"] in kinds]
    return sorted((row["channel"], row["status"], row["reason"]) for row in rows)


async def with_address(salon: Salon, ada: Ada, version: int = 3) -> None:
    """News goes to the address of the calendar."""
    await salon.receive_states(
        salon.staff(user_id=str(ada.user_id), email="ada@salon.example", version=version),
    )


async def test_who_has_chosen_nothing_is_told_what_they_always_were_and_reminded_of_nothing(ada: Ada) -> None:
    shown = (await ada.http.get(STAFF_PREFERENCES)).json()
    assert (shown["told_by"], shown["reminders"]) == (DEFAULT, {"email": None, "push": None})


async def test_what_is_chosen_is_shown_and_what_is_not_named_stays(ada: Ada) -> None:
    await ada.prefers(told_by={"assigned": ["push"], "answered": ["email"]})
    shown = await ada.prefers(reminders={"email": {"minutes_before": 1440, "by_clock": True}})
    assert shown["told_by"] == {**DEFAULT, "assigned": ["push"], "answered": ["email"]}
    # As a page that was opened before the update sends it.
    shown = await ada.chooses("07:00")
    assert shown["told_by"]["assigned"] == ["push"]
    assert shown["reminders"] == {"email": {"minutes_before": 1440, "by_clock": True}, "push": None}
    shown = await ada.prefers(told_by={}, reminders={})
    assert (shown["told_by"], shown["reminders"]) == (DEFAULT, {"email": None, "push": None})


@pytest.mark.parametrize(
    "body",
    [
        {"told_by": {"assigned": ["sms"]}},
        {"told_by": {"assigned": ["email", "push", "email"]}},
        {"told_by": {"rebooked": ["email"]}},
        {"told_by": ["assigned"]},
        {"reminders": {"sms": {"minutes_before": 5}}},
        {"reminders": {"email": {"minutes_before": 0}}},
        {"reminders": {"email": {"minutes_before": -5}}},
        {"reminders": {"email": {"minutes_before": 43_201}}},
        {"reminders": {"email": {"minutes_before": 10**30}}},
        {"reminders": {"email": {"minutes_before": "30"}}},
        {"reminders": {"email": {"minutes_before": 1.5}}},
        {"reminders": {"email": {}}},
        {"reminders": {"email": {"minutes_before": 5, "days": 1}}},
        {"reminders": {"email": [5]}},
    ],
)
async def test_a_choice_that_is_none_is_refused_and_changes_nothing(ada: Ada, body: Any) -> None:
    before = await ada.prefers(told_by={"assigned": ["push"]})
    answer = await ada.http.put(STAFF_PREFERENCES, json={"agenda_at": "07:00", **body})
    assert answer.status_code == 422, answer.text
    assert (await ada.http.get(STAFF_PREFERENCES)).json() == before


async def test_two_pages_do_not_overwrite_each_other(ada: Ada) -> None:
    version = (await ada.prefers())["version"]
    await ada.prefers(told_by={"assigned": []})
    stale = await ada.http.put(
        STAFF_PREFERENCES,
        json={"agenda_at": None, "told_by": {"assigned": ["email"]}},
        headers={"If-Match": f'"{version}"'},
    )
    assert (stale.status_code, stale.json()["code"]) == (412, "version_conflict")
    assert (await ada.http.get(STAFF_PREFERENCES)).json()["told_by"]["assigned"] == []


async def test_what_is_switched_off_is_not_sent_and_the_ledger_says_so(salon: Salon, ada: Ada) -> None:
    await with_address(salon, ada)
    await ada.prefers(told_by={"assigned": [], "cancelled": ["email"]})
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    await salon.receive(salon.cancelled(appointment))
    mails = [mail for mail in await salon.send() if "ada@" in str(mail["To"])]

    assert [str(mail["Subject"]).partition(":")[0] for mail in mails] == ["Cancelled"]
    # It is over, too: that alone would not have sent it.
    other = salon.snapshot()
    await salon.receive(salon.created(other))
    await salon.send()
    assert ("email", "suppressed", "switched_off") in await told(salon, "assigned")


async def test_a_choice_made_after_the_planning_counts(salon: Salon, ada: Ada) -> None:
    await with_address(salon, ada)
    await salon.receive(salon.created(salon.snapshot()))
    await ada.prefers(told_by={"assigned": []})
    await salon.send()
    assert await told(salon, "assigned") == [("email", "suppressed", "switched_off")]


async def test_each_channel_is_chosen_by_itself(salon: Salon, ada: Ada, push_service: FakePushService) -> None:
    await with_address(salon, ada)
    browser = push_service.browser()
    await subscribed(ada.http, browser, "/v1/push-subscriptions")
    await ada.prefers(told_by={"assigned": ["push"], "cancelled": ["email"]})
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    await salon.send()
    await salon.receive(salon.cancelled(appointment))
    await salon.send()

    assert [item["title"].partition(":")[0] for item in push_service.told(browser)] == ["New appointment"]
    assert await told(salon, "assigned") == [("email", "suppressed", "switched_off"), ("push", "sent", None)]
    assert await told(salon, "cancelled") == [("email", "sent", None), ("push", "suppressed", "switched_off")]


async def test_a_client_who_confirms_is_told_to_those_who_want_to_know_and_nobody_else(salon: Salon, ada: Ada) -> None:
    await with_address(salon, ada)
    unasked = salon.snapshot()
    await salon.receive(salon.created(unasked), confirmed_by_client(salon, unasked))
    assert await told(salon, "client_confirmed") == []

    await ada.prefers(told_by={"answered": ["email"]})
    await salon.send()
    appointment = salon.snapshot()
    event = confirmed_by_client(salon, appointment)
    await salon.receive(salon.created(appointment))
    await salon.receive(event, event)
    await salon.receive(event)
    # Both are due at once, in whichever order.
    mails = {str(mail["Subject"]).partition(":")[0]: mail for mail in await salon.send() if "ada@" in str(mail["To"])}
    assert sorted(mails) == ["Confirmed", "New appointment"]
    assert "the client has confirmed this appointment" in plain(mails["Confirmed"])

    # A colleague who confirms is no client.
    other = salon.snapshot()
    await salon.receive(salon.created(other))
    await salon.receive(salon.confirmed(other))
    await salon.send()
    assert await told(salon, "client_confirmed") == [("email", "sent", None)]


async def test_a_text_that_somebody_has_to_read_is_told_to_those_who_want_to_know(
    salon: Salon, ada: Ada, phone: Phone, twilio: Any
) -> None:
    await with_address(salon, ada)
    appointment = await ask(salon, twilio)
    await phone.text("Is there a place to park?")
    assert await told(salon, "client_wrote") == []

    await ada.prefers(told_by={"answered": ["email"]})
    sid = await phone.text("My name is Grace, and I am late")
    await phone.text("My name is Grace, and I am late", sid=sid)
    [mail] = [mail for mail in await salon.send() if "ada@" in str(mail["To"])]
    assert str(mail["Subject"]).startswith("The client has written: Haircut")
    assert "I am late" not in mail.as_string()
    [row] = [row for row in await salon.ledger() if row["kind"] == "client_wrote"]
    assert (row["appointment_id"], row["status"]) == (str(appointment.id), "sent")

    # What is understood by itself is no news of this kind.
    await phone.text("1")
    assert len(await told(salon, "client_wrote")) == 1


async def test_nobody_is_told_of_a_business_that_they_do_not_work_at(
    salon: Salon, ada: Ada, api_client: ApiClientFactory, signer: Signer
) -> None:
    await with_address(salon, ada)
    other = uuid4()
    await salon.receive_states(salon.business(id=other, name="Salon Süd"))
    await ada.becomes(business_ids=(other,))
    await salon.receive(salon.created(salon.snapshot()))
    await salon.receive(salon.created(salon.snapshot(business_id=other)))
    mails = [mail for mail in await salon.send() if "ada@" in str(mail["To"])]

    assert len(mails) == 1
    assert "Salon Süd" in plain(mails[0])
    assert await told(salon, "assigned") == [("email", "sent", None), ("email", "suppressed", "not_permitted")]


async def test_who_loses_an_appointment_is_told_although_it_is_not_theirs_to_see_any_more(
    salon: Salon, ada: Ada
) -> None:
    await with_address(salon, ada)
    await ada.becomes(resource_id=salon.staff_id)
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    await salon.receive(salon.assigned(appointment, (uuid4(), "Ben")))
    await salon.send()
    assert await told(salon, "unassigned") == [("email", "sent", None)]
