"""The relay on RabbitMQ and PostgreSQL: what is not confirmed stays, whatever goes wrong."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import OperationalError

from deploy.local.process import wait_until
from shared.spine.backlog import BACKLOG
from shared.spine.broker import BrokerError
from shared.spine.broker.choice import broker_at
from shared.spine.outbox import write_pending
from shared.spine.relay import LANES, RelayError
from shared.spine.tables import outbox

pytestmark = pytest.mark.long

NAMES = [f"p{number:03d}" for number in range(120)]
SECONDS = 60


@pytest.fixture
def far_relay(real_stack, proxy, amqp_url):
    """A relay by way of the proxy, with a short patience."""
    broker = broker_at(proxy.url(amqp_url) + "?heartbeat=1", confirm_timeout=0.5)
    relay = real_stack.relay(broker=broker)
    yield relay
    proxy.pass_on()
    relay.close()


@pytest.fixture
def vhost(amqp_url):
    return urlsplit(amqp_url).path.removeprefix("/")


def refused(stack):
    return [row for row in stack.rows("intake", outbox) if row.error and not row.published_at]


def limited(broker, vhost):
    """Whether every queue of events has the policy."""
    told = broker.control("list_queues", "-p", vhost, "name", "policy", "--no-table-headers")
    rows = [line.split("\t") for line in told.splitlines() if line.startswith("evt-")]
    return bool(rows) and all(row[1] == "full" for row in rows)


def test_refused_rows_are_published_again_on_another_channel(
    real_stack, far_relay, proxy, private_broker, vhost
):
    real_stack.deafen()
    limit = json.dumps({"max-length": 1})
    private_broker.control(
        "set_policy", "-p", vhost, "full", "^evt-", limit, "--apply-to", "queues"
    )
    wait_until(lambda: limited(private_broker, vhost), SECONDS, "the policy to be in force")
    waiting = iter(NAMES)

    def is_full():
        """The queue's leader tells the channel a moment after it is."""
        real_stack.publish(next(waiting))
        far_relay.publish_window()
        return refused(real_stack)

    wait_until(is_full, SECONDS, "a refusal")
    real_stack.publish(*waiting)
    far_relay.publish_window()
    assert {row.error for row in refused(real_stack)} == {"nack: the broker refused it"}
    private_broker.control("clear_policy", "-p", vhost, "full")
    wait_until(lambda: not limited(private_broker, vhost), SECONDS, "the policy to be gone")
    links = proxy.accepted
    wait_until(lambda: not far_relay.publish_window() and not refused(real_stack), SECONDS, "all")
    assert proxy.accepted > links
    real_stack.listen()
    real_stack.settle()
    assert real_stack.effects() == NAMES


def test_an_unroutable_row_costs_neither_its_channel_nor_another_row(real_stack, far_relay, proxy):
    real_stack.publish("nobody's")
    with real_stack.session("intake") as session:
        session.execute(update(outbox).values(routing_key="nobody.listens"))
    real_stack.publish(*NAMES)
    assert far_relay.publish_window() == 121
    (row,) = refused(real_stack)
    assert (row.subject, row.attempts) == ("nobody's", 1)
    assert row.error.startswith("unroutable: no queue is bound")
    links = proxy.accepted
    wait_until(far_relay.publish_window, SECONDS, "the next attempt")
    assert refused(real_stack)[0].attempts == 2
    assert proxy.accepted == links
    wait_until(lambda: consumed(real_stack) == NAMES, SECONDS, "all but the one")


def consumed(stack):
    stack.consume()
    return stack.effects()


@pytest.mark.parametrize("direction", ["requests", "answers"])
def test_an_unconfirmed_window_is_published_again_on_another_channel(
    real_stack, far_relay, proxy, direction
):
    real_stack.publish("first")
    assert far_relay.publish_window() == 1
    real_stack.publish(*NAMES)
    getattr(proxy, direction).hold()
    with pytest.raises(RelayError, match="timeout: no confirm; 120 messages unconfirmed"):
        far_relay.publish_window()
    assert real_stack.unpublished() == NAMES
    proxy.pass_on()
    links = proxy.accepted
    assert far_relay.publish_window() == 120
    assert proxy.accepted > links
    real_stack.settle()
    assert real_stack.effects() == ["first", *NAMES]


def test_a_cut_connection_costs_no_row(real_stack, far_relay, proxy):
    real_stack.publish("first")
    far_relay.publish_window()
    real_stack.publish(*NAMES)
    proxy.cut()
    with pytest.raises(RelayError, match="connection: "):
        far_relay.publish_window()
    assert real_stack.unpublished() == NAMES
    assert far_relay.publish_window() == 120
    real_stack.settle()
    assert real_stack.effects() == ["first", *NAMES]


