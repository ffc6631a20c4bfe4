"""Spans by the OpenTelemetry SDK. They cost nearly nothing where no exporter is configured."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Literal

import orjson
from opentelemetry import trace as otel
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags

from slotstream_servicekit.telemetry.context import TraceContext, _trace, new_trace, parse_traceparent

Kind = Literal["server", "client", "consumer", "producer", "internal"]
Attribute = str | bool | int | float
Span = otel.Span

_KINDS: Mapping[Kind, SpanKind] = {
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "consumer": SpanKind.CONSUMER,
    "producer": SpanKind.PRODUCER,
    "internal": SpanKind.INTERNAL,
}


class _State:
    provider: TracerProvider | None = None
    tracer: otel.Tracer | None = None


def configure_tracing(
    service: str,
    *,
    otlp_endpoint: str | None = None,
    trace_file: Path | None = None,
    exporter: SpanExporter | None = None,
    sample_ratio: float = 1.0,
) -> None:
    """Starts the export of spans to what is given. With nothing given, spans are off, and only trace ids are passed on.

    `otlp_endpoint` is the collector's base URL (OTLP over HTTP); `trace_file` gets one JSON object per line;
    `exporter` is for tests.
    """
    shutdown_tracing()
    processors: list[SpanProcessor] = []
    if otlp_endpoint:
        # Imported only where it is used: it needs protobuf and requests.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        url = otlp_endpoint.rstrip("/")
        url = url if url.endswith("/v1/traces") else f"{url}/v1/traces"
        processors.append(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))
    if trace_file:
        processors.append(SimpleSpanProcessor(JsonLinesExporter(trace_file)))
    if exporter:
        processors.append(SimpleSpanProcessor(exporter))
    if not processors:
        return
    provider = TracerProvider(
        resource=Resource.create({"service.name": service}),
        sampler=ParentBased(TraceIdRatioBased(sample_ratio)),
        shutdown_on_exit=False,
    )
    for processor in processors:
        provider.add_span_processor(processor)
    _State.provider = provider
    _State.tracer = provider.get_tracer("slotstream")


def shutdown_tracing() -> None:
    """Flushes and stops the exporters."""
    provider, _State.provider, _State.tracer = _State.provider, None, None
    if provider is not None:
        provider.shutdown()


def tracing_enabled() -> bool:
    return _State.tracer is not None


@contextmanager
def span_from(
    traceparent: str | None,
    name: str,
    *,
    kind: Kind = "consumer",
    attributes: Mapping[str, Attribute] | None = None,
    links: Sequence[str] = (),
) -> Iterator[Span]:
    """Continues the trace of `traceparent`, or begins a new one, within the block.

    An exception that leaves the block marks the span as failed; its text is not recorded, since it may
    hold personal data.
    """
    with _span(parse_traceparent(traceparent), name, kind, attributes, links) as current:
        yield current


@contextmanager
def follow_traces(traceparents: Sequence[str], name: str, *, kind: Kind = "consumer") -> Iterator[Mapping[str, str]]:
    """Opens a span in each of several traces within the block. Yields the new position in each trace."""
    tracer = _State.tracer
    if tracer is None:
        yield {traceparent: traceparent for traceparent in traceparents}
        return
    spans = {
        traceparent: start_span(tracer, parse_traceparent(traceparent), name, kind=kind) for traceparent in traceparents
    }
    try:
        yield {traceparent: context_of(current).traceparent for traceparent, current in spans.items()}
    except BaseException as error:
        for current in spans.values():
            current.set_status(StatusCode.ERROR, type(error).__name__)
        raise
    finally:
        for current in spans.values():
            current.end()


@contextmanager
def span(name: str, *, kind: Kind = "internal", attributes: Mapping[str, Attribute] | None = None) -> Iterator[Span]:
    """A child of the current span."""
    with _span(_trace.get(), name, kind, attributes, ()) as current:
        yield current


@contextmanager
def _span(
    parent: TraceContext | None,
    name: str,
    kind: Kind,
    attributes: Mapping[str, Attribute] | None,
    links: Sequence[str],
) -> Iterator[Span]:
    tracer = _State.tracer
    if tracer is None:
        token = _trace.set(parent or new_trace())
        try:
            yield otel.INVALID_SPAN
        finally:
            _trace.reset(token)
        return
    current = start_span(tracer, parent, name, kind=kind, attributes=attributes, links=links)
    token = _trace.set(context_of(current))
    try:
        yield current
    except BaseException as error:
        current.set_status(StatusCode.ERROR, type(error).__name__)
        raise
    finally:
        _trace.reset(token)
        current.end()


def start_span(
    tracer: otel.Tracer,
    parent: TraceContext | None,
    name: str,
    *,
    kind: Kind,
    attributes: Mapping[str, Attribute] | None = None,
    links: Sequence[str] = (),
) -> Span:
    traces = [parse_traceparent(traceparent) for traceparent in links]
    linked = [otel.Link(_otel_context(trace)) for trace in traces if trace is not None]
    context = Context()
    if parent is not None:
        context = otel.set_span_in_context(NonRecordingSpan(_otel_context(parent)), context)
    return tracer.start_span(name, context=context, kind=_KINDS[kind], attributes=attributes, links=linked)


def active_tracer() -> otel.Tracer | None:
    return _State.tracer


def context_of(current: Span) -> TraceContext:
    context = current.get_span_context()
    return TraceContext(
        f"{context.trace_id:032x}", f"{context.span_id:016x}", bool(context.trace_flags & TraceFlags.SAMPLED)
    )


def _otel_context(context: TraceContext) -> SpanContext:
    return SpanContext(
        trace_id=int(context.trace_id, 16),
        span_id=int(context.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED if context.sampled else TraceFlags.DEFAULT),
    )


class JsonLinesExporter(SpanExporter):
    """Appends each finished span as one line; several processes may share the file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._lock = Lock()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        lines = b"".join(orjson.dumps(_as_line(finished)) + b"\n" for finished in spans)
        with self._lock:
            if self._descriptor < 0:
                return SpanExportResult.FAILURE
            os.write(self._descriptor, lines)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
            self._descriptor = -1


def _as_line(finished: ReadableSpan) -> dict[str, object]:
    context = finished.get_span_context()
    return {
        "service": finished.resource.attributes.get("service.name"),
        "name": finished.name,
        "kind": finished.kind.name.lower(),
        "trace_id": f"{context.trace_id:032x}" if context else None,
        "span_id": f"{context.span_id:016x}" if context else None,
        "parent_id": f"{finished.parent.span_id:016x}" if finished.parent else None,
        "links": [f"{link.context.trace_id:032x}" for link in finished.links],
        "started_ns": finished.start_time,
        "ended_ns": finished.end_time,
        "status": finished.status.status_code.name.lower(),
        "attributes": dict(finished.attributes or {}),
    }
