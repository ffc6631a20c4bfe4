"""Every client of the kit with a broker that demands TLS, a login and rights."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError
from kit_world import (
    Note,
    World,
    decode,
    make_dead_letter_topic,
    make_topic,
    on_notes,
    producing,
    read_topic,
    running,
    send_notes,
)
from listening import Until, keeps, notes
from pydantic import SecretStr

from slotstream_servicekit.acls import Right, apply_rights
from slotstream_servicekit.dead_letters import dead_letter_topic_name, list_dead_letters, replay_dead_letters
from slotstream_servicekit.health import Health
from slotstream_servicekit.kafka import KafkaConnection, OAuthLogin, PasswordLogin, Tls
from slotstream_servicekit.kafka.refusals import refusal_of
from slotstream_servicekit.producer import durable_producer
from slotstream_servicekit.rebuild import Projection, rebuild
from slotstream_servicekit.telemetry import configure_logging
from slotstream_servicekit.testing.certificates import CertificateAuthority
from slotstream_servicekit.testing.secured_kafka import SecuredKafka
from slotstream_servicekit.testing.token_issuer import CLIENT_SECRET, TokenIssuer, a_token_issuer
from slotstream_servicekit.topics import apply_topics

pytestmark = pytest.mark.service


async def grant(secured: SecuredKafka, name: str, *rights: tuple[str, str, str]) -> None:
    """Each right is an operation, a kind of resource and a name; `*` at its end makes it a prefix."""
    wanted = [
        Right(
            principal=f"User:{name}",
            operation=operation,  # type: ignore[arg-type]
            resource=resource,  # type: ignore[arg-type]
            name=resource_name.removesuffix("*"),
            prefix=resource_name.endswith("*"),
        )
        for operation, resource, resource_name in rights
    ]
    await apply_rights(secured.administrator, wanted, principals=[f"User:{name}"])


async def grant_service(secured: SecuredKafka, name: str, topic: str, group: str) -> None:
    dead_letters = dead_letter_topic_name(group)
    await grant(
        secured,
        name,
        ("read", "topic", topic),
        ("write", "topic", topic),
        ("read", "group", group),
        ("write", "topic", dead_letters),
    )


@pytest.fixture
def name() -> str:
    return f"user-{uuid4().hex[:8]}"


@pytest.fixture
def issuer(secured_kafka: SecuredKafka) -> Iterator[TokenIssuer]:
    with a_token_issuer(secured_kafka.access_token) as issuer:
        yield issuer


@contextmanager
def lines_logged() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What this process logs meanwhile."""
    stream = StringIO()
    configure_logging("kit", "INFO", stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


@asynccontextmanager
async def a_topic(secured: SecuredKafka, world: World) -> AsyncIterator[str]:
    await make_dead_letter_topic(secured.administrator, world.service)
    yield await make_topic(secured.administrator, "notes", partitions=2)


WAYS_IN = ("SCRAM-SHA-512", "SCRAM-SHA-256", "OAUTHBEARER", "certificate")


@pytest.mark.parametrize("way_in", WAYS_IN)
async def test_consumer_relay_rebuild_topics_job_and_dead_letters_work_through_tls_and_a_login(
    way_in: str, secured_kafka: SecuredKafka, issuer: TokenIssuer, world: World, name: str, until: Until
) -> None:
    def connection(user: str) -> KafkaConnection:
        if way_in == "certificate":
            return secured_kafka.certified(user)
        if way_in == "OAUTHBEARER":
            login = OAuthLogin(token_url=issuer.url, client_id=user, client_secret=SecretStr(CLIENT_SECRET))
            return secured_kafka.with_login(login)
        return secured_kafka.user(user, mechanism=way_in)  # type: ignore[arg-type]

    job = connection(f"{name}-job")
    everything = ("create", "alter", "alter_configs", "describe", "describe_configs")
    await grant(
        secured_kafka,
        f"{name}-job",
        *((operation, "topic", "notes*") for operation in everything),
        *((operation, "topic", "slotstream.*") for operation in everything),
    )
    topic = await make_topic(job, "notes", partitions=2)
    await make_dead_letter_topic(job, world.service)

    service, operator = connection(name), connection(f"{name}-operator")
    await grant_service(secured_kafka, name, topic, world.service)
    await grant(
        secured_kafka,
        f"{name}-operator",
        ("read", "topic", "slotstream.*"),
        ("write", "topic", "slotstream.*"),
        ("write", "topic", topic),
    )
    health = Health()
    consumers = world.consumers(service, health=health)
    consumers.subscribe(topic, on_notes)
    async with running(consumers, world.relay(service)):
        await world.write(
            *(replace(note, topic=topic) for note in notes(5)), Note(subject="bad", topic=topic, words="poison")
        )
        await keeps(world, until, 5)

        async def one_aside() -> bool:
            return len(await list_dead_letters(operator, world.service)) == 1

        await until(one_aside)
        assert (await replay_dead_letters(operator, world.service)).sent == 1

        async def ready() -> bool:
            return (await health.report()).ready

        await until(ready)
    projection = Projection(name="notes", topics=[topic], handler=_without_poison, tables=["notes"])
    report = await rebuild(projection, database=world.database, kafka=service, decode=decode)
    assert report.applied == 7


async def _without_poison(session: Any, batch: Any) -> None:
    await on_notes(session, [record for record in batch if record.event.words != "poison"])


async def test_nobody_writes_to_a_topic_without_the_right(secured_kafka: SecuredKafka, world: World, name: str) -> None:
    async with a_topic(secured_kafka, world) as topic:
        foreign = secured_kafka.user(name)
        await grant(secured_kafka, name, ("read", "topic", topic), ("write", "topic", "another"))
        async with producing(foreign) as producer:
            with pytest.raises(TopicAuthorizationFailedError):
                await producer.send_and_wait(topic, b"{}", key=b"k")
        assert await read_topic(secured_kafka.administrator, topic) == []


def _complaints(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in lines if line["level"] in {"warning", "error", "critical"}]


async def test_a_wrong_password_is_said_once_and_waited_out(
    secured_kafka: SecuredKafka, world: World, name: str, until: Until, tmp_path: Path
) -> None:
    async with a_topic(secured_kafka, world) as topic:
        secured_kafka.user(name, password="the right one")
        await grant_service(secured_kafka, name, topic, world.service)
        password = tmp_path / "password"
        password.write_text("the wrong one")
        login = PasswordLogin(mechanism="SCRAM-SHA-512", username=name, password=password)
        kafka, health = secured_kafka.with_login(login), Health()
        consumers = world.consumers(kafka, health=health)
        consumers.subscribe(topic, on_notes)
        consumers.subscribe("another", on_notes, members=2)
        await world.write(*(replace(note, topic=topic) for note in notes(3)))
        with lines_logged() as lines:
            async with running(consumers, world.relay(kafka)) as tasks:
                await until(lambda: _complaints(lines()), what="the password to be refused")
                await asyncio.sleep(12)
                complaints = _complaints(lines())
                assert [line["event"] for line in complaints] == ["kafka_refuses"]
                assert "KAFKA_PASSWORD" in complaints[0]["reason"]
                assert name in complaints[0]["reason"]
                assert "the wrong one" not in json.dumps(lines())
                report = await health.report()
                assert not report.ready
                assert "KAFKA_PASSWORD" in report.checks[f"consumer {topic}"].detail
                assert not any(task.done() for task in tasks)
                password.write_text("the right one")
                await keeps(world, until, 3)


async def test_a_password_is_changed_without_a_pause(
    secured_kafka: SecuredKafka, world: World, name: str, until: Until
) -> None:
    """A user has one password for each mechanism: the new one is made beside the old one."""
    async with a_topic(secured_kafka, world) as topic:
        old = secured_kafka.user(name, password="old", mechanism="SCRAM-SHA-512")
        await grant_service(secured_kafka, name, topic, world.service)
        new = secured_kafka.user(name, password="new", mechanism="SCRAM-SHA-256")
        consumers = world.consumers(old)
        consumers.subscribe(topic, on_notes)
        async with running(consumers):
            await send_notes(old, topic, notes(2))
            await send_notes(new, topic, notes(4))
            await keeps(world, until, 4)


async def test_an_unknown_authority_and_a_listener_of_another_kind_are_named(
    secured_kafka: SecuredKafka, name: str, tmp_path: Path, kafka: str
) -> None:
    other = tmp_path / "other.pem"
    other.write_text(CertificateAuthority().pem)
    user = secured_kafka.user(name)
    assert await refusal_of(user) is None
    assert "KAFKA_CA_FILE" in str(await refusal_of(replace(user, tls=Tls(ca_file=other))))
    assert "KAFKA_SECURITY_PROTOCOL" in str(await refusal_of(replace(user, tls=None)))
    assert "KAFKA_SECURITY_PROTOCOL" in str(await refusal_of(replace(user, tls=None, login=None)))
    assert "KAFKA_SASL_MECHANISM" in str(await refusal_of(replace(user, bootstrap_servers=kafka, tls=None)))
    assert "KAFKA_SECURITY_PROTOCOL" in str(await refusal_of(replace(user, bootstrap_servers=kafka)))
    assert await refusal_of(KafkaConnection("127.0.0.1:1")) is None


async def test_a_client_without_the_certificate_that_the_listener_demands_is_not_let_in(
    secured_kafka: SecuredKafka, name: str
) -> None:
    certified = secured_kafka.certified(name)
    assert certified.tls is not None
    with pytest.raises(KafkaConnectionError):
        async with durable_producer(replace(certified, tls=Tls(ca_file=certified.tls.ca_file)), client_id="test"):
            pass


async def test_a_wrong_client_secret_and_a_foreign_token_are_named(
    secured_kafka: SecuredKafka, issuer: TokenIssuer, name: str
) -> None:
    wrong = OAuthLogin(token_url=issuer.url, client_id=name, client_secret=SecretStr("wrong"))
    assert "KAFKA_OAUTH_TOKEN_URL" in str(await refusal_of(secured_kafka.with_login(wrong)))
    issuer.token_of = lambda _: "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."
    forged = OAuthLogin(token_url=issuer.url, client_id=name, client_secret=SecretStr(CLIENT_SECRET))
    assert "token is refused" in str(await refusal_of(secured_kafka.with_login(forged)))


async def test_a_consumer_without_the_right_to_read_says_so_and_begins_when_it_is_granted(
    secured_kafka: SecuredKafka, world: World, name: str, until: Until
) -> None:
    async with a_topic(secured_kafka, world) as topic:
        await send_notes(secured_kafka.administrator, topic, notes(3))
        user, health = secured_kafka.user(name), Health()
        consumers = world.consumers(user, health=health)
        consumers.subscribe(topic, on_notes)
        with lines_logged() as lines:
            async with running(consumers):

                async def told() -> bool:
                    return "may not read" in (await health.report()).checks[f"consumer {topic}"].detail

                await until(told)
                await grant(secured_kafka, name, ("read", "topic", topic))

                async def group_told() -> bool:
                    return "group" in (await health.report()).checks[f"consumer {topic}"].detail

                await until(group_told)
                await grant(secured_kafka, name, ("read", "topic", topic), ("read", "group", world.service))
                await keeps(world, until, 3)
        assert [line["topics"] for line in lines() if line["event"] == "consumer_waits_for_topics"] == [[topic]]


async def test_a_topic_that_may_not_be_written_to_holds_no_other_up(
    secured_kafka: SecuredKafka, world: World, name: str, until: Until
) -> None:
    async with a_topic(secured_kafka, world) as allowed, a_topic(secured_kafka, world) as seen:
        unseen = await make_topic(secured_kafka.administrator, "notes")
        user = secured_kafka.user(name)
        await grant(secured_kafka, name, ("write", "topic", allowed), ("read", "topic", seen))
        for topic in (seen, unseen, allowed):
            await world.write(*(replace(note, topic=topic) for note in notes(2)))
        async with running(world.relay(user)):

            async def two_are_left() -> bool:
                return await world.outbox_size() == 4

            await until(two_are_left)
            await grant(secured_kafka, name, *(("write", "topic", topic) for topic in (allowed, seen, unseen)))

            async def none_is_left() -> bool:
                return await world.outbox_size() == 0

            await until(none_is_left)
        for topic in (allowed, seen, unseen):
            assert len(await read_topic(secured_kafka.administrator, topic)) == 2


async def test_rights_are_granted_once_and_taken_away_on_demand(secured_kafka: SecuredKafka, name: str) -> None:
    def right(operation: Any, topic: str, *, prefix: bool = False) -> Right:
        return Right(principal=f"User:{name}", operation=operation, resource="topic", name=topic, prefix=prefix)

    first = [right("read", "a"), right("write", "b", prefix=True)]
    principals = [f"User:{name}"]
    applied = await apply_rights(secured_kafka.administrator, first, principals=principals)
    assert applied.granted == (f"User:{name} read topic a", f"User:{name} write topic b*")
    again = await apply_rights(secured_kafka.administrator, first, principals=principals)
    assert (again.granted, again.unchanged, again.surplus) == ((), applied.granted, ())
    less = await apply_rights(secured_kafka.administrator, first[:1], principals=principals)
    assert (less.surplus, less.taken) == ((f"User:{name} write topic b*",), False)
    taken = await apply_rights(secured_kafka.administrator, first[:1], principals=principals, take_surplus=True)
    assert taken.taken
    after = await apply_rights(secured_kafka.administrator, first[:1], principals=principals)
    assert after.surplus == ()


async def test_the_topics_job_without_rights_fails(secured_kafka: SecuredKafka, name: str) -> None:
    with pytest.raises(TopicAuthorizationFailedError):
        await make_topic(secured_kafka.user(name), "notes")


async def test_the_topics_job_with_a_wrong_password_fails(secured_kafka: SecuredKafka, name: str) -> None:
    secured_kafka.user(name)
    wrong = secured_kafka.with_login(
        PasswordLogin(mechanism="SCRAM-SHA-512", username=name, password=SecretStr("wrong"))
    )
    with pytest.raises(KafkaConnectionError):
        await apply_topics(wrong, [])
