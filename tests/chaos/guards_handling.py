"""The guards between a queue and its handler, and of healing, and the fault aimed at each."""

from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError

from deploy.local.process import wait_until
from shared import testing
from shared.spine import database, handlers, inbox, parking, reconcile, retention
from shared.spine.broker import Message
from shared.spine.broker.amqp import AmqpConsumer
from shared.spine.envelope import CONTENT_TYPE, encode, first_id_at, new_id
from shared.spine.relay import republish_all
from tests.chaos import oracle
from tests.chaos.guards import NAMES, guard, replaced

UNREFUSED = "another body under a known id was not parked"
SECONDS = 30


def every_event_is_new(bench):
    enter = inbox.enter

    def let_in(session, handler, readable):
        enter(session, handler, readable)
        return {event.id for event, _body in readable}

    return replaced(inbox, "enter", let_in)


@guard("inbox row", "the whole outbox is published again", every_event_is_new, quick=True)
def publish_again(bench):
    bench.publish(*NAMES)
    bench.drain()
    republish_all(bench.runtime("intake").database)


@contextmanager
def ack_on_receipt(bench):
    receive, ack = AmqpConsumer.receive, AmqpConsumer.ack

    def receive_and_ack(consumer, limit, timeout):
        batch = receive(consumer, limit, timeout)
        if batch:
            ack(consumer, batch[-1])
        return batch

    early = replaced(AmqpConsumer, "receive", receive_and_ack)
    with early, replaced(AmqpConsumer, "ack", lambda *_: None):
        yield


@guard("ack after commit", "the consumer dies with a batch in hand", ack_on_receipt, quick=True)
def die_with_a_batch(bench):
    bench.deafen()
    bench.publish(*NAMES)
    bench.relay_some()
    consumer = bench.consumer()
    wait_until(lambda: consumer.receive(100, 1.0), SECONDS, "a batch")
    consumer.close()
    bench.listen()


def no_parking(bench):
    return replaced(parking, "park", lambda *_: None)


@guard("parking before ack", "a handler raises", no_parking, quick=True)
def raise_once(bench):
    bench.keeper.failing.add(NAMES[0])
    bench.publish(*NAMES)
    bench.relay_some()
    bench.consume()
    bench.keeper.failing.clear()


@contextmanager
def any_body(bench):
    with (
        replaced(inbox, "refuse_other_body", lambda *_: None),
        replaced(handlers, "refuse_other_body", lambda *_: None),
    ):
        yield


@guard("digest of the body", "another body comes under a known id", any_body)
def send_another_body(bench):
    (event,) = bench.publish(NAMES[0])
    bench.drain()
    other = replace(event, data=event.data | {"edition": 2})
    _send(bench, other)
    bench.drain()
    refused = [row for row in bench.parked_rows() if row.error == "duplicate-id"]
    bench.note(UNREFUSED, [] if refused else [event.id])


def _send(bench, event):
    publisher = bench.broker.publisher()
    message = Message("intake.events", event.type, encode(event), new_id(), CONTENT_TYPE)
    assert publisher.publish([message]).failure is None
    publisher.close()


def no_horizon(bench):
    return replaced(retention, "refuse_forgotten", lambda *_: None)


@guard(
    "horizon",
    "an event comes back from beyond what its inbox remembers",
    no_horizon,
    watched=frozenset({oracle.TWICE}),
)
def come_back_late(bench):
    long_ago = datetime.now(UTC) - timedelta(days=500)
    (event,) = bench.publish(NAMES[0])
    bench.drain()
    old = replace(event, id=first_id_at(long_ago))
    _send(bench, old)
    bench.drain()
    runtime = bench.runtime("scoring")
    with bench.session("scoring") as session:
        session.execute(update(handlers.inbox).values(handled_at=long_ago))
    retention.prune(runtime.database, runtime.settings)
    _send(bench, old)


def commit_what_failed(bench):
    engine = bench.runtime("scoring").database.engine
    return _without_listener(engine, "commit", database._refuse_aborted)


@contextmanager
def _without_listener(target, name, listener):
    sqlalchemy_event.remove(target, name, listener)
    try:
        yield
    finally:
        sqlalchemy_event.listen(target, name, listener)


@guard("aborted transactions refused", "a handler swallows a failed statement", commit_what_failed)
def swallow_an_error(bench):
    def fail(session):
        with suppress(DBAPIError):
            session.connection().execute(text("SELECT 1 / 0"))

    bench.keeper.surprises[NAMES[-1]] = [fail]
    bench.publish(*NAMES)


def no_resending(bench):
    return replaced(reconcile, "resend", lambda *_: 0)


@guard("reconciliation", "the queue is purged", no_resending)
def purge(bench):
    bench.deafen()
    bench.publish(*NAMES)
    bench.relay_some()
    wait_until(lambda: bench.depth() == len(NAMES), SECONDS, "the events in the queue")
    bench.on_queue(lambda channel: channel.queue_purge(bench.queue))
    bench.listen()
    bench.reconcile(whole=True)


def no_drain_for_the_dead(bench):
    bench.deafen()
    return _listening(bench, replaced(testing, "park_dead_letters", lambda *_: None))


@contextmanager
def _listening(bench, removed):
    with removed:
        bench.listen()
        yield


@guard("dead letters parked", "a message is rejected for good", no_drain_for_the_dead)
def reject(bench):
    bench.deafen()
    bench.publish(*NAMES)
    bench.relay_some()
    consumer = bench.consumer()
    batch = []
    wait_until(lambda: batch.extend(consumer.receive(1, 1.0)) or batch, SECONDS, "a message")
    consumer._link.channel.basic_reject(batch[0].tag, requeue=False)
    dead = "dead--scoring"
    wait_until(lambda: bench.broker.depths([dead])[dead] > 0, SECONDS, "a dead letter")
    consumer.close()
    bench.listen()
