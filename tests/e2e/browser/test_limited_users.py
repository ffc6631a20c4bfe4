"""Users who are limited to businesses or to one calendar, from the invitation on."""

from harness.desk import Desk, see
from harness.practice import Practice
from harness.world import Json, expect


async def test_somebody_is_invited_to_one_business_and_one_calendar_and_the_limits_are_taken_away(
    desk: Desk, practice: Practice
) -> None:
    email = f"lee@{practice.world.organization_id}.example"
    await desk.goto("/settings/users")
    invite = desk.page.locator("section.panel").filter(has=desk.page.get_by_role("heading", name="Invite somebody"))
    await invite.get_by_label("Name").fill("Lena Limited")
    await invite.get_by_label("E-mail").fill(email)
    await invite.get_by_text("All businesses").click()
    await see(desk.button("Send invitation", within=invite)).to_be_disabled()
    await invite.get_by_text("Hudson Dental").click()
    await desk.choose("Calendar", "Dr Lee", within=invite)

    await desk.button("Send invitation", within=invite).click()

    row = desk.page.get_by_role("listitem").filter(has_text="Lena Limited")
    await see(row).to_contain_text("Hudson Dental · Dr Lee")
    made = await _user(practice, email)
    assert made["business_ids"] == [practice.dental["id"]]
    assert made["resource_id"] is not None

    await row.get_by_role("button", name="More for Lena Limited").click()
    await desk.page.get_by_role("menuitem", name="Limits…").click()
    await desk.sheet.get_by_text("All businesses").click()
    await desk.choose("Calendar", "Every calendar", within=desk.sheet)
    await desk.button("Save", within=desk.sheet).click()

    await see(row).not_to_contain_text("Hudson Dental")
    made = await _user(practice, email)
    assert (made["business_ids"], made["resource_id"]) == (None, None)


async def _user(practice: Practice, email: str) -> Json:
    users = expect(await practice.world.dashboard.get("/v1/users"))["items"]
    [found] = [user for user in users if user["email"] == email]
    return found
