"""Dead letters on a real RabbitMQ: what it gives up on is parked, seen, and handled in the end."""

import json
from dataclasses import replace

import pika
import pytest
from prometheus_client import generate_latest
from sqlalchemy import text

from deploy.local.process import wait_until
from shared.catalogue import PARTNER_EVENTS
from shared.spine.broker import Message
from shared.spine.broker.topology import dead_letter_queue
from shared.spine.deadletters import OTHER, REASONS
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
    taken, headers = [], []
    failing, before = (), None

    @receives("agency.*.inspection.reported")
    def receive_report(self, session, delivery, context):
        self.headers.append(dict(delivery.headers))
        if Door.before:
            Door.before(session)
        if self.failing:
            raise self.failing[0]
        self.taken.append((delivery.routing_key, delivery.body))


@pytest.fixture
def stack(tmp_path, real_environ):
    Door.taken, Door.headers, Door.before = [], [], None
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
    assert (row.handler, row.event_id, row.source) == ("scoring.keep_programme", event.id, "intake")
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


ODD_DEATHS = (
    "nonsense",
    ["nonsense"],
    [{"queue": "q" * 200, "reason": 7}],
    [{"queue": "evt--" + "h" * 100}],
    [{"routing-keys": {"a": 1}}],
    [{"routing-keys": 5}],
    [{"queue": "evt--\ud800"}],
    [{"queue": "evt--a\0b"}],
    [{"reason": "\ud800"}],
    [{"reason": "r" * 3000}],
)


@pytest.mark.parametrize("body", [b"\xff\x00", b"{}", b"[" * 100_000])
def test_whatever_somebody_puts_among_the_dead_letters_is_parked_too(stack, body):
    stack.deafen()
    publisher = stack.broker.publisher()
    letters = [
        Message("laurel.dead", "scoring", body + b"%d" % number, "m" * 200, "text/plain", headers)
        for number, headers in enumerate(({}, *({"x-death": odd} for odd in ODD_DEATHS)))
    ]
    assert publisher.publish(letters * 2).failure is None
    publisher.close()
    rows = drain(stack, "scoring")
    assert sorted(row.body for row in rows) == sorted(letter.body for letter in letters)
    assert {row.error for row in rows} == {"dead-lettered"}
    generate_latest(REGISTRY)
    reasons = {labels["reason"] for labels in dead_letters_of("scoring")}
    assert reasons <= {*REASONS, OTHER}


def dead_letters_of(service):
    (metric,) = [one for one in REGISTRY.collect() if one.name == "laurel_dead_letters"]
    return [one.labels for one in metric.samples if one.labels["service"] == service]


TYPED = {"n": 5, "flag": True, "none": None, "list": [1, "a"], "table": {"a": 1}, "raw": b"\xff"}


def test_a_retry_knows_the_headers_with_their_types_and_a_discard_is_for_good(stack):
    report = Message(PARTNER_EVENTS, KEY, b"report", new_id(), "application/json", TYPED)
    stack.services["inspection"].failing = [ValueError("not yet")]
    put(stack, report)
    wait_until(lambda: stack.turn() or Door.headers, SECONDS, "the first try")
    (row,) = stack.rows("inspection", parked)
    decide(stack, row, Decision.RETRY)
    told = [{name: headers[name] for name in TYPED} for headers in Door.headers]
    assert len(told) >= 2
    assert all(one == TYPED for one in told)
    (row,) = [one for one in stack.rows("inspection", parked) if one.state == "waiting"]
    decide(stack, row, Decision.DISCARD)
    stack.services["inspection"].failing = []
    put(stack, report)
    put(stack, replace(report, body=b"another"))
    wait_until(lambda: stack.turn() or Door.taken, SECONDS, "the other")
    while stack.turn():
        pass
    assert [body for _key, body in Door.taken] == [b"another"]


FORCED = "DO $$ BEGIN RAISE EXCEPTION 'forced' USING ERRCODE = '{}'; END $$"


