"""Least rights on a real node: what each broker user may do works, everything else is refused."""

import json

import pika
import pytest
from pika.exceptions import ConnectionClosedByBroker, ProbableAccessDeniedError

from shared.catalogue import AGENCY_RECEIPT, CATALOGUE, SERVICES
from shared.errors import LaurelError
from shared.server import whole_topology
from shared.spine.broker.choice import broker_at
from shared.spine.broker.topology import DEAD_LETTERS, Topology, receipts_queue

pytestmark = pytest.mark.long

WHOLE = whole_topology()
EVENT_EXCHANGES = WHOLE.exchanges
EXCHANGES = (*EVENT_EXCHANGES, "amq.topic", "amq.direct", "amq.fanout", "amq.headers")
RECEIPTS = {code: receipts_queue(code, "inspection") for code in ("A1", "A10")}
QUEUES = {queue.name: queue for queue in (*WHOLE.queues, *RECEIPTS.values())}
NAMES = tuple(QUEUES)
USERS = (*SERVICES, "agency-A1")
REFUSED, FORGED = 403, 406


def own_queues(user):
    """What the user may declare: the queues it consumes, and for inspection those of receipts."""
    return [q for q in QUEUES.values() if q.service == user and q.exchange != DEAD_LETTERS]


def readable(user):
    """The queues that are the user's to read."""
    own = [queue.name for queue in own_queues(user)]
    return [*own, f"dead--{user}"] if user in SERVICES else [RECEIPTS["A1"].name]


def keys(user):
    """(exchange, key) of everything the user may publish."""
    if user not in SERVICES:
        return [
            ("partner.events", f"agency.A1.inspection.{kind}") for kind in ("started", "reported")
        ]
    receipts = [("partner.receipts", "agency.A1.receipt")] if user in AGENCY_RECEIPT.owners else []
    names = [name for name, event in CATALOGUE.items() if user in event.owners]
    own = [
        key
        for q in WHOLE.queues
        for exchange, key in q.bindings
        if exchange == f"{user}.events" and (key.startswith("reconcile.") or key == q.name)
    ]
    return [(f"{user}.events", key) for key in (*names, *own)] + receipts + [(DEAD_LETTERS, user)]


def answers(act, cases):
    return {case: act(case) for case in cases}


def all_are(answer, cases):
    return dict.fromkeys(cases, answer)


@pytest.mark.parametrize("user", USERS)
def test_a_user_publishes_what_is_its_own(node, user):
    def publish(case):
        return node.answer(user, "basic_publish", *case, b"", mandatory=True)

    assert answers(publish, keys(user)) == all_are("allowed", keys(user))


@pytest.mark.parametrize("user", USERS)
def test_a_user_publishes_nothing_else(node, user):
    every_key = [(exchange, key) for other in SERVICES for exchange, key in keys(other)]
    on_every_exchange = [(exchange, key) for exchange in EVENT_EXCHANGES for _, key in every_key]
    partners = [
        ("partner.events", "agency.A10.inspection.reported"),
        ("partner.events", "agency.A1"),
    ]
    elsewhere = [(name, "laurel") for name in EXCHANGES if name.startswith("amq.")]
    past_exchanges = [("", name) for name in NAMES]
    look_alikes = [(exchange, f"x{key}") for exchange, key in keys(user)]
    cases = {*on_every_exchange, *partners, *elsewhere, *past_exchanges, *look_alikes} - set(
        keys(user)
    )
    if user == "agency-A1":
        cases -= {("partner.events", "agency.A1.receipt")}

    assert answers(lambda case: node.answer(user, "basic_publish", *case, b""), cases) == all_are(
        REFUSED, cases
    )


@pytest.mark.parametrize("user", USERS)
def test_a_message_cannot_name_another_user_as_its_sender(node, user):
    def publish_as(sender):
        properties = pika.BasicProperties(user_id=sender)
        return node.answer(user, "basic_publish", *keys(user)[0], b"", properties)

    senders = {*USERS, "agency-A10", "guest"} - {user}
    assert publish_as(user) == "allowed"
    assert answers(publish_as, senders) == all_are(FORGED, senders)


@pytest.mark.parametrize("user", USERS)
def test_a_user_reads_its_own_queues_and_no_other(node, user):
    others = set(NAMES) - set(readable(user))
    for act in ("basic_get", "queue_purge"):
        told = answers(lambda name, act=act: node.answer(user, act, name), NAMES)
        assert told == all_are("allowed", readable(user)) | all_are(REFUSED, others)
    told = answers(lambda name: node.answer(user, "basic_consume", name, print), others)
    assert told == all_are(REFUSED, others)


