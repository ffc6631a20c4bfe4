"""The command menu: everything by typing a part of its name."""

from datetime import timedelta

from harness.accessibility import axe_findings
from harness.desk import Desk, OpenDesk, see
from harness.practice import Practice
from playwright.async_api import Locator, Route


def _menu(desk: Desk) -> Locator:
    return desk.page.get_by_role("dialog", name="Command menu")


def _item(desk: Desk, name: str) -> Locator:
    return _menu(desk).get_by_role("menuitem").filter(has_text=name)


async def _type(desk: Desk, text: str) -> None:
    # The page knows its keys as soon as it shows something.
    await see(desk.page.locator("main :is(h1, h2)").first).to_be_visible()
    await desk.press("Control+k")
    await see(_menu(desk).get_by_role("textbox")).to_be_focused()
    await desk.page.keyboard.type(text)


async def test_go_to_any_screen_by_a_part_of_its_name(desk: Desk) -> None:
    await desk.open_list()
    for typed, name, address in (
        ("cale", "Calendar", "**/calendar/day/**"),
        ("no-show rep", "Reports: No-shows", "**/reports/no-shows"),
        ("api", "Settings: API clients", "**/settings/api-clients"),
        ("action", "Actions", "**/actions"),
    ):
        await _type(desk, typed)
        await see(_item(desk, name).first).to_be_visible()
        await desk.press("Enter")
        await desk.page.wait_for_url(address)
        await see(_menu(desk)).to_have_count(0)


async def test_find_a_client_by_name_or_phone(desk: Desk, practice: Practice) -> None:
    await practice.book(practice.a_day(), "Quentin Quick", staff=0)
    client = await practice.client_named("Quentin Quick")
    local = "0" + client["phone"].removeprefix("+49")
    for typed in ("quentin", local):
        await desk.open_list()
        await see(desk.page.get_by_role("heading", name="Appointments")).to_be_visible()
        await _type(desk, typed)
        await see(_item(desk, "Quentin Quick")).to_contain_text(client["phone"])
        await see(_item(desk, "Quentin Quick")).to_have_attribute("data-focused", "true")
        await desk.press("Enter")
        await desk.page.wait_for_url(f"**/clients/{client['id']}")
    await see(desk.page.get_by_role("heading", name="Quentin Quick")).to_be_visible()


async def test_new_appointment_from_the_command_menu(desk: Desk) -> None:
    await desk.open_list()
    await see(desk.page.get_by_role("heading", name="Appointments")).to_be_visible()
    await _type(desk, "new app")
    await desk.press("Enter")
    await see(desk.page.get_by_label("Client", exact=True)).to_be_focused()


async def test_verbs_of_the_row_with_focus(desk: Desk, practice: Practice) -> None:
    day = practice.a_day()
    for hour, name in enumerate(("Verb Anna", "Verb Ben")):
        await practice.book(day + timedelta(hours=hour), name, staff=0)
    await desk.open_list(q="Verb", sort="starts_at")
    await see(desk.row("Verb Ben")).to_be_visible()
    await desk.press("j", "j")
    await see(desk.button("Verb Ben", within=desk.row("Verb Ben"))).to_be_focused()

    await desk.press("Control+k")
    await see(_menu(desk)).to_contain_text("Verb Ben, ")
    await desk.page.keyboard.type("confirm")
    await desk.press("Enter")

    await see(desk.row("Verb Ben")).to_contain_text("Confirmed")
    await see(desk.row("Verb Anna")).to_contain_text("Scheduled")
    await see(desk.button("Verb Ben", within=desk.row("Verb Ben"))).to_be_focused()


async def test_a_verb_that_asks_something_asks_and_gives_the_focus_back(desk: Desk, practice: Practice) -> None:
    await practice.book(practice.a_day(), "Verb Cancel", staff=0)
    await desk.find("Verb Cancel")
    await desk.press("j")
    await _type(desk, "cancel")
    await desk.press("Enter")
    await see(desk.button("Keep it", within=desk.sheet)).to_be_visible()
    await desk.press("Escape")
    await see(desk.sheet).to_have_count(0)
    await see(desk.button("Verb Cancel", within=desk.row("Verb Cancel"))).to_be_focused()


