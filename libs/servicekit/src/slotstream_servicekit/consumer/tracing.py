"""Spans of consumers: one for a batch, and one in the trace of each of its records."""

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from slotstream_servicekit.consumer.records import Received
from slotstream_servicekit.telemetry import follow_traces, span_from, tracing_enabled

_LINKS = 64


@contextmanager
def batch_span(topic: str, batch: Sequence[Received[Any]]) -> Iterator[Sequence[Received[Any]]]:
    """Runs the block inside consumer spans. Yields the batch, whose records then name these spans as parents.

    A batch of one trace continues it. A batch of several traces gets a span of its own, linked to them, and each of
    the traces gets a span as well.
    """
    name = f"{topic} handle"
    parents = sorted({record.traceparent for record in batch if record.traceparent})
    if len(parents) == 1:
        with span_from(parents[0], name, attributes={"batch": len(batch)}):
            yield batch
    elif not tracing_enabled():
        with span_from(None, name):
            yield batch
    else:
        with (
            span_from(None, name, attributes={"batch": len(batch)}, links=parents[:_LINKS]),
            follow_traces(parents, name) as inner,
        ):
            yield [
                dataclasses.replace(record, traceparent=inner[record.traceparent]) if record.traceparent else record
                for record in batch
            ]
