"""The stack's own parts beside PostgreSQL, Kafka and the services' processes themselves."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from slotstream_local.services import ServiceProcess
from slotstream_servicekit.infrastructure.kafka import KafkaProcess
from slotstream_servicekit.infrastructure.postgres import PostgresProcess
from slotstream_servicekit.infrastructure.processes import listens, require_free_port, start, stop, wait_until

_READY_SECONDS = 60.0


@dataclass(slots=True)
class Infrastructure:
    """PostgreSQL or Kafka as a part of the stack."""

    name: str
    process: PostgresProcess | KafkaProcess

    @property
    def log(self) -> Path:
        return self.process.log

    @property
    def pid(self) -> int | None:
        return self.process.pid

    def start(self) -> None:
        self.process.start()

    def stop(self) -> None:
        self.process.stop()

    def running(self) -> bool:
        return self.process.running()


@dataclass(slots=True)
class SmtpCatcher:
    """The mail catcher as a process."""

    port: int
    folder: Path
    log: Path
    name: str = "smtp"
    process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    def start(self) -> None:
        require_free_port(self.port, "the mail catcher")
        command = [sys.executable, "-m", "slotstream_local.smtp", "--port", str(self.port), "--folder"]
        self.process = start([*command, str(self.folder)], log=self.log)
        wait_until(lambda: listens(self.port), what="The mail catcher", within=30, process=self.process, log=self.log)

    def stop(self) -> None:
        if self.process is not None:
            stop(self.process)

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None


@dataclass(slots=True)
class ServicePart:
    """A service that counts as started once it says that it is ready."""

    process: ServiceProcess

    @property
    def name(self) -> str:
        return self.process.name

    @property
    def log(self) -> Path:
        return self.process.log

    @property
    def pid(self) -> int | None:
        return self.process.pid

    def start(self) -> None:
        if not self.process.running():
            require_free_port(self.process.port, self.name)
            self.process.start()
        self.process.wait_ready(within=_READY_SECONDS)

    def stop(self) -> None:
        self.process.stop()

    def running(self) -> bool:
        return self.process.running()
