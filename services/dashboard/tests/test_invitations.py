"""Invitations and resets by mail: one link, once, for a while, and nothing told to whoever does not hold it."""

from datetime import timedelta

import pytest
from dashboard_tenant import OWNER, PASSWORD, Tenant, fresh_organization, path_of

from dashboard.domain.protocols import MailNotSentError
from dashboard.first_owner import FirstOwner, make_first_owner

pytestmark = pytest.mark.service

NEW_PASSWORD = "quite another sentence"


async def test_whoever_is_invited_chooses_a_password_and_is_signed_in(tenant: Tenant) -> None:
    user, mail = await tenant.invited("Ada@Example.com", name="Ada", role="viewer", locale="de")
    browser = tenant.browser()
    shown = await browser.get(mail.link)
    answer = await browser.submit(mail.link, password=PASSWORD)

    assert (user["state"], user["email"]) == ("invited", "ada@example.com")
    assert mail.recipient == "ada@example.com"
    assert mail.subject == "Einladung zu Salon Nord"
    assert 'lang="de"' in shown.text
    assert shown.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["location"] == "/"
    session = await browser.session()
    assert (session["user"]["id"], session["user"]["role"]) == (user["id"], "viewer")


async def test_a_link_works_once_and_looking_does_not_use_it_up(tenant: Tenant) -> None:
    _, mail = await tenant.invited("ada@example.com")
    for _ in range(3):
        assert (await tenant.browser().get(mail.link)).status_code == 200
    assert (await tenant.browser().submit(mail.link, password=PASSWORD)).status_code == 303

    again = await tenant.browser().submit(mail.link, password=NEW_PASSWORD)

    assert again.status_code == 404
    assert "Salon Nord" not in again.text
    assert (await tenant.browser().sign_in("ada@example.com", NEW_PASSWORD)).status_code == 401


async def test_expired_forged_and_cut_links_look_alike_and_tell_nothing(tenant: Tenant) -> None:
    _, mail = await tenant.invited("ada@example.com")
    path = mail.link.partition("?")[0]
    tenant.pass_time(timedelta(days=8))

    pages = [
        await tenant.browser().get(link) for link in (path, path[:-1], path + "x", "/invitation/x", "/invitation/%00")
    ]

    assert {page.status_code for page in pages} == {404}
    assert len({page.text for page in pages}) == 1
    assert "ada@example.com" not in pages[0].text


async def test_a_repeated_invitation_kills_the_earlier_link(tenant: Tenant) -> None:
    user, first = await tenant.invited("ada@example.com")
    assert (await tenant.api().post(f"/v1/users/{user['id']}/invitation")).status_code == 202
    await tenant.mailer.send_due()
    second = tenant.mails.caught.pop()

    assert (await tenant.browser().get(first.link)).status_code == 404
    assert (await tenant.browser().submit(second.link, password=PASSWORD)).status_code == 303
    assert (await tenant.api().post(f"/v1/users/{user['id']}/invitation")).status_code == 409


async def test_one_recipient_is_invited_a_few_times_at_once_and_then_once_a_minute(tenant: Tenant) -> None:
    user, _ = await tenant.invited("ada@example.com")
    path = f"/v1/users/{user['id']}/invitation"
    repeated = [await tenant.api().post(path) for _ in range(6)]
    assert [answer.status_code for answer in repeated] == [202, 202, 202, 202, 429, 429]
    assert repeated[-1].json()["code"] == "rate_limited"
    assert int(repeated[-1].headers["Retry-After"]) >= 1
    await tenant.api().delete(f"/v1/users/{user['id']}")
    anew = {"email": "ada@example.com", "name": "Ada", "role": "staff"}
    assert (await tenant.api().post("/v1/users", json=anew)).status_code == 429

    await tenant.invited("bo@example.com")
    tenant.pass_time(timedelta(minutes=1))
    assert (await tenant.api().post("/v1/users", json=anew)).status_code == 201


async def test_a_removed_or_deactivated_user_cannot_accept(tenant: Tenant) -> None:
    gone, first = await tenant.invited("ada@example.com")
    off, second = await tenant.invited("bo@example.com")
    await tenant.api().delete(f"/v1/users/{gone['id']}")
    await tenant.api().patch(f"/v1/users/{off['id']}", json={"active": False})

    answers = [await tenant.browser().submit(mail.link, password=PASSWORD) for mail in (first, second)]

    assert [answer.status_code for answer in answers] == [404, 404]


async def test_an_invitation_does_not_change_the_password_of_somebody_who_has_one(tenant: Tenant) -> None:
    await _found_another_organization(tenant)
    tenant.pass_time(timedelta(minutes=1))
    user, mail = await tenant.invited("chief@example.com")
    browser = tenant.browser()
    shown = await browser.get(mail.link)
    answer = await browser.submit(mail.link, password=NEW_PASSWORD)

    assert 'name="password"' not in shown.text
    assert answer.headers["location"].startswith("/sign-in?notice=joined")
    assert (await tenant.browser().sign_in("chief@example.com", NEW_PASSWORD)).status_code == 401
    signed_in = await tenant.signed_in("chief@example.com")
    assert (await signed_in.session())["user"]["id"] == user["id"]