@pytest.mark.parametrize("user", USERS)
def test_a_user_declares_and_deletes_nothing_of_others(node, user):
    for act in ("queue_declare", "queue_delete"):
        names = {*NAMES, "laurel.mine"} - {queue.name for queue in own_queues(user)}
        told = answers(lambda name, act=act: node.answer(user, act, name), names)
        assert told == all_are(REFUSED, names)
    exchanges = (*EVENT_EXCHANGES, "laurel.mine")
    for act in ("exchange_declare", "exchange_delete"):
        told = answers(lambda name, act=act: node.answer(user, act, name), exchanges)
        assert told == all_are(REFUSED, exchanges)


@pytest.mark.parametrize("user", USERS)
def test_a_user_binds_to_nothing_that_it_does_not_consume(node, user):
    queue = own_queues(user)[0].name if user in SERVICES else RECEIPTS["A1"].name
    consumed = {binding for own in own_queues(user) for binding in own.bindings}
    every_key = {key for own in QUEUES.values() for _, key in own.bindings}
    every_key |= {"#", "*.*", *SERVICES}
    cases = {(exchange, key) for exchange in EXCHANGES for key in every_key} - consumed
    cases -= {("partner.receipts", key) for key in every_key if user in AGENCY_RECEIPT.owners}

    def bind(case):
        return node.answer(user, "queue_bind", queue, *case)

    assert answers(bind, cases) == all_are(REFUSED, cases)


@pytest.mark.parametrize("user", USERS)
def test_a_user_binds_no_queue_and_no_exchange_of_others(node, user):
    others = set(NAMES) - {queue.name for queue in own_queues(user)}
    bound = QUEUES[next(iter(others & set(QUEUES)))]
    told = answers(
        lambda name: node.answer(user, "queue_bind", name, bound.exchange, bound.routing_key),
        others,
    )
    assert told == all_are(REFUSED, others)
    pairs = {(to, of) for to in EXCHANGES for of in EXCHANGES if to != of}
    told = answers(lambda pair: node.answer(user, "exchange_bind", *pair, "#"), pairs)
    assert told == all_are(REFUSED, pairs)


@pytest.mark.parametrize("user", USERS)
def test_a_user_enters_no_other_virtual_host_and_has_no_tag(node, user):
    with pytest.raises((ProbableAccessDeniedError, ConnectionClosedByBroker)):
        pika.BlockingConnection(pika.URLParameters(node.url(user, "/")))
    users = json.loads(node.control("list_users", "--formatter=json"))
    assert {row["user"]: row["tags"] for row in users}[user] == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_makes_its_own_queues_again_when_they_were_deleted(node, service):
    own = own_queues(service)
    for queue in own:
        node.channel(service).queue_delete(queue.name)

    broker_at(node.url(service)).declare(Topology(tuple(own)))

    bindings = json.loads(node.control("list_bindings", "-p", "laurel", "--formatter=json"))
    found = {(b["source_name"], b["routing_key"], b["destination_name"]) for b in bindings}
    wanted = {(exchange, key, queue.name) for queue in own for exchange, key in queue.bindings}
    assert wanted <= found


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_finds_the_whole_topology(node, service):
    broker_at(node.url(service)).declare(WHOLE)


def test_an_agency_may_wait_for_receipts_before_the_first_one(node):
    assert node.answer("agency-A1", "basic_consume", "receipts--A1", print) == "allowed"


def test_importing_again_without_passwords_leaves_logins_and_messages_alone(node, tmp_path):
    queue = "evt-intake-programme.published--scoring.keep_programme"
    node.answer("scoring", "queue_purge", queue)
    node.answer("intake", "basic_publish", "intake.events", "programme.published", b"kept")

    node.import_(node.generated(), tmp_path)

    method, _, body = node.channel("scoring").basic_get(queue, auto_ack=True)
    assert (method.message_count, body) == (0, b"kept")
    pika.BlockingConnection(pika.URLParameters(node.url("agency-A1"))).close()


def test_only_hashes_of_passwords_are_printed(node, tmp_path):
    (tmp_path / "intake").write_text("a good secret\n")
    (tmp_path / "..data").mkdir()
    printed = node.generated("--passwords", str(tmp_path))
    assert [user["name"] for user in printed["users"]] == ["intake"]
    assert "a good secret" not in json.dumps(printed)


def test_a_password_for_an_unknown_user_is_refused(node, tmp_path):
    (tmp_path / "intak").write_text("x")
    with pytest.raises(LaurelError, match=r"Passwords for \['intak'\], but the users are"):
        node.generated("--passwords", str(tmp_path))
