"""What the whole local stack costs while nothing happens: memory and processor time of all its processes."""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

SETTLE_SECONDS = 45
MEASURED_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Idle:
    gibibytes: float
    """Proportional set size: shared pages are counted once."""
    cores: float


def idle_stack() -> Idle:
    """Starts the local stack in a folder of its own, lets it settle, watches it for half a minute, stops it."""
    with tempfile.TemporaryDirectory(prefix="slotstream-idle-") as folder:
        state = str(Path(folder) / "state")
        command = [sys.executable, "-m", "slotstream_local.main", "--state", state]
        subprocess.run([*command, "up", "--detach"], check=True, stdout=subprocess.DEVNULL)
        try:
            time.sleep(SETTLE_SECONDS)
            processes = _processes_of(state)
            before = sum(map(_seconds_used, processes))
            time.sleep(MEASURED_SECONDS)
            used = sum(map(_seconds_used, processes)) - before
            return Idle(sum(map(_kibibytes, processes)) / 1024**2, used / MEASURED_SECONDS)
        finally:
            subprocess.run([*command, "down"], check=True, stdout=subprocess.DEVNULL)


def _processes_of(state: str) -> list[int]:
    """The supervisor, whose command line names the state folder, and all that descend from it."""
    parents = {}
    roots = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if state in (entry / "cmdline").read_text():
                    roots.add(int(entry.name))
            except OSError:
                continue
    roots.discard(os.getpid())

    def descends(process: int) -> bool:
        while process > 1:
            if process in roots:
                return True
            process = parents.get(process, 0)
        return False

    return [process for process in parents if descends(process)]


def _seconds_used(process: int) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _kibibytes(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
