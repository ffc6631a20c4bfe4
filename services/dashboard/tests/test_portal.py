"""The portal: what a link opens, what it does, and what becomes of links that lead nowhere."""

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import httpx2
import pytest
import pytest_asyncio
from dashboard_tenant import ORIGIN, Tenant
from portal_paths import a_link, is_private, path_of, place_of, sealer_of
from portal_services import START, PortalServices

from dashboard.adapters.localization import texts_of
from dashboard.domain.users import LOCALES
from slotstream_servicekit.client_links import LinkSealer

pytestmark = pytest.mark.service

PHONE = "+49305550100"
PERSONAL = ("Haircut", "Ada", "10:00", "Wednesday", "November")
LATER = START + timedelta(hours=1)


@pytest_asyncio.fixture
async def services(tenant: Tenant) -> PortalServices:
    made = PortalServices(organization_id=tenant.organization_id)
    tenant.upstream.answer = made
    return made


def hidden_in(answer: httpx2.Response) -> dict[str, str]:
    """The fields of the page's form that nobody types."""
    assert answer.status_code == 200, answer.text
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', unescape(answer.text)))


def links_in(answer: httpx2.Response) -> list[str]:
    return [unescape(address) for address in re.findall(r'href="([^"]+)"', answer.text)]


async def test_a_link_shows_the_appointment_and_looking_changes_nothing(
    tenant: Tenant, services: PortalServices
) -> None:
    path = path_of(tenant, services, services.add())

    pages = [await tenant.browser().get(path) for _ in range(2)]
    for address in links_in(pages[0]):
        if address.startswith("/p/"):
            assert (await tenant.browser().get(address)).status_code == 200

    assert pages[0].status_code == 200, pages[0].text
    assert pages[0].text == pages[1].text
    assert all(word in pages[0].text for word in (*PERSONAL, "Salon Nord", "Berlin"))
    assert is_private(pages[0])
    assert "set-cookie" not in pages[0].headers
    assert "<script" not in pages[0].text
    assert services.acts == []
    assert {claims["role"] for claims in services.claims} == {"client"}


async def test_confirming_is_done_once_and_leads_back_to_the_page(tenant: Tenant, services: PortalServices) -> None:
    appointment = services.add()
    path = path_of(tenant, services, appointment)
    browser = tenant.browser()

    place = place_of(await browser.submit(f"{path}/confirm"))
    page = await browser.get(place)

    assert place == f"{path}?done=confirmed"
    assert "See you then" in page.text
    assert f"{path}/confirm" not in page.text
    assert services.acts[0][:2] == ("confirm", appointment["id"])


async def test_cancelling_asks_first_and_takes_a_reason(tenant: Tenant, services: PortalServices) -> None:
    appointment, other = services.add(), services.add(START + timedelta(days=7))
    path = path_of(tenant, services, appointment)
    browser = tenant.browser()

    question = await browser.get(f"{path}/cancel")
    place = place_of(await browser.submit(f"{path}/cancel", reason="I am\x00 ill"))
    overview, again = await browser.get(place), await browser.get(path)

    assert "Cancel this appointment?" in question.text
    assert services.acts[0][2]["reason"] == "I am ill"
    assert "The appointment is cancelled" in overview.text
    assert path_of(tenant, services, other) in links_in(overview)
    assert again.status_code == 410
    assert "There is nothing left to do here" in again.text


async def test_moving_goes_by_day_and_time_and_asks_before_it_acts(tenant: Tenant, services: PortalServices) -> None:
    appointment = services.add()
    services.free = [START, LATER, START + timedelta(days=1)]
    path = path_of(tenant, services, appointment)
    browser = tenant.browser()

    days = await browser.get(f"{path}/move")
    times = await browser.get(f"{path}/move?day=2026-11-04")
    [chosen] = [address for address in links_in(times) if address.startswith("?to=")]
    question = await browser.get(f"{path}/move{chosen}")
    wanted = parse_qs(urlsplit(chosen).query)["to"][0]

    assert [address for address in links_in(days) if "day=" in address] == ["?day=2026-11-04", "?day=2026-11-05"]
    assert "11:00" in question.text
    assert services.acts == []

    first = await browser.submit(f"{path}/move", starts_at=wanted)
    second = await browser.submit(f"{path}/move", starts_at=wanted)

    assert place_of(first) == place_of(second)
    assert [verb for verb, _, _ in services.acts] == ["reschedule"]
    page = await browser.get(place_of(first))
    assert "The appointment has a new time" in page.text
    assert "11:00" in page.text


