"""nameko as it comes: event dispatcher and event handler, no outbox, no inbox; classic queues.

What a handler raises is acknowledged all the same, and what nobody is bound to vanishes. In its
favour: eleven dispatching threads share its pool of connections, and the handler keeps its database
connections open.
"""

import sys
from functools import partial

import eventlet

eventlet.monkey_patch()

import psycopg2  # noqa: E402
from eventlet import tpool  # noqa: E402
from eventlet.greenpool import GreenPool  # noqa: E402
from eventlet.queue import Queue  # noqa: E402
from nameko.containers import ServiceContainer  # noqa: E402
from nameko.events import event_handler  # noqa: E402
from nameko.standalone.events import event_dispatcher  # noqa: E402

from tests.bench.contenders import common  # noqa: E402

WORKERS = 10
CONFIG = {"AMQP_URI": common.BROKER, "max_workers": WORKERS}
connections = Queue()


class Sink:
    name = "sink"

    @event_handler("source", "change.reported")
    def keep_effect(self, event):
        connection = connections.get()
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(common.INSERT, common.effect(event))
        finally:
            connections.put(connection)


def consume():
    for _ in range(WORKERS):
        connections.put(psycopg2.connect(common.SINK))
    container = ServiceContainer(Sink, CONFIG)
    container.start()
    common.answer({"ready": True})
    container.wait()


def publish():
    dispatch = event_dispatcher(CONFIG)
    pool = GreenPool(WORKERS + 1)

    def single(number):
        dispatch("source", "change.reported", common.message(number))

    def burst(numbers):
        for _ in pool.imap(single, numbers):
            pass

    common.obey(burst, single, partial(tpool.execute, sys.stdin.readline))


if __name__ == "__main__":
    {"consume": consume, "publish": publish}[sys.argv[1]]()
