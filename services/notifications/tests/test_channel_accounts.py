"""An organization's own mail server: what goes by it, whom it harms when it does not work, and who sees its password."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
import pytest_asyncio
from cryptography.fernet import Fernet
from notifications_mailbox import Mailbox
from notifications_own_mail import Authority, OwnMailServer, own_mail_server
from notifications_salon import Salon, reaching
from sqlalchemy import text

from notifications.channels import create_accounts, create_channels
from notifications.domain.channel_accounts import ChannelAccount
from notifications.storage import ChannelAccountStore
from slotstream_contracts.appointments import AppointmentSnapshot
from slotstream_servicekit.sealing import Resealed, Sealer, reseal
from slotstream_servicekit.testing.plugin import ApiClientFactory, Signer

pytestmark = pytest.mark.service

PATH = "/v1/channel-accounts/smtp"
LOOPBACK = (IPv4Network("127.0.0.0/8"),)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def own(authority: Authority) -> Iterator[OwnMailServer]:
    with own_mail_server(authority) as server:
        yield server


@pytest_asyncio.fixture(autouse=True)
async def _reachable(salon: Salon, authority: Authority) -> AsyncIterator[None]:
    """Servers on this machine may be an organization's own."""
    async with reaching(salon, smtp_allowed_networks=LOOPBACK, smtp_own_ca_file=str(authority.file)):
        yield


class Neighbour:
    """Another organization with a business and a client of its own."""

    def __init__(self, salon: Salon, organization_id: UUID) -> None:
        self._salon = salon
        self.organization_id = organization_id
        self._business_id, self._client_id = uuid4(), uuid4()

    async def move_in(self) -> None:
        of = {"organization_id": self.organization_id}
        await self._salon.receive_states(
            self._salon.business(id=self._business_id, name="Barber Ost", **of),
            self._salon.client(id=self._client_id, name="Lin", email="lin@example.com", **of),
        )

    def appointment(self) -> AppointmentSnapshot:
        return self._salon.snapshot(
            organization_id=self.organization_id,
            business_id=self._business_id,
            client_id=self._client_id,
            service_id=None,
            resources=(),
        )


@pytest_asyncio.fixture
async def neighbour(salon: Salon) -> Neighbour:
    neighbour = Neighbour(salon, uuid4())
    await neighbour.move_in()
    return neighbour


async def set_own(salon: Salon, server: OwnMailServer, **more: Any) -> dict[str, Any]:
    answer = await salon.http.put(PATH, json=server.account(**more))
    assert answer.status_code == 200, answer.text
    account: dict[str, Any] = answer.json()
    return account


async def email_state(salon: Salon) -> dict[str, Any]:
    items = (await salon.http.get("/v1/channels")).json()["items"]
    [state] = [item for item in items if item["channel"] == "email"]
    return dict(state)


async def test_mails_go_by_the_organizations_own_server_and_its_neighbours_by_the_installations(
    salon: Salon, own: OwnMailServer, mailbox: Mailbox, neighbour: Neighbour
) -> None:
    await set_own(salon, own)
    await salon.receive(salon.created(salon.snapshot()), salon.created(neighbour.appointment()))
    await salon.send()

    [mail] = own.mails
    assert (mail["From"].addresses[0].addr_spec, mail["To"].addresses[0].addr_spec) == (
        "salon@own.example",
        "grace@example.com",
    )
    assert mail["Message-ID"].endswith("@own.example>")
    [other] = mailbox.mails
    assert (other["From"].addresses[0].addr_spec, other["To"].addresses[0].addr_spec) == (
        "no-reply@mail.example",
        "lin@example.com",
    )
    assert (await email_state(salon))["own"] is True
    assert (await salon.stranger.get("/v1/channels")).json()["items"][0]["own"] is False


async def test_connections_are_kept_by_account_and_a_changed_one_begins_anew(
    salon: Salon, own: OwnMailServer, authority: Authority
) -> None:
    account = await set_own(salon, own)
    for _ in range(3):
        await salon.receive(salon.created(salon.snapshot()))
        await salon.send()
    assert (len(own.mails), own.sign_ins) == (3, ["right"])
    with own_mail_server(authority, username="other", password="new") as other:
        answer = await salon.http.put(PATH, json=other.account(), headers={"If-Match": f'"{account["version"]}"'})
        assert answer.status_code == 200, answer.text
        await salon.receive(salon.created(salon.snapshot()))
        await salon.send()
        assert (len(own.mails), len(other.mails)) == (3, 1)


