"""Celery on a quorum queue: `acks_late`, rejected when a worker is lost, confirms, persistent.

No outbox and no inbox. In its favour: one worker process a core, a deep prefetch, no results, no
gossip, ten publishing threads, and more patience with a busy broker than its three tries at once.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import psycopg2
from celery import Celery

from tests.bench.contenders import common

THREADS = 10
app = Celery("bench", broker=common.BROKER)
app.conf.update(
    task_default_queue="changes",
    task_default_queue_type="quorum",
    task_default_exchange_type="topic",
    broker_transport_options={"confirm_publish": True},
    broker_pool_limit=THREADS,
    broker_connection_timeout=30,
    task_publish_retry_policy={"max_retries": 30, "interval_step": 0.2, "interval_max": 1},
    worker_detect_quorum_queues=True,
    worker_prefetch_multiplier=common.PREFETCH // 2,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
)


@cache
def connection(_process):
    """One for each worker process, kept open."""
    return psycopg2.connect(common.SINK)


@app.task(name="keep_effect")
def keep_effect(event):
    with connection(os.getpid()) as mine, mine.cursor() as cursor:
        cursor.execute(common.INSERT, common.effect(event))


def publish():
    pool = ThreadPoolExecutor(THREADS)

    def single(number):
        keep_effect.delay(common.message(number))

    def burst(numbers):
        for _ in pool.map(single, numbers):
            pass

    common.obey(burst, single)


if __name__ == "__main__":
    publish()
