"""A service whose clock runs ahead: `python clock.py SECONDS MODULE ARGUMENTS…` starts it, as its own command would."""

import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

from slotstream_local.services import ServiceProcess
from slotstream_servicekit import clock
from slotstream_servicekit.infrastructure.processes import start


@dataclass(slots=True, kw_only=True)
class ClockedProcess(ServiceProcess):
    """One role of one service, `ahead` of everybody else. What the database dates itself is dated today."""

    ahead: timedelta

    def start(self) -> None:
        seconds = str(self.ahead.total_seconds())
        # -P: the modules beside this file would hide those of the standard library.
        command = [sys.executable, "-P", str(Path(__file__)), seconds, f"{self.service}.main", "--role", self.role]
        self.process = start(command, log=self.log, environment=self.environment)


def main() -> None:
    """Services take the clock as a parameter whose default they import: it is replaced before they do."""
    ahead = timedelta(seconds=float(sys.argv[1]))
    clock.system_clock = lambda: datetime.now(UTC) + ahead
    module = import_module(sys.argv[2])
    sys.argv = [sys.argv[2], *sys.argv[3:]]
    module.main()


if __name__ == "__main__":
    main()
