"""Declaring the topology on RabbitMQ, as far as our user may; the rest must be there already."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import amqp

from shared.spine.broker.topology import Queue, Topology


def declare_topology(connection: Any, topology: Topology) -> None:
    """Declare all of it, idempotently; py-amqp's errors pass through."""
    for step in _steps(topology):
        _declare_or_find(connection, step)


def _steps(topology: Topology) -> Iterator[Callable[[Any, bool], None]]:
    """One step per exchange and queue; called with `passive`, it only looks whether it is there."""
    for exchange in topology.exchanges:
        yield partial(_declare_exchange, name=exchange)
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


def _declare_exchange(channel: Any, passive: bool = False, *, name: str) -> None:
    channel.exchange_declare(name, "topic", durable=True, auto_delete=False, passive=passive)


def declare_queue(channel: Any, passive: bool = False, *, queue: Queue) -> None:
    """Declare and bind one queue, or with `passive` make sure that it is there."""
    channel.queue_declare(
        queue.name,
        durable=True,
        auto_delete=False,
        arguments=dict(queue.arguments),
        passive=passive,
    )
    for exchange, key in () if passive else queue.bindings:
        channel.queue_bind(queue.name, exchange, key)
