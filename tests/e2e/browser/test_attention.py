"""What the list says without being asked: what needs somebody, and what became of reminders."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

from harness.calendars import a_calendar
from harness.desk import Desk, OpenDesk, see
from harness.practice import Practice
from harness.web import FileServer
from harness.world import STARTED, expect, until_true
from playwright.async_api import Locator, Page, Request, Route

LEDGER = "**/api/notifications/v1/messages/"


def _head(desk: Desk) -> Locator:
    return desk.page.get_by_role("group", name="Needs attention")


async def _answered(page: Page, path: str, body: object) -> None:
    """Of what cannot be made to happen here: no message fails for good in these tests."""

    async def respond(route: Route) -> None:
        await route.fulfill(json=body)

    await page.route(f"{LEDGER}{path}*", respond)


async def test_a_calendar_that_is_not_read_is_named_and_leads_to_the_calendars(desk: Desk, practice: Practice) -> None:
    world = practice.world
    async with practice.a_colleague("Fay Failing") as fay:
        with FileServer() as web:
            web.files["/fay.ics"] = a_calendar(starts_at=STARTED.replace(microsecond=0) + timedelta(days=3))
            body = {"kind": "ics", "resource_id": fay["id"], "name": "Gone", "url": f"{web.url}/gone.ics"}
            connection = expect(await world.calendar_sync.post("/v1/connections", json=body, headers=world.fresh_key()))
            path = f"/v1/connections/{connection['id']}"

            async def fails() -> bool:
                return expect(await world.calendar_sync.get(path))["state"] == "failing"

            await until_true(fails, what="the calendar is failing")
            await desk.open_list()
            link = _head(desk).get_by_role("link", name="1 calendar not synced")
            await see(link).to_be_visible()
            await link.click()
            await see(desk.page.locator(".ln").filter(has_text="Gone")).to_contain_text("Failing")

            version = expect(await world.calendar_sync.get(path))["version"]
            gone = await world.calendar_sync.delete(path, headers={"If-Match": f'"{version}"'})
            assert gone.status_code == 204
            await desk.open_list()
            await see(desk.page.get_by_role("navigation", name="By status")).to_be_visible()
            await see(_head(desk)).to_have_count(0)


async def test_reminders_that_did_not_arrive_lead_to_the_ledger(desk: Desk) -> None:
    await _answered(desk.page, "counts", {"total": 2, "by_status": {"failed": 1, "unknown": 1}})
    await desk.open_list()

    async with desk.page.expect_request("**/api/notifications/v1/messages?*") as asked:
        await _head(desk).get_by_role("link", name="2 reminders undelivered").click()

    query = parse_qs(urlsplit((await asked.value).url).query)
    assert (query["kind"], query["status"]) == (["reminder"], ["failed", "unknown"])
    assert "starts_from" in query
    await see(desk.button("Reminders undelivered")).to_have_attribute("aria-current", "page")


async def test_who_may_not_see_messages_and_calendars_is_told_nothing_of_them(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        asked: list[str] = []

        async def fewer(route: Route) -> None:
            answer = await route.fetch()
            body = await answer.json()
            await route.fulfill(response=answer, json=body | {"rights": ["read_appointments"]})

        def note(request: Request) -> None:
            if "/notifications/" in request.url or "/calendar-sync/" in request.url:
                asked.append(request.url)

        await desk.page.route("**/api/session", fewer)
        desk.page.on("request", note)
        await desk.open_list()
        await see(desk.page.get_by_role("navigation", name="By status")).to_be_visible()
        await see(desk.page.get_by_role("row").first).to_be_visible()
        await see(_head(desk)).to_have_count(0)
        assert asked == []


async def test_rows_tell_what_became_of_their_reminders(desk: Desk, practice: Practice) -> None:
    """One request for what stands on the screen."""
    day = practice.a_day()
    reminded = await practice.book(day, "Signal Rita", staff=0)
    await practice.book(day + timedelta(hours=1), "Signal Sam", staff=0, notes="Rings twice")
    path = f"/v1/appointments/{reminded['id']}/reminders"
    body = {"channel": "email", "minutes_before": 60}

    async def added() -> bool:
        return (await practice.world.notifications.post(path, json=body)).status_code in {201, 409}

    await until_true(added, what="notifications knows the appointment")
    async with desk.page.expect_request(f"{LEDGER}by-appointment?*") as asked:
        await desk.find("Signal")
    assert reminded["id"] in (await asked.value).url
    await see(desk.row("Signal Rita").get_by_role("img", name="Reminder planned")).to_be_visible()
    await see(desk.row("Signal Sam").get_by_role("img", name="Has a note")).to_be_visible()
    await see(desk.row("Signal Sam").get_by_role("img", name="Reminder planned")).to_have_count(0)

    failed = {"items": [{"appointment_id": reminded["id"], "total": 1, "by_status": {"failed": 1, "planned": 1}}]}
    await _answered(desk.page, "by-appointment", failed)
    await desk.page.reload()
    bell = desk.row("Signal Rita").get_by_role("img", name="Reminder undelivered")
    await see(bell).to_be_visible()
    await see(bell).to_have_css("color", "rgb(179, 38, 30)")
