"""The trace and the tenant of the running task."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID

from opentelemetry.context import Context
from opentelemetry.trace import format_span_id, format_trace_id, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_MAX_TRACEPARENT_LENGTH = 512
_PROPAGATOR = TraceContextTextMapPropagator()


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A position in a trace. The ids are lower-case hex, as in W3C Trace Context."""

    trace_id: str
    span_id: str
    sampled: bool

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


_trace: ContextVar[TraceContext | None] = ContextVar("slotstream_trace", default=None)
_organization: ContextVar[UUID | None] = ContextVar("slotstream_organization", default=None)


def parse_traceparent(value: str | None) -> TraceContext | None:
    """The context in a `traceparent` header, or None where it is absent or malformed.

    https://www.w3.org/TR/trace-context/#traceparent-header
    """
    # OpenTelemetry logs every header that is too long, so a caller could fill the log.
    if not value or len(value) > _MAX_TRACEPARENT_LENGTH:
        return None
    context = get_current_span(_PROPAGATOR.extract({"traceparent": value}, Context())).get_span_context()
    if not context.is_valid:
        return None
    return TraceContext(format_trace_id(context.trace_id), format_span_id(context.span_id), context.trace_flags.sampled)


def new_trace() -> TraceContext:
    """A new trace that is not recorded: its ids are for logs and problems where tracing is off."""
    digits = os.urandom(24).hex()
    return TraceContext(digits[:32], digits[32:], sampled=False)


def current_trace_id() -> str | None:
    trace = _trace.get()
    return trace.trace_id if trace else None


def current_traceparent() -> str | None:
    """The header for whatever the running task sends; None outside of a request or message."""
    trace = _trace.get()
    return trace.traceparent if trace else None


@contextmanager
def continue_trace(traceparent: str | None) -> Iterator[None]:
    """Makes `traceparent` the current position within the block.

    Without one, and where the running task is in that trace already, the task stays where it is.
    """
    trace = parse_traceparent(traceparent)
    here = _trace.get()
    if trace is None or (here is not None and here.trace_id == trace.trace_id):
        yield
        return
    token = _trace.set(trace)
    try:
        yield
    finally:
        _trace.reset(token)


def current_organization() -> UUID | None:
    return _organization.get()


def bind_organization(organization_id: UUID | None) -> None:
    """Adds the tenant to the log lines of this task."""
    _organization.set(organization_id)
