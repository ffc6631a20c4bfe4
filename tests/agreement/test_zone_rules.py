"""One set of zone rules everywhere: whatever zone files a machine has, every process and child reads the pinned ones."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path

import pytest

from slotstream_scheduling import zone_of

ZONES = ("America/Vancouver", "America/Winnipeg", "America/Edmonton", "America/Havana", "Africa/Casablanca")
MOMENTS = ("2026-01-15T12:00:00+00:00", "2026-07-15T12:00:00+00:00", "2027-01-15T12:00:00+00:00")
SERVICES = sorted(point.name for point in entry_points(group="slotstream.services"))

REPORT = """
import json, sys
from datetime import datetime
from zoneinfo import ZoneInfo

def report(*_):
    zones, moments = json.loads(sys.argv[1])
    offsets = [datetime.fromisoformat(m).astimezone(ZoneInfo(z)).utcoffset().total_seconds() for z in zones for m in moments]
    print(json.dumps(offsets))
    raise SystemExit(0)
"""
SERVICE = """
import dataclasses
from importlib.metadata import entry_points
from slotstream_servicekit import runtime
service = {point.name: point for point in entry_points(group="slotstream.services")}[sys.argv[2]].load()
runtime._run = report
runtime.run(service, ["--role", "all"])
"""
COMMAND_LINE = "from slotstream_cli import main; main.app = report; main.main()"
LOCAL_STACK = (
    "import argparse; argparse.ArgumentParser.parse_args = report; from slotstream_local import main; main.main()"
)
CALENDAR = b"""BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//test//test//EN\r
BEGIN:VEVENT\r
UID:winter\r
DTSTAMP:20260101T000000Z\r
DTSTART;TZID=%b:20260115T100000\r
DTEND;TZID=%b:20260115T110000\r
END:VEVENT\r
BEGIN:VEVENT\r
UID:summer\r
DTSTAMP:20260101T000000Z\r
DTSTART;TZID=%b:20260715T100000\r
DURATION:PT1H\r
RRULE:FREQ=DAILY;COUNT=2\r
END:VEVENT\r
END:VCALENDAR\r
"""


@pytest.fixture
def foreign(tmp_path: Path) -> Mapping[str, str]:
    """The environment of a machine whose files say that all these zones keep Tokyo's time."""
    for zone in ZONES:
        path = tmp_path / zone
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files("tzdata.zoneinfo").joinpath("Asia", "Tokyo").read_bytes())
    databases = {f"{name.upper()}_DATABASE_URL": "postgresql+asyncpg://nobody@localhost/nothing" for name in SERVICES}
    return {**os.environ, **databases, "PYTHONTZPATH": str(tmp_path)}


def offsets_in(code: str, *arguments: str, environment: Mapping[str, str]) -> list[float]:
    command = [sys.executable, "-c", REPORT + code, json.dumps([ZONES, MOMENTS]), *arguments]
    done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    offsets: list[float] = json.loads(done.stdout.splitlines()[-1])
    return offsets


def pinned_offsets() -> list[float]:
    moments = [datetime.fromisoformat(moment) for moment in MOMENTS]
    offsets = [moment.astimezone(zone_of(zone)).utcoffset() for zone in ZONES for moment in moments]
    return [offset.total_seconds() for offset in offsets if offset is not None]


def test_without_pinning_the_machines_files_would_be_read(foreign: Mapping[str, str]) -> None:
    assert set(offsets_in("report()", environment=foreign)) == {9 * 3600}


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_reads_the_pinned_rules(service: str, foreign: Mapping[str, str]) -> None:
    assert offsets_in(SERVICE, service, environment=foreign) == pinned_offsets()


@pytest.mark.parametrize("program", [COMMAND_LINE, LOCAL_STACK], ids=["slotstream", "slotstream-local"])
def test_every_command_reads_the_pinned_rules(program: str, foreign: Mapping[str, str]) -> None:
    assert offsets_in(program, environment=foreign) == pinned_offsets()


@pytest.mark.parametrize("zone", ZONES)
def test_the_child_that_reads_calendars_reads_the_pinned_rules(zone: str, foreign: Mapping[str, str]) -> None:
    header = {
        "zone": zone,
        "charset": None,
        "from": "2026-01-01T00:00:00+00:00",
        "to": "2026-12-31T00:00:00+00:00",
        "processor_seconds": 30,
        "max_memory": 1 << 30,
    }
    done = subprocess.run(
        [sys.executable, "-m", "calendar_sync.adapters.ics.child"],
        input=json.dumps(header).encode() + b"\n" + CALENDAR.replace(b"%b", zone.encode()),
        env=dict(foreign),
        capture_output=True,
        check=False,
    )

    instances = {(uid, starts_at) for uid, _, starts_at, _ in json.loads(done.stdout)["instances"]}
    walls = {"winter": ("2026-01-15T10:00",), "summer": ("2026-07-15T10:00", "2026-07-16T10:00")}
    assert {(uid, datetime.fromisoformat(starts_at).astimezone(UTC)) for uid, starts_at in instances} == {
        (uid, datetime.fromisoformat(wall).replace(tzinfo=zone_of(zone)).astimezone(UTC))
        for uid, times in walls.items()
        for wall in times
    }
