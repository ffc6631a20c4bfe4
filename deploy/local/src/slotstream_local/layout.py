"""Where the local stack keeps things, which ports it has, and the secrets it made for itself."""

import fcntl
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from slotstream_servicekit.ids import new_id
from slotstream_servicekit.infrastructure.processes import InfrastructureError, free_port, listens

SERVICES: Final = ("booking", "availability", "notifications", "imports", "calendar_sync", "dashboard")
PARTS: Final = ("postgres", "kafka", "kafka_controller", "smtp", *SERVICES)


class StackRunningError(InfrastructureError):
    """The state folder belongs to a stack that runs."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The state folder. Everything the stack writes is below it; `reset` empties it but for the cache."""

    folder: Path

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def mail(self) -> Path:
        return self.folder / "mail"

    @property
    def cache(self) -> Path:
        """Unpacked binaries: kept by `reset`, so that the next start is quick."""
        return self.folder / "cache"

    @property
    def shell(self) -> Path:
        """Variables for a shell: `. .slotstream/env`."""
        return self.folder / "env"

    @property
    def pid_file(self) -> Path:
        """The supervisor's process id; locked by it for as long as it lives."""
        return self.folder / "stack.pid"

    @property
    def ready_file(self) -> Path:
        """What `up` shows, as JSON; there only while everything has started."""
        return self.folder / "stack.json"

    @property
    def children_file(self) -> Path:
        """The stack's processes, so that the next start can end what a killed supervisor left behind."""
        return self.folder / "children.json"

    def log_of(self, part: str) -> Path:
        return self.logs / f"{part}.log"

    def make(self) -> None:
        """Make the folder; InfrastructureError where it cannot be written."""
        try:
            for folder in (self.folder, self.logs, self.mail, self.cache):
                folder.mkdir(parents=True, exist_ok=True)
            self.pid_file.touch()
        except OSError as error:
            raise InfrastructureError(f"{self.folder} cannot be written: {error.strerror}.") from error

    @contextmanager
    def claimed(self, pid: int) -> Iterator[None]:
        """Hold the folder as the one stack that uses it. Raises StackRunningError where another does."""
        with self.pid_file.open("r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise StackRunningError(
                    f"The stack in {self.folder} is running already. `make down` stops it; "
                    f"`. {self.shell}` gives a shell its addresses and a token."
                ) from None
            file.truncate(0)
            file.write(str(pid))
            file.flush()
            try:
                yield
            finally:
                self.ready_file.unlink(missing_ok=True)
                file.truncate(0)

    def supervisor(self) -> int | None:
        """The process id of the running stack, or None."""
        with suppress(FileNotFoundError, ValueError), self.pid_file.open("r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return int(file.read())
        return None


@dataclass(slots=True)
class Memory:
    """What a stack remembers from its first start: ports and secrets."""

    ports: dict[str, int] = field(default_factory=dict)
    database_password: str = ""
    secret_key: str = ""
    organization_id: str = ""

    @classmethod
    def load(cls, layout: Layout) -> "Memory":
        path = layout.folder / "memory.json"
        return cls(**json.loads(path.read_text())) if path.exists() else cls()

    def save(self, layout: Layout) -> None:
        path = layout.folder / "memory.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(self), indent=2))

    def complete(self, *, wanted: Mapping[str, int]) -> None:
        """Fill what is missing: `wanted` ports are taken as given, others stay or are free ones."""
        self.database_password = self.database_password or secrets.token_urlsafe(18)
        self.secret_key = self.secret_key or urlsafe_b64encode(secrets.token_bytes(32)).decode()
        self.organization_id = self.organization_id or str(new_id())
        kept = {part: port for part, port in self.ports.items() if part not in wanted and not listens(port)}
        self.ports = {**kept, **wanted}
        for part in PARTS:
            while part not in self.ports:
                port = free_port()
                if port not in self.ports.values():
                    self.ports[part] = port


def wanted_ports(environment: Mapping[str, str]) -> dict[str, int]:
    """Ports given as `BOOKING_PORT=8001` and so on; refused where somebody listens there already."""
    wanted: dict[str, int] = {}
    for part in PARTS:
        variable = f"{part.upper()}_PORT"
        value = environment.get(variable)
        if not value:
            continue
        if not value.isdecimal() or not 0 < int(value) < 65_536:
            raise InfrastructureError(f"{variable}={value} is not a port number (1 to 65535).")
        if int(value) in wanted.values():
            raise InfrastructureError(f"Port {value} ({variable}) is given twice. Choose another port.")
        if listens(int(value)):
            raise InfrastructureError(
                f"Port {value} ({variable}) is taken by another program. Stop it, or choose another port."
            )
        wanted[part] = int(value)
    return wanted
