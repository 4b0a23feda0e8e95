"""The guards between an outbox and its queues, and the fault aimed at each."""

from contextlib import suppress

import amqp

from shared.spine import relay
from shared.spine.broker.amqp import AmqpPublisher
from shared.spine.broker.choice import broker_at
from shared.spine.relay import Relay, RelayError
from tests.chaos import oracle
from tests.chaos.guards import NAMES, guard, replaced

SENT_TWICE = "sent twice"


def no_wait_for_confirms(bench):
    def take_as_confirmed(publisher):
        publisher._confirmed += list(publisher._waiting.values())

    return replaced(AmqpPublisher, "_await_confirms", take_as_confirmed)


@guard(
    "confirm before mark", "a black hole in front of the broker", no_wait_for_confirms, quick=True
)
def swallow_a_window(bench):
    one = bench.relay(broker=broker_at(bench.environ["LAUREL_BROKER_URL"], confirm_timeout=1))
    one.publish_window()
    bench.publish(*NAMES)
    bench.proxy.swallow()
    bench.relay_some(one, times=1)
    bench.proxy.cut()
    bench.proxy.pass_on()
    bench.listen()


def not_mandatory(bench):
    publish = amqp.Channel.basic_publish

    def optional(channel, *args, **kwargs):
        return publish(channel, *args, **kwargs | {"mandatory": False})

    return replaced(amqp.Channel, "basic_publish", optional)


@guard("mandatory", "the queue is deleted under an open relay", not_mandatory)
def delete_the_queue(bench):
    bench.relay_some()
    bench.deafen()
    bench.on_queue(lambda channel: channel.queue_delete(bench.queue))
    bench.publish(*NAMES)
    bench.relay_some()
    bench.listen()


def keep_the_channel(bench):
    return replaced(Relay, "close", lambda _relay: None)


@guard("channel thrown away", "every connection is reset", keep_the_channel)
def reset_connections(bench):
    bench.relay_some()
    bench.publish(*NAMES)
    bench.proxy.cut()
    bench.listen()


def no_declaration(bench):
    def open_only(one):
        one._publisher = one._publisher or one._broker.publisher()
        return one._publisher

    return replaced(Relay, "_open", open_only)


@guard("topology declared first", "the queue is deleted while its consumer is away", no_declaration)
def publish_to_nobody(bench):
    bench.deafen()
    bench.on_queue(lambda channel: channel.queue_delete(bench.queue))
    bench.publish(*NAMES)
    bench.relay_some()
    bench.note(oracle.UNPUBLISHED, bench.unpublished())
    bench.listen()


def no_row_locks(bench):
    claims = tuple(claim._generate() for claim in relay.LANES["outbox"])
    for claim in claims:
        claim._for_update_arg = None
    return replaced(relay.LANES, "outbox", claims)


class Meanwhile:
    """A broker whose publisher lets something else happen first."""

    def __init__(self, broker, happens):
        self._broker, self._happens = broker, happens

    def declare(self, topology):
        self._broker.declare(topology)

    def publisher(self):
        publisher = self._broker.publisher()
        publish = publisher.publish

        def later(messages):
            self._happens()
            return publish(messages)

        publisher.publish = later
        return publisher


@guard("locks in flight", "two replicas' relays publish at the same time", no_row_locks)
def publish_side_by_side(bench):
    bench.deafen()
    bench.publish(*NAMES)
    other = bench.relay()
    one = bench.relay(broker=Meanwhile(bench.broker, other.publish_window))
    with suppress(RelayError):
        one.publish_window()
    bench.note(SENT_TWICE, bench.take_all()[len(NAMES) :])
    one.close()
    other.close()
    bench.listen()
