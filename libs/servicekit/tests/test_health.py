"""Ready means useful: what is needed answers, and the consumers move."""

import asyncio
import time

import pytest

from slotstream_servicekit import health as health_module
from slotstream_servicekit.errors import DatabaseUnavailableError
from slotstream_servicekit.health import (
    CheckResult,
    ConsumerProgress,
    Health,
    consumer_check,
    database_check,
)


class Clock:
    def __init__(self) -> None:
        self.now = time.monotonic()

    def __call__(self) -> float:
        return self.now


async def well() -> CheckResult:
    return CheckResult(ok=True)


async def test_all_checks_must_pass() -> None:
    health = Health()
    health.register("one", well)
    assert (await health.report()).ready

    async def unwell() -> CheckResult:
        return CheckResult(ok=False, detail="unwell", facts={"lag": 7})

    health.register("two", unwell)
    report = await health.report()
    assert not report.ready
    assert report.as_json() == {
        "status": "unready",
        "checks": {"one": {"ok": True, "detail": "ok"}, "two": {"ok": False, "detail": "unwell", "lag": 7}},
    }


async def test_a_check_that_raises_or_hangs_is_a_failed_one_and_tells_no_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health_module, "CHECK_TIMEOUT_SECONDS", 0.05)

    async def raises() -> CheckResult:
        raise ConnectionError("postgresql://booking_app:secret@db")

    async def hangs() -> CheckResult:
        await asyncio.Event().wait()
        raise AssertionError

    health = Health()
    health.register("raises", raises)
    health.register("hangs", hangs)
    checks = (await health.report()).checks
    assert checks["raises"].detail == "ConnectionError"
    assert not checks["hangs"].ok


def test_a_name_is_registered_once() -> None:
    health = Health()
    health.register("one", well)
    with pytest.raises(ValueError, match="one"):
        health.register("one", well)


async def test_a_stopping_process_is_unready_for_good() -> None:
    health = Health()
    health.stopping()
    report = await health.report()
    assert not report.ready
    assert "stopping" in report.checks


async def test_parts_of_one_process_are_reported_together() -> None:
    api, worker = Health(), Health()
    api.register("database", well)
    worker.register("database", well)
    worker.register("consumer", well)
    api.include(worker)
    assert list((await api.report()).checks) == ["database", "consumer"]


async def test_the_database_check_is_a_ping() -> None:
    class Answers:
        async def ping(self) -> None: ...

    class Silent:
        async def ping(self) -> None:
            raise DatabaseUnavailableError

    health = Health()
    health.register("answers", database_check(Answers()))
    health.register("silent", database_check(Silent()))
    checks = (await health.report()).checks
    assert checks["answers"].ok
    assert not checks["silent"].ok


async def test_a_consumer_is_ready_while_kafka_answers_and_unready_within_15_seconds_of_freezing() -> None:
    clock, progress = Clock(), ConsumerProgress()
    check = consumer_check(progress, clock=clock)
    assert (await check()).detail == "has not joined its group yet"
    progress.alive()
    progress.measured(assigned_partitions=3, lag=12)
    assert progress.alive_at is not None
    clock.now = progress.alive_at
    assert await check() == CheckResult(ok=True, facts={"assigned": 3, "lag": 12, "seconds_since_answer": 0.0})
    clock.now += 9
    assert (await check()).ok
    clock.now += 5
    frozen = await check()
    assert not frozen.ok
    assert frozen.detail == "has not moved for 14 s"


async def test_a_consumer_that_stopped_itself_says_why() -> None:
    progress = ConsumerProgress()
    progress.alive()
    progress.stopped_because = "20 records in a row could not be worked through"
    result = await consumer_check(progress)()
    assert not result.ok
    assert "20 records" in result.detail


def test_a_lag_that_kafka_does_not_tell_leaves_the_last_one_and_its_age_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(health_module.time, "monotonic", clock)
    progress = ConsumerProgress()
    progress.measured(assigned_partitions=1, lag=0)
    assert (progress.lag, progress.lag_seconds) == (0, 0)
    clock.now += 2
    progress.measured(assigned_partitions=1, lag=300)
    clock.now += 60
    progress.measured(assigned_partitions=1, lag=None)
    assert (progress.lag, progress.lag_seconds) == (300, pytest.approx(62))
