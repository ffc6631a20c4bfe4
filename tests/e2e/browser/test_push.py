"""Push messages in Chromium: browsers are added by a button under the page's own policy, and the worker shows what comes.

No push service is asked: Chromium subscribes with its maker's alone, so `pushManager` gives what that would have said.
What comes is handed to the worker by the protocol of the developer tools, as the browser does it.
"""

import asyncio
import base64
import json
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from harness.desk import OpenDesk, see, watched
from harness.practice import Practice
from harness.world import expect, until_true
from playwright.async_api import Browser, CDPSession, Page


def stub(endpoint: str) -> str:
    """What a page finds in place of the browser's own question to a push service."""
    point = generate_private_key(SECP256R1()).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    told = {"endpoint": endpoint, "keys": {"p256dh": _base64url(point), "auth": _base64url(bytes(16))}}
    return f"""
        PushManager.prototype.subscribe = async function (options) {{
            if (options.applicationServerKey.length !== 65 || !options.userVisibleOnly) throw new Error("not by a key");
            return {{ toJSON: () => ({json.dumps(told)}) }};
        }};
    """


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


async def worker_of(devtools: CDPSession, scope: str) -> str:
    """The registration of the worker that serves `scope`, once it is active."""
    found: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    scopes: dict[str, str] = {}

    def registered(event: dict[str, Any]) -> None:
        scopes.update({each["registrationId"]: each["scopeURL"] for each in event["registrations"]})

    def updated(event: dict[str, Any]) -> None:
        for each in event["versions"]:
            is_ours = scopes.get(each["registrationId"], "").endswith(scope)
            if is_ours and each["status"] == "activated" and not found.done():
                found.set_result(each["registrationId"])

    devtools.on("ServiceWorker.workerRegistrationUpdated", registered)
    devtools.on("ServiceWorker.workerVersionUpdated", updated)
    await devtools.send("ServiceWorker.enable")
    return await asyncio.wait_for(found, 60)


async def deliver(page: Page, *, scope: str, message: str) -> list[dict[str, Any]]:
    """What the page's worker shows of a message."""
    devtools = await page.context.new_cdp_session(page)
    registration = await worker_of(devtools, scope)
    origin = await page.evaluate("location.origin")
    await devtools.send(
        "ServiceWorker.deliverPushMessage", {"origin": origin, "registrationId": registration, "data": message}
    )
    shown: list[dict[str, Any]] = await page.evaluate(
        """async (scope) => {
            const registration = await navigator.serviceWorker.getRegistration(scope);
            for (;;) {
                const shown = await registration.getNotifications();
                if (shown.length) return shown.map(({ title, body, tag, data }) => ({ title, body, tag, data }));
                await new Promise((again) => setTimeout(again, 50));
            }
        }""",
        scope,
    )
    return shown


async def portal_page(practice: Practice, name: str) -> str:
    booked = await practice.book(practice.a_day(), name, staff=0, share_with_client=True)
    link = await practice.world.dashboard.post("/v1/client-links", json={"client_id": booked["client_id"]})
    address = f"{expect(link, 201)['url']}/preferences"

    async def is_there() -> bool:
        """Notifications hears of a new client by an event."""
        async with httpx2.AsyncClient(timeout=30) as somebody:
            return (await somebody.get(address)).status_code == 200

    await until_true(is_there, what="the page of messages")
    return address


async def test_a_client_adds_their_browser_is_shown_a_message_and_removes_it_again(
    browser: Browser, practice: Practice
) -> None:
    address = await portal_page(practice, "Petra Push")
    async with await browser.new_context(locale="en-GB", permissions=["notifications"]) as context:
        context.set_default_timeout(30_000)
        await context.add_init_script(stub("https://push.services.mozilla.com/wpush/v2/petra"))
        page = await context.new_page()
        with watched(page):
            await page.goto(address)
            await page.get_by_role("button", name="Push to this browser").click()
            await see(page.get_by_role("status")).to_have_text("Saved.")
            await see(page.get_by_role("button", name="Remove")).to_have_count(1)

            path = address.removesuffix("/preferences").partition("//")[2].partition("/")[2]
            told = {"id": "m-1", "title": "Reminder", "body": "Salon Nord", "url": f"/{path}", "lang": "en"}
            [shown] = await deliver(page, scope="/p/", message=json.dumps(told))
            page_told = address.removesuffix("/preferences")
            assert shown == {"title": "Reminder", "body": "Salon Nord", "tag": "m-1", "data": page_told}

            await page.get_by_role("button", name="Remove").click()
            await see(page.get_by_role("button", name="Remove")).to_have_count(0)


@pytest.mark.parametrize(
    ("message", "title"), [("not JSON", "Slotstream"), ('{"title": "T", "url": "https://evil.example/"}', "T")]
)
async def test_a_message_that_is_none_of_ours_opens_nothing(
    browser: Browser, practice: Practice, message: str, title: str
) -> None:
    address = await portal_page(practice, f"Paul {title}")
    async with await browser.new_context(locale="en-GB", permissions=["notifications"]) as context:
        context.set_default_timeout(30_000)
        await context.add_init_script(stub("https://push.services.mozilla.com/wpush/v2/paul"))
        page = await context.new_page()
        with watched(page):
            await page.goto(address)
            await page.get_by_role("button", name="Push to this browser").click()
            await see(page.get_by_role("status")).to_have_text("Saved.")
            [shown] = await deliver(page, scope="/p/", message=message)
            assert shown == {"title": title, "body": "", "tag": "", "data": None}


async def test_without_scripts_or_push_there_is_no_button(browser: Browser, practice: Practice) -> None:
    address = await portal_page(practice, "Nora Noscript")
    async with await browser.new_context(locale="en-GB", java_script_enabled=False) as context:
        page = await context.new_page()
        await page.goto(address)
        await see(page.get_by_role("button", name="Save")).to_be_visible()
        await see(page.get_by_role("button", name="Push to this browser")).to_be_hidden()
    async with await browser.new_context(locale="en-GB") as context:
        await context.add_init_script("delete window.PushManager")
        page = await context.new_page()
        with watched(page):
            await page.goto(address)
            await see(page.get_by_role("button", name="Save")).to_be_visible()
            await see(page.get_by_role("button", name="Push to this browser")).to_be_hidden()


async def test_a_user_adds_and_removes_their_browser_in_the_profile(open_desk: OpenDesk) -> None:
    async with open_desk(permissions=["notifications"]) as desk:
        await desk.page.add_init_script(stub("https://push.services.mozilla.com/wpush/v2/owner"))
        await desk.goto("/settings/profile")
        await desk.button("Push to this browser").click()
        await see(
            desk.page.get_by_role("status").filter(has_text="This browser is pushed to from now on")
        ).to_be_visible()
        told = {"id": "m-2", "title": "New appointment", "body": "Salon Nord", "url": "/appointments/x", "lang": "en"}
        [shown] = await deliver(desk.page, scope="/", message=json.dumps(told))
        assert shown["title"] == "New appointment"
        assert shown["data"].endswith("/appointments/x")

        remove = desk.page.get_by_role("region", name="Push messages").get_by_role("button", name="Remove")
        await remove.click()
        await see(remove).to_have_count(0)
