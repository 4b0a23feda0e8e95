"""Declaring the topology on RabbitMQ, as far as our user may; the rest must be there already."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import amqp

from shared.spine.broker.topology import DEAD_LETTERS, Queue, Topology


def declare_topology(connection: Any, topology: Topology) -> None:
    """Declare all of it, idempotently; py-amqp's errors pass through."""
    for step in _steps(topology):
        _declare_or_find(connection, step)


def _steps(topology: Topology) -> Iterator[Callable[[Any, bool], None]]:
    """One step per exchange and queue; called with `passive`, it only looks whether it is there."""
    for exchange in topology.exchanges:
        yield partial(_declare_exchange, name=exchange, kind="topic")
    yield partial(_declare_exchange, name=DEAD_LETTERS, kind="direct")
    for name in topology.dead_letter_queues:
        yield partial(_declare_dead_letter_queue, name=name)
    for queue in topology.queues:
        yield partial(declare_queue, queue=queue)


def _declare_or_find(connection: Any, step: Callable[..., None]) -> None:
    """A user with least rights may not declare what others own; it must be there already."""
    channel = connection.channel()
    try:
        step(channel)
    except amqp.AccessRefused:
        channel = connection.channel()
        step(channel, passive=True)
    channel.close()


def _declare_exchange(channel: Any, passive: bool = False, *, name: str, kind: str) -> None:
    channel.exchange_declare(name, kind, durable=True, auto_delete=False, passive=passive)


def _declare_dead_letter_queue(channel: Any, passive: bool = False, *, name: str) -> None:
    arguments = {"x-queue-type": "quorum"}
    channel.queue_declare(
        name, durable=True, auto_delete=False, arguments=arguments, passive=passive
    )
    if not passive:
        channel.queue_bind(name, DEAD_LETTERS, name.removeprefix("dead--"))


def declare_queue(channel: Any, passive: bool = False, *, queue: Queue) -> None:
    channel.queue_declare(
        queue.name, durable=True, auto_delete=False, arguments=queue.arguments, passive=passive
    )
    if not passive:
        channel.queue_bind(queue.name, queue.exchange, queue.routing_key)