async def _found_another_organization(tenant: Tenant) -> None:
    """One whose owner, chief@example.com, has a password already."""
    wanted = FirstOwner(organization_id=fresh_organization(), name="Other", email="chief@example.com")
    link = await make_first_owner(tenant.settings, wanted)
    assert link is not None
    assert (await tenant.browser().submit(path_of(link), password=PASSWORD)).status_code == 303


async def test_a_weak_password_is_refused_and_the_link_still_works(tenant: Tenant) -> None:
    _, mail = await tenant.invited("ada@example.com")
    browser = tenant.browser()
    for password in ("short", "aaaaaaaaaaaa", "ada@example.com", "Password123", "x" * 300, ""):
        refused = await browser.submit(mail.link, password=password)

        assert refused.status_code == 422, password
        assert 'role="alert"' in refused.text

    assert (await browser.submit(mail.link, password=PASSWORD)).status_code == 303


async def test_a_reset_is_answered_alike_and_mailed_only_where_there_is_an_account(tenant: Tenant) -> None:
    known = await tenant.browser().submit("/reset", email=OWNER)
    unknown = await tenant.browser().submit("/reset", email="nobody@example.com")
    malformed = await tenant.browser().submit("/reset", email="nonsense")
    await tenant.mailer.send_due()

    assert known.text == unknown.text == malformed.text
    assert {known.status_code, unknown.status_code, malformed.status_code} == {200}
    assert [mail.recipient for mail in tenant.mails.caught] == [OWNER]


async def test_a_reset_sets_the_password_once_ends_every_session_and_tells_by_mail(tenant: Tenant) -> None:
    before = await tenant.signed_in()
    await tenant.browser().submit("/reset", email=OWNER)
    await tenant.mailer.send_due()
    mail = tenant.mails.caught.pop()
    browser = tenant.browser()

    assert (await browser.get(mail.link)).status_code == 200
    answer = await browser.submit(mail.link, password=NEW_PASSWORD)
    await tenant.mailer.send_due()

    assert answer.headers["location"].startswith("/sign-in?notice=password_set")
    assert (await before.get("/api/session")).status_code == 401
    assert (await tenant.browser().sign_in(OWNER, PASSWORD)).status_code == 401
    assert (await tenant.browser().sign_in(OWNER, NEW_PASSWORD)).status_code == 303
    assert (await tenant.browser().submit(mail.link, password=PASSWORD)).status_code == 404
    assert [caught.subject for caught in tenant.mails.caught] == ["Your password was changed"]
    actions = [entry["action"] for entry in (await tenant.api().get("/v1/audit")).json()["items"]]
    assert "password_set" in actions


async def test_a_reset_link_ends_after_half_an_hour(tenant: Tenant) -> None:
    await tenant.browser().submit("/reset", email=OWNER)
    await tenant.mailer.send_due()
    tenant.pass_time(timedelta(minutes=31))

    assert (await tenant.browser().get(tenant.mails.caught.pop().link)).status_code == 404


async def test_resets_asked_for_again_and_again_fill_no_mailbox(tenant: Tenant) -> None:
    for _ in range(5):
        await tenant.browser().submit("/reset", email=OWNER)
        await tenant.mailer.send_due()

    assert len(tenant.mails.caught) == 1


async def test_a_mail_that_fails_for_now_is_sent_later_and_one_that_fails_for_good_never(tenant: Tenant) -> None:
    tenant.mails.failure = MailNotSentError("SMTPConnectError", passing=True)
    await tenant.browser().submit("/reset", email=OWNER)
    await tenant.mailer.send_due()
    tenant.mails.failure = None
    await tenant.mailer.send_due()
    too_early = len(tenant.mails.caught)
    tenant.pass_time(timedelta(minutes=1))
    await tenant.mailer.send_due()

    assert (too_early, len(tenant.mails.caught)) == (0, 1)
    assert (await tenant.browser().get(tenant.mails.caught.pop().link)).status_code == 200

    tenant.pass_time(timedelta(hours=1))
    tenant.mails.failure = MailNotSentError("SMTPRecipientsRefused 550", passing=False)
    await tenant.browser().submit("/reset", email=OWNER)
    await tenant.mailer.send_due()
    tenant.mails.failure = None
    tenant.pass_time(timedelta(hours=1))
    await tenant.mailer.send_due()
    assert tenant.mails.caught == []


async def test_links_in_mails_use_the_configured_address_whatever_the_host_header_says(tenant: Tenant) -> None:
    await tenant.browser(Host="evil.example.com").submit("/reset", email=OWNER)
    await tenant.mailer.send_due()

    mail = tenant.mails.caught.pop()
    assert "https://desk.example.com/reset/" in mail.text
    assert "evil" not in mail.text + mail.html
