"""The same guarantees as ours, one message at a time, as a good engineer writes them on nameko.

Outbox: one row claimed, published with a confirm, marked and committed, then the next. Inbox: one
transaction a message with its inbox row and its effect; acknowledged after the commit. Quorum
queue, persistent, `mandatory`; ten workers take messages at the same time.
"""

import json
import sys
import time
from functools import partial

import eventlet

eventlet.monkey_patch()

import psycopg2  # noqa: E402
from eventlet import tpool  # noqa: E402
from eventlet.queue import Queue as Pool  # noqa: E402
from kombu import Exchange, Queue  # noqa: E402
from nameko.amqp.publish import Publisher  # noqa: E402
from nameko.containers import ServiceContainer  # noqa: E402
from nameko.messaging import consume as consumes  # noqa: E402
from psycopg2.extras import execute_values  # noqa: E402

from tests.bench.contenders import common  # noqa: E402

WORKERS = 10
CONFIG = {"AMQP_URI": common.BROKER, "max_workers": WORKERS}
EXCHANGE = Exchange("source.events", "topic", durable=True)
QUEUE = Queue(
    "sink.change",
    EXCHANGE,
    "change.reported",
    durable=True,
    queue_arguments={"x-queue-type": "quorum"},
)
OUTBOX = """
CREATE TABLE IF NOT EXISTS outbox (
    position bigserial PRIMARY KEY, event_id text NOT NULL UNIQUE, body bytea NOT NULL,
    published_at timestamptz);
CREATE INDEX IF NOT EXISTS outbox_unpublished ON outbox (position) WHERE published_at IS NULL
"""
INBOX = "CREATE TABLE IF NOT EXISTS inbox (event_id text PRIMARY KEY, at timestamptz DEFAULT now())"
CLAIM = """
SELECT position, body FROM outbox WHERE published_at IS NULL
ORDER BY position LIMIT 1 FOR UPDATE SKIP LOCKED
"""
MARK = "UPDATE outbox SET published_at = now() WHERE position = %s"
ENTER = "INSERT INTO inbox (event_id) VALUES (%s) ON CONFLICT DO NOTHING"
RECORD = "INSERT INTO outbox (event_id, body) VALUES %s"
connections = Pool()


class Sink:
    name = "sink"

    @consumes(QUEUE, requeue_on_error=True)
    def keep_effect(self, event):
        connection = connections.get()
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(ENTER, [event["id"]])
                if cursor.rowcount:
                    cursor.execute(common.INSERT, common.effect(event))
        finally:
            connections.put(connection)


def consume():
    for _ in range(WORKERS):
        connections.put(psycopg2.connect(common.SINK))
    with connections.queue[0] as connection, connection.cursor() as cursor:
        cursor.execute(INBOX)
    container = ServiceContainer(Sink, CONFIG)
    container.start()
    common.answer({"ready": True})
    container.wait()


def relay_one(connection, publisher):
    """Publish one row; whether there was one."""
    with connection, connection.cursor() as cursor:
        cursor.execute(CLAIM)
        if (row := cursor.fetchone()) is None:
            return False
        publisher.publish(bytes(row[1]))
        cursor.execute(MARK, [row[0]])
    return True


def relay(wake):
    connection = psycopg2.connect(common.SOURCE)
    publisher = Publisher(
        common.BROKER,
        exchange=EXCHANGE,
        routing_key="change.reported",
        declare=[QUEUE],
        mandatory=True,
        content_type="application/json",
        content_encoding="utf-8",
        serializer=None,
    )
    while True:
        if not relay_one(connection, publisher):
            wake.get()


def publish():
    connection, wake = psycopg2.connect(common.SOURCE), Pool()
    with connection, connection.cursor() as cursor:
        cursor.execute(OUTBOX)
    eventlet.spawn(relay, wake)

    def burst(numbers):
        rows = [(event["id"], json.dumps(event)) for event in map(common.message, numbers)]
        with connection, connection.cursor() as cursor:
            execute_values(cursor, RECORD, rows, page_size=1000)
        committed = time.time()
        wake.put(True)
        return committed

    def single(number):
        event = common.message(number)
        with connection, connection.cursor() as cursor:
            execute_values(cursor, RECORD, [(event["id"], json.dumps(event))])
        wake.put(True)

    common.obey(burst, single, partial(tpool.execute, sys.stdin.readline))


if __name__ == "__main__":
    {"consume": consume, "publish": publish}[sys.argv[1]]()
