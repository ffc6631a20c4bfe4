"""What a running service tells its operators: logs, traces and metrics."""

from slotstream_servicekit.telemetry.context import (
    TraceContext,
    bind_organization,
    current_organization,
    current_trace,
    current_trace_id,
    current_traceparent,
    parse_traceparent,
)
from slotstream_servicekit.telemetry.logs import Logger, configure_logging, get_logger
from slotstream_servicekit.telemetry.metrics import (
    CONSUMER_BATCH_SECONDS,
    CONSUMER_LAG,
    CONSUMER_RECORDS,
    HTTP_IN_FLIGHT,
    HTTP_REQUEST_SECONDS,
    HTTP_REQUESTS,
    OUTBOX_LAG_SECONDS,
    OUTBOX_PENDING,
    OUTBOX_PUBLISHED,
    render_metrics,
)
from slotstream_servicekit.telemetry.tracing import (
    Span,
    configure_tracing,
    shutdown_tracing,
    span,
    span_from,
    tracing_enabled,
)

__all__ = [
    "CONSUMER_BATCH_SECONDS",
    "CONSUMER_LAG",
    "CONSUMER_RECORDS",
    "HTTP_IN_FLIGHT",
    "HTTP_REQUESTS",
    "HTTP_REQUEST_SECONDS",
    "OUTBOX_LAG_SECONDS",
    "OUTBOX_PENDING",
    "OUTBOX_PUBLISHED",
    "Logger",
    "Span",
    "TraceContext",
    "bind_organization",
    "configure_logging",
    "configure_tracing",
    "current_organization",
    "current_trace",
    "current_trace_id",
    "current_traceparent",
    "get_logger",
    "parse_traceparent",
    "render_metrics",
    "shutdown_tracing",
    "span",
    "span_from",
    "tracing_enabled",
]
