"""Publishers without any database: nameko's own, ours with its window, and none that waits."""

import json
import sys
import time
from functools import partial

import eventlet

eventlet.monkey_patch()

import amqp  # noqa: E402
from eventlet import tpool  # noqa: E402
from kombu import Exchange  # noqa: E402
from nameko.amqp.publish import Publisher  # noqa: E402

from shared.spine.broker import Message  # noqa: E402
from shared.spine.broker.choice import broker_at  # noqa: E402
from shared.spine.broker.link import Link  # noqa: E402
from shared.spine.broker.topology import Topology, event_queue  # noqa: E402
from shared.spine.envelope import CONTENT_TYPE  # noqa: E402
from tests.bench.contenders import common  # noqa: E402

KEY, WINDOW = "change.reported", 500
QUEUE = event_queue("intake", KEY, "scoring", "keep_effect")


def bodies(numbers):
    return [json.dumps(common.message(number)).encode() for number in numbers]


def nameko(ready):
    publisher = Publisher(
        common.BROKER,
        exchange=Exchange(QUEUE.exchange, "topic"),
        routing_key=KEY,
        serializer=None,
        content_type=CONTENT_TYPE,
        content_encoding="binary",
    )
    for body in ready:
        publisher.publish(body)


def window(ready):
    publisher = broker_at(common.BROKER).publisher()
    for first in range(0, len(ready), WINDOW):
        part = [
            Message(QUEUE.exchange, KEY, body, "m", CONTENT_TYPE)
            for body in ready[first : first + WINDOW]
        ]
        assert publisher.publish(part).failure is None
    publisher.close()


def bare(ready):
    """Ends when the broker has answered, on the same channel, what it was asked after the last."""
    link = Link(common.BROKER)
    for body in ready:
        content = amqp.Message(body, content_type=CONTENT_TYPE, delivery_mode=2)
        link.channel.basic_publish(content, QUEUE.exchange, KEY)
    link.channel.queue_declare(QUEUE.name, passive=True)
    link.close()


def publish(way):
    broker_at(common.BROKER).declare(Topology((QUEUE,)))

    def burst(numbers):
        ready, began = bodies(numbers), time.time()
        way(ready)
        return began, time.time()

    common.obey(burst, None, partial(tpool.execute, sys.stdin.readline))


if __name__ == "__main__":
    publish({"nameko": nameko, "window": window, "bare": bare}[sys.argv[1]])
