"""Administrators are told by mail of an own account that does not work: once, and by the installation's account."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from email.message import EmailMessage
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import pytest
import pytest_asyncio
from notifications_mailbox import Mailbox
from notifications_own_mail import Authority, OwnMailServer, own_mail_server
from notifications_salon import Salon, reaching
from notifications_staff import plain

from notifications.domain.channel_accounts import is_its_own_to_mend
from notifications.domain.channels import Channels
from notifications.domain.messages import Channel
from notifications.storage import ChannelAccountStore
from slotstream_contracts.users import UserState
from slotstream_servicekit.infrastructure.processes import free_port

pytestmark = pytest.mark.service

PATH = "/v1/channel-accounts/smtp"
SUBJECT = "Your mail account does not work"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def own(authority: Authority) -> Iterator[OwnMailServer]:
    with own_mail_server(authority) as server:
        yield server


@pytest_asyncio.fixture(autouse=True)
async def _reachable(salon: Salon, authority: Authority) -> AsyncIterator[None]:
    networks = (IPv4Network("127.0.0.0/8"),)
    async with reaching(salon, smtp_allowed_networks=networks, smtp_own_ca_file=str(authority.file)):
        yield


@pytest.fixture
def owner(salon: Salon) -> UserState:
    return a_user(salon)


def a_user(
    salon: Salon,
    *,
    role: Literal["owner", "manager", "staff", "viewer"] = "owner",
    locale: str = "en",
    **more: Any,
) -> UserState:
    user_id = uuid4()
    values: dict[str, Any] = {
        "id": user_id,
        "organization_id": salon.organization_id,
        "email": f"{role}-{locale}@salon.example",
        "name": role,
        "locale": locale,
        "role": role,
        "state": "active",
        "updated_at": salon.now,
        "version": 1,
    }
    return UserState(**{**values, **more})


async def set_own(salon: Salon, server: OwnMailServer, **more: Any) -> None:
    answer = await salon.http.put(PATH, json=server.account(**more))
    assert answer.status_code == 200, answer.text


async def fail(salon: Salon) -> None:
    """The account is tried, and refused; then what is due by that is sent."""
    await salon.receive(salon.created(salon.snapshot(starts_at=salon.now + timedelta(days=9))))
    await salon.send()
    await salon.send()


async def told(salon: Salon) -> list[tuple[str, str | None]]:
    rows = [row for row in await salon.ledger() if row["kind"] == "account_failing"]
    return [(row["status"], row["reason"] or row["code"]) for row in rows]


def told_by_mail(mails: list[EmailMessage]) -> list[tuple[str, str]]:
    return [(mail["To"].addresses[0].addr_spec, str(mail["Subject"])) for mail in mails]


async def test_an_owner_is_told_once_and_by_the_installations_account(
    salon: Salon, own: OwnMailServer, mailbox: Mailbox, owner: UserState
) -> None:
    await salon.receive_states(owner)
    await set_own(salon, own, password="wrong")
    await fail(salon)

    [mail] = mailbox.mails
    assert told_by_mail([mail]) == [("owner-en@salon.example", SUBJECT)]
    assert mail["From"].addresses[0].addr_spec == "no-reply@mail.example"
    assert "smtp_authentication" in plain(mail)
    assert own.username not in plain(mail)
    for _ in range(3):
        salon.now += timedelta(hours=1)
        await salon.send()
    assert (len(mailbox.mails), await told(salon)) == (1, [("sent", None)])
    [row] = [row for row in await salon.ledger() if row["kind"] == "account_failing"]
    assert (row["appointment_id"], row["client_id"]) == (None, None)


async def test_it_is_told_again_once_it_has_worked_or_was_changed(
    salon: Salon, own: OwnMailServer, mailbox: Mailbox, owner: UserState
) -> None:
    await salon.receive_states(owner)
    await set_own(salon, own, password="wrong")
    await fail(salon)
    own.password = "wrong"
    salon.now += timedelta(minutes=1)
    await salon.send()
    await salon.send()
    assert len(own.mails) == 1
    await set_own(salon, own, password="wrong again")
    await fail(salon)
    assert (len(mailbox.mails), await told(salon)) == (2, [("sent", None), ("sent", None)])


async def test_whoever_may_not_set_accounts_is_not_told(salon: Salon, own: OwnMailServer, mailbox: Mailbox) -> None:
    await salon.receive_states(
        a_user(salon, role="manager"),
        a_user(salon, role="staff"),
        a_user(salon, role="viewer"),
        a_user(salon, state="invited"),
        a_user(salon, state="deactivated"),
        a_user(salon, business_ids=(salon.business_id,)),
        a_user(salon, resource_id=salon.staff_id),
        a_user(salon, organization_id=uuid4()),
    )
    await set_own(salon, own, password="wrong")
    await fail(salon)
    assert (mailbox.mails, await told(salon)) == ([], [])


@pytest.mark.parametrize(
    ("locale", "subject"),
    [
        ("de-AT", "Ihr Mailkonto funktioniert nicht"),
        ("fr", "Votre compte de messagerie ne fonctionne pas"),
        ("es", "Su cuenta de correo no funciona"),
        ("ar", "حساب البريد لديكم لا يعمل"),
        ("nl", SUBJECT),
    ],
)
async def test_it_is_told_in_the_users_language(
    salon: Salon, own: OwnMailServer, mailbox: Mailbox, locale: str, subject: str
) -> None:
    await salon.receive_states(a_user(salon, locale=locale))
    await set_own(salon, own, password="wrong")
    await fail(salon)
    assert told_by_mail(mailbox.mails) == [(f"owner-{locale}@salon.example", subject)]


Change = Callable[[Salon, OwnMailServer, UserState], Any]


async def _puts_it_right(salon: Salon, own: OwnMailServer, _: UserState) -> None:
    await set_own(salon, own)


async def _removes_it(salon: Salon, _own: OwnMailServer, _: UserState) -> None:
    assert (await salon.http.delete(PATH)).status_code == 204


async def _works_and_fails_anew(salon: Salon, _own: OwnMailServer, _: UserState) -> None:
    await salon.execute("UPDATE channel_accounts SET failing_since = failing_since + interval '1 minute'")


async def _is_a_manager_now(salon: Salon, _own: OwnMailServer, owner: UserState) -> None:
    await salon.receive_states(owner.model_copy(update={"role": "manager", "version": 2}))


async def _is_deactivated(salon: Salon, _own: OwnMailServer, owner: UserState) -> None:
    await salon.receive_states(owner.model_copy(update={"state": "deactivated", "version": 2}))


async def _is_removed(salon: Salon, _own: OwnMailServer, owner: UserState) -> None:
    await salon.remove_user(owner.id)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_puts_it_right, "account_works"),
        (_removes_it, "account_works"),
        (_works_and_fails_anew, "account_works"),
        (_is_a_manager_now, "not_permitted"),
        (_is_deactivated, "user_deactivated"),
        (_is_removed, "user_removed"),
    ],
)
async def test_what_is_not_true_any_more_is_not_told(
    salon: Salon, own: OwnMailServer, owner: UserState, change: Change, reason: str
) -> None:
    await salon.receive_states(owner)
    await set_own(salon, own, password="wrong")
    await salon.receive(salon.created(salon.snapshot()))
    await salon.send()
    assert await told(salon) == [("planned", None)]
    await change(salon, own, owner)
    await salon.send()
    assert await told(salon) == [("suppressed", reason)]


async def test_what_tells_of_it_does_not_wait_for_it(
    salon: Salon, own: OwnMailServer, mailbox: Mailbox, owner: UserState
) -> None:
    await salon.receive_states(owner)
    await set_own(salon, own, password="wrong")
    await salon.receive(salon.created(salon.snapshot()))
    await salon.send()
    async with salon.database.system_transaction() as session:
        await ChannelAccountStore(session).hold_due(
            salon.organization_id, [Channel.EMAIL], until=salon.now + timedelta(hours=1), now=salon.now
        )
    await salon.send()
    assert (len(mailbox.mails), await told(salon)) == (1, [("sent", None)])


async def test_where_the_installation_sends_no_mail_the_ledger_says_so(
    salon: Salon, own: OwnMailServer, mailbox: Mailbox, owner: UserState
) -> None:
    await salon.receive_states(owner)
    await set_own(salon, own, password="wrong")
    await salon.receive(salon.created(salon.snapshot()))
    await salon.send()
    salon.use(Channels([], immediate=[], accounts=salon.sender.channels.accounts))
    await salon.send()
    assert (mailbox.mails, await told(salon)) == ([], [("suppressed", "channel_unavailable")])


async def test_a_server_that_takes_nothing_from_this_sender_counts_as_refusing_us(
    salon: Salon, own: OwnMailServer, mailbox: Mailbox, owner: UserState
) -> None:
    await salon.receive_states(owner)
    own.at_sender = ["550 5.7.1 sender not allowed"]
    await set_own(salon, own)
    await fail(salon)
    assert await told(salon) == [("sent", None)]
    salon.now += timedelta(minutes=1)
    await salon.send()
    assert (len(own.mails), len(mailbox.mails)) == (1, 1)


async def test_what_one_recipient_may_not_be_sent_is_tried_again_and_rests_nothing(
    salon: Salon, own: OwnMailServer, mailbox: Mailbox, owner: UserState
) -> None:
    await salon.receive_states(owner)
    own.at_recipient = ["550 5.7.1 relaying denied"]
    await set_own(salon, own)
    await fail(salon)
    assert (mailbox.mails, await told(salon)) == ([], [])
    salon.now += timedelta(minutes=1)
    await salon.send()
    assert len(own.mails) == 1


async def test_a_provider_that_cannot_be_reached_is_nobodys_to_mend(
    salon: Salon, own: OwnMailServer, mailbox: Mailbox, owner: UserState
) -> None:
    await salon.receive_states(owner)
    await set_own(salon, own, port=free_port())
    await fail(salon)
    assert (mailbox.mails, await told(salon)) == ([], [])


@pytest.mark.parametrize(
    ("code", "is_its_own"),
    [
        ("smtp_authentication", True),
        ("smtp_535", True),
        ("smtp_550", True),
        ("twilio_20003", True),
        ("twilio_401", True),
        ("smtp_421", False),
        ("smtp_454", False),
        ("smtp_unreachable", False),
        ("twilio_unreachable", False),
        ("twilio_unusable", False),
        ("account_unreadable", False),
    ],
)
def test_a_reason_is_the_organizations_own_or_not(code: str, *, is_its_own: bool) -> None:
    assert is_its_own_to_mend(code) is is_its_own