def test_a_relay_with_nothing_to_do_keeps_its_connection(far_relay, proxy):
    assert far_relay.publish_window() == 0
    said, links = proxy.said, proxy.accepted
    wait_until(lambda: far_relay.publish_window() or proxy.said > said, SECONDS, "a heartbeat")
    assert proxy.accepted == links


def test_a_relay_with_nothing_to_do_notices_that_the_broker_fell_silent(far_relay, proxy):
    assert far_relay.publish_window() == 0
    proxy.swallow()

    def is_noticed():
        try:
            return bool(far_relay.publish_window())
        except BrokerError:
            return True

    wait_until(is_noticed, SECONDS, "missed heartbeats")
    proxy.pass_on()
    assert far_relay.publish_window() == 0


def test_rows_of_a_transaction_that_commits_late_are_published(real_stack):
    relay = real_stack.relay()
    with real_stack.session("intake") as late:
        real_stack.record(late, "late")
        write_pending(late)
        assert len(late.execute(outbox.select()).all()) == 1
        real_stack.publish("early")
        assert relay.publish_window() == 1
        assert real_stack.unpublished() == []
    assert real_stack.unpublished() == ["late"]
    assert relay.publish_window() == 1
    relay.close()
    real_stack.settle()
    assert real_stack.effects() == ["early", "late"]


def test_a_crash_with_a_window_in_flight_frees_its_rows_at_once(real_stack, proxy, amqp_url):
    crashing = real_stack.relay(broker=broker_at(proxy.url(amqp_url), confirm_timeout=60))
    replica = real_stack.relay()
    crashing.publish_window()
    real_stack.publish(*NAMES)
    proxy.answers.hold()
    with ThreadPoolExecutor() as threads:
        in_flight = threads.submit(crashing.publish_window)
        wait_until(lambda: holders(real_stack), SECONDS, "a window in flight")
        assert replica.publish_window() == 0
        assert terminate(real_stack, holders(real_stack)) == 1
        wait_until(lambda: replica.publish_window() == 120, SECONDS, "the rows to be free")
        proxy.cut()
        with pytest.raises(OperationalError):
            in_flight.result()
    replica.close()
    assert real_stack.unpublished() == []
    real_stack.settle()
    assert real_stack.effects() == NAMES


def test_two_relays_share_the_work_and_publish_each_row_once(real_stack):
    real_stack.deafen()
    names = [f"p{number:04d}" for number in range(1000)]
    real_stack.publish(*names)
    relays = [real_stack.relay(window=10) for _ in range(2)]
    together = threading.Barrier(2)

    def publish_all(relay):
        together.wait(SECONDS)
        return list(iter(relay.publish_window, 0))

    with ThreadPoolExecutor() as threads:
        shares = list(threads.map(publish_all, relays))
    for relay in relays:
        relay.close()
    assert all(shares)
    assert sum(map(sum, shares)) == 1000
    assert real_stack.depth() == 1000
    real_stack.listen()
    real_stack.settle()
    assert real_stack.effects() == names


@pytest.mark.parametrize("lane", ["urgent", "outbox"])
def test_claim_and_backlog_use_the_partial_index_whatever_was_published(real_stack, lane):
    database = real_stack.runtime("intake").database
    with database.transaction() as session:
        session.execute(text(PUBLISHED_ROWS))
    real_stack.publish(*NAMES)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE outbox")
        new, again = (
            plan(connection, claim, window=500, now=datetime.now(UTC)) for claim in LANES[lane]
        )
        measure = plan(connection, BACKLOG)
    assert "Index Scan using outbox_unpublished" in new
    assert "Index Scan using outbox_again" in again
    assert "outbox_unpublished" in measure
    assert "Seq Scan" not in new + again + measure


def plan(connection, statement, **values):
    rows = connection.exec_driver_sql(f"EXPLAIN {statement.compile(connection)}", values)
    return "\n".join(row[0] for row in rows)


def holders(stack):
    """The database processes that hold a window of rows."""
    held = text(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
        "AND state = 'idle in transaction' AND query LIKE '%outbox%SKIP LOCKED%'"
    )
    with stack.session("intake") as session:
        return list(session.scalars(held))


def terminate(stack, pids):
    with stack.session("intake") as session:
        ended = session.scalars(text("SELECT pg_terminate_backend(unnest(:pids))"), {"pids": pids})
        return sum(ended)


PUBLISHED_ROWS = """
INSERT INTO outbox (event_id, exchange, routing_key, subject, about, sequence, urgent, body,
                    recorded_at, published_at)
SELECT 'old-' || n, 'intake.events', 'programme.published', 'old', 'old', 1, n % 100 = 0, 'x', now(), now()
FROM generate_series(1, 20000) AS n
"""
