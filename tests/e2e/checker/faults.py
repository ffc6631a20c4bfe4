"""What goes wrong meanwhile: processes killed, Kafka frozen or stopped, PostgreSQL crashed."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from harness.platform import Platform

from checker.history import History

CALM_SECONDS = (0.5, 2.0)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that breaks, and how it is mended. Both may block; they run in a thread."""

    name: str
    strike: Callable[[], None]
    mend: Callable[[], None]
    seconds: tuple[float, float] = (0.0, 0.5)
    """How long it lasts, at least and at most."""


def faults_of(platform: Platform) -> Sequence[Fault]:
    """All of them; the seed decides which comes when."""
    kafka, postgres = platform.kafka, platform.postgres
    killed = ("booking-api", "booking-worker", "availability", "notifications", "calendar_sync", "imports")
    return [
        *(_kill(platform, name) for name in killed),
        Fault("kafka frozen", kafka.freeze, kafka.thaw, (2.0, 5.0)),
        Fault("kafka stopped", kafka.stop, kafka.start, (1.0, 4.0)),
        Fault("postgresql crashed", postgres.kill, postgres.start),
    ]


def _kill(platform: Platform, name: str) -> Fault:
    process = platform.processes[name]

    def mend() -> None:
        process.start()
        process.wait_ready(within=180)

    return Fault(f"{name} killed", process.kill, mend)


async def break_things(
    faults: Sequence[Fault], *, history: History, in_force: list[str], chance: random.Random, stop: asyncio.Event
) -> None:
    """One fault after the other, each mended before the next; every kind comes before any comes twice."""
    hand: list[Fault] = []
    while not stop.is_set():
        await _calm(stop, chance.uniform(*CALM_SECONDS))
        if stop.is_set():
            return
        hand = hand or chance.sample(list(faults), len(faults))
        fault = hand.pop()
        history.faults.append((datetime.now(UTC), fault.name))
        in_force.append(fault.name)
        try:
            await asyncio.to_thread(fault.strike)
            await asyncio.sleep(chance.uniform(*fault.seconds))
        finally:
            await asyncio.to_thread(fault.mend)
            in_force.remove(fault.name)


async def _calm(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
