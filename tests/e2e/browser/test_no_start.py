"""What the application says when it cannot begin."""

from harness.desk import OpenDesk, see


async def test_an_application_that_cannot_start_says_so_in_the_readers_language(open_desk: OpenDesk) -> None:
    async with open_desk(locale="fr-FR") as desk:
        await desk.page.route("**/api/session", lambda route: route.fulfill(status=503, body=""))
        await desk.goto("/calendar")
        await see(desk.page.get_by_role("alert")).to_contain_text("Slotstream ne répond pas.")
        await see(desk.page.locator("html")).to_have_attribute("lang", "fr")

        await desk.page.unroute("**/api/session")
        await desk.button("Recharger").click()
        await see(desk.page.get_by_role("navigation").first).to_be_visible()
