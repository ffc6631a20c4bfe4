"""Consumers: FastStream batch subscribers with an inbox, bounded retries and a dead-letter topic.

The effect of a batch is committed in one transaction, and the offset afterwards (at least once). A record that cannot
be processed is isolated and written to the dead-letter topic with its cause; the other records go on.
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
