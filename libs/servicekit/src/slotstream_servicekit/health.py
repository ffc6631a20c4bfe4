"""Liveness and readiness. Ready means that a service can work: what it needs answers, and its consumers progress."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

Check = Callable[[], Awaitable["CheckResult"]]

CHECK_TIMEOUT_SECONDS = 3.0
CONSUMER_SILENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Whether one part can work now, a sentence that says why, and the numbers."""

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
        """Adds the checks of another part, as the role `all` does. A registered name keeps its check."""
        for name, check in other._checks.items():  # noqa: SLF001 - the same class
            self._checks.setdefault(name, check)

    def stopping(self) -> None:
        """Turns unready for good, because the process is ending."""
        self._stopping = True

    @property
    def is_stopping(self) -> bool:
        """Endless streams must end when this is true; else they would delay the end of the process."""
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
        # Only the type: the text may quote addresses or credentials.
        return CheckResult(ok=False, detail=type(error).__name__)


class Pings(Protocol):
    async def ping(self) -> None: ...


def database_check(database: Pings) -> Check:
    """Ready while `ping` does not raise."""

    async def check() -> CheckResult:
        started = time.perf_counter()
        await database.ping()
        return CheckResult(ok=True, facts={"milliseconds": round((time.perf_counter() - started) * 1000, 1)})

    return check


@dataclass(slots=True)
class ConsumerProgress:
    """How far the consumption of one topic is. The consumer writes it, readiness and metrics read it.

    Times are `time.monotonic()`.
    """

    assigned_partitions: int = 0
    alive_at: float | None = None
    """When Kafka last answered or a transaction was last committed."""
    lag: int | None = None
    """The last known number of records that are not processed yet; None where it was never known."""
    caught_up_at: float = field(default_factory=time.monotonic)
    """When there was last nothing left to process; at first, the time of the start."""
    stopped_because: str | None = None
    waits_because: str | None = None
    """Why it cannot join its group, where that is known."""
    oldest_unapplied_at: float | None = None
    """The time of the oldest record that was fetched and is not processed yet, in seconds since the epoch."""

    def in_hand(self, timestamps: Iterable[int]) -> None:
        """The times of the records that are still to be processed, in milliseconds since the epoch."""
        oldest = min(timestamps, default=None)
        self.oldest_unapplied_at = None if oldest is None else oldest / 1_000

    def alive(self, *, seconds_ago: float = 0.0) -> None:
        self.alive_at = max(self.alive_at or 0.0, time.monotonic() - seconds_ago)

    def measured(self, *, assigned_partitions: int, lag: int | None) -> None:
        """Called every few seconds. An unknown lag leaves the last known one."""
        self.assigned_partitions = assigned_partitions
        if lag == 0 or assigned_partitions == 0:
            # Another member may have taken over the rest of a batch.
            self.oldest_unapplied_at = None
        if lag is not None:
            self.lag = lag
            if lag == 0:
                self.caught_up_at = time.monotonic()

    @property
    def lag_seconds(self) -> float:
        """For how long there has been something left to process, or it was not known."""
        return time.monotonic() - self.caught_up_at

    @property
    def oldest_unapplied_seconds(self) -> float:
        return 0.0 if self.oldest_unapplied_at is None else max(0.0, time.time() - self.oldest_unapplied_at)


def consumer_check(progress: ConsumerProgress, *, clock: Callable[[], float] = time.monotonic) -> Check:
    """Ready while Kafka answers and the work progresses. In a group with more members than partitions, members without
    a partition are ready as well, as long as they belong to the group.
    """

    async def check() -> CheckResult:
        facts: dict[str, object] = {"assigned": progress.assigned_partitions, "lag": progress.lag}
        if progress.stopped_because is not None:
            return CheckResult(ok=False, detail=progress.stopped_because, facts=facts)
        if progress.waits_because is not None:
            return CheckResult(ok=False, detail=progress.waits_because, facts=facts)
        if progress.alive_at is None:
            return CheckResult(ok=False, detail="has not joined its group yet", facts=facts)
        silent = clock() - progress.alive_at
        facts["seconds_since_answer"] = round(silent, 1)
        if silent > CONSUMER_SILENCE_SECONDS:
            return CheckResult(ok=False, detail=f"has not moved for {silent:.0f} s", facts=facts)
        return CheckResult(ok=True, facts=facts)

    return check
