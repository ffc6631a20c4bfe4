"""The whole stack: brought up in parallel, watched, and stopped in order."""

import os
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field
from typing import Final

from slotstream_local.databases import create_databases
from slotstream_local.layout import SERVICES, Layout, Memory
from slotstream_local.parts import Infrastructure, ServicePart, SmtpCatcher
from slotstream_local.progress import Progress
from slotstream_local.services import NotReadyError, ServiceProcess, StackSettings, executable
from slotstream_local.supervision import Part, keep_alive, note_children, stop_all
from slotstream_servicekit.infrastructure.kafka import VERSION as KAFKA_VERSION
from slotstream_servicekit.infrastructure.kafka import KafkaProcess
from slotstream_servicekit.infrastructure.postgres import VERSION as POSTGRES_VERSION
from slotstream_servicekit.infrastructure.postgres import PostgresProcess
from slotstream_servicekit.infrastructure.processes import InfrastructureError
from slotstream_servicekit.signing import LOCAL_AUDIENCE, LOCAL_ISSUER, ensure_signing_key

_COMMAND_SECONDS: Final = 120
OWNER_EMAIL: Final = "owner@example.com"


class StoppedError(Exception):
    """Somebody asked to stop while the stack was starting."""


@dataclass(slots=True)
class Stack:
    """Parts in the order they are needed; `stop` is set by whoever wants the end."""

    layout: Layout
    memory: Memory
    progress: Progress
    stop: threading.Event = field(default_factory=threading.Event)
    services: Sequence[str] = SERVICES
    postgres: Infrastructure = field(init=False)
    kafka: Infrastructure = field(init=False)
    smtp: SmtpCatcher = field(init=False)
    stack_settings: StackSettings = field(init=False)
    processes: list[ServicePart] = field(init=False)

    def __post_init__(self) -> None:
        layout, ports = self.layout, self.memory.ports
        postgres = PostgresProcess(
            layout.folder / "postgres",
            cache=layout.cache,
            port=ports["postgres"],
            password=self.memory.database_password,
            log=layout.log_of("postgres"),
        )
        kafka = KafkaProcess(
            layout.folder / "kafka",
            cache=layout.cache,
            port=ports["kafka"],
            controller_port=ports["kafka_controller"],
            log=layout.log_of("kafka"),
        )
        self.postgres, self.kafka = Infrastructure("postgres", postgres), Infrastructure("kafka", kafka)
        self.smtp = SmtpCatcher(ports["smtp"], layout.mail, layout.log_of("smtp"))
        self.stack_settings = StackSettings(
            admin_url=postgres.url,
            database_password=self.memory.database_password,
            kafka_bootstrap_servers=kafka.bootstrap_servers,
            smtp_port=ports["smtp"],
            jwks_url=ensure_signing_key(layout.folder).jwks_url,
            issuer=LOCAL_ISSUER,
            audience=LOCAL_AUDIENCE,
            secret_key=self.memory.secret_key,
            ports={service: ports[service] for service in self.services},
        )
        self.processes = [ServicePart(self._process(service)) for service in self.services]

    @property
    def parts(self) -> list[Part]:
        return [self.postgres, self.kafka, self.smtp, *self.processes]

    def start(self) -> None:
        """Bring everything up. InfrastructureError names what failed; StoppedError where `stop` came first."""
        fetch_postgres = not (self.layout.cache / f"postgres-{POSTGRES_VERSION}").exists()
        fetch_kafka = not (self.layout.cache / f"kafka-{KAFKA_VERSION}").exists()
        self._together(
            lambda: self._start(self.smtp, f"Mail catcher on port {self.smtp.port}"),
            lambda: self._postgres(note="fetching it first, once, 15 MB" if fetch_postgres else ""),
            lambda: self._kafka(note="fetching it first, once, 45 MB" if fetch_kafka else ""),
        )
        self._together(*(self._starter(part) for part in self.processes))

    def watch(self) -> None:
        """Keep every part alive until `stop` is set."""
        watchers = [
            threading.Thread(
                target=keep_alive,
                args=(part,),
                kwargs={"stop": self.stop, "say": self.progress.say, "started": self._note},
                daemon=True,
            )
            for part in self.parts
        ]
        for watcher in watchers:
            watcher.start()
        while not self.stop.wait(3600):
            pass
        for watcher in watchers:
            watcher.join(timeout=5)

    def shut_down(self) -> None:
        """Services first, so that what they committed still leaves; then what they lean on."""
        with self.progress.step("Stopping the services"):
            stop_all(self.processes)
        with self.progress.step("Stopping Kafka, PostgreSQL and the mail catcher"):
            stop_all([self.smtp, self.kafka, self.postgres])
        self.layout.children_file.unlink(missing_ok=True)

    def environment(self) -> dict[str, str]:
        """What `slotstream` and other tools need in order to find the running parts."""
        merged: dict[str, str] = {}
        for part in self.processes:
            merged |= part.process.environment
        return merged

    def first_owner_link(self) -> str | None:
        """The link that lets the organization's first owner choose a password; None where one can sign in already."""
        command = [executable("slotstream-first-owner"), "--organization", self.memory.organization_id]
        ended = subprocess.run(
            [*command, "--name", "My organization", "--email", OWNER_EMAIL],
            env={**os.environ, **self.environment()},
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
        if ended.returncode != 0:
            ending = "\n".join(ended.stderr.splitlines()[-15:])
            raise InfrastructureError(f"The first owner could not be made:\n{ending}")
        return ended.stdout.strip() or None

    def _process(self, service: str) -> ServiceProcess:
        port = self.memory.ports[service]
        return ServiceProcess(
            service=service,
            role="all",
            port=port,
            environment=self.stack_settings.environment(service, port=port),
            log=self.layout.log_of(service),
        )

    def _postgres(self, *, note: str) -> None:
        self._start(self.postgres, f"PostgreSQL on port {self.memory.ports['postgres']}", note=note)
        with self.progress.step("Databases and migrations"):
            create_databases(
                self.stack_settings.admin_url, services=self.services, password=self.memory.database_password
            )
            self._command(["migrate", *self.services], "migrate")

    def _kafka(self, *, note: str) -> None:
        self._start(self.kafka, f"Kafka on port {self.memory.ports['kafka']}", note=note)
        with self.progress.step("Topics"):
            self._command(["topics", "apply", "--wait", "30"], "topics")

    def _starter(self, part: ServicePart) -> Callable[[], None]:
        return lambda: self._start(part, f"{part.name} on port {part.process.port}")

    def _start(self, part: Part, title: str, *, note: str = "") -> None:
        if self.stop.is_set():
            raise StoppedError
        try:
            with self.progress.step(title, note=note):
                part.start()
        except NotReadyError as error:
            # What holds it up, such as a record that it cannot work through, is mended while it runs.
            self.progress.say(str(error))

    def _command(self, arguments: Sequence[str], name: str) -> None:
        if self.stop.is_set():
            raise StoppedError
        ended = subprocess.run(
            [executable("slotstream"), *arguments],
            env={**os.environ, **self.environment()},
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
        log = self.layout.log_of(name)
        log.write_text(ended.stdout + ended.stderr)
        if ended.returncode != 0:
            ending = "\n".join(ended.stderr.splitlines()[-15:])
            raise InfrastructureError(f"`slotstream {' '.join(arguments)}` failed. The end of {log}:\n{ending}")

    def _together(self, *works: Callable[[], None]) -> None:
        """Run all beside each other. The first failure, or `stop`, stops all parts and is raised."""
        with ThreadPoolExecutor(len(works)) as pool:
            futures = [pool.submit(work) for work in works]
            failure: BaseException | None = None
            pending: set[Future[None]] = set(futures)
            while pending and failure is None and not self.stop.is_set():
                done, pending = wait_for(pending, timeout=0.2)
                failure = next((future.exception() for future in done if future.exception()), None)
                if done:
                    self._note()
            asked = failure is None and self.stop.is_set()
            if pending:
                self.stop.set()
                stop_all(self.parts)
        self._note()
        if asked:
            # What was stopped halfway failed for that.
            raise StoppedError
        failure = failure or next((future.exception() for future in futures if future.exception()), None)
        if failure is not None:
            raise failure

    def _note(self) -> None:
        note_children(self.layout, self.parts)


def shell_variables(stack: Stack, *, token: str) -> Mapping[str, str]:
    """What `. .slotstream/env` gives a shell."""
    urls = {part.process.service.upper(): part.process.url for part in stack.processes}
    return {
        **urls,
        "ORG": stack.memory.organization_id,
        "TOKEN": token,
        "MAIL": str(stack.layout.mail),
        "SLOTSTREAM_STATE": str(stack.layout.folder),
        "KAFKA": stack.stack_settings.kafka_bootstrap_servers,
        **{name: value for name, value in stack.environment().items() if name.startswith(_FOR_THE_COMMAND_LINE)},
    }


_FOR_THE_COMMAND_LINE: Final = (
    "SLOTSTREAM_",
    *(f"{service.upper()}_{name}" for service in SERVICES for name in ("DATABASE_URL", "OWNER_DATABASE_URL")),
    "CALENDAR_SYNC_SECRET_KEYS",
    "DASHBOARD_PUBLIC_URL",
)
