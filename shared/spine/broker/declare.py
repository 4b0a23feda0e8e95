"""Declaring the topology on RabbitMQ, as far as our user may; the rest must be there already."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import amqp

from shared.spine.broker.topology import Queue, Topology


def declare_topology(connection: Any, topology: Topology) -> None:
    """Declare all of it, idempotently; py-amqp's errors pass through."""
    channel = connection.channel()
    for step in _steps(topology):
        channel = _declare_or_find(connection, channel, step)
    channel.close()


def _steps(topology: Topology) -> Iterator[Callable[[Any, bool], None]]:
    """One step per exchange and queue; called with `passive`, it only looks whether it is there."""
    for exchange in topology.exchanges:
        yield partial(_declare_exchange, name=exchange)
    for queue in topology.queues:
        yield partial(declare_queue, queue=queue)


def _declare_or_find(connection: Any, channel: Any, step: Callable[..., None]) -> Any:
    """A user with least rights may not declare what others own; it must be there already.

    Returns a channel to go on with: a refusal closes the one it came on.
    """
    try:
        step(channel)
    except amqp.AccessRefused:
        channel = connection.channel()
        step(channel, passive=True)
    return channel


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
