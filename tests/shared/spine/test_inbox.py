"""The inbox on RabbitMQ and PostgreSQL: once each, whatever happens between receiving and acking."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from deploy.local.process import wait_until
from shared.spine.broker import BrokerError

SECONDS = 60
FORCED = "DO $$ BEGIN RAISE EXCEPTION 'forced' USING ERRCODE = '{}'; END $$"
FAILURES = {"serialization": "40001", "deadlock": "40P01", "lock not available": "55P03"}


def published(stack, *names):
    """Have these wait in the queue."""
    stack.deafen()
    stack.publish(*names)
    stack.turn()


def receive(consumer, count):
    found = []
    wait_until(
        lambda: len(found) == count or found.extend(consumer.receive(100, 1)), SECONDS, "messages"
    )
    return found


def fail_with(code):
    return lambda session: session.execute(text(FORCED.format(code)))


def test_what_was_handled_and_not_acked_comes_again_and_is_not_done_again(real_stack):
    published(real_stack, "2020", "2021")
    crashing = real_stack.consumer()
    real_stack.take(receive(crashing, 2))
    crashing.close()
    again = real_stack.consumer()
    deliveries = receive(again, 2)
    assert [delivery.redelivered for delivery in deliveries] == [True, True]
    real_stack.take(deliveries)
    again.ack(deliveries[-1])
    again.close()
    assert real_stack.effects() == ["2020", "2021"]
    assert real_stack.depth() == 0


def test_a_consumer_stalled_past_its_heartbeat_does_nothing_that_another_did(real_stack, amqp_url):
    published(real_stack, "2020")
    stalled, other = real_stack.consumer(f"{amqp_url}?heartbeat=1"), real_stack.consumer()
    deliveries = receive(stalled, 1)
    (redelivered,) = receive(other, 1)
    assert redelivered.redelivered
    real_stack.take([redelivered])
    other.ack(redelivered)
    real_stack.take(deliveries)
    with pytest.raises(BrokerError):
        stalled.receive(1, 1)
    stalled.close()
    other.close()
    assert real_stack.effects() == ["2020"]
    assert real_stack.parked_rows() == []


def test_a_consumer_with_nothing_to_do_keeps_its_connection(real_stack, amqp_url):
    real_stack.deafen()
    consumer = real_stack.consumer(f"{amqp_url}?heartbeat=2")
    assert consumer.receive(1, 5) == []
    with ThreadPoolExecutor() as threads:  # it goes on answering heartbeats meanwhile
        told = threads.submit(lambda: (real_stack.publish("2020"), real_stack.turn()))
        (delivery,) = receive(consumer, 1)
        told.result()
    assert not delivery.redelivered
    consumer.close()


def test_a_handler_blocked_past_its_heartbeat_makes_the_other_wait_for_its_inbox_row(
    real_stack, amqp_url
):
    published(real_stack, "2020")
    go_on = threading.Event()
    real_stack.keeper.surprises = {"2020": [lambda _session: go_on.wait(SECONDS)]}
    stalled, other = real_stack.consumer(f"{amqp_url}?heartbeat=1"), real_stack.consumer()
    with ThreadPoolExecutor() as threads:
        first = threads.submit(real_stack.take, receive(stalled, 1))
        second = threads.submit(real_stack.take, receive(other, 1))
        wait_until(lambda: real_stack.waits_for_lock("scoring"), SECONDS, "the second to wait")
        go_on.set()
        first.result(), second.result()
    stalled.close()
    other.close()
    assert real_stack.effects() == ["2020"]
    assert real_stack.parked_rows() == []


@pytest.mark.parametrize("code", FAILURES.values(), ids=FAILURES)
def test_a_transaction_that_the_database_broke_off_is_tried_again_at_once(real_stack, code):
    real_stack.keeper.surprises = {"2020": [fail_with(code)]}
    real_stack.publish("2020", "2021")
    real_stack.settle()
    assert real_stack.effects() == ["2020", "2021"]


@pytest.mark.parametrize("code", FAILURES.values(), ids=FAILURES)
def test_a_transaction_that_is_broken_off_again_is_parked_and_tried_later(real_stack, code):
    real_stack.keeper.surprises = {"2020": [fail_with(code), fail_with(code)]}
    real_stack.publish("2020", "2021")
    with pytest.raises(AssertionError, match="forced"):
        real_stack.settle()
    assert real_stack.effects() == ["2021"]
    real_stack.make_due()
    assert real_stack.retry_parked() == 1
    real_stack.settle()
    assert real_stack.effects() == ["2020", "2021"]


def test_the_victim_of_a_real_deadlock_is_handled_all_the_same(real_stack):
    locked = threading.Event()

    def rival():
        with real_stack.session("scoring") as session:
            session.execute(text("SET LOCAL deadlock_timeout = '60s'"))  # the handler is the victim
            session.execute(text("SELECT pg_advisory_xact_lock(1)"))
            locked.set()
            wait_until(lambda: real_stack.waits_for_lock("scoring"), SECONDS, "the handler")
            session.execute(text("SELECT pg_advisory_xact_lock(2)"))

    def collide(session):
        session.execute(text("SELECT pg_advisory_xact_lock(2)"))
        locked.wait(SECONDS)
        session.execute(text("SELECT pg_advisory_xact_lock(1)"))

    real_stack.keeper.surprises = {"2020": [collide]}
    real_stack.publish("2020")
    with ThreadPoolExecutor() as threads:
        outcome = threads.submit(rival)
        real_stack.settle()
        outcome.result()
    assert real_stack.effects() == ["2020"]


def test_a_handler_that_leaves_its_session_broken_costs_only_itself(real_stack):
    def swallow(session):
        with pytest.raises(OperationalError):
            fail_with("40001")(session)

    real_stack.keeper.surprises = {"bad": [swallow, swallow]}
    real_stack.publish("2020", "bad", "2021")
    with pytest.raises(AssertionError, match="parked"):
        real_stack.settle()
    assert real_stack.effects() == ["2020", "2021"]
    real_stack.make_due()
    assert real_stack.retry_parked() == 1
    assert real_stack.effects() == ["2020", "2021", "bad"]
