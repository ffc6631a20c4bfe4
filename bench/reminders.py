"""Reminders at their time: 100,000 that are due within an hour, a thousand at one second, and as fast as a worker goes.

They are written into notifications' tables as its consumers would have planned them; the worker and all that it does
are the real ones, and it hands the mails to a real SMTP server.
"""

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue
from typing import Final

from bench.mail import smtp_server
from bench.setting import Setting

HOUR: Final = 100_000
"""So many are due within it."""
NEEDED: Final = HOUR / 3_600
"""A second."""
WATCHED_SECONDS: Final = 120
BURST: Final = 1_000
FLOOD: Final = 10_000
ORGANIZATIONS, DOMAINS = 20, 200
"""Few enough of each organization's and each domain's that nobody's limit spreads them."""
_FILLING_SECONDS: Final = 90
_PATIENCE_SECONDS: Final = 120

_STATES = f"""
    INSERT INTO catalogue (organization_id, kind, id, name, zone, locale, country, client_confirms, archived, version,
        applied_at)
    SELECT md5('organization' || o)::uuid, 'business', md5('business' || o)::uuid, 'Bench', 'Europe/Berlin', 'en', 'DE',
        false, false, 1, now()
    FROM generate_series(0, {ORGANIZATIONS - 1}) o
    ON CONFLICT DO NOTHING
"""
_NUMBERS = "generate_series({first}, {last}) n"
_OF = f"md5('organization' || n % {ORGANIZATIONS})::uuid"
_CLIENTS = f"""
    INSERT INTO clients (organization_id, id, name, email, version, applied_at)
    SELECT {_OF}, md5('client' || n)::uuid, 'Grace Hopper', 'n' || n || '@d' || n % {DOMAINS} || '.example', 1, now()
    FROM {_NUMBERS}
"""
_APPOINTMENTS = f"""
    INSERT INTO appointments (organization_id, id, business_id, zone, client_id, service_name, location_kind, starts_at,
        ends_at, status, source, notify_client, share_with_client, calendar_uid, calendar_sequence, archived, staff,
        created_at, updated_at, version, applied_at)
    SELECT {_OF}, md5('appointment' || n)::uuid, md5('business' || n % {ORGANIZATIONS})::uuid, 'Europe/Berlin',
        md5('client' || n)::uuid, 'Cut', 'business', {{due}} + interval '1 day', {{due}} + interval '1 day 30 minutes',
        'scheduled', 'api', true, true, 'n' || n, 0, false, '[]', now(), now(), 1, now()
    FROM {_NUMBERS}
"""
_MESSAGES = f"""
    INSERT INTO messages (organization_id, id, key, appointment_id, appointment_version, calendar_uid, starts_at,
        client_id, audience, channel, kind, status, due_at, next_attempt_at, correlation_id, created_at, updated_at,
        version)
    SELECT {_OF}, md5('message' || n)::uuid, 'n' || n, md5('appointment' || n)::uuid, 1, 'n' || n,
        {{due}} + interval '1 day', md5('client' || n)::uuid, 'client', 'email', 'reminder', 'planned',
        {{due}}, {{due}}, 'bench', now(), now(), 1
    FROM {_NUMBERS}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lateness:
    """Milliseconds from the time that each was due to the time that the SMTP server had it."""

    milliseconds: Sequence[float]
    per_second: float
    """From the first to the last that came."""

    @property
    def p50(self) -> float:
        return statistics.median(self.milliseconds)

    @property
    def p99(self) -> float:
        return statistics.quantiles(self.milliseconds, n=100)[98]

    def __str__(self) -> str:
        earliest, latest = min(self.milliseconds), max(self.milliseconds)
        return f"p99 {self.p99:,.0f} ms (p50 {self.p50:,.0f}, {earliest:,.0f} to {latest:,.0f})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminders:
    in_the_hour: Lateness
    at_one_second: Lateness
    """While those of the hour go on."""
    at_full_speed: float
    """A second, by one worker."""


class _Arrivals:
    """When each mail arrived, by the number in its address."""

    def __init__(self, mails: SimpleQueue[tuple[str, float]]) -> None:
        self._mails = mails
        self._wall_clock = time.time() - time.perf_counter()
        self._arrived: dict[int, float] = {}

    def of(self, numbers: range) -> list[float]:
        """The times, in seconds since 1970, of all of these, in order; waits for them."""
        missing = {number for number in numbers if number not in self._arrived}
        while missing:
            try:
                recipient, arrived = self._mails.get(timeout=_PATIENCE_SECONDS)
            except Empty:
                raise RuntimeError(f"{len(missing)} of {len(numbers)} reminders did not come") from None
            name = recipient.partition("@")[0].removeprefix("n")
            if name.isdecimal():  # Others are of what the world was opened with.
                self._arrived[int(name)] = arrived + self._wall_clock
                missing.discard(int(name))
        return [self._arrived[number] for number in numbers]


def measure_reminders(setting: Setting) -> Reminders:
    with _arrivals(setting) as arrivals:
        begins = datetime.now(UTC) + timedelta(seconds=_FILLING_SECONDS)
        apart = timedelta(hours=1) / HOUR
        _plan(setting, range(HOUR), begins=begins, apart=apart)
        if datetime.now(UTC) >= begins:
            raise RuntimeError(f"filling the table took more than {_FILLING_SECONDS} s")
        with setting.service("notifications", "worker"):
            time.sleep(max(0.0, (begins - datetime.now(UTC)).total_seconds()))
            watched = range(int(WATCHED_SECONDS * NEEDED))
            in_the_hour = _lateness(arrivals.of(watched), begins=begins, apart=apart)
            second = datetime.now(UTC) + timedelta(seconds=10)
            burst = range(HOUR, HOUR + BURST)
            _plan(setting, burst, begins=second, apart=timedelta())
            at_one_second = _lateness(arrivals.of(burst), begins=second, apart=timedelta())
        setting.execute("notifications", "DELETE FROM messages WHERE status IN ('planned', 'claimed')")
        flood = range(HOUR + BURST, HOUR + BURST + FLOOD)
        _plan(setting, flood, begins=datetime.now(UTC), apart=timedelta())
        with setting.service("notifications", "worker", ready=False):
            times = sorted(arrivals.of(flood))
    # Its start is not its speed.
    times = times[FLOOD // 10 :]
    return Reminders(
        in_the_hour=in_the_hour, at_one_second=at_one_second, at_full_speed=(len(times) - 1) / (times[-1] - times[0])
    )


@contextmanager
def _arrivals(setting: Setting) -> Iterator[_Arrivals]:
    with smtp_server(setting.stack_settings.smtp_port) as mails:
        while not mails.empty():
            mails.get()
        yield _Arrivals(mails)


def _plan(setting: Setting, numbers: range, *, begins: datetime, apart: timedelta) -> None:
    """Reminders of these numbers, due one after the other."""
    microseconds = apart // timedelta(microseconds=1)
    due = f"(timestamptz '{begins.isoformat()}' + (n - {numbers[0]}) * interval '{microseconds} microseconds')"
    setting.execute("notifications", _STATES)
    for statement in (_CLIENTS, _APPOINTMENTS, _MESSAGES):
        setting.execute("notifications", statement.format(first=numbers[0], last=numbers[-1], due=due))
    setting.execute("notifications", "ANALYZE")


def _lateness(times: Sequence[float], *, begins: datetime, apart: timedelta) -> Lateness:
    late = [(at - (begins + number * apart).timestamp()) * 1_000 for number, at in enumerate(times)]
    return Lateness(milliseconds=late, per_second=(len(times) - 1) / (max(times) - min(times)))