async def test_an_old_link_shows_and_does_nothing_after_a_move(tenant: Tenant, services: PortalServices) -> None:
    services.free = [LATER]
    path = path_of(tenant, services, services.add())
    browser = tenant.browser()
    place_of(await browser.submit(f"{path}/move", starts_at=LATER.isoformat()))

    for answer in (
        await browser.get(path),
        await browser.get(f"{path}/cancel"),
        await browser.get(f"{path}/calendar.ics"),
        await browser.submit(f"{path}/confirm"),
        await browser.submit(f"{path}/cancel", reason=""),
        await browser.submit(f"{path}/move", starts_at=(START + timedelta(hours=2)).isoformat()),
    ):
        assert answer.status_code == 410
        assert "The appointment has changed" in answer.text
        assert PHONE in answer.text
        assert not any(word in answer.text for word in (*PERSONAL, "11:00"))
    assert len(services.acts) == 1


async def test_a_time_that_somebody_else_took_is_told_kindly_with_the_next_ones(
    tenant: Tenant, services: PortalServices
) -> None:
    services.free = [START + timedelta(hours=hours) for hours in (1, 2, 3)]
    services.refusals["reschedule"] = "slot_taken"
    path = path_of(tenant, services, services.add())

    lost = await tenant.browser().submit(f"{path}/move", starts_at=LATER.isoformat())
    never_offered = await tenant.browser().submit(f"{path}/move", starts_at=(LATER + timedelta(minutes=7)).isoformat())

    for answer in (lost, never_offered):
        assert answer.status_code == 409
        assert "This time is not free any more" in answer.text
        assert [address for address in links_in(answer) if "/move?to=" in address]
    assert services.acts == []


@pytest.mark.parametrize("wanted", ["", "now", "\x00", "9999-12-31T23:59:59-14:00", "2026-11-04T10:00:00", "x" * 9_000])
async def test_a_time_that_is_none_moves_nothing(tenant: Tenant, services: PortalServices, wanted: str) -> None:
    path = path_of(tenant, services, services.add())

    answer = await tenant.browser().submit(f"{path}/move", starts_at=wanted)
    looked = await tenant.browser().http.get(f"{path}/move", params={"to": wanted, "day": wanted, "from": wanted})

    assert answer.status_code in {404, 409}
    assert looked.status_code in {200, 409}
    assert services.acts == []


async def test_after_the_notice_the_page_names_the_phone_instead(tenant: Tenant, services: PortalServices) -> None:
    services.refusals = {"cancel": "notice_passed"}
    path = path_of(tenant, services, services.add(verbs=[]))

    page = await tenant.browser().get(path)
    question = await tenant.browser().get(f"{path}/cancel")
    sent = await tenant.browser().submit(f"{path}/cancel", reason="")

    for answer in (page, question, sent):
        assert "cannot be changed here any more" in answer.text
        assert PHONE in answer.text
        assert "<textarea" not in answer.text
    assert sent.status_code == 409


async def test_expired_revoked_and_erased_have_pages_of_their_own_without_personal_data(
    tenant: Tenant, services: PortalServices
) -> None:
    appointment = services.add()
    path = path_of(tenant, services, appointment)
    expired = "/p/" + sealer_of(tenant).seal(replace(a_link(tenant, services, appointment), expires_at=tenant.now))
    browser = tenant.browser()

    answers = {"expired": await browser.get(expired)}
    services.erased = True
    answers["gone"] = await browser.get(path)
    services.erased = False
    revoked = await tenant.api().post("/v1/client-links/revoke", json={"client_id": str(services.client_id)})
    assert revoked.status_code == 204, revoked.text
    answers["revoked"] = await browser.get(path)

    for why, answer in answers.items():
        assert answer.status_code == 410
        assert unescape(answer.text).count(texts_of("en")[f"portal.dead.{why}.title"]) == 2
        assert PHONE in answer.text
        assert is_private(answer)
        assert not any(word in answer.text for word in PERSONAL)
    for verb in ("confirm", "cancel", "move", "preferences", "push", "push/remove"):
        for dead in (expired, path):
            assert (await browser.submit(f"{dead}/{verb}", starts_at=LATER.isoformat())).status_code == 410
    assert services.acts == []