@pytest.mark.parametrize("code", ["55P03", "57P01", "25006"])
def test_a_report_that_the_database_failed_is_handled_with_all_it_came_with(stack, code):
    """A lock timeout, a deadlock, a failover: no agency sends its report again for that."""
    forced = text(FORCED.format(code))
    Door.before = lambda session: session.execute(forced)
    report = Message(PARTNER_EVENTS, KEY, b"report", new_id(), "application/json", TYPED)
    put(stack, report)
    wait_until(lambda: stack.turn() or stack.rows("inspection", parked), SECONDS, "a parked row")
    (row,) = stack.rows("inspection", parked)
    assert (row.state, Door.taken) == ("waiting", [])
    Door.before = None
    decide(stack, row, Decision.RETRY)
    assert Door.taken == [(KEY, b"report")]
    assert {name: Door.headers[-1][name] for name in TYPED} == TYPED


def nested(depth):
    headers = {"end": "x"}
    for _ in range(depth):
        headers = {"t": headers}
    return headers


def test_headers_deeper_than_any_stack_cost_their_own_message_also_when_it_dies(stack, amqp_url):
    deep = [nested(depth) for depth in (40, 200, 400)]
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    channel = connection.channel()

    def send(body, headers=None):
        channel.basic_publish(PARTNER_EVENTS, KEY, body, pika.BasicProperties(headers=headers))

    def all_seen():
        while stack.turn():
            pass
        kept = [row.body for row in stack.rows("inspection", parked)]
        return {*kept, *(body for _key, body in Door.taken)}

    for number, headers in enumerate(deep):
        send(b"deep%d" % number, headers)
        send(b"good%d" % number)
    sent = {b"%s%d" % (kind, number) for kind in (b"deep", b"good") for number in range(3)}
    wait_until(lambda: all_seen() >= sent, SECONDS, "all of them")
    assert {body for _key, body in Door.taken} >= {b"good0", b"good1", b"good2"}
    stack.deafen()
    send(b"dead", deep[-1])
    connection.close()
    give_up(stack, DOOR, "inspection")
    assert b"dead" in {row.body for row in drain(stack, "inspection")}


def put(stack, message):
    publisher = stack.broker.publisher()
    outcome = publisher.publish([message])
    publisher.close()
    assert outcome.failure is None


def decide(stack, row, decision):
    with stack.session("inspection") as session:
        decide_one(session, row.id, decision, actor="operator:li", why="so it is")
    stack.retry_parked()


def test_a_routing_key_that_is_no_text_costs_its_own_message(stack, amqp_url):
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    odd = b"agency.\xff\xfe.inspection.reported"
    for key, body in ((odd, b"odd"), *((KEY, b"good%d" % number) for number in range(3))):
        connection.channel().basic_publish(PARTNER_EVENTS, key, body)
    connection.close()
    wait_until(lambda: stack.turn() or len(Door.taken) == 4, SECONDS, "all four")
    while stack.turn():
        pass
    assert sorted(body for _key, body in Door.taken) == [b"good0", b"good1", b"good2", b"odd"]
    assert (r"agency.\xff\xfe.inspection.reported", b"odd") in Door.taken


def test_what_a_sender_says_of_deaths_is_not_believed(stack):
    stack.deafen()
    forged = [
        {
            "queue": "evt-x--inspection.other",
            "reason": "rejected",
            "routing-keys": ["k"],
            "exchange": "e",
            "count": 1,
        }
    ]
    publisher = stack.broker.publisher()
    for headers in ({"x-death": forged}, {"x-death": [{"routing-keys": {"a": 1}}]}):
        message = Message(PARTNER_EVENTS, KEY, b"bad", new_id(), "application/json", headers)
        assert publisher.publish([message]).failure is None
        give_up(stack, DOOR, "inspection")
        rows = drain(stack, "inspection")
        assert {row.handler for row in rows} == {"inspection.receive_report"}
        assert {row.headers["routing_key"] for row in rows} == {KEY}
        stack.deafen()
    publisher.close()
