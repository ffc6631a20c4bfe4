"""What one mail domain is sent: no more than it takes, in order, by all workers, and nobody else waits for it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from notifications_salon import Salon, reaching
from sqlalchemy import text
from test_channel_accounts import Neighbour

from notifications.adapters.email import checked_address
from notifications.channels import create_domain_limits
from notifications.domain.channels import InvalidAddressError
from notifications.domain.mail_domains import DomainLimit, MailDomain, domain_of, domain_turns
from notifications.domain.messages import Kind
from notifications.domain.send_limits import Taken
from notifications.main import create_sender
from notifications.settings import DomainRate, NotificationsSettings
from notifications.storage.mail_domains import LINE_UP
from notifications.usecases.delivery import claim_messages
from notifications.worker import Sender, sweeps
from slotstream_contracts.appointments import AppointmentSnapshot
from slotstream_contracts.base import Actor
from slotstream_contracts.messages import SendMessage
from slotstream_servicekit.errors import StartError
from slotstream_servicekit.housekeeping import Sweep, delete_swept

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
EIGHT_A_MINUTE = {"gmail.com": DomainRate(per_minute=8, at_once=0)}
"""Two of them at once."""
GAP = timedelta(minutes=1) / 8
TOO_MUCH = "421 4.7.0 [203.0.113.5] Our system has detected an unusual rate of mail"


@pytest.mark.parametrize(
    "address",
    ["a@gmail.com", "a@GMail.COM", "a@ｇｍａｉｌ.com", "a@gmail。com", '"a@b"@gmail.com'],
)
def test_one_domain_is_counted_once_however_it_is_written(address: str) -> None:
    assert domain_of(checked_address(address)) == "gmail.com"


def test_a_name_beyond_ascii_is_one_domain_with_its_ascii_form() -> None:
    written = ["a@münchen.example", "a@MÜNCHEN.example", "a@xn--mnchen-3ya.example", "a@XN--MNCHEN-3YA.example"]
    assert {domain_of(checked_address(address)) for address in written} == {"xn--mnchen-3ya.example"}


def test_a_last_dot_makes_no_other_domain() -> None:
    assert domain_of("a@gmail.com.") == "gmail.com"
    with pytest.raises(InvalidAddressError):
        checked_address("a@gmail.com.")


def a_domain(**more: Any) -> MailDomain:
    return MailDomain(name="gmail.com", taken=Taken(whole=NOW, bulk=NOW), **more)


def going(domain: MailDomain, *, at_once: int = 0, under_way: int = 0, now: datetime = NOW) -> list[int]:
    limit = DomainLimit(per_minute=0, at_once=at_once)
    waiting = [(number, Kind.REMINDER) for number in range(5)]
    return list(domain_turns(waiting, domain=domain, limit=limit, under_way=under_way, now=now).now)


def test_no_more_are_under_way_at_once_than_a_domain_takes() -> None:
    assert going(a_domain(), at_once=3) == [0, 1, 2]
    assert going(a_domain(), at_once=3, under_way=2) == [0]
    assert going(a_domain(), at_once=3, under_way=7) == []
    assert going(a_domain(), at_once=0, under_way=7) == [0, 1, 2, 3, 4]


def test_a_domain_that_rests_is_sent_nothing_and_then_one_at_a_time() -> None:
    until = NOW + timedelta(seconds=10)
    resting = a_domain(refusals=1, rests_until=until)
    assert going(resting, at_once=3) == []
    assert going(resting, at_once=3, now=until) == [0]
    assert going(resting, at_once=0, under_way=1, now=until) == []


def test_single_domains_have_limits_of_their_own() -> None:
    settings = NotificationsSettings(
        database_url="postgresql+asyncpg://nowhere/x",
        domains={"München.Example.": DomainRate(at_once=2), "gmail.com": DomainRate(per_minute=600)},
    )
    limits = create_domain_limits(settings)
    assert limits.of("xn--mnchen-3ya.example") == DomainLimit(per_minute=6_000, at_once=2)
    assert limits.of("gmail.com") == DomainLimit(per_minute=600, at_once=20)
    assert limits.of("elsewhere.example") == limits.usual
    with pytest.raises(StartError, match="no domain"):
        create_domain_limits(settings.model_copy(update={"domains": {"no domain": DomainRate()}}))


class Post:
    """The salon writes to clients at several domains."""

    def __init__(self, salon: Salon) -> None:
        self.salon = salon

    async def plan(self, *addresses: str) -> list[AppointmentSnapshot]:
        """One appointment for each, a second apart, whose news is due now."""
        planned = []
        for address in addresses:
            client_id = uuid4()
            await self.salon.receive_states(self.salon.client(id=client_id, email=address, name=address))
            appointment = self.salon.snapshot(client_id=client_id)
            await self.salon.receive(self.salon.created(appointment))
            self.salon.now += timedelta(seconds=1)
            planned.append(appointment)
        return planned

    async def send(self) -> list[str]:
        """To whom something goes now, whatever number of claims that takes."""
        before = len(self.salon.mailbox.mails)
        while await self.salon.sender.send_due():
            pass
        return recipients(self.salon, before)

    async def held(self) -> int:
        return await self._count("code = 'domain_limited' AND status = 'planned'")

    async def domains(self) -> list[tuple[str, int]]:
        async with self.salon.database.system_transaction() as session:
            rows = await session.execute(text("SELECT domain, refusals FROM mail_domains ORDER BY domain"))
            return [(row.domain, row.refusals) for row in rows]

    async def _count(self, where: str) -> int:
        async with self.salon.database.system_transaction() as session:
            return int((await session.execute(text(f"SELECT count(*) FROM messages WHERE {where}"))).scalar_one())


def recipients(salon: Salon, since: int = 0) -> list[str]:
    return [mail["To"].addresses[0].addr_spec for mail in salon.mailbox.mails[since:]]


def at_gmail(count: int, *, first: int = 0) -> list[str]:
    return [f"g{number}@gmail.com" for number in range(first, first + count)]


@pytest_asyncio.fixture
async def post(salon: Salon) -> AsyncIterator[Post]:
    async with reaching(salon, domains=EIGHT_A_MINUTE):
        yield Post(salon)


def another_worker(salon: Salon) -> Sender:
    return create_sender(salon.settings, database=salon.database, channels=salon.sender.channels, clock=salon.clock)


@pytest.mark.service
async def test_what_a_domain_does_not_take_now_goes_later_in_the_order_in_which_it_was_due(post: Post) -> None:
    await post.plan(*at_gmail(20))
    assert sorted(await post.send()) == at_gmail(2)
    assert await post.held() == 18
    went = []
    for _ in range(18):
        post.salon.now += GAP
        went += await post.send()
    assert went == at_gmail(18, first=2)


@pytest.mark.service
async def test_who_comes_later_stands_behind_what_the_same_organization_has_waiting(post: Post) -> None:
    await post.plan(*at_gmail(6))
    await post.send()
    post.salon.now += GAP - timedelta(seconds=1)
    # Due before the next turn, of which it knows nothing.
    await post.plan(*at_gmail(1, first=6))
    went = await post.send()
    await post.plan(*at_gmail(2, first=7))
    for _ in range(12):
        went += await post.send()
        post.salon.now += GAP
    assert went == at_gmail(7, first=2)


@pytest.mark.service
async def test_nobody_stands_behind_another_organizations_flood(post: Post) -> None:
    salon, neighbour = post.salon, Neighbour(post.salon, uuid4())
    await neighbour.move_in()
    await salon.receive_states(
        salon.client(
            id=neighbour._client_id, organization_id=neighbour.organization_id, email="lin@gmail.com", version=2
        )
    )
    await post.plan(*at_gmail(64))
    await post.send()
    await salon.receive(salon.created(neighbour.appointment()))
    await post.send()
    turns = 0
    while "lin@gmail.com" not in recipients(salon):
        salon.now += GAP
        await post.send()
        turns += 1
        assert turns < 40, "half of the turns are theirs: they cannot lose so many"
    assert await post.held() >= 20


@pytest.mark.service
async def test_bulk_leaves_a_quarter_to_what_is_of_the_moment(post: Post) -> None:
    salon = post.salon
    [appointment] = await post.plan("bulk@gmail.com")
    await post.send()
    salon.now += timedelta(minutes=5)
    for number in range(30):
        command = SendMessage(
            actor=Actor(type="user", id="u"),
            message_id=uuid4(),
            appointment_id=appointment.id,
            client_id=appointment.client_id,
            channel="email",
            text=f"Number {number}",
        )
        await salon.request(command)
    await post.send()
    await post.plan("urgent@gmail.com")
    assert await post.send() == ["urgent@gmail.com"]


@pytest.mark.service
async def test_a_flood_to_one_domain_is_met_once_and_delays_no_other(post: Post) -> None:
    """Whoever is due after it is claimed next, however long it is."""
    await post.plan(*at_gmail(40), "ada@elsewhere.example")
    assert sorted(await one_claim(post)) == at_gmail(2)
    assert await post.held() == 38
    assert await one_claim(post) == ["ada@elsewhere.example"]
    assert await post.salon.sender.send_due() == 0


@pytest.mark.service
async def test_a_flood_that_cannot_be_told_by_its_addresses_delays_no_other_either(salon: Salon) -> None:
    async with reaching(salon, domains={"münchen.example": DomainRate(per_minute=8)}):
        post = Post(salon)
        await post.plan(*[f"g{number}@MÜNCHEN.example" for number in range(36)], "ada@elsewhere.example")
        went = [recipient for _ in range(2) for recipient in await one_claim(post)]
    assert "ada@elsewhere.example" in went
    assert await post.held() == 34
    assert await post.domains() == [("elsewhere.example", 0), ("xn--mnchen-3ya.example", 0)]


async def one_claim(post: Post) -> list[str]:
    before = len(post.salon.mailbox.mails)
    await post.salon.sender.send_due()
    return recipients(post.salon, before)


@pytest.mark.service
async def test_several_workers_keep_to_one_rate(post: Post) -> None:
    await post.plan(*at_gmail(40))
    workers = [post.salon.sender, another_worker(post.salon), another_worker(post.salon)]
    for _ in range(4):
        await asyncio.gather(*(worker.send_due() for worker in workers))
    assert len(post.salon.mailbox.mails) == 2


@pytest.mark.service
async def test_several_workers_together_have_no_more_under_way_than_a_domain_takes(salon: Salon, until: Any) -> None:
    async with reaching(salon, domains={"gmail.com": DomainRate(at_once=3)}):
        post = Post(salon)
        await post.plan(*at_gmail(12), *[f"e{number}@elsewhere.example" for number in range(3)])
        salon.mailbox.silent = True
        workers = [salon.sender, another_worker(salon), another_worker(salon)]
        sending = [asyncio.create_task(worker.send_due()) for worker in workers for _ in range(2)]
        await until(lambda: len(salon.mailbox.mails) >= 6, what="as many as may be under way")
        under_way = sorted(recipients(salon))
        salon.mailbox.silent = False
        await asyncio.gather(*sending)
        assert [each.partition("@")[2] for each in under_way].count("gmail.com") == 3
        went = under_way
        for _ in range(12):
            salon.now += timedelta(milliseconds=100)
            went += await post.send()
    assert len(recipients(salon)) == 15


@pytest.mark.service
async def test_a_worker_that_died_gives_its_places_back(salon: Salon) -> None:
    async with reaching(salon, domains={"gmail.com": DomainRate(at_once=2)}):
        post = Post(salon)
        await post.plan(*at_gmail(4))
        dead = await claim_messages(
            database=salon.database,
            channels=salon.sender.channels,
            now=salon.now,
            lease=timedelta(seconds=30),
            limit=16,
            retries=salon.sender.retries,
        )
        assert len(dead) == 2
        assert await post.send() == []
        salon.now += timedelta(seconds=31)
        assert len(await post.send()) > 0


@pytest.mark.service
@pytest.mark.parametrize(
    ("reply", "rests"),
    [
        (TOO_MUCH, True),
        ("421 too many connections", True),
        ("450 4.7.28 rate limited", True),
        ("451 4.7.650 The mail server has been temporarily rate limited", True),
        ("452 4.3.1 insufficient system storage", True),
        ("452 too many messages", True),
        ("452 4.2.2 The recipient's inbox is out of storage", False),
        ("450 4.2.1 The user is receiving mail at too high a rate", False),
        ("450 4.2.0 greylisted", False),
        ("451 later", False),
        ("451 4.3.0 local error", False),
    ],
)
async def test_which_answers_have_a_domain_rest(post: Post, reply: str, rests: bool) -> None:
    await post.plan(*at_gmail(1))
    post.salon.mailbox.of_domain["gmail.com"] = [reply]
    await post.send()
    assert await post.domains() == [("gmail.com", int(rests))]
    [(_, status, code)] = await post.salon.outcomes()
    assert (status, code) == ("planned", f"smtp_{reply[:3]}")
    async with post.salon.database.system_transaction() as session:
        tries = (await session.execute(text("SELECT tries FROM messages"))).scalar_one()
    assert tries == int(not rests), "the message is not to blame"


@pytest.mark.service
async def test_an_answer_before_the_recipient_is_known_says_nothing_of_their_domain(post: Post) -> None:
    await post.plan(*at_gmail(1))
    post.salon.mailbox.at_sender = [TOO_MUCH]
    await post.send()
    assert await post.domains() == [("gmail.com", 0)]


@pytest.mark.service
async def test_an_answer_to_the_content_has_the_domain_rest_as_well(post: Post) -> None:
    await post.plan(*at_gmail(1))
    post.salon.mailbox.answers = [TOO_MUCH]
    await post.send()
    assert await post.domains() == [("gmail.com", 1)]
    post.salon.now += timedelta(seconds=10)
    assert await post.send() == at_gmail(1)


@pytest.mark.service
async def test_a_domain_rests_longer_with_each_refusal_and_the_others_go_on(post: Post) -> None:
    salon = post.salon
    await post.plan(*at_gmail(1))
    salon.mailbox.of_domain["gmail.com"] = [TOO_MUCH] * 3
    await post.send()
    for pause in (10, 30, 90):
        await post.plan(f"{uuid4()}@elsewhere.example")
        assert len(await post.send()) == 1
        salon.now += timedelta(seconds=pause - 2)
        assert await post.send() == []
        salon.now += timedelta(seconds=1)
        last = await post.send()
    assert last == at_gmail(1)
    assert dict(await post.domains())["gmail.com"] == 0


@pytest.mark.service
async def test_after_a_rest_one_goes_first_and_the_line_keeps_its_order(post: Post) -> None:
    salon = post.salon
    await post.plan(*at_gmail(5))
    salon.mailbox.of_domain["gmail.com"] = [TOO_MUCH] * 2
    assert await post.send() == []
    assert dict(await post.domains())["gmail.com"] == 1, "both were under way: one refusal"
    await post.plan(*at_gmail(3, first=5))
    assert await post.send() == []
    went: list[str] = []
    for _ in range(120):
        salon.now += timedelta(seconds=1)
        went += await post.send()
    assert sorted(went[:2]) == at_gmail(2)
    assert went[2:] == at_gmail(6, first=2)


@pytest.mark.service
async def test_what_a_domain_does_not_take_for_a_day_has_failed(post: Post) -> None:
    salon = post.salon
    await post.plan(*at_gmail(1))
    salon.mailbox.of_domain["gmail.com"] = [TOO_MUCH] * 200
    for _ in range(60):
        await post.send()
        salon.now += timedelta(minutes=30)
    assert await salon.outcomes() == [("created", "failed", "smtp_421")]


def sweep_of_domains(salon: Salon) -> Sweep:
    [sweep] = [sweep for sweep in sweeps(salon.settings) if sweep.table == "mail_domains"]
    return sweep


@pytest.mark.service
async def test_a_domain_of_each_ones_own_leaves_nothing_behind(post: Post) -> None:
    salon = post.salon
    await post.plan(*[f"a@{number}.hostile.example" for number in range(40)])
    assert len(await post.send()) == 40
    assert len(await post.domains()) == 40
    await salon.execute("UPDATE mail_domains SET taken_until = now() - interval '2 hours'")
    await delete_swept(salon.database, sweep_of_domains(salon))
    assert await post.domains() == []


@pytest.mark.service
async def test_a_domain_that_rests_is_not_forgotten(post: Post) -> None:
    salon = post.salon
    await post.plan(*at_gmail(1))
    salon.mailbox.of_domain["gmail.com"] = [TOO_MUCH]
    await post.send()
    await salon.execute(
        "UPDATE mail_domains SET taken_until = now() - interval '2 hours', rests_until = now() - interval '1 minute'"
    )
    await delete_swept(salon.database, sweep_of_domains(salon))
    assert await post.domains() == [("gmail.com", 1)]


@pytest.mark.service
async def test_an_erase_leaves_no_domain_with_the_message(post: Post) -> None:
    [*_, last] = await post.plan(*at_gmail(4))
    await post.send()
    await post.salon.erase(last.client_id)
    async with post.salon.database.system_transaction() as session:
        lines = await session.execute(
            text("SELECT mail_line FROM messages WHERE client_id = :id"), {"id": last.client_id}
        )
        assert lines.scalars().all() == [None]


@pytest.mark.service
async def test_a_line_is_made_by_indexes_however_many_messages_there_are(post: Post) -> None:
    salon = post.salon
    await post.plan(*at_gmail(1))
    await salon.execute(
        """
        INSERT INTO messages SELECT (jsonb_populate_record(m, jsonb_build_object('id', gen_random_uuid(),
            'key', 'copy-' || n, 'next_attempt_at', m.next_attempt_at + n * interval '1 minute'))).*
        FROM messages m, generate_series(1, 5000) n
        """
    )
    await salon.analyse()
    values: dict[str, Any] = {"line": "gmail.com", "domain": "gmail.com", "kinds": sorted(Kind), "claim": uuid4()}
    values |= {"organization_ids": [uuid4()], "ids": [uuid4()], "starts": salon.now, "spacing": GAP, "most": 5_000}
    values |= {"code": "domain_limited", "detail": "", "now": salon.now}
    async with salon.database.system_transaction() as session:
        plan: Sequence[str] = (await session.execute(text(f"EXPLAIN {LINE_UP.text}"), values)).scalars().all()
    assert any("messages_due_idx" in line for line in plan), plan
    assert any("messages_line_idx" in line for line in plan), plan
    assert not any("Seq Scan on messages" in line for line in plan), plan