async def test_a_revocation_ends_links_of_every_kind_and_new_ones_work_at_once(
    tenant: Tenant, services: PortalServices
) -> None:
    appointment = services.add()
    paths = [path_of(tenant, services, appointment), path_of(tenant, services)]
    body = {"client_id": str(services.client_id)}
    await tenant.api().post("/v1/client-links/revoke", json=body)

    made = await tenant.api().post("/v1/client-links", json={**body, "appointment_id": appointment["id"]})
    overview = await tenant.api().post("/v1/client-links", json=body)

    assert [(await tenant.browser().get(path)).status_code for path in paths] == [410, 410]
    for answer in (made, overview):
        assert answer.status_code == 201, answer.text
        assert answer.json()["url"].startswith(f"{ORIGIN}/p/")
        assert (await tenant.browser().get(urlsplit(answer.json()["url"]).path)).status_code == 200


async def test_links_are_made_by_those_who_may_and_for_what_is_there(tenant: Tenant, services: PortalServices) -> None:
    client = {"client_id": str(services.client_id)}
    body = {**client, "appointment_id": services.add()["id"]}

    assert (await tenant.api(role="viewer").post("/v1/client-links", json=body)).status_code == 403
    assert (await tenant.api(role="agent").post("/v1/client-links", json=body)).status_code == 403
    assert (await tenant.api(organization_id=uuid4()).post("/v1/client-links", json=body)).status_code == 404
    assert (await tenant.api().post("/v1/client-links", json={"client_id": str(uuid4())})).status_code == 404
    unknown = {**client, "appointment_id": str(uuid4())}
    assert (await tenant.api().post("/v1/client-links", json=unknown)).status_code == 404
    limited = tenant.signer.token(
        organization_id=tenant.organization_id, role="manager", now=tenant.now, claims={"businesses": [str(uuid4())]}
    )
    for path in ("/v1/client-links", "/v1/client-links/revoke"):
        answer = await tenant.browser(Authorization=f"Bearer {limited}").http.post(path, json=client)
        assert answer.status_code == 403


async def test_wrong_tokens_are_answered_alike_and_no_token_leaves_a_trace(
    tenant: Tenant, services: PortalServices, capfd: pytest.CaptureFixture[str]
) -> None:
    right = path_of(tenant, services, services.add())
    stranger = LinkSealer(["c3RyYW5nZXJzdHJhbmdlcnN0cmFuZ2Vyc3RyYW5nZXI="])
    others = "/p/" + stranger.seal(a_link(tenant, services, None))
    tampered = right[:-2] + ("AA" if right[-2:] != "AA" else "BA")
    browser = tenant.browser()

    wrong = (others, tampered, "/p/x", "/p/%00", f"/p/{'a' * 5_000}", "/p/%F0%9F%92%A9", f"{right}%00")
    answers = [await browser.get(path) for path in wrong]
    assert (await browser.get(right)).status_code == 200

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert PHONE not in answers[0].text
    assert all(is_private(answer) for answer in answers)
    metrics, logged = (await browser.get("/metrics")).text, capfd.readouterr()
    assert right.removeprefix("/p/")[:20] not in metrics + logged.out + logged.err


async def test_a_time_that_was_taken_and_is_free_again_can_be_had(tenant: Tenant, services: PortalServices) -> None:
    """Booking answers a key that was refused with the same refusal for a day: each page is a try of its own."""
    services.free = [LATER]
    browser, path = tenant.browser(), path_of(tenant, services, services.add())
    question = f"{path}/move?{urlencode({'to': LATER.isoformat()})}"
    services.refusals["reschedule"] = "slot_taken"
    lost = await browser.submit(f"{path}/move", **hidden_in(await browser.get(question)))
    services.refusals.clear()

    form = hidden_in(await browser.get(question))
    first, second = await browser.submit(f"{path}/move", **form), await browser.submit(f"{path}/move", **form)

    assert lost.status_code == 409
    assert place_of(first) == place_of(second)
    assert [verb for verb, _, _ in services.acts] == ["reschedule"]


