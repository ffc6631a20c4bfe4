"""The child process: one calendar in on standard input, its expansion out on standard output.

A calendar's text comes from outside and is read by code that loops, so it runs where it can be killed and
can neither eat the machine's memory nor reach what the service can reach.
"""

import json
import resource
import sys
from datetime import datetime
from typing import Any

from calendar_sync.adapters.ics.expansion import expand
from calendar_sync.domain import BusyInstance, Expansion, ReadingFailedError, Window
from slotstream_servicekit.clock import use_pinned_zone_rules


def main() -> None:
    use_pinned_zone_rules()
    header = json.loads(sys.stdin.buffer.readline())
    resource.setrlimit(resource.RLIMIT_AS, (header["max_memory"], header["max_memory"]))
    resource.setrlimit(resource.RLIMIT_CPU, (header["processor_seconds"], header["processor_seconds"]))
    json.dump(_answer(header, sys.stdin.buffer.read()), sys.stdout)


def _answer(header: dict[str, Any], text: bytes) -> dict[str, Any]:
    window = Window(starts_at=datetime.fromisoformat(header["from"]), ends_at=datetime.fromisoformat(header["to"]))
    try:
        return as_json(expand(text, zone=header["zone"], window=window, charset=header["charset"]))
    except ReadingFailedError as error:
        return {"error": {"code": error.code, "detail": error.detail}}
    except (MemoryError, RecursionError):
        return {"error": {"code": "too_large", "detail": "the calendar needs too much memory"}}


def as_json(expansion: Expansion) -> dict[str, Any]:
    return {
        "instances": [_instance_as_json(instance) for instance in expansion.instances],
        "warnings": dict(expansion.warnings),
        "unreadable_uids": sorted(expansion.unreadable_uids),
        "examples": [[warning.code, warning.line, warning.uid] for warning in expansion.examples],
        "events": expansion.events,
        "unread": expansion.unread,
    }


def _instance_as_json(instance: BusyInstance) -> list[str]:
    return [instance.uid, instance.recurrence, instance.starts_at.isoformat(), instance.ends_at.isoformat()]


if __name__ == "__main__":
    main()
