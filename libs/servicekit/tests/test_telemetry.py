"""Logs are JSON without personal data; traces go on from one process to the next."""

import io
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID

import httpx2
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError

from slotstream_servicekit.health import Health
from slotstream_servicekit.http import Router, create_app
from slotstream_servicekit.settings import ServiceSettings
from slotstream_servicekit.telemetry import (
    bind_organization,
    configure_logging,
    configure_tracing,
    current_trace_id,
    current_traceparent,
    get_logger,
    parse_traceparent,
    render_metrics,
    shutdown_tracing,
    span,
    span_from,
)
from slotstream_servicekit.telemetry.logs import redacted

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture
def log_lines() -> Callable[[], list[dict[str, Any]]]:
    """What is logged through structlog and the standard library, parsed."""
    stream = io.StringIO()
    configure_logging("small", "INFO", stream=stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    configure_tracing("small", exporter=exporter)
    yield exporter
    shutdown_tracing()


Lines = Callable[[], list[dict[str, Any]]]


def test_a_line_says_when_what_where_and_for_whom(log_lines: Lines) -> None:
    organization = UUID(int=7)
    with span_from(PARENT, "work"):
        bind_organization(organization)
        get_logger("booking.worker").info("thing_done", count=3)
        logging.getLogger("some.library").warning("it is %s", "late")
    bind_organization(None)
    ours, theirs = log_lines()
    assert ours["event"] == "thing_done"
    assert (ours["level"], ours["service"], ours["count"]) == ("info", "small", 3)
    assert (ours["trace_id"], ours["organization"]) == (TRACE, str(organization))
    assert ours["time"].endswith("Z")
    assert (theirs["event"], theirs["level"], theirs["trace_id"]) == ("it is late", "warning", TRACE)


def test_what_is_below_the_level_is_not_written(log_lines: Lines) -> None:
    get_logger("x").debug("hidden")
    logging.getLogger("x").debug("hidden")
    logging.getLogger("uvicorn.error").info("hidden")
    assert log_lines() == []


class Person(BaseModel):
    phone: int


def _invalid() -> Exception:
    try:
        Person.model_validate({"phone": "+49 151 23456789"})
    except ValueError as error:
        return error
    raise AssertionError


def _raise(error: Exception, cause: Exception | None = None) -> NoReturn:
    raise error from cause


class DriverError(Exception):
    pass


LEAKS: list[tuple[str, Exception]] = [
    ("pydantic", _invalid()),
    (
        "PostgreSQL's detail",
        DriverError('duplicate key value violates "clients_email"\nDETAIL:  Key (email)=(anna@example.com) exists'),
    ),
    (
        "SQLAlchemy's parameters",
        IntegrityError("INSERT INTO clients VALUES ($1)", ("Anna Müller",), DriverError("duplicate key")),
    ),
    ("an address in words", ValueError("cannot reach anna.mueller@example.co.uk at +49 151 23456789")),
    ("a connection string", OSError("postgresql://booking_app:hunter2@db/booking refused")),
]


@pytest.mark.parametrize(("what", "error"), LEAKS, ids=[row[0] for row in LEAKS])
def test_an_error_is_logged_without_the_data_it_happened_to(log_lines: Lines, what: str, error: Exception) -> None:
    try:
        _raise(RuntimeError("while working"), error)
    except RuntimeError:
        get_logger("x").exception("failed")
        logging.getLogger("x").exception("failed")
    written = json.dumps(log_lines(), ensure_ascii=False)
    for secret in ("anna", "Anna", "Müller", "23456789", "hunter2"):
        assert secret not in written
    for line in log_lines():
        assert line["exception"]["type"] == "builtins.RuntimeError"
        assert line["exception"]["cause"]["type"].endswith(type(error).__name__)
        assert "test_telemetry.py" in line["exception"]["frames"][-1]


def test_redaction_leaves_ids_times_and_numbers_alone() -> None:
    kept = "0193b1f0-0000-7000-8000-000000000001 2026-03-29T07:30:00+02:00 4711 slotstream.appointments.v1@17"
    assert redacted(kept) == kept
    assert redacted("Bearer eyJhbGciOi.eyJpc3Mi.c2ln") == "Bearer <token>"


def test_every_error_of_a_group_is_described(log_lines: Lines) -> None:
    try:
        _raise(ExceptionGroup("several", [ValueError("one"), KeyError("two")]))
    except ExceptionGroup:
        get_logger("x").exception("failed")
    assert [each["type"] for each in log_lines()[0]["exception"]["errors"]] == [
        "builtins.ValueError",
        "builtins.KeyError",
    ]


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "nonsense",
        f"ff-{TRACE}-b7ad6b7169203331-01",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-b7ad6b7169203331-01",
        f"00-{TRACE}-b7ad6b7169203331",
    ],
)
def test_a_malformed_traceparent_is_as_none(value: str | None) -> None:
    assert parse_traceparent(value) is None


