"""Liveness and readiness. "Ready" means useful: what a service needs answers, and its consumers move."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

Check = Callable[[], Awaitable["CheckResult"]]

CHECK_TIMEOUT_SECONDS = 3.0
CONSUMER_SILENCE_SECONDS = 10.0
CONSUMER_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Whether one part is useful right now, a sentence why, and the numbers behind it."""

    ok: bool
    detail: str = "ok"
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HealthReport:
    ready: bool
    checks: Mapping[str, CheckResult]

    def as_json(self) -> dict[str, Any]:
        return {
            "status": "ready" if self.ready else "unready",
            "checks": {
                name: {"ok": result.ok, "detail": result.detail, **result.facts} for name, result in self.checks.items()
            },
        }


class Health:
    """The named checks of one process. All must pass for `/readyz` to answer 200."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}
        self._stopping = False

    def register(self, name: str, check: Check) -> None:
        if name in self._checks:
            raise ValueError(f"a health check named {name!r} is registered already")
        self._checks[name] = check

    def include(self, other: "Health") -> None:
        """Adds another part's checks, as the role `all` does; a name already present keeps its own check."""
        for name, check in other._checks.items():  # noqa: SLF001 - the same class
            self._checks.setdefault(name, check)

    def stopping(self) -> None:
        """Turns unready for good: the process is on its way out."""
        self._stopping = True

    @property
    def is_stopping(self) -> bool:
        """For endless streams, which would hold up the stop: end when this turns true."""
        return self._stopping

    async def report(self) -> HealthReport:
        results = await asyncio.gather(*(_run(check) for check in self._checks.values()))
        checks = dict(zip(self._checks, results, strict=True))
        if self._stopping:
            checks["stopping"] = CheckResult(ok=False, detail="the process is stopping")
        return HealthReport(ready=all(result.ok for result in checks.values()), checks=checks)


async def _run(check: Check) -> CheckResult:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            return await check()
    except TimeoutError:
        return CheckResult(ok=False, detail=f"no answer within {CHECK_TIMEOUT_SECONDS:g} s")
    except Exception as error:  # noqa: BLE001 - whatever a check raises means "not ready"
        # The type says enough to an operator; the text may quote addresses or credentials.
        return CheckResult(ok=False, detail=type(error).__name__)


class Pings(Protocol):
    async def ping(self) -> None: ...


def database_check(database: Pings) -> Check:
    """Ready while the database answers; `ping` raises where it does not."""

    async def check() -> CheckResult:
        started = time.perf_counter()
        await database.ping()
        return CheckResult(ok=True, facts={"milliseconds": round((time.perf_counter() - started) * 1000, 1)})

    return check


@dataclass(slots=True)
class ConsumerProgress:
    """What one consumer has done last; it writes, the readiness check reads. Times are `time.monotonic()`."""

    started_at: float = field(default_factory=time.monotonic)
    assigned_partitions: int = 0
    last_poll_at: float | None = None
    lag: int | None = None
    stopped_because: str | None = None

    def polled(self, *, assigned_partitions: int, lag: int | None = None) -> None:
        """Called at every turn of the poll loop, empty or not."""
        self.last_poll_at = time.monotonic()
        self.assigned_partitions = assigned_partitions
        self.lag = lag

    def worked(self) -> None:
        """Called after every transaction: what was polled may be worked through in many."""
        self.last_poll_at = time.monotonic()


def consumer_check(
    progress: ConsumerProgress,
    *,
    silence_seconds: float = CONSUMER_SILENCE_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Check:
    """Ready while the consumer polls. A group with more members than partitions leaves some unassigned:
    they are ready too, as long as they poll.
    """

    async def check() -> CheckResult:
        facts: dict[str, object] = {"assigned": progress.assigned_partitions, "lag": progress.lag}
        if progress.stopped_because is not None:
            return CheckResult(ok=False, detail=progress.stopped_because, facts=facts)
        if progress.last_poll_at is None:
            return CheckResult(ok=False, detail="has not polled yet", facts=facts)
        silent = clock() - progress.last_poll_at
        facts["seconds_since_poll"] = round(silent, 1)
        if silent > silence_seconds:
            return CheckResult(ok=False, detail=f"has not polled for {silent:.0f} s", facts=facts)
        return CheckResult(ok=True, facts=facts)

    return check
