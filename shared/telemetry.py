"""What Laurel tells operators: JSON log lines, and the metrics of one table.

Secrets and personal data never reach either: values under telling names are replaced, at any depth,
and so is what looks like a token, an e-mail address or a password in a URL, in any text.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

REGISTRY = CollectorRegistry()
SECRET = (
    "password",
    "secret",
    "token",
    "authorization",
    "signature",
    "email",
    "address",
    "private",
    "real_name",
    "contact",
)
SEALED = "[redacted]"
TELLING = re.compile(
    r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"  # a JSON Web Token
    r"|(?<=://)[^/\s@]+(?=@)"  # user and password of a URL
    r"|[\w.+-]+@[\w-]+(\.[\w-]+)+"  # an e-mail address
)
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600)


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(name, text, ("service", *labels), registry=REGISTRY)


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    return Gauge(name, text, ("service", *labels), registry=REGISTRY)


def _histogram(name: str, text: str, *labels: str) -> Histogram:
    return Histogram(name, text, ("service", *labels), registry=REGISTRY, buckets=SECONDS)


EVENTS_HANDLED = _counter(
    "laurel_events_handled_total", "Events handled or parked.", "event", "outcome"
)
EVENT_DELAY = _histogram(
    "laurel_event_delay_seconds", "Real time from recording to handling, queues included.", "event"
)
OUTBOX_PENDING = _gauge("laurel_outbox_pending", "Events waiting to be published.")
OUTBOX_OLDEST = _gauge(
    "laurel_outbox_oldest_seconds", "Age of the oldest waiting event that was not refused."
)
OUTBOX_REFUSED = _gauge(
    "laurel_outbox_refused", "Events that the broker refuses, each tried again ever more rarely."
)
PARKED_EVENTS = _gauge("laurel_parked_events", "Parked events not settled.")
QUARANTINED = _counter(
    "laurel_quarantined_total", "Agency messages refused, by receipt code.", "code"
)
REVOCATION_PROPAGATION = _histogram(
    "laurel_revocation_propagation_seconds",
    "Real time from a revocation to an outlet's acknowledgement.",
    "outlet",
)
REVOCATIONS_UNACKNOWLEDGED = _gauge(
    "laurel_revocations_unacknowledged", "Revocations that some outlet has not acknowledged."
)
EVENTS_RESENT = _counter(
    "laurel_events_resent_total", "Events sent again because a consumer missed them.", "handler"
)
DEAD_LETTERS = _counter(
    "laurel_dead_letters_total", "Messages that the broker gave up on, now parked.", "reason"
)
EVENTS_MISSING = _gauge(
    "laurel_events_missing", "Events that a consumer missed at its last check.", "handler", "source"
)
EVENTS_FOREIGN = _gauge(
    "laurel_events_foreign",
    "Events that a consumer has and their publisher has not, at the last check.",
    "handler",
    "source",
)
RECONCILIATION_AGE = _gauge(
    "laurel_reconciliation_age_seconds",
    "Since a consumer was last checked to its end.",
    "handler",
    "source",
)
QUEUE_MESSAGES = _gauge("laurel_queue_messages", "Messages waiting in a queue.", "queue")
TIMER_FAILURES = _counter(
    "laurel_timer_failures_total", "Timer runs and due rows that raised.", "timer"
)
RELAY_FAILURES = _counter(
    "laurel_relay_failures_total", "Windows left unconfirmed, and events refused, by kind.", "kind"
)
CONSUMERS = _gauge(
    "laurel_consumers", "1 while this process consumes a queue that it should, else 0.", "queue"
)
HTTP_REQUESTS = _counter(
    "laurel_http_requests_total", "HTTP requests answered.", "route", "method", "status"
)
HTTP_SECONDS = _histogram("laurel_http_request_seconds", "HTTP duration.", "route", "method")
REHEARSAL = _gauge("laurel_rehearsal", "1 under a rehearsal clock, else 0.")


def metrics_table() -> str:
    """Every metric as a Markdown table."""
    lines = ["| metric | labels | meaning |", "|---|---|---|"]
    for metric in vars(sys.modules[__name__]).values():
        if isinstance(metric, MetricWrapperBase):
            name = metric._name + ("_total" if isinstance(metric, Counter) else "")  # noqa: SLF001 - no public name
            labels = ", ".join(metric._labelnames)  # noqa: SLF001 - no public name
            lines.append(f"| `{name}` | {labels} | {metric._documentation} |")  # noqa: SLF001 - no public name
    return "\n".join(lines)


def configure(level: str, stream: TextIO | None = None) -> None:
    """Write JSON lines to `stream` (standard error), the standard library's loggers included."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for noisy in ("nameko", "amqp", "kombu", "urllib3", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _redact(_logger: Any, _name: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in entry:
        if not name.startswith("_"):  # structlog's own, taken out before the line is written
            entry[name] = _sealed(name, entry[name])
    return entry


def _sealed(name: str, value: Any) -> Any:
    """The value as it may be written under that name."""
    if any(word in name.lower() for word in SECRET):
        return SEALED
    if isinstance(value, Mapping):
        return {str(key): _sealed(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_sealed("", inner) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return TELLING.sub(SEALED, value if isinstance(value, str) else repr(value))