async def test_a_duplicates_links_end_with_those_of_whom_it_was_merged_into(
    tenant: Tenant, services: PortalServices
) -> None:
    appointment, duplicate = services.add(), uuid4()
    services.duplicates.append(duplicate)
    browser = tenant.browser()
    links = [a_link(tenant, services, about) for about in (appointment, None)]
    path, overview = ("/p/" + sealer_of(tenant).seal(replace(link, client_id=duplicate)) for link in links)
    assert [(await browser.get(opened)).status_code for opened in (path, overview)] == [200, 200]

    revoked = await tenant.api().post("/v1/client-links/revoke", json={"client_id": str(services.client_id)})

    assert revoked.status_code == 204
    pages = (path, overview, f"{path}/cancel", f"{path}/calendar.ics", f"{overview}/preferences")
    assert {(await browser.get(page)).status_code for page in pages} == {410}
    for verb in ("confirm", "cancel", "move", "preferences", "push", "push/remove"):
        assert (await browser.submit(f"{path}/{verb}", starts_at=LATER.isoformat())).status_code == 410
    assert services.acts == []


async def test_who_names_a_duplicate_makes_and_ends_links_of_the_one_client(
    tenant: Tenant, services: PortalServices
) -> None:
    duplicate = uuid4()
    services.duplicates.append(duplicate)
    path, body = path_of(tenant, services), {"client_id": str(duplicate)}
    assert (await tenant.api().post("/v1/client-links/revoke", json=body)).status_code == 204

    made = await tenant.api().post("/v1/client-links", json=body)

    assert (await tenant.browser().get(path)).status_code == 410
    assert (await tenant.browser().get(urlsplit(made.json()["url"]).path)).status_code == 200


async def test_links_end_while_booking_does_not_answer(tenant: Tenant, services: PortalServices) -> None:
    path = path_of(tenant, services)
    tenant.upstream.is_down = True
    revoked = await tenant.api().post("/v1/client-links/revoke", json={"client_id": str(services.client_id)})
    tenant.upstream.is_down = False

    assert revoked.status_code == 204
    assert (await tenant.browser().get(path)).status_code == 410


@pytest.mark.parametrize(
    ("scopes", "status"),
    [
        ("clients:write", 403),
        ("clients:write appointments:read", 403),
        ("clients:write appointments:book", 403),
        ("clients:write appointments:read appointments:book", 201),
    ],
)
async def test_a_program_makes_links_only_to_what_it_may_see_and_change_itself(
    tenant: Tenant, services: PortalServices, scopes: str, status: int
) -> None:
    token = tenant.signer.token(
        organization_id=tenant.organization_id, role="integration", scopes=scopes.split(), now=tenant.now
    )
    program = tenant.browser(Authorization=f"Bearer {token}").http

    made = await program.post("/v1/client-links", json={"client_id": str(services.client_id)})

    assert made.status_code == status, made.text


async def test_a_link_of_another_tenants_or_anothers_client_opens_nothing(
    tenant: Tenant, services: PortalServices
) -> None:
    link = a_link(tenant, services, services.add())

    for other in (replace(link, organization_id=uuid4()), replace(link, client_id=uuid4())):
        path = "/p/" + sealer_of(tenant).seal(other)
        assert (await tenant.browser().get(path)).status_code == 410
        assert (await tenant.browser().submit(f"{path}/confirm")).status_code == 410
    assert services.acts == []


async def test_forms_of_other_sites_do_nothing(tenant: Tenant, services: PortalServices) -> None:
    path = path_of(tenant, services, services.add())
    browser = tenant.browser()

    assert (await browser.submit(f"{path}/confirm", site="cross-site")).status_code == 403
    assert (await browser.submit(f"{path}/confirm", site="same-site")).status_code == 403
    assert (await browser.submit(f"{path}/cancel", site=None, origin="https://evil.example")).status_code == 403
    assert services.acts == []
    # Under `no-referrer` a browser sends `Origin: null` from our own page.
    assert (await browser.submit(f"{path}/confirm", origin="null")).status_code == 303


async def test_preferences_are_shown_and_kept(tenant: Tenant, services: PortalServices) -> None:
    services.opted_out = ["voice"]
    path = path_of(tenant, services)
    browser = tenant.browser()

    page = await browser.get(f"{path}/preferences")
    kept = await browser.submit(f"{path}/preferences", version="1", email="1")
    stale = await browser.submit(f"{path}/preferences", version="1", email="1", sms="1")

    assert page.text.count(" checked") == 3
    assert services.unsubscribed_at is None, "a page without the choice of reminders leaves it as it is"
    assert place_of(kept) == f"{path}/preferences?done=saved"
    assert sorted(services.opted_out) == ["sms", "voice"]
    assert stale.status_code == 409
    assert (await browser.submit(f"{path}/preferences", version="\x00²")).status_code == 409


