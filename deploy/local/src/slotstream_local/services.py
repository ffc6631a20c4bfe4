"""The services as processes: what each is told, how it is started and when it is ready."""

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from slotstream_servicekit.infrastructure.processes import InfrastructureError, start, stop, tail


class NotReadyError(InfrastructureError):
    """A service runs, but says that it cannot do its work yet."""


Role = Literal["api", "worker", "all"]
_BIN: Final = Path(sys.executable).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSettings:
    """What services of one stack are told: where everything is."""

    admin_url: str
    """PostgreSQL, as an administrator; databases and roles are named after the services."""
    database_password: str
    kafka_bootstrap_servers: str
    smtp_port: int
    jwks_url: str
    issuer: str
    audience: str
    secret_key: str
    trace_file: Path | None = None
    databases: Mapping[str, str] = field(default_factory=dict)
    """Database names that differ from the service's."""
    ports: Mapping[str, int] = field(default_factory=dict)
    """Where each service's API listens: for the dashboard, which fronts them, and for whoever reads its keys."""
    more: Mapping[str, str] = field(default_factory=dict)

    def database_url(self, service: str, role: Literal["app", "owner"]) -> str:
        server = urlsplit(self.admin_url)
        name = self.databases.get(service, service)
        return f"postgresql+asyncpg://{service}_{role}:{self.database_password}@{server.hostname}:{server.port}/{name}"

    def environment(self, service: str, *, port: int, worker_port: int | None = None) -> dict[str, str]:
        """The environment of one service's process."""
        prefix = service.upper()
        environment = {
            f"{prefix}_DATABASE_URL": self.database_url(service, "app"),
            f"{prefix}_OWNER_DATABASE_URL": self.database_url(service, "owner"),
            f"{prefix}_HTTP_PORT": str(port),
            f"{prefix}_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "SLOTSTREAM_KAFKA_BOOTSTRAP_SERVERS": self.kafka_bootstrap_servers,
            "SLOTSTREAM_ISSUERS": json.dumps(self._issuers()),
            "NOTIFICATIONS_SMTP_HOST": "127.0.0.1",
            "NOTIFICATIONS_SMTP_PORT": str(self.smtp_port),
            "NOTIFICATIONS_SMS": "console",
            "NOTIFICATIONS_VOICE": "console",
            "NOTIFICATIONS_PUSH": "console",
            "NOTIFICATIONS_PUSH_KEY": self.secret_key,
            "NOTIFICATIONS_SECRET_KEYS": json.dumps([self.secret_key]),
            "NOTIFICATIONS_SMTP_ALLOWED_NETWORKS": json.dumps(["127.0.0.0/8"]),
            "BOOKING_MESSAGE_CHANNELS": json.dumps(["email", "sms", "voice", "push"]),
            "DASHBOARD_SMTP_HOST": "127.0.0.1",
            "DASHBOARD_SMTP_PORT": str(self.smtp_port),
            "DASHBOARD_UPSTREAMS": json.dumps(self._upstreams()),
            "DASHBOARD_SECRET_KEYS": json.dumps([self.secret_key]),
            **self._portal(),
            "CALENDAR_SYNC_SECRET_KEYS": json.dumps([self.secret_key]),
            "CALENDAR_SYNC_ALLOWED_NETWORKS": json.dumps(["127.0.0.0/8"]),
            "PYTHONUNBUFFERED": "1",
            # API and worker share a process here: its own commits wake the relay, which need not look often.
            "SLOTSTREAM_RELAY_IDLE_SECONDS": "5" if worker_port is None else "0.1",
            "MALLOC_ARENA_MAX": "2",
        }
        if worker_port is not None:
            environment[f"{prefix}_WORKER_HTTP_PORT"] = str(worker_port)
        if self.trace_file is not None:
            environment["SLOTSTREAM_TRACE_FILE"] = str(self.trace_file)
        return environment | dict(self.more)

    def _issuers(self) -> list[dict[str, str]]:
        """The key in the state folder, for developers, and the dashboard, for its users and API clients."""
        issuers = [{"issuer": self.issuer, "audience": self.audience, "jwks_url": self.jwks_url}]
        if "dashboard" in self.ports:
            url = f"http://127.0.0.1:{self.ports['dashboard']}"
            issuers.append({"issuer": url, "audience": self.audience, "jwks_url": f"{url}/.well-known/jwks.json"})
        return issuers

    def _portal(self) -> dict[str, str]:
        """Notifications makes links that the dashboard opens."""
        keys = json.dumps([self.secret_key])
        variables = {"DASHBOARD_LINK_KEYS": keys, "NOTIFICATIONS_LINK_KEYS": keys}
        if "dashboard" in self.ports:
            variables["NOTIFICATIONS_PORTAL_URL"] = f"http://127.0.0.1:{self.ports['dashboard']}"
        return variables

    def _upstreams(self) -> dict[str, str]:
        return {
            service.replace("_", "-"): f"http://127.0.0.1:{port}"
            for service, port in self.ports.items()
            if service != "dashboard"
        }


def executable(name: str) -> str:
    """The path of a console script of this installation."""
    return str(_BIN / name)


@dataclass(slots=True, kw_only=True)
class ServiceProcess:
    """One role of one service as an operating-system process."""

    service: str
    role: Role
    port: int
    environment: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        return self.service if self.role == "all" else f"{self.service}-{self.role}"

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [executable(f"slotstream-{self.service.replace('_', '-')}"), "--role", self.role]
        self.process = start(command, log=self.log, environment=self.environment)

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def answers(self, path: str = "/readyz") -> bool:
        """Whether the process says that it is useful."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=2) as response:  # noqa: S310 - our own address
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def wait_ready(self, *, within: float = 60.0) -> None:
        """Block until ready; InfrastructureError with the log's end where it dies or time runs out."""
        deadline = time.monotonic() + within
        while not self.answers():
            if not self.running():
                code = self.process.returncode if self.process else None
                raise InfrastructureError(
                    f"{self.name} stopped while starting (exit {code}). The end of {self.log}:\n{tail(self.log)}"
                )
            if time.monotonic() > deadline:
                if self.answers("/livez"):
                    raise NotReadyError(f"{self.name} runs, but is not ready; {self.url}/readyz says why.")
                raise InfrastructureError(
                    f"{self.name} was not ready within {within:.0f} s. The end of {self.log}:\n{tail(self.log)}"
                )
            time.sleep(0.1)

    def stop(self, *, within: float = 30.0) -> int:
        """SIGTERM, and wait for an orderly end."""
        return stop(self.process, within=within) if self.process is not None else 0

    def kill(self) -> None:
        """SIGKILL: no goodbye."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
