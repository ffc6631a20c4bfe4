"""The worker that every service has: consumers, the outbox relay, background tasks and their health."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from sqlalchemy import Table

from slotstream_servicekit.background import BackgroundTask, repeatedly
from slotstream_servicekit.consumer import Consumers, Decode
from slotstream_servicekit.database import Database
from slotstream_servicekit.dead_letters import DeadLetterCount
from slotstream_servicekit.drift import AuditedProjection, ProjectionAudit, audit_task
from slotstream_servicekit.health import Check, Health, database_check
from slotstream_servicekit.relay import Relay
from slotstream_servicekit.runtime import Worker
from slotstream_servicekit.settings import ServiceSettings

_COUNT_SECONDS: Final = 60.0


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
    audited: Sequence[AuditedProjection] = (),
    publishes: bool = True,
) -> Worker:
    """Wires a worker. `register` subscribes the service's handlers; `dispose` is run in order, the database last.

    `audited` projections are compared with their topics all the time. A service that publishes nothing has no outbox
    and no relay.
    """
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
    dead_letters = DeadLetterCount(service=service, kafka=kafka)
    relay = (
        Relay(
            database,
            service=service,
            kafka=kafka,
            lanes=settings.relay_lanes,
            idle_seconds=settings.relay_idle_seconds,
        )
        if publishes
        else None
    )

    tasks = [*tasks, repeatedly("dead_letter_count", dead_letters.measure, every=_COUNT_SECONDS)]
    if audited:
        audit = ProjectionAudit(
            service=service,
            kafka=kafka,
            database=database,
            decode=decode,
            audited=audited,
        )
        tasks.append(audit_task(audit))

    async def dispose_all() -> None:
        for dispose_part in dispose:
            await dispose_part()
        await database.dispose()

    return Worker(health=health, consumers=consumers, relay=relay, tasks=tasks, dispose=dispose_all)
