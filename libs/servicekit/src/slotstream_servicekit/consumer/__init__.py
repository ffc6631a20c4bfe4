"""Consumers: FastStream batch subscribers with an inbox, bounded retries and a dead-letter topic.

A batch and its effect share one transaction; the offset moves afterwards (at least once). A record that cannot
be worked through is isolated and set aside with its cause, and the rest goes on.
"""

from slotstream_servicekit.consumer.consumers import INBOX_RETENTION, POISON_LIMIT, Consumers
from slotstream_servicekit.consumer.records import Decode, Envelope, Handler, Received, read_record
from slotstream_servicekit.consumer.retries import is_transient

__all__ = [
    "INBOX_RETENTION",
    "POISON_LIMIT",
    "Consumers",
    "Decode",
    "Envelope",
    "Handler",
    "Received",
    "is_transient",
    "read_record",
]
