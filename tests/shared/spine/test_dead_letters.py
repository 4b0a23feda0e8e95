"""Dead letters on a real RabbitMQ: what it gives up on is parked, seen, and handled in the end."""

import json

import pytest

from deploy.local.process import wait_until
from shared.catalogue import PARTNER_EVENTS
from shared.spine.broker import Message
from shared.spine.broker.topology import dead_letter_queue
from shared.spine.entrypoints import receives
from shared.spine.envelope import new_id
from shared.spine.parking import decisions
from shared.spine.parking.decisions import Decision, decide_one
from shared.spine.tables import parked
from shared.telemetry import REGISTRY
from shared.web.routes import ServiceApi
from tests.shared.spine.conftest import Stack

SECONDS = 60
KEY = "agency.A1.inspection.reported"
DOOR = "evt-partner-inspection.reported--inspection.receive_report"


class Door(ServiceApi):
    """Takes agencies' messages as they are."""

    name = "inspection"
    taken = []

    @receives("agency.*.inspection.reported")
    def receive_report(self, session, delivery, context):
        self.taken.append((delivery.routing_key, delivery.body))


@pytest.fixture
def stack(tmp_path, real_environ):
    Door.taken = []
    with Stack(tmp_path, real_environ, Door) as stack:
        yield stack


def give_up(stack, queue, service):
    """Give the one message of a queue back until RabbitMQ has had enough."""
    dead = dead_letter_queue(service).name

    def is_dead():
        consumer = stack.broker.consumer(queue, 1)
        consumer.receive(1, 0.5)
        consumer.close()
        return stack.broker.depths([dead])[dead]

    wait_until(is_dead, SECONDS, "a dead letter")


def drain(stack, service):
    stack.listen()
    wait_until(lambda: stack.turn() or stack.rows(service, parked), SECONDS, "a parked row")
    while stack.turn():
        pass
    return stack.rows(service, parked)


def counted(service):
    labels = {"service": service, "reason": "delivery_limit"}
    return REGISTRY.get_sample_value("laurel_dead_letters_total", labels) or 0


def retry(stack, service, parked_id):
    with stack.session(service) as session:
        decide_one(session, parked_id, Decision.RETRY, actor="operator:li", why="")
    assert stack.retry_parked() == 1


def test_an_event_given_back_too_often_is_parked_with_its_reason_and_handled(stack):
    before = counted("scoring")
    stack.deafen()
    (event,) = stack.publish("2020")
    for relay in stack.relays():
        relay.publish_window()
    give_up(stack, stack.queue, "scoring")
    (row,) = drain(stack, "scoring")
    assert (row.handler, row.event_id, row.source) == (
        "scoring.keep_programme", event.id, "intake",
    )  # fmt: skip
    assert (row.state, row.error) == ("waiting", "dead-lettered")
    assert row.detail == f"The broker took it out of {stack.queue}: delivery_limit."
    assert counted("scoring") == before + 1
    retry(stack, "scoring", row.id)
    assert stack.effects() == ["2020"]
    with stack.session("scoring") as session:
        steps = [step["what"] for step in decisions.history(session, row.id)]
    assert steps == ["parked", "retry asked", "handled"]


def test_an_agencys_message_keeps_its_own_routing_key(stack):
    stack.deafen()
    publisher = stack.broker.publisher()
    body = json.dumps({"any": "thing"}).encode()
    message = Message(PARTNER_EVENTS, KEY, body, new_id(), "application/json")
    assert publisher.publish([message]).failure is None
    publisher.close()
    give_up(stack, DOOR, "inspection")
    (row,) = drain(stack, "inspection")
    assert (row.handler, row.headers["routing_key"]) == ("inspection.receive_report", KEY)
    assert (row.event_id, row.source, row.body) == (message.id, None, body)
    retry(stack, "inspection", row.id)
    assert Door.taken == [(KEY, body)]


def test_an_event_that_died_is_not_missing_and_not_sent_again(stack):
    stack.deafen()
    stack.publish("2020")
    for relay in stack.relays():
        relay.publish_window()
    give_up(stack, stack.queue, "scoring")
    drain(stack, "scoring")
    with pytest.raises(AssertionError, match="dead-lettered"):
        stack.reconcile()
    assert len(stack.parked_rows()) == 1


@pytest.mark.parametrize("body", [b"\xff\x00", b"{}", b"[" * 100_000])
def test_whatever_somebody_puts_among_the_dead_letters_is_parked_too(stack, body):
    stack.deafen()
    publisher = stack.broker.publisher()
    odd = {"x-death": [{"queue": "q" * 200, "reason": 7}]}
    letters = [
        Message("laurel.dead", "scoring", body, "m" * 200, "text/plain", headers)
        for headers in ({}, odd, {"x-death": "nonsense"}, {"x-death": ["nonsense"]})
    ]
    assert publisher.publish(letters).failure is None
    publisher.close()
    rows = drain(stack, "scoring")
    assert [row.body for row in rows] == [body] * len(letters)
    assert {row.error for row in rows} == {"dead-lettered"}
