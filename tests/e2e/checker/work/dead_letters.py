"""Records that no service can read, act on or send, and an operator who sends dead letters back."""

import asyncio
import contextlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from aiokafka.errors import KafkaError
from harness.platform import Platform
from harness.records import write_records
from harness.subscriptions import SUBSCRIBERS

from checker.evidence.database import query
from checker.history import History
from slotstream_contracts.base import Actor
from slotstream_contracts.envelope import wrap
from slotstream_contracts.messages import SendMessage
from slotstream_contracts.topics import COMPACTED, SERVICES
from slotstream_servicekit.database import DATABASE_AWAY
from slotstream_servicekit.dead_letters import replay_dead_letters
from slotstream_servicekit.kafka import KafkaConnection

LONG_AGO = timedelta(days=20)
UNSENDABLE = {"booking": "slotstream.appointments.v1", "notifications": "slotstream.messages.v1"}
"""By service, a topic to which its outbox goes."""


@dataclass(kw_only=True)
class Saboteur:
    """Writes poison, and replays what was set aside, until told to stop."""

    platform: Platform
    organizations: Sequence[UUID]
    history: History
    random: random.Random

    async def work(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            with contextlib.suppress(KafkaError, *DATABASE_AWAY):
                async with asyncio.timeout(15):
                    await self._write_poison()
                    await self._write_outdated()
                    await self._write_unsendable()
                    if self.random.random() < 0.3:
                        await replay_dead_letters(
                            KafkaConnection(self.platform.bootstrap), self.random.choice(SERVICES), compacted=COMPACTED
                        )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 1.5)

    async def _write_poison(self) -> None:
        topic = self.random.choice(sorted(SUBSCRIBERS))
        mark = f"poison-{uuid4().hex}"
        value = self.random.choice(
            (
                b"{" + mark.encode(),
                f'["{mark}"]'.encode(),
                f'{{"specversion": "1.0", "type": "slotstream.appointment.created", "data": "{mark}"}}'.encode(),
                mark.encode() + b"\xff\xfe\x00" * 10_000,
            )
        )
        await write_records(self.platform.bootstrap, topic, [(mark.encode(), value, [("x-strange", b"\xff\xfe")])])
        self.history.poison.append((topic, mark))

    async def _write_outdated(self) -> None:
        """Sound, but of long ago, and of an organization that nobody looks at."""
        mark = str(uuid4())
        command = SendMessage(
            actor=Actor(type="system", id="checker"),
            message_id=uuid4(),
            appointment_id=UUID(mark),
            client_id=uuid4(),
            channel="email",
            text="See you soon",
        )
        record = wrap(
            command,
            organization=uuid4(),
            subject=mark,
            sequence=0,
            time=datetime.now(UTC) - LONG_AGO,
            source="/slotstream/checker",
            correlation_id="checker",
        )
        headers = [(name, value.encode()) for name, value in record.headers().items()]
        await write_records(self.platform.bootstrap, command.topic.name, [(mark.encode(), record.to_json(), headers)])
        self.history.outdated.append((command.topic.name, mark))

    async def _write_unsendable(self) -> None:
        """Into an outbox: with a header that is no text, so that no client of Kafka takes it, now or later."""
        service = self.random.choice(sorted(UNSENDABLE))
        mark = f"unsendable-{uuid4().hex}"
        await query(
            self.platform,
            service,
            """
            INSERT INTO outbox (id, organization_id, lane, topic, key, aggregatetype, aggregateid, type, payload, headers)
            VALUES (gen_random_uuid(), $1, 0, $2, $3, 'checker', $3, 'slotstream.checker', $4, '{"x": 1}')
            """,
            self.random.choice(self.organizations),
            UNSENDABLE[service],
            mark,
            b"{" + mark.encode(),
        )
        self.history.unsendable.append((service, mark))
