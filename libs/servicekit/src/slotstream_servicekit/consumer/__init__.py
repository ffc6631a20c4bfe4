"""Consumers: FastStream batch subscribers with an inbox, bounded retries and a dead-letter topic.

A batch and its effect share one transaction; the offset moves afterwards (at least once). A record that cannot
be worked through is isolated and set aside with its cause, and the rest goes on.
"""

from slotstream_servicekit.consumer.consumers import FAILURE_LIMIT, INBOX_RETENTION, Consumers
from slotstream_servicekit.consumer.records import Decode, Envelope, Handler, Received, read_record
from slotstream_servicekit.consumer.retries import is_transient
from slotstream_servicekit.consumer.subscriptions import InvalidRecord, OnInvalid

__all__ = [
    "FAILURE_LIMIT",
    "INBOX_RETENTION",
    "Consumers",
    "Decode",
    "Envelope",
    "Handler",
    "InvalidRecord",
    "OnInvalid",
    "Received",
    "is_transient",
    "read_record",
]
