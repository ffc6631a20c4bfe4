"""Where tests get PostgreSQL and Kafka from: what is already running, testcontainers, or local processes."""

import contextlib
import gc
import os
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from slotstream_servicekit.infrastructure.kafka import KafkaProcess
from slotstream_servicekit.infrastructure.postgres import PostgresProcess
from slotstream_servicekit.infrastructure.processes import free_port
from slotstream_servicekit.kafka import KafkaConnection

POSTGRES_IMAGE: Final = "postgres:18"
KAFKA_IMAGE: Final = "apache/kafka:4.3.1"
POSTGRES_VARIABLE: Final = "SLOTSTREAM_TEST_POSTGRES"
KAFKA_VARIABLE: Final = "SLOTSTREAM_TEST_KAFKA"
CHOICE_VARIABLE: Final = "SLOTSTREAM_TEST_INFRASTRUCTURE"

_KAFKA_DATA: Final = "/tmp/kafka-data"  # noqa: S108 - inside a container of our own
# The image's own command formats the storage at every start, which some versions refuse the second time.
_KAFKA_COMMAND: Final = [
    "bash",
    "-c",
    (
        f"[ -e {_KAFKA_DATA}/meta.properties ] || exec /etc/kafka/docker/run; "
        "exec java -Xmx512M -cp '/opt/kafka/libs/*' kafka.Kafka /opt/kafka/config/server.properties"
    ),
]

_PROBE_SECONDS: Final = 10
_FREEZE_ATTEMPTS: Final = 5

Choice = Literal["containers", "processes"]


class KafkaServer(Protocol):
    """A broker that a test can disturb. It keeps its records over `stop` and `start`."""

    @property
    def bootstrap_servers(self) -> str: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def freeze(self) -> None: ...
    def thaw(self) -> None: ...


class PostgresServer(Protocol):
    """A server that a test can disturb. It keeps its data over `stop`, `kill` and `start`."""

    @property
    def url(self) -> str: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...


@lru_cache(maxsize=1)
def choice() -> tuple[Choice, str]:
    """What this run uses, and why. `SLOTSTREAM_TEST_INFRASTRUCTURE` (containers, processes) decides if set."""
    asked = os.environ.get(CHOICE_VARIABLE)
    if asked in {"containers", "processes"}:
        return ("containers" if asked == "containers" else "processes"), f"{CHOICE_VARIABLE} says so"
    problem = _docker_problem()
    if problem is None:
        return "containers", "a Docker engine answers and has the images"
    return "processes", problem


def _docker_problem() -> str | None:
    """Why containers cannot be used, or None where they can."""
    try:
        import docker
        from docker.errors import DockerException, ImageNotFound
    except ImportError:
        return "testcontainers is not installed"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not _engine_answers():
            return "no Docker engine answers"
        client = docker.from_env(timeout=120)
        try:
            for image in (POSTGRES_IMAGE, KAFKA_IMAGE):
                try:
                    client.images.get(image)
                except ImageNotFound:
                    client.images.pull(image)
        except (DockerException, OSError):
            return f"{image} is neither there nor can it be pulled"
        finally:
            client.close()
    return None


def _engine_answers() -> bool:
    import docker
    from docker.constants import DEFAULT_DOCKER_API_VERSION
    from docker.errors import DockerException

    try:
        # With a version named, the client can be made, and so be closed, without an engine.
        client = docker.from_env(timeout=_PROBE_SECONDS, version=DEFAULT_DOCKER_API_VERSION)
    except DockerException:
        return False
    try:
        client.version(api_version=False)
    except (DockerException, OSError):
        return False
    else:
        return True
    finally:
        client.close()
        # Docker leaves the socket of a failed connection to the collector, whose warning would fail some test later.
        gc.collect()


def cache_folder() -> Path:
    """Where unpacked binaries are kept between runs."""
    root = os.environ.get("SLOTSTREAM_CACHE") or os.environ.get("XDG_CACHE_HOME") or tempfile.gettempdir()
    return Path(root) / "slotstream-binaries"


