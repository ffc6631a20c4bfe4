"""The Prometheus metrics that every service has. `service` is the package name."""

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, generate_latest

METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

HTTP_REQUESTS = Counter("slotstream_http_requests", "Answered requests", ("service", "method", "route", "status"))
HTTP_REQUEST_SECONDS = Histogram(
    "slotstream_http_request_seconds",
    "Time from the request's first byte to the answer's last",
    ("service", "method", "route"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
HTTP_IN_FLIGHT = Gauge("slotstream_http_requests_in_flight", "Requests being answered", ("service",))
REFUSALS = Counter(
    "slotstream_refusals", "Requests and commands refused, by their problem's code", ("service", "channel", "code")
)
DATABASE_CONNECTIONS = Gauge("slotstream_database_connections", "Connections of a pool in use", ("service", "role"))
DATABASE_CONNECTIONS_LIMIT = Gauge(
    "slotstream_database_connections_limit", "The most connections of a pool", ("service", "role")
)
DEAD_LETTERS = Gauge(
    "slotstream_dead_letters", "Records set aside that were neither sent back nor dropped", ("service",)
)

OUTBOX_PUBLISHED = Counter("slotstream_outbox_published", "Events handed to Kafka", ("service", "topic"))
OUTBOX_PENDING = Gauge("slotstream_outbox_pending", "Events committed and not yet handed to Kafka", ("service",))
OUTBOX_LAG_SECONDS = Gauge("slotstream_outbox_lag_seconds", "Age of the oldest pending event", ("service",))
OUTBOX_REFUSED = Counter("slotstream_outbox_refused", "Events that Kafka refuses for good", ("service", "topic"))

CONSUMER_RECORDS = Counter(
    "slotstream_consumer_records",
    "Records worked through; outcome is handled, duplicate, ignored, too_old or dead_lettered",
    ("service", "topic", "outcome"),
)
CONSUMER_LAG = Gauge("slotstream_consumer_lag", "Records not yet worked through", ("service", "topic"))
CONSUMER_LAG_SECONDS = Gauge(
    "slotstream_consumer_lag_seconds", "Time since there was last nothing left to work through", ("service", "topic")
)
OLDEST_UNAPPLIED_SECONDS = Gauge(
    "slotstream_oldest_unapplied_seconds",
    "Age of the oldest record that was fetched and not worked through; 0 where there is none",
    ("service", "topic"),
)
CONSUMER_BATCH_SECONDS = Histogram(
    "slotstream_consumer_batch_seconds", "Time to work through one batch", ("service", "topic")
)


def render_metrics() -> bytes:
    """All metrics in Prometheus's text format (`METRICS_CONTENT_TYPE`)."""
    return generate_latest(REGISTRY)
