"""A service that runs with a small patch, made in its process as it starts: another clock, or a bug to be found."""

import sys
from dataclasses import dataclass
from datetime import timedelta

from slotstream_local.services import ServiceProcess
from slotstream_servicekit.infrastructure.processes import start


@dataclass(slots=True, kw_only=True)
class PatchedProcess(ServiceProcess):
    """One role of one service; `patch` is Python that runs before the service's own code is imported."""

    patch: str

    def start(self) -> None:
        code = f"{self.patch}\nfrom {self.service}.main import main\nmain()\n"
        # -P: no module of the working directory hides one of the standard library.
        command = [sys.executable, "-P", "-c", code, "--role", self.role]
        self.process = start(command, log=self.log, environment=self.environment)


def clock_ahead_by(ahead: timedelta) -> str:
    """Services take the clock as a parameter whose default they import. What the database dates is dated today."""
    return (
        "from datetime import UTC, datetime, timedelta\n"
        "from slotstream_servicekit import clock\n"
        f"clock.system_clock = lambda: datetime.now(UTC) + timedelta(seconds={ahead.total_seconds()})"
    )