def test_a_traceparent_of_a_later_version_is_read() -> None:
    trace = parse_traceparent(f"01-{TRACE}-b7ad6b7169203331-03-more")
    assert trace is not None
    assert (trace.trace_id, trace.sampled) == (TRACE, True)


def test_outside_any_work_there_is_no_trace() -> None:
    assert current_trace_id() is None
    assert current_traceparent() is None


def test_without_exporters_ids_still_travel() -> None:
    with span_from(PARENT, "work"):
        assert current_traceparent() == PARENT
        with span("inner"):
            assert current_trace_id() == TRACE
    with span_from(None, "work"):
        assert len(current_trace_id() or "") == 32


def test_spans_join_up(spans: InMemorySpanExporter) -> None:
    with span_from(PARENT, "outer", attributes={"n": 1}):
        handed_on = current_traceparent()
        with span("inner", kind="client"):
            pass
    with span_from(handed_on, "elsewhere", kind="consumer", links=[PARENT, "nonsense"]):
        pass
    inner, outer, elsewhere = spans.get_finished_spans()
    assert {each.context.trace_id for each in (inner, outer, elsewhere)} == {int(TRACE, 16)}
    assert outer.parent is not None
    assert f"{outer.parent.span_id:016x}" == "b7ad6b7169203331"
    assert inner.parent is not None
    assert inner.parent.span_id == outer.context.span_id
    assert elsewhere.parent is not None
    assert elsewhere.parent.span_id == outer.context.span_id
    assert len(elsewhere.links) == 1


def test_a_span_that_fails_says_so_without_the_words(spans: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="anna"), span("work"):
        raise ValueError("anna@example.com")
    (failed,) = spans.get_finished_spans()
    assert (failed.status.status_code.name, failed.status.description) == ("ERROR", "ValueError")
    assert not failed.events


def test_spans_go_to_a_file_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "traces" / "spans.jsonl"
    for service in ("one", "two"):
        configure_tracing(service, trace_file=path)
        with span_from(PARENT, f"work of {service}"):
            pass
        shutdown_tracing()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["service"], line["name"]) for line in lines] == [("one", "work of one"), ("two", "work of two")]
    assert {line["trace_id"] for line in lines} == {TRACE}
    assert {line["parent_id"] for line in lines} == {"b7ad6b7169203331"}


def test_an_unsampled_trace_is_not_recorded(spans: InMemorySpanExporter) -> None:
    with span_from(PARENT.removesuffix("01") + "00", "work"):
        assert current_trace_id() == TRACE
    assert spans.get_finished_spans() == ()


class TracedSettings(ServiceSettings):
    database_url: str = "postgresql+asyncpg://nobody@localhost/nothing"
    http_port: int = 0
    public_url: str = "http://service.test"


async def test_a_request_is_a_span_of_the_callers_trace_and_counted(
    spans: InMemorySpanExporter, api_client: Callable[..., Awaitable[httpx2.AsyncClient]]
) -> None:
    router = Router(prefix="/v1")

    @router.get("/things/{number}")
    async def read_thing(number: int) -> str | None:
        return current_traceparent()

    app = create_app(
        service="traced",
        title="Traced",
        routers=[router],
        settings=TracedSettings(),
        authenticator=None,
        health=Health(),
    )
    client = await api_client(app)
    answer = await client.get("/v1/things/7", headers={"traceparent": PARENT})
    (request,) = spans.get_finished_spans()
    assert request.name == "GET /v1/things/{number}"
    assert request.kind.name == "SERVER"
    assert dict(request.attributes or {})["http.response.status_code"] == 200
    assert answer.json() == f"00-{TRACE}-{request.context.span_id:016x}-01"
    metrics = render_metrics().decode()
    assert (
        'slotstream_http_requests_total{method="GET",route="/v1/things/{number}",service="traced",status="200"} 1.0'
        in metrics
    )
