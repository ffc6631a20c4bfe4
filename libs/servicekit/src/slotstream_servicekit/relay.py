"""The outbox relay: committed records to Kafka, in order per key, at least once.

One relay at a time holds a lane (an advisory lock of its session), reads by sequence outside any long
transaction, sends with an idempotent producer, waits for every acknowledgement and deletes by id. A crash
between sending and deleting repeats records, and never loses or reorders them.
"""

import asyncio
import contextlib
import time
from typing import Any, Final

import asyncpg
import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from slotstream_servicekit.database import EVERY_TENANT, TENANT_SETTING, Database, is_unavailable
from slotstream_servicekit.errors import DatabaseUnavailableError
from slotstream_servicekit.outbox import LANES
from slotstream_servicekit.telemetry import (
    OUTBOX_LAG_SECONDS,
    OUTBOX_PENDING,
    OUTBOX_PUBLISHED,
    get_logger,
    span_from,
    tracing_enabled,
)

log = get_logger(__name__)

_LOCK_CLASS: Final = 7_227_014
_BATCH: Final = 1_000
_BUSY_SECONDS: Final = 0.02
_IDLE_SECONDS: Final = 0.1
_RETRY_SECONDS: Final = 1.0
_LOCK_SECONDS: Final = 1.0
"""How often lanes that another relay holds are asked for again."""
_STATISTICS_SECONDS: Final = 5.0

_READ = """
SELECT seq, topic, key, payload, headers
FROM outbox WHERE lane = ANY($1::smallint[]) ORDER BY seq LIMIT $2
"""
_READ_ALL = "SELECT seq, topic, key, payload, headers FROM outbox ORDER BY seq LIMIT $1"
_DELETE = "DELETE FROM outbox WHERE seq = ANY($1::bigint[])"
_STATISTICS = (
    "SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0) "
    "FROM (SELECT created_at FROM outbox ORDER BY seq LIMIT 10000) AS pending"
)


class Relay:
    """Publishes one service's outbox until told to stop."""

    def __init__(
        self,
        database: Database,
        *,
        service: str,
        bootstrap_servers: str,
        lanes: int = 8,
        batch_size: int = _BATCH,
    ) -> None:
        self._database = database
        self._service = service
        self._bootstrap_servers = bootstrap_servers
        self._lanes = lanes
        self._batch_size = batch_size
        self._held: set[int] = set()
        self._asked_for_lanes_at = float("-inf")
        self._counted_at = float("-inf")

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set, finishing the batch in hand; outlives Kafka and the database."""
        while not stop.is_set():
            try:
                await self._lead(stop)
            except (KafkaError, DatabaseUnavailableError, OSError, asyncpg.PostgresError) as error:
                if isinstance(error, asyncpg.PostgresError) and not is_unavailable(error):
                    raise
                log.warning("relay_interrupted", cause=type(error).__name__)
                await _pause(stop, _RETRY_SECONDS)

    async def _lead(self, stop: asyncio.Event) -> None:
        """Relay with one producer and one session, until `stop` or until either fails."""
        self._held.clear()
        self._asked_for_lanes_at = float("-inf")
        async with self._session() as connection, self._producer() as producer:
            idle = _BUSY_SECONDS
            while not stop.is_set():
                await self._ask_for_lanes(connection)
                count = await self.relay_batch(connection, producer)
                await self._count(connection)
                if count >= self._batch_size:
                    continue
                idle = _BUSY_SECONDS if count else min(idle * 1.5, _IDLE_SECONDS)
                await _pause(stop, idle)

    @contextlib.asynccontextmanager
    async def _session(self) -> Any:
        """A session of the relay's own: its locks live and die with it, so it is never pooled."""
        url = self._database.engine.url.set(drivername="postgresql")
        connection = await asyncpg.connect(
            url.render_as_string(hide_password=False),
            timeout=5,
            command_timeout=60,
            server_settings={
                TENANT_SETTING: EVERY_TENANT,
                "application_name": f"{self._service}-relay",
                "tcp_keepalives_idle": "10",
            },
        )
        try:
            yield connection
        finally:
            with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
                await connection.close(timeout=2)

    @contextlib.asynccontextmanager
    async def _producer(self) -> Any:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap_servers,
            client_id=f"{self._service}-relay",
            acks="all",
            enable_idempotence=True,
            max_batch_size=262_144,
            max_request_size=2_097_152,
            request_timeout_ms=10_000,
            metadata_max_age_ms=30_000,
        )
        await producer.start()
        try:
            yield producer
        finally:
            with contextlib.suppress(KafkaError, TimeoutError):
                await asyncio.wait_for(producer.stop(), 5)

    async def _ask_for_lanes(self, connection: asyncpg.Connection) -> None:
        now = time.monotonic()
        if len(self._held) == self._lanes or now - self._asked_for_lanes_at < _LOCK_SECONDS:
            return
        self._asked_for_lanes_at = now
        wanted = [lane for lane in range(self._lanes) if lane not in self._held]
        rows = await connection.fetch(
            "SELECT lane FROM unnest($1::int[]) AS lane WHERE pg_try_advisory_lock($2, lane)",
            wanted,
            _LOCK_CLASS,
        )
        self._held.update(row["lane"] for row in rows)
        if rows:
            log.info("relay_holds_lanes", lanes=len(self._held), of=self._lanes)

    async def relay_batch(self, connection: asyncpg.Connection, producer: AIOKafkaProducer) -> int:
        """Publish up to one batch; returns how many records left."""
        rows = await self._read(connection)
        if not rows:
            return 0
        with span_from(_traceparent(rows[0]), "outbox relay", kind="producer") if tracing_enabled() else _nothing():
            acknowledgements = [
                await producer.send(
                    row["topic"],
                    row["payload"],
                    key=row["key"].encode(),
                    headers=[(name, value.encode()) for name, value in orjson.loads(row["headers"]).items()],
                )
                for row in rows
            ]
            await asyncio.gather(*acknowledgements)
        await connection.execute(_DELETE, [row["seq"] for row in rows])
        for topic in {row["topic"] for row in rows}:
            OUTBOX_PUBLISHED.labels(self._service, topic).inc(sum(row["topic"] == topic for row in rows))
        return len(rows)

    async def _read(self, connection: asyncpg.Connection) -> Any:
        if len(self._held) == self._lanes:
            return await connection.fetch(_READ_ALL, self._batch_size)
        lanes = [lane for lane in range(LANES) if lane % self._lanes in self._held]
        return await connection.fetch(_READ, lanes, self._batch_size) if lanes else []

    async def _count(self, connection: asyncpg.Connection) -> None:
        now = time.monotonic()
        if now - self._counted_at < _STATISTICS_SECONDS:
            return
        self._counted_at = now
        pending, age = await connection.fetchrow(_STATISTICS)
        OUTBOX_PENDING.labels(self._service).set(pending)
        OUTBOX_LAG_SECONDS.labels(self._service).set(float(age))


def _traceparent(row: asyncpg.Record) -> str | None:
    headers: dict[str, str] = orjson.loads(row["headers"])
    return headers.get("traceparent")


@contextlib.contextmanager
def _nothing() -> Any:
    yield


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    """Sleep, unless told to stop meanwhile."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
