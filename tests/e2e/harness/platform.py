"""All services as processes, on PostgreSQL and Kafka of their own, with handles to disturb them."""

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
from cryptography.fernet import Fernet

from harness.copies import Balanced, Copies
from harness.patched import PatchedProcess, clock_ahead_by
from harness.world import World
from slotstream_local.databases import create_databases
from slotstream_local.layout import SERVICES
from slotstream_local.services import ServiceProcess, StackSettings, executable
from slotstream_servicekit.infrastructure.processes import free_port
from slotstream_servicekit.signing import SigningKey, ensure_signing_key, sign_token
from slotstream_servicekit.testing.certificates import CertificateAuthority
from slotstream_servicekit.testing.infrastructure import KafkaServer, PostgresServer, a_kafka, a_postgres

PASSWORD = "e2e"
INBOUND_MAIL_SECRET = "handed-in-by-the-tests-mail-server"
SMS_TOKEN = "what-signs-the-calls-of-the-provider-of-sms"
SMS_SENDER = "+447700900777"
SMS_CALLBACK = "https://desk.example.com/api/notifications"
"""Texts go to the console; whoever answers them calls as the provider does, signed."""

MAIL_AUTHORITY = "mail-authority.pem"
MAIL_CERTIFICATE = "mail-server.pem"
"""Whom organizations' own mail servers have their certificates from, and one of them."""

_NO_LIMITS = json.dumps({kind: {"per_minute": 0, "burst": 1} for kind in ("bookings", "series", "holds", "slots")})
"""Tests ask faster than any organization does."""


@dataclass
class Platform:
    """One running platform. Booking's API and worker are processes of their own; so is every other service."""

    folder: Path
    postgres: PostgresServer
    kafka: KafkaServer
    stack_settings: StackSettings
    key: SigningKey
    processes: dict[str, ServiceProcess] = field(default_factory=dict)
    clients: list[httpx2.AsyncClient] = field(default_factory=list)
    copies: Copies = field(default_factory=Copies)

    @property
    def bootstrap(self) -> str:
        return self.kafka.bootstrap_servers

    @property
    def mail_certificate(self) -> Path:
        """Of an organization's own mail server."""
        return self.folder / MAIL_CERTIFICATE

    @property
    def trace_file(self) -> Path:
        assert self.stack_settings.trace_file is not None
        return self.stack_settings.trace_file

    def start_services(self) -> None:
        for service in SERVICES:
            if service == "booking":
                self._add(service, "api")
                self._add(service, "worker")
            else:
                self._add(service, "all")
        for process in self.processes.values():
            process.start()
        for process in self.processes.values():
            process.wait_ready(within=180)

    def _add(self, service: str, role: Any) -> None:
        port = free_port() if role == "worker" else self.stack_settings.ports[service]
        process = ServiceProcess(
            service=service,
            role=role,
            port=port,
            environment=self.stack_settings.environment(service, port=port) | {"SLOTSTREAM_RATE_LIMITS": _NO_LIMITS},
            log=self.folder / f"{service}-{role}.log",
        )
        self.processes[process.name] = process

    def start_late_booking(self, ahead: timedelta) -> None:
        """Booking's API once more, with a clock that runs ahead: `client("booking-late", …)` asks it."""
        if "booking-late" in self.processes:
            return
        port = free_port()
        process = PatchedProcess(
            service="booking",
            role="api",
            port=port,
            environment=self.stack_settings.environment("booking", port=port),
            log=self.folder / "booking-late.log",
            patch=clock_ahead_by(ahead),
        )
        self.processes["booking-late"] = process
        process.start()
        process.wait_ready(within=180)

    def stop(self) -> None:
        for process in self.processes.values():
            process.kill()

    def restart(self, name: str, *, by_kill: bool = True) -> None:
        """Kill (or stop) one process and start it again, ready."""
        process = self.processes[name]
        if by_kill:
            process.kill()
        else:
            process.stop()
        process.start()
        process.wait_ready(within=180)

    @contextmanager
    def patched(self, name: str, patch: str, **more: str) -> Iterator[None]:
        """One process runs with a patch for a while, and with `more` in its environment."""
        sound = self.processes[name]
        sound.stop()
        process = PatchedProcess(
            service=sound.service,
            role=sound.role,
            port=sound.port,
            environment={**sound.environment, **more},
            log=sound.log,
            patch=patch,
        )
        self.processes[name] = process
        try:
            process.start()
            process.wait_ready(within=180)
            yield
        finally:
            process.kill()
            self.processes[name] = sound
            sound.start()
            sound.wait_ready(within=180)

    def url(self, service: str) -> str:
        name = "booking-api" if service == "booking" else service
        return self.processes[name].url

    def token(self, organization_id: UUID, *, role: str = "owner", **more: Any) -> str:
        return sign_token(self.key, organization_id=organization_id, role=role, **more)

    def client(self, service: str, token: str) -> httpx2.AsyncClient:
        client = httpx2.AsyncClient(
            base_url=self.url(service),
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
            transport=Balanced(self.copies, limits=httpx2.Limits(max_connections=64)),
        )
        self.clients.append(client)
        return client

    async def a_world(self, **more: Any) -> World:
        """A fresh organization, set up through the APIs and open around the clock."""
        world = self.an_empty_world()
        return await world.set_up(**more)

    def an_empty_world(self, organization_id: UUID | None = None) -> World:
        organization_id = organization_id or uuid4()
        token = self.token(organization_id)
        return World(
            organization_id=organization_id,
            **{service: self.client(service, token) for service in SERVICES},  # type: ignore[arg-type]
        )

    async def close_clients(self) -> None:
        for client in self.clients:
            await client.aclose()
        self.clients.clear()

    def database_url(self, service: str) -> str:
        """The administrator's URL of one service's database: tests look past row-level security."""
        return f"{self.postgres.url.rpartition('/')[0]}/{service}"

    def spans(self) -> list[dict[str, Any]]:
        """Every span that any service has finished so far."""
        if not self.trace_file.exists():
            return []
        return [json.loads(line) for line in self.trace_file.read_text().splitlines() if line]


