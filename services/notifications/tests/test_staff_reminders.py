"""Reminders to staff: as each has chosen, never early, never twice, and to nobody whose appointment it is no longer."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

import pytest
from notifications_push import FakePushService, subscribed
from notifications_salon import Salon
from notifications_staff import Ada, booked, plain
from sqlalchemy import text

from notifications.consumers import on_past_appointments
from notifications.domain.leads import Lead
from notifications.main import create_sender
from notifications.storage import ReplanStore
from notifications.usecases.replanning import replan_next
from slotstream_contracts.appointments import AssignedResource
from slotstream_servicekit.testing.plugin import ApiClientFactory, Signer

SERVICE = pytest.mark.service
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("zone", "starts_at", "a_day_by_clock", "a_day"),
    [
        ("America/New_York", "2027-11-07T15:00", "2027-11-06T14:00", "2027-11-06T15:00"),
        ("America/New_York", "2027-03-14T13:00", "2027-03-13T14:00", "2027-03-13T13:00"),
        # 2:30 is missing on the day before, and comes twice on the other.
        ("Europe/Berlin", "2027-03-29T00:30", "2027-03-28T01:30", "2027-03-28T00:30"),
        ("Europe/Berlin", "2027-11-01T01:30", "2027-10-31T00:30", "2027-10-31T01:30"),
    ],
)
def test_a_day_before_is_at_the_same_time_of_day_where_it_is_counted_by_the_clock(
    zone: str, starts_at: str, a_day_by_clock: str, a_day: str
) -> None:
    start = _utc(starts_at)
    assert Lead(timedelta(days=1), by_clock=True).due_at(start, zone) == _utc(a_day_by_clock)
    assert Lead(timedelta(days=1)).due_at(start, zone) == _utc(a_day)


def _utc(instant: str) -> datetime:
    return datetime.fromisoformat(instant).replace(tzinfo=UTC)


async def colleague(
    salon: Salon, api_client: ApiClientFactory, signer: Signer, *, name: str = "Ben", **more: Any
) -> Ada:
    """Another user with a calendar of their own, whose resource's id is the user's as well."""
    user_id = uuid4()
    token = signer.token(organization_id=salon.organization_id, role="staff", subject=str(user_id))
    user = Ada(salon=salon, http=await api_client(salon.app, token=token), user_id=user_id)
    await user.becomes(name=name, email=f"{name.lower()}@salon.example", **more)
    await salon.receive_states(salon.staff(id=user_id, name=name, user_id=str(user_id)))
    return user


def to(mails: list[EmailMessage], name: str) -> list[EmailMessage]:
    return [mail for mail in mails if f"{name}@salon.example" in str(mail["To"])]


@SERVICE
async def test_a_user_is_mailed_as_long_before_their_appointment_as_they_chose(salon: Salon, ada: Ada) -> None:
    await ada.is_reminded(30)
    await booked(salon, 9)

    assert await ada.at(8, 29) == []
    [mail] = await ada.at(8, 30)
    assert str(mail["Subject"]) == "Coming up: Haircut, Tuesday, 10 March 2026, 10:00"
    assert "Client: Grace Hopper" in plain(mail)
    assert [part.get_content_type() for part in mail.walk()].count("text/calendar") == 0
    assert await ada.at(9) == []
    assert await ada.reminders() == [("sent", None)]


@SERVICE
async def test_nobody_is_reminded_who_has_not_asked_for_it(salon: Salon, ada: Ada) -> None:
    await booked(salon, 9)
    assert await ada.at(8, 59) == []
    assert await ada.reminders() == []


@SERVICE
async def test_a_reminder_comes_to_the_users_own_browsers(
    salon: Salon, ada: Ada, push_service: FakePushService
) -> None:
    browser = push_service.browser()
    await subscribed(ada.http, browser, "/v1/push-subscriptions")
    await ada.is_reminded(15, channel="push")
    appointment = await booked(salon, 9)
    assert await ada.at(8, 45) == []

    [told] = push_service.told(browser)
    assert (told["title"], told["url"]) == (
        "Coming up: Tuesday, 10 March 2026, 10:00",
        f"/appointments/{appointment.id}",
    )
    assert "Grace" not in str(told)


@SERVICE
async def test_two_senders_and_repeated_events_remind_once(salon: Salon, ada: Ada) -> None:
    await ada.is_reminded(30)
    snapshot = salon.snapshot(source="import", notify_client=False)
    event = salon.created(snapshot)
    await salon.receive(event, event)
    await salon.receive(event)
    salon.now = snapshot.starts_at - 30 * MINUTE
    other = create_sender(salon.settings, database=salon.database, channels=salon.sender.channels, clock=salon.clock)
    while await asyncio.gather(salon.sender.send_due(), other.send_due()) != [0, 0]:
        pass
    assert len(salon.mailbox.mails) == 1
    await salon.receive(event)
    assert await salon.send() == []


@SERVICE
async def test_moves_cancels_and_reopening_take_the_reminder_along(salon: Salon, ada: Ada) -> None:
    await ada.is_reminded(30)
    old = await booked(salon, 9)
    gone, new = salon.rescheduled(old, datetime(2026, 3, 10, 12, tzinfo=UTC))
    await salon.receive(gone, new)
    assert await ada.at(8, 30) == []

    moved = new.data.appointment
    await salon.receive(salon.cancelled(moved))
    assert await ada.at(11, 30) == []
    assert [reason for _, reason in await ada.reminders()] == ["appointment_rescheduled", "appointment_cancelled"]

    salon.now = datetime(2026, 3, 10, 11, 20, tzinfo=UTC)
    await salon.receive(salon.reopened(salon.after(moved, status="cancelled")))
    assert len(await ada.at(11, 30)) == 1


@SERVICE
async def test_whoever_takes_an_appointment_over_is_reminded_in_place_of_who_had_it(
    salon: Salon, ada: Ada, api_client: ApiClientFactory, signer: Signer
) -> None:
    ben = await colleague(salon, api_client, signer)
    await ada.is_reminded(30)
    await ben.is_reminded(20)
    appointment = await booked(salon, 9)
    await salon.receive(salon.assigned(appointment, (ben.user_id, "Ben")))
    salon.now = datetime(2026, 3, 10, 8, 30, tzinfo=UTC)
    assert to(await salon.send(), "ada") == []
    salon.now = datetime(2026, 3, 10, 8, 40, tzinfo=UTC)
    mails = await salon.send()
    assert (len(to(mails, "ada")), len(to(mails, "ben"))) == (0, 1)
    assert sorted(await ada.reminders()) == [("sent", None), ("suppressed", "unassigned")]


@SERVICE
async def test_who_lost_the_appointment_before_anybody_planned_anew_is_not_reminded(salon: Salon, ada: Ada) -> None:
    """As where the event was kept by a rebuild, which plans nothing: what stands when it is sent decides."""
    await ada.is_reminded(30)
    appointment = await booked(salon, 9)
    event = salon.assigned(appointment, (uuid4(), "Ben"))
    async with salon.database.system_transaction() as session:
        await on_past_appointments(session, [salon.received(event)])
    assert await ada.at(8, 30) == []
    assert await ada.reminders() == [("suppressed", "unassigned")]


@SERVICE
async def test_what_is_switched_off_is_not_sent_even_before_it_is_planned_anew(salon: Salon, ada: Ada) -> None:
    await ada.is_reminded(30)
    await booked(salon, 9)
    await ada.is_reminded(None)
    salon.now = datetime(2026, 3, 10, 8, 30, tzinfo=UTC)
    await salon.sender.send_due()
    assert salon.mailbox.mails == []
    assert await ada.reminders() == [("suppressed", "switched_off")]


@SERVICE
async def test_switching_off_is_seen_at_once_and_switching_on_again_brings_it_back(salon: Salon, ada: Ada) -> None:
    await ada.is_reminded(30)
    await booked(salon, 9)
    await ada.is_reminded(None)
    await salon.replan()
    assert await ada.reminders() == [("suppressed", "switched_off")]
    await ada.is_reminded(30)
    await salon.replan()
    assert len(await ada.at(8, 30)) == 1
    assert await ada.reminders() == [("sent", None)]


@SERVICE
async def test_what_is_switched_on_reminds_of_appointments_that_are_there_and_sends_nothing_at_once(
    salon: Salon, ada: Ada
) -> None:
    await booked(salon, 9)
    await booked(salon, 12)
    salon.now = datetime(2026, 3, 10, 8, 45, tzinfo=UTC)
    await ada.is_reminded(30)
    assert await ada.at(8, 45) == []
    assert len(await ada.at(11, 30)) == 1
    assert await ada.reminders() == [("sent", None)]


@SERVICE
async def test_another_lead_moves_what_is_planned_and_repeats_nothing(salon: Salon, ada: Ada) -> None:
    await ada.is_reminded(30)
    for hour in (9, 12):
        await booked(salon, hour)
    assert len(await ada.at(8, 30)) == 1
    await ada.is_reminded(15)
    # Asked for and not planned anew yet: not early.
    salon.now = datetime(2026, 3, 10, 11, 30, tzinfo=UTC)
    await salon.sender.send_due()
    assert len(salon.mailbox.mails) == 1
    assert await ada.at(11, 44) == []
    assert len(await ada.at(11, 45)) == 1
    assert await ada.reminders() == [("sent", None), ("sent", None)]


@SERVICE
async def test_a_longer_lead_whose_time_has_come_already_reminds_of_nothing(salon: Salon, ada: Ada) -> None:
    await ada.is_reminded(30)
    await booked(salon, 9)
    salon.now = datetime(2026, 3, 10, 8, tzinfo=UTC)
    await ada.is_reminded(120)
    assert await ada.at(8, 30) == []
    assert await ada.reminders() == [("suppressed", "too_late")]


@SERVICE
async def test_what_is_booked_or_handed_over_later_than_it_would_be_due_is_not_reminded_of(
    salon: Salon, ada: Ada
) -> None:
    await ada.is_reminded(120)
    salon.now = datetime(2026, 3, 10, 8, tzinfo=UTC)
    await booked(salon, 9)
    assert await ada.at(8) == []
    assert await ada.reminders() == []


@SERVICE
@pytest.mark.parametrize("way", ["deactivated", "removed"])
async def test_who_is_shut_out_or_removed_is_not_reminded(salon: Salon, ada: Ada, way: str) -> None:
    await ada.is_reminded(30)
    await booked(salon, 9)
    if way == "removed":
        await ada.is_removed()
    else:
        await ada.becomes(state="deactivated")
    assert await ada.at(8, 30) == []
    assert await ada.reminders() == [("suppressed", f"user_{way}")]
    if way == "deactivated":
        salon.now = datetime(2026, 3, 10, 8, 20, tzinfo=UTC)
        await ada.becomes()
        await salon.replan()
        assert len(await ada.at(8, 30)) == 1


@SERVICE
async def test_nobody_is_reminded_of_what_they_may_not_see(salon: Salon, ada: Ada) -> None:
    other = uuid4()
    await salon.receive_states(salon.business(id=other, name="Salon Süd"))
    await ada.is_reminded(30)
    await booked(salon, 9)
    await booked(salon, 9, business_id=other)
    await salon.replan()
    await ada.becomes(business_ids=(other,))
    # Looked at when it is sent, whether planned anew or not.
    salon.now = datetime(2026, 3, 10, 8, 30, tzinfo=UTC)
    await salon.sender.send_due()
    assert ["Salon Süd" in plain(mail) for mail in salon.mailbox.mails] == [True]
    assert sorted(await ada.reminders()) == [("sent", None), ("suppressed", "not_permitted")]


@SERVICE
async def test_who_is_limited_to_another_calendar_is_reminded_of_that_one(salon: Salon, ada: Ada) -> None:
    bens = uuid4()
    await salon.receive_states(salon.staff(id=bens, name="Ben", user_id="somebody-else"))
    await ada.is_reminded(30)
    await booked(salon, 9, service_name="Hers")
    await booked(salon, 9, service_name="Of Ben", resources=(AssignedResource(id=bens, kind="staff", name="Ben"),))
    await ada.becomes(resource_id=bens)
    [mail] = await ada.at(8, 30)
    assert "Of Ben" in plain(mail)


@SERVICE
async def test_a_calendar_that_is_given_to_somebody_else_takes_its_reminders_along(
    salon: Salon, ada: Ada, api_client: ApiClientFactory, signer: Signer
) -> None:
    ben = await colleague(salon, api_client, signer)
    await ada.is_reminded(30)
    await ben.is_reminded(30)
    await booked(salon, 9)
    await salon.receive_states(salon.staff(user_id=str(ben.user_id), version=3))
    salon.now = datetime(2026, 3, 10, 8, 30, tzinfo=UTC)
    mails = await salon.send()
    assert (len(to(mails, "ada")), len(to(mails, "ben"))) == (0, 1)


@SERVICE
async def test_a_request_is_not_reminded_of_until_it_is_approved(salon: Salon, ada: Ada) -> None:
    await ada.is_reminded(30)
    pending = await booked(salon, 9, status="pending")
    assert await ada.reminders() == []
    await salon.receive(salon.approved(pending))
    assert len(await ada.at(8, 30)) == 1


@SERVICE
async def test_states_of_users_that_come_late_twice_or_in_another_order_end_the_same(salon: Salon, ada: Ada) -> None:
    other = uuid4()
    await salon.receive_states(salon.business(id=other))
    await ada.is_reminded(30)
    await booked(salon, 9)
    free, limited = ada.state(), ada.state(business_ids=(other,))
    for state in (limited, free, limited, free):
        await salon.receive_states(state)
        await salon.replan()
    assert await ada.reminders() == [("suppressed", "unassigned")]
    assert await ada.at(8, 30) == []


@SERVICE
async def test_a_user_who_is_told_of_after_their_appointments_is_reminded_of_them(
    salon: Salon, api_client: ApiClientFactory, signer: Signer
) -> None:
    user_id = uuid4()
    token = signer.token(organization_id=salon.organization_id, role="staff", subject=str(user_id))
    late = Ada(salon=salon, http=await api_client(salon.app, token=token), user_id=user_id)
    await late.is_reminded(30)
    await booked(salon, 9)
    await salon.receive_states(salon.staff(user_id=str(user_id), version=2))
    await salon.replan()
    assert await late.reminders() == []
    await late.becomes()
    assert len(await late.at(8, 30)) == 1


@SERVICE
async def test_a_users_choice_is_their_organizations_own(salon: Salon, ada: Ada) -> None:
    """The same id in another organization is somebody else."""
    elsewhere = uuid4()
    await salon.receive_states(
        ada.state().model_copy(update={"organization_id": elsewhere, "email": "spy@salon.example"}),
        salon.staff(organization_id=elsewhere, user_id=str(ada.user_id), version=2),
    )
    await ada.is_reminded(30)
    await booked(salon, 9)
    await booked(salon, 9, organization_id=elsewhere)
    salon.now = datetime(2026, 3, 10, 8, 30, tzinfo=UTC)
    assert [str(mail["To"]) for mail in await salon.send()] == ["Ada <ada@salon.example>"]


async def planned(salon: Salon) -> int:
    async with salon.database.system_transaction() as session:
        query = "SELECT count(*) FROM messages WHERE kind = 'staff_reminder' AND status = 'planned'"
        return int((await session.execute(text(query))).scalar_one())


async def step(salon: Salon, *, most: int) -> bool:
    changed = await replan_next(database=salon.database, channels=salon.sender.channels, now=salon.now, most=most)
    return changed is not None


@SERVICE
async def test_what_a_choice_changes_is_planned_a_few_appointments_at_a_time(salon: Salon, ada: Ada) -> None:
    for hour in range(8, 13):
        await booked(salon, hour)
    await ada.is_reminded(30)
    counts = [await planned(salon)]
    while await step(salon, most=2):
        counts.append(await planned(salon))
    assert counts == [0, 2, 4, 5]


@SERVICE
async def test_a_worker_that_dies_on_the_way_leaves_the_rest_to_the_next(
    salon: Salon, ada: Ada, monkeypatch: pytest.MonkeyPatch
) -> None:
    for hour in range(8, 13):
        await booked(salon, hour)
    await ada.is_reminded(30)
    assert await step(salon, most=2)

    async def dies(*_: Any, **__: Any) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(ReplanStore, "step", dies)
        with pytest.raises(asyncio.CancelledError):
            await step(salon, most=2)
    assert await planned(salon) == 2
    await salon.replan()
    assert await planned(salon) == 5
    for hour in range(7, 12):
        assert len(await ada.at(hour, 30)) == 1
    assert await ada.reminders() == [("sent", None)] * 5


@SERVICE
async def test_one_that_cannot_be_planned_anew_holds_up_no_other(
    salon: Salon, ada: Ada, monkeypatch: pytest.MonkeyPatch, api_client: ApiClientFactory, signer: Signer
) -> None:
    ben = await colleague(salon, api_client, signer)
    await booked(salon, 9)
    await booked(salon, 9, resources=(AssignedResource(id=ben.user_id, kind="staff", name="Ben"),))
    await ada.is_reminded(30)
    salon.now += timedelta(seconds=1)
    await ben.is_reminded(30)
    ahead = ReplanStore.ahead

    async def fails_for_ada(self: ReplanStore, replan: Any, **more: Any) -> Any:
        if replan.name == str(ada.user_id):
            raise RuntimeError("cannot be read")
        return await ahead(self, replan, **more)

    with monkeypatch.context() as patched:
        patched.setattr(ReplanStore, "ahead", fails_for_ada)
        with pytest.raises(RuntimeError):
            await step(salon, most=10)
        await salon.replan()
    assert await planned(salon) == 1
    await salon.replan()
    assert await planned(salon) == 1
    salon.now += timedelta(minutes=1)
    await salon.replan()
    assert await planned(salon) == 2


@SERVICE
async def test_after_downtime_a_reminder_is_sent_until_the_start_and_not_after_it(salon: Salon, ada: Ada) -> None:
    await ada.is_reminded(60)
    await booked(salon, 9)
    await booked(salon, 10)
    assert len(await ada.at(9, 30)) == 1
    assert await ada.reminders() == [("suppressed", "too_late"), ("sent", None)]


@SERVICE
async def test_an_erased_clients_name_does_not_stay_in_the_reminders_text(salon: Salon, ada: Ada) -> None:
    await ada.is_reminded(30)
    await booked(salon, 9)
    await ada.at(8, 30)
    await salon.erase(salon.client_id)
    async with salon.database.system_transaction() as session:
        [kept] = (await session.execute(text("SELECT sent_text FROM messages WHERE kind = 'staff_reminder'"))).scalars()
    assert kept is None
