"""The local stack: real Kafka, PostgreSQL and SMTP, and every service, as processes under one supervisor."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from slotstream_local.databases import create_databases
from slotstream_local.layout import SERVICES, Layout, Memory
from slotstream_local.services import ServiceProcess, Surroundings, executable
from slotstream_servicekit.infrastructure.kafka import KafkaProcess
from slotstream_servicekit.infrastructure.postgres import PostgresProcess
from slotstream_servicekit.infrastructure.processes import InfrastructureError, start, stop, tail
from slotstream_servicekit.signing import SigningKey, ensure_signing_key, sign_token

Say = Callable[[str], None]

_RESTART_SECONDS: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
_STEADY_SECONDS: Final = 60.0


@dataclass
class Stack:
    """One local stack in one state folder."""

    layout: Layout
    memory: Memory
    say: Say
    postgres: PostgresProcess = field(init=False)
    kafka: KafkaProcess = field(init=False)
    key: SigningKey = field(init=False)
    smtp: "subprocess.Popen[bytes] | None" = None
    services: list[ServiceProcess] = field(default_factory=list)
    _restarts: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        layout, ports = self.layout, self.memory.ports
        self.postgres = PostgresProcess(
            layout.folder / "postgres",
            cache=layout.cache,
            port=ports["postgres"],
            password=self.memory.database_password,
        )
        self.kafka = KafkaProcess(layout.folder / "kafka", cache=layout.cache, port=ports["kafka"])
        self.key = ensure_signing_key(layout.folder)

    def start(self) -> None:
        """Bring everything up, saying each step; on a second start continues with what is there."""
        with ThreadPoolExecutor(2) as pool:
            kafka = pool.submit(self._timed, "Kafka", self.kafka.start)
            postgres = pool.submit(self._timed, "PostgreSQL", self.postgres.start)
            for started in (postgres, kafka):
                started.result()
        self._timed("databases", self._create_databases)
        self._start_smtp()
        with ThreadPoolExecutor(2) as pool:
            topics = pool.submit(self._timed, "topics", lambda: self._operate("topics", "apply"))
            migrations = pool.submit(self._timed, "migrations", lambda: self._operate("migrate"))
            topics.result()
            migrations.result()
        self._timed("services", self._start_services)
        self._announce()

    def watch(self, stopping: Callable[[], bool]) -> None:
        """Until told to stop: restart what died, and say so."""
        while not stopping():
            time.sleep(0.5)
            for part, running, restart in self._parts():
                if not running() and not stopping():
                    self._revive(part, restart)

    def stop(self) -> None:
        """Everything down in order: services first, so that they finish what they have begun."""
        with contextlib.suppress(FileNotFoundError):
            self.layout.ready_file.unlink()
        with ThreadPoolExecutor(max(1, len(self.services))) as pool:
            list(pool.map(lambda service: service.stop(), self.services))
        if self.smtp is not None:
            stop(self.smtp)
        self.kafka.stop()
        self.postgres.stop()

    def token(self) -> str:
        """A fresh development token of this stack's organization."""
        return sign_token(self.key, organization_id=UUID(self.memory.organization_id), role="owner")

    def surroundings(self) -> Surroundings:
        return Surroundings(
            admin_url=self.postgres.url,
            database_password=self.memory.database_password,
            kafka_bootstrap_servers=self.kafka.bootstrap_servers,
            smtp_port=self.memory.ports["smtp"],
            jwks_url=self.key.jwks_url,
            issuer=self.key.issuer.issuer,
            audience=self.key.issuer.audience,
            secret_key=self.memory.secret_key,
        )

    def _parts(self) -> list[tuple[str, Callable[[], bool], Callable[[], None]]]:
        smtp = (lambda: self.smtp is not None and self.smtp.poll() is None), self._start_smtp
        return [
            ("PostgreSQL", self.postgres.running, self.postgres.start),
            ("Kafka", self.kafka.running, self.kafka.start),
            ("SMTP", *smtp),
            *((service.name, service.running, service.start) for service in self.services),
        ]

    def _revive(self, part: str, restart: Callable[[], None]) -> None:
        now = time.monotonic()
        recent = [moment for moment in self._restarts.get(part, []) if now - moment < _STEADY_SECONDS]
        pause = _RESTART_SECONDS[min(len(recent), len(_RESTART_SECONDS) - 1)]
        if recent and now - recent[-1] < pause:
            return
        self._restarts[part] = [*recent, now]
        self.say(f"[yellow]{part} stopped unexpectedly; starting it again[/] (log: {self.layout.logs})")
        try:
            restart()
        except InfrastructureError as error:
            self.say(f"[red]{part} does not start:[/] {error}")

    def _create_databases(self) -> None:
        create_databases(self.postgres.url, services=SERVICES, password=self.memory.database_password)

    def _start_smtp(self) -> None:
        port = self.memory.ports["smtp"]
        command = [sys.executable, "-m", "slotstream_local.smtp", "--port", str(port)]
        self.smtp = start([*command, "--folder", str(self.layout.mail)], log=self.layout.log_of("smtp"))

    def _operate(self, *arguments: str) -> None:
        """Run the operator's command line with every service's settings."""
        environment: dict[str, str] = {}
        for service in SERVICES:
            environment |= self.surroundings().environment(service, port=self.memory.ports[service])
        log = self.layout.log_of("setup")
        process = start([executable("slotstream"), *arguments], log=log, environment=environment)
        if process.wait(120) != 0:
            raise InfrastructureError(f"`slotstream {' '.join(arguments)}` failed:\n{tail(log)}")

    def _start_services(self) -> None:
        surroundings = self.surroundings()
        self.services = [
            ServiceProcess(
                service=name,
                role="all",
                port=self.memory.ports[name],
                environment=surroundings.environment(name, port=self.memory.ports[name]),
                log=self.layout.log_of(name),
            )
            for name in SERVICES
        ]
        for service in self.services:
            service.start()
        for service in self.services:
            service.wait_ready()
            self.say(f"  {service.name} answers at {service.url}")

    def _announce(self) -> None:
        """Write what other commands and shells need to know."""
        urls = {service.service: service.url for service in self.services}
        self.layout.ready_file.write_text(
            json.dumps(
                {
                    "urls": urls,
                    "organization_id": self.memory.organization_id,
                    "kafka": self.kafka.bootstrap_servers,
                    "mail": str(self.layout.mail),
                }
            )
        )
        lines = [f"export {name.upper()}={url}" for name, url in urls.items()]
        lines += [
            f"export ORG={self.memory.organization_id}",
            f"export TOKEN={self.token()}",
            f"export MAIL={self.layout.mail}",
        ]
        surroundings = self.surroundings()
        for service in SERVICES:
            for key, value in surroundings.environment(service, port=self.memory.ports[service]).items():
                lines.append(f"export {key}='{value}'")
        shell = self.layout.shell
        shell.touch(mode=0o600)
        shell.write_text("\n".join(dict.fromkeys(lines)) + "\n")

    def _timed(self, what: str, work: Callable[[], None]) -> None:
        self.say(f"{what} …")
        began = time.monotonic()
        work()
        self.say(f"[green]✓[/] {what} ({time.monotonic() - began:.1f} s)")


def wait_gone(pid: int, *, within: float) -> bool:
    """Whether process `pid` is gone before time runs out."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False
