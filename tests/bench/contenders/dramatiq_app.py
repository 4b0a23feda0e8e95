"""Dramatiq on RabbitMQ: confirmed publishing, persistent, acknowledged after the actor returned.

Classic durable queues: it declares no other kind. No outbox and no inbox. In its favour: one worker
process a core, a deep prefetch (set where it is started), ten publishing threads.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import dramatiq
import psycopg2
from dramatiq.brokers.rabbitmq import RabbitmqBroker

from tests.bench.contenders import common

THREADS = 10
broker = RabbitmqBroker(url=common.BROKER, confirm_delivery=True)
dramatiq.set_broker(broker)
kept = threading.local()


def connection():
    """One for each worker thread, kept open."""
    if not hasattr(kept, "connection"):
        kept.connection = psycopg2.connect(common.SINK)
    return kept.connection


@dramatiq.actor(queue_name="changes", max_retries=3)
def keep_effect(event):
    with connection() as mine, mine.cursor() as cursor:
        cursor.execute(common.INSERT, common.effect(event))


def publish():
    pool = ThreadPoolExecutor(THREADS)

    def single(number):
        keep_effect.send(common.message(number))

    def burst(numbers):
        for _ in pool.map(single, numbers):
            pass

    common.obey(burst, single)


if __name__ == "__main__":
    publish()
