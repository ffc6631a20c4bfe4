"""The messages of Slotstream: every event, state and command on Kafka, and the envelope they travel in.

`wrap` and `parse` are the two ends of a record; the models live in the module named after what they tell of.
"""

from slotstream_contracts.envelope import (
    Envelope,
    MalformedEventError,
    UnknownTypeError,
    envelope_of,
    parse,
    record_headers,
    schema_uri,
    wrap,
)
from slotstream_contracts.registry import MESSAGE_TYPES
from slotstream_contracts.topics import ALL_TOPICS, TOPICS, Topic, dead_letter_topic

__all__ = [
    "ALL_TOPICS",
    "MESSAGE_TYPES",
    "TOPICS",
    "Envelope",
    "MalformedEventError",
    "Topic",
    "UnknownTypeError",
    "dead_letter_topic",
    "envelope_of",
    "parse",
    "record_headers",
    "schema_uri",
    "wrap",
]
