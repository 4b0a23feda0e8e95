import io
import json
import logging

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from shared import telemetry
from shared.catalogue import SERVICES

EMAIL = "li.na@undertaker.example"
TOKEN = "eyJhbGciOiJFZDI1NTE5In0.eyJzdWIiOiJ6aGFvIn0.c2lnbmF0dXJl"
PASSWORD = "p4ss-w0rd"


@pytest.fixture
def log():
    """What is logged, as JSON lines."""
    stream = io.StringIO()
    root = logging.getLogger()
    before = root.handlers, root.level
    telemetry.configure("debug", stream)
    yield stream
    root.handlers, root.level = before
    structlog.reset_defaults()


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().split("\n") if line]


def test_each_message_is_one_json_line_with_its_level_logger_and_time(log):
    structlog.get_logger("laurel.test").warning("queue-deep", depth=7, title="互联网医院\n平台")
    (line,) = lines(log)
    assert (line["event"], line["level"], line["logger"]) == (
        "queue-deep",
        "warning",
        "laurel.test",
    )
    assert (line["depth"], line["title"]) == (7, "互联网医院\n平台")
    assert line["timestamp"].endswith("Z")
    assert "互联网医院" in log.getvalue()


def test_the_standard_librarys_loggers_write_the_same_lines(log):
    logging.getLogger("werkzeug").error("lost %s of %d", "one", 3)
    (line,) = lines(log)
    assert (line["event"], line["level"], line["logger"]) == ("lost one of 3", "error", "werkzeug")


def test_what_is_below_the_level_is_not_written(log):
    telemetry.configure("warning", log)
    structlog.get_logger("laurel.test").info("quiet")
    logging.getLogger("amqp").info("quiet too")
    assert log.getvalue() == ""


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "webhook_secret",
        "token",
        "Authorization",
        "laurel-signature",
        "contact_email",
        "address",
        "private_key",
        "real_name",
        "contact",
    ],
)
@pytest.mark.parametrize(
    "wrap",
    [
        lambda name, value: {name: value},
        lambda name, value: {"body": {name: value}},
        lambda name, value: {"rows": [{"id": 1, name: value}]},
        lambda name, value: {"headers": {"deep": ({name: {"inner": value}},)}},
        lambda name, value: {name: [value]},
    ],
)
def test_a_value_under_a_telling_name_is_replaced_at_any_depth(log, name, wrap):
    structlog.get_logger("laurel.test").info("stored", **wrap(name, "绝密"))
    assert "绝密" not in log.getvalue()
    assert "[redacted]" in log.getvalue()


class Carrier:
    """Something whose repr tells too much."""

    def __repr__(self):
        return f"<Carrier {EMAIL} {TOKEN}>"


@pytest.mark.parametrize(
    "said",
    [
        {"error": f"550 no mailbox <{EMAIL}>"},
        {"error": f"Bearer {TOKEN} has expired"},
        {"url": f"amqp://laurel:{PASSWORD}@broker.example:5672/"},
        {"url": f"postgresql+psycopg2://laurel:{PASSWORD}@db.example/intake"},
        {"carrier": Carrier()},
        {"many": [Carrier(), {"text": f"to {EMAIL}"}, {EMAIL}]},
    ],
)
def test_tokens_addresses_and_passwords_in_any_text_are_replaced(log, said):
    structlog.get_logger("laurel.test").info("noticed", **said)
    logging.getLogger("elsewhere").warning("noticed %s", said)
    assert len(lines(log)) == 2
    for secret in (EMAIL, TOKEN, PASSWORD):
        assert secret not in log.getvalue()


def test_a_traceback_is_written_without_what_its_message_tells(log):
    try:
        raise ValueError(f"cannot write to {EMAIL} with {TOKEN}")
    except ValueError:
        structlog.get_logger("laurel.test").exception("failed")
        logging.getLogger("elsewhere").exception("failed too")
    first, second = lines(log)
    assert "ValueError: cannot write to [redacted] with [redacted]" in first["exception"]
    assert "ValueError" in second["exception"]
    assert EMAIL not in log.getvalue()
    assert TOKEN not in log.getvalue()


def test_what_tells_nothing_is_left_as_it_is(log):
    plain = {
        "project": "2020-P110000-0001",
        "count": 3,
        "share": 0.5,
        "done": True,
        "none": None,
        "url": "https://laurel.example/register?q=a",
        "at": "2020-10-12T01:00:00Z",
        "list": ["a", 1],
        "room": "a@b",
    }
    structlog.get_logger("laurel.test").info("told", **plain)
    (line,) = lines(log)
    assert {name: line[name] for name in plain} == plain


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(JSON)
def test_whatever_is_logged_gives_one_line_of_json(value):
    stream = io.StringIO()
    root = logging.getLogger()
    before = root.handlers, root.level
    try:
        telemetry.configure("info", stream)
        logging.getLogger("elsewhere").info("told", extra={"given": value})
        structlog.get_logger("laurel.test").info("told", given=value)
    finally:
        root.handlers, root.level = before
        structlog.reset_defaults()
    assert [line["event"] for line in lines(stream)] == ["told", "told"]


def test_the_table_lists_every_metric_of_the_registry_once():
    rows = telemetry.metrics_table().splitlines()[2:]
    listed = [row.split("`")[1] for row in rows]
    collected = set()
    for family in telemetry.REGISTRY.collect():
        collected.add(family.name + ("_total" if family.type == "counter" else ""))
    assert sorted(listed) == sorted(collected)
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize(
    "name",
    [
        "laurel_events_handled_total",
        "laurel_event_delay_seconds",
        "laurel_outbox_pending",
        "laurel_outbox_oldest_seconds",
        "laurel_parked_events",
        "laurel_quarantined_total",
        "laurel_revocation_propagation_seconds",
        "laurel_revocations_unacknowledged",
    ],
)
def test_the_promised_metrics_have_a_row_with_labels_and_meaning(name):
    (row,) = [row for row in telemetry.metrics_table().splitlines() if f"`{name}`" in row]
    _, _name, labels, meaning, _ = row.split("|")
    assert labels.strip().startswith("service")
    assert meaning.strip().endswith(".")


def test_a_metric_counts_per_service():
    before = [_handled(service) for service in SERVICES]
    telemetry.EVENTS_HANDLED.labels("scoring", "test.counted", "handled").inc()
    after = [_handled(service) for service in SERVICES]
    assert [b - a for a, b in zip(before, after, strict=True)] == [0, 1, 0, 0]


def _handled(service):
    labels = {"service": service, "event": "test.counted", "outcome": "handled"}
    return telemetry.REGISTRY.get_sample_value("laurel_events_handled_total", labels) or 0
