"""The operator's command line: does its work, and fails in one clear sentence."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaProducer
from fastapi import FastAPI
from pydantic_settings import SettingsConfigDict
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from typer.testing import CliRunner, Result

from slotstream_cli import dead_letters, services
from slotstream_cli import topics as topics_command
from slotstream_cli.failures import Failure
from slotstream_cli.main import app
from slotstream_cli.topics import with_partitions
from slotstream_contracts.catalogue import ActionState
from slotstream_contracts.envelope import wrap
from slotstream_contracts.topics import ALL_TOPICS, APPOINTMENTS
from slotstream_servicekit.consumer import Received
from slotstream_servicekit.dead_letters import Cause, DeadLetterWriter, dead_letter_topic_name
from slotstream_servicekit.health import Health
from slotstream_servicekit.http import Router, create_app
from slotstream_servicekit.http.auth import Authenticator, Role, UnauthenticatedError
from slotstream_servicekit.kafka import KafkaConnection
from slotstream_servicekit.rebuild import Projection
from slotstream_servicekit.runtime import Service, Worker
from slotstream_servicekit.settings import Port, ServiceSettings
from slotstream_servicekit.signing import ensure_signing_key
from slotstream_servicekit.topics import apply_topics

NOWHERE = "127.0.0.1:1"


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env=environment, catch_exceptions=False)


class TeaSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="TEA_")

    http_port: Port = 8000
    public_url: str = "http://localhost"


def create_tea_api(settings: TeaSettings) -> FastAPI:
    router = Router(prefix="/v1")

    @router.get("/teas")
    async def list_teas() -> list[str]:
        return ["Assam"]

    return create_app(
        service="tea", title="Tea", routers=[router], settings=settings, authenticator=None, health=Health()
    )


REVISION = """
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("CREATE TABLE teas (name text PRIMARY KEY, applied_at timestamptz NOT NULL)")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON teas TO tea_app")
"""
ENVIRONMENT = """
from sqlalchemy import MetaData

from slotstream_servicekit.migrations import run_env

