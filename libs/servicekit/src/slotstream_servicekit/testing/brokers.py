"""Waiting for a broker from synchronous code."""

import asyncio
import contextlib
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from slotstream_servicekit.kafka import KafkaConnection
from slotstream_servicekit.kafka.clients import aiokafka_arguments

T = TypeVar("T")


def in_a_loop_of_its_own(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end, whether or not an event loop runs in this thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def wait_for_kafka(kafka: KafkaConnection, *, within: float) -> None:
    """Block until the broker answers a metadata request."""
    deadline = time.monotonic() + within
    while not in_a_loop_of_its_own(_answers(kafka)):
        if time.monotonic() > deadline:
            raise TimeoutError(f"Kafka at {kafka.bootstrap_servers} did not answer within {within:.0f} s")
        time.sleep(0.1)


async def _answers(kafka: KafkaConnection) -> bool:
    admin = AIOKafkaAdminClient(**aiokafka_arguments(kafka), request_timeout_ms=2_000)
    try:
        await admin.start()
        await admin.describe_cluster()
    except (KafkaError, OSError, TimeoutError):
        return False
    finally:
        with contextlib.suppress(Exception):
            await admin.close()
    return True