async def test_an_account_that_is_set_after_another_was_taken_away_sends_by_its_own_server(
    salon: Salon, own: OwnMailServer, authority: Authority
) -> None:
    await set_own(salon, own)
    await salon.receive(salon.created(salon.snapshot()))
    await salon.send()
    assert (await salon.http.delete(PATH)).status_code == 204
    with own_mail_server(authority) as second:
        await set_own(salon, second)
        await salon.receive(salon.created(salon.snapshot()))
        await salon.send()
        assert (len(own.mails), len(second.mails)) == (1, 1)


async def test_a_refusal_of_an_account_that_was_taken_away_meanwhile_does_not_rest_the_one_set_after_it(
    salon: Salon, own: OwnMailServer
) -> None:
    async def read() -> ChannelAccount:
        async with salon.database.system_transaction() as session:
            [account] = await ChannelAccountStore(session).of_organizations([salon.organization_id])
        return account

    await set_own(salon, own)
    removed = await read()
    assert (await salon.http.delete(PATH)).status_code == 204
    salon.now += timedelta(seconds=1)
    await set_own(salon, own)
    now = salon.now

    async with salon.database.system_transaction() as session:
        store = ChannelAccountStore(session)
        assert await store.fail(removed, code="smtp_authentication", until=now + timedelta(hours=1), now=now) is None

    present = await read()
    assert (present.version, present.paused_until) == (removed.version, None)


async def test_an_account_that_is_refused_rests_and_what_waits_for_it_goes_out_once_it_works(
    salon: Salon, own: OwnMailServer, mailbox: Mailbox, neighbour: Neighbour
) -> None:
    await set_own(salon, own, password="wrong")
    first, second = salon.snapshot(), salon.snapshot()
    await salon.receive(salon.created(first))
    await salon.send()
    assert await salon.outcomes() == [("created", "planned", "smtp_authentication")]
    state = await email_state(salon)
    assert (state["available"], state["failure"]["code"]) == (True, "smtp_authentication")

    # While it rests nothing is tried by it, and nobody else waits.
    tried = len(own.sign_ins)
    salon.now += timedelta(seconds=1)
    await salon.receive(salon.created(second), salon.created(neighbour.appointment()))
    await salon.send()
    assert (len(own.sign_ins), len(mailbox.mails)) == (tried, 1)
    assert {row["code"] for row in await salon.ledger()} == {"smtp_authentication", "account_failing"}

    own.password = "wrong"
    salon.now += timedelta(seconds=30)
    await salon.send()
    await salon.send()
    assert [status for _, status, _ in await salon.outcomes()] == ["sent", "sent"]
    assert (await email_state(salon))["failure"] is None


async def test_a_refused_account_counts_as_no_try_of_a_message_until_a_day_is_over(
    salon: Salon, own: OwnMailServer
) -> None:
    await set_own(salon, own, password="wrong")
    await salon.receive(salon.created(salon.snapshot(starts_at=salon.now + timedelta(days=9))))
    for _ in range(6):
        tried = len(own.sign_ins)
        await salon.send()
        assert len(own.sign_ins) > tried
        salon.now += timedelta(hours=1)
    [row] = await salon.ledger()
    assert (row["status"], row["code"]) == ("planned", "smtp_authentication")
    salon.now += timedelta(days=1)
    await salon.send()
    [row] = await salon.ledger()
    assert (row["status"], row["code"]) == ("failed", "smtp_authentication")


async def test_what_waits_goes_at_once_when_the_password_is_put_right_or_the_account_is_taken_away(
    salon: Salon, own: OwnMailServer, mailbox: Mailbox
) -> None:
    account = await set_own(salon, own, password="wrong")
    await salon.receive(salon.created(salon.snapshot()))
    await salon.send()
    account = await set_own(salon, own)
    assert account["failure"] is None
    await salon.send()
    assert (len(own.mails), len(mailbox.mails)) == (1, 0)

    await set_own(salon, own, password="wrong again")
    await salon.receive(salon.created(salon.snapshot()))
    await salon.send()
    assert (await salon.http.delete(PATH)).status_code == 204
    await salon.send()
    assert (len(own.mails), len(mailbox.mails)) == (1, 1)
    assert (await salon.http.delete(PATH)).json()["code"] == "channel_account_not_found"
    assert (await salon.http.get("/v1/channel-accounts")).json()["smtp"] is None


