"""The projections are read anew from the log beside whoever asks them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import uuid4

import httpx2
import pytest
from aiokafka import AIOKafkaProducer
from availability_town import Town
from sqlalchemy import text

from availability.main import service
from slotstream_contracts.envelope import parse
from slotstream_contracts.topics import Topic
from slotstream_servicekit.kafka import KafkaConnection
from slotstream_servicekit.rebuild import RebuildReport, rebuild
from slotstream_servicekit.topics import apply_topics

pytestmark = pytest.mark.service


@asynccontextmanager
async def producing(kafka: str) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def offered(client: httpx2.AsyncClient, town: Town) -> list[tuple[str, int]]:
    query = {"service_id": str(town.service), "from": "2026-06-01", "to": "2026-06-02"}
    answer = await client.get("/v1/slots", params=query)
    assert answer.status_code == 200, answer.text
    return [(slot["local_time"], slot["free"]) for day in answer.json()["days"] for slot in day["slots"]]


async def test_a_rebuild_runs_beside_the_projection_and_ends_as_the_log_says(
    open_client: httpx2.AsyncClient, town: Town, kafka: str
) -> None:
    booked = [
        *(town.an_appointment("2026-06-01T09:00+02:00", one) for one in (town.anna, town.ben)),
        town.an_appointment("2026-06-01T10:00+02:00", town.anna),
    ]
    await town.appointments(*booked)
    right = [("10:00", 1), ("11:00", 2)]
    assert await offered(open_client, town) == right
    answers: list[list[tuple[str, int]]] = []

    async def keep_asking() -> None:
        while True:
            answers.append(await offered(open_client, town))
            await asyncio.sleep(0)

    topics = {name: f"{name}-{uuid4().hex[:8]}" for name in ("catalogue", "appointments", "holds", "external-busy")}
    states = [
        *(("catalogue", one) for one in (town.a_business(), town.a_service())),
        *(("catalogue", town.a_resource(one)) for one in (town.anna, town.ben)),
        *(("appointments", one) for one in booked * 100),
    ]
    definition = Topic(name="", key="id", cleanup="compact", partitions=2)
    await apply_topics(KafkaConnection(kafka), [replace(definition, name=name) for name in topics.values()])
    async with producing(kafka) as producer:
        for name, state in states:
            record = town.record(state).event
            headers = [(key, value.encode()) for key, value in record.headers().items()]
            await producer.send(topics[name], record.to_json(), key=record.partitionkey.encode(), headers=headers)

    async def rebuilt() -> list[RebuildReport]:
        return [
            await rebuild(
                replace(projection, topics=(topics[projection.name],)),
                database=town.fresh.database,
                kafka=KafkaConnection(kafka),
                decode=parse,
            )
            for projection in service.projections()
        ]

    asking = asyncio.create_task(keep_asking())
    while len(answers) <= 10:
        await rebuilt()
        assert not asking.done()
    asking.cancel()
    assert all(answer == right for answer in answers)

    async with town.fresh.database.system_transaction() as session:
        await session.execute(text("DELETE FROM appointments WHERE id = :id"), {"id": booked[0].appointment.id})
        await session.execute(text("UPDATE occupancy SET blocked_to = blocked_to + 7200"))
    ghost = town.an_appointment("2026-06-01T11:00+02:00", town.anna, town.ben)
    await town.appointments(ghost)
    await town.busy(town.an_external_event("2026-06-01T10:00+02:00", town.ben, "cal:ghost"))
    await town.holds(town.a_hold("2026-06-01T11:00+02:00", town.ben, expires_at="2026-06-01T10:00+02:00"))
    assert await offered(open_client, town) != right
    reports = {report.projection: report.swept for report in await rebuilt()}
    assert reports == {"catalogue": 0, "appointments": 1, "holds": 1, "external-busy": 1}
    assert await offered(open_client, town) == right
