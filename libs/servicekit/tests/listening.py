"""Handlers that remember what they heard, and what became of the notes that a consumer was sent."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from kit_world import Note, World, on_notes, read_topic
from sqlalchemy.ext.asyncio import AsyncSession

from slotstream_servicekit.consumer import Received
from slotstream_servicekit.telemetry import continue_trace, current_traceparent

NewTopic = Callable[..., Awaitable[str]]
Until = Callable[..., Awaitable[Any]]


class Ear:
    """A handler that remembers what it heard and then keeps it as `on_notes` does."""

    def __init__(self, *failures: Exception) -> None:
        self.batches: list[list[Received[Note]]] = []
        self.traces: list[str | None] = []
        self._failures = list(failures)

    @property
    def heard(self) -> list[str]:
        return [
            record.event.subject if record.event else f"gone {record.key}" for batch in self.batches for record in batch
        ]

    async def __call__(self, session: AsyncSession, batch: Sequence[Received[Note]]) -> None:
        if self._failures:
            raise self._failures.pop(0)
        await on_notes(session, batch)
        self.batches.append(list(batch))
        for record in batch:
            with continue_trace(record.traceparent):
                self.traces.append(current_traceparent())


async def kept(world: World) -> int:
    return int(await world.value("SELECT count(*) FROM notes"))


async def keeps(world: World, until: Until, count: int, *, within: float = 60) -> None:
    async def enough() -> bool:
        return await kept(world) >= count

    await until(enough, within=within, what=f"{count} notes")
    assert await kept(world) == count


async def dead_letters_of(world: World, kafka: str) -> list[Any]:
    return await read_topic(kafka, world.service, service_dead_letters=True)


def causes(records: Sequence[Any]) -> list[str]:
    return [dict(record.headers)["dlq_code"].decode() for record in records]


def notes(count: int, **facts: Any) -> list[Note]:
    return [Note(subject=f"n{number}", **facts) for number in range(count)]