async def test_verbs_of_what_is_open_in_the_drawer_and_in_the_calendar(desk: Desk, practice: Practice) -> None:
    day = practice.a_day()
    await practice.book(day, "Verb Open", staff=0)
    await practice.book(day, "Verb Beside", staff=1)
    await desk.open_day(day)
    await desk.card("Verb Open").click()
    await see(desk.drawer.get_by_role("heading", name="Verb Open")).to_be_visible()
    await see(desk.button("Confirm", within=desk.drawer)).to_be_visible()

    await desk.press("Control+k")
    await see(_menu(desk)).to_contain_text("Verb Open, ")
    await see(_menu(desk)).not_to_contain_text("Verb Beside")
    await desk.page.keyboard.type("confirm")
    await desk.press("Enter")

    await see(desk.drawer).to_contain_text("Confirmed")


async def test_nothing_current_means_no_verbs_and_a_viewer_sees_none(desk: Desk, practice: Practice) -> None:
    await practice.book(practice.a_day(), "Verb Nobody", staff=0)
    await desk.find("Verb Nobody")
    await desk.press("Control+k")
    await see(_item(desk, "New appointment")).to_be_visible()
    await see(_item(desk, "Confirm")).to_have_count(0)


async def test_the_menu_opens_from_a_field_and_not_over_a_question(desk: Desk, practice: Practice) -> None:
    await practice.book(practice.a_day(), "Verb Asked", staff=0)
    await desk.find("Verb Asked")
    await desk.page.get_by_role("searchbox").focus()
    await desk.press("Control+k")
    await see(_menu(desk)).to_be_visible()
    await desk.press("Control+k")
    await see(_menu(desk)).to_have_count(0)
    await see(desk.page.get_by_role("searchbox")).to_be_focused()

    await desk.menu("Verb Asked", "Cancel appointment")
    await see(desk.button("Keep it", within=desk.sheet)).to_be_visible()
    await desk.press("Control+k")
    await see(desk.page.get_by_role("dialog")).to_have_count(1)
    await see(_menu(desk)).to_have_count(0)


async def test_what_fits_nothing_says_so_and_escape_leads_back(desk: Desk) -> None:
    await desk.open_list()
    await see(desk.page.get_by_role("heading", name="Appointments")).to_be_visible()
    await _type(desk, "xyzzy plugh")
    await see(_menu(desk)).to_contain_text("Nothing matches")
    await desk.press("Escape")
    await see(_menu(desk)).to_have_count(0)


async def test_a_screen_that_a_user_may_not_see_is_not_offered(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        # A session with fewer rights, as a member of staff who is limited has one.
        async def fewer(route: Route) -> None:
            answer = await route.fetch()
            body = await answer.json()
            await route.fulfill(response=answer, json=body | {"rights": ["read_appointments"]})

        await desk.page.route("**/api/session", fewer)
        await desk.open_list()
        await _type(desk, "")
        await see(_item(desk, "Appointments")).to_be_visible()
        for name in ("New appointment", "Reports", "Messages", "Clients", "Settings: Users"):
            await see(_item(desk, name)).to_have_count(0)


async def test_the_menu_can_be_used_by_everybody(open_desk: OpenDesk, practice: Practice) -> None:
    await practice.book(practice.a_day(), "Verb Axe", staff=0)
    for options, language in (
        ({}, None),
        ({"color_scheme": "dark"}, None),
        ({"viewport": {"width": 390, "height": 844}}, None),
        ({}, "ar"),
    ):
        async with open_desk(bypass_csp=True, reduced_motion="reduce", **options) as desk:
            if language:
                await desk.page.add_init_script(f"localStorage.setItem('slotstream-language', '{language}')")
            await desk.find("Verb Axe")
            await desk.press("j", "Control+k")
            await see(desk.page.get_by_role("menuitem").first).to_be_visible()
            assert await axe_findings(desk.page) == []
            await desk.page.keyboard.type("verb axe")
            found = desk.page.get_by_role("menuitem").filter(has_text="Verb Axe")
            # Read out once typing rests: until then the field may name an item that is gone.
            await see(desk.page.locator(".palette input")).to_have_attribute(
                "aria-activedescendant", await found.get_attribute("id") or "none"
            )
            assert await axe_findings(desk.page) == []


async def test_the_list_of_keys_names_the_command_menu(desk: Desk) -> None:
    await desk.open_list()
    await see(desk.page.get_by_role("heading", name="Appointments")).to_be_visible()
    await desk.press("?")
    for text in ("Ctrl K", "Command menu", "Message", "Edit", "Select from row to row"):
        await see(desk.sheet).to_contain_text(text)
    await desk.press("Escape")
    await desk.button("Go to or find").click()
    await see(_menu(desk)).to_be_visible()
