"""What staff choose to be told of, in their profile, and the mail that reminds them of an appointment."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from harness.accessibility import BEYOND, axe_findings
from harness.desk import Desk, OpenDesk, see
from harness.mailbox import Mailbox, body_text
from harness.patched import clock_ahead_by
from harness.practice import Practice
from harness.world import expect, until_true
from playwright.async_api import Locator, Response

PHONE = {"width": 390, "height": 844}
ANSWERED = "The client confirms or writes: E-mail"
REMINDER = "Before the appointment: E-mail"


def choices(desk: Desk) -> Locator:
    return desk.page.get_by_role("region", name="What you are told")


@asynccontextmanager
async def as_before(desk: Desk) -> AsyncIterator[None]:
    """The owner is everybody's here: what they choose in a test is taken back."""
    try:
        yield
    finally:
        await desk.goto("/settings/profile")
        await desk.page.evaluate(
            """async () => {
                const { csrf_token } = await (await fetch("/api/session")).json();
                await fetch("/api/notifications/v1/staff-preferences", {
                    method: "PUT",
                    headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf_token },
                    body: JSON.stringify({ agenda_at: null, told_by: {}, reminders: {} }),
                });
            }"""
        )


async def test_choices_are_made_with_the_keyboard_and_stay(desk: Desk) -> None:
    async with as_before(desk):
        await desk.goto("/settings/profile")
        answered = choices(desk).get_by_role("checkbox", name=ANSWERED)
        moved = choices(desk).get_by_role("checkbox", name="Moved: E-mail")
        await see(answered).not_to_be_checked()
        await see(moved).to_be_checked()
        # One upon the other, faster than the first is answered.
        await answered.focus()
        await desk.press("Space")
        await see(answered).to_be_focused()
        await moved.focus()
        await desk.press("Space")
        # A reload ends what is still being sent.
        async with desk.page.expect_response(_keeps_a_reminder) as kept:
            await desk.choose(REMINDER, "30 minutes before", within=choices(desk))
        assert (await kept.value).status == 200
        assert await axe_findings(desk.page) == []

        await desk.goto("/settings/profile")

        await see(answered).to_be_checked()
        await see(moved).not_to_be_checked()
        await see(choices(desk).get_by_role("button", name=REMINDER)).to_contain_text("30 minutes before")


def _keeps_a_reminder(response: Response) -> bool:
    request = response.request
    is_kept = request.method == "PUT" and request.url.endswith("/staff-preferences")
    return is_kept and bool((request.post_data_json or {}).get("reminders"))


async def test_who_has_no_browser_that_is_pushed_to_is_told_so_beside_the_choices(desk: Desk) -> None:
    await desk.goto("/settings/profile")
    await see(choices(desk).get_by_role("status")).to_contain_text("No browser of yours takes push messages yet")


@pytest.mark.parametrize(
    ("prepared", "said"),
    [
        ("", "This browser will ask you first."),
        (
            "Object.defineProperty(Notification, 'permission', { get: () => 'denied' });",
            "This browser refuses messages",
        ),
        ("delete window.PushManager", "This browser cannot take push messages."),
    ],
)
async def test_what_the_browser_allows_is_said(open_desk: OpenDesk, prepared: str, said: str) -> None:
    async with open_desk() as desk:
        await desk.page.add_init_script(prepared)
        await desk.goto("/settings/profile")
        await see(desk.page.get_by_role("region", name="Push messages")).to_contain_text(said)
        await see(desk.button("Show an example")).to_have_count(0)


async def test_an_example_shows_how_a_message_looks(open_desk: OpenDesk) -> None:
    async with open_desk(permissions=["notifications"]) as desk:
        await desk.goto("/settings/profile")
        await see(desk.page.get_by_role("region", name="Push messages")).to_contain_text(
            "This browser allows messages."
        )
        await desk.button("Show an example").click()

        async def shown() -> bool:
            titles: list[str] = await desk.page.evaluate(
                """async () => {
                    const registration = await navigator.serviceWorker.getRegistration("/");
                    return registration ? (await registration.getNotifications()).map(({ title }) => title) : [];
                }"""
            )
            return titles == ["Coming up: Tuesday, 10:00"]

        await until_true(shown, what="the example is shown")


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_the_choices_fit_on_a_phone(open_desk: OpenDesk, language: str) -> None:
    async with open_desk(viewport=PHONE, has_touch=True) as desk:
        await desk.page.add_init_script(f"localStorage.setItem('slotstream-language', '{language}')")
        await desk.goto("/settings/profile")
        await see(desk.page.locator(".choices")).to_be_visible()
        assert await desk.page.evaluate(BEYOND, ".tabs") == []
        assert await axe_findings(desk.page) == []


async def test_staff_are_mailed_before_their_appointment(desk: Desk, practice: Practice, mails: Mailbox) -> None:
    world = practice.world
    async with as_before(desk), practice.a_colleague("Anna herself") as calendar:
        await desk.goto("/settings/profile")
        anna: dict[str, Any] = (await desk.page.evaluate("fetch('/api/session').then((answer) => answer.json())"))[
            "user"
        ]
        path = f"/v1/resources/{calendar['id']}"
        expect(await world.booking.patch(path, json={"user_id": anna["id"]}))
        await desk.choose(REMINDER, "30 minutes before", within=choices(desk))
        starts_at = practice.a_day()
        client = {"name": "Rita Reminded"}
        body = {"client": client, "resource_ids": [calendar["id"]], "override": {"reason": "No hours yet"}}
        booked = await world.book(starts_at, **body)

        async def planned() -> bool:
            query = {"appointment_id": booked["id"]}
            rows = expect(await world.notifications.get("/v1/messages", params=query))["items"]
            return [row["status"] for row in rows if row["kind"] == "staff_reminder"] == ["planned"]

        await until_true(planned, what="the reminder is planned")
        ahead = starts_at.astimezone(UTC) - timedelta(minutes=20) - datetime.now(UTC)
        with_time = practice.platform.patched("notifications", clock_ahead_by(ahead))
        await asyncio.to_thread(with_time.__enter__)
        try:
            found: list[Any] = []

            async def reminded() -> bool:
                found[:] = [mail for mail in mails.to(practice.email) if "Coming up" in str(mail["Subject"])]
                return bool(found)

            await until_true(reminded, what="the reminder is mailed")
        finally:
            await asyncio.to_thread(with_time.__exit__, None, None, None)
        [mail] = found
        assert "Client: Rita Reminded" in body_text(mail)
