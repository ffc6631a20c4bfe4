"""Logs as JSON lines on standard output: time, level, event, service, trace and tenant, but no personal data."""

import contextlib
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, TextIO, cast

import orjson
import structlog
from pydantic import ValidationError
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from slotstream_servicekit.telemetry.context import current_organization, current_trace_id

Logger = FilteringBoundLogger

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"(?<![\w-])\+\d[\d \-()]{6,}\d")
_CREDENTIALS = re.compile(r"(?<=://)([^\s:/@]+):[^\s@]*@")
_BEARER = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")
_FRAMES = 20
_REPEAT_SECONDS = 10.0
_QUIET = {
    "uvicorn.error": logging.WARNING,
    "uvicorn.access": logging.CRITICAL,
    "aiokafka": logging.WARNING,
    "httpx2": logging.WARNING,
    "httpcore2": logging.WARNING,
    "asyncio": logging.WARNING,
    "alembic": logging.INFO,
}


def get_logger(name: str) -> Logger:
    """A structured logger: `log.info("event_name", fact=value)`. A value is never a name, phone, e-mail or note."""
    return cast("Logger", structlog.get_logger(component=name))


class _Lines:
    """Where `log_line` writes. Until logging is configured, it writes nowhere."""

    service = ""
    stream: TextIO | None = None


def log_line(event: str, level: str, facts: dict[str, object]) -> None:
    """Writes a line as a logger does, ten times as fast. Its facts must hold nothing that a caller has sent.

    Written at levels up to INFO.
    """
    stream = _Lines.stream
    if stream is None:
        return
    organization = current_organization()
    line = {
        **facts,
        "event": event,
        "level": level,
        "time": datetime.now(UTC),
        "service": _Lines.service,
        "trace_id": current_trace_id(),
    }
    if organization is not None:
        line["organization"] = organization
    # A log that can no longer be written, such as a closed pipe, must not turn an answer into an error.
    with contextlib.suppress(OSError, ValueError):
        stream.write(orjson.dumps(line, option=orjson.OPT_UTC_Z).decode() + "\n")
        stream.flush()


def configure_logging(service: str, level: str = "INFO", *, stream: TextIO | None = None) -> None:
    """Writes the logs of this process and of its libraries to `stream` (standard output) as JSON lines."""
    _Lines.service = service
    _Lines.stream = (stream or sys.stdout) if logging.getLevelName(level) <= logging.INFO else None
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _Facts(service),
        _describe_exception,
    ]
    structlog.configure(
        processors=[*shared, _redact, structlog.processors.JSONRenderer(serializer=_serialize)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.WriteLoggerFactory(stream or sys.stdout),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _redact,
                structlog.processors.JSONRenderer(serializer=_serialize),
            ],
        )
    )
    handler.addFilter(_Repetitions())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name, quietest in _QUIET.items():
        logging.getLogger(name).setLevel(max(quietest, logging.getLevelName(level)))


class _Repetitions(logging.Filter):
    """Lets a line of the Kafka client pass only now and then: it logs a lost broker many times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith("aiokafka"):
            return True
        if _is_refusal(record):
            return False
        place = (record.name, record.lineno)
        if record.created - self._said.get(place, 0.0) < _REPEAT_SECONDS:
            return False
        self._said[place] = record.created
        return True


def _is_refusal(record: logging.LogRecord) -> bool:
    """Whether the client logs that Kafka has refused it. `kafka_refuses` logs that once, with the reason."""
    from slotstream_servicekit.kafka.refusals import is_refusal

    return isinstance(record.args, tuple) and any(is_refusal(argument) for argument in record.args)


class _Facts:
    """Adds to every line the service, the trace and the tenant."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = self._service
        trace_id, organization = current_trace_id(), current_organization()
        if trace_id is not None:
            event.setdefault("trace_id", trace_id)
        if organization is not None:
            event.setdefault("organization", str(organization))
        return event


def _describe_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replaces `exc_info` by the type, the text and the frames of the error, without any values."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["exception"] = describe_exception(error)
    return event


def describe_exception(error: BaseException) -> dict[str, Any]:
    """Type, text and frames of `error` and its cause, without input values."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    described: dict[str, Any] = {
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "message": _message_of(error),
        "frames": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
    if isinstance(error, BaseExceptionGroup):
        described["errors"] = [describe_exception(part) for part in error.exceptions]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        described["cause"] = describe_exception(cause)
    return described


def _message_of(error: BaseException) -> str:
    if isinstance(error, ValidationError):
        places = error.errors(include_input=False, include_url=False, include_context=False)
        return "; ".join(f"{'.'.join(map(str, place['loc']))}: {place['type']}" for place in places)
    # The message of a database error names the constraint; its DETAIL line would quote the row.
    return redacted(str(error).split("\nDETAIL:", 1)[0].split("\n[SQL:", 1)[0])


def redacted(text: str) -> str:
    """`text` without e-mail addresses, phone numbers, passwords in URLs and tokens."""
    text = _CREDENTIALS.sub(r"\1:***@", text)
    text = _BEARER.sub("<token>", text)
    text = _EMAIL.sub("<e-mail>", text)
    return _PHONE.sub("<phone>", text)


def _redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        if isinstance(value, str) and key not in {"time", "trace_id", "organization", "level", "service"}:
            event[key] = redacted(value)
    return event


def _serialize(event: EventDict, **_: object) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
