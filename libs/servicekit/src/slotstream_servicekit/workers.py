"""The worker that every service has: consumers, the outbox relay, background tasks and their health."""

from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy import Table

from slotstream_servicekit.background import BackgroundTask
from slotstream_servicekit.consumer import Consumers, Decode
from slotstream_servicekit.database import Database
from slotstream_servicekit.health import Check, Health, database_check
from slotstream_servicekit.relay import Relay
from slotstream_servicekit.runtime import Worker
from slotstream_servicekit.settings import ServiceSettings


def create_worker(
    *,
    service: str,
    settings: ServiceSettings,
    database: Database,
    decode: Decode,
    register: Callable[[Consumers], None],
    inbox: Table | None = None,
    tasks: Sequence[BackgroundTask] = (),
    checks: Sequence[tuple[str, Check]] = (),
    dispose: Sequence[Callable[[], Awaitable[None]]] = (),
) -> Worker:
    """Wires a worker. `register` subscribes the service's handlers; `dispose` runs in order, the database last."""
    health = Health()
    health.register("database", database_check(database))
    for name, check in checks:
        health.register(name, check)
    kafka = settings.kafka_connection()
    consumers = Consumers(
        service=service,
        kafka=kafka,
        database=database,
        decode=decode,
        health=health,
        inbox=inbox,
        batch_size=settings.consumer_batch_size,
    )
    register(consumers)
    relay = Relay(
        database,
        service=service,
        kafka=kafka,
        lanes=settings.relay_lanes,
        idle_seconds=settings.relay_idle_seconds,
    )

    async def dispose_all() -> None:
        for dispose_part in dispose:
            await dispose_part()
        await database.dispose()

    return Worker(health=health, consumers=consumers, relay=relay, tasks=tasks, dispose=dispose_all)
