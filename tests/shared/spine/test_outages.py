"""Broker and database go away under running services, and come back: nothing lost, nothing twice."""

import signal

import psycopg2
import pytest

from deploy.local.process import wait_until
from shared.catalogue import SERVICES
from shared.spine.parking import OPEN
from tests.shared.spine.running import QUEUE, Running

pytestmark = pytest.mark.long

SECONDS = 60
BACK_SECONDS = 10
KILLS = 22  # RabbitMQ gives a message up after 20 deliveries


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    running = Running(tmp_path_factory.mktemp("up"))
    try:
        running.up()
        yield running
    finally:
        running.down()


@pytest.fixture(autouse=True)
def same_processes(running):
    """Whatever happens to the broker or the database, no service of ours ends."""
    running.publish()
    running.settle()
    before = {name: running.pids()[name] for name in SERVICES}
    yield
    running.settle()
    assert {name: running.pids()[name] for name in SERVICES} == before


def test_a_killed_broker_is_used_again_once_it_is_back(running):
    running.broker.kill()
    running.publish(3)
    assert running.waiting() == 3
    running.broker.start()
    running.settle(BACK_SECONDS)


def test_a_black_hole_is_noticed_and_left_behind(running):
    running.proxy.swallow()
    running.publish(3)
    wait_until(lambda: consumed_queues(running) == 0, SECONDS, "the consumers to notice")
    assert running.waiting() == 3
    running.proxy.pass_on()
    running.settle()


def consumed_queues(running):
    return running.metric("scoring", "laurel_consumers{")


def test_cut_connections_are_opened_again(running):
    wait_until(running.consumers, SECONDS, "a consumer")
    opened = running.proxy.accepted
    running.proxy.cut()
    running.publish(3)
    running.settle()
    assert running.proxy.accepted > opened


def test_a_consumer_whose_queue_was_deleted_declares_it_again(running):
    running.broker.control("delete_queue", QUEUE)
    wait_until(lambda: running.consumers() == 1, SECONDS, "the queue and its consumer")
    running.publish(3)
    running.settle()


def test_a_memory_alarm_stops_the_relays_and_not_the_requests(running):
    refused = 'laurel_relay_failures_total{kind="blocked",service="intake"}'
    before = running.metric("intake", refused)
    running.broker.control("set_vm_memory_high_watermark", "0")
    try:
        running.publish(3)
        wait_until(lambda: running.metric("intake", refused) > before, SECONDS, "the alarm")
        opened = blocked(running)
        wait_until(lambda: running.metric("intake", refused) > before + 2, SECONDS, "more tries")
        assert running.waiting() == 3
        assert blocked(running) == opened
    finally:
        running.broker.control("set_vm_memory_high_watermark", "0.6")
    running.settle()


def blocked(running):
    """How many connections RabbitMQ keeps from publishing."""
    return running.broker.control("list_connections", "state").count("blocked")


def test_a_database_that_goes_away_under_a_batch_gets_the_same_batch_again(running):
    keeper = psycopg2.connect(running.postgres.url("scoring").replace("+psycopg2", ""))
    keeper.cursor().execute("LOCK TABLE inbox")
    running.publish(3)
    wait_until(lambda: unacked(running) > 0, SECONDS, "a batch in hand")
    running.postgres.kill()
    with pytest.raises(psycopg2.OperationalError):
        keeper.commit()
    keeper.close()
    held = unacked(running)
    running.postgres.start()
    assert held > 0
    running.settle()


def unacked(running):
    lines = running.broker.control(
        "list_queues", "--no-table-headers", "name", "messages_unacknowledged"
    )
    return {name: int(count) for name, count in map(str.split, lines.splitlines())}[QUEUE]


class TestWhileProcessesEnd:
    """Here the processes do change."""

    @pytest.fixture
    def same_processes(self):
        """Not this time."""

    def test_services_start_and_accept_and_publish_once_it_comes(self, running):
        for service in SERVICES:
            running.end(service)
        running.broker.kill()
        running.start_services()
        running.publish(3)
        assert running.waiting() == 3
        running.broker.start()
        running.settle()

    def test_killed_services_go_on_where_they_were(self, running):
        running.publish(20)
        for service in SERVICES:
            running.end(service, signal.SIGKILL)
        running.start_services()
        running.settle()

    def test_kills_without_progress_lose_nothing(self, running):
        keeper = psycopg2.connect(running.postgres.url("scoring").replace("+psycopg2", ""))
        keeper.cursor().execute("LOCK TABLE inbox")
        running.publish(3)
        for _ in range(KILLS):
            wait_until(lambda: unacked(running) or given_up(running), SECONDS, "a batch in hand")
            running.end("scoring", signal.SIGKILL)
            running.start_services()
        wait_until(lambda: given_up(running) == 3, SECONDS, "the dead letters to be parked")
        keeper.rollback()
        keeper.close()
        wait_until(lambda: not given_up(running, *OPEN), SECONDS, "their retries")
        wait_until(running.is_settled, SECONDS, "every event to be handled")
        assert len(running.ledgers()["scoring"]["handled"]) == running.published


def given_up(running, *states):
    """How many events RabbitMQ gave up on stand in scoring's table, in these states or in any."""
    scoring = psycopg2.connect(running.postgres.url("scoring").replace("+psycopg2", ""))
    with scoring.cursor() as cursor:
        cursor.execute("SELECT state FROM parked WHERE handler = 'scoring.keep_programme'")
        found = [state for (state,) in cursor.fetchall()]
    scoring.close()
    return sum(state in (states or found) for state in found)
