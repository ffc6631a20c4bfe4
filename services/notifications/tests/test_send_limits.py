"""What an organization may send in a minute: spread and never dropped, by all workers, and nobody else waits."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from notifications_salon import Salon
from sqlalchemy import text
from test_channel_accounts import Neighbour

from notifications.api import Dependencies
from notifications.channels import create_accounts, create_channels
from notifications.domain.messages import Channel, Kind
from notifications.domain.send_limits import ChannelLimit, Taken, turns_of
from notifications.main import create_sender
from slotstream_contracts.base import Actor
from slotstream_contracts.messages import SendMessage
from slotstream_servicekit.testing.plugin import ApiClientFactory, Signer

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
EIGHT = ChannelLimit(channel=Channel.EMAIL, per_minute=8)
"""Two at once; of bulk six a minute, one at once."""


def all_turns(kinds: list[Kind], *, limit: ChannelLimit = EIGHT, minutes: int = 30) -> list[tuple[Kind, datetime]]:
    """Who goes when, asked every second."""
    waiting = list(enumerate(kinds))
    taken, went = Taken(whole=NOW, bulk=NOW), []
    for second in range(minutes * 60):
        now = NOW + timedelta(seconds=second)
        turns = turns_of([(each, each[1]) for each in waiting], limit=limit, taken=taken, now=now)
        went += [(kind, now) for _, kind in turns.now]
        waiting = [each for each in waiting if each not in turns.now]
        taken = turns.taken
    assert waiting == [], "nothing is dropped"
    return went


def test_no_minute_has_more_than_the_limit_and_a_burst() -> None:
    went = all_turns([Kind.REMINDER] * 100)
    for second in range(0, 1_800, 7):
        begins = NOW + timedelta(seconds=second)
        assert sum(begins <= at < begins + timedelta(minutes=1) for _, at in went) <= 8 + 2
    assert went[-1][1] - NOW <= timedelta(minutes=13)


def test_what_is_of_the_moment_does_not_stand_behind_bulk() -> None:
    went = all_turns([*[Kind.AD_HOC] * 60, Kind.REMINDER, Kind.CREATED])
    assert [kind for kind, _ in went[:2]] == [Kind.REMINDER, Kind.CREATED]


def test_a_clock_that_ran_ahead_keeps_nobody_waiting() -> None:
    ahead = NOW + timedelta(days=3)
    turns = turns_of([(n, Kind.REMINDER) for n in range(3)], limit=EIGHT, taken=Taken(whole=ahead, bulk=ahead), now=NOW)
    assert turns.now == [0]
    assert turns.others_later[0] == (1, NOW + timedelta(minutes=1) / 8)


def test_a_quarter_of_the_limit_stays_free_of_bulk() -> None:
    """Bulk alone leaves room for what comes a moment later."""
    taken = Taken(whole=NOW, bulk=NOW)
    for second in range(300):
        now = NOW + timedelta(seconds=second)
        taken = turns_of([(n, Kind.AD_HOC) for n in range(9)], limit=EIGHT, taken=taken, now=now).taken
    now = NOW + timedelta(seconds=300)
    turns = turns_of([("urgent", Kind.REMINDER)], limit=EIGHT, taken=taken, now=now)
    assert turns.now == ["urgent"]


def test_who_waits_is_told_when_their_turn_comes() -> None:
    turns = turns_of([(n, Kind.REMINDER) for n in range(5)], limit=EIGHT, taken=Taken(whole=NOW, bulk=NOW), now=NOW)
    assert turns.now == [0, 1]
    gap = timedelta(seconds=7.5)
    assert turns.others_later == [(2, NOW + gap), (3, NOW + 2 * gap), (4, NOW + 3 * gap)]


def limited(salon: Salon, **per_minute: int) -> None:
    """The installation has these limits."""
    settings = salon.settings.model_copy(update={"per_minute": {Channel(name): n for name, n in per_minute.items()}})
    salon.use(create_channels(settings, accounts=create_accounts(settings)))


async def write(salon: Salon, appointment: Any, count: int) -> None:
    """A bulk message to the clients of `count` appointments."""
    for number in range(count):
        await salon.request(
            SendMessage(
                actor=Actor(type="user", id="u"),
                message_id=uuid4(),
                appointment_id=appointment.id,
                client_id=appointment.client_id,
                channel="email",
                text=f"Number {number}",
            )
        )


async def statuses(salon: Salon) -> Counter[tuple[str, str | None]]:
    async with salon.database.system_transaction() as session:
        rows = await session.execute(text("SELECT status, code FROM messages"))
        return Counter((row.status, row.code) for row in rows)


@pytest.mark.service
async def test_what_is_above_the_limit_is_planned_later_and_all_of_it_goes(salon: Salon) -> None:
    limited(salon, email=8)
    for _ in range(20):
        await salon.receive(salon.created(salon.snapshot()))
    await salon.send()
    assert await statuses(salon) == {("sent", None): 2, ("planned", "rate_limited"): 18}
    # None of it is due now: it stands in nobody's way.
    assert await salon.sender.send_due() == 0
    for _ in range(30):
        salon.now += timedelta(seconds=7.5)
        await salon.send()
    assert await statuses(salon) == {("sent", None): 20}
    assert len({mail["Message-ID"] for mail in salon.mailbox.mails}) == 20


@pytest.mark.service
async def test_a_flood_delays_neither_a_neighbour_nor_the_same_organizations_reminder(salon: Salon) -> None:
    limited(salon, email=8)
    neighbour = Neighbour(salon, uuid4())
    await neighbour.move_in()
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    await salon.send()
    salon.now += timedelta(minutes=5)
    await write(salon, appointment, 40)
    await salon.send()
    assert (await statuses(salon))["planned", "rate_limited"] == 39

    await salon.receive(salon.created(salon.snapshot()), salon.created(neighbour.appointment()))
    mails = await salon.send()
    assert sorted(mail["To"].addresses[0].addr_spec for mail in mails) == ["grace@example.com", "lin@example.com"]
    assert not any("Number" in str(mail.get_body(("plain",))) for mail in mails)


@pytest.mark.service
async def test_several_workers_keep_to_one_limit(salon: Salon) -> None:
    limited(salon, email=40)
    await salon.receive(*[salon.created(salon.snapshot()) for _ in range(60)])
    others = [
        create_sender(salon.settings, database=salon.database, channels=salon.sender.channels, clock=salon.clock)
        for _ in range(3)
    ]
    for _ in range(4):
        await asyncio.gather(*(sender.send_due() for sender in (salon.sender, *others)))
    assert len(salon.mailbox.mails) == 10


@pytest.mark.service
async def test_an_organization_sets_a_lower_limit_and_no_higher_one(salon: Salon) -> None:
    limited(salon, email=100)
    path = "/v1/send-limits/email"
    refused = await salon.http.put(path, json={"per_minute": 101})
    assert (refused.status_code, refused.json()["code"]) == (422, "limit_too_high")
    answer = await salon.http.put(path, json={"per_minute": 4}, headers={"If-Match": '"0"'})
    assert (answer.status_code, answer.json()["per_minute"], answer.json()["version"]) == (200, 4, 1)
    assert (await salon.http.put(path, json={"per_minute": 5}, headers={"If-Match": '"0"'})).status_code == 412
    listed = {item["channel"]: item for item in (await salon.http.get("/v1/send-limits")).json()["items"]}
    assert (listed["email"]["per_minute"], listed["email"]["most"], listed["email"]["is_default"]) == (4, 100, False)
    assert (await salon.stranger.get("/v1/send-limits")).json()["items"][0]["is_default"] is True

    await salon.receive(*[salon.created(salon.snapshot()) for _ in range(6)])
    assert len(await salon.send()) == 1
    # What waits is looked at anew when the limit changes; what was taken stays taken.
    assert (await salon.http.delete(path)).status_code == 204
    assert await salon.send() == []
    salon.now += timedelta(seconds=15)
    assert len(await salon.send()) == 5


@pytest.mark.service
@pytest.mark.parametrize(
    "body", [{"per_minute": 0}, {"per_minute": -1}, {"per_minute": "9"}, {"per_minute": 10**9}, {}]
)
async def test_what_is_no_limit_is_refused(salon: Salon, body: dict[str, Any]) -> None:
    assert (await salon.http.put("/v1/send-limits/email", json=body)).status_code == 422
    assert (await salon.http.put("/v1/send-limits/fax", json={"per_minute": 5})).status_code == 422
    assert (await salon.viewer.put("/v1/send-limits/email", json={"per_minute": 5})).status_code == 403


@pytest.mark.service
async def test_tests_of_a_channel_are_limited_over_all_processes(
    salon: Salon, api_client: ApiClientFactory, signer: Signer
) -> None:
    """Another process counts requests from zero: what is taken stands in the database."""
    from notifications.main import create_api

    other_app = create_api(salon.settings, clock=salon.clock)
    dependencies: Dependencies = salon.app.state.dependencies
    other_app.state.dependencies = dependencies
    other = await api_client(other_app, token=signer.token(organization_id=salon.organization_id))

    async def tried(http: httpx2.AsyncClient) -> int:
        answer = await http.post("/v1/channels/email/test", json={"address": f"{uuid4()}@example.com"})
        if answer.status_code == 429:
            assert answer.json()["code"] == "rate_limited"
            assert 0 < int(answer.headers["Retry-After"]) <= 60
        return answer.status_code

    codes = [await tried(http) for http in (salon.http, other, salon.http, other, salon.http, other, salon.http)]
    assert codes == [200] * 5 + [429] * 2
    assert len(salon.mailbox.mails) == 5
    neighbour = await api_client(other_app, token=signer.token(organization_id=uuid4()))
    assert await tried(neighbour) == 200


@pytest.mark.service
async def test_how_much_is_taken_is_forgotten_in_time(salon: Salon) -> None:
    limited(salon, email=8)
    await salon.receive(salon.created(salon.snapshot()))
    await salon.send()
    async with salon.database.system_transaction() as session:
        found = (await session.execute(text("SELECT organization_id, bucket FROM send_allowances"))).all()
    assert {(row.organization_id, row.bucket) for row in found} == {
        (salon.organization_id, "email"),
        (salon.organization_id, "email:bulk"),
    }
    assert all(isinstance(row.organization_id, UUID) for row in found)