run_env(MetaData())
"""


@pytest.fixture
def tea(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service[TeaSettings]:
    """One installed service, with a migration."""
    versions = tmp_path / "tea" / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions / "0001_teas.py").write_text(REVISION)
    (versions.parent / "env.py").write_text(ENVIRONMENT)
    service = Service(
        name="tea",
        settings=TeaSettings,
        create_api=create_tea_api,
        create_worker=lambda _: Worker(health=Health()),
        package_dir=tmp_path / "tea",
    )

    @dataclass
    class Point:
        name: str = "tea"

        def load(self) -> Service[Any]:
            return service

    monkeypatch.setattr(services, "entry_points", lambda group: [Point()])
    monkeypatch.delenv("TEA_OWNER_DATABASE_URL", raising=False)
    return service


def test_topics_are_applied_and_a_second_time_left_as_they_are(kafka: str) -> None:
    first = run("topics", "apply", "--bootstrap-servers", kafka)
    assert first.exit_code == 0, first.output
    second = run("topics", "apply", "--bootstrap-servers", kafka)
    assert (
        f"{len(ALL_TOPICS)} topics: 0 created, 0 grown, 0 configured, {len(ALL_TOPICS)} as they were" in second.output
    )


def test_partitions_are_a_matter_of_configuration() -> None:
    changed = with_partitions(ALL_TOPICS, [f"{APPOINTMENTS.name}=48"])
    assert {topic.name: topic.partitions for topic in changed}[APPOINTMENTS.name] == 48
    for wrong in ("nothing=3", f"{APPOINTMENTS.name}=", f"{APPOINTMENTS.name}=0", f"{APPOINTMENTS.name}=many"):
        with pytest.raises(Failure):
            with_partitions(ALL_TOPICS, [wrong])


@pytest.mark.parametrize(
    "arguments",
    [
        ("topics", "apply"),
        ("dlq", "list", "booking"),
        ("dlq", "show", "booking", "0"),
        ("dlq", "replay", "booking", "--all"),
    ],
)
def test_a_kafka_that_does_not_answer_is_one_sentence(arguments: tuple[str, ...]) -> None:
    answer = run(*arguments, "--bootstrap-servers", NOWHERE)
    assert answer.exit_code == 3
    assert f"Kafka does not answer at {NOWHERE}" in answer.stderr
    assert "Traceback" not in answer.output


def test_waiting_for_kafka_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []

    async def apply(*_: Any, **__: Any) -> None:
        tries.append(1)
        raise ConnectionError

    monkeypatch.setattr(topics_command, "apply_topics", apply)
    answer = run("topics", "apply", "--wait", "3")
    assert answer.exit_code == 3
    assert "waiting for Kafka" in answer.stderr
    assert len(tries) >= 2


@dataclass(frozen=True)
class Topic:
    name: str
    partitions: int = 1
    cleanup: str = "delete"
    retention: timedelta | None = None
    max_message_bytes: int = 2_097_152


@dataclass
class Record:
    """A consumer record as the dead-letter writer reads it."""

    topic: str
    value: bytes | None
    offset: int
    partition: int = 0
    key: bytes | None = b"appointment-1"
    headers: tuple[tuple[str, bytes], ...] = (("ce_type", b"x"), ("odd", b"\xff"))


@pytest.fixture
def set_aside(kafka: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """A service with three dead letters, and the topic that they came from."""
    service, source = f"tea{uuid4().hex[:8]}", f"source-{uuid4().hex[:8]}"
    monkeypatch.setattr(dead_letters, "SERVICES", (service,))

    async def prepare() -> None:
        await apply_topics(KafkaConnection(kafka), [Topic(dead_letter_topic_name(service)), Topic(source)])
        writer = DeadLetterWriter(service=service, kafka=KafkaConnection(kafka))
        for offset, value in enumerate((b'{"name": "Anna"}', b"\xff\xfe", None), start=41):
            await writer.write(
                Record(source, value, offset=offset), Cause(code="malformed", detail="not JSON", handler="on_teas")
            )
        await writer.close()

    asyncio.run(prepare())
    return service, source


def test_dead_letters_are_listed_without_their_content_shown_with_it_and_replayed(
    kafka: str, set_aside: tuple[str, str]
) -> None:
    service, source = set_aside
    at = ("--bootstrap-servers", kafka)
    listed = run("dlq", "list", service, *at)
    assert listed.exit_code == 0, listed.output
    for offset in (41, 42, 43):
        assert f"{source}[0]@{offset}  x  -  malformed: not JSON" in listed.output
    assert "Anna" not in listed.output
    assert "--from-offset 2" in run("dlq", "list", service, "--limit", "2", *at).stderr

    shown = json.loads(run("dlq", "show", service, "0", *at).output)
    assert shown["value"] == {"name": "Anna"}
    assert shown["cause"] == {"code": "malformed", "detail": "not JSON", "handler": "on_teas"}
    assert shown["headers"] == {"ce_type": "x", "odd": "\\xff"}
    assert json.loads(run("dlq", "show", service, "1", *at).output)["value"] == "\\xff\\xfe"
    missing = run("dlq", "show", service, "17", *at)
    assert (missing.exit_code, "There is no dead letter 17" in missing.stderr) == (1, True)

    assert run("dlq", "replay", service, "0", *at).output == "1 sent back\n"
    assert run("dlq", "list", service, *at).output.count("(sent back") == 1
    assert run("dlq", "drop", service, "1", *at).output == "1 dropped\n"
    assert run("dlq", "replay", service, "--all", *at).output == "1 sent back\n"
    assert run("dlq", "replay", service, "--all", *at).output == "0 sent back\n"
    left = run("dlq", "list", service, *at).output
    assert (left.count("(sent back"), len(left.splitlines())) == (2, 2)
    partly = run("dlq", "replay", service, "0", "99", *at)
    assert (partly.exit_code, "1 of them are not there" in partly.stderr) == (1, True)


def test_a_state_that_a_newer_one_followed_is_not_sent_back(
    kafka: str, set_aside: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    service, source = set_aside
    monkeypatch.setattr(dead_letters, "COMPACTED", frozenset({source}))

    async def erase() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=kafka)
        await producer.start()
        for _ in range(60):
            await producer.send_and_wait(source, None, key=b"appointment-1")
        await producer.stop()

    asyncio.run(erase())
    answer = run("dlq", "replay", service, "--all", "--bootstrap-servers", kafka)
    assert answer.output == "0 sent back\n3 dropped: something newer has taken their place\n"


def test_what_to_replay_must_be_said() -> None:
    assert run("dlq", "replay", "booking").exit_code == 2
    assert run("dlq", "replay", "booking", "1", "--all").exit_code == 2
    assert "There is no service 'nope'" in run("dlq", "list", "nope").stderr


def test_a_service_is_migrated_and_again(tea: Service[TeaSettings], postgres: str, database_forge: Any) -> None:
    database_forge.make_roles("tea")
    fresh = database_forge.make("tea", migrated=False)
    for _ in range(2):
        answer = run("migrate", "tea", TEA_OWNER_DATABASE_URL=fresh.owner_url)
        assert answer.exit_code == 0, answer.output
        assert "tea: up to date" in answer.output
    asyncio.run(fresh.database.dispose())
    database_forge.drop(fresh.name)


def test_a_database_that_does_not_answer_is_one_sentence_without_its_password(tea: Service[TeaSettings]) -> None:
    url = f"postgresql+asyncpg://tea_owner:hunter2@{NOWHERE}/tea"
    answer = run("migrate", TEA_OWNER_DATABASE_URL=url)
    assert answer.exit_code == 3
    assert f"The database at postgresql+asyncpg://tea_owner:***@{NOWHERE}/tea does not answer" in answer.stderr
    assert "TEA_OWNER_DATABASE_URL" in answer.stderr
    assert "hunter2" not in answer.output


def test_a_refusal_by_the_database_is_one_sentence(tea: Service[TeaSettings], postgres: str) -> None:
    address = postgres.rpartition("@")[2]
    url = f"postgresql+asyncpg://nobody_of_that_name:hunter2@{address}"
    answer = run("migrate", "tea", TEA_OWNER_DATABASE_URL=url)
    assert answer.exit_code == 1
    assert "refused" in answer.stderr
    assert "hunter2" not in answer.output
    assert "Traceback" not in answer.output


def test_a_database_that_is_just_being_made_is_waited_for(tea: Service[TeaSettings], postgres: str) -> None:
    url = f"postgresql+asyncpg://nobody_of_that_name:hunter2@{postgres.rpartition('@')[2]}"
    answer = run("migrate", "tea", "--wait", "1", TEA_OWNER_DATABASE_URL=url)
    assert (answer.exit_code, "waiting for tea's database" in answer.stderr) == (1, True)


def test_a_missing_url_is_named(tea: Service[TeaSettings]) -> None:
    answer = run("migrate")
    assert (answer.exit_code, "TEA_OWNER_DATABASE_URL is not set" in answer.stderr) == (2, True)


def test_an_unknown_service_is_answered_with_the_known_ones(tea: Service[TeaSettings]) -> None:
    answer = run("migrate", "coffee")
    assert (answer.exit_code, "Installed: tea" in answer.stderr) == (2, True)


def test_a_service_without_projections_has_nothing_to_rebuild(tea: Service[TeaSettings]) -> None:
    answer = run("rebuild", "tea")
    assert (answer.exit_code, answer.stderr) == (1, "slotstream: tea keeps no projections.\n")


async def on_teas(session: AsyncSession, batch: Sequence[Received[Any]]) -> None:
    for each in batch:
        await session.execute(
            text("INSERT INTO teas VALUES (:name, now()) ON CONFLICT (name) DO UPDATE SET applied_at = now()"),
            {"name": each.event.data.name if each.event is not None else each.key},
        )


def test_a_projection_is_read_anew_and_what_nothing_vouches_for_goes(
    tea: Service[TeaSettings], kafka: str, database_forge: Any
) -> None:
    database_forge.make_roles("tea")
    fresh = database_forge.make("tea", migrated=False)
    topic = f"teas-{uuid4().hex[:8]}"
    projection = Projection(name="teas", topics=[topic], handler=on_teas, tables=["teas"])
    object.__setattr__(tea, "projections", lambda: [projection])
    assert run("migrate", TEA_OWNER_DATABASE_URL=fresh.owner_url).exit_code == 0

    async def prepare() -> None:
        await apply_topics(KafkaConnection(kafka), [Topic(topic)])
        producer = AIOKafkaProducer(bootstrap_servers=kafka)
        await producer.start()
        for number, name in enumerate(["Assam", "Ceylon"]):
            now, organization_id = datetime.now(UTC), uuid4()
            action = ActionState(id=uuid4(), organization_id=organization_id, name=name, version=1, updated_at=now)
            message = wrap(
                action,
                organization=organization_id,
                subject=str(action.id),
                sequence=number + 1,
                time=now,
                source="/slotstream/tea",
                correlation_id="none",
            )
            headers = [(key, value.encode()) for key, value in message.headers().items()]
            await producer.send_and_wait(topic, message.to_json(), key=name.encode(), headers=headers)
        await producer.stop()
        async with fresh.database.system_transaction() as session:
            await session.execute(text("INSERT INTO teas VALUES ('Stale', now() - interval '1 day')"))
        await fresh.database.dispose()

    async def names() -> list[str]:
        async with fresh.database.system_transaction() as session:
            found = list((await session.execute(text("SELECT name FROM teas ORDER BY name"))).scalars())
        await fresh.database.dispose()
        return found

    asyncio.run(prepare())
    told = {"TEA_DATABASE_URL": fresh.app_url, "TEA_KAFKA_BOOTSTRAP_SERVERS": kafka}
    answer = run("rebuild", "tea", **told)
    assert answer.exit_code == 0, answer.output
    assert "teas: 2 records applied, 1 stale rows removed, 0 records unreadable" in answer.output
    assert asyncio.run(names()) == ["Assam", "Ceylon"]
    unknown = run("rebuild", "tea", "--projection", "coffees", **told)
    assert (unknown.exit_code, "It has: teas" in unknown.stderr) == (2, True)
    database_forge.drop(fresh.name)


async def test_a_token_is_good_for_whoever_knows_the_key(tmp_path: Path) -> None:
    organization_id = uuid4()
    answer = run("token", "--org", str(organization_id), "--role", "manager", "--state", str(tmp_path))
    authenticator = Authenticator([ensure_signing_key(tmp_path).issuer])
    principal = await authenticator.authenticate(answer.stdout.strip())
    assert (principal.organization_id, principal.role) == (organization_id, Role.MANAGER)
    await authenticator.aclose()


async def test_a_rotated_key_leaves_the_former_ones_tokens_good_until_the_next_rotation(tmp_path: Path) -> None:
    first = run("token", "--state", str(tmp_path)).stdout.strip()
    assert run("rotate-key", "--state", str(tmp_path)).exit_code == 0
    second = run("token", "--state", str(tmp_path)).stdout.strip()
    authenticator = Authenticator([ensure_signing_key(tmp_path).issuer])
    await authenticator.authenticate(first)
    await authenticator.authenticate(second)
    await authenticator.aclose()

    assert run("rotate-key", "--state", str(tmp_path)).exit_code == 0
    authenticator = Authenticator([ensure_signing_key(tmp_path).issuer])
    await authenticator.authenticate(second)
    with pytest.raises(UnauthenticatedError):
        await authenticator.authenticate(first)
    await authenticator.aclose()


def test_without_an_organization_a_new_one_is_made_and_told(tmp_path: Path) -> None:
    answer = run("token", "--state", str(tmp_path))
    assert UUID(answer.stderr.split()[1])
    assert answer.stdout.count(".") == 2


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("--role", "root"), 2), (("--scope", "x"), 2), (("--org", "acme"), 2), (("--hours", "0"), 2)],
)
def test_a_wrong_token_is_not_made(tmp_path: Path, arguments: tuple[str, ...], code: int) -> None:
    assert run("token", "--state", str(tmp_path), *arguments).exit_code == code


def test_an_openapi_document_is_written_and_checked(tea: Service[TeaSettings], tmp_path: Path) -> None:
    folder = tmp_path / "openapi"
    ask: Callable[..., Result] = lambda *more: run("openapi", "--folder", str(folder), *more)  # noqa: E731
    assert ask("--check").exit_code == 1
    assert ask().exit_code == 0
    assert "list_teas" in (folder / "tea.json").read_text()
    assert ask("--check").exit_code == 0
    (folder / "tea.json").write_text("{}")
    outdated = ask("--check")
    assert (outdated.exit_code, "tea.json" in outdated.stderr) == (1, True)
