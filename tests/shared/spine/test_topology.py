"""The queues as RabbitMQ has them."""

import json
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from deploy.local.process import wait_until
from shared.catalogue import SERVICES
from shared.server import whole_topology
from shared.spine.broker import BrokerError, Message
from shared.spine.broker.choice import broker_at
from shared.spine.broker.topology import Topology, dead_letter_queue, event_queue
from shared.spine.envelope import new_id

QUEUE = event_queue("intake", "programme.published", "scoring", "keep_programme")
DEAD = "dead--scoring"


def listed(broker, url, what, *columns):
    vhost = urlsplit(url).path.removeprefix("/")
    return json.loads(broker.control(what, "-p", vhost, *columns, "--formatter", "json"))


def test_every_queue_keeps_what_it_is_given(private_broker, amqp_url):
    topology = whole_topology()
    broker_at(amqp_url).declare(topology)
    columns = ("name", "type", "durable", "auto_delete", "arguments")
    found = {row["name"]: row for row in listed(private_broker, amqp_url, "list_queues", *columns)}
    assert found.keys() == {queue.name for queue in topology.queues}
    for row in found.values():
        assert (row["type"], row["durable"], row["auto_delete"]) == ("quorum", True, False)
    for queue in (q for q in topology.queues if q.name.startswith("evt-")):
        arguments = {name: value for name, _type, value in found[queue.name]["arguments"]}
        assert arguments == {
            "x-queue-type": "quorum",
            "x-delivery-limit": 20,
            "x-dead-letter-exchange": "laurel.dead",
            "x-dead-letter-routing-key": queue.service,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }


def test_a_message_given_back_too_often_is_dead_lettered_and_not_dropped(amqp_url):
    broker = broker_at(amqp_url)
    broker.declare(Topology((QUEUE, dead_letter_queue("scoring"))))
    publisher = broker.publisher()
    message = Message(QUEUE.exchange, QUEUE.routing_key, b"again", new_id(), "text/plain")
    assert publisher.publish([message]).failure is None
    publisher.close()
    wait_until(lambda: crash_with_one(broker) or broker.depths([DEAD])[DEAD], 60, "a dead letter")
    consumer = broker.consumer(DEAD, 1)
    (dead,) = consumer.receive(1, 10)
    consumer.close()
    assert dead.body == b"again"
    assert dead.headers["x-death"][0]["reason"] == "delivery_limit"


def crash_with_one(broker):
    consumer = broker.consumer(QUEUE.name, 1)
    consumer.receive(1, 1)
    consumer.close()


def test_a_queue_that_is_there_with_other_arguments_is_an_error_that_names_it(amqp_url):
    broker = broker_at(amqp_url)
    broker.declare(Topology((QUEUE, dead_letter_queue("scoring"))))
    other = replace(QUEUE, arguments={"x-queue-type": "classic"})
    with pytest.raises(BrokerError, match=f"inequivalent arg .* queue '{QUEUE.name}'"):
        broker.declare(Topology((other,)))


def test_each_queue_is_made_by_whoever_feeds_it_before_it_does():
    whole = whole_topology()
    fed = {service: {q.name for q in whole.fed_by(service).queues} for service in SERVICES}
    for service, names in fed.items():
        own = {name for name in names if name.startswith("evt-")}
        assert all(name.startswith(f"evt-{service}-") for name in own)
        assert names - own >= {f"dead--{other}" for other in SERVICES}
        assert {n for n in names if n.startswith("reconcile--")} == {
            f"reconcile--{other}" for other in SERVICES if other != service
        }
    unfed = {queue.name for queue in whole.queues} - set.union(*fed.values())
    assert unfed == {name for name in unfed if name.startswith("evt-partner-")}
