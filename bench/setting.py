"""What the measurements run on: PostgreSQL with its ordinary durability, Kafka, and single service processes."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import asyncpg
import httpx2
from cryptography.fernet import Fernet

from slotstream_local.databases import create_databases
from slotstream_local.services import ServiceProcess, StackSettings, executable
from slotstream_servicekit.database import Database
from slotstream_servicekit.infrastructure.kafka import SERVER, KafkaProcess
from slotstream_servicekit.infrastructure.postgres import PostgresProcess
from slotstream_servicekit.infrastructure.processes import free_port
from slotstream_servicekit.signing import SigningKey, ensure_signing_key, sign_token
from slotstream_servicekit.testing.infrastructure import cache_folder

MEASURED = ("booking", "availability", "imports", "notifications")
PASSWORD = "bench"  # noqa: S105 - of databases that live for one run
WITHOUT_LIMITS = {
    "SLOTSTREAM_RATE_LIMITS": json.dumps(
        {kind: {"per_minute": 0, "burst": 1} for kind in ("bookings", "series", "slots", "holds", "exports", "reports")}
    )
}
POOL = {"SLOTSTREAM_DATABASE_POOL_SIZE": str(2 * (os.cpu_count() or 1) + 1)}
"""As docs/pooling.md advises: more at once than the database has cores for wait there, and in the service's way."""
_LOG_SEGMENTS = 64
"""Of 16 MB: what `min_wal_size` keeps for further use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    folder: Path
    postgres: PostgresProcess
    kafka: KafkaProcess
    stack_settings: StackSettings
    key: SigningKey

    def database(self, service: str) -> Database:
        """As the service's own application role."""
        return Database.connect(self.stack_settings.database_url(service, "app"), pool_size=8)

    def admin_url(self, service: str) -> str:
        return f"{self.postgres.url.rpartition('/')[0]}/{service}"

    def token(self, organization_id: UUID) -> str:
        return sign_token(self.key, organization_id=organization_id, role="owner")

    def execute(self, service: str, statement: str) -> None:
        """As the administrator, in the service's database."""
        _execute(self.admin_url(service), statement)

    @contextmanager
    def service(
        self, name: str, role: Literal["api", "worker", "all"], *, ready: bool = True, **settings: str
    ) -> Iterator[ServiceProcess]:
        """One process of one service; unless `ready` is false it is so already."""
        port = free_port()
        environment = self.stack_settings.environment(name, port=port) | WITHOUT_LIMITS | POOL | settings
        process = ServiceProcess(
            service=name, role=role, port=port, environment=environment, log=self.folder / f"{name}-{role}.log"
        )
        process.start()
        try:
            if ready:
                process.wait_ready()
            yield process
        finally:
            process.stop()

    def client(self, process: ServiceProcess, organization_id: UUID) -> httpx2.Client:
        headers = {"Authorization": f"Bearer {self.token(organization_id)}"}
        return httpx2.Client(base_url=process.url, headers=headers, timeout=60)


@contextmanager
def a_setting(services: Sequence[str] = MEASURED, *, kafka_java_options: Sequence[str] = SERVER) -> Iterator[Setting]:
    folder = Path(tempfile.mkdtemp(prefix="slotstream-bench-"))
    postgres = PostgresProcess(folder / "postgres", cache=cache_folder(), port=free_port(), password=PASSWORD)
    kafka = KafkaProcess(folder / "kafka", cache=cache_folder(), port=free_port(), java_options=kafka_java_options)
    try:
        postgres.start()
        _use_log_for_a_while(postgres.url)
        kafka.start()
        key = ensure_signing_key(folder)
        stack_settings = StackSettings(
            admin_url=postgres.url,
            database_password=PASSWORD,
            kafka_bootstrap_servers=kafka.bootstrap_servers,
            smtp_port=free_port(),
            jwks_url=key.jwks_url,
            issuer=key.issuer.issuer,
            audience=key.issuer.audience,
            secret_key=Fernet.generate_key().decode(),
        )
        create_databases(postgres.url, services=services, password=PASSWORD)
        environment = dict(os.environ)
        for service in services:
            environment |= stack_settings.environment(service, port=0)
        for arguments in (("migrate", *services), ("topics", "apply")):
            subprocess.run([executable("slotstream"), *arguments], env=environment, check=True)
        yield Setting(folder=folder, postgres=postgres, kafka=kafka, stack_settings=stack_settings, key=key)
    finally:
        kafka.stop()
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _use_log_for_a_while(url: str) -> None:
    """Leave segments of the write-ahead log to be used again, as every database has that is older than an hour.

    A new one fills each segment with zeros first, and all who commit wait for that.
    """
    size = f"{_LOG_SEGMENTS * 16}MB"
    begin_segment = "SELECT pg_logical_emit_message(false, 'bench', ''), pg_switch_wal()"
    settings = (f"ALTER SYSTEM SET min_wal_size = '{size}'", "SELECT pg_reload_conf()")
    _execute(url, *settings, *[begin_segment] * _LOG_SEGMENTS, "CHECKPOINT")


def _execute(url: str, *statements: str) -> None:
    async def execute() -> None:
        connection = await asyncpg.connect(url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(execute())


def generate_load(
    url: str, requests: Sequence[tuple[str, str, Mapping[str, str], str]], *, connections: int, seconds: float
) -> dict[str, Any]:
    """Run the load generator in a process of its own and return what it measured."""
    host, _, port = url.removeprefix("http://").partition(":")
    lines = "".join(f"{method}\t{path}\t{json.dumps(headers)}\t{body}\n" for method, path, headers, body in requests)
    done = subprocess.run(
        [sys.executable, "-m", "bench.load", host, port, str(connections), str(seconds)],
        input=lines.encode(),
        capture_output=True,
        check=True,
    )
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured
