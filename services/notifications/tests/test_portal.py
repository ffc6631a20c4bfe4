"""Links in mails, and clients who choose by themselves what they are written to about."""

import re
from email.message import EmailMessage
from uuid import UUID, uuid4

import httpx2
import pytest
from notifications_salon import Salon

from notifications.adapters.portal_links import PortalLinks
from notifications.adapters.templates import html_page
from notifications.domain.templates import Text
from notifications.main import create_portal_links
from notifications.settings import NotificationsSettings
from slotstream_servicekit.client_links import ClientLink, LinkSealer, ShownAppointment
from slotstream_servicekit.testing.plugin import ApiClientFactory, Signer

pytestmark = pytest.mark.service

KEY = "bGlua2xpbmtsaW5rbGlua2xpbmtsaW5rbGlua2xpbms="


@pytest.fixture
def linked(salon: Salon) -> Salon:
    salon.sender.portal = PortalLinks([KEY], "https://desk.example.com/")
    return salon


def words(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def opened(mail: EmailMessage) -> ClientLink:
    found = re.search(r"https://desk\.example\.com/p/([\w-]+)", words(mail))
    assert found is not None, words(mail)
    link = LinkSealer([KEY]).open(found[1])
    assert link is not None
    return link


async def test_a_mail_holds_a_link_to_its_appointment_and_to_the_choice_of_messages(linked: Salon) -> None:
    appointment = linked.snapshot()
    await linked.receive(linked.created(appointment))

    [mail] = await linked.send()

    link = opened(mail)
    assert (link.organization_id, link.client_id) == (linked.organization_id, linked.client_id)
    assert link.appointment == ShownAppointment(id=appointment.id, starts_at=appointment.starts_at)
    assert link.issued_at == linked.now.replace(microsecond=0)
    assert link.expires_at > appointment.ends_at
    assert "Change or cancel: https://" in words(mail)
    assert "/preferences" in words(mail)
    assert "Confirm here" not in words(mail)
    assert "Grace" not in str(link)


@pytest.mark.parametrize(
    ("locale", "sentence"), [("en", "Confirm here"), ("de", "Hier bestätigen"), ("fr", "Confirmez")]
)
async def test_a_mail_asks_to_confirm_where_the_service_does(linked: Salon, locale: str, sentence: str) -> None:
    await linked.receive_states(
        linked.service(client_confirms=True, version=2), linked.client(locale=locale, version=2)
    )
    first = linked.snapshot()
    await linked.receive(linked.created(first))
    [mail] = await linked.send()
    assert sentence in words(mail)

    confirmed = linked.snapshot(status="confirmed")
    await linked.receive(linked.created(confirmed))
    [*_, mail] = await linked.send()
    assert sentence not in words(mail)


async def test_what_is_not_shared_with_the_client_is_told_without_links(linked: Salon) -> None:
    await linked.receive(linked.created(linked.snapshot(share_with_client=False)))
    [mail] = await linked.send()
    assert "desk.example.com" not in words(mail)


async def test_a_cancelled_appointment_has_no_link_to_it_but_to_the_choice_of_messages(linked: Salon) -> None:
    appointment = linked.snapshot()
    await linked.receive(linked.created(appointment))
    await linked.send()
    await linked.receive(linked.cancelled(appointment))

    [*_, mail] = await linked.send()

    assert "Cancelled" in mail["Subject"]
    assert len(re.findall(r"https://desk\.example\.com", words(mail))) == 1
    assert "/preferences" in words(mail)


async def test_there_are_links_only_where_there_is_a_portal_and_a_key(salon: Salon) -> None:
    await salon.receive(salon.created(salon.snapshot()))
    [mail] = await salon.send()
    assert "/p/" not in words(mail)

    def settings(**more: object) -> NotificationsSettings:
        return salon.settings.model_copy(update=more)

    assert create_portal_links(settings(portal_url="https://desk.example.com")) is None
    with pytest.raises(ValueError, match="32 bytes"):
        NotificationsSettings(database_url="postgresql+asyncpg://x", link_keys=("short",))  # type: ignore[arg-type]


def test_addresses_in_a_text_become_links_and_nothing_else_does() -> None:
    page = html_page(
        Text(subject="<b>", text='See https://desk.example.com/p/a-b_c <script> "https://x.example/?a=1&b=2"'), "en"
    )
    assert '<a href="https://desk.example.com/p/a-b_c">https://desk.example.com/p/a-b_c</a>' in page
    assert 'href="https://x.example/?a=1&amp;b=2' in page
    assert "<script>" not in page
    assert "<title>&lt;b&gt;</title>" in page


async def test_a_client_chooses_for_themselves_alone(
    salon: Salon, api_client: ApiClientFactory, signer: Signer
) -> None:
    duplicate = uuid4()
    await salon.receive_states(salon.client(id=duplicate, merged_into=salon.client_id))

    async def as_client(client_id: UUID, organization_id: UUID = salon.organization_id) -> httpx2.AsyncClient:
        claims = {"client": str(client_id)}
        token = signer.token(organization_id=organization_id, role="client", claims=claims)
        return await api_client(salon.app, token=token)

    own, merged = await as_client(salon.client_id), await as_client(duplicate)
    path = "/v1/portal/preferences"

    kept = await merged.put(path, json={"opted_out": ["sms"]}, headers={"If-Match": '"0"'})

    assert kept.status_code == 200, kept.text
    assert list((await own.get(path)).json()["opted_out"]) == ["sms"]
    for other in (await as_client(uuid4()), await as_client(salon.client_id, uuid4())):
        assert (await other.get(path)).status_code == 404
    theirs = f"/v1/clients/{salon.client_id}/preferences"
    assert (await own.get(theirs)).status_code == 403
    assert (await salon.http.get(path)).status_code == 403
