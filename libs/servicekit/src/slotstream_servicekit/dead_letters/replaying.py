"""Sends the records of dead letters back, or drops them."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaProducer, TopicPartition

from slotstream_servicekit.dead_letters.letters import DeadLetter, dead_letter_topic_name
from slotstream_servicekit.dead_letters.reading import MARK, chosen_letters, records_of, topic_reader
from slotstream_servicekit.errors import SlotstreamError
from slotstream_servicekit.kafka import KafkaConnection
from slotstream_servicekit.producer import durable_producer, partition_of

_REPLAYED_FROM: Final = "dlq_replayed_from"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """How many dead letters were sent back, and how many were dropped because a newer record took their place."""

    sent: int
    outdated: int


async def replay_dead_letters(
    kafka: KafkaConnection, service: str, offsets: Collection[int] | None = None, *, compacted: Collection[str] = ()
) -> Replayed:
    """Send the dead letters at `offsets` back to where they came from, and mark them.

    None means all that have not been sent back yet. The record keeps its key, value and headers, so that consumers
    recognise a record that they have processed before; a header names the dead letter. In topics listed in `compacted`
    the last record of a key wins: a letter that has a newer record (or tombstone) of its key there is dropped instead.
    """
    sent = outdated = 0
    async with durable_producer(kafka, client_id=f"{service}-replay") as producer:
        for letter in await chosen_letters(kafka, service, offsets):
            one_counts = letter.topic in compacted
            if one_counts and await _newest(kafka, producer, letter) is not None:
                await _mark(producer, service, letter, "dropped")
                outdated += 1
                continue
            stands_at = await _send_back(kafka, producer, service, letter)
            newest = await _newest(kafka, producer, letter, before=stands_at) if one_counts else None
            if newest is not None:
                # A newer record was written while the letter was being sent: write it again, so that it is the last.
                await producer.send_and_wait(
                    letter.topic, value=newest.value, key=newest.key, headers=list(newest.headers)
                )
            await _mark(producer, service, letter, "replayed")
            sent += 1
    return Replayed(sent=sent, outdated=outdated)


async def _send_back(kafka: KafkaConnection, producer: AIOKafkaProducer, service: str, letter: DeadLetter) -> int:
    """Sends the original record; returns its new offset."""
    value = await _value_at_origin(kafka, letter) if letter.value_omitted else letter.value
    origin = f"{dead_letter_topic_name(service)}:{letter.offset}".encode()
    headers = [*letter.headers, (_REPLAYED_FROM, origin)]
    sent = await producer.send_and_wait(letter.topic, value=value, key=letter.key, headers=headers)
    return int(sent.offset)


async def drop_dead_letters(kafka: KafkaConnection, service: str, offsets: Collection[int]) -> int:
    """Mark the dead letters at `offsets` as dropped: no longer listed or replayed, and removed by compaction.

    Returns how many there were.
    """
    async with durable_producer(kafka, client_id=f"{service}-drop") as producer:
        wanted = await chosen_letters(kafka, service, offsets)
        for letter in wanted:
            await _mark(producer, service, letter, "dropped")
    return len(wanted)


async def _newest(
    kafka: KafkaConnection, producer: AIOKafkaProducer, letter: DeadLetter, *, before: int | None = None
) -> Any | None:
    """The last record with the letter's key in the original topic that is newer than the original record, and older
    than offset `before`. For a record that Kafka never accepted: that is newer than the dead letter.
    """
    accepted = letter.partition >= 0
    partition = letter.partition if accepted else await partition_of(producer, letter.topic, letter.key)
    newest = None
    async with topic_reader(kafka) as consumer:
        place = TopicPartition(letter.topic, partition)
        async for record in records_of(consumer, place, letter.source_offset + 1 if accepted else 0):
            if before is not None and record.offset >= before:
                break
            newer = accepted or record.timestamp >= letter.set_aside_at.timestamp() * 1_000
            if record.key == letter.key and newer:
                newest = record
    return newest


async def _mark(producer: AIOKafkaProducer, service: str, letter: DeadLetter, mark: str) -> None:
    """Writes a tombstone with the letter's key, so that compaction removes the letter."""
    headers = [(MARK, mark.encode())]
    await producer.send_and_wait(dead_letter_topic_name(service), value=None, key=letter.place, headers=headers)


class OriginGoneError(SlotstreamError):
    """The dead letter has no value, and the original record is no longer in its topic."""

    code = "origin_gone"


async def _value_at_origin(kafka: KafkaConnection, letter: DeadLetter) -> bytes | None:
    async with topic_reader(kafka) as consumer:
        place = TopicPartition(letter.topic, letter.partition)
        async for record in records_of(consumer, place, letter.source_offset):
            if record.offset != letter.source_offset:
                break
            value: bytes | None = record.value
            return value
    raise OriginGoneError(f"{letter.topic} no longer holds offset {letter.source_offset} of {letter.partition}")
