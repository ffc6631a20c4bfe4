"""Signing in as a browser does it: other sites, planted targets, and what becomes of open pages when a role changes."""

import re
from urllib.parse import quote

import pytest
from harness.desk import Desk, OpenDesk, see
from harness.mailbox import Mailbox, body_text
from harness.practice import PASSWORD, Practice
from harness.world import expect
from playwright.async_api import Page

EVIL = "http://evil.test"
TARGETS = (
    "//evil.test",
    "/\\evil.test",
    "///evil.test",
    "\\\\evil.test",
    "/\t/evil.test",
    " //evil.test",
    "http:evil.test",
    "http://127.0.0.1@evil.test",
    "javascript:alert(1)",
)


@pytest.mark.parametrize("target", TARGETS)
async def test_signing_in_sends_nobody_elsewhere(target: str, open_desk: OpenDesk, practice: Practice) -> None:
    """Whoever is signed in already is led on at once, which takes the same way as the form does."""
    async with open_desk() as desk:
        await desk.goto(f"/sign-in?next={quote(target, safe='')}")
        assert desk.page.url.startswith(f"{practice.url}/")
        await desk.goto(f"/sign-in?next={quote(quote(target, safe=''), safe='')}")
        assert desk.page.url.startswith(f"{practice.url}/")


async def test_signing_in_leads_to_where_one_wanted_to_go(open_desk: OpenDesk, practice: Practice) -> None:
    async with open_desk(storage_state=None) as desk:
        await desk.goto("/appointments?period=all&q=%2B49%20%26%20S%C3%B6hne")
        await see(desk.page.get_by_role("heading", name="Sign in")).to_be_visible()

        await _sign_in(desk.page, practice.email)

        await see(desk.page.get_by_role("searchbox")).to_have_value("+49 & Söhne")


async def test_another_sites_form_changes_nothing(desk: Desk, practice: Practice) -> None:
    """A signed-in browser visits a page that posts to us by itself: to sign out, to book, and to sign in as somebody else."""
    await desk.goto("/appointments")
    actions = ("/sign-out", "/api/booking/v1/clients", "/sign-in")
    for action in actions:
        form = f'<form method="post" action="{practice.url}{action}"><input name="email" value="x@evil.test"></form>'
        await _visit_evil(desk.page, f"{form}<script>document.forms[0].submit()</script>")

    await desk.goto("/appointments")

    await see(desk.page.get_by_role("heading", name="Appointments")).to_be_visible()


async def test_no_other_site_may_read_or_frame_the_dashboard(desk: Desk, practice: Practice) -> None:
    script = f"""<iframe src="{practice.url}/appointments"></iframe><p id="told">waiting</p><script>
        fetch("{practice.url}/api/session", {{credentials: "include"}})
            .then(() => {{ told.textContent = "read" }}, () => {{ told.textContent = "refused" }});
    </script>"""
    await desk.page.context.route(f"{EVIL}/**", lambda route: route.fulfill(body=script, content_type="text/html"))
    # A window of its own: what the browser says about the refusals is not the dashboard's.
    window = await desk.page.context.new_page()
    await window.goto(f"{EVIL}/")

    await see(window.locator("#told")).to_have_text("refused")
    # What stands in the frame is the browser's own page about it.
    assert await window.frames[1].get_by_label("E-mail address").count() == 0
    assert window.frames[1].url.startswith("chrome-error:")


async def test_a_role_that_is_taken_away_takes_the_verbs_off_the_open_page(
    open_desk: OpenDesk, practice: Practice, mails: Mailbox
) -> None:
    """Within a minute, without a reload by hand: the open stream ends, and the page reads anew what one may do."""
    await practice.book(practice.a_day(), "Dieter Demoted", staff=0)
    colleague = f"colleague-{practice.world.organization_id}@example.com"
    made = expect(
        await practice.world.dashboard.post(
            "/v1/users",
            json={"email": colleague, "name": "Conny Colleague", "role": "manager"},
            headers=practice.world.fresh_key(),
        ),
        201,
    )
    [invitation] = await mails.expect(colleague)
    link = re.search(r"http\S+/invitation/[\w-]+", body_text(invitation))
    assert link is not None
    async with open_desk(storage_state=None) as desk:
        await desk.page.goto(link[0])
        for field in await desk.page.locator("input[type=password]").all():
            await field.fill(PASSWORD)
        await desk.page.locator("form button").click()
        await desk.page.wait_for_url(lambda url: "/invitation/" not in url)
        await desk.find("Dieter Demoted")
        new = desk.button("New appointment")
        await see(new).to_be_visible()
        await see(desk.page.get_by_role("status").filter(has_text="Live")).to_be_visible()

        path = f"/v1/users/{made['id']}"
        read = expect(await practice.world.dashboard.get(path))
        headers = practice.world.fresh_key() | {"If-Match": f'"{read["version"]}"'}
        expect(await practice.world.dashboard.patch(path, json={"role": "viewer"}, headers=headers))

        await see(new).to_have_count(0, timeout=60_000)
        await see(desk.row("Dieter Demoted")).to_be_visible()


async def _sign_in(page: Page, email: str) -> None:
    await page.get_by_label("E-mail").fill(email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in", exact=True).click()


async def _visit_evil(page: Page, body: str) -> None:
    await page.context.route(f"{EVIL}/**", lambda route: route.fulfill(body=body, content_type="text/html"))
    await page.goto(f"{EVIL}/")
    await page.wait_for_url(lambda url: not url.startswith(EVIL))
    await page.wait_for_load_state()
    await page.context.unroute(f"{EVIL}/**")