async def test_a_server_that_is_stuck_holds_up_nobody_else(
    salon: Salon, own: OwnMailServer, mailbox: Mailbox, neighbour: Neighbour, until: Any
) -> None:
    own.silent = True
    await set_own(salon, own)
    salon.sender.concurrency = 2
    await salon.receive(*[salon.created(salon.snapshot()) for _ in range(12)])
    stop = asyncio.Event()
    running = asyncio.create_task(salon.sender.run(stop))
    await until(lambda: own.mails, what="the first mails, to which the own server says nothing")
    await salon.receive(*[salon.created(neighbour.appointment()) for _ in range(9)])
    salon.sender.wake.set()
    await until(lambda: len(mailbox.mails) == 9, what="the neighbour's mails")
    assert len(own.mails) <= 4
    own.silent = False
    await until(lambda: len(own.mails) == 12, what="the own mails once the server goes on")
    stop.set()
    await asyncio.wait_for(running, 30)


async def test_the_test_button_tries_the_own_account_and_says_what_its_server_said(
    salon: Salon, own: OwnMailServer
) -> None:
    await set_own(salon, own, password="wrong")
    answer = (await salon.http.post("/v1/channels/email/test", json={"address": "me@example.com"})).json()
    assert (answer["status"], answer["code"]) == ("failed", "smtp_authentication")
    await salon.receive(salon.created(salon.snapshot()))
    await salon.send()
    own.password = "wrong"
    answer = (await salon.http.post("/v1/channels/email/test", json={"address": "me@example.com"})).json()
    assert answer["status"] == "sent"
    # It works after all: what waited need not wait for the end of its rest.
    assert (await email_state(salon))["failure"] is None
    await salon.send()
    assert [mail["To"] for mail in own.mails] == ["me@example.com", "Grace Hopper <grace@example.com>"]


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_private_or_closed_address_is_told_alike_and_nothing_is_dialled(
    salon: Salon, own: OwnMailServer, tls: str
) -> None:
    async with reaching(salon, smtp_seconds=0.2):
        told = set()
        for host, port in (("127.0.0.1", own.port), ("localhost", own.port), ("169.254.169.254", 25), ("::1", 25)):
            await set_own(salon, own, host=host, port=port, tls=tls)
            answer = (await salon.http.post("/v1/channels/email/test", json={"address": "me@example.com"})).json()
            told.add((answer["status"], answer["code"], answer["detail"]))
        assert told == {("failed", "smtp_unreachable", "the mail server cannot be reached")}
        assert own.connections == 0


async def test_the_password_is_in_no_answer_and_not_in_the_database(salon: Salon, own: OwnMailServer) -> None:
    secret = f"s3cret-{uuid4()}"
    put = await salon.http.put(PATH, json=own.account(password=secret))
    read = await salon.http.get("/v1/channel-accounts")
    assert secret not in put.text + read.text
    assert read.json()["smtp"]["password_set_at"] == put.json()["password_set_at"]
    async with salon.database.system_transaction() as session:
        stored = (await session.execute(text("SELECT channel_accounts::text FROM channel_accounts"))).scalar_one()
    assert secret not in stored
    assert secret.encode().hex() not in stored
    refused = await salon.http.put(PATH, json=own.account(password=secret, port="no port"))
    assert (refused.status_code, secret in refused.text) == (422, False)


@pytest.mark.parametrize("change", [{"host": "evil.example"}, {"port": 2525}, {"username": "somebody"}])
async def test_a_password_is_shown_to_nobody_else_than_it_was_typed_for(
    salon: Salon, own: OwnMailServer, change: dict[str, Any]
) -> None:
    before = await set_own(salon, own)
    refused = await salon.http.put(PATH, json={**own.account(password=None), **change})
    assert (refused.status_code, refused.json()["code"]) == (422, "credential_required")
    assert (await salon.http.get("/v1/channel-accounts")).json()["smtp"] == before

    kept = await set_own(salon, own, password=None, sender_address="new@own.example")
    assert kept["password_set_at"] == before["password_set_at"]
    await salon.receive(salon.created(salon.snapshot()))
    await salon.send()
    assert own.mails[0]["From"].addresses[0].addr_spec == "new@own.example"


async def test_a_first_account_needs_a_password(salon: Salon, own: OwnMailServer) -> None:
    answer = await salon.http.put(PATH, json=own.account(password=None))
    assert (answer.status_code, answer.json()["code"]) == (422, "credential_required")


