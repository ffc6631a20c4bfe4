"""The ACL manifest says of every service what its code does on Kafka, and that is enough for it to work."""

import ast
import asyncio
import importlib
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import TopicAuthorizationFailedError
from cryptography.fernet import Fernet
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from slotstream_cli.acl_manifest import Manifest, Role, read_manifest
from slotstream_cli.main import app
from slotstream_contracts.topics import (
    ALL_TOPICS,
    BOOKING_COMMANDS,
    NOTIFICATION_COMMANDS,
    SERVICES,
    Topic,
    dead_letter_topic,
)
from slotstream_local.services import executable
from slotstream_servicekit.consumer import Consumers
from slotstream_servicekit.dead_letters import Cause, DeadLetterWriter, LostRecord
from slotstream_servicekit.kafka import KafkaConnection, PasswordLogin
from slotstream_servicekit.kafka.clients import aiokafka_arguments
from slotstream_servicekit.outbox import OutboxRecord, enqueue
from slotstream_servicekit.runtime import Service, Worker
from slotstream_servicekit.settings import ServiceSettings
from slotstream_servicekit.testing.databases import FreshDatabase
from slotstream_servicekit.testing.plugin import FreshDatabaseFactory, until
from slotstream_servicekit.testing.secured_kafka import SecuredKafka

ROOT = Path(__file__).parents[2]
MANIFEST = ROOT / "deploy" / "kafka" / "acls.toml"


@pytest.fixture
def manifest() -> Manifest:
    return read_manifest(MANIFEST)


@pytest.fixture(autouse=True)
def settings_of_no_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in os.environ:
        if variable.startswith("SLOTSTREAM_KAFKA_"):
            monkeypatch.delenv(variable)
    for service in ("CALENDAR_SYNC", "DASHBOARD"):
        monkeypatch.setenv(f"{service}_SECRET_KEYS", f'["{Fernet.generate_key().decode()}"]')


def service_named(name: str) -> Service[Any]:
    (point,) = entry_points(group="slotstream.services", name=name)
    service: Service[Any] = point.load()
    return service


def worker_of(name: str, **settings: Any) -> Worker:
    service = service_named(name)
    told: ServiceSettings = service.settings(**settings)
    return service.create_worker(told)


def published_topics(name: str) -> set[str]:
    """The topics of all messages that a service's publishers name, and the topics that its storage names.

    Publishers name no message but those they make; storage writes tombstones.
    """
    package = service_named(name).package_dir / "src" / name
    files = [*package.glob("publishers*"), *package.glob("publishers/**/*.py"), *package.glob("storage/**/*.py")]
    sources = [file.read_text(encoding="utf-8") for file in files if file.suffix == ".py"]
    named = {topic.name for source in sources for topic in _topics_named_in(source)}
    return named | {dead_letter_topic(name).name}


def _topics_named_in(source: str) -> Iterator[Topic]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("slotstream_contracts"):
            module = importlib.import_module(node.module or "")
            for alias in node.names:
                named = getattr(module, alias.name)
                topic = named if isinstance(named, Topic) else getattr(named, "topic", None)
                if isinstance(topic, Topic):
                    yield topic


def test_every_service_has_a_principal_of_its_own(manifest: Manifest) -> None:
    assert set(manifest.services) == set(SERVICES)
    assert len(manifest.principals()) == len(manifest.roles())


def test_the_manifest_names_topics_that_there_are(manifest: Manifest) -> None:
    named = {name for role in manifest.services.values() for name in (*role.reads, *role.writes)}
    assert named == {topic.name for topic in ALL_TOPICS}


@pytest.mark.parametrize("name", SERVICES)
async def test_a_service_may_read_what_it_subscribes_to_and_nothing_else(manifest: Manifest, name: str) -> None:
    worker = worker_of(name, database_url=f"postgresql+asyncpg://nobody@localhost/{name}", http_port=0)
    assert isinstance(worker.consumers, Consumers)
    role = manifest.services[name]
    counted = dead_letter_topic(name).name
    assert counted in role.reads
    assert worker.consumers.topics_by_group == {role.group: set(role.reads) - {counted}}
    await worker.dispose()


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_may_read_what_its_projections_are_rebuilt_from(manifest: Manifest, name: str) -> None:
    topics = {topic for projection in service_named(name).projections() for topic in projection.topics}
    assert topics <= set(manifest.services[name].reads)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_may_write_what_it_publishes_and_nothing_else(manifest: Manifest, name: str) -> None:
    assert set(manifest.services[name].writes) == published_topics(name)


