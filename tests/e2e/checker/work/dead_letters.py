"""Records that no service can read, on every topic, and an operator who sends dead letters back."""

import asyncio
import contextlib
import random
from dataclasses import dataclass
from uuid import uuid4

from aiokafka.errors import KafkaError
from harness.records import write_records
from harness.subscriptions import SUBSCRIBERS

from checker.history import History
from slotstream_contracts.topics import COMPACTED, SERVICES
from slotstream_servicekit.dead_letters import replay_dead_letters
from slotstream_servicekit.kafka import KafkaConnection


@dataclass(kw_only=True)
class Saboteur:
    """Writes poison, and replays what was set aside, until told to stop."""

    bootstrap: str
    history: History
    random: random.Random

    async def work(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            with contextlib.suppress(KafkaError, TimeoutError, OSError):
                async with asyncio.timeout(15):
                    await self._write_poison()
                    if self.random.random() < 0.3:
                        await replay_dead_letters(
                            KafkaConnection(self.bootstrap), self.random.choice(SERVICES), compacted=COMPACTED
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
        await write_records(self.bootstrap, topic, [(mark.encode(), value, [("x-strange", b"\xff\xfe")])])
        self.history.poison.append((topic, mark))