async def test_browsers_are_added_by_a_script_and_removed_without_one(tenant: Tenant, services: PortalServices) -> None:
    path = path_of(tenant, services)
    browser = tenant.browser(**{"User-Agent": "Phone <b>\x07 1.0"})
    assert "push" not in (await browser.get(f"{path}/preferences")).text
    services.push_key = "BKey-_"

    page = await browser.get(f"{path}/preferences")
    assert re.search(r'<form [^>]*id="push" data-key="BKey-_" hidden>', page.text)
    [script] = re.findall(r'<script src="(/pages/[0-9a-f]+\.js)" defer>', page.text)
    assert "immutable" in (await browser.get(script)).headers["cache-control"]
    fields = {"endpoint": "https://push.example/w/1", "p256dh": "BPoint", "auth": "secret"}
    added = await browser.submit(f"{path}/push", **fields)
    listed = await browser.get(f"{path}/preferences")

    assert place_of(added) == f"{path}/preferences?done=saved"
    [(browser_id, known)] = services.browsers.items()
    assert known["keys"] == {"p256dh": "BPoint", "auth": "secret"}
    assert known["device"] == "Phone <b> 1.0"
    assert "Phone &lt;b&gt; 1.0" in listed.text
    assert fields["endpoint"] not in listed.text
    for named in (str(uuid4()), "x", "\x00", browser_id, browser_id):
        gone = await browser.submit(f"{path}/push/remove", browser=named)
        assert place_of(gone) == f"{path}/preferences?done=saved"
    assert services.browsers == {}


async def test_a_browser_that_is_refused_is_told_and_another_sites_form_is_not_read(
    tenant: Tenant, services: PortalServices
) -> None:
    path, browser = path_of(tenant, services), tenant.browser()
    services.push_key = "BKey"
    refused = await browser.submit(f"{path}/push", endpoint="http://10.0.0.1/", p256dh="x", auth="y")
    assert (refused.status_code, texts_of("en")["portal.push.failed"] in unescape(refused.text)) == (409, True)
    services.browsers = {str(place): {"id": str(uuid4()), "service": "s", "device": None} for place in range(10)}
    many = await browser.submit(f"{path}/push", endpoint="https://push.example/w/1", p256dh="x", auth="y")
    assert texts_of("en")["portal.push.too_many"] in unescape(many.text)
    foreign = await browser.submit(f"{path}/push", origin="https://evil.example", endpoint="https://push.example/w")
    assert foreign.status_code == 403
    assert len(services.browsers) == 10


async def test_the_worker_of_push_messages_is_asked_for_anew_and_may_serve_all_of_the_origin(tenant: Tenant) -> None:
    answer = await tenant.browser().get("/push-worker.js")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "no-cache"
    policy = answer.headers["content-security-policy"]
    assert policy == "default-src 'none'; connect-src 'self'; frame-ancestors 'none'"


async def test_a_browser_that_has_changed_its_subscription_names_the_one_that_goes(
    tenant: Tenant, services: PortalServices
) -> None:
    path, browser = path_of(tenant, services), tenant.browser()
    services.push_key = "BKey"
    fields = {
        "endpoint": "https://push.example/w/2",
        "p256dh": "x",
        "auth": "y",
        "replaces": "https://push.example/w/1",
    }
    assert (await browser.submit(f"{path}/push", **fields)).status_code == 303
    [known] = services.browsers.values()
    assert (known["endpoint"], known["replaces"]) == (fields["endpoint"], fields["replaces"])
    assert (await browser.submit(f"{path}/push", **{**fields, "replaces": ""})).status_code == 303
    assert [each for each in services.browsers.values() if "replaces" not in each]


async def test_the_page_speaks_the_clients_language_and_zone_and_names_the_business_zone(
    tenant: Tenant, services: PortalServices
) -> None:
    services.locale, services.zone = "de-DE", "America/New_York"
    path = path_of(tenant, services, services.add())

    page = await tenant.browser(**{"Accept-Language": "fr"}).get(path)

    assert page.headers["content-language"] == "de"
    for word in ("Termin absagen", "Mittwoch", "04:00", "New York", "Vor Ort", "10:00", "Berlin"):
        assert word in page.text


