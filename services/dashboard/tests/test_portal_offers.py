"""The page of a slot that is held for a client who waits."""

from uuid import uuid4

import pytest
import pytest_asyncio
from dashboard_tenant import Tenant
from portal_paths import is_private, path_of, place_of
from portal_services import PortalServices

from dashboard.adapters.localization import texts_of
from dashboard.domain.users import LOCALES

pytestmark = pytest.mark.service


@pytest_asyncio.fixture
async def services(tenant: Tenant) -> PortalServices:
    made = PortalServices(organization_id=tenant.organization_id)
    tenant.upstream.answer = made
    return made


def page_of(tenant: Tenant, services: PortalServices, offer_id: object) -> str:
    return f"{path_of(tenant, services)}/offers/{offer_id}"


async def test_looking_changes_nothing_and_needs_no_script(tenant: Tenant, services: PortalServices) -> None:
    path = page_of(tenant, services, services.offer()["id"])
    pages = [await tenant.browser().get(path) for _ in range(2)]
    assert [page.status_code for page in pages] == [200, 200]
    assert pages[0].text == pages[1].text
    assert all(word in pages[0].text for word in ("Haircut", "Salon Nord", "10:00", f'action="{path}/accept"'))
    assert "<script" not in pages[0].text
    assert len(pages[0].content) <= 20_000
    assert is_private(pages[0])
    assert services.acts == []


async def test_the_slot_is_booked_by_a_form_and_shown_as_an_appointment(
    tenant: Tenant, services: PortalServices
) -> None:
    path = page_of(tenant, services, services.offer()["id"])
    places = [place_of(await tenant.browser().submit(f"{path}/accept")) for _ in range(2)]
    page = await tenant.browser().get(places[0])
    assert (page.status_code, texts_of("en")["portal.done.booked"] in page.text) == (200, True)
    assert texts_of("en")["portal.done.booked"] in (await tenant.browser().get(path)).text


@pytest.mark.parametrize(
    ("form", "leave", "done"), [({"wait": "1"}, False, "declined"), ({"leave": "1"}, True, "left")]
)
async def test_it_is_declined_by_a_form(
    tenant: Tenant, services: PortalServices, form: dict[str, str], leave: bool, done: str
) -> None:
    offer = services.offer()
    path = page_of(tenant, services, offer["id"])
    place = place_of(await tenant.browser().submit(f"{path}/decline", **form))
    assert services.acts == [("decline", offer["id"], {"leave": leave})]
    assert texts_of("en")[f"portal.done.{done}"] in (await tenant.browser().get(place)).text
    assert (await tenant.browser().get(path)).status_code == 410


async def test_what_is_over_says_so_and_nothing_of_what_it_was(tenant: Tenant, services: PortalServices) -> None:
    offer = services.offer()
    services.refusals["accept"] = "offer_over"
    browser = tenant.browser()
    late = await browser.submit(f"{page_of(tenant, services, offer['id'])}/accept")
    gone = await browser.get(page_of(tenant, services, uuid4()))
    wrong = await browser.get(page_of(tenant, services, "nothing"))
    assert [answer.status_code for answer in (late, gone, wrong)] == [409, 410, 404]
    for answer in (late, gone, wrong):
        assert "Haircut" not in answer.text
        assert is_private(answer)
    assert texts_of("en")["portal.offer.over"] in late.text


async def test_no_other_site_can_book_it(tenant: Tenant, services: PortalServices) -> None:
    path = page_of(tenant, services, services.offer()["id"])
    for verb in ("accept", "decline"):
        answer = await tenant.browser().submit(f"{path}/{verb}", site="cross-site")
        assert answer.status_code == 403
    assert services.acts == []


def test_every_language_has_all_the_words() -> None:
    asked = {key for key in texts_of("en") if key.startswith(("portal.offer.", "portal.done."))}
    assert all(asked <= texts_of(locale).keys() for locale in LOCALES)
