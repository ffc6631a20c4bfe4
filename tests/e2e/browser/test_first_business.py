"""What the owner of an organization meets in which there is nothing yet."""

from harness.desk import OpenDesk, accept_invitation, see
from harness.platform import Platform
from harness.practice import Practice
from harness.world import expect


async def test_a_new_owner_adds_the_first_business_and_is_led_on_to_the_staff(
    open_desk: OpenDesk, running_platform: Platform
) -> None:
    fresh = Practice(running_platform, running_platform.an_empty_world())
    async with open_desk(storage_state=None) as desk:
        page = desk.page
        await accept_invitation(page, fresh)
        await see(page.get_by_role("heading", name="No business yet")).to_be_visible()
        await page.get_by_label("Name").fill("Salon Süd")
        for label, typed, option in (
            ("Time zone", "vienna", "Europe/Vienna"),
            ("Country", "austria", "Austria"),
            ("Currency", "EUR", "EUR · Euro"),
        ):
            field = page.get_by_role("combobox", name=label)
            await field.fill(typed)
            await page.get_by_role("option", name=option).click()

        await desk.button("Save").click()

        await see(page.get_by_role("heading", name="Staff & resources")).to_be_visible()
        [business] = expect(await fresh.world.booking.get("/v1/businesses"))["items"]
        told = [business[name] for name in ("name", "zone", "country", "phone_region", "currency")]
        assert told == ["Salon Süd", "Europe/Vienna", "AT", "AT", "EUR"]
        await page.goto(f"{fresh.url}/calendar")
        await see(page.get_by_role("heading", name="No business yet")).not_to_be_visible()
