"""Where the local stack keeps things, which ports it has, and the secrets it made for itself."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from slotstream_servicekit.infrastructure.processes import InfrastructureError, free_port, listens

SERVICES: Final = ("booking", "availability", "notifications", "imports", "calendar_sync")
PARTS: Final = ("postgres", "kafka", "smtp", *SERVICES)


@dataclass(frozen=True, slots=True)
class Layout:
    """The state folder. Everything the stack writes is below it; `reset` removes it."""

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
        return self.folder.with_name(self.folder.name + "-cache")

    @property
    def shell(self) -> Path:
        """Variables for a shell: `. .slotstream/env`."""
        return self.folder / "env"

    @property
    def pid_file(self) -> Path:
        return self.folder / "stack.pid"

    @property
    def ready_file(self) -> Path:
        return self.folder / "stack.json"

    def log_of(self, part: str) -> Path:
        return self.logs / f"{part}.log"

    def supervisor(self) -> int | None:
        """The process id of the running stack, or None."""
        try:
            pid = int(self.pid_file.read_text())
            os.kill(pid, 0)
        except (FileNotFoundError, ValueError, ProcessLookupError):
            return None
        except PermissionError:
            return pid
        return pid


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

    def complete(self, *, wanted: dict[str, int]) -> None:
        """Fill what is missing: `wanted` ports are taken as given, others stay or are free ones."""
        from base64 import urlsafe_b64encode

        from slotstream_servicekit.ids import new_id

        self.database_password = self.database_password or secrets.token_urlsafe(18)
        self.secret_key = self.secret_key or urlsafe_b64encode(secrets.token_bytes(32)).decode()
        self.organization_id = self.organization_id or str(new_id())
        for part in PARTS:
            if part in wanted:
                self.ports[part] = wanted[part]
            elif part not in self.ports or listens(self.ports[part]):
                self.ports[part] = free_port()


def wanted_ports(environment: dict[str, str]) -> dict[str, int]:
    """Ports given as `BOOKING_PORT=8001` and so on; refused where somebody listens there already."""
    wanted = {}
    for part in PARTS:
        variable = f"{part.upper()}_PORT"
        value = environment.get(variable)
        if not value:
            continue
        if not value.isdigit() or not 0 < int(value) < 65_536:
            raise InfrastructureError(f"{variable}={value} is not a port number (1 to 65535).")
        if listens(int(value)):
            raise InfrastructureError(
                f"Port {value} ({variable}) is taken by another program. Stop it, or choose another port."
            )
        wanted[part] = int(value)
    return wanted