@pytest.mark.parametrize("locale", LOCALES)
async def test_every_page_is_there_in_every_language_and_small(
    tenant: Tenant, services: PortalServices, locale: str
) -> None:
    services.locale = locale
    appointment = services.add()
    for week in range(1, 25):
        services.add(START + timedelta(days=7 * week))
    services.free = [START + timedelta(days=day, minutes=15 * slot) for day in range(40) for slot in range(32)]
    path, overview = path_of(tenant, services, appointment), path_of(tenant, services)
    move = f"{path}/move"
    to = (START + timedelta(days=1)).isoformat().replace("+", "%2B")

    pages = [path, overview, f"{path}/cancel", move, f"{move}?day=2026-11-05", f"{move}?to={to}"]
    for address in (*pages, f"{path}/preferences", "/p/x"):
        answer = await tenant.browser(**{"Accept-Language": locale}).get(address)
        assert answer.status_code == (404 if address == "/p/x" else 200), answer.text
        assert answer.headers["content-language"] == locale
        assert len(answer.content) <= 20_000, (address, len(answer.content))


def test_every_language_has_every_text_of_the_portal() -> None:
    keys = {key for key in texts_of("en") if key.startswith("portal.")}
    assert len(keys) > 60
    for locale in LOCALES:
        assert {key for key in texts_of(locale) if key.startswith("portal.")} == keys


async def test_the_calendar_file_and_links_hold_the_appointment(tenant: Tenant, services: PortalServices) -> None:
    services.service_name = "Cut, wash; ü" * 8 + "\r\nDTEND:20200101T000000Z"
    path = path_of(tenant, services, services.add())

    file = await tenant.browser().get(f"{path}/calendar.ics")
    page = await tenant.browser().get(path)

    assert file.headers["content-type"] == "text/calendar; charset=utf-8"
    assert is_private(file)
    lines = file.content.split(b"\r\n")
    assert b"DTSTART:20261104T090000Z" in lines
    assert [line for line in lines if line.startswith(b"DTEND")] == [b"DTEND:20261104T093000Z"]
    assert all(len(line) <= 75 for line in lines)
    assert [address for address in links_in(page) if address.startswith("https://calendar.google.com/")]
    assert [address for address in links_in(page) if address.startswith("https://outlook.live.com/")]


async def test_the_calendar_file_of_one_date_of_a_series_names_the_entry_of_the_series(
    tenant: Tenant, services: PortalServices
) -> None:
    """As mails do, so that a calendar that has both shows one."""
    series = {"series_calendar_uid": "series@slotstream", "recurs_at": "2026-11-04T08:00:00Z"}
    path = path_of(tenant, services, services.add(calendar_sequence=3, **series))

    file = await tenant.browser().get(f"{path}/calendar.ics")

    lines = file.content.split(b"\r\n")
    assert [line for line in lines if line.startswith((b"UID", b"RECURRENCE-ID", b"SEQUENCE"))] == [
        b"UID:series@slotstream",
        b"RECURRENCE-ID:20261104T080000Z",
        b"SEQUENCE:0",
    ]
    assert b"DTSTART:20261104T090000Z" in lines


async def test_what_people_typed_is_text_on_the_page(tenant: Tenant, services: PortalServices) -> None:
    services.service_name = "<script>alert(1)</script>"
    page = await tenant.browser().get(path_of(tenant, services, services.add()))
    assert page.status_code == 200
    assert "<script" not in page.text


async def test_a_flood_from_one_address_is_slowed_and_told_when(tenant: Tenant, services: PortalServices) -> None:
    path = path_of(tenant, services, services.add())
    browser, burst = tenant.browser(), tenant.settings.portal_rate.burst

    statuses = [(await browser.get("/p/x")).status_code for _ in range(burst)]
    slowed = await browser.get(path)

    assert statuses == [404] * burst
    assert slowed.status_code == 429
    assert int(slowed.headers["retry-after"]) >= 1
    tenant.pass_time(timedelta(minutes=1))
    assert (await browser.get(path)).status_code == 200


async def test_while_a_service_is_down_the_page_says_so(tenant: Tenant, services: PortalServices) -> None:
    path = path_of(tenant, services, services.add())
    tenant.upstream.is_down = True

    for answer in (await tenant.browser().get(path), await tenant.browser().submit(f"{path}/confirm")):
        assert answer.status_code == 503
        assert "nothing was changed" in answer.text