async def test_two_who_change_it_at_once_do_not_overwrite_each_other(salon: Salon, own: OwnMailServer) -> None:
    first = await salon.http.put(PATH, json=own.account(), headers={"If-Match": '"0"'})
    assert (first.status_code, first.headers["ETag"]) == (200, '"1"')
    late = await salon.http.put(PATH, json=own.account(username="late"), headers={"If-Match": '"0"'})
    assert (late.status_code, late.json()["code"]) == (412, "version_conflict")
    gone = await salon.http.delete(PATH, headers={"If-Match": '"7"'})
    assert gone.status_code == 412
    assert (await salon.http.get("/v1/channel-accounts")).json()["smtp"]["username"] == "salon"


async def test_accounts_are_for_owners_of_the_organization_alone(
    salon: Salon, own: OwnMailServer, api_client: ApiClientFactory, signer: Signer
) -> None:
    await set_own(salon, own)

    async def of_role(role: str) -> httpx2.AsyncClient:
        return await api_client(salon.app, token=signer.token(organization_id=salon.organization_id, role=role))

    for client in (await of_role("manager"), await of_role("staff"), salon.viewer):
        assert (await client.get("/v1/channel-accounts")).status_code == 403
        assert (await client.put(PATH, json=own.account())).status_code == 403
        assert (await client.delete(PATH)).status_code == 403
    assert (await salon.anonymous.put(PATH, json=own.account())).status_code == 401
    assert (await salon.stranger.get("/v1/channel-accounts")).json()["smtp"] is None
    assert (await salon.stranger.delete(PATH)).json()["code"] == "channel_account_not_found"
    assert (await salon.http.get("/v1/channel-accounts")).json()["smtp"]["version"] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"host": "a\x00b.example"},
        {"host": "smtp.example\r\nQUIT"},
        {"host": "http://smtp.example"},
        {"host": "user@smtp.example"},
        {"host": "a" * 300},
        {"host": ""},
        {"port": 0},
        {"port": 65_536},
        {"port": True},
        {"tls": "none"},
        {"tls": "opportunistic"},
        {"username": "a\r\nb"},
        {"username": "u" * 400},
        {"password": "p" * 2_000},
        {"password": "p\x00"},
        {"sender_address": "nobody"},
        {"sender_address": "a@b.example\r\nBcc: c@d.example"},
        {"organization_id": str(uuid4())},
    ],
)
async def test_what_is_no_account_is_refused_and_changes_nothing(
    salon: Salon, own: OwnMailServer, change: dict[str, Any]
) -> None:
    answer = await salon.http.put(PATH, json=own.account(**change))
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["code"]
    assert (await salon.http.get("/v1/channel-accounts")).json()["smtp"] is None


async def test_credentials_copied_to_another_organizations_row_stay_shut(
    salon: Salon, own: OwnMailServer, neighbour: Neighbour
) -> None:
    await set_own(salon, own)
    columns = "provider, details, sealed_secrets, secret_names, secrets_set_at, updated_by, created_at, updated_at"
    await salon.execute(
        f"INSERT INTO channel_accounts (organization_id, version, {columns})"
        f" SELECT '{neighbour.organization_id}', version, {columns} FROM channel_accounts"
    )
    await salon.receive(salon.created(neighbour.appointment()), salon.created(salon.snapshot()))
    await salon.send()
    assert [mail["To"] for mail in own.mails] == ["Grace Hopper <grace@example.com>"]
    async with salon.database.system_transaction() as session:
        found = await session.execute(
            text("SELECT status, code FROM messages WHERE organization_id = :id"), {"id": neighbour.organization_id}
        )
        assert [tuple(row) for row in found] == [("planned", "account_unreadable")]


async def test_credentials_move_to_the_newest_key(salon: Salon, own: OwnMailServer) -> None:
    await set_own(salon, own)
    old = salon.settings.secret_keys[0].get_secret_value()
    box = Sealer([Fernet.generate_key().decode(), old])
    for expected in (Resealed(sealed=1, unreadable=0), Resealed(sealed=0, unreadable=0)):
        assert await reseal(database=salon.database, box=box, store_of=ChannelAccountStore) == expected
    other = Sealer([Fernet.generate_key().decode()])
    assert (await reseal(database=salon.database, box=other, store_of=ChannelAccountStore)).unreadable == 1


async def test_without_a_key_to_seal_with_there_are_no_own_accounts(salon: Salon, own: OwnMailServer) -> None:
    settings = salon.settings.model_copy(update={"secret_keys": ()})
    salon.use(create_channels(settings, accounts=create_accounts(settings)), settings)
    answer = await salon.http.put(PATH, json=own.account())
    assert (answer.status_code, answer.json()["code"]) == (409, "channel_accounts_unavailable")
    assert (await salon.http.get("/v1/channel-accounts")).json()["smtp_available"] is False
