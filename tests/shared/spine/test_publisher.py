"""Publishing on a real broker: what is not confirmed for certain is published again."""

from functools import partial

import amqp
import pytest

from shared.spine.broker import Message
from shared.spine.broker.amqp import AmqpBroker
from shared.spine.broker.link import Link
from shared.spine.broker.topology import Topology, event_queue
from shared.spine.envelope import new_id

QUEUE = event_queue("intake", "programme.published", "scoring", "keep_programme")
CONFIRM_SECONDS = 0.5
LATE_SECONDS = 30


def messages(*bodies, key=QUEUE.routing_key):
    return [Message(QUEUE.exchange, key, body.encode(), new_id(), "text/plain") for body in bodies]


class Near:
    """A broker by way of the proxy, and a look into its queue from the other side."""

    def __init__(self, proxy, url):
        self.proxy = proxy
        self.url = proxy.url(url)
        self.broker = AmqpBroker(self.url, CONFIRM_SECONDS)
        self._direct = AmqpBroker(url, 10)
        self._direct.declare(Topology((QUEUE,)))

    def bodies(self, count):
        """What waits in the queue, in order, taken off it."""
        consumer, found = self._direct.consumer(QUEUE.name, 1000), []
        while arrived := consumer.receive(200, 5 if len(found) < count else 0.1):
            found += [delivery.body.decode() for delivery in arrived]
            consumer.ack(arrived[-1])
        consumer.close()
        return found

    def is_empty(self):
        return self._direct.depths([QUEUE.name]) == {QUEUE.name: 0}


@pytest.fixture
def near(proxy, amqp_url):
    return Near(proxy, amqp_url)


@pytest.fixture
def publisher(near):
    publisher = near.broker.publisher()
    yield publisher
    publisher.close()


def test_a_window_is_sent_before_the_first_confirm_is_awaited(near, publisher):
    near.proxy.answers.hold()
    outcome = publisher.publish(messages(*"abc"))
    assert outcome.confirmed == []
    assert outcome.failure == "timeout: no confirm; 3 messages unconfirmed"
    assert near.bodies(3) == ["a", "b", "c"]


def test_a_window_is_confirmed_as_a_whole(near, publisher):
    bodies = [str(number) for number in range(700)]
    outcome = publisher.publish(messages(*bodies))
    assert sorted(outcome.confirmed) == list(range(700))
    assert outcome.failure is None
    assert near.bodies(700) == bodies


def test_a_late_confirm_does_not_confirm_another_message(near, publisher):
    near.proxy.answers.hold()
    assert publisher.publish(messages("first")).confirmed == []
    near.proxy.requests.hold()
    near.proxy.answers.open()
    outcome = publisher.publish(messages("second"))
    assert outcome.confirmed == []
    assert outcome.failure == "timeout: no confirm; 1 messages unconfirmed"
    assert near.bodies(1) == ["first"]


def test_py_amqp_alone_takes_a_late_confirm_for_its_own(near):
    """The trap that our own confirms are for; should this fail one day, they could go."""
    link = Link(near.url)
    publish = partial(link.channel.basic_publish_confirm, exchange="", routing_key=QUEUE.name)
    near.proxy.answers.hold()
    link.channel.confirm_select(nowait=True)
    link.channel._confirm_selected = True
    with pytest.raises(TimeoutError):
        publish(amqp.Message(b"first"), confirm_timeout=CONFIRM_SECONDS)
    near.proxy.requests.hold()
    near.proxy.answers.open()
    publish(amqp.Message(b"second"), confirm_timeout=LATE_SECONDS)
    assert near.bodies(1) == ["first"]
    link.close()


def test_a_black_hole_is_left_at_the_deadline(near, publisher):
    near.proxy.swallow()
    outcome = publisher.publish(messages("a"))
    assert outcome.failure == "timeout: no confirm; 1 messages unconfirmed"
    publisher.close()
    assert near.is_empty()


def test_a_reset_connection_is_an_outcome_and_not_a_crash(near, publisher):
    near.proxy.cut()
    outcome = publisher.publish(messages("a"))
    assert outcome.confirmed == []
    assert outcome.failure.startswith("connection: ")