@contextmanager
def a_platform(folder: Path, *, smtp_port: int, traced: bool = True, **more: str) -> Iterator[Platform]:
    """Infrastructure, databases, topics and services, gone afterwards. Logs stay in `folder`.

    `more` is what services are told beside the rest, as in their environment.
    """
    with a_postgres() as postgres, a_kafka() as kafka:
        key = ensure_signing_key(folder)
        authority = CertificateAuthority()
        (folder / MAIL_AUTHORITY).write_text(authority.pem)
        (folder / MAIL_CERTIFICATE).write_text(authority.issue("own.example"))
        stack_settings = StackSettings(
            admin_url=postgres.url,
            database_password=PASSWORD,
            kafka_bootstrap_servers=kafka.bootstrap_servers,
            smtp_port=smtp_port,
            jwks_url=key.jwks_url,
            issuer=key.issuer.issuer,
            audience=key.issuer.audience,
            secret_key=Fernet.generate_key().decode(),
            trace_file=folder / "spans.jsonl" if traced else None,
            ports={service: free_port() for service in SERVICES},
            more={
                "CALENDAR_SYNC_POLL_INTERVAL": "PT5S",
                "DASHBOARD_PROVIDER_NETWORKS": json.dumps(["127.0.0.0/8"]),
                "NOTIFICATIONS_SMS_SENDER": SMS_SENDER,
                "NOTIFICATIONS_TWILIO_AUTH_TOKEN": SMS_TOKEN,
                "NOTIFICATIONS_TWILIO_CALLBACK_URL": SMS_CALLBACK,
                "NOTIFICATIONS_SMTP_OWN_CA_FILE": str(folder / MAIL_AUTHORITY),
                "NOTIFICATIONS_NUMBER_KEYS": json.dumps([base64.urlsafe_b64encode(os.urandom(32)).decode()]),
                "NOTIFICATIONS_REPLY_MAILBOX": "reply@in.slotstream.test",
                "NOTIFICATIONS_REPLY_KEYS": json.dumps([base64.urlsafe_b64encode(os.urandom(32)).decode()]),
                "NOTIFICATIONS_INBOUND_MAIL_SECRET": INBOUND_MAIL_SECRET,
            }
            | more,
        )
        create_databases(postgres.url, services=SERVICES, password=PASSWORD)
        environment = dict(os.environ)
        for service in SERVICES:
            environment |= stack_settings.environment(service, port=0)
        for arguments in (("migrate",), ("topics", "apply")):
            subprocess.run([executable("slotstream"), *arguments], env=environment, check=True, timeout=300)
        platform = Platform(folder=folder, postgres=postgres, kafka=kafka, stack_settings=stack_settings, key=key)
        try:
            platform.start_services()
            yield platform
        finally:
            platform.stop()