def test_commands_are_taken_from_the_services_that_send_them(manifest: Manifest) -> None:
    def writers(topic: Topic) -> set[str]:
        return {name for name, role in manifest.services.items() if topic.name in role.writes}

    assert writers(BOOKING_COMMANDS) == {"imports", "notifications"}
    assert writers(NOTIFICATION_COMMANDS) == {"booking"}


# With a broker that demands it.


def run(secured: SecuredKafka, user: str, *arguments: str) -> Result:
    """The command line, logged in as that user, who is made."""
    return _run(secured.administrator if user == "admin" else secured.user(user), *arguments)


def _run(kafka: KafkaConnection, *arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env=_environment(kafka), catch_exceptions=False)


def _environment(kafka: KafkaConnection) -> dict[str, str]:
    assert isinstance(kafka.login, PasswordLogin)
    assert isinstance(kafka.login.password, SecretStr)
    assert kafka.tls is not None
    return {
        "SLOTSTREAM_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "SLOTSTREAM_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "SLOTSTREAM_KAFKA_SASL_MECHANISM": kafka.login.mechanism,
        "SLOTSTREAM_KAFKA_USERNAME": kafka.login.username,
        "SLOTSTREAM_KAFKA_PASSWORD": kafka.login.password.get_secret_value(),
        "SLOTSTREAM_KAFKA_CA_FILE": str(kafka.tls.ca_file),
    }


@pytest.fixture(scope="module")
def granted(secured_kafka: SecuredKafka) -> SecuredKafka:
    """The broker with every topic, made by the topics job's principal, and the manifest's rights."""
    applied = run(secured_kafka, "admin", "acls", "apply", "--manifest", str(MANIFEST))
    assert applied.exit_code == 0, applied.output
    topics = run(secured_kafka, "slotstream-topics", "topics", "apply")
    assert topics.exit_code == 0, topics.output
    return secured_kafka


def user_of(role: Role) -> str:
    return role.principal.removeprefix("User:")


@pytest.mark.service
def test_applying_the_manifest_again_changes_nothing(granted: SecuredKafka, manifest: Manifest) -> None:
    again = run(granted, "admin", "acls", "apply", "--manifest", str(MANIFEST), "--prune")
    assert again.exit_code == 0, again.output
    counts = f"0 granted, {len(manifest.rights())} as they were, 0 beyond the manifest"
    assert again.output.strip() == f"{len(manifest.roles())} principals: {counts}"


@pytest.mark.service
@pytest.mark.parametrize("name", SERVICES)
async def test_a_services_worker_consumes_and_publishes_as_its_own_principal(
    granted: SecuredKafka, manifest: Manifest, name: str, fresh_database: FreshDatabaseFactory
) -> None:
    role, fresh = manifest.services[name], fresh_database(name)
    async with working(granted, role, name, fresh) as worker:

        async def ready() -> bool:
            report = await worker.health.report()
            consumers = [check for check_name, check in report.checks.items() if check_name.startswith("consumer")]
            return len(consumers) >= len(role.reads) - 1 and all(check.ok for check in consumers)

        await until(ready, what=f"the consumers of {name}")
        if worker.relay is None:
            # It publishes nothing but what it cannot work through.
            assert role.writes == (dead_letter_topic(name).name,)
            await _set_aside(name, granted.user(user_of(role)))
            return
        mine = f"{name}-{uuid4()}"
        async with fresh.database.transaction(UUID(int=1)) as session:
            await enqueue(session, [_record(topic, mine) for topic in role.writes])
        for topic in role.writes:
            await _arrives(granted.administrator, topic, mine)


@asynccontextmanager
async def working(secured: SecuredKafka, role: Role, name: str, fresh: FreshDatabase) -> AsyncIterator[Worker]:
    """The service's consumers, and its relay where it has one, at work, with its principal's login."""
    kafka = secured.user(user_of(role))
    assert isinstance(kafka.login, PasswordLogin)
    worker = worker_of(
        name,
        database_url=fresh.app_url,
        http_port=0,
        kafka_bootstrap_servers=kafka.bootstrap_servers,
        kafka_security_protocol=kafka.security_protocol,
        kafka_sasl_mechanism=kafka.login.mechanism,
        kafka_username=kafka.login.username,
        kafka_password=kafka.login.password,
        kafka_ca_file=secured.tls.ca_file,
    )
    assert worker.consumers is not None
    stop = asyncio.Event()
    parts = [part for part in (worker.consumers, worker.relay) if part is not None]
    tasks = [asyncio.ensure_future(part.run(stop)) for part in parts]
    try:
        yield worker
    finally:
        stop.set()
        await asyncio.gather(*tasks)
        await worker.dispose()