@contextlib.contextmanager
def a_postgres(*, port: int | None = None) -> Iterator[PostgresServer]:
    """A PostgreSQL of one's own, without durability settings that tests do not need."""
    if choice()[0] == "containers":
        server: Any = ContainerPostgres(port or free_port())
    else:
        folder = Path(tempfile.mkdtemp(prefix="slotstream-postgres-"))
        server = PostgresProcess(
            folder,
            cache=cache_folder(),
            port=port or free_port(),
            password="postgres",  # noqa: S106 - of a server that lives for one test run
            durable=False,
            max_connections=400,
        )
    server.start()
    try:
        yield server
    finally:
        server.remove() if isinstance(server, ContainerPostgres) else server.stop()


@contextlib.contextmanager
def a_kafka(*, port: int | None = None) -> Iterator[KafkaServer]:
    """A broker of one's own."""
    if choice()[0] == "containers":
        server: Any = ContainerKafka(port or free_port())
    else:
        folder = Path(tempfile.mkdtemp(prefix="slotstream-kafka-"))
        server = KafkaProcess(folder, cache=cache_folder(), port=port or free_port())
    server.start()
    try:
        yield server
    finally:
        server.remove() if isinstance(server, ContainerKafka) else server.stop()


@dataclass
class _Container:
    """One container under testcontainers, on a fixed host port so that it keeps its address over a restart."""

    port: int
    _container: Any = None

    def _create(self) -> Any:
        raise AssertionError("a container says what it is")

    def start(self) -> None:
        if self._container is None:
            os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._container = self._create()
                self._container.start()
        else:
            self._container.get_wrapped_container().start()
        self._wait()

    def stop(self) -> None:
        self._container.get_wrapped_container().stop(timeout=10)

    def kill(self) -> None:
        self._container.get_wrapped_container().kill()

    def freeze(self) -> None:
        """The engine now and then fails to freeze a busy container, and can be asked again."""
        from docker.errors import APIError

        container = self._container.get_wrapped_container()
        for attempt in range(1, _FREEZE_ATTEMPTS + 1):
            try:
                container.pause()
                break
            except APIError:
                if attempt == _FREEZE_ATTEMPTS:
                    raise
                time.sleep(0.5)

    def thaw(self) -> None:
        self._container.get_wrapped_container().unpause()

    def remove(self) -> None:
        if self._container is not None:
            self._container.stop()

    def _wait(self) -> None:
        raise AssertionError("a container says when it is ready")


class ContainerPostgres(_Container):
    @property
    def url(self) -> str:
        return f"postgresql://postgres:postgres@127.0.0.1:{self.port}/postgres"

    def _create(self) -> Any:
        from testcontainers.core.container import DockerContainer

        return (
            DockerContainer(POSTGRES_IMAGE)
            .with_env("POSTGRES_PASSWORD", "postgres")
            .with_bind_ports(5432, self.port)
            .with_command("postgres -c fsync=off -c max_connections=400")
        )

    def _wait(self) -> None:
        from slotstream_servicekit.testing.databases import wait_for_postgres

        wait_for_postgres(self.url, within=180)


class ContainerKafka(_Container):
    @property
    def bootstrap_servers(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _create(self) -> Any:
        from testcontainers.core.container import DockerContainer

        container = DockerContainer(KAFKA_IMAGE).with_bind_ports(self.port, self.port).with_command(_KAFKA_COMMAND)
        settings = {
            "NODE_ID": "1",
            "PROCESS_ROLES": "broker,controller",
            "LISTENERS": f"PLAINTEXT://:{self.port},CONTROLLER://:9093",
            "ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{self.port}",
            "CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
            "OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
            "OFFSETS_TOPIC_NUM_PARTITIONS": "4",
            "TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
            "TRANSACTION_STATE_LOG_MIN_ISR": "1",
            "SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1",
            "SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": "1",
            "GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
            "AUTO_CREATE_TOPICS_ENABLE": "false",
            "MESSAGE_MAX_BYTES": "2097152",
            "LOG_DIRS": _KAFKA_DATA,
        }
        for name, value in settings.items():
            container = container.with_env(f"KAFKA_{name}", value)
        return container

    def _wait(self) -> None:
        from slotstream_servicekit.testing.brokers import wait_for_kafka

        wait_for_kafka(KafkaConnection(self.bootstrap_servers), within=180)
