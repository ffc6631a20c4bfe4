"""Another service that sends booking commands over Kafka, most of them sound, some broken, and floods of those."""

import asyncio
import contextlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from harness.world import World

from checker.history import History
from checker.tenants import FIRST_SLOT
from slotstream_contracts.base import Actor
from slotstream_contracts.commands import AppointmentRequest, BookAppointment
from slotstream_contracts.envelope import Envelope, wrap

COMMANDS = "slotstream.booking.commands.v1"
RESULTS = "slotstream.booking.results.v1"
FLOOD = 60
"""Broken commands in a row: more than any consumer takes for an accident."""


@dataclass(slots=True, kw_only=True)
class SentCommand:
    """One command that Kafka has taken. A broken one can be read as an envelope, but its data is no command's."""

    organization: str
    appointment_id: str
    broken: bool


@dataclass(slots=True)
class CommandSender:
    """Sends commands for one organization until told to stop."""

    bootstrap: str
    world: World
    clients: Sequence[str]
    history: History
    random: random.Random
    _producer: AIOKafkaProducer | None = field(default=None, init=False)

    async def work(self, stop: asyncio.Event) -> None:
        try:
            while not stop.is_set():
                flood = self.random.random() < 0.05
                for _ in range(FLOOD if flood else self.random.randint(1, 5)):
                    await self._send(broken=flood or self.random.random() < 0.1)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), 0.2)
        finally:
            await self._close()

    async def _send(self, *, broken: bool) -> None:
        appointment_id = uuid4()
        envelope = json.loads(self._command(appointment_id).to_json())
        if broken:
            envelope["data"]["request"] = {"starts_at": "yesterday", "business_id": None}
        sent = SentCommand(
            organization=str(self.world.organization_id), appointment_id=str(appointment_id), broken=broken
        )
        headers = [("ce_id", envelope["id"].encode()), ("ce_type", envelope["type"].encode())]
        try:
            async with asyncio.timeout(20):
                producer = await self._open()
                key = str(appointment_id).encode()
                await producer.send_and_wait(COMMANDS, json.dumps(envelope).encode(), key=key, headers=headers)
        except (KafkaError, TimeoutError, OSError):
            # Kafka may have taken it all the same: it may be answered, and need not be.
            self.history.commands_in_doubt[envelope["id"]] = sent
            await self._close()
        else:
            self.history.commands[envelope["id"]] = sent

    def _command(self, appointment_id: UUID) -> Envelope[BookAppointment]:
        starts_at = FIRST_SLOT + timedelta(minutes=30 * self.random.randrange(2_000))
        request = AppointmentRequest(
            business_id=UUID(self.world.business["id"]),
            service_id=UUID(self.world.service["id"]),
            client_id=UUID(self.random.choice(self.clients)),
            starts_at=starts_at,
            source="import",
            notify=False,
        )
        return wrap(
            BookAppointment(actor=Actor(type="system", id="checker"), appointment_id=appointment_id, request=request),
            id=uuid4(),
            organization=self.world.organization_id,
            subject=str(appointment_id),
            sequence=0,
            time=datetime.now(UTC),
            source="/slotstream/checker",
            correlation_id="checker",
        )

    async def _open(self) -> AIOKafkaProducer:
        if self._producer is None:
            self._producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, acks="all", request_timeout_ms=10_000)
            await self._producer.start()
        return self._producer

    async def _close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(KafkaError, TimeoutError, OSError):
                await asyncio.wait_for(producer.stop(), 10)