def _record(topic: str, key: str) -> OutboxRecord:
    return OutboxRecord(
        id=uuid4(),
        organization_id=UUID(int=1),
        topic=topic,
        key=key,
        aggregatetype="test",
        aggregateid=key,
        type="test.sent",
        payload=b"{}",
        headers={"ce_type": "test.sent"},
    )


async def _set_aside(service: str, kafka: KafkaConnection) -> None:
    writer = DeadLetterWriter(service=service, kafka=kafka)
    lost = LostRecord(topic="slotstream.imports.v1", partition=0, offset=7, key=b"k", value=b"{}")
    await writer.write(lost, Cause(code="broken", detail="as a test", handler="test"))
    await writer.close()


async def _arrives(kafka: KafkaConnection, topic: str, key: str) -> None:
    consumer = AIOKafkaConsumer(topic, **aiokafka_arguments(kafka), auto_offset_reset="earliest")
    await consumer.start()
    try:

        async def is_there() -> bool:
            fetched = await consumer.getmany(timeout_ms=500)
            return any(record.key == key.encode() for records in fetched.values() for record in records)

        await until(is_there, what=f"{key} on {topic}")
    finally:
        await consumer.stop()


@pytest.mark.service
@pytest.mark.parametrize(
    ("user", "topic"),
    [
        *((user, BOOKING_COMMANDS.name) for user in ("somebody-else", "availability", "calendar-sync", "dashboard")),
        *(
            (user, NOTIFICATION_COMMANDS.name)
            for user in ("somebody-else", "calendar-sync", "imports", "notifications")
        ),
    ],
)
async def test_no_other_principal_sends_commands(granted: SecuredKafka, user: str, topic: str) -> None:
    async with AIOKafkaProducer(**aiokafka_arguments(granted.user(user))) as producer:
        with pytest.raises(TopicAuthorizationFailedError):
            await producer.send_and_wait(topic, b"{}", key=b"k")


@pytest.mark.service
async def test_dead_letters_are_listed_and_sent_back_by_the_operator_alone(granted: SecuredKafka) -> None:
    await _set_aside("imports", granted.user("imports"))
    listed = await asyncio.to_thread(run, granted, "slotstream-operator", "dlq", "list", "imports")
    (line,) = [line for line in listed.output.splitlines() if "slotstream.imports.v1[0]@7" in line]
    number = line.split()[0]
    sent = await asyncio.to_thread(run, granted, "slotstream-operator", "dlq", "replay", "imports", number)
    assert (sent.exit_code, sent.output.strip()) == (0, "1 sent back")
    refused = await asyncio.to_thread(run, granted, "availability", "dlq", "list", "imports")
    assert refused.exit_code == 1
    assert "this login may not read it" in refused.stderr


@pytest.mark.service
def test_a_wrong_password_is_one_sentence_on_the_command_line(granted: SecuredKafka) -> None:
    granted.user("slotstream-operator")
    wrong = PasswordLogin(
        mechanism="SCRAM-SHA-512", username="slotstream-operator", password=SecretStr("the wrong one")
    )
    # As a process: a TLS connection whose login was refused is not closed yet when the command ends.
    environment = {**os.environ, **_environment(granted.with_login(wrong))}
    commands = (("dlq", "list", "imports"), ("topics", "apply"), ("acls", "apply", "--manifest", str(MANIFEST)))
    # All at once: each of them tries for a while.
    processes = [
        subprocess.Popen(
            [executable("slotstream"), *command],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for command in commands
    ]
    for process in processes:
        output, errors = process.communicate()
        assert process.returncode == 1
        assert len(errors.strip().splitlines()) == 1
        assert "the login of 'slotstream-operator' by SCRAM-SHA-512 is refused" in errors
        assert "the wrong one" not in output + errors


def test_a_setting_that_does_not_fit_is_named_on_the_command_line() -> None:
    answer = CliRunner().invoke(app, ["topics", "apply"], env={"SLOTSTREAM_KAFKA_SECURITY_PROTOCOL": "SASL_SSL"})
    assert answer.exit_code == 2
    assert "SLOTSTREAM_KAFKA_SASL_MECHANISM" in answer.stderr


def test_a_manifest_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "acls.toml"
    broken.write_text("[services.tea]\nprincipal = 'tea'\n[operators]\n")
    for path, words in ((broken, "services.tea.principal"), (tmp_path / "none.toml", "cannot be read")):
        answer = CliRunner().invoke(app, ["acls", "apply", "--manifest", str(path)])
        assert answer.exit_code == 2
        assert words in answer.stderr
